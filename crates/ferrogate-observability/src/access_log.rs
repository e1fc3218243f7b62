//! The writer of the access log.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::IntCounter;

use crate::AccessEntry;

/// A log that a thread of its own writes.
///
/// Dropping it writes what is queued and waits for the thread.
#[derive(Debug)]
pub struct AccessLog {
    format: Format,
    queue: Option<SyncSender<Job>>,
    dropped: IntCounter,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer is given to do.
enum Job {
    Write(Vec<u8>),
    /// Say when everything before is written.
    Flush(SyncSender<()>),
}

/// Where a log goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// A file, appended to, created with mode 0600.
    File(PathBuf),
}

/// How an entry looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Console,
}

/// A log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum AccessLogError {
    /// The file could not be opened for appending.
    #[error("the log file `{}` cannot be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system gave no thread.
    #[error("the log's thread could not be started")]
    Thread(#[source] io::Error),
}

/// Entries that may wait to be written: about a tenth of a second at full load. More are counted and lost.
const QUEUE: usize = 8192;

impl AccessLog {
    /// Opens a log; `dropped` counts entries that were lost.
    pub fn open(
        destination: &Destination,
        format: Format,
        dropped: IntCounter,
    ) -> Result<Self, AccessLogError> {
        let sink: Box<dyn Write + Send> = match destination {
            Destination::Stderr => Box::new(io::stderr()),
            Destination::Stdout => Box::new(io::stdout()),
            Destination::File(path) => {
                let mut options = OpenOptions::new();
                options.create(true).append(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                Box::new(options.open(path).map_err(|source| AccessLogError::Open {
                    path: path.clone(),
                    source,
                })?)
            }
        };
        let (queue, entries) = sync_channel(QUEUE);
        let lost = dropped.clone();
        let writer = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_all(&entries, sink, &lost))
            .map_err(AccessLogError::Thread)?;
        Ok(Self {
            format,
            queue: Some(queue),
            dropped,
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Queues an entry; never waits.
    pub fn record(&self, entry: &AccessEntry<'_>) {
        let line = match self.format {
            Format::Json => entry.to_json_line(),
            Format::Console => entry.to_console_line(),
        };
        if self
            .queue
            .as_ref()
            .is_none_or(|queue| queue.try_send(Job::Write(line)).is_err())
        {
            self.dropped.inc();
        }
    }

    /// Waits until what is queued has been written, for at most five seconds.
    pub fn flush(&self) {
        let (done, written) = sync_channel(1);
        let asked = self
            .queue
            .as_ref()
            .is_some_and(|queue| queue.send(Job::Flush(done)).is_ok());
        if asked && written.recv_timeout(FLUSH).is_err() {
            tracing::warn!("the access log was not written in time");
        }
    }
}

/// How long the end of the process waits for a log.
const FLUSH: Duration = Duration::from_secs(5);

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.lock().take()
            && writer.join().is_err()
        {
            tracing::error!("the access log's thread panicked");
        }
    }
}

/// How often a busy log is written. Waking the writer for each entry would cost a request more than making one.
const TICK: Duration = Duration::from_millis(5);
/// Ticks without an entry after which the writer sleeps until there is one.
const IDLE_TICKS: u32 = 200;

/// Writes entries in batches: every tick while they come, and when the first one wakes it from idleness.
fn write_all(jobs: &Receiver<Job>, sink: Box<dyn Write + Send>, dropped: &IntCounter) {
    let mut writer = Writer {
        sink: io::BufWriter::with_capacity(64 << 10, sink),
        dropped,
        failing: false,
    };
    let mut idle = 0;
    loop {
        let first = if idle < IDLE_TICKS {
            pause();
            jobs.try_recv()
        } else {
            jobs.recv().map_err(|_| TryRecvError::Disconnected)
        };
        match first {
            Ok(first) => {
                idle = 0;
                writer.batch(first, jobs);
            }
            Err(TryRecvError::Empty) => idle += 1,
            Err(TryRecvError::Disconnected) => return,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this thread is the log's own; no worker waits here"
)]
fn pause() {
    std::thread::sleep(TICK);
}

struct Writer<'a> {
    sink: io::BufWriter<Box<dyn Write + Send>>,
    dropped: &'a IntCounter,
    failing: bool,
}

impl Writer<'_> {
    /// Writes everything that waits, in one go where it fits the buffer.
    fn batch(&mut self, first: Job, jobs: &Receiver<Job>) {
        let (mut entries, mut asked) = (0, Vec::new());
        let mut result = Ok(());
        for job in std::iter::once(first).chain(jobs.try_iter()) {
            match job {
                Job::Write(line) => {
                    entries += 1;
                    result = result.and_then(|()| self.sink.write_all(&line));
                }
                Job::Flush(done) => {
                    asked.push(done);
                    break;
                }
            }
        }
        result = result.and_then(|()| self.sink.flush());
        if let Err(error) = result {
            self.lost(entries, &error);
        } else if self.failing {
            self.failing = false;
            tracing::info!("the access log can be written again");
        }
        for done in asked {
            if done.try_send(()).is_err() {
                tracing::debug!("who asked for a flush no longer waits");
            }
        }
    }

    fn lost(&mut self, entries: u64, error: &io::Error) {
        self.dropped.inc_by(entries);
        if !self.failing {
            tracing::error!(%error, "the access log cannot be written; entries are being lost and counted");
        }
        self.failing = true;
        // What could not be written must not be tried again with the next batch, nor panic at the end.
        let empty: Box<dyn Write + Send> = Box::new(io::sink());
        let old = std::mem::replace(&mut self.sink, io::BufWriter::with_capacity(0, empty));
        let (inner, _lost) = old.into_parts();
        self.sink = io::BufWriter::with_capacity(64 << 10, inner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(uri: &str) -> AccessEntry<'_> {
        AccessEntry {
            level: "info",
            ts: 0.0,
            logger: "http.log.access",
            msg: "handled request",
            request_id: "",
            remote_ip: "",
            client_ip: "",
            proto: "HTTP/1.1",
            method: "GET",
            host: "",
            uri,
            path: uri,
            status: 200,
            size: 0,
            bytes_read: 0,
            duration: 0.0,
            upstream: "",
            error: "",
            call: None,
        }
    }

    fn counter() -> IntCounter {
        IntCounter::new("dropped", "help").unwrap()
    }

    #[test]
    fn writes_what_was_queued_before_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let dropped = counter();
        let log = AccessLog::open(
            &Destination::File(path.clone()),
            Format::Json,
            dropped.clone(),
        )
        .unwrap();
        for number in 0..1000 {
            log.record(&entry(&format!("/{number}")));
        }
        drop(log);
        let lines = std::fs::read_to_string(path).unwrap().lines().count();
        assert_eq!(u64::try_from(lines).unwrap() + dropped.get(), 1000);
        assert_eq!(dropped.get(), 0);
    }

    #[test]
    fn a_full_disk_loses_entries_and_counts_them() {
        let dropped = counter();
        let log = AccessLog::open(
            &Destination::File("/dev/full".into()),
            Format::Json,
            dropped.clone(),
        )
        .unwrap();
        for _ in 0..10 {
            log.record(&entry("/"));
        }
        drop(log);
        assert_eq!(dropped.get(), 10);
    }

    #[test]
    fn an_unwritable_file_is_an_error_at_start() {
        let missing = Destination::File("/nonexistent/dir/access.log".into());
        let error = AccessLog::open(&missing, Format::Json, counter()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the log file `/nonexistent/dir/access.log` cannot be opened"
        );
    }
}
