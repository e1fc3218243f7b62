//! The queue to the journal's thread.
//!
//! Its bound is a number of *slots*. A call takes two when it opens, one for that record and one for the record that
//! will end it, so that a settlement always finds room: when there is none, calls are not let in. A slot is given
//! back when its record is in the file, so that the bound holds while the disk is full too.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::JournalError;
use super::record::{Opened, Record};

#[derive(Debug)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    wake: Condvar,
    slots: usize,
}

#[derive(Debug)]
struct Inner {
    entries: Vec<Entry>,
    free: usize,
    orders: Orders,
    questions: Vec<Question>,
    /// Who waits until all that came before is on the disk.
    barriers: Vec<Ack>,
    closed: bool,
}

/// What the thread is asked to do besides writing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Orders {
    /// The store has everything up to here.
    pub(crate) drained: Option<u64>,
    /// Give the journal to the next process.
    pub(crate) hand_over: bool,
    /// End when everything is written.
    pub(crate) stop: bool,
}

/// Somebody who wants to know what is open.
pub(crate) type Question = oneshot::Sender<Vec<Opened>>;

/// Questions that may wait; there is one for each administrator who looks.
const MOST_QUESTIONS: usize = 16;

/// A record to write, and who waits for it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) ack: Option<Ack>,
}

/// Somebody who waits for a record.
#[derive(Debug)]
pub(crate) struct Ack {
    /// Until it is flushed, not just written.
    pub(crate) flushed: bool,
    pub(crate) tell: oneshot::Sender<Result<(), JournalError>>,
}

/// What the thread takes out.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) entries: Vec<Entry>,
    pub(crate) orders: Orders,
    pub(crate) questions: Vec<Question>,
    pub(crate) barriers: Vec<Ack>,
}

impl Queue {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            inner: Mutex::new(Inner {
                entries: Vec::new(),
                free: slots,
                orders: Orders::default(),
                questions: Vec::new(),
                barriers: Vec::new(),
                closed: false,
            }),
            wake: Condvar::new(),
            slots,
        }
    }

    /// Adds a record that takes `slots`: its own and those it keeps for later. Nothing is added when they are not there.
    pub(crate) fn push(&self, entry: Entry, slots: usize) -> Result<(), JournalError> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(JournalError::HandedOver);
        }
        let Some(free) = inner.free.checked_sub(slots) else {
            return Err(JournalError::Full);
        };
        inner.free = free;
        self.add(inner, entry);
        Ok(())
    }

    /// Adds a record whose slot was kept.
    pub(crate) fn push_kept(&self, entry: Entry) {
        self.add(self.inner.lock(), entry);
    }

    fn add(&self, mut inner: parking_lot::MutexGuard<'_, Inner>, entry: Entry) {
        inner.entries.push(entry);
        let first = inner.entries.len() == 1;
        drop(inner);
        if first {
            self.wake.notify_one();
        }
    }

    /// Gives slots back: of records that are in the file, or of records that will never be.
    pub(crate) fn give_back(&self, slots: usize) {
        let mut inner = self.inner.lock();
        inner.free = inner.free.saturating_add(slots).min(self.slots);
    }

    /// Refuses what opens or grows from now on; what ends goes on.
    pub(crate) fn close(&self) {
        self.inner.lock().closed = true;
    }

    pub(crate) fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.inner.lock().orders);
        self.wake.notify_one();
    }

    /// Asks what is open; one question too many is not put.
    pub(crate) fn ask(&self, question: Question) {
        let mut inner = self.inner.lock();
        if inner.questions.len() < MOST_QUESTIONS {
            inner.questions.push(question);
            self.wake.notify_one();
        }
    }

    /// Has everything written and flushed that was added before.
    pub(crate) fn flush(&self, done: Ack) {
        self.inner.lock().barriers.push(done);
        self.wake.notify_one();
    }

    /// Everything there is, waiting for something at most so long.
    pub(crate) fn take(&self, wait: Duration) -> Taken {
        let mut inner = self.inner.lock();
        let Orders {
            drained,
            hand_over,
            stop,
        } = inner.orders;
        let quiet =
            inner.entries.is_empty() && inner.questions.is_empty() && inner.barriers.is_empty();
        if quiet && drained.is_none() && !hand_over && !stop {
            self.wake.wait_for(&mut inner, wait);
        }
        let orders = inner.orders;
        inner.orders = Orders {
            stop: orders.stop,
            ..Orders::default()
        };
        Taken {
            entries: std::mem::take(&mut inner.entries),
            orders,
            questions: std::mem::take(&mut inner.questions),
            barriers: std::mem::take(&mut inner.barriers),
        }
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    pub(crate) fn free(&self) -> usize {
        self.inner.lock().free
    }
}
