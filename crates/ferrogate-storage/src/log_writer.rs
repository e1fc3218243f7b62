//! What stands between requests and their record.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::state::StoreState;
use crate::traits::request_log::{LogBatch, RequestLog, RequestLogStore};

/// How rows are gathered and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogWriterSettings {
    /// Rows that may wait; more are dropped and counted. A row takes about a kibibyte.
    pub queue: usize,
    /// Rows that are written at once.
    pub batch: usize,
    /// How long a row waits for others.
    pub linger: Duration,
    /// How long a failed write waits at first before it is tried again; twice that each time after.
    pub backoff: Duration,
    /// How long it waits at most.
    pub max_backoff: Duration,
}

impl Default for LogWriterSettings {
    fn default() -> Self {
        Self {
            queue: 16_384,
            batch: 512,
            linger: Duration::from_millis(250),
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(10),
        }
    }
}

/// Takes rows and never waits. Cloning gives another handle on the same queue.
#[derive(Clone, Debug)]
pub struct LogWriter {
    queue: mpsc::Sender<Order>,
    counts: Arc<Counts>,
    state: watch::Receiver<StoreState>,
}

/// The other end: what writes the rows. [`run`](Self::run) it on a task.
pub struct LogTask {
    store: Arc<dyn RequestLogStore>,
    settings: LogWriterSettings,
    queue: mpsc::Receiver<Order>,
    counts: Arc<Counts>,
    state: watch::Sender<StoreState>,
    writer: String,
    number: u64,
    /// Gathered and in no batch yet.
    waiting: Vec<RequestLog>,
    /// What is to be written next, or was perhaps without a word of it: its number tells the store.
    batch: Option<LogBatch>,
    flushes: Vec<oneshot::Sender<()>>,
}

/// What became of rows so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// Written.
    pub written: u64,
    /// Not taken, because the queue was full or its end was gone.
    pub dropped: u64,
    /// Taken, and then refused by the store or left behind at the end.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Counts {
    written: AtomicU64,
    dropped: AtomicU64,
    lost: AtomicU64,
}

#[derive(Debug)]
enum Order {
    Write(Box<RequestLog>),
    Flush(oneshot::Sender<()>),
}

impl LogWriter {
    /// A queue in front of a store, and the task that empties it.
    pub fn new(store: Arc<dyn RequestLogStore>, settings: LogWriterSettings) -> (Self, LogTask) {
        let (sender, queue) = mpsc::channel(settings.queue.max(1));
        let (state, states) = watch::channel(StoreState::Unknown);
        let counts = Arc::new(Counts::default());
        let writer = Self {
            queue: sender,
            counts: Arc::clone(&counts),
            state: states,
        };
        let task = LogTask {
            store,
            settings,
            queue,
            counts,
            state,
            writer: format!("{:032x}", fastrand::u128(..)),
            number: 0,
            waiting: Vec::new(),
            batch: None,
            flushes: Vec::new(),
        };
        (writer, task)
    }

    /// Takes a row, or counts it as dropped. Says which.
    pub fn record(&self, row: RequestLog) -> bool {
        let taken = self.queue.try_send(Order::Write(Box::new(row))).is_ok();
        if !taken {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Waits until every row that was taken before is written or lost.
    ///
    /// For as long as the store is down that is for ever: give it a deadline.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.queue.send(Order::Flush(done)).await.is_ok() {
            // An end that went away has nothing left to write.
            let _flushed = flushed.await;
        }
    }

    /// How the store is doing, by the last write.
    pub fn state(&self) -> StoreState {
        self.state.borrow().clone()
    }

    /// What became of rows so far.
    pub fn counts(&self) -> LogCounts {
        LogCounts {
            written: self.counts.written.load(Ordering::Relaxed),
            dropped: self.counts.dropped.load(Ordering::Relaxed),
            lost: self.counts.lost.load(Ordering::Relaxed),
        }
    }
}

impl std::fmt::Debug for LogTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogTask").finish_non_exhaustive()
    }
}

impl LogTask {
    /// Writes rows until `stop` is done or every [`LogWriter`] is gone; then what still waits, for at most `grace`.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send, grace: Duration) {
        {
            let mut stop = std::pin::pin!(stop);
            loop {
                tokio::select! {
                    biased;
                    () = &mut stop => break,
                    more = self.gather() => {
                        if !more {
                            break;
                        }
                    }
                }
                tokio::select! {
                    biased;
                    () = &mut stop => break,
                    () = self.write() => {}
                }
            }
        }
        let left = tokio::time::timeout(grace, async {
            self.queue.close();
            self.write().await;
            while self.gather().await {
                self.write().await;
            }
            self.write().await;
        });
        if left.await.is_err() {
            let mut lost = self.waiting.len();
            lost += self.batch.take().map_or(0, |batch| batch.rows.len());
            while let Ok(order) = self.queue.try_recv() {
                lost += usize::from(matches!(order, Order::Write(_)));
            }
            tracing::warn!(
                rows = lost,
                "the end came before the last request logs were written"
            );
            count(&self.counts.lost, lost);
        }
    }

    /// Gathers a batch. Says whether more may come after it.
    ///
    /// # Cancel safety
    ///
    /// What was gathered stays gathered.
    async fn gather(&mut self) -> bool {
        let mut deadline: Option<Instant> = (!self.waiting.is_empty()).then(Instant::now);
        loop {
            if self.waiting.len() >= self.settings.batch.max(1) {
                return true;
            }
            let next = match deadline {
                None => self.queue.recv().await,
                Some(deadline) => {
                    match tokio::time::timeout_at(deadline, self.queue.recv()).await {
                        Ok(next) => next,
                        Err(_) => return true,
                    }
                }
            };
            match next {
                Some(Order::Write(row)) => {
                    self.waiting.push(*row);
                    deadline.get_or_insert_with(|| Instant::now() + self.settings.linger);
                }
                Some(Order::Flush(done)) => {
                    self.flushes.push(done);
                    return true;
                }
                None => return false,
            }
        }
    }

    /// Writes what was gathered, however often it takes.
    ///
    /// # Cancel safety
    ///
    /// What was not written stays with its number, and what was written without a word of it is not written again.
    async fn write(&mut self) {
        let mut backoff = self.settings.backoff;
        while let Some(batch) = self.batch.take().or_else(|| self.next_batch()) {
            let batch = self.batch.insert(batch);
            let rows = batch.rows.len();
            let result = self.store.append_logs(batch).await;
            self.state
                .send_modify(|state| state.note("request logs", &result));
            match result {
                Ok(()) => {
                    count(&self.counts.written, rows);
                    self.batch = None;
                }
                Err(error) if error.is_passing() => {
                    // Half of it at random, so that nodes do not come back together.
                    let wait = backoff.mul_f64(0.5 + fastrand::f64() / 2.0);
                    tokio::time::sleep(wait).await;
                    backoff = (backoff * 2).min(self.settings.max_backoff);
                }
                Err(error) => {
                    tracing::error!(%error, rows, "the store refused request logs");
                    count(&self.counts.lost, rows);
                    self.batch = None;
                }
            }
        }
        for done in self.flushes.drain(..) {
            // Whoever asked may have stopped waiting.
            let _told = done.send(());
        }
    }

    fn next_batch(&mut self) -> Option<LogBatch> {
        if self.waiting.is_empty() {
            return None;
        }
        self.number += 1;
        Some(LogBatch {
            writer: self.writer.clone(),
            number: self.number,
            rows: std::mem::take(&mut self.waiting),
        })
    }
}

fn count(counter: &AtomicU64, rows: usize) {
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    counter.fetch_add(rows, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
