//! What is done again and again for what outlives a configuration. Each ends when its task is dropped, unless it says
//! otherwise.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_admin::{Changed, Node as _};
use ferrogate_auth::{KeyStore as _, SessionStore, Sessions};
use ferrogate_billing::Progress;
use ferrogate_config::model::Retention;
use ferrogate_observability::StateFigures;
use ferrogate_proxy::Shared;
use ferrogate_storage::{AnswerStore as _, ChangeStore as _, KeyChange, LogWriter, Store, sweep};
use ferrogate_types::{Timestamp, clock};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::remember;
use crate::live::Live;

/// How often limits forget whom they need not remember.
const LIMITS: Duration = Duration::from_secs(60);
/// How often the uses of keys are written.
const USES: Duration = Duration::from_secs(5);
/// How often other nodes' changes are looked for: a key that is revoked there is refused here within a second.
const CHANGES: Duration = Duration::from_millis(500);
/// How often grants of budgets are looked after.
const GRANTS: Duration = Duration::from_millis(200);
/// How often old rows are deleted.
const RETENTION: Duration = Duration::from_secs(600);
/// How long answers to writes with an `Idempotency-Key` are kept.
const ANSWERS: Duration = Duration::from_secs(24 * 3600);

/// Lets limits forget.
pub(super) async fn sweep_limits(shared: Arc<Shared>) {
    loop {
        sleep(LIMITS).await;
        for gateway in &shared.snapshot().gateways {
            gateway.limits.sweep(Instant::now());
        }
    }
}

/// Claims and gives back what this node may spend of shared budgets.
pub(super) async fn look(shared: Arc<Shared>) {
    let mut failing = false;
    loop {
        sleep(GRANTS).await;
        let Some(grants) = &shared.books.grants else {
            return;
        };
        match grants.look(clock::since_epoch()).await {
            Ok(()) => failing = false,
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(
                        error = crate::lower::chain(&error),
                        "what nodes share of budgets cannot be reached"
                    );
                }
            }
        }
    }
}

/// Writes down which keys were used, and once more at the end.
pub(super) async fn write_uses(
    store: Arc<Store>,
    shared: Arc<Shared>,
    stop: impl Future<Output = ()>,
) {
    let mut stop = std::pin::pin!(stop);
    let mut unwritten = Vec::new();
    loop {
        let last = tokio::select! {
            () = &mut stop => true,
            () = sleep(USES) => false,
        };
        if unwritten.is_empty() {
            unwritten = shared.credentials.drain_uses();
        }
        if !unwritten.is_empty() {
            match store.add_key_uses(&unwritten).await {
                Ok(()) => unwritten.clear(),
                // They are added to what comes later; the store says itself that it is down.
                Err(error) => tracing::debug!(%error, "uses of keys wait for the store"),
            }
        }
        if last {
            return;
        }
    }
}

/// Takes in what other nodes change, and what this one missed while the store was down. `untold` is who is signed in,
/// where the store has not told yet what it remembers.
pub(super) async fn follow(store: Arc<Store>, live: Arc<Live>, mut untold: Option<Arc<Sessions>>) {
    let mut ticks = interval(CHANGES);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut keys = 0;
    let mut declared: Option<[u64; 3]> = None;
    loop {
        ticks.tick().await;
        if let Some(sessions) = &untold {
            let Shared {
                credentials, books, ..
            } = &*live.shared;
            let told = remember(&store, credentials, sessions, books).await;
            live.shared.store_answers(told.is_ok());
            if told.is_err() {
                continue;
            }
            untold = None;
        }
        let now = store.generations().await;
        live.shared.store_answers(now.is_ok());
        let Ok(now) = now else { continue };
        if now.keys != keys
            && let Some(reached) = follow_keys(&store, &live, keys).await
        {
            keys = reached;
        }
        let others = [now.tenants, now.policies, now.budgets];
        if declared != Some(others) {
            match live.refresh(Changed::Tenants).await {
                Ok(()) => declared = Some(others),
                Err(reason) => {
                    tracing::warn!(reason, "what the state store declares is not in force");
                    // It may be a matter of moments, or of somebody who has to look.
                    sleep(LIMITS / 6).await;
                }
            }
        }
    }
}

/// Takes in the keys that changed after a generation. Says up to which that is.
async fn follow_keys(store: &Store, live: &Live, since: u64) -> Option<u64> {
    use ferrogate_storage::KeyStore as _;
    let issued = &live.shared.credentials.issued;
    let mut since = since;
    loop {
        let (changes, reached) = store.key_changes(since, 1_000).await.ok()?;
        let none = changes.is_empty();
        for change in changes {
            match change {
                KeyChange::Deleted(id) => {
                    if issued.remove(&id) {
                        live.key_removed(&id).await;
                    }
                }
                KeyChange::Put(row) => match ferrogate_storage::key_from_store(*row) {
                    Ok(record) => live.take_key(record).await,
                    Err(error) => tracing::error!(%error, "a key of the store cannot be read"),
                },
            }
        }
        if none || reached == since {
            return Some(reached);
        }
        since = reached;
    }
}

/// Measures how state fares, for the metrics.
pub(super) async fn measure(
    shared: Arc<Shared>,
    writer: Option<LogWriter>,
    progress: Option<Arc<Progress>>,
) {
    loop {
        let health = shared.books.ledger.health();
        let drained = progress.as_ref().map_or(0, |progress| progress.drained());
        let rows = writer.as_ref().map(LogWriter::counts).unwrap_or_default();
        shared.metrics.state(&StateFigures {
            store_up: !shared.store_is_down(),
            journal_failing: health.journal.is_some_and(|journal| journal.failing),
            journal_free: health.journal.map_or(0, |journal| {
                u64::try_from(journal.slots.1 / 2).unwrap_or(u64::MAX)
            }),
            undrained: health
                .journal
                .map_or(0, |journal| journal.durable.saturating_sub(drained)),
            overruns: health.overruns,
            unrecorded: health.unrecorded,
            lost: health.lost,
            request_logs: [rows.written, rows.dropped, rows.lost],
        });
        sleep(USES).await;
    }
}

/// Forgets what is kept for a while only.
pub(super) async fn tidy(store: Arc<Store>, sessions: Arc<Sessions>) {
    loop {
        sleep(RETENTION).await;
        let (_, ended) = sessions.sweep(clock::since_epoch().as_secs());
        if !ended.is_empty()
            && let Err(error) = SessionStore::delete_sessions(&*store, &ended).await
        {
            tracing::debug!(%error, "sessions that ended wait for the store");
        }
        let now = Timestamp::from_epoch(clock::since_epoch());
        if let Err(error) = store.forget_answers(now.minus(ANSWERS)).await {
            tracing::debug!(%error, "old answers wait for the store");
        }
    }
}

/// Deletes entries about requests that are old or too many.
pub(super) async fn sweep_logs(store: Arc<Store>, retention: Retention) {
    let retention = ferrogate_storage::Retention {
        age: retention.age,
        rows: retention.rows,
    };
    loop {
        sleep(RETENTION).await;
        let now = Timestamp::from_epoch(clock::since_epoch());
        match sweep(&*store, retention, now).await {
            Ok(swept) if swept.aged + swept.surplus > 0 => {
                tracing::info!(
                    aged = swept.aged,
                    surplus = swept.surplus,
                    "old request logs were deleted"
                );
                if let Err(error) = store.tidy().await {
                    tracing::debug!(%error, "the store was not tidied");
                }
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "old request logs wait for the store"),
        }
    }
}
