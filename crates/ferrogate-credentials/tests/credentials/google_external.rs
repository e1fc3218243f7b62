//! Google: identities of other places, and service accounts acted as.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::google::{TOKEN, google};
use crate::support::*;

/// A server for all of it: the subject token, the exchange, the impersonation.
async fn server() -> Server {
    Server::start(|seen| match seen.line().as_str() {
        "GET /subject?x=1" if seen.header("x-claim") == Some("yes") => ok(r#"{"jwt":"from-url"}"#),
        "POST /v1/token" => ok(r#"{"access_token":"federated","expires_in":"3599"}"#),
        "POST /impersonate:generateAccessToken" => {
            ok(r#"{"accessToken":"acting","expireTime":"2026-01-15T13:30:45Z"}"#)
        }
        "POST /token" => ok(TOKEN),
        _ => (404, String::new()),
    })
    .await
}

fn external(server: &Server, source: &Value) -> Value {
    json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/pools/p",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{}/v1/token", server.url()),
        "credential_source": source,
    })
}

#[tokio::test]
async fn a_token_in_a_file_is_exchanged() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "token", "from-file\n");
    let auth = google(
        Some(&external(&server, &json!({"file": file}))),
        &server,
        &[],
    );
    assert_eq!(authorization(&auth).await, "Bearer federated");
    let seen = server.only();
    assert_eq!(seen.header("authorization"), None);
    seen.assert_form(&[
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("audience", "//iam.googleapis.com/pools/p"),
        ("scope", "https://www.googleapis.com/auth/cloud-platform"),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("subject_token", "from-file"),
    ]);
}

#[tokio::test]
async fn a_token_behind_a_url_is_exchanged_twice() {
    let server = server().await;
    let mut document = external(
        &server,
        &json!({
            "url": format!("{}/subject?x=1", server.url()),
            "headers": {"X-Claim": "yes"},
            "format": {"type": "json", "subject_token_field_name": "jwt"},
        }),
    );
    document["client_id"] = json!("id");
    document["client_secret"] = json!("cs");
    document["workforce_pool_user_project"] = json!("p1");
    document["service_account_impersonation_url"] =
        json!(format!("{}/impersonate:generateAccessToken", server.url()));
    document["service_account_impersonation"] = json!({"token_lifetime_seconds": 900});
    let auth = google(Some(&document), &server, &[]);
    assert_eq!(authorization(&auth).await, "Bearer acting");

    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    let form = seen[1].form();
    assert_eq!(form["subject_token"], "from-url");
    assert_eq!(form["options"], "%7B%22userProject%22%3A%22p1%22%7D");
    let basic = format!("Basic {}", STANDARD.encode("id:cs"));
    assert_eq!(seen[1].header("authorization"), Some(basic.as_str()));
    assert_eq!(seen[2].header("authorization"), Some("Bearer federated"));
    assert_eq!(
        serde_json::from_str::<Value>(&seen[2].body).unwrap(),
        json!({"scope": ["https://www.googleapis.com/auth/cloud-platform"], "lifetime": "900s"})
    );
}

#[tokio::test]
async fn a_person_may_act_as_a_service_account() {
    let server = server().await;
    let document = json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": format!("{}/impersonate:generateAccessToken", server.url()),
        "delegates": ["d@p"],
        "source_credentials": {
            "type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r",
            "token_uri": format!("{}/token", server.url()),
        },
    });
    let auth = google(Some(&document), &server, &[]);
    assert_eq!(authorization(&auth).await, "Bearer acting");
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].header("authorization"), Some("Bearer ya29.a"));
    let body: Value = serde_json::from_str(&seen[1].body).unwrap();
    assert_eq!(body["delegates"], json!(["d@p"]));
    assert_eq!(body["lifetime"], json!("3600s"));
}

#[tokio::test]
async fn other_sources_are_refused_by_name() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "token", r#"{"other":"x"}"#);
    for (source, expected) in [
        (
            json!({"executable": {"command": "/bin/x"}}),
            "`credential_source.executable` of the configured Google credential is not supported",
        ),
        (
            json!({"environment_id": "aws1", "url": "http://169.254.169.254"}),
            "`credential_source.environment_id`",
        ),
        (
            json!({"certificate": {}}),
            "`credential_source.certificate`",
        ),
        (json!({}), "needs either `file` or `url`"),
        (
            json!({"file": "/f", "format": {"type": "json"}}),
            "without `subject_token_field_name`",
        ),
        (
            json!({"file": file, "format": {"type": "json", "subject_token_field_name": "jwt"}}),
            "has no token where",
        ),
        (
            json!({"file": "/nowhere"}),
            "the file `/nowhere` cannot be read",
        ),
    ] {
        let text = error(&google(Some(&external(&server, &source)), &server, &[])).await;
        assert!(text.contains(expected), "{text}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn impersonation_and_exchange_are_trusted_servers_only() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "token", "t");
    let mut document = external(&server, &json!({"file": file}));
    document["service_account_impersonation_url"] = json!("https://evil.example/x");
    let text = error(&google(Some(&document), &server, &[])).await;
    assert!(
        text.starts_with("`service_account_impersonation_url`"),
        "{text}"
    );
    document["token_url"] = json!("https://evil.example/x");
    let text = error(&google(Some(&document), &server, &[])).await;
    assert!(text.starts_with("`token_url`"), "{text}");
}
