//! Sums of what was used.

use serde_json::json;

use crate::billing::{charged, event};
use crate::support::{By, Gateway};

#[tokio::test]
async fn usage_is_summed_by_what_was_asked() {
    let gateway = Gateway::new();
    let events = [
        event(1, "a", None, "0.5", false),
        event(2, "a", Some("acme"), "0.25", true),
        event(3, "=b", None, "1", false),
    ];
    charged(&gateway, events.to_vec()).await;
    let all = gateway.get("usage-aggregates").await.expect(200).json;
    assert_eq!(
        all["data"],
        json!([{"requests": 3, "input_tokens": 300, "cached_input_tokens": 0, "cache_write_tokens": 0,
            "output_tokens": 30, "reasoning_tokens": 0, "cost": "1.75", "estimated": 0, "uncertain": 1, "unpriced": 0}])
    );
    let by_key = gateway
        .get("usage-aggregates?group_by=key,model&key=a")
        .await
        .expect(200)
        .json;
    assert_eq!(
        (&by_key["data"][0]["key"], &by_key["data"][0]["requests"]),
        (&json!("a"), &json!(2))
    );
    let acme = By::Secret("secret-of-acme-admin".to_owned());
    let own = gateway
        .ask("GET", "usage-aggregates")
        .by(&acme)
        .send()
        .await
        .expect(200);
    assert_eq!(own.json["data"][0]["cost"], "0.25");
    for query in ["group_by=color", "group_by=key,key", "since=x", "key=a%20b"] {
        let path = format!("usage-aggregates?{query}");
        gateway.get(&path).await.refused(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn a_spreadsheet_gets_csv() {
    let gateway = Gateway::new();
    let events = [
        event(1, "a", None, "0.5", false),
        event(2, "=b", None, "1", false),
    ];
    charged(&gateway, events.to_vec()).await;
    let ask = gateway
        .ask("GET", "usage-aggregates?group_by=key")
        .header("accept", "text/csv");
    let csv = ask.send().await.expect(200);
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    let mut lines: Vec<_> = csv.text.lines().collect();
    assert!(lines.remove(0).starts_with("key,requests,input_tokens,"));
    lines.sort_unstable();
    assert_eq!(
        lines,
        ["'=b,1,100,0,0,10,0,1,0,0,0", "a,1,100,0,0,10,0,0.5,0,0,0"]
    );
}
