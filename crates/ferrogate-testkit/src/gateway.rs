//! A running gateway.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::PATIENCE;
use crate::launch::Recipe;
use crate::lines::Lines;

/// A running gateway; it is killed when it is dropped, and shows its log when the test fails.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    /// Nothing once another process has it.
    folder: Option<TempDir>,
    recipe: Recipe,
    stdout: Lines,
    stderr: Lines,
    listeners: Vec<Bound>,
}

/// A listener, as the log tells it.
#[derive(Clone, Debug)]
struct Bound {
    configured: String,
    address: SocketAddr,
}

/// What a process that ended left behind.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Finished {
    /// The run, if it ended with this code; fails the test otherwise, with what it wrote.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

impl Gateway {
    pub(crate) fn adopt(
        mut child: Child,
        folder: Option<TempDir>,
        stdin: Option<String>,
        recipe: Recipe,
    ) -> Self {
        let stdout = Lines::collect(child.stdout.take().expect("standard output is piped"));
        let stderr = Lines::collect(child.stderr.take().expect("standard error is piped"));
        if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
            // A process that ends without reading closes the pipe, and its exit code tells the rest.
            let _written = pipe.write_all(text.as_bytes()).is_ok();
        }
        Self {
            child,
            folder,
            recipe,
            stdout,
            stderr,
            listeners: Vec::new(),
        }
    }

    pub(crate) fn wait_ready(&mut self) {
        assert!(
            self.is_ready(),
            "the gateway is not ready:\n{}",
            self.stderr.so_far()
        );
    }

    /// Waits until it is ready, or has ended; says which.
    pub(crate) fn is_ready(&mut self) -> bool {
        let listeners = self.stderr.wait(PATIENCE, |lines| {
            let entries: Vec<Value> = lines
                .iter()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect();
            entries
                .iter()
                .any(|entry| entry["msg"] == "ready")
                .then(|| {
                    entries
                        .iter()
                        .filter(|entry| entry["msg"] == "listening")
                        .filter_map(Bound::read)
                        .collect()
                })
        });
        let ready = listeners.is_some();
        self.listeners = listeners.unwrap_or_default();
        ready
    }

    /// Where its first listener is.
    pub fn address(&self) -> SocketAddr {
        self.listeners
            .first()
            .map(|bound| bound.address)
            .expect("the gateway listens")
    }

    /// Where its last listener is: the admin listener comes behind the others.
    pub fn last_address(&self) -> SocketAddr {
        self.listeners
            .last()
            .map(|bound| bound.address)
            .expect("the gateway listens")
    }

    /// Where the listener is that was configured as this.
    pub fn address_of(&self, configured: &str) -> SocketAddr {
        let found = self
            .listeners
            .iter()
            .find(|bound| bound.configured == configured);
        found.map_or_else(
            || panic!("no {configured} in {:?}", self.listeners),
            |bound| bound.address,
        )
    }

    /// Its working directory.
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new(""), TempDir::path)
    }

    /// Ends it with a signal by its name, such as `KILL`, and starts it again on what it left behind.
    #[must_use]
    pub fn restart(self, signal: &str) -> Self {
        self.restart_after(signal, |_| ())
    }

    /// The same, with something done to its folder while no process has it.
    #[must_use]
    pub fn restart_after(mut self, signal: &str, change: impl FnOnce(&Path)) -> Self {
        self.signal(signal);
        self.wait_status(PATIENCE);
        let folder = self.folder.take().expect("nobody else has the folder");
        change(folder.path());
        self.recipe.clone().start_in(folder)
    }

    /// Ends it with SIGTERM, if it has not ended by itself; its exit code, unless a signal ended it.
    pub fn end(&mut self) -> Option<i32> {
        let script = format!("kill -s TERM {} 2>/dev/null", self.child.id());
        // It may have ended a moment ago.
        let _sent = Command::new("/bin/sh")
            .args(["-c", &script])
            .status()
            .is_ok();
        self.wait_status(PATIENCE).code()
    }

    /// Starts it again, after it has ended, without a variable, on what it left behind.
    #[must_use]
    pub fn again_without(mut self, variable: &str) -> Self {
        let folder = self.folder.take().expect("nobody else has the folder");
        self.recipe.clone().without(variable).start_in(folder)
    }

    /// Runs the same once more in the same folder, to its end: a second process beside it.
    pub fn second(&self) -> Finished {
        let mut second = self.recipe.clone().start_beside(self.folder());
        second.wait_exit()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        // The shell's own `kill`, which every system has.
        let script = format!("kill -s {name} {}", self.child.id());
        let sent = Command::new("/bin/sh")
            .args(["-c", &script])
            .status()
            .is_ok_and(|status| status.success());
        assert!(sent, "sending SIG{name}");
    }

    /// What it wrote to standard error so far; what it wrote before it was ready is there.
    pub fn log(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits for an entry of the process log (standard error) in JSON.
    pub fn wait_for_log(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for_entry(&self.stderr, wanted)
    }

    /// Waits for an entry on standard output in JSON, where the tests send access logs.
    pub fn wait_for_access(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for_entry(&self.stdout, wanted)
    }

    /// Waits until there are this many such entries on standard output, where the tests send access logs.
    pub fn wait_for_accesses(&self, count: usize, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut found = Vec::new();
        let mut read = 0;
        let all = self.stdout.wait(PATIENCE, |lines| {
            let fresh = lines.iter().skip(read);
            found.extend(
                fresh
                    .filter_map(|line| serde_json::from_str(line).ok())
                    .filter(&wanted),
            );
            read = lines.len();
            (found.len() >= count).then_some(())
        });
        assert!(
            all.is_some(),
            "{} of {count} such entries in:\n{}",
            found.len(),
            self.stdout.so_far()
        );
        found
    }

    /// Waits for the process to end.
    pub fn wait_exit(&mut self) -> Finished {
        let status = self.wait_status(PATIENCE);
        Finished {
            code: status.code(),
            stdout: self.stdout.whole(PATIENCE),
            stderr: self.stderr.whole(PATIENCE),
        }
    }

    fn wait_status(&mut self, limit: Duration) -> ExitStatus {
        // The pipe ends with the process; what is left is to collect its status.
        let deadline = Instant::now() + limit;
        self.stderr.wait(limit, |_| None::<()>);
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status,
                Ok(None) if Instant::now() < deadline => std::thread::yield_now(),
                _ => panic!(
                    "the process goes on after {limit:?}:\n{}",
                    self.stderr.so_far()
                ),
            }
        }
    }
}

impl Bound {
    fn read(entry: &Value) -> Option<Self> {
        Some(Self {
            configured: entry["configured"].as_str()?.to_owned(),
            address: entry["address"].as_str()?.parse().ok()?,
        })
    }
}

fn wait_for_entry(lines: &Lines, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = lines.wait(PATIENCE, |lines| {
        lines
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(&wanted)
    });
    found.unwrap_or_else(|| panic!("no such entry in:\n{}", lines.so_far()))
}

impl Drop for Gateway {
    #[expect(
        clippy::print_stderr,
        reason = "the log of a failed test is shown with the test"
    )]
    fn drop(&mut self) {
        // It may have ended already.
        let _killed = self.child.kill().is_ok();
        let _reaped = self.child.wait().is_ok();
        if std::thread::panicking() {
            eprintln!(
                "--- the gateway's log\n{}",
                self.stderr.whole(Duration::from_secs(1))
            );
            eprintln!("--- its standard output\n{}", self.stdout.so_far());
        }
    }
}
