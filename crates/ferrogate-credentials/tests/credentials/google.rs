//! Google: service accounts, logins of people, the metadata server, and their order.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ferrogate_credentials::{CloudAuth, GoogleConfig};
use ferrogate_types::Secret;
use rustls_pki_types::alg_id;
use serde_json::{Value, json};

use crate::support::*;

pub(crate) const TOKEN: &str =
    r#"{"access_token":"ya29.a","expires_in":3599,"token_type":"Bearer"}"#;

const KEY: &str = include_str!("../data/rsa-key.pem");
const PUBLIC_KEY: &[u8] = include_bytes!("../data/rsa-public-key.der");

pub(crate) fn google(
    document: Option<&Value>,
    server: &Server,
    variables: &[(&str, &str)],
) -> CloudAuth {
    let config = GoogleConfig {
        credentials_json: document.map(|document| Secret::literal(document.to_string())),
        trusted_token_origins: vec![server.url()],
        ..GoogleConfig::default()
    };
    CloudAuth::google(config, environment(variables, None))
}

fn service_account(server: &Server) -> Value {
    json!({
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "kid-1",
        "private_key": KEY,
        "client_email": "gate@p.iam.gserviceaccount.com",
        "token_uri": format!("{}/token", server.url()),
    })
}

fn verify(signed: &[u8], signature: &[u8]) -> bool {
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    algorithms
        .all
        .iter()
        .filter(|algorithm| algorithm.signature_alg_id() == alg_id::RSA_PKCS1_SHA256)
        .any(|algorithm| {
            algorithm
                .verify_signature(PUBLIC_KEY, signed, signature)
                .is_ok()
        })
}

#[tokio::test]
async fn a_service_account_signs_its_claims() {
    let server = Server::start(|_| ok(TOKEN)).await;
    let auth = google(Some(&service_account(&server)), &server, &[]);
    let headers = headers(&auth).await.unwrap();
    assert_eq!(headers["authorization"], "Bearer ya29.a");
    assert!(!headers.contains_key("x-goog-user-project"));

    let seen = server.only();
    assert_eq!(seen.line(), "POST /token");
    let form = seen.form();
    assert_eq!(form.len(), 2);
    assert_eq!(
        form["grant_type"],
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    let (signed, signature) = form["assertion"].rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let read = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap();
    assert_eq!(
        read(header),
        json!({"alg": "RS256", "typ": "JWT", "kid": "kid-1"})
    );
    assert_eq!(
        read(claims),
        json!({
            "iss": "gate@p.iam.gserviceaccount.com",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "aud": format!("{}/token", server.url()),
            "iat": NOW,
            "exp": NOW + 3600,
        })
    );
    let signature = decode(signature);
    assert!(verify(signed.as_bytes(), &signature));
    assert!(!verify(b"something else", &signature));
}

#[tokio::test]
async fn a_person_has_a_refresh_token() {
    let server = Server::start(|_| ok(TOKEN)).await;
    let document = json!({
        "type": "authorized_user",
        "client_id": "id.apps.googleusercontent.com",
        "client_secret": "cs&=",
        "refresh_token": "1//rt",
        "quota_project_id": "paying",
        "token_uri": format!("{}/token", server.url()),
    });
    let auth = google(Some(&document), &server, &[]);
    let headers = headers(&auth).await.unwrap();
    assert_eq!(headers["x-goog-user-project"], "paying");
    server.only().assert_form(&[
        ("grant_type", "refresh_token"),
        ("client_id", "id.apps.googleusercontent.com"),
        ("client_secret", "cs&="),
        ("refresh_token", "1//rt"),
    ]);
}

#[tokio::test]
async fn the_metadata_server_is_the_last_source() {
    let server = Server::start(|seen| match seen.header("metadata-flavor") {
        Some("Google") => ok(TOKEN),
        _ => (403, String::new()),
    })
    .await;
    let authority = server.authority();
    let variables = [
        ("GCE_METADATA_HOST", authority.as_str()),
        ("GOOGLE_CLOUD_QUOTA_PROJECT", "paying"),
    ];
    let auth = google(None, &server, &variables);
    let headers = headers(&auth).await.unwrap();
    assert_eq!(headers["authorization"], "Bearer ya29.a");
    assert_eq!(headers["x-goog-user-project"], "paying");
    assert_eq!(
        server.only().line(),
        "GET /computeMetadata/v1/instance/service-accounts/default/token"
    );
}

#[tokio::test]
async fn documents_are_searched_in_order() {
    let server = Server::start(|seen| {
        let user = seen.form()["client_id"].clone();
        ok(format!(r#"{{"access_token":"{user}","expires_in":3599}}"#))
    })
    .await;
    let document = |user: &str| {
        json!({
            "type": "authorized_user", "client_id": user, "client_secret": "s", "refresh_token": "r",
            "token_uri": format!("{}/token", server.url()),
        })
        .to_string()
    };
    let home = tempfile::tempdir().unwrap();
    let gcloud = ".config/gcloud/application_default_credentials.json";
    write(home.path(), gcloud, &document("gcloud"));
    let moved = ".moved/application_default_credentials.json";
    write(home.path(), moved, &document("moved"));
    let named = write(home.path(), "named.json", &document("named"));
    let configured = write(home.path(), "configured.json", &document("configured"));
    let mut config = GoogleConfig {
        credentials_json: Some(Secret::literal(document("explicit"))),
        credentials_file: Some(configured.into()),
        trusted_token_origins: vec![server.url()],
        ..GoogleConfig::default()
    };
    let moved = [("CLOUDSDK_CONFIG", "~/.moved")];
    let variable = [("GOOGLE_APPLICATION_CREDENTIALS", named.as_str()), moved[0]];
    let get = |config: &GoogleConfig, variables: &[(&str, &str)]| {
        let environment = environment(variables, Some(home.path()));
        let auth = CloudAuth::google(config.clone(), environment);
        async move { authorization(&auth).await }
    };
    assert_eq!(get(&config, &variable).await, "Bearer explicit");
    config.credentials_json = None;
    assert_eq!(get(&config, &variable).await, "Bearer configured");
    config.credentials_file = None;
    assert_eq!(get(&config, &variable).await, "Bearer named");
    assert_eq!(get(&config, &moved).await, "Bearer moved");
    assert_eq!(get(&config, &[]).await, "Bearer gcloud");
}

#[tokio::test]
async fn a_document_cannot_send_its_secrets_anywhere() {
    let server = Server::start(|_| ok(TOKEN)).await;
    let mut document = service_account(&server);
    let config = GoogleConfig {
        credentials_json: Some(Secret::literal(document.to_string())),
        ..GoogleConfig::default()
    };
    let auth = CloudAuth::google(config, environment(&[], None));
    let text = error(&auth).await;
    let expected = format!(
        "`token_uri` of the Google credential is `{}`, and credentials are only sent to https://*.googleapis.com",
        server.url()
    );
    assert_eq!(text, expected);
    assert!(server.seen().is_empty());

    document["private_key"] = json!("not a key");
    let text = error(&google(Some(&document), &server, &[])).await;
    assert!(text.contains("is not a private key in PEM"), "{text}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start(|_| (302, String::new())).await;
    let auth = google(Some(&service_account(&server)), &server, &[]);
    let text = error(&auth).await;
    assert!(text.contains("refused with status 302"), "{text}");
    server.only();
}

#[tokio::test]
async fn a_machine_without_credentials_is_told_what_was_tried() {
    let silent = nobody();
    let host = silent.url.strip_prefix("http://").unwrap();
    for (variables, reason) in [
        ([("GCE_METADATA_HOST", host)], "it does not answer"),
        ([("NO_GCE_CHECK", "true")], "`NO_GCE_CHECK` is set"),
    ] {
        let auth = CloudAuth::google(GoogleConfig::default(), environment(&variables, None));
        let text = error(&auth).await;
        assert!(
            text.starts_with("no Google credentials were found: tried"),
            "{text}"
        );
        assert!(text.contains(reason), "{text}");
    }
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_is_refused() {
    for token in ["", "a b", "a\\r\\nx: y", "é"] {
        let answer = format!(r#"{{"access_token":"{token}","expires_in":3599}}"#);
        let server = Server::start(move |_| ok(answer.clone())).await;
        let auth = google(Some(&service_account(&server)), &server, &[]);
        let text = error(&auth).await;
        assert!(
            text.starts_with("an access token is empty or has"),
            "{text}"
        );
    }
}
