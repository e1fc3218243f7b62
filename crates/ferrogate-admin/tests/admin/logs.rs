//! Records of calls.

use std::sync::atomic::Ordering;

use ferrogate_storage::{LogBatch, RequestLog, RequestLogStore as _};
use ferrogate_types::{Timestamp, clock};
use http_body_util::BodyExt as _;
use serde_json::json;

use crate::support::{By, Gateway};

fn log(number: u32, status: u16, tenant: Option<&str>) -> RequestLog {
    RequestLog {
        request_id: format!("{number:032x}"),
        occurred_at: Timestamp::from_epoch(clock::since_epoch()),
        duration_ms: 10,
        surface: "chat.completions".to_owned(),
        key: (number > 1).then(|| "k".parse().unwrap()),
        tenant: tenant.map(|tenant| tenant.parse().unwrap()),
        model: Some("gpt-4o".to_owned()),
        provider: Some("openai".to_owned()),
        status,
        error_code: (status >= 400).then(|| "upstream_error".to_owned()),
        attempts: r#"[{"provider":"openai"}]"#.to_owned(),
        input_tokens: 5,
        output_tokens: 7,
        cost: Some("0.25".parse().unwrap()),
        lossy: "[]".to_owned(),
        trace: r#"{"why":"only one"}"#.to_owned(),
        ..RequestLog::default()
    }
}

async fn append(gateway: &Gateway, number: u64, rows: Vec<RequestLog>) {
    let batch = LogBatch {
        writer: "w".to_owned(),
        number,
        rows,
    };
    gateway.store.append_logs(&batch).await.unwrap();
}

/// Three calls: one without a key, one that failed, one of a tenant.
async fn busy() -> Gateway {
    let gateway = Gateway::new();
    let rows = vec![
        log(1, 200, None),
        log(2, 502, None),
        log(3, 200, Some("acme")),
    ];
    append(&gateway, 1, rows).await;
    gateway
}

#[tokio::test]
async fn records_are_found_by_what_they_say() {
    let gateway = busy().await;
    for (query, total) in [
        ("", 3),
        ("?key=k", 2),
        ("?key=none", 1),
        ("?api_key_id=none", 1),
        ("?tenant=acme", 1),
        ("?tenant=none", 2),
        ("?status=502", 1),
        ("?status=5xx", 1),
        ("?status=200-299", 2),
        ("?stage=on_error", 1),
        ("?stage=after_request", 2),
        ("?stage=on_error&status=200", 0),
        (
            "?stage=all&model=gpt-4o&provider=openai&surface=chat.completions",
            3,
        ),
        ("?model=other", 0),
        ("?since=2020-01-01T00:00:00Z", 3),
        ("?until=2020-01-01T00:00:00Z", 0),
        ("?q=UPSTREAM", 1),
    ] {
        let list = gateway
            .get(&format!("request-logs{query}"))
            .await
            .expect(200);
        assert_eq!(list.json["total"], total, "{query}");
        assert_eq!(list.json["limit"], 50);
        assert_eq!(list.json["summary"]["total_entries"], total);
    }
    for (query, code) in [
        ("?modell=x", "unknown_parameter"),
        ("?limit=x", "invalid_parameter"),
        ("?limit=-1", "invalid_parameter"),
        ("?limit=99999999999", "invalid_parameter"),
        ("?cursor=x", "invalid_parameter"),
        ("?since=x", "invalid_parameter"),
        ("?status=x", "invalid_parameter"),
        ("?stage=x", "invalid_parameter"),
        ("?q=%00", "invalid_path"),
    ] {
        gateway
            .get(&format!("logs{query}"))
            .await
            .refused(400, code);
    }
}

#[tokio::test]
async fn pages_follow_one_another() {
    let gateway = busy().await;
    let mut seen = Vec::new();
    let mut path = "request-logs?limit=1".to_owned();
    loop {
        let page = gateway.get(&path).await.expect(200);
        for row in page.json["data"].as_array().unwrap() {
            seen.push(row["request_id"].as_str().unwrap().to_owned());
        }
        match page.json["next_cursor"].as_str() {
            Some(cursor) => path = format!("request-logs?limit=1&cursor={cursor}"),
            None => break,
        }
    }
    let expected: Vec<_> = [3, 2, 1].map(|number: u32| format!("{number:032x}")).into();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn one_call_tells_why() {
    let gateway = busy().await;
    let path = format!("request-logs/{:032x}", 3);
    let call = gateway.get(&path).await.expect(200).json;
    assert_eq!(call["trace"]["why"], "only one");
    assert_eq!(call["calls"][0]["trace"]["why"], "only one");
    assert_eq!(
        (&call["cost"], &call["attempts"][0]["provider"]),
        (&json!("0.25"), &json!("openai"))
    );
    gateway
        .get("request-logs/nothing")
        .await
        .refused(404, "resource_not_found");
    let acme = By::Secret("secret-of-acme-admin".to_owned());
    gateway.ask("GET", &path).by(&acme).send().await.expect(200);
    let other = gateway
        .ask("GET", &format!("request-logs/{:032x}", 1))
        .by(&acme);
    other.send().await.refused(404, "resource_not_found");
    let own = gateway
        .ask("GET", "request-logs")
        .by(&acme)
        .send()
        .await
        .expect(200);
    assert_eq!(own.json["total"], 1);
}

#[tokio::test]
async fn sums_have_the_names_clients_know() {
    let gateway = busy().await;
    let since =
        Timestamp::from_epoch(clock::since_epoch()).minus(std::time::Duration::from_secs(60));
    let stats = gateway
        .get(&format!("request-logs/stats?since={since}&buckets=3"))
        .await
        .expect(200)
        .json;
    assert_eq!(
        stats["summary"],
        json!({"total_entries": 3, "error_entries": 1, "total_tokens": 36, "prompt_tokens": 15,
            "completion_tokens": 21, "cost_usd": "0.75", "unpriced_requests": 0})
    );
    assert_eq!(stats["by_model"]["gpt-4o"]["count"], 3);
    assert_eq!(
        stats["top_errors"][0],
        json!({"code": "upstream_error", "count": 1})
    );
    assert_eq!(stats["latency_ms"]["p99"], 10);
    let points = stats["series"]["points"].as_array().unwrap();
    let requests: u64 = points
        .iter()
        .map(|point| point["requests"].as_u64().unwrap())
        .sum();
    assert_eq!((points.len(), requests), (3, 3));
}

#[tokio::test]
async fn old_records_are_deleted_on_purpose_only() {
    let gateway = busy().await;
    let delete = |query: &str| gateway.ask("DELETE", &format!("request-logs{query}"));
    delete("").send().await.refused(400, "invalid_parameter");
    delete("?before=2040-01-01T00:00:00Z&q=x")
        .send()
        .await
        .refused(400, "invalid_parameter");
    let gone = delete("?before=2040-01-01T00:00:00Z&status=5xx")
        .send()
        .await
        .expect(200);
    assert_eq!(
        (&gone.json["deleted"], &gone.json["complete"]),
        (&json!(1), &json!(true))
    );
    let gone = delete("?before=2020-01-01T00:00:00Z")
        .send()
        .await
        .expect(200);
    assert_eq!(gone.json["deleted"], 0);
    assert_eq!(gateway.get("logs").await.json["total"], 2);
}

#[tokio::test]
async fn what_is_not_recorded_is_not_there() {
    let gateway = Gateway::new();
    gateway.node.records_calls.store(false, Ordering::Relaxed);
    for (method, path) in [
        ("GET", "request-logs"),
        ("GET", "request-logs/stats"),
        ("GET", "request-logs/tail"),
        ("GET", "request-logs/x"),
        ("DELETE", "request-logs?before=2040-01-01T00:00:00Z"),
    ] {
        gateway
            .ask(method, path)
            .send()
            .await
            .refused(501, "request_logs_off");
    }
}

#[tokio::test]
async fn a_tail_tells_what_comes_and_is_bounded() {
    let gateway = busy().await;
    let mut tails = Vec::new();
    for _ in 0..16 {
        let caller = ferrogate_admin::Caller {
            principal: Some(ferrogate_auth::Principal::Master),
            ..ferrogate_admin::Caller::default()
        };
        let request = http::Request::get("/admin/v1/request-logs/tail?status=2xx");
        let request = request.body(axum::body::Bytes::new()).unwrap();
        tails.push(gateway.admin.answer(caller, request).await);
    }
    gateway
        .get("request-logs/tail")
        .await
        .refused(429, "too_many_tails");
    let tail = tails.pop().unwrap();
    assert_eq!(tail.headers()["content-type"], "text/event-stream");
    let mut body = tail.into_body();
    append(&gateway, 2, vec![log(4, 500, None), log(5, 200, None)]).await;
    let mut text = String::new();
    while !text.contains("event: request") {
        let frame = body.frame().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    assert!(text.contains(&format!("{:032x}", 5)), "{text}");
    assert!(!text.contains(&format!("{:032x}", 4)) && !text.contains(&format!("{:032x}", 3)));
    drop(body);
    tails.clear();
}
