use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use async_trait::async_trait;
use ferrogate_types::{AccountId, LedgerEventId};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::*;
use crate::ledger::tests::{NOW, charge, flushed, open};
use crate::{JournalSettings, LedgerEvent, Posting, Window};

/// A store in memory, which may be told to fail.
#[derive(Debug, Default)]
struct Memory {
    inner: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    ids: HashSet<LedgerEventId>,
    order: Vec<LedgerEventId>,
    balances: BTreeMap<(AccountId, Window), Posting>,
    brought: usize,
    /// Batches to refuse before the next is taken.
    refusals: usize,
    /// Batches to take without saying so.
    losses: usize,
}

fn away() -> StoreError {
    StoreError::Unavailable("away".into())
}

#[async_trait]
impl LedgerStore for Memory {
    async fn apply(&self, batch: &[LedgerEvent]) -> Result<(), StoreError> {
        let mut kept = self.inner.lock();
        if kept.refusals > 0 {
            kept.refusals -= 1;
            return Err(away());
        }
        for event in batch {
            kept.brought += 1;
            if !kept.ids.insert(event.id) {
                continue;
            }
            kept.order.push(event.id);
            for posting in &event.postings {
                let key = (posting.account.clone(), posting.window);
                let balance = kept.balances.entry(key).or_insert(Posting {
                    amount: 0,
                    ..posting.clone()
                });
                balance.amount += posting.amount;
            }
        }
        if kept.losses > 0 {
            kept.losses -= 1;
            return Err(away());
        }
        Ok(())
    }

    async fn load_balances(&self, now: i64) -> Result<Vec<Posting>, StoreError> {
        let kept = self.inner.lock();
        let live = kept
            .balances
            .values()
            .filter(|posting| posting.window.end() > now);
        Ok(live.cloned().collect())
    }
}

/// Makes calls of one nano-dollar each and drains them; says their ids in order.
async fn spend(
    folder: &Path,
    settings: &JournalSettings,
    store: &Arc<Memory>,
    calls: usize,
) -> Vec<LedgerEventId> {
    let fixture = open(folder, settings);
    let drainer = Drainer::new(&fixture.ledger, Arc::clone(store)).unwrap();
    let progress = drainer.progress();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut ids = Vec::new();
    let work = async {
        for _ in 0..calls {
            let mut call = fixture.reserve(1).unwrap();
            call.recorded().await.unwrap();
            ids.push(call.id());
            call.settle(charge(1), NOW);
        }
        let wanted = u64::try_from(calls).unwrap();
        while progress.events() < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(stop);
    };
    let run = drainer.run(async { drop(stopped.await) });
    tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(work, run) })
        .await
        .unwrap();
    ids
}

#[tokio::test]
async fn brings_everything_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let settings = JournalSettings {
        segment_bytes: 3_000,
        ..flushed()
    };
    let store = Arc::new(Memory::default());
    store.inner.lock().refusals = 2;
    store.inner.lock().losses = 1;
    let mut ids = spend(folder.path(), &settings, &store, 40).await;
    let again = spend(folder.path(), &settings, &store, 20).await;
    ids.extend(again);
    let balances = store.load_balances(0).await.unwrap();
    assert_eq!(
        balances
            .iter()
            .map(|posting| posting.amount)
            .collect::<Vec<_>>(),
        [60, 60]
    );
    let kept = store.inner.lock();
    assert_eq!(kept.order, ids);
    assert!(kept.brought < 120, "{} for 60", kept.brought);
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(files <= 5, "{files} files are left of what was drained");
}

#[tokio::test]
async fn files_stay_until_the_store_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let settings = JournalSettings {
        segment_bytes: 3_000,
        ..flushed()
    };
    let fixture = open(folder.path(), &settings);
    for _ in 0..40 {
        let mut call = fixture.reserve(1).unwrap();
        call.recorded().await.unwrap();
        call.settle(charge(1), NOW);
    }
    drop((fixture.ledger, fixture.chain));
    let fixture = open(folder.path(), &settings);
    let journal = fixture.ledger.journal().unwrap();
    let events = journal.tail().read(journal.durable(), 100).unwrap().events;
    assert_eq!(events.len(), 40);
}
