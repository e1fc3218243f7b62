//! Entra: applications, workloads, managed identities.

use ferrogate_credentials::{CloudAuth, EntraConfig};
use ferrogate_types::Secret;

use crate::support::*;

const TOKEN: &str = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"eyJ.a"}"#;
const MANAGED: &str = r#"{"access_token":"eyJ.m","expires_on":"1768483845","resource":"r"}"#;

fn entra(config: EntraConfig, variables: &[(&str, &str)]) -> CloudAuth {
    CloudAuth::entra(config, environment(variables, None))
}

#[tokio::test]
async fn an_application_with_a_secret() {
    let server = Server::start(|_| ok(TOKEN)).await;
    let config = EntraConfig {
        tenant_id: Some("contoso.example".into()),
        client_id: Some("app".into()),
        client_secret: Some(Secret::literal("s3cr~t+")),
        authority: Some(format!("{}/", server.url())),
        scope: "https://ai.azure.com/.default".into(),
        ..EntraConfig::default()
    };
    let auth = entra(config, &[]);
    assert_eq!(authorization(&auth).await, "Bearer eyJ.a");
    let seen = server.only();
    assert_eq!(seen.line(), "POST /contoso.example/oauth2/v2.0/token");
    seen.assert_form(&[
        ("grant_type", "client_credentials"),
        ("client_id", "app"),
        ("client_secret", "s3cr~t+"),
        ("scope", "https://ai.azure.com/.default"),
    ]);
}

#[tokio::test]
async fn a_workload_with_a_token_file() {
    let server = Server::start(|_| ok(TOKEN)).await;
    let folder = tempfile::tempdir().unwrap();
    let (file, url) = (write(folder.path(), "token", "k8s.jwt\n"), server.url());
    let variables = [
        ("AZURE_TENANT_ID", "t-1"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.as_str()),
        ("AZURE_AUTHORITY_HOST", url.as_str()),
    ];
    let auth = entra(EntraConfig::default(), &variables);
    assert_eq!(authorization(&auth).await, "Bearer eyJ.a");
    let seen = server.only();
    assert_eq!(seen.line(), "POST /t-1/oauth2/v2.0/token");
    seen.assert_form(&[
        ("grant_type", "client_credentials"),
        ("client_id", "app"),
        ("scope", "https://cognitiveservices.azure.com/.default"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", "k8s.jwt"),
    ]);
}

#[tokio::test]
async fn the_identity_of_a_machine() {
    let server = Server::start(|seen| match seen.header("metadata") {
        Some("true") => ok(MANAGED),
        _ => (400, String::new()),
    })
    .await;
    let url = server.url();
    let variables = [
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.as_str()),
        ("AZURE_CLIENT_ID", "one of two"),
    ];
    for count in [1, 2] {
        let auth = entra(EntraConfig::default(), &variables[..count]);
        assert_eq!(authorization(&auth).await, "Bearer eyJ.m");
    }
    let path = "GET /metadata/identity/oauth2/token?api-version=2018-02-01\
                &resource=https%3A%2F%2Fcognitiveservices.azure.com";
    let lines: Vec<String> = server.seen().iter().map(Seen::line).collect();
    assert_eq!(
        lines,
        [path.to_owned(), format!("{path}&client_id=one%20of%20two")]
    );
}

#[tokio::test]
async fn the_identity_of_an_app_ends_when_it_says() {
    let server = Server::start(|seen| match seen.header("x-identity-header") {
        Some("hdr") => ok(MANAGED),
        _ => (401, String::new()),
    })
    .await;
    let clock = Clock::new();
    let endpoint = format!("{}/msi/token", server.url());
    let variables = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", "hdr"),
    ];
    let auth = CloudAuth::entra(
        EntraConfig::default(),
        environment_at(&variables, None, &clock),
    );
    assert_eq!(authorization(&auth).await, "Bearer eyJ.m");
    assert_eq!(
        server.only().line(),
        "GET /msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fcognitiveservices.azure.com"
    );
    // `expires_on` is an hour after the beginning.
    clock.pass(3600);
    assert!(error(&auth).await.contains("has expired"));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_refusal_does_not_repeat_the_secret() {
    let server = Server::start(|_| {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: s3cr3t is wrong.\r\nTrace ID: x"}"#;
        (401, body.to_owned())
    })
    .await;
    let url = server.url();
    let variables = [
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_CLIENT_SECRET", "s3cr3t"),
        ("AZURE_AUTHORITY_HOST", url.as_str()),
    ];
    let text = error(&entra(EntraConfig::default(), &variables)).await;
    assert_eq!(
        text,
        format!(
            "Entra (`{url}`) refused with status 401: invalid_client: AADSTS7000215: *** is wrong.  Trace ID: x"
        )
    );
}

#[tokio::test]
async fn what_cannot_work_is_said() {
    let silent = nobody();
    let secret = [
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_CLIENT_SECRET", "s"),
    ];
    let with = |name, value| {
        let mut variables = secret.to_vec();
        variables.retain(|(other, _)| *other != name);
        variables.push((name, value));
        variables
    };
    for (variables, expected) in [
        (
            vec![secret[1], secret[2]],
            "not both `AZURE_TENANT_ID` and `AZURE_CLIENT_ID`",
        ),
        (
            with("AZURE_TENANT_ID", "t/../x"),
            "which is neither an id nor a domain",
        ),
        (
            with("AZURE_AUTHORITY_HOST", "http://login.example"),
            "`AZURE_AUTHORITY_HOST` is `http://login.example`, and credentials are only sent to https",
        ),
        (
            vec![("AZURE_CLIENT_CERTIFICATE_PATH", "/c.pem")],
            "`AZURE_CLIENT_CERTIFICATE_PATH` is not supported",
        ),
        (
            vec![("IDENTITY_ENDPOINT", "http://127.0.0.1:40342")],
            "Azure Arc",
        ),
        (
            vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", silent.url.as_str())],
            "no Azure credentials were found",
        ),
    ] {
        let text = error(&entra(EntraConfig::default(), &variables)).await;
        assert!(text.contains(expected), "{text}");
    }
}
