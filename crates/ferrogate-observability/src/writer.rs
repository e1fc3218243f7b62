//! The thread that writes a log.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::IntCounter;

use crate::Encoder;
use crate::event::Event;
use crate::output::{Batch, Destination, Lost, Output, OutputError};

/// A thread that turns entries into text and writes them, for every log that goes to the same place.
///
/// Dropping it writes what is queued and waits for the thread.
#[derive(Debug)]
pub struct Writer {
    queue: Option<SyncSender<Job>>,
    dropped: IntCounter,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread is given to do.
#[derive(Debug)]
enum Job {
    Write {
        event: Arc<Event>,
        logger: Arc<str>,
        encoder: Arc<Encoder>,
    },
    /// Say when everything before is written.
    Flush(SyncSender<()>),
}

/// Entries that may wait to be written: about a tenth of a second at full load. More are counted and lost.
const QUEUE: usize = 8192;
/// How long the end of the process waits for a log.
const FLUSH: Duration = Duration::from_secs(5);
/// How often a busy log is written. Waking the thread for each entry would cost a request more than making one.
const TICK: Duration = Duration::from_millis(5);
/// Ticks without an entry after which the thread sleeps until there is one.
const IDLE_TICKS: u32 = 200;
/// How often an output that waits for something is asked to try again.
const RETRY: Duration = Duration::from_millis(100);
/// Text that is written in one go.
const BATCH: usize = 256 << 10;

impl Writer {
    /// Opens a destination; `dropped` counts entries that were lost.
    pub fn open(destination: &Destination, dropped: IntCounter) -> Result<Self, OutputError> {
        let output = destination.open()?;
        let (queue, jobs) = sync_channel(QUEUE);
        let mut worker = Worker {
            name: destination.to_string(),
            output,
            dropped: dropped.clone(),
            failing: false,
        };
        let thread = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || worker.run(&jobs))
            .map_err(OutputError::Thread)?;
        Ok(Self {
            queue: Some(queue),
            dropped,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues an entry; never waits.
    pub(crate) fn write(&self, event: &Arc<Event>, logger: &Arc<str>, encoder: &Arc<Encoder>) {
        let job = Job::Write {
            event: Arc::clone(event),
            logger: Arc::clone(logger),
            encoder: Arc::clone(encoder),
        };
        let full = self
            .queue
            .as_ref()
            .is_none_or(|queue| queue.try_send(job).is_err());
        if full {
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
            tracing::warn!("a log was not written in time");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("a log's thread panicked");
        }
    }
}

struct Worker {
    name: String,
    output: Box<dyn Output>,
    dropped: IntCounter,
    failing: bool,
}

impl Worker {
    /// Writes entries in batches: every tick while they come, and when the first one wakes it from idleness.
    fn run(&mut self, jobs: &Receiver<Job>) {
        let mut idle = 0;
        loop {
            let first = if idle < IDLE_TICKS {
                pause();
                jobs.recv_timeout(Duration::ZERO)
            } else if self.output.is_waiting() {
                jobs.recv_timeout(RETRY)
            } else {
                jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match first {
                Ok(first) => {
                    idle = 0;
                    self.all(first, jobs);
                }
                Err(RecvTimeoutError::Timeout) => {
                    idle = (idle + 1).min(IDLE_TICKS);
                    if self.output.is_waiting() {
                        let result = self.output.write(&Batch::default());
                        self.note(result);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Writes everything that waits.
    fn all(&mut self, first: Job, jobs: &Receiver<Job>) {
        let mut batch = Batch::default();
        for job in std::iter::once(first).chain(jobs.try_iter()) {
            match job {
                Job::Write {
                    event,
                    logger,
                    encoder,
                } => {
                    encoder.encode(&event, &logger, batch.text());
                    batch.end_line();
                    if batch.len() >= BATCH {
                        self.batch(&mut batch);
                    }
                }
                Job::Flush(done) => {
                    self.batch(&mut batch);
                    if done.try_send(()).is_err() {
                        tracing::debug!("who asked for a flush no longer waits");
                    }
                }
            }
        }
        self.batch(&mut batch);
    }

    fn batch(&mut self, batch: &mut Batch) {
        if !batch.is_empty() {
            let result = self.output.write(batch);
            self.note(result);
            batch.clear();
        }
    }

    fn note(&mut self, result: Result<(), Lost>) {
        let log = self.name.as_str();
        match result {
            Ok(()) if self.failing => {
                self.failing = false;
                tracing::info!(log, "a log can be written again");
            }
            Ok(()) => {}
            Err(Lost { entries, error }) => {
                self.dropped.inc_by(entries);
                if !self.failing {
                    tracing::error!(log, %error, "a log cannot be written; entries are being lost and counted");
                }
                self.failing = true;
            }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::event::FlatFields;
    use crate::output::LogFile;
    use crate::{EncoderKeys, Level, Log, Shape};

    fn log(path: &Path) -> (Log, IntCounter) {
        let dropped = IntCounter::new("dropped", "help").unwrap();
        let destination = Destination::File(LogFile::at(path));
        let writer = Writer::open(&destination, dropped.clone()).unwrap();
        let encoder = Encoder::new(Shape::Json, EncoderKeys::default(), Vec::new());
        let log = Log::new(Some(Arc::new(writer)), encoder, Level::Info, None);
        (log, dropped)
    }

    fn event(level: Level, message: String) -> Arc<Event> {
        Arc::new(Event {
            level,
            at: Duration::ZERO,
            message: message.into(),
            fields: Box::new(FlatFields::default()),
        })
    }

    #[test]
    fn writes_what_was_queued_before_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let (log, dropped) = log(&path);
        for number in 0..1000 {
            log.record(&"a".into(), &event(Level::Info, number.to_string()));
            log.record(&"a".into(), &event(Level::Debug, "unwanted".to_owned()));
        }
        drop(log);
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!((text.lines().count(), dropped.get()), (1000, 0));
        assert!(!text.contains("unwanted"));
    }

    #[test]
    fn a_full_disk_loses_entries_and_counts_them() {
        let (log, dropped) = log(Path::new("/dev/full"));
        for _ in 0..10 {
            log.record(&"a".into(), &event(Level::Info, String::new()));
        }
        drop(log);
        assert_eq!(dropped.get(), 10);
    }
}
