//! Sessions of the console.

use ferrogate_storage::SessionStore as _;
use serde_json::json;

use crate::support::{Answer, Ask, By, Gateway};

/// The cookie and the token of who signed in.
async fn sign_in(gateway: &Gateway, by: &By) -> (String, String) {
    let answer = gateway
        .ask("POST", "session")
        .by(by)
        .send()
        .await
        .expect(201);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    for attribute in [
        "Path=/admin",
        "Max-Age=86400",
        "HttpOnly",
        "SameSite=Strict",
        "Secure",
    ] {
        assert!(cookie.contains(&format!("; {attribute}")), "{cookie}");
    }
    let csrf = answer.json["csrf"].as_str().unwrap().to_owned();
    (cookie.split(';').next().unwrap().to_owned(), csrf)
}

async fn with(ask: Ask<'_>, cookie: &str, csrf: &str) -> Answer {
    let ask = ask
        .by(&By::Nobody)
        .header("cookie", &format!("x=y; {cookie}"));
    if csrf.is_empty() {
        ask.send().await
    } else {
        ask.header("x-csrf-token", csrf).send().await
    }
}

#[tokio::test]
async fn a_cookie_does_what_its_key_does() {
    let gateway = Gateway::new();
    let reader = By::Secret(
        gateway
            .key(json!({"id": "r", "scopes": ["admin.read"]}))
            .await,
    );
    let (cookie, csrf) = sign_in(&gateway, &reader).await;
    let me = with(gateway.ask("GET", "session"), &cookie, "")
        .await
        .expect(200)
        .json;
    assert_eq!(
        (&me["subject"], &me["csrf"]),
        (&json!("key:r"), &json!(csrf))
    );
    assert_eq!(me["scopes"], json!(["admin.read"]));
    with(gateway.ask("GET", "api-keys"), &cookie, "")
        .await
        .expect(200);
    with(gateway.ask("POST", "drain"), &cookie, &csrf)
        .await
        .refused(403, "scope_denied");
    gateway
        .ask("POST", "api-keys/r/revoke")
        .send()
        .await
        .expect(200);
    with(gateway.ask("GET", "api-keys"), &cookie, "")
        .await
        .refused(401, "invalid_session");
    assert!(gateway.store.sessions(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_change_with_a_cookie_must_be_meant() {
    let gateway = Gateway::new();
    let (cookie, csrf) = sign_in(&gateway, &By::Master).await;
    with(gateway.ask("POST", "drain"), &cookie, "")
        .await
        .refused(403, "csrf_failed");
    with(gateway.ask("POST", "drain"), &cookie, "wrong")
        .await
        .refused(403, "csrf_failed");
    with(gateway.ask("POST", "drain"), &cookie, &csrf)
        .await
        .expect(200);
    // A session begets no session, and a token has its own end.
    let token = gateway.ask("POST", "session").by(&By::Token);
    token.send().await.refused(400, "not_a_key");
    with(gateway.ask("POST", "session"), &cookie, &csrf)
        .await
        .refused(400, "not_a_key");
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let gateway = Gateway::new();
    let (first, csrf) = sign_in(&gateway, &By::Master).await;
    let (second, _) = sign_in(&gateway, &By::Secret("secret-of-file-key".to_owned())).await;
    let list = with(gateway.ask("GET", "sessions"), &first, "")
        .await
        .expect(200);
    let rows = list.json["data"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert!(!list.text.contains("fgs_"), "{}", list.text);
    let own: Vec<_> = rows.iter().filter(|row| row["current"] == true).collect();
    assert_eq!((own.len(), &own[0]["subject"]), (1, &json!("master-key")));
    assert_eq!(own[0]["source_ip"], "192.0.2.7");
    let other = rows.iter().find(|row| row["current"] == false).unwrap();
    let path = format!("sessions/{}", other["id"].as_str().unwrap());
    for _ in 0..2 {
        gateway.ask("DELETE", &path).send().await.expect(204);
    }
    with(gateway.ask("GET", "session"), &second, "")
        .await
        .refused(401, "invalid_session");
    let out = with(gateway.ask("DELETE", "session"), &first, &csrf)
        .await
        .expect(204);
    assert!(
        out.headers["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    with(gateway.ask("GET", "session"), &first, "")
        .await
        .refused(401, "invalid_session");
    gateway
        .ask("DELETE", "session")
        .send()
        .await
        .refused(400, "not_a_session");
    sign_in(&gateway, &By::Master).await;
    let revoked = gateway.ask("DELETE", "sessions").send().await.expect(200);
    assert_eq!(revoked.json, json!({"revoked": 1}));
}

#[tokio::test]
async fn nobody_signs_in_without_a_right_to_read() {
    let gateway = Gateway::new();
    let caller = By::Secret(gateway.key(json!({"scopes": ["chat.completions"]})).await);
    gateway
        .ask("POST", "session")
        .by(&caller)
        .send()
        .await
        .refused(403, "scope_denied");
    gateway
        .ask("POST", "session")
        .by(&By::Nobody)
        .send()
        .await
        .refused(401, "missing_api_key");
}
