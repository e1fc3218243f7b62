//! The ledger beside one that is too simple to be wrong.

use std::collections::BTreeMap;

use ferrogate_storage::{
    AccountWindow, BillingEvent, Charge, Correction, LedgerBatch, LedgerStore, UsageQuery,
};
use ferrogate_types::{LedgerEventId, Money, Timestamp};

use super::ledger::{batch, event, id, window};
use crate::place::Place;

/// Random events and corrections in random batches, some of them again and some before their time: balances and
/// usage are what the entries that are there say.
pub(super) async fn agrees_with_a_simple_ledger(place: &Place) {
    let store = place.store();
    let mut random = fastrand::Rng::with_seed(6);
    let mut events: BTreeMap<LedgerEventId, BillingEvent> = BTreeMap::new();
    let mut corrections: BTreeMap<LedgerEventId, Correction> = BTreeMap::new();
    for _ in 1..60 {
        let mut part = batch(Vec::new());
        for _ in 0..random.usize(0..6) {
            let name = format!("e{}", random.u32(0..60));
            let new = BillingEvent {
                charges: charges(&mut random),
                uncertain: random.bool(),
                ..event(&name, random.i64(0..7_200_000))
            };
            // Whatever a later one of the same id says: the first one counts.
            part.events
                .push(events.entry(new.id).or_insert(new).clone());
        }
        for _ in 0..random.usize(0..3) {
            // One correction for an event, so that it does not matter which came last.
            let number = random.u32(0..60);
            let new = Correction {
                id: id(&format!("c{number}")),
                of: id(&format!("e{number}")),
                occurred_at: Timestamp::from_millis(1),
                actual: random.bool().then(|| {
                    let mut amounts = event("x", 0).amounts;
                    amounts.cost = Some(Money::from_nanos(random.i64(0..1_000).into()));
                    amounts
                }),
                charges: charges(&mut random),
                reason: "so".to_owned(),
            };
            let kept = corrections.entry(new.id).or_insert(new);
            part.corrections.push(kept.clone());
        }
        apply(&*store, part).await;
    }

    let mut balances: BTreeMap<AccountWindow, i64> = BTreeMap::new();
    let of_events = events.values().flat_map(|event| &event.charges);
    let of_corrections = corrections.values().flat_map(|known| &known.charges);
    for charge in of_events.chain(of_corrections) {
        *balances.entry(charge.window.clone()).or_default() += charge.amount;
    }
    let kept = store.balances(0, None, 100).await.unwrap();
    let kept: BTreeMap<_, _> = kept
        .into_iter()
        .map(|balance| (balance.window, balance.spent))
        .collect();
    assert_eq!(kept, balances);

    for known in corrections.values() {
        if let (Some(event), Some(actual)) = (events.get_mut(&known.of), &known.actual) {
            event.amounts = actual.clone();
            event.uncertain = false;
        }
    }
    let query = UsageQuery {
        limit: 1,
        ..UsageQuery::default()
    };
    let usage = store.usage(&query).await.unwrap().remove(0);
    let costs = events.values().filter_map(|event| event.amounts.cost);
    let cost: i128 = costs.map(Money::nanos).sum();
    let uncertain = events.values().filter(|event| event.uncertain).count();
    assert_eq!(usage.cost.nanos(), cost);
    assert_eq!(usage.requests, u64::try_from(events.len()).unwrap());
    assert_eq!(usage.uncertain, u64::try_from(uncertain).unwrap());
}

fn charges(random: &mut fastrand::Rng) -> Vec<Charge> {
    let number = random.usize(0..4);
    (0..number)
        .map(|_| Charge {
            window: window(&format!("account-{}", random.u32(0..3)), random.i64(0..2)),
            amount: random.i64(-50..1_000),
        })
        .collect()
}

async fn apply(store: &impl LedgerStore, part: LedgerBatch) {
    store.apply_ledger(&part).await.unwrap();
}
