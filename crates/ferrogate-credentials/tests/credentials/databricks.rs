//! Databricks: service principals.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrogate_credentials::{CloudAuth, CredentialError, DatabricksConfig};
use ferrogate_types::Secret;

use crate::support::*;

fn databricks(host: &str, clock: &Clock) -> Result<CloudAuth, CredentialError> {
    let config = DatabricksConfig {
        host: host.into(),
        client_id: "sp-1".into(),
        client_secret: Secret::literal("dose123"),
    };
    CloudAuth::databricks(&config, environment_at(&[], None, clock))
}

#[tokio::test]
async fn a_service_principal_asks_with_basic_authentication() {
    let server = Server::start(|_| {
        ok(r#"{"access_token":"eyJ.d","scope":"all-apis","token_type":"Bearer","expires_in":3600}"#)
    })
    .await;
    let auth = databricks(&format!("{}/", server.url()), &Clock::new()).unwrap();
    assert_eq!(authorization(&auth).await, "Bearer eyJ.d");
    let seen = server.only();
    assert_eq!(seen.line(), "POST /oidc/v1/token");
    let basic = format!("Basic {}", STANDARD.encode("sp-1:dose123"));
    assert_eq!(seen.header("authorization"), Some(basic.as_str()));
    seen.assert_form(&[("grant_type", "client_credentials"), ("scope", "all-apis")]);
}

#[tokio::test]
async fn a_failure_is_not_asked_for_again_at_once() {
    let server = Server::start(|_| {
        let body = r#"{"error":"invalid_client","error_description":"dose123 failed"}"#;
        (401, body.to_owned())
    })
    .await;
    let clock = Clock::new();
    let auth = databricks(&server.url(), &clock).unwrap();
    for _ in 0..10 {
        let text = error(&auth).await;
        assert!(text.ends_with("invalid_client: *** failed"), "{text}");
    }
    server.only();
    clock.pass(5);
    error(&auth).await;
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn an_answer_without_a_life_is_held_for_minutes() {
    let server = Server::start(|_| ok(r#"{"access_token":"eyJ.d"}"#)).await;
    let clock = Clock::new();
    let auth = databricks(&server.url(), &clock).unwrap();
    authorization(&auth).await;
    clock.pass(149);
    authorization(&auth).await;
    server.only();
    clock.pass(151);
    authorization(&auth).await;
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn a_host_in_the_clear_is_refused() {
    databricks("adb-1.azuredatabricks.net", &Clock::new()).unwrap();
    let refused = databricks("http://adb-1.azuredatabricks.net", &Clock::new()).unwrap_err();
    assert!(matches!(refused, CredentialError::Untrusted { .. }));
    assert!(!refused.is_temporary());
}
