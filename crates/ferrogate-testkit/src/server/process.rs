//! A server's process.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A process that ends with this value, or with this process however that ends.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
}

/// Runs the server and ends it when the standard input does: the kernel closes that, whatever becomes of the tests.
const UNTIL_EOF: &str = r#""$@" </dev/null & server=$!
(cat >/dev/null; kill -INT $server) <&3 3<&- &
exec 3<&-; wait $server"#;

impl Process {
    /// Starts a server with its outputs in a file. As root, it runs as somebody else: PostgreSQL insists.
    pub(super) fn start(program: &Path, arguments: &[&OsStr], log: &Path) -> Self {
        let log = std::fs::File::create(log).expect("the temporary folder is writable");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("exec 3<&0; {UNTIL_EOF}"), "sh"]);
        if is_root() {
            command.args(AS_NOBODY);
        }
        let mut child = command
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a file can be had twice"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("starting {}: {error}", program.display()));
        let stdin = child.stdin.take();
        Self { child, stdin }
    }

    /// Runs a program of the server's to its end.
    pub(super) fn run(program: &Path, arguments: &[&OsStr]) {
        let mut command = if is_root() {
            let mut command = Command::new(AS_NOBODY[0]);
            command.args(&AS_NOBODY[1..]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let output = command
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("running {}: {error}", program.display()));
        assert!(
            output.status.success(),
            "{}: {}",
            program.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Waits until it has logged this text. Says no when it ends before, as it does where its port is taken.
    pub(super) fn is_ready(&mut self, log: &Path, text: &str) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let logged = std::fs::read_to_string(log).expect("its log is there");
            if logged.contains(text) {
                return true;
            }
            if self.child.try_wait().expect("it is our child").is_some() {
                return false;
            }
            assert!(
                Instant::now() < deadline,
                "the server is not ready: {logged}"
            );
            std::thread::yield_now();
        }
    }

    /// Ends it and waits.
    pub(super) fn stop(&mut self) {
        drop(self.stdin.take());
        self.child.wait().expect("it is our child");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

const NOBODY: u32 = 65_534;
const AS_NOBODY: [&str; 4] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
];

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    let ours = std::fs::metadata("/proc/self");
    ours.expect("Linux tells about processes").uid() == 0
}

/// A temporary folder that belongs to whoever a server runs as.
pub(super) fn folder_for_server() -> TempDir {
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    give_to_server(folder.path());
    folder
}

/// Makes a file or a folder the server's own.
pub(super) fn give_to_server(path: &Path) {
    if is_root() {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("root gives files away");
    }
}
