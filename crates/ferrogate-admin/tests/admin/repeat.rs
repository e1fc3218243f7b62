//! Writes that are repeated.

use serde_json::{Value, json};

use crate::support::{Answer, Gateway};

async fn create(gateway: &Gateway, key: &str, body: &Value) -> Answer {
    let ask = gateway
        .ask("POST", "api-keys")
        .header("idempotency-key", key);
    ask.json(body).send().await
}

#[tokio::test]
async fn a_repeated_write_is_done_once() {
    let gateway = Gateway::new();
    let body = json!({"name": "once"});
    let first = create(&gateway, "a", &body).await.expect(201);
    let again = create(&gateway, "a", &body).await.expect(201);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.etag(), first.etag());
    assert_eq!(
        (&again.json["secret"], &again.json["replayed"]),
        (&json!(null), &json!(true))
    );
    assert_eq!(again.json["id"], first.json["id"]);
    assert!(first.json["secret"].is_string() && first.json.get("replayed").is_none());
    let other = create(&gateway, "b", &body).await.expect(201);
    assert_ne!(other.json["id"], first.json["id"]);
    assert_eq!(gateway.get("api-keys?source=api").await.json["total"], 2);
    assert_eq!(gateway.get("audit-events").await.json["total"], 2);
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let gateway = Gateway::new();
    create(&gateway, "a", &json!({"name": "one"}))
        .await
        .expect(201);
    create(&gateway, "a", &json!({"name": "two"}))
        .await
        .refused(422, "idempotency_key_reused");
    let ask = gateway.ask("POST", "drain").header("idempotency-key", "a");
    ask.send().await.refused(422, "idempotency_key_reused");
    // Somebody else's keys are their own.
    let operator = crate::support::By::Secret("secret-of-file-key".to_owned());
    let ask = gateway
        .ask("POST", "drain")
        .by(&operator)
        .header("idempotency-key", "a");
    ask.send().await.expect(200);
    for key in ["", " ", &"x".repeat(256)] {
        create(&gateway, key, &json!({}))
            .await
            .refused(400, "invalid_idempotency_key");
    }
}

#[tokio::test]
async fn what_was_refused_may_be_corrected() {
    let gateway = Gateway::new();
    create(&gateway, "a", &json!({"nme": "x"}))
        .await
        .refused(422, "unknown_field");
    create(&gateway, "a", &json!({"name": "x"}))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_repeated_deletion_says_so_again() {
    let gateway = Gateway::new();
    gateway.key(json!({"id": "k"})).await;
    let delete = || {
        gateway
            .ask("DELETE", "api-keys/k")
            .header("idempotency-key", "d")
            .send()
    };
    delete().await.expect(200);
    let again = delete().await.expect(200);
    assert_eq!(
        (&again.json["deleted"], &again.json["replayed"]),
        (&json!(true), &json!(true))
    );
}

#[tokio::test]
async fn two_at_once_are_done_once() {
    let gateway = Gateway::new();
    let body = json!({"name": "once"});
    let (one, two) = tokio::join!(create(&gateway, "a", &body), create(&gateway, "a", &body));
    let statuses = [one.status.as_u16(), two.status.as_u16()];
    assert!(
        statuses.contains(&201) && (statuses.contains(&409) || statuses == [201, 201]),
        "{statuses:?}"
    );
    assert_eq!(gateway.get("api-keys?source=api").await.json["total"], 1);
}
