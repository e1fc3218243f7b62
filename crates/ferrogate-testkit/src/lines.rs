//! The lines a process writes.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The lines a process wrote to a pipe so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    inner: Arc<(Mutex<Seen>, Condvar)>,
}

#[derive(Debug, Default)]
struct Seen {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    /// Collects what comes from a pipe on a thread of its own.
    pub(crate) fn collect(pipe: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let ours = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                ours.inner
                    .0
                    .lock()
                    .lines
                    .push(String::from_utf8_lossy(&line).into_owned());
                ours.inner.1.notify_all();
            }
            ours.inner.0.lock().ended = true;
            ours.inner.1.notify_all();
        });
        lines
    }

    /// Looks at all lines until `find` finds something; `None` when the pipe ends or time is up before it does.
    pub(crate) fn wait<T>(
        &self,
        limit: Duration,
        mut find: impl FnMut(&[String]) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut seen = self.inner.0.lock();
        loop {
            let found = find(&seen.lines);
            if found.is_some() || seen.ended {
                return found;
            }
            if self.inner.1.wait_until(&mut seen, deadline).timed_out() {
                return find(&seen.lines);
            }
        }
    }

    /// Everything written, once the pipe has ended or time is up.
    pub(crate) fn whole(&self, limit: Duration) -> String {
        self.wait(limit, |_| None::<()>);
        self.so_far()
    }

    /// Everything written so far.
    pub(crate) fn so_far(&self) -> String {
        self.inner
            .0
            .lock()
            .lines
            .iter()
            .fold(String::new(), |text, line| text + line + "\n")
    }
}
