//! What stands between requests and the rates that nodes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ferrogate_policy::{SharedCharge, SharedCounters, SharedFailure, SharedReceipt, SharedVerdict};
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

use crate::redis::Redis;
use crate::redis::rate::Settlement;

/// How shared rates are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateSettings {
    /// How long a request waits for an answer at most, making a connection included. An answer that takes longer counts
    /// as none for all who share the client: where that is normal, give these counters a client of their own.
    pub patience: Duration,
    /// Settlements that may wait; more are dropped and counted. One takes about two hundred bytes.
    pub queue: usize,
}

impl Default for RateSettings {
    fn default() -> Self {
        Self {
            patience: Duration::from_millis(100),
            queue: 8_192,
        }
    }
}

/// Rates that nodes share, in Redis.
///
/// A request waits for one script and never longer than its patience. Once Redis has not answered, requests are told
/// so at once, and only the [`RateTask`] asks until it does: without that running, it never would. Settlements go
/// through a queue.
#[derive(Debug)]
pub struct RateCounters {
    redis: Arc<Redis>,
    patience: Duration,
    queue: mpsc::Sender<Settlement>,
    counts: Arc<Counts>,
    /// Wakes the task when Redis does not answer.
    down: Arc<Notify>,
}

/// The other end: what brings settlements to Redis, and looks whether it is back. [`run`](Self::run) it on a task.
#[derive(Debug)]
pub struct RateTask {
    redis: Arc<Redis>,
    queue: mpsc::Receiver<Settlement>,
    counts: Arc<Counts>,
    down: Arc<Notify>,
    /// Taken from the queue, and not sent yet.
    batch: Vec<Settlement>,
}

/// What became of settlements so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateCounts {
    /// Brought to Redis.
    pub settled: u64,
    /// Not taken, because the queue was full or its end was gone.
    pub dropped: u64,
    /// Taken, and then not answered by Redis or left behind at the end.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Counts {
    settled: AtomicU64,
    dropped: AtomicU64,
    lost: AtomicU64,
}

/// Settlements in one script: well under a millisecond of Redis' time.
const BATCH: usize = 128;
/// Between two looks whether Redis is back, of which the client lets few through when it is away for long.
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl RateCounters {
    /// Rates in Redis, and the task that settles them.
    pub fn new(redis: Arc<Redis>, settings: RateSettings) -> (Self, RateTask) {
        let (sender, queue) = mpsc::channel(settings.queue.max(1));
        let counts = Arc::new(Counts::default());
        let down = Arc::new(Notify::new());
        let counters = Self {
            redis: Arc::clone(&redis),
            patience: settings.patience,
            queue: sender,
            counts: Arc::clone(&counts),
            down: Arc::clone(&down),
        };
        let task = RateTask {
            redis,
            queue,
            counts,
            down,
            batch: Vec::new(),
        };
        (counters, task)
    }

    /// What became of settlements so far.
    pub fn counts(&self) -> RateCounts {
        RateCounts {
            settled: self.counts.settled.load(Ordering::Relaxed),
            dropped: self.counts.dropped.load(Ordering::Relaxed),
            lost: self.counts.lost.load(Ordering::Relaxed),
        }
    }
}

#[async_trait]
impl SharedCounters for RateCounters {
    async fn take(&self, charges: &[SharedCharge]) -> Result<SharedVerdict, SharedFailure> {
        let failure = match self.redis.turned_away() {
            Some(reason) => reason,
            None => match self.redis.take(charges, self.patience).await {
                Ok(verdict) => return Ok(verdict),
                Err(error) => error.to_string(),
            },
        };
        self.down.notify_one();
        Err(SharedFailure(failure))
    }

    fn settle(&self, charge: SharedCharge, receipt: SharedReceipt, used: u64) {
        let Some(settlement) = Settlement::new(&charge, receipt, used) else {
            return;
        };
        if self.queue.try_send(settlement).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl RateTask {
    /// Settles until `stop` is done or the [`RateCounters`] are gone; then what still waits, for at most `grace`.
    ///
    /// While Redis is away settlements wait in the queue. One that was sent and not answered is not sent again, for
    /// it may have been heard.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send, grace: Duration) {
        let work = async {
            // So that the first request finds a connection.
            self.look().await;
            while self.step().await {}
        };
        tokio::select! {
            biased;
            () = stop => {}
            () = work => return,
        }
        self.queue.close();
        let left = tokio::time::timeout(grace, async { while self.step().await {} });
        if left.await.is_err() {
            let mut lost = self.batch.len();
            while self.queue.try_recv().is_ok() {
                lost += 1;
            }
            count(&self.counts.lost, lost);
        }
    }

    /// Brings one batch, or looks whether Redis is back. Says whether more may come.
    ///
    /// # Cancel safety
    ///
    /// What was sent may have been heard, and counts as lost; the rest stays.
    async fn step(&mut self) -> bool {
        if self.redis.turned_away().is_some() {
            sleep(LOOK_EVERY).await;
            self.look().await;
            return !(self.queue.is_closed() && self.queue.is_empty() && self.batch.is_empty());
        }
        if self.batch.is_empty() {
            tokio::select! {
                taken = self.queue.recv_many(&mut self.batch, BATCH) => {
                    if taken == 0 {
                        return false;
                    }
                }
                () = self.down.notified() => {}
            }
            // It may have gone away meanwhile.
            return true;
        }
        let batch = std::mem::take(&mut self.batch);
        let mut sent = Sent {
            number: batch.len(),
            lost: &self.counts.lost,
        };
        if self.redis.settle(&batch).await.is_ok() {
            count(&self.counts.settled, std::mem::take(&mut sent.number));
        }
        true
    }

    /// Asks Redis whether it is there. What it says is known to its client afterwards.
    async fn look(&self) {
        let _answer = self.redis.ping().await;
    }
}

/// Settlements that were sent. Those that are not known to be heard at its end count as lost.
struct Sent<'a> {
    number: usize,
    lost: &'a AtomicU64,
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        count(self.lost, self.number);
    }
}

fn count(counter: &AtomicU64, number: usize) {
    let number = u64::try_from(number).unwrap_or(u64::MAX);
    counter.fetch_add(number, Ordering::Relaxed);
}
