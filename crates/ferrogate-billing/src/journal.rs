//! The journal: what happened to every reservation, in a file.
//!
//! Callers put records into a bounded [queue](queue) and go on; a thread of the journal's own
//! [writes](writer) and flushes them, many at a time. At start the files are [added up](recovery) again: calls that
//! were under way are charged as uncertain. How the files lie is told in [folder] and [frame].

mod codec;
mod crash;
mod folder;
mod frame;
mod outbox;
mod queue;
mod reader;
mod record;
mod recovery;
mod segment;
mod state;
mod tail;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

pub(crate) use record::{Holding, Opened, Record};
pub(crate) use tail::{Batch, Tail};

use crate::Book;
use folder::Folder;
use queue::{Ack, Entry, Queue};
use writer::Writer;

/// How a journal is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalSettings {
    /// What a call waits for before it is sent.
    pub durability: Durability,
    /// How long written records may wait for being flushed to the disk, where nobody waits for it.
    pub flush_every: Duration,
    /// Records under way: those waiting for the disk, and one for each open call. At most so many calls are open.
    pub slots: usize,
    /// A file that has grown beyond this many bytes is followed by another.
    pub segment_bytes: u64,
    /// Whether a store takes the events, so that files stay until it has.
    pub drained: bool,
    /// How long to wait for the process that has the journal now.
    pub lock_wait: Duration,
}

/// What a call waits for before it is sent, which decides what a crash may lose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Nothing. A crash of the process loses the charges of calls of the last milliseconds.
    Queued,
    /// That its record is with the kernel: some ten microseconds. A crash of the process loses nothing; a power cut
    /// loses the charges of calls of the last `flush_every`.
    #[default]
    Written,
    /// That its record is on the disk: tens of microseconds to milliseconds, by the disk. Nothing is lost.
    Flushed,
}

/// What was found at start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Records read, checkpoints aside.
    pub records: u64,
    /// Calls that were under way when the process ended, now charged as uncertain.
    pub uncertain: u64,
    /// Calls still under way in processes that handed over.
    pub elsewhere: u64,
    /// Bytes of an unfinished record, cut off and kept aside.
    pub torn_bytes: u64,
    /// Bytes between records that are no records: the disk damaged them.
    pub damaged_bytes: u64,
    /// Files whose checkpoint was damaged, so that the one before it was read instead.
    pub damaged_files: u64,
    /// Records that are missing by their numbers.
    pub missing: u64,
}

/// How a journal fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalHealth {
    /// The disk takes no records at the moment.
    pub failing: bool,
    /// Slots in all, and those that are free.
    pub slots: (usize, usize),
    /// Records given a number since start.
    pub appended: u64,
    /// Times the file was flushed.
    pub flushes: u64,
    /// Times writing or flushing failed.
    pub failures: u64,
    /// The number of the last record on the disk.
    pub durable: u64,
}

/// Why the journal could not be opened, or does not take a record.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it, and kept it for as long as was waited.
    #[error("the journal `{0}` is in use by another process")]
    Locked(PathBuf),
    /// The disk refuses.
    #[error("the journal cannot {what} in `{folder}`")]
    Io {
        /// What was being done.
        what: &'static str,
        /// Where.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No file has a whole checkpoint, so that balances are not known.
    #[error("no file of the journal `{0}` is whole enough to begin with")]
    Corrupt(PathBuf),
    /// Every slot is taken: too many calls are open, or the disk does not keep up.
    #[error("the queue of the journal is full")]
    Full,
    /// The disk takes no records at the moment.
    #[error("the journal cannot be written")]
    Failing,
    /// Another process has the journal now.
    #[error("the journal was handed over to another process")]
    HandedOver,
}

/// A journal that is open.
#[derive(Debug)]
pub(crate) struct Journal {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    folder: Folder,
    durability: Durability,
    pub(crate) node: u64,
}

/// What the thread and its callers share.
#[derive(Debug)]
struct Shared {
    queue: Queue,
    /// This process, in the ids it makes.
    process: u32,
    failing: AtomicBool,
    appended: AtomicU64,
    flushes: AtomicU64,
    failures: AtomicU64,
    /// The number of the last record on the disk.
    durable: AtomicU64,
    /// Told when `durable` grows.
    flushed: Notify,
}

/// A record on its way to the disk.
#[derive(Debug)]
pub(crate) struct Receipt(Option<oneshot::Receiver<Result<(), JournalError>>>);

/// The slots of an opened call: its own, and that of the record that will end it.
const OPENING: usize = 2;

impl Journal {
    /// Opens the journal of a folder, adds up what it says into `book`, and begins a new file. Blocks; meant for a
    /// thread that may.
    pub(crate) fn open(
        path: &Path,
        settings: &JournalSettings,
        book: &Arc<Book>,
        process: u32,
    ) -> Result<(Self, Recovery), JournalError> {
        let wrap = |what| {
            move |source| JournalError::Io {
                what,
                folder: path.to_owned(),
                source,
            }
        };
        let folder = Folder::open(path).map_err(wrap("be made"))?;
        let lock = folder.lock(settings.lock_wait).map_err(wrap("be locked"))?;
        let lock = lock.ok_or_else(|| JournalError::Locked(path.to_owned()))?;
        let node = folder.node().map_err(wrap("name its node"))?;
        let shared = Arc::new(Shared {
            queue: Queue::new(settings.slots),
            process,
            failing: AtomicBool::new(false),
            appended: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            flushed: Notify::new(),
        });
        let (state, next, mut recovery) = recovery::replay(&folder)
            .map_err(wrap("be read"))?
            .ok_or_else(|| JournalError::Corrupt(path.to_owned()))?;
        let mut writer = Writer::begin(&shared, &folder, settings, book, state, next)
            .map_err(wrap("begin a file"))?;
        (recovery.uncertain, recovery.elsewhere) =
            writer.take_over().map_err(wrap("be taken over"))?;
        let thread = std::thread::Builder::new()
            .name("ledger-journal".into())
            .spawn(move || writer.run(lock))
            .map_err(wrap("start its thread"))?;
        let journal = Self {
            shared,
            thread: Some(thread),
            folder,
            durability: settings.durability,
            node,
        };
        Ok((journal, recovery))
    }

    /// Records that a call is about to be sent.
    pub(crate) fn opened(&self, opened: Opened) -> Result<Receipt, JournalError> {
        if self.shared.failing.load(Ordering::Relaxed) {
            return Err(JournalError::Failing);
        }
        self.push(Record::Opened(opened), OPENING, self.durability)
    }

    /// Records that a call holds more.
    pub(crate) fn topped_up(&self, holding: Holding) -> Result<(), JournalError> {
        if self.shared.failing.load(Ordering::Relaxed) {
            return Err(JournalError::Failing);
        }
        self.push(Record::ToppedUp(holding), 1, Durability::Queued)
            .map(drop)
    }

    /// Records how an opened call ended. There is always room for it.
    pub(crate) fn ended(&self, record: Record) {
        self.shared.queue.push_kept(Entry { record, ack: None });
    }

    /// Records what belongs to no open call.
    pub(crate) fn noted(&self, record: Record) -> Result<Receipt, JournalError> {
        self.push(record, 1, self.durability)
    }

    fn push(
        &self,
        record: Record,
        slots: usize,
        durability: Durability,
    ) -> Result<Receipt, JournalError> {
        let (ack, receipt) = if durability == Durability::Queued {
            (None, Receipt(None))
        } else {
            let (tell, told) = oneshot::channel();
            let flushed = durability == Durability::Flushed;
            (Some(Ack { flushed, tell }), Receipt(Some(told)))
        };
        self.shared.queue.push(Entry { record, ack }, slots)?;
        Ok(receipt)
    }

    /// Gives the journal to the next process: nothing opens here any more, and what is open ends in a file that the
    /// next process reads.
    pub(crate) fn hand_over(&self) {
        self.shared.queue.close();
        self.shared.queue.order(|orders| orders.hand_over = true);
    }

    /// Every call that is open, as of what was recorded.
    pub(crate) async fn open_calls(&self) -> Vec<Opened> {
        let (question, answer) = oneshot::channel();
        self.shared.queue.ask(question);
        answer.await.unwrap_or_default()
    }

    /// Waits until everything that was recorded before is on the disk.
    pub(crate) async fn flush(&self) -> Result<(), JournalError> {
        let (tell, told) = oneshot::channel();
        self.shared.queue.flush(Ack {
            flushed: true,
            tell,
        });
        Receipt(Some(told)).wait().await
    }

    /// Says that the store has everything up to a record.
    pub(crate) fn drained(&self, sequence: u64) {
        self.shared
            .queue
            .order(|orders| orders.drained = Some(sequence));
    }

    /// A reader of the events the store does not have yet.
    pub(crate) fn tail(&self) -> Tail {
        self.tail_from(self.folder.drained())
    }

    /// A reader of the events behind a record.
    pub(crate) fn tail_from(&self, last: u64) -> Tail {
        Tail::new(self.folder.clone(), last)
    }

    /// The number of the last record on the disk.
    pub(crate) fn durable(&self) -> u64 {
        self.shared.durable.load(Ordering::Acquire)
    }

    /// Waits until more may be on the disk.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when this is dropped.
    pub(crate) async fn flushed(&self) {
        self.shared.flushed.notified().await;
    }

    pub(crate) fn health(&self) -> JournalHealth {
        let Shared {
            queue,
            failing,
            appended,
            flushes,
            failures,
            durable,
            ..
        } = &*self.shared;
        JournalHealth {
            failing: failing.load(Ordering::Relaxed),
            slots: (queue.slots(), queue.free()),
            appended: appended.load(Ordering::Relaxed),
            flushes: flushes.load(Ordering::Relaxed),
            failures: failures.load(Ordering::Relaxed),
            durable: durable.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Journal {
    /// Writes and flushes what is left, which blocks for as long as the disk takes.
    fn drop(&mut self) {
        self.shared.queue.order(|orders| orders.stop = true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the ledger's journal panicked");
        }
    }
}

impl Receipt {
    /// Waits until the record is as safe as the settings ask.
    ///
    /// # Cancel safety
    ///
    /// Dropping this only stops the waiting.
    pub(crate) async fn wait(self) -> Result<(), JournalError> {
        match self.0 {
            None => Ok(()),
            Some(told) => told.await.unwrap_or(Err(JournalError::Failing)),
        }
    }
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            flush_every: Duration::from_millis(50),
            slots: 1 << 18,
            segment_bytes: 64 << 20,
            drained: true,
            lock_wait: Duration::ZERO,
        }
    }
}
