//! The journal of a ledger, drained into a store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_billing::{
    AccountSpec, Adjustment, Attempt, Chain, Charge, Drainer, JournalSettings, Ledger, LedgerStore,
    OnExceed, OnStoreFailure, Period, Posting, Spend, Unit, Window, Zone,
};
use ferrogate_storage::{self as storage, Store, UsageQuery};
use ferrogate_types::{AccountId, LedgerEventId, Money, Usage};
use tokio::sync::oneshot;

use super::billing::call;
use crate::place::Place;

const NOW: Duration = Duration::from_secs(1_790_000_000);
const ACCOUNTS: [&str; 2] = ["key/usd", "team/usd"];

fn open(folder: &Path) -> (Ledger, Arc<Chain>) {
    let settings = JournalSettings {
        // A file every few dozen calls, and time for the process before to end.
        segment_bytes: 8_000,
        lock_wait: Duration::from_secs(30),
        ..JournalSettings::default()
    };
    let (ledger, _) = Ledger::open(folder, &settings).unwrap();
    let ids = ACCOUNTS.map(|id| id.parse::<AccountId>().unwrap());
    let spec = |id: &AccountId| AccountSpec {
        id: id.clone(),
        subject: ferrogate_types::Subject::Global,
        unit: Unit::NanoDollars,
        limit: i64::MAX,
        period: Period::Total,
        zone: Zone::UTC,
        on_exceed: OnExceed::Block,
        on_store_failure: OnStoreFailure::Closed,
        shared: false,
    };
    ledger.book().define(ids.each_ref().map(spec), NOW);
    let chain = ledger.book().chain(&ids);
    (ledger, chain)
}

fn spend(nanos: i64) -> Spend {
    Spend {
        usage: Usage::default(),
        cost: Some(Money::from_nanos(nanos.into())),
    }
}

fn refund(of: LedgerEventId, amount: i64) -> (Adjustment, Vec<Posting>) {
    let adjustment = Adjustment {
        of,
        actual: None,
        reason: "a refund".into(),
    };
    let posting = |account: &str| Posting {
        account: account.parse().unwrap(),
        unit: Unit::NanoDollars,
        window: Window::ALWAYS,
        amount: -amount,
    };
    (adjustment, ACCOUNTS.map(posting).into())
}

/// Makes some calls. Returns how many were charged.
pub(crate) async fn make_calls(
    ledger: &Ledger,
    chain: &Arc<Chain>,
    random: &mut fastrand::Rng,
    count: usize,
) -> u64 {
    let mut charged = 0;
    for _ in 0..count {
        let worst = random.i64(1..1_000);
        let reserved = ledger.reserve(chain, call(), spend(worst), Attempt::Asked, NOW);
        let mut reservation = reserved.unwrap();
        reservation.recorded().await.unwrap();
        if random.u8(0..6) == 0 {
            reservation.release();
            continue;
        }
        let id = reservation.id();
        let charge = Charge {
            spend: spend(random.i64(0..=worst)),
            provider: None,
            upstream_model: None,
            price: None,
            estimated: random.bool(),
        };
        reservation.settle(charge, NOW);
        charged += 1;
        if random.u8(0..6) == 0 {
            let (adjustment, differences) = refund(id, random.i64(1..9));
            ledger.adjust(adjustment, differences, NOW).unwrap();
        }
    }
    charged
}

/// Brings everything, and holds the store against the ledger's own books.
pub(crate) async fn assert_drained(ledger: &Ledger, store: &Arc<Store>, calls: u64) {
    let drainer = Drainer::new(ledger, Arc::clone(store)).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let draining = tokio::spawn(drainer.run(async { drop(stopped.await) }));
    let booked: Vec<_> = ACCOUNTS
        .iter()
        .map(|id| {
            ledger
                .book()
                .state(&id.parse().unwrap(), NOW)
                .unwrap()
                .spent
        })
        .collect();
    let usage = UsageQuery {
        limit: 1,
        ..UsageQuery::default()
    };
    let kept = loop {
        let kept = store.load_balances(0).await.unwrap();
        let kept: Vec<_> = kept.into_iter().map(|posting| posting.amount).collect();
        let rows = storage::LedgerStore::usage(&**store, &usage).await.unwrap();
        if (&kept, rows[0].requests) == (&booked, calls) || draining.is_finished() {
            break kept;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    // What it brings at its end must change nothing either.
    drop(stop);
    draining.await.unwrap();
    let rows = storage::LedgerStore::usage(&**store, &usage).await.unwrap();
    assert_eq!((kept, rows[0].requests), (booked, calls));
}

/// Drainers that are dropped wherever they are, in processes that start again and again: what was brought in part, or
/// without anybody hearing of it, counts once.
pub(super) async fn a_drainer_may_be_stopped_anywhere(place: &Place) {
    let folder = tempfile::tempdir().unwrap();
    let store = place.store();
    let mut random = fastrand::Rng::with_seed(3);
    let mut calls = 0;
    store.ping().await.unwrap();
    for _ in 0..8 {
        let (ledger, chain) = open(folder.path());
        for last in [false, false, true] {
            let drainer = Drainer::new(&ledger, Arc::clone(&store)).unwrap();
            let progress = drainer.progress();
            let draining = tokio::spawn(drainer.run(std::future::pending()));
            calls += make_calls(&ledger, &chain, &mut random, 30).await;
            tokio::time::sleep(Duration::from_micros(random.u64(0..20_000))).await;
            // However slow the store is, some are stopped after they began.
            while last && progress.events() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            draining.abort();
            assert!(draining.await.unwrap_err().is_cancelled());
        }
    }
    let (ledger, _) = open(folder.path());
    tokio::time::timeout(
        Duration::from_secs(60),
        assert_drained(&ledger, &store, calls),
    )
    .await
    .expect("the store never had what the books say");
}

/// A ledger whose store is there, then gone, then there again.
pub(crate) async fn calls_go_on_without_the_store(store: &Arc<Store>, outage: impl Fn(bool)) {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, chain) = open(folder.path());
    let mut random = fastrand::Rng::with_seed(4);
    let drainer = Drainer::new(&ledger, Arc::clone(store)).unwrap();
    let progress = drainer.progress();
    let (stop, stopped) = oneshot::channel::<()>();
    let draining = tokio::spawn(drainer.run(async { drop(stopped.await) }));
    let mut calls = make_calls(&ledger, &chain, &mut random, 50).await;
    while progress.events() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..2 {
        outage(true);
        calls += make_calls(&ledger, &chain, &mut random, 200).await;
        while !progress.is_failing() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        outage(false);
        calls += make_calls(&ledger, &chain, &mut random, 50).await;
        while progress.is_failing() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    drop(stop);
    draining.await.unwrap();
    assert_drained(&ledger, store, calls).await;
}
