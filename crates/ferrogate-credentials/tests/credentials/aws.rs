//! The chain of AWS: keys, environment, web identity, container, instance.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ferrogate_credentials::{
    AwsConfig, AwsKeys, CloudAuth, CredentialError, OutgoingRequest, SigningScope, sign,
};
use ferrogate_types::Secret;
use http::header::{HeaderMap, HeaderName};
use tokio::task::JoinSet;

use crate::support::*;

pub(crate) const TOKEN_ANSWER: &str = "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <AssumeRoleWithWebIdentityResult><Credentials><SessionToken>SESSION==</SessionToken>\
    <SecretAccessKey>ASSUMED</SecretAccessKey><Expiration>2026-01-15T13:30:45Z</Expiration>\
    <AccessKeyId>ASIAWEB</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";

pub(crate) fn aws(
    config: AwsConfig,
    variables: &[(&str, &str)],
    home: Option<&std::path::Path>,
) -> CloudAuth {
    let config = AwsConfig {
        region: Some("us-east-1".into()),
        ..config
    };
    CloudAuth::aws(config, environment(variables, home)).unwrap()
}

pub(crate) fn keys(id: &str, secret: &str, token: Option<&str>) -> AwsKeys {
    AwsKeys {
        access_key_id: id.into(),
        secret_access_key: Secret::literal(secret),
        session_token: token.map(Secret::literal),
    }
}

/// Asserts that what a server saw was signed with these keys.
pub(crate) fn assert_signed(seen: &Seen, service: &str, keys: &AwsKeys) {
    let mut headers = HeaderMap::new();
    for (name, value) in &seen.headers {
        let name = HeaderName::try_from(name).unwrap();
        headers.insert(name, value.parse().unwrap());
    }
    let host = headers.remove("host").unwrap();
    let mut request = OutgoingRequest {
        method: &seen.method.parse().unwrap(),
        host: host.to_str().unwrap(),
        path_and_query: &seen.target,
        headers: &mut headers,
        body: seen.body.as_bytes(),
    };
    let scope = SigningScope {
        region: "us-east-1",
        service,
        at: Duration::from_secs(NOW),
    };
    sign(&mut request, keys, &scope).unwrap();
    assert_eq!(
        headers["authorization"].to_str().ok(),
        seen.header("authorization")
    );
}

/// Asserts that a credential signs with this access key id.
async fn assert_signs_as(auth: &CloudAuth, id: &str) {
    let value = authorization(auth).await;
    let expected =
        format!("AWS4-HMAC-SHA256 Credential={id}/20260115/us-east-1/bedrock/aws4_request, ");
    assert!(value.starts_with(&expected), "{value}");
}

#[tokio::test]
async fn configured_keys_come_first() {
    let config = AwsConfig {
        keys: Some(keys("AKCONFIG", "s", None)),
        ..AwsConfig::default()
    };
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKENV"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    assert_signs_as(&aws(config, &variables, None), "AKCONFIG").await;
}

#[tokio::test]
async fn keys_of_the_environment() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKENV"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", "st"),
    ];
    let auth = aws(AwsConfig::default(), &variables, None);
    assert_signs_as(&auth, "AKENV").await;
    assert_eq!(headers(&auth).await.unwrap()["x-amz-security-token"], "st");

    let half = aws(AwsConfig::default(), &variables[..1], None);
    assert!(error(&half).await.contains("`AWS_SECRET_ACCESS_KEY`"));
}

#[tokio::test]
async fn an_api_key_of_bedrock_replaces_the_signature() {
    let variables = [
        ("AWS_BEARER_TOKEN_BEDROCK", "api-key"),
        ("AWS_ACCESS_KEY_ID", "AKENV"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    let auth = aws(AwsConfig::default(), &variables, None);
    assert_eq!(authorization(&auth).await, "Bearer api-key");

    let config = AwsConfig {
        keys: Some(keys("AKCONFIG", "s", None)),
        ..AwsConfig::default()
    };
    assert_signs_as(&aws(config, &variables, None), "AKCONFIG").await;
}

#[tokio::test]
async fn web_identity() {
    let sts = Server::start(|_| ok(TOKEN_ANSWER)).await;
    let folder = tempfile::tempdir().unwrap();
    let token_file = write(folder.path(), "token", "the.jwt.token\n");
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token_file.as_str()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_ROLE_SESSION_NAME", "pod"),
        ("AWS_ENDPOINT_URL_STS", &sts.url()),
    ];
    let auth = aws(AwsConfig::default(), &variables, None);
    assert_signs_as(&auth, "ASIAWEB").await;
    assert_eq!(
        headers(&auth).await.unwrap()["x-amz-security-token"],
        "SESSION=="
    );
    let seen = sts.only();
    assert_eq!(seen.line(), "POST /");
    assert_eq!(seen.header("authorization"), None);
    seen.assert_form(&[
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", "arn:aws:iam::1:role/r"),
        ("RoleSessionName", "pod"),
        ("WebIdentityToken", "the.jwt.token"),
    ]);
}

#[tokio::test]
async fn a_refusal_names_the_reason_and_no_secret() {
    let refusal = "<ErrorResponse><Error><Code>InvalidIdentityToken</Code>\
        <Message>the.jwt.token is not valid</Message></Error></ErrorResponse>";
    let sts = Server::start(move |_| (400, refusal.to_owned())).await;
    let folder = tempfile::tempdir().unwrap();
    let token_file = write(folder.path(), "token", "the.jwt.token");
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token_file.as_str()),
        ("AWS_ROLE_ARN", "arn"),
        ("AWS_ENDPOINT_URL_STS", &sts.url()),
    ];
    let auth = aws(AwsConfig::default(), &variables, None);
    let expected = format!(
        "AWS STS (`{}`) refused with status 400: InvalidIdentityToken: *** is not valid",
        sts.url()
    );
    assert_eq!(error(&auth).await, expected);
    // Remembered: the second request does not ask again.
    assert_eq!(error(&auth).await, expected);
    sts.only();
}

#[tokio::test]
async fn a_configured_source_that_fails_ends_the_search() {
    let imds = Server::start(|_| ok("")).await;
    let sts = nobody();
    let folder = tempfile::tempdir().unwrap();
    let token_file = write(folder.path(), "token", "t");
    let mut variables = vec![
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token_file.as_str()),
        ("AWS_ENDPOINT_URL_STS", &sts.url),
    ];
    let imds_url = imds.url();
    variables.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT", &imds_url));
    let auth = aws(AwsConfig::default(), &variables, None);
    assert!(error(&auth).await.contains("`AWS_ROLE_ARN` is not"));
    variables.push(("AWS_ROLE_ARN", "arn"));
    let auth = aws(AwsConfig::default(), &variables, None);
    let failed = headers(&auth).await.unwrap_err();
    assert!(failed.is_temporary());
    assert!(failed.to_string().ends_with("cannot be asked"), "{failed}");
    assert!(imds.seen().is_empty());
}

const CONTAINER_ANSWER: &str = r#"{"RoleArn":"arn","AccessKeyId":"ASIACONTAINER","SecretAccessKey":"s","Token":"st","Expiration":"2026-01-15T18:00:00Z"}"#;

#[tokio::test]
async fn container() {
    let server = Server::start(|_| ok(CONTAINER_ANSWER)).await;
    let folder = tempfile::tempdir().unwrap();
    let token_file = write(folder.path(), "token", "from-the-file\n");
    let uri = format!("{}/v1/credentials?id=7", server.url());
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "from-the-variable"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token_file),
    ];
    assert_signs_as(
        &aws(AwsConfig::default(), &variables[..2], None),
        "ASIACONTAINER",
    )
    .await;
    assert_signs_as(
        &aws(AwsConfig::default(), &variables, None),
        "ASIACONTAINER",
    )
    .await;
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    for (seen, token) in seen.iter().zip(["from-the-variable", "from-the-file"]) {
        assert_eq!(seen.line(), "GET /v1/credentials?id=7");
        assert_eq!(seen.header("authorization"), Some(token));
    }
}

/// The metadata service of an instance with the role `a role`; each answer has another access key id.
async fn instance() -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |seen| {
        let authorized = seen.header("x-aws-ec2-metadata-token") == Some("IMDS-TOKEN");
        match seen.line().as_str() {
            "PUT /latest/api/token"
                if seen.header("x-aws-ec2-metadata-token-ttl-seconds") == Some("21600") =>
            {
                ok("IMDS-TOKEN")
            }
            "GET /latest/meta-data/iam/security-credentials/" if authorized => ok("a role\n"),
            "GET /latest/meta-data/iam/security-credentials/a%20role" if authorized => {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                let hour = 12 + number;
                ok(format!(
                    r#"{{"Code":"Success","AccessKeyId":"ASIA{number}","SecretAccessKey":"s","Token":"st","Expiration":"2026-01-15T{hour}:30:45Z"}}"#
                ))
            }
            _ => (401, String::new()),
        }
    })
    .await
}

#[tokio::test]
async fn instance_keys_are_refreshed_ahead_and_after_a_refusal() {
    let server = instance().await;
    let clock = Clock::new();
    let variables = [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let auth = CloudAuth::aws(
        AwsConfig::default(),
        environment_at(&variables, None, &clock),
    )
    .unwrap();
    assert_signs_as(&auth, "ASIA1").await;
    clock.pass(3299);
    assert_signs_as(&auth, "ASIA1").await;
    assert_eq!(server.seen().len(), 3);
    clock.pass(1);
    // The old ones serve until the new ones are there.
    while authorization(&auth).await.contains("ASIA1/") {
        tokio::task::yield_now().await;
    }
    assert_signs_as(&auth, "ASIA2").await;
    assert_eq!(server.seen().len(), 6);
    clock.pass(5);
    auth.invalidate();
    assert_signs_as(&auth, "ASIA3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_requests_share_one_fetch() {
    let server = instance().await;
    let url = server.url();
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())];
    let auth = Arc::new(aws(AwsConfig::default(), &variables, None));
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let auth = Arc::clone(&auth);
        requests.spawn(async move { authorization(&auth).await });
    }
    while let Some(value) = requests.join_next().await {
        assert!(value.unwrap().contains("Credential=ASIA1/"));
    }
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn the_end_of_the_chain_says_what_was_tried() {
    let no_role = Server::start(|seen| match seen.method.as_str() {
        "PUT" => ok("t"),
        _ => (404, String::new()),
    })
    .await;
    let silent = nobody();
    let no_role = no_role.url();
    for (variables, reason) in [
        (
            vec![
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("AWS_EC2_METADATA_SERVICE_ENDPOINT", silent.url.as_str()),
            ],
            "`AWS_EC2_METADATA_DISABLED` is set",
        ),
        (
            vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", silent.url.as_str())],
            "it does not answer",
        ),
        (
            vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", no_role.as_str())],
            "the instance has no role",
        ),
    ] {
        let auth = aws(AwsConfig::default(), &variables, None);
        let failed = headers(&auth).await.unwrap_err();
        assert!(
            matches!(failed, CredentialError::NotFound { .. }),
            "{failed:?}"
        );
        let text = failed.to_string();
        for part in [
            "`AWS_ACCESS_KEY_ID`",
            "profile `default`",
            reason,
            "give the machine a role",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[tokio::test]
async fn a_metadata_service_that_answers_nonsense_is_reported() {
    for (body, expected) in [
        ("<html>SECRET", "answered a body that is not JSON"),
        (r#"{"Code":"Failed","Message":"x"}"#, "the code `Failed`"),
        (
            r#"{"AccessKeyId":"a"}"#,
            "without `AccessKeyId` and `SecretAccessKey`",
        ),
        (
            r#"{"AccessKeyId":"a","SecretAccessKey":"SECRET","Expiration":"x"}"#,
            "an `Expiration` that is no time",
        ),
        (
            r#"{"AccessKeyId":"a","SecretAccessKey":["SECRET"]}"#,
            "with missing or mistyped fields",
        ),
        (
            r#"{"AccessKeyId":"a","SecretAccessKey":"SECRET","Expiration":"2026-01-15T12:00:00Z"}"#,
            "has expired",
        ),
    ] {
        let answer = Server::start(move |_| ok(body)).await;
        let uri = format!("{}/x", answer.url());
        let variables = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str())];
        let text = error(&aws(AwsConfig::default(), &variables, None)).await;
        assert!(
            text.contains(expected) && !text.contains("SECRET"),
            "{text}"
        );
    }
}
