//! The journal's thread.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ferrogate_types::LedgerEventId;

use super::folder::Folder;
use super::outbox::Outbox;
use super::queue::{Ack, Entry, Orders};
use super::record::Record;
use super::recovery::uncertain;
use super::segment::Segment;
use super::state::State;
use super::{Durability, JournalError, JournalSettings, Shared};
use crate::{Book, EventKind, Posting};

/// Owns the files. Everything that changes them happens here, in order.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    folder: Folder,
    book: Arc<Book>,
    flush_every: Duration,
    segment_bytes: u64,
    keeps_for_store: bool,
    segment: Segment,
    /// The length at which the next file begins; nothing after a hand-over.
    rotate_at: Option<u64>,
    state: State,
    /// The number of the next record.
    next: u64,
    /// What the store has.
    drained: u64,
    /// Records that were added and not written.
    unwritten: usize,
    waiting: Vec<Ack>,
    last_flush: Instant,
    outboxes: Vec<Outbox>,
    last_look: Instant,
    retry: Option<Retry>,
}

/// The disk refuses: when it is asked again.
#[derive(Clone, Copy, Debug)]
struct Retry {
    at: Instant,
    pause: Duration,
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often the files of processes that handed over are read, and how long nothing happens otherwise.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Bytes that are flushed whatever the settings say, so that memory stays bounded.
const MOST_PENDING: usize = 4 << 20;

impl Writer {
    /// Begins a file with a checkpoint of what was recovered.
    pub(crate) fn begin(
        shared: &Arc<Shared>,
        folder: &Folder,
        settings: &JournalSettings,
        book: &Arc<Book>,
        mut state: State,
        next: u64,
    ) -> io::Result<Self> {
        state.prune();
        for posting in state.balances() {
            book.restore(&posting, |balance| balance.spent = posting.amount);
        }
        let path = folder.segment(next);
        let segment = Segment::begin(folder, &path, next.saturating_sub(1), state.checkpoint())?;
        let now = Instant::now();
        let mut writer = Self {
            shared: Arc::clone(shared),
            folder: folder.clone(),
            book: Arc::clone(book),
            flush_every: match settings.durability {
                Durability::Flushed => Duration::ZERO,
                Durability::Queued | Durability::Written => settings.flush_every,
            },
            segment_bytes: settings.segment_bytes,
            keeps_for_store: settings.drained,
            rotate_at: None,
            segment,
            state,
            next,
            drained: folder.drained(),
            unwritten: 0,
            waiting: Vec::new(),
            last_flush: now,
            outboxes: Outbox::all(folder)?,
            last_look: now,
            retry: None,
        };
        writer.rotate_at = Some(writer.rotation());
        Ok(writer)
    }

    /// Takes over the calls that were under way: those of processes that live and handed over stay reserved, all others
    /// are charged as uncertain. Says how many of the second and of the first there are.
    pub(crate) fn take_over(&mut self) -> io::Result<(u64, u64)> {
        let alive: Vec<u32> = self.outboxes.iter().map(|outbox| outbox.process).collect();
        for opened in self.state.open() {
            for posting in &opened.holding.postings {
                self.book.restore(posting, |balance| {
                    balance.reserved = balance.reserved.saturating_add(posting.amount);
                    balance.holds = balance.holds.saturating_add(1);
                });
            }
        }
        let mut uncertain = self.charge_open(|id| !alive.contains(&id.process()));
        self.write()?;
        self.flush()?;
        uncertain = uncertain.saturating_add(self.look()?);
        self.write()?;
        self.flush()?;
        self.clean();
        let open = u64::try_from(self.state.open().count()).unwrap_or(u64::MAX);
        Ok((uncertain, open))
    }

    /// Works until it is told to stop. The lock is let go at a hand-over, or at the end.
    pub(crate) fn run(mut self, lock: File) {
        let _alarm = Alarm(Arc::clone(&self.shared));
        let mut lock = Some(lock);
        let mut leaving = false;
        loop {
            let taken = self.shared.queue.take(self.patience());
            for entry in taken.entries {
                self.add(entry);
            }
            self.waiting.extend(taken.barriers);
            let Orders {
                drained,
                hand_over,
                stop,
            } = taken.orders;
            leaving |= hand_over;
            self.commit(stop || hand_over);
            for question in taken.questions {
                // Who does not wait any more does not need to know.
                drop(question.send(self.state.open().cloned().collect()));
            }
            if let Some(sequence) = drained {
                self.acknowledge(sequence);
            }
            if leaving && self.retry.is_none() {
                match self.hand_over() {
                    Ok(()) => {
                        leaving = false;
                        lock = None;
                    }
                    Err(error) => self.failed("be handed over", &error),
                }
            }
            if self.last_look.elapsed() >= LOOK_EVERY && self.retry.is_none() {
                self.last_look = Instant::now();
                if let Err(error) = self.look() {
                    self.failed("read what another process left", &error);
                }
            }
            if stop {
                drop(lock);
                return;
            }
            self.rotate();
        }
    }

    /// How long to wait for records.
    fn patience(&self) -> Duration {
        if let Some(retry) = self.retry {
            retry.at.saturating_duration_since(Instant::now())
        } else if self.segment.pending() > 0 {
            self.flush_every.saturating_sub(self.last_flush.elapsed())
        } else {
            LOOK_EVERY
        }
    }

    fn add(&mut self, entry: Entry) {
        self.unwritten = self.unwritten.saturating_add(1);
        if self.append(&entry.record) {
            self.waiting.extend(entry.ack);
        } else if let Some(ack) = entry.ack {
            tell(ack, Err(JournalError::Failing));
        }
    }

    /// Gives a record its number and adds it to what is to be written.
    fn append(&mut self, record: &Record) -> bool {
        if !self.segment.add(record, self.next) {
            tracing::error!("a record of the ledger is too long for its journal");
            return false;
        }
        self.next = self.next.saturating_add(1);
        self.state.apply(record);
        self.shared.appended.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Writes what there is and flushes it when it is due. A disk that refuses is asked again later.
    fn commit(&mut self, last: bool) {
        if self
            .retry
            .is_some_and(|retry| !last && Instant::now() < retry.at)
        {
            return;
        }
        let due = last
            || self.last_flush.elapsed() >= self.flush_every
            || self.segment.pending() > MOST_PENDING
            || self.waiting.iter().any(|ack| ack.flushed);
        let done = self
            .write()
            .and_then(|()| if due { self.flush() } else { Ok(()) });
        match done {
            Ok(()) if self.retry.take().is_some() => {
                self.shared.failing.store(false, Ordering::Relaxed);
                tracing::info!("the ledger's journal is written again");
            }
            Ok(()) => {}
            Err(error) => {
                self.segment.rewind();
                for ack in self.waiting.drain(..) {
                    tell(ack, Err(JournalError::Failing));
                }
                self.failed("be written", &error);
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        self.segment.write()?;
        self.shared
            .queue
            .give_back(std::mem::take(&mut self.unwritten));
        for ack in self.waiting.extract_if(.., |ack| !ack.flushed) {
            tell(ack, Ok(()));
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.last_flush = Instant::now();
        if self.segment.pending() > 0 {
            self.segment.flush()?;
            self.shared.flushes.fetch_add(1, Ordering::Relaxed);
        }
        if self.rotate_at.is_some() {
            let durable = self.next.saturating_sub(1);
            self.shared.durable.store(durable, Ordering::Release);
            self.shared.flushed.notify_waiters();
        }
        for ack in self.waiting.drain(..) {
            tell(ack, Ok(()));
        }
        Ok(())
    }

    fn failed(&mut self, what: &str, error: &io::Error) {
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        self.shared.failing.store(true, Ordering::Relaxed);
        let pause = match self.retry {
            None => {
                let folder = self.folder.path().display();
                tracing::error!(%error, %folder, "the ledger's journal cannot {what}");
                FIRST_PAUSE
            }
            Some(retry) => retry.pause.saturating_mul(2).min(LONGEST_PAUSE),
        };
        let at = Instant::now().checked_add(pause).unwrap_or(self.last_flush);
        self.retry = Some(Retry { at, pause });
    }

    /// Begins another file when this one is long enough.
    fn rotate(&mut self) {
        let due = self
            .rotate_at
            .is_some_and(|at| self.segment.durable() >= at);
        if !due || self.segment.pending() > 0 || self.retry.is_some() {
            return;
        }
        self.state.prune();
        let before = self.next.saturating_sub(1);
        let path = self.folder.segment(self.next);
        match Segment::begin(&self.folder, &path, before, self.state.checkpoint()) {
            Ok(segment) => {
                self.segment = segment;
                self.rotate_at = Some(self.rotation());
                self.clean();
            }
            Err(error) => {
                // The old file goes on meanwhile.
                tracing::warn!(%error, "the ledger's journal cannot begin another file");
                let later = self
                    .segment
                    .durable()
                    .saturating_add(self.segment_bytes / 8);
                self.rotate_at = Some(later);
            }
        }
    }

    /// The length at which a file that begins with a checkpoint has paid for it.
    fn rotation(&self) -> u64 {
        self.segment_bytes
            .max(self.segment.durable().saturating_mul(4))
    }

    fn acknowledge(&mut self, sequence: u64) {
        if sequence <= self.drained || self.rotate_at.is_none() {
            return;
        }
        match self.folder.set_drained(sequence) {
            Ok(()) => {
                self.drained = sequence;
                self.clean();
            }
            Err(error) => tracing::warn!(%error, "what the store has cannot be noted"),
        }
    }

    /// Removes the files that nobody needs any more.
    fn clean(&self) {
        let clean = || {
            let segments = self.folder.segments()?;
            for (&old, &next) in segments.iter().zip(segments.iter().skip(1)) {
                if !self.keeps_for_store || next <= self.drained.saturating_add(1) {
                    self.folder.remove(&self.folder.segment(old))?;
                }
            }
            Ok::<_, io::Error>(())
        };
        if let Err(error) = clean() {
            tracing::warn!(%error, "old files of the ledger's journal cannot be removed");
        }
    }

    /// Goes on in a file of its own, so that another process may have the journal.
    fn hand_over(&mut self) -> io::Result<()> {
        if self.rotate_at.is_none() {
            return Ok(());
        }
        self.write()?;
        self.flush()?;
        let path = self.folder.outbox(self.shared.process);
        let own = Segment::begin(&self.folder, &path, 0, std::iter::empty())?;
        own.lock()?;
        self.segment = own;
        self.rotate_at = None;
        Ok(())
    }

    /// Reads what processes that handed over have recorded since. Says how many of their calls became uncertain.
    fn look(&mut self) -> io::Result<u64> {
        let mut charged = 0_u64;
        let mut failed = None;
        for mut outbox in std::mem::take(&mut self.outboxes) {
            match self.read_outbox(&mut outbox) {
                Ok(Some(uncertain)) => charged = charged.saturating_add(uncertain),
                Ok(None) => self.outboxes.push(outbox),
                Err(error) => {
                    failed = Some(error);
                    self.outboxes.push(outbox);
                }
            }
        }
        failed.map_or(Ok(charged), Err)
    }

    /// Reads on in one of them. When its process is gone the file goes too, and this says how many calls it left.
    fn read_outbox(&mut self, outbox: &mut Outbox) -> io::Result<Option<u64>> {
        let (records, gone) = outbox.read()?;
        for record in &records {
            self.absorb(record);
        }
        if !gone {
            return Ok(None);
        }
        let process = outbox.process;
        let left = self.charge_open(|id| id.process() == process);
        self.write()?;
        self.flush()?;
        outbox.remove(&self.folder)?;
        Ok(Some(left))
    }

    /// Records here how a call of another process ended. One that is not open has been recorded before.
    fn absorb(&mut self, record: &Record) {
        let (id, postings) = match record {
            Record::Released(id) => (*id, &[][..]),
            Record::Event(event) if matches!(event.kind, EventKind::Charged(_)) => {
                (event.id, &*event.postings)
            }
            _ => return,
        };
        if self.settle(id, postings) {
            self.append(record);
        }
    }

    /// Charges every open call of some processes as uncertain.
    fn charge_open(&mut self, of: impl Fn(LedgerEventId) -> bool) -> u64 {
        let opened = self.state.open().filter(|opened| of(opened.holding.id));
        let events: Vec<_> = opened.map(uncertain).collect();
        for event in &events {
            self.settle(event.id, &event.postings);
            self.append(&Record::Event(event.clone()));
        }
        u64::try_from(events.len()).unwrap_or(u64::MAX)
    }

    /// Ends an open call in the book; false when it is not open.
    fn settle(&self, id: LedgerEventId, used: &[Posting]) -> bool {
        let Some(opened) = self.state.opened(id) else {
            return false;
        };
        for held in &opened.holding.postings {
            self.book
                .restore(held, |balance| balance.close(held.amount, 0));
        }
        for used in used {
            self.book.restore(used, |balance| {
                balance.spent = balance.spent.saturating_add(used.amount);
            });
        }
        true
    }
}

/// Says that nobody writes any more, when the thread ends or panics, so that nobody waits for it.
struct Alarm(Arc<Shared>);

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.failing.store(true, Ordering::Relaxed);
        self.0.queue.close();
        drop(self.0.queue.take(Duration::ZERO));
    }
}

fn tell(ack: Ack, result: Result<(), JournalError>) {
    // Who does not wait any more does not need to know.
    drop(ack.tell.send(result));
}
