//! The two programs, each serving one file.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use ferrogate_testkit::{Gateway, Launch, PATIENCE};
use tempfile::TempDir;

/// The gateway.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

/// A loopback address for each program of a case, and a port that is free on both.
///
/// Connections leave from 127.0.0.1, so nothing else comes to use these addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    pub(crate) caddy: Ipv4Addr,
    pub(crate) ours: Ipv4Addr,
    pub(crate) port: u16,
    /// For files with two listeners.
    pub(crate) other_port: u16,
}

impl Places {
    /// The places of the case with this number.
    pub(crate) fn of(number: usize) -> Self {
        let [.., process] = std::process::id().to_be_bytes();
        let number = u8::try_from(number).expect("at most 256 cases");
        // 127.0 is left to everybody else.
        let [caddy, ours] =
            [1, 2].map(|program| Ipv4Addr::new(127, process.max(1), number, program));
        let held: Vec<_> = std::iter::repeat_with(|| TcpListener::bind((caddy, 0)))
            .map(|bound| bound.expect("a free port"))
            .map(|bound| (bound.local_addr().expect("it is bound").port(), bound))
            .filter(|(port, _)| TcpListener::bind((ours, *port)).is_ok())
            .take(2)
            .collect();
        Self {
            caddy,
            ours,
            port: held[0].0,
            other_port: held[1].0,
        }
    }

    pub(crate) fn caddy(&self) -> SocketAddr {
        (self.caddy, self.port).into()
    }

    pub(crate) fn ours(&self) -> SocketAddr {
        (self.ours, self.port).into()
    }
}

/// Starts the gateway.
pub(crate) fn ferrogate(text: &str, environment: &[(String, String)]) -> Gateway {
    environment
        .iter()
        .fold(Launch::caddyfile(BIN, text), |launch, (name, value)| {
            launch.env(name, value)
        })
        .start()
}

/// Whether there is a `caddy` to compare with.
pub(crate) fn has_caddy() -> bool {
    Command::new("caddy")
        .arg("version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A running `caddy`, killed when dropped.
#[derive(Debug)]
pub(crate) struct Caddy {
    child: Child,
    _folder: TempDir,
}

impl Caddy {
    pub(crate) fn start(text: &str, environment: &[(String, String)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("Caddyfile"), text).expect("the folder is ours");
        let mut child = command(folder.path())
            .envs(environment.iter().cloned())
            .spawn()
            .expect("caddy is installed");
        let log = child.stderr.take().expect("standard error is piped");
        let caddy = Self {
            child,
            _folder: folder,
        };
        if let Err(log) = ready(log) {
            panic!("caddy does not start:\n{log}\n{text}");
        }
        caddy
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new("caddy");
    command
        .args(["run", "--adapter", "caddyfile", "--config", "Caddyfile"])
        .current_dir(folder)
        .env("HOME", folder)
        .env("XDG_DATA_HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        // Each of many processes; a page of garbage more or less does not matter.
        .env("GOMAXPROCS", "2")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Waits for a log to tell that the program serves; what follows is read, so that the program can go on writing.
fn ready(log: impl Read + Send + 'static) -> Result<(), String> {
    let (tell, wait) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut before = String::new();
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if line.contains("serving initial configuration") {
                // Nobody waits any more when it took too long.
                let _told = tell.try_send(Ok(())).is_ok();
            }
            before.push_str(&line);
            before.push('\n');
        }
        let _told = tell.try_send(Err(before)).is_ok();
    });
    wait.recv_timeout(PATIENCE)
        .unwrap_or_else(|_| Err("it is silent".to_owned()))
}

impl Drop for Caddy {
    fn drop(&mut self) {
        // It may have ended already.
        let _killed = self.child.kill().is_ok();
        let _reaped = self.child.wait().is_ok();
    }
}
