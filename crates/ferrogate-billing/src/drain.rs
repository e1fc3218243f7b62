//! Bringing the ledger's events to a store.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::journal::{Batch, Tail};
use crate::{Ledger, LedgerStore, StoreError};

/// Reads events from the journal's files, in order, and hands them to a store.
///
/// The journal is the queue: nothing waits in memory but one batch, nothing is dropped when the store is away, and no
/// call waits for it. How far the store has come is noted about once a second; what came after that is brought again
/// after a crash, and the store knows it by its id.
#[derive(Debug)]
pub struct Drainer<S> {
    ledger: Ledger,
    store: Arc<S>,
    /// Nothing while a batch is being read.
    tail: Option<Tail>,
    progress: Arc<Progress>,
}

/// How far a drainer has come. Shared with it.
#[derive(Debug, Default)]
pub struct Progress {
    drained: AtomicU64,
    events: AtomicU64,
    failures: AtomicU64,
    failing: AtomicBool,
}

/// Events in one transaction of the store.
const BATCH: usize = 512;
const NOTE_EVERY: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why a batch did not arrive.
#[derive(Debug, thiserror::Error)]
enum DrainError {
    #[error("the ledger's journal cannot be read")]
    Read(#[source] io::Error),
    #[error(transparent)]
    Store(StoreError),
    #[error("reading the ledger's journal was given up")]
    Gone,
}

impl<S: LedgerStore + 'static> Drainer<S> {
    /// A drainer of a ledger; nothing when the ledger has no journal.
    pub fn new(ledger: &Ledger, store: Arc<S>) -> Option<Self> {
        let tail = ledger.journal()?.tail();
        let progress = Arc::new(Progress::default());
        progress.drained.store(tail.last(), Ordering::Relaxed);
        Some(Self {
            ledger: ledger.clone(),
            store,
            tail: Some(tail),
            progress,
        })
    }

    /// How far it has come.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Works until `stop`, then brings what there is once more and ends.
    ///
    /// # Cancel safety
    ///
    /// Dropping this loses nothing: what was not noted is brought again by the next drainer.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut pause = FIRST_PAUSE;
        let mut noted = (
            Instant::now(),
            self.progress.drained.load(Ordering::Relaxed),
        );
        loop {
            let step = tokio::select! {
                biased;
                () = &mut stop => break,
                step = self.step() => step,
            };
            match step {
                Ok(brought) => {
                    pause = FIRST_PAUSE;
                    self.progress.failing.store(false, Ordering::Relaxed);
                    let last = self.progress.drained.load(Ordering::Relaxed);
                    if last > noted.1 && noted.0.elapsed() >= NOTE_EVERY {
                        self.note(last);
                        noted = (Instant::now(), last);
                    }
                    if brought == 0 {
                        tokio::select! {
                            () = &mut stop => break,
                            () = self.more() => {}
                        }
                    }
                }
                Err(error) => {
                    self.failed(&error, pause);
                    tokio::select! {
                        () = &mut stop => break,
                        () = sleep(jitter(pause)) => {}
                    }
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
        while matches!(self.step().await, Ok(1..)) {}
        self.note(self.progress.drained.load(Ordering::Relaxed));
    }

    /// Brings one batch. Says how many records it took.
    async fn step(&mut self) -> Result<u64, DrainError> {
        let Some(journal) = self.ledger.journal() else {
            return Ok(0);
        };
        let until = journal.durable();
        let before = self.progress.drained.load(Ordering::Relaxed);
        if until <= before {
            return Ok(0);
        }
        // A batch that the store did not take is read again from where the one before it ended.
        let mut tail = match self.tail.take() {
            Some(tail) if tail.last() == before => tail,
            _ => journal.tail_from(before),
        };
        let read = tokio::task::spawn_blocking(move || {
            let batch = tail.read(until, BATCH);
            (tail, batch)
        });
        let (tail, batch) = read.await.map_err(|_| DrainError::Gone)?;
        self.tail = Some(tail);
        let Batch { events, last } = batch.map_err(DrainError::Read)?;
        if !events.is_empty() {
            self.store.apply(&events).await.map_err(DrainError::Store)?;
        }
        let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
        self.progress.events.fetch_add(count, Ordering::Relaxed);
        self.progress.drained.store(last, Ordering::Release);
        Ok(last.saturating_sub(before))
    }

    /// Waits until there may be more, or until it is time to look.
    async fn more(&self) {
        if let Some(journal) = self.ledger.journal() {
            // Nothing is lost when the time is up: the next look finds it.
            drop(timeout(NOTE_EVERY, journal.flushed()).await);
        }
    }

    fn note(&self, last: u64) {
        if let Some(journal) = self.ledger.journal() {
            journal.drained(last);
        }
    }

    fn failed(&self, error: &DrainError, pause: Duration) {
        self.progress.failures.fetch_add(1, Ordering::Relaxed);
        if !self.progress.failing.swap(true, Ordering::Relaxed) {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(%error, cause, ?pause, "the ledger's store is behind");
        }
    }
}

impl Progress {
    /// The number of the last record the store has.
    pub fn drained(&self) -> u64 {
        self.drained.load(Ordering::Acquire)
    }

    /// Events the store has taken since start.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Times the store did not take a batch.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Whether the store did not take the last batch.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }
}

/// Between half of a pause and all of it, so that nodes do not come back together.
fn jitter(pause: Duration) -> Duration {
    let half = pause.checked_div(2).unwrap_or_default();
    let most = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
    half.saturating_add(Duration::from_micros(fastrand::u64(0..=most)))
}

#[cfg(test)]
#[cfg(not(ferrogate_loom))]
mod tests;
