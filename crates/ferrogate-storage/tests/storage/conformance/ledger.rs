//! The ledger.

use ferrogate_storage::{
    AccountWindow, Amounts, Applied, Balance, BillingEvent, Charge, Correction, EventFilter,
    LedgerBatch, LedgerStore, Page, Total, UsageDimension, UsageQuery,
};
use ferrogate_types::{LedgerEventId, Money, Timestamp};

use crate::place::{Place, nodes};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(20_000 * DAY + millis)
}

/// A month of an account in which money is counted.
pub(super) fn window(account: &str, start: i64) -> AccountWindow {
    AccountWindow {
        account: account.parse().unwrap(),
        unit: "usd".to_owned(),
        start,
        end: start + 30,
    }
}

fn charge(account: &str, amount: i64) -> Charge {
    Charge {
        window: window(account, 0),
        amount,
    }
}

/// The id that a short name stands for.
pub(super) fn id(name: &str) -> LedgerEventId {
    let bytes = name.bytes().rev();
    LedgerEventId::from_bits(bytes.fold(0, |bits, byte| bits << 8 | u128::from(byte)))
}

fn amounts(input: u64, nanos: i128) -> Amounts {
    Amounts {
        input_tokens: input,
        cached_input_tokens: 2,
        cache_write_tokens: 3,
        output_tokens: 4,
        reasoning_tokens: 5,
        units: r#"{"images":1}"#.to_owned(),
        cost: Some(Money::from_nanos(nanos)),
    }
}

pub(super) fn event(name: &str, millis: i64) -> BillingEvent {
    BillingEvent {
        id: id(name),
        occurred_at: at(millis),
        request_id: format!("request of {name}"),
        key: Some("key_a".parse().unwrap()),
        tenant: Some("acme".parse().unwrap()),
        user: None,
        model: "small".parse().unwrap(),
        provider: Some("openai".parse().unwrap()),
        upstream_model: Some("gpt-small".parse().unwrap()),
        amounts: amounts(100, 700),
        price: r#"{"input_price_per_1m":"7"}"#.to_owned(),
        estimated: false,
        uncertain: false,
        charges: vec![charge("key:key_a", 700), charge("tenant:acme", 700)],
    }
}

pub(super) fn batch(events: Vec<BillingEvent>) -> LedgerBatch {
    LedgerBatch {
        events,
        ..LedgerBatch::default()
    }
}

async fn spent(store: &impl LedgerStore, account: &str) -> i64 {
    store.balance(&window(account, 0)).await.unwrap()
}

pub(super) async fn applies_once(place: &Place) {
    let store = place.store();
    let both = batch(vec![event("b", 1), event("a", 2)]);
    let applied = |new, known| Ok(Applied { new, known });
    assert_eq!(store.apply_ledger(&both).await, applied(2, 0));
    assert_eq!(store.apply_ledger(&both).await, applied(0, 2));
    // Another part of the journal that overlaps.
    let more = batch(vec![event("a", 2), event("c", 3)]);
    assert_eq!(store.apply_ledger(&more).await, applied(1, 1));
    assert_eq!(spent(&*store, "key:key_a").await, 2_100);
    assert_eq!(spent(&*store, "nobody").await, 0);
    let kept = store.billing_event(&id("a")).await;
    assert_eq!(kept, Ok(Some(event("a", 2))));
    assert_eq!(store.billing_event(&id("z")).await, Ok(None));
    let balance = |account: &str| Balance {
        window: window(account, 0),
        spent: 2_100,
    };
    let balances = store.balances(29, None, 10).await.unwrap();
    assert_eq!(balances, [balance("key:key_a"), balance("tenant:acme")]);
    let last = window("key:key_a", 0);
    let rest = store.balances(29, Some(&last), 10).await;
    assert_eq!(rest, Ok(vec![balance("tenant:acme")]));
    assert_eq!(store.balances(30, None, 10).await, Ok(Vec::new()));
}

pub(super) async fn nodes_add_up(place: &Place) {
    let writers: Vec<_> = nodes(place, 4)
        .into_iter()
        .enumerate()
        .map(|(number, store)| {
            tokio::spawn(async move {
                for round in 0..8 {
                    // Each node has events of its own, and one that all have.
                    let events = vec![
                        event(&format!("own-{number}-{round}"), 1),
                        event(&format!("common-{round}"), 1),
                    ];
                    store.apply_ledger(&batch(events)).await.unwrap();
                }
                store
            })
        })
        .collect();
    let mut store = None;
    for writer in writers {
        store = Some(writer.await.unwrap());
    }
    let store = store.unwrap();
    let events = 4 * 8 + 8;
    assert_eq!(spent(&*store, "key:key_a").await, 700 * events);
    assert_eq!(spent(&*store, "tenant:acme").await, 700 * events);
    let query = UsageQuery {
        limit: 10,
        ..UsageQuery::default()
    };
    let usage = store.usage(&query).await.unwrap();
    assert_eq!(usage[0].requests, u64::try_from(events).unwrap());
}

/// What became known of `u`: it used less, and is certain.
fn correction() -> Correction {
    Correction {
        id: id("correction"),
        of: id("u"),
        occurred_at: at(9),
        actual: Some(amounts(40, 300)),
        charges: vec![charge("key:key_a", -400), charge("tenant:acme", -400)],
        reason: "ann looked it up".to_owned(),
    }
}

fn uncertain() -> BillingEvent {
    BillingEvent {
        uncertain: true,
        ..event("u", 1)
    }
}

async fn assert_corrected(store: &impl LedgerStore) {
    let expected = BillingEvent {
        amounts: amounts(40, 300),
        charges: vec![charge("key:key_a", 300), charge("tenant:acme", 300)],
        uncertain: false,
        ..uncertain()
    };
    assert_eq!(store.billing_event(&id("u")).await, Ok(Some(expected)));
    assert_eq!(spent(store, "key:key_a").await, 1_000);
    let query = UsageQuery {
        limit: 10,
        ..UsageQuery::default()
    };
    let usage = store.usage(&query).await.unwrap().remove(0);
    assert_eq!(
        (
            usage.requests,
            usage.input_tokens,
            usage.cost,
            usage.uncertain
        ),
        (2, 140, Money::from_nanos(1_000), 0)
    );
    let known = store.corrections(&id("u")).await;
    assert_eq!(known, Ok(vec![correction()]));
}

pub(super) async fn corrects(place: &Place) {
    let store = place.store();
    let events = vec![uncertain(), event("sure", 2)];
    store.apply_ledger(&batch(events)).await.unwrap();
    let known = LedgerBatch {
        corrections: vec![correction()],
        ..batch(Vec::new())
    };
    let applied = |new, known| Ok(Applied { new, known });
    assert_eq!(store.apply_ledger(&known).await, applied(1, 0));
    assert_corrected(&*store).await;
    // All of it comes again.
    assert_eq!(store.apply_ledger(&known).await, applied(0, 1));
    let again = batch(vec![uncertain()]);
    assert_eq!(store.apply_ledger(&again).await, applied(0, 1));
    assert_corrected(&*store).await;

    // A refund changes what was charged, and nothing that was used.
    let refund = Correction {
        id: id("refund"),
        of: id("sure"),
        actual: None,
        charges: vec![charge("key:key_a", -700)],
        ..correction()
    };
    let refunded = LedgerBatch {
        corrections: vec![refund],
        ..batch(Vec::new())
    };
    store.apply_ledger(&refunded).await.unwrap();
    let after = store.billing_event(&id("sure")).await.unwrap().unwrap();
    assert_eq!(after.amounts, event("sure", 2).amounts);
    assert_eq!(
        after.charges,
        [charge("key:key_a", 0), charge("tenant:acme", 700)]
    );
    assert_eq!(spent(&*store, "key:key_a").await, 300);
}

pub(super) async fn corrects_what_comes_later(place: &Place) {
    let store = place.store();
    let known = LedgerBatch {
        corrections: vec![correction()],
        ..batch(vec![event("sure", 2)])
    };
    store.apply_ledger(&known).await.unwrap();
    assert_eq!(spent(&*store, "key:key_a").await, 300);
    store.apply_ledger(&batch(vec![uncertain()])).await.unwrap();
    assert_corrected(&*store).await;
}

pub(super) async fn sums_usage(place: &Place) {
    let store = place.store();
    let mut events = Vec::new();
    for (number, (millis, model, key)) in [
        (1, "small", Some("key_a")),
        (HOUR - 1, "small", Some("key_a")),
        (HOUR, "large", Some("key_b")),
        (DAY + 1, "small", None),
    ]
    .into_iter()
    .enumerate()
    {
        events.push(BillingEvent {
            model: model.parse().unwrap(),
            key: key.map(|key| key.parse().unwrap()),
            estimated: model == "large",
            ..event(&format!("e{number}"), millis)
        });
        if key.is_none() {
            events[number].amounts.cost = None;
        }
    }
    store.apply_ledger(&batch(events)).await.unwrap();
    let usage = |group_by: &[UsageDimension], filter: EventFilter| {
        let query = UsageQuery {
            filter,
            group_by: group_by.to_vec(),
            limit: 100,
        };
        let store = &store;
        async move {
            let rows = store.usage(&query).await.unwrap().into_iter();
            rows.map(|row| (row.group.join(" "), row.requests))
                .collect::<Vec<_>>()
        }
    };
    let all = EventFilter::default;
    let row = |group: &str, requests| (group.to_owned(), requests);
    let (day, next_day) = (at(0).to_string(), at(DAY).to_string());
    assert_eq!(
        usage(&[UsageDimension::Hour], all()).await,
        [
            row(&day, 2),
            row(&at(HOUR).to_string(), 1),
            row(&next_day, 1)
        ]
    );
    assert_eq!(
        usage(&[UsageDimension::Day, UsageDimension::Model], all()).await,
        [
            row(&format!("{day} large"), 1),
            row(&format!("{day} small"), 2),
            row(&format!("{next_day} small"), 1),
        ]
    );
    assert_eq!(
        usage(
            &[
                UsageDimension::Key,
                UsageDimension::Tenant,
                UsageDimension::Key
            ],
            all()
        )
        .await,
        [row(" acme", 1), row("key_a acme", 2), row("key_b acme", 1)]
    );
    let of_small = EventFilter {
        model: Some("small".parse().unwrap()),
        provider: Some("openai".parse().unwrap()),
        tenant: Some("acme".parse().unwrap()),
        since: Some(at(0)),
        until: Some(at(DAY)),
        ..all()
    };
    assert_eq!(
        usage(&[UsageDimension::Provider], of_small).await,
        [row("openai", 2)]
    );
    let of_nobody = EventFilter {
        key: Some("key_z".parse().unwrap()),
        ..all()
    };
    assert_eq!(usage(&[UsageDimension::Model], of_nobody).await, []);
    let query = UsageQuery {
        limit: 1,
        ..UsageQuery::default()
    };
    let sums = store.usage(&query).await.unwrap().remove(0);
    assert_eq!(
        (
            sums.input_tokens,
            sums.cached_input_tokens,
            sums.cache_write_tokens
        ),
        (400, 8, 12)
    );
    assert_eq!(
        (sums.output_tokens, sums.reasoning_tokens, sums.cost),
        (16, 20, Money::from_nanos(2_100))
    );
    assert_eq!((sums.estimated, sums.unpriced), (1, 1));
}

pub(super) async fn pages_events(place: &Place) {
    let store = place.store();
    let events = (0..5).map(|number| event(&format!("e{number}"), number));
    store.apply_ledger(&batch(events.collect())).await.unwrap();
    let filter = EventFilter {
        key: Some("key_a".parse().unwrap()),
        uncertain: Some(false),
        ..EventFilter::default()
    };
    let first = store.billing_events(&filter, Page::first(3)).await.unwrap();
    let ids = |rows: &[BillingEvent]| -> Vec<LedgerEventId> {
        rows.iter().map(|event| event.id).collect()
    };
    assert_eq!(ids(&first.rows), ["e4", "e3", "e2"].map(id));
    assert_eq!(first.total, Total::Exactly(5));
    assert_eq!(first.rows[0].charges, event("e4", 4).charges);
    let next = Page::first(3).after(first.next.unwrap());
    let second = store.billing_events(&filter, next).await.unwrap();
    assert_eq!(ids(&second.rows), ["e1", "e0"].map(id));
    assert_eq!(second.next, None);
    let uncertain = EventFilter {
        uncertain: Some(true),
        ..EventFilter::default()
    };
    let none = store.billing_events(&uncertain, Page::first(3)).await;
    assert_eq!(none.unwrap().total, Total::Exactly(0));
}
