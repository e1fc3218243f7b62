//! Billing events.

use ferrogate_billing::{
    AccountSpec, OnExceed, OnStoreFailure, Period, Posting, Unit, Window, Zone,
};
use ferrogate_storage::{
    AccountWindow, Amounts, BillingEvent, Charge, LedgerBatch, LedgerStore as _,
};
use ferrogate_types::{LedgerEventId, Timestamp, clock};
use serde_json::json;

use crate::support::Gateway;

const ACCOUNT: &str = "key:a:usd:total";

pub(crate) fn event(
    number: u64,
    key: &str,
    tenant: Option<&str>,
    cost: &str,
    uncertain: bool,
) -> BillingEvent {
    let now = clock::since_epoch();
    let millis = u64::try_from(now.as_millis()).unwrap();
    let cost: ferrogate_types::Money = cost.parse().unwrap();
    BillingEvent {
        id: LedgerEventId::new(millis, 1, number),
        occurred_at: Timestamp::from_epoch(now),
        request_id: format!("{number:032x}"),
        key: Some(key.parse().unwrap()),
        tenant: tenant.map(|tenant| tenant.parse().unwrap()),
        user: None,
        model: "fast".parse().unwrap(),
        provider: Some("openai".parse().unwrap()),
        upstream_model: None,
        amounts: Amounts {
            input_tokens: 100,
            cached_input_tokens: 0,
            cache_write_tokens: 0,
            output_tokens: 10,
            reasoning_tokens: 0,
            units: r#"{"images":0}"#.to_owned(),
            cost: Some(cost),
        },
        price: r#"{"input_price_per_1m":"1"}"#.to_owned(),
        estimated: false,
        uncertain,
        charges: vec![Charge {
            window: AccountWindow {
                account: ACCOUNT.parse().unwrap(),
                unit: "usd".to_owned(),
                start: Window::ALWAYS.start(),
                end: Window::ALWAYS.end(),
            },
            amount: i64::try_from(cost.nanos()).unwrap(),
        }],
    }
}

pub(crate) async fn charged(gateway: &Gateway, events: Vec<BillingEvent>) {
    let batch = LedgerBatch {
        events,
        ..LedgerBatch::default()
    };
    gateway.store.apply_ledger(&batch).await.unwrap();
}

#[tokio::test]
async fn events_are_found_by_what_they_say() {
    let gateway = Gateway::new();
    let events = vec![
        event(1, "a", None, "0.5", false),
        event(2, "b", Some("acme"), "1", true),
    ];
    charged(&gateway, events).await;
    for (query, total) in [
        ("", 2),
        ("?key=a", 1),
        ("?tenant=acme", 1),
        ("?uncertain=true", 1),
        ("?uncertain=false&key=b", 0),
        (
            "?model=fast&provider=openai&since=2020-01-01T00:00:00Z&until=2040-01-01T00:00:00Z",
            2,
        ),
    ] {
        let list = gateway
            .get(&format!("billing-events{query}"))
            .await
            .expect(200);
        assert_eq!(list.json["total"], total, "{query}");
    }
    let list = gateway.get("billing-events?key=a").await.expect(200);
    let row = &list.json["data"][0];
    assert_eq!(
        (&row["cost"], &row["units"]),
        (&json!("0.5"), &json!({"images": 0}))
    );
    assert_eq!(
        (&row["price"]["input_price_per_1m"], &row["unpriced"]),
        (&json!("1"), &json!(false))
    );
}

#[tokio::test]
async fn an_uncertain_charge_is_settled_once() {
    let gateway = Gateway::new();
    let account = AccountSpec {
        id: ACCOUNT.parse().unwrap(),
        subject: ferrogate_types::Subject::Key("a".parse().unwrap()),
        unit: Unit::NanoDollars,
        limit: 10_000_000_000,
        period: Period::Total,
        zone: Zone::UTC,
        on_exceed: OnExceed::Block,
        on_store_failure: OnStoreFailure::Closed,
        shared: false,
    };
    gateway.ledger.book().put(account, clock::since_epoch());
    let spent = Posting {
        account: ACCOUNT.parse().unwrap(),
        unit: Unit::NanoDollars,
        window: Window::ALWAYS,
        amount: 2_000_000_000,
    };
    gateway.ledger.adopt(vec![spent]).unwrap();
    let uncertain = event(1, "a", None, "2", true);
    let path = format!("billing-events/{}/settle", uncertain.id);
    charged(&gateway, vec![uncertain]).await;
    let left = || {
        let state = gateway
            .ledger
            .book()
            .state(&ACCOUNT.parse().unwrap(), clock::since_epoch());
        state.unwrap().left()
    };
    assert_eq!(left(), 8_000_000_000);
    for (body, code) in [
        (json!({"input_tokens": 5}), "missing_field"),
        (json!({"reason": " "}), "invalid_value"),
        (json!({"reason": "x", "cost": "-1"}), "invalid_value"),
        (json!({"reason": "x", "cost": 0.5}), "invalid_value"),
        (
            json!({"reason": "x", "input_tokens": u64::MAX}),
            "invalid_value",
        ),
        (json!({"reason": "x", "tokens": 1}), "unknown_field"),
    ] {
        gateway.post(&path, body).await.refused(422, code);
    }
    let body = json!({"input_tokens": 5, "output_tokens": 1, "cost": "0.5", "reason": "the invoice says so"});
    let settled = gateway.post(&path, body.clone()).await.expect(200);
    assert_eq!(
        (&settled.json["uncertain"], &settled.json["cost"]),
        (&json!(false), &json!("0.5"))
    );
    assert_eq!(left(), 9_500_000_000);
    gateway
        .post(&path, body.clone())
        .await
        .refused(409, "already_settled");
    let list = gateway
        .get("billing-events?uncertain=false")
        .await
        .expect(200);
    assert_eq!(list.json["data"][0]["input_tokens"], 5);
    for id in ["x", "0123456789abcdef0123456789abcdef"] {
        let path = format!("billing-events/{id}/settle");
        gateway
            .post(&path, body.clone())
            .await
            .refused(404, "resource_not_found");
    }
}
