//! Profiles of the shared files of AWS, with the roles they ask for.

use ferrogate_credentials::AwsConfig;

use crate::aws::{assert_signed, aws, keys};
use crate::support::*;

const CREDENTIALS: &str = "[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key = SKDEFAULT\n\
    [base]\naws_access_key_id = AKBASE\naws_secret_access_key = SKBASE\n";

const CONFIG: &str = "[profile outer]\nrole_arn = arn:outer\nsource_profile = inner\nrole_session_name = gate\n\
    [profile inner]\nrole_arn = arn:inner\nsource_profile = base\nexternal_id = ext\nduration_seconds = 900\n\
    [profile programs]\ncredential_process = /bin/false\n\
    [profile pod]\nrole_arn = arn:pod\ncredential_source = EcsContainer\n";

/// A service that gives keys named after the role.
async fn sts() -> Server {
    Server::start(|seen| {
        let role = seen.form()["RoleArn"].replace("arn:", "");
        ok(format!(
            "<R><AccessKeyId>AK{role}</AccessKeyId><SecretAccessKey>SK{role}</SecretAccessKey>\
             <SessionToken>ST{role}</SessionToken><Expiration>2026-01-15T13:30:45Z</Expiration></R>"
        ))
    })
    .await
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), ".aws/credentials", CREDENTIALS);
    write(home.path(), ".aws/config", CONFIG);
    home
}

fn profile(name: &str) -> AwsConfig {
    AwsConfig {
        profile: Some(name.into()),
        ..AwsConfig::default()
    }
}

#[tokio::test]
async fn a_static_profile() {
    let home = home();
    let home = Some(home.path());
    let env = [
        ("AWS_ACCESS_KEY_ID", "AKENV"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    for (config, variables, id) in [
        (AwsConfig::default(), &[][..], "AKDEFAULT"),
        (AwsConfig::default(), &[("AWS_PROFILE", "base")], "AKBASE"),
        (AwsConfig::default(), &env, "AKENV"),
        // Named in the configuration, a profile comes before the environment.
        (profile("base"), &env, "AKBASE"),
    ] {
        let value = authorization(&aws(config, variables, home)).await;
        assert!(value.contains(&format!("Credential={id}/")), "{value}");
    }
}

#[tokio::test]
async fn files_may_be_elsewhere() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "keys", CREDENTIALS);
    let variables = [("AWS_SHARED_CREDENTIALS_FILE", "~/keys")];
    let auth = aws(AwsConfig::default(), &variables, Some(home.path()));
    assert!(authorization(&auth).await.contains("AKDEFAULT/"));
}

#[tokio::test]
async fn roles_are_assumed_one_with_the_keys_of_the_other() {
    let (home, sts) = (home(), sts().await);
    let url = sts.url();
    let variables = [("AWS_ENDPOINT_URL_STS", url.as_str())];
    let auth = aws(profile("outer"), &variables, Some(home.path()));
    assert!(authorization(&auth).await.contains("Credential=AKouter/"));
    let seen = sts.seen();
    assert_eq!(seen.len(), 2);
    seen[0].assert_form(&[
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", "arn:inner"),
        ("RoleSessionName", "ferrogate"),
        ("ExternalId", "ext"),
        ("DurationSeconds", "900"),
    ]);
    assert_signed(&seen[0], "sts", &keys("AKBASE", "SKBASE", None));
    seen[1].assert_form(&[
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", "arn:outer"),
        ("RoleSessionName", "gate"),
    ]);
    assert_signed(
        &seen[1],
        "sts",
        &keys("AKinner", "SKinner", Some("STinner")),
    );
}

#[tokio::test]
async fn a_role_may_begin_with_the_keys_of_the_container() {
    let (home, sts) = (home(), sts().await);
    let container = Server::start(|_| {
        ok(r#"{"AccessKeyId":"AKPOD","SecretAccessKey":"SKPOD","Token":"STPOD","Expiration":"2026-01-15T18:00:00Z"}"#)
    })
    .await;
    let (sts_url, uri) = (sts.url(), format!("{}/", container.url()));
    let variables = [
        ("AWS_ENDPOINT_URL_STS", sts_url.as_str()),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
    ];
    let auth = aws(profile("pod"), &variables, Some(home.path()));
    assert!(authorization(&auth).await.contains("Credential=AKpod/"));
    assert_signed(&sts.only(), "sts", &keys("AKPOD", "SKPOD", Some("STPOD")));
    let without = aws(profile("pod"), &variables[..1], Some(home.path()));
    assert!(
        error(&without)
            .await
            .contains("no `AWS_CONTAINER_CREDENTIALS_*` is set")
    );
}

#[tokio::test]
async fn what_is_not_supported_is_named() {
    let home = home();
    for (name, expected) in [
        (
            "programs",
            "`credential_process` of the AWS profile `programs` is not supported",
        ),
        ("gone", "the AWS profile `gone` does not exist"),
    ] {
        let text = error(&aws(profile(name), &[], Some(home.path()))).await;
        assert!(text.starts_with(expected), "{text}");
    }
}
