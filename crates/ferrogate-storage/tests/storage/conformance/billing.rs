//! The ledger through the trait that `ferrogate-billing` owns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_billing::{
    Adjustment, BillingEvent, CallFacts, EventKind, LedgerEvent, LedgerStore, Posting, Spend, Unit,
    Window,
};
use ferrogate_storage as storage;
use ferrogate_types::{LedgerEventId, Money, Price, RequestId, Usage};

use crate::place::Place;

const DAY: i64 = 86_400;

pub(crate) fn call() -> Arc<CallFacts> {
    let price = |text: &str| text.parse::<Price>().unwrap();
    let prices = [
        ("input_price_per_1m", price("7")),
        ("output_price_per_1m", price("0.125")),
    ];
    Arc::new(CallFacts {
        request_id: RequestId::from_random(7),
        key: "key_a".parse().ok(),
        tenant: "acme".parse().ok(),
        user: Some("ann".into()),
        model: "fast".parse().unwrap(),
        provider: "openai".parse().ok(),
        upstream_model: "gpt-small".parse().ok(),
        price: Some(prices.into_iter().collect()),
    })
}

fn spend(nanos: i128) -> Spend {
    let mut usage = Usage {
        input: 10,
        cached_input: 1,
        cache_write: 2,
        cache_write_1h: 1,
        output: 4,
        reasoning: 3,
        ..Usage::default()
    };
    usage.units.images = 2;
    Spend {
        usage,
        cost: Some(Money::from_nanos(nanos)),
    }
}

fn posting(account: &str, day: i64, amount: i64) -> Posting {
    Posting {
        account: account.parse().unwrap(),
        unit: Unit::NanoDollars,
        window: Window::from_bounds(day * DAY, (day + 1) * DAY),
        amount,
    }
}

fn charged(number: u64, postings: Vec<Posting>) -> LedgerEvent {
    LedgerEvent {
        id: LedgerEventId::new(number, 1, number),
        occurred_at: Duration::from_millis(1_790_000_000_000 + number),
        postings,
        kind: EventKind::Charged(Box::new(BillingEvent {
            call: Arc::unwrap_or_clone(call()),
            spend: spend(700),
            estimated: false,
            uncertain: true,
        })),
    }
}

fn adjusted(
    number: u64,
    of: &LedgerEvent,
    actual: Option<Spend>,
    postings: Vec<Posting>,
) -> LedgerEvent {
    LedgerEvent {
        postings,
        kind: EventKind::Adjusted(Adjustment {
            of: of.id,
            actual,
            reason: "ann looked it up".into(),
        }),
        ..charged(number, Vec::new())
    }
}

async fn balances(store: &storage::Store, now: i64) -> Vec<Posting> {
    store.load_balances(now).await.unwrap()
}

pub(super) async fn events_are_applied_once(place: &Place) {
    let store = place.store();
    let event = charged(1, vec![posting("a", 1, 700), posting("b", 1, 700)]);
    let later = charged(2, vec![posting("a", 2, 5)]);
    // Twice in one batch, and in batches that overlap.
    store.apply(&[event.clone(), event.clone()]).await.unwrap();
    store.apply(&[event.clone(), later]).await.unwrap();
    store.apply(&[]).await.unwrap();
    let all = [
        posting("a", 1, 700),
        posting("a", 2, 5),
        posting("b", 1, 700),
    ];
    assert_eq!(balances(&store, 0).await, all);
    assert_eq!(balances(&store, 2 * DAY - 1).await, all);
    assert_eq!(balances(&store, 2 * DAY).await, [posting("a", 2, 5)]);
    assert_eq!(balances(&store, 3 * DAY).await, []);

    let kept = storage::LedgerStore::billing_event(&*store, &event.id).await;
    let kept = kept.unwrap().unwrap();
    assert_eq!(kept.request_id, call().request_id.to_string());
    assert_eq!(kept.user.as_deref(), Some("ann"));
    assert_eq!(kept.occurred_at.millis(), 1_790_000_000_001);
    let prices = r#"{"input_price_per_1m":"7","output_price_per_1m":"0.125"}"#;
    assert_eq!(kept.price, prices);
    assert_eq!(kept.amounts.input_tokens, 10);
    assert_eq!(kept.amounts.units, r#"{"cache_write_1h":1,"images":2}"#);
    assert_eq!(kept.amounts.cost, Some(Money::from_nanos(700)));
    assert!(kept.uncertain && !kept.estimated);
}

pub(super) async fn corrections_settle_what_was_uncertain(place: &Place) {
    let store = place.store();
    let event = charged(1, vec![posting("a", 1, 700)]);
    let differences = event.differences(&spend(300));
    let settled = adjusted(2, &event, Some(spend(300)), differences);
    let refund = adjusted(3, &event, None, vec![posting("a", 1, -100)]);
    // The same batch brings a call and what became known of it, and all of it again.
    store
        .apply(&[event.clone(), settled.clone()])
        .await
        .unwrap();
    store.apply(&[settled, refund]).await.unwrap();
    assert_eq!(balances(&store, 0).await, [posting("a", 1, 200)]);
    let kept = storage::LedgerStore::billing_event(&*store, &event.id).await;
    let kept = kept.unwrap().unwrap();
    assert!(!kept.uncertain);
    assert_eq!(kept.amounts.cost, Some(Money::from_nanos(300)));
    assert_eq!(kept.charges[0].amount, 200);
}

pub(super) async fn a_window_may_have_no_end(place: &Place) {
    let store = place.store();
    let total = |amount| Posting {
        window: Window::ALWAYS,
        ..posting("a", 0, amount)
    };
    for number in 1..4 {
        store
            .apply(&[charged(number, vec![total(3)])])
            .await
            .unwrap();
    }
    assert_eq!(balances(&store, i64::MAX - 1).await, [total(9)]);
}

pub(super) async fn balances_are_the_sum_of_all_events(place: &Place) {
    let store = place.store();
    let mut random = fastrand::Rng::with_seed(7);
    let mut sums: BTreeMap<_, i64> = BTreeMap::new();
    let mut events = Vec::new();
    for number in 0..300 {
        let postings: Vec<_> = (0..random.usize(0..4))
            .map(|_| {
                posting(
                    &format!("account-{}", random.u8(0..5)),
                    random.i64(0..3),
                    random.i64(-9..99),
                )
            })
            .collect();
        for posting in &postings {
            let place = (posting.account.clone(), posting.window);
            *sums.entry(place).or_default() += posting.amount;
        }
        events.push(charged(number, postings));
    }
    // In the journal's order, each batch beginning somewhere in the one before.
    let mut begin = 0;
    while begin < events.len() {
        let end = (begin + random.usize(1..40)).min(events.len());
        store.apply(&events[begin..end]).await.unwrap();
        begin = if end == events.len() {
            end
        } else {
            end - random.usize(0..end - begin)
        };
    }
    let kept = balances(&store, 0).await.into_iter();
    let kept: BTreeMap<_, _> = kept
        .map(|posting| ((posting.account, posting.window), posting.amount))
        .collect();
    assert_eq!(kept, sums);
}

/// A provider may say that a call used more than there is. That must not stop what comes after it.
pub(super) async fn what_is_too_much_is_held(place: &Place) {
    let store = place.store();
    let vast = |number, amount| {
        let mut event = charged(number, vec![posting("a", 1, amount)]);
        if let EventKind::Charged(charged) = &mut event.kind {
            charged.spend.usage.input = u64::MAX;
            charged.spend.cost = Some(Money::from_nanos(i128::MAX));
        }
        event
    };
    for number in 1..4 {
        store.apply(&[vast(number, i64::MAX)]).await.unwrap();
    }
    let most = [posting("a", 1, i64::MAX)];
    assert_eq!(balances(&store, 0).await, most);
    let refund =
        |number, amount| adjusted(number, &vast(1, 0), None, vec![posting("a", 1, amount)]);
    for number in 4..7 {
        store.apply(&[refund(number, -i64::MAX)]).await.unwrap();
    }
    assert_eq!(balances(&store, 0).await, [posting("a", 1, -i64::MAX)]);
    store
        .apply(&[charged(8, vec![posting("b", 1, 7)])])
        .await
        .unwrap();
    assert_eq!(balances(&store, 0).await[1], posting("b", 1, 7));
}
