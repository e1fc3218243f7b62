//! A process in the making.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::gateway::{Finished, Gateway};

/// A run of the binary in the making, in a temporary folder of its own.
#[derive(Debug)]
pub struct Launch {
    binary: PathBuf,
    folder: TempDir,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    stdin: Option<String>,
    inherited: Option<OwnedFd>,
}

/// How a process was started, to start it again.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    binary: PathBuf,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl Recipe {
    /// The same without a variable.
    pub(crate) fn without(mut self, variable: &str) -> Self {
        self.environment.retain(|(name, _)| name != variable);
        self
    }

    /// Starts the same again in a folder.
    pub(crate) fn start_in(self, folder: TempDir) -> Gateway {
        let launch = Launch {
            binary: self.binary,
            folder,
            environment: self.environment,
            arguments: self.arguments,
            stdin: None,
            inherited: None,
        };
        let mut gateway = launch.spawn();
        gateway.wait_ready();
        gateway
    }

    /// Starts the same in a folder that another process has.
    pub(crate) fn start_beside(self, folder: &Path) -> Gateway {
        let mut command = Command::new(&self.binary);
        self.prepare(&mut command, folder);
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("starting {}: {error}", self.binary.display()));
        Gateway::adopt(child, None, None, self)
    }

    fn prepare(&self, command: &mut Command, folder: &Path) {
        let environment = self.environment.iter();
        command
            .args(&self.arguments)
            .current_dir(folder)
            .env_clear()
            .env("HOME", folder)
            .envs(environment.map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
    }
}

/// Moves the standard input to descriptor 3 and becomes the program that follows.
const INHERIT: &str = r#"exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@""#;

/// The name of the configuration file.
const CONFIG: &str = "Caddyfile";

impl Launch {
    /// A run of this binary.
    pub fn new(binary: impl AsRef<Path>) -> Self {
        let folder = tempfile::tempdir().expect("the temporary folder is writable");
        Self {
            binary: binary.as_ref().to_owned(),
            folder,
            environment: Vec::new(),
            arguments: Vec::new(),
            stdin: None,
            inherited: None,
        }
    }

    /// A run with a Caddyfile.
    pub fn caddyfile(binary: impl AsRef<Path>, text: &str) -> Self {
        Self::new(binary).file(CONFIG, text)
    }

    /// A run with one site in the clear on a loopback port that the system chooses.
    pub fn site(binary: impl AsRef<Path>, directives: &str) -> Self {
        Self::site_with(binary, "", directives)
    }

    /// A run with global options and one site in the clear on a loopback port that the system chooses.
    pub fn site_with(binary: impl AsRef<Path>, global: &str, directives: &str) -> Self {
        let text = format!(
            "{{\n\tdefault_bind 127.0.0.1\n\tworkers 2\n{global}\n}}\n\nhttp://:0 {{\n{directives}\n}}\n"
        );
        Self::caddyfile(binary, &text)
    }

    /// Writes a file into the run's folder.
    pub fn file(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.folder.path().join(name);
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, contents))
            .expect("the temporary folder is writable");
        self
    }

    /// The run's folder, which is also its working directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a variable. Nothing of the test's own environment but `PATH` reaches the process.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives the process something to read.
    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.to_owned());
        self
    }

    /// Hands the process a listening socket as its descriptor 3, announced as systemd does it (sd_listen_fds(3)).
    pub fn inherit(mut self, socket: impl Into<OwnedFd>) -> Self {
        self.inherited = Some(socket.into());
        self
    }

    /// Runs a command to its end.
    pub fn command(self, arguments: &[&str]) -> Finished {
        self.begin(arguments).wait_exit()
    }

    /// Begins a command that goes on until it is ended.
    pub fn begin(mut self, arguments: &[&str]) -> Gateway {
        self.arguments = arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect();
        self.spawn()
    }

    /// Starts the gateway on its Caddyfile and waits until it is ready or has ended; says which.
    pub fn try_start(mut self) -> (Gateway, bool) {
        self.arguments = ["run", "-c", CONFIG].map(str::to_owned).to_vec();
        let mut gateway = self.spawn();
        let ready = gateway.is_ready();
        (gateway, ready)
    }

    /// Starts the gateway on its Caddyfile and waits until it is ready.
    pub fn start(self) -> Gateway {
        self.start_with(CONFIG)
    }

    /// The same, reading its file again when that changes.
    pub fn start_watching(mut self) -> Gateway {
        self.arguments = ["run", "--watch", "-c", CONFIG].map(str::to_owned).to_vec();
        let mut gateway = self.spawn();
        gateway.wait_ready();
        gateway
    }

    /// Starts the gateway on another configuration file of the folder and waits until it is ready.
    pub fn start_with(mut self, config: &str) -> Gateway {
        self.arguments = ["run", "-c", config].map(str::to_owned).to_vec();
        let mut gateway = self.spawn();
        gateway.wait_ready();
        gateway
    }

    fn spawn(self) -> Gateway {
        let recipe = Recipe {
            binary: self.binary.clone(),
            environment: self.environment.clone(),
            arguments: self.arguments.clone(),
        };
        let inherits = self.inherited.is_some();
        let stdin = match (&self.stdin, self.inherited) {
            // The standard library passes nothing but the three standard streams.
            (_, Some(socket)) => Stdio::from(socket),
            (Some(_), None) => Stdio::piped(),
            (None, None) => Stdio::null(),
        };
        let mut command = if inherits {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", INHERIT]).arg(&self.binary);
            shell
        } else {
            Command::new(&self.binary)
        };
        recipe.prepare(&mut command, self.folder.path());
        command.stdin(stdin);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("starting {}: {error}", self.binary.display()));
        Gateway::adopt(child, Some(self.folder), self.stdin, recipe)
    }
}
