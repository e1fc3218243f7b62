use async_trait::async_trait;
use ferrogate_types::Timestamp;
use parking_lot::Mutex;

use super::*;
use crate::error::StoreError;
use crate::page::{Listing, Page};
use crate::traits::request_log::{Buckets, LogFilter, LogStats, StoredLog};

/// Takes batches, and fails when it is told to.
#[derive(Debug, Default)]
struct Recorder {
    batches: Mutex<Vec<LogBatch>>,
    failures: Mutex<Vec<StoreError>>,
}

impl Recorder {
    fn failing(failures: &[StoreError]) -> Arc<Self> {
        Arc::new(Self {
            failures: Mutex::new(failures.iter().rev().cloned().collect()),
            ..Self::default()
        })
    }

    /// The batches by number, each with its rows.
    fn written(&self) -> Vec<(u64, Vec<String>)> {
        let batches = self.batches.lock();
        let rows = |batch: &LogBatch| {
            batch
                .rows
                .iter()
                .map(|row| row.request_id.clone())
                .collect()
        };
        batches
            .iter()
            .map(|batch| (batch.number, rows(batch)))
            .collect()
    }
}

#[async_trait]
impl RequestLogStore for Recorder {
    async fn append_logs(&self, batch: &LogBatch) -> Result<(), StoreError> {
        if let Some(error) = self.failures.lock().pop() {
            return Err(error);
        }
        self.batches.lock().push(batch.clone());
        Ok(())
    }

    async fn logs(&self, _: &LogFilter, _: Page) -> Result<Listing<StoredLog>, StoreError> {
        Err(unasked())
    }

    async fn logs_of(&self, _: &str) -> Result<Vec<StoredLog>, StoreError> {
        Err(unasked())
    }

    async fn log_stats(&self, _: &LogFilter, _: Option<Buckets>) -> Result<LogStats, StoreError> {
        Err(unasked())
    }

    async fn delete_logs(&self, _: Timestamp, _: &LogFilter, _: u32) -> Result<u64, StoreError> {
        Err(unasked())
    }

    async fn surplus_logs(&self, _: u64) -> Result<Option<i64>, StoreError> {
        Err(unasked())
    }

    async fn trim_logs(&self, _: i64, _: u32) -> Result<u64, StoreError> {
        Err(unasked())
    }
}

fn unasked() -> StoreError {
    StoreError::Refused("nobody should ask".to_owned())
}

fn row(id: &str) -> RequestLog {
    RequestLog {
        request_id: id.to_owned(),
        ..RequestLog::default()
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("gone".to_owned())
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

const SMALL: LogWriterSettings = LogWriterSettings {
    queue: 4,
    batch: 2,
    linger: Duration::from_millis(250),
    backoff: Duration::from_millis(100),
    max_backoff: Duration::from_secs(1),
};

#[tokio::test(start_paused = true)]
async fn writes_in_batches_and_flushes() {
    let store = Recorder::failing(&[]);
    let (writer, task) = LogWriter::new(store.clone(), SMALL);
    let task = tokio::spawn(task.run(std::future::pending(), Duration::ZERO));
    for id in ["a", "b", "c"] {
        assert!(writer.record(row(id)));
    }
    writer.flush().await;
    assert_eq!(store.written(), [(1, ids(&["a", "b"])), (2, ids(&["c"]))]);
    assert_eq!(writer.counts().written, 3);
    assert_eq!(writer.state(), StoreState::Up);
    drop(writer);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn lingers_for_others_but_not_for_long() {
    let store = Recorder::failing(&[]);
    let (writer, task) = LogWriter::new(store.clone(), SMALL);
    let task = tokio::spawn(task.run(std::future::pending(), Duration::ZERO));
    writer.record(row("a"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(store.written(), []);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(store.written(), [(1, ids(&["a"]))]);
    drop(writer);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn never_waits_and_tries_again() {
    let store = Recorder::failing(&[gone(), StoreError::Busy(String::new()), gone()]);
    let (writer, task) = LogWriter::new(store.clone(), SMALL);
    for id in ["a", "b", "c", "d", "e", "f"] {
        writer.record(row(id));
    }
    assert_eq!(writer.counts().dropped, 2);
    let task = tokio::spawn(task.run(std::future::pending(), Duration::ZERO));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(matches!(writer.state(), StoreState::Down { .. }));
    writer.flush().await;
    // The same batch under the same number, until it is there.
    assert_eq!(
        store.written(),
        [(1, ids(&["a", "b"])), (2, ids(&["c", "d"]))]
    );
    assert_eq!(writer.state(), StoreState::Up);
    drop(writer);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn gives_up_what_the_store_refuses() {
    let store = Recorder::failing(&[StoreError::Refused("odd".to_owned())]);
    let (writer, task) = LogWriter::new(store.clone(), SMALL);
    let task = tokio::spawn(task.run(std::future::pending(), Duration::ZERO));
    for id in ["a", "b", "c"] {
        writer.record(row(id));
    }
    writer.flush().await;
    assert_eq!(store.written(), [(2, ids(&["c"]))]);
    let counts = LogCounts {
        written: 1,
        dropped: 0,
        lost: 2,
    };
    assert_eq!(writer.counts(), counts);
    drop(writer);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_writes_what_waits() {
    let store = Recorder::failing(&[]);
    let (writer, task) = LogWriter::new(store.clone(), SMALL);
    for id in ["a", "b", "c"] {
        writer.record(row(id));
    }
    task.run(std::future::ready(()), Duration::from_secs(5))
        .await;
    assert_eq!(writer.counts().written, 3);
    assert!(!writer.record(row("late")));
    assert_eq!(writer.counts().dropped, 1);
    // Nobody is there to wait for.
    writer.flush().await;
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_only_so_long() {
    let store = Recorder::failing(&vec![gone(); 1_000]);
    let (writer, task) = LogWriter::new(store.clone(), SMALL);
    for id in ["a", "b", "c"] {
        writer.record(row(id));
    }
    let stop = tokio::time::sleep(Duration::from_secs(3));
    task.run(stop, Duration::from_secs(5)).await;
    assert_eq!(store.written(), []);
    assert_eq!(writer.counts().lost, 3);
}
