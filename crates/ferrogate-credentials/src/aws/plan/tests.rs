use ferrogate_types::Secret;

use super::*;
use crate::aws::profile::from_texts;

const CREDENTIALS: &str = "[base]\naws_access_key_id = AK\naws_secret_access_key = SK\n\
    [temporary]\naws_access_key_id = AK\naws_secret_access_key = SK\naws_session_token = ST\n\
    [half]\naws_access_key_id = AK\n";

fn check(config: &str, profile: &str) -> Result<Option<Plan>, String> {
    follow(&from_texts(config, CREDENTIALS), profile).map_err(|error| error.to_string())
}

fn keys(token: Option<&str>) -> AwsKeys {
    AwsKeys {
        access_key_id: "AK".into(),
        secret_access_key: Secret::literal("SK"),
        session_token: token.map(Secret::literal),
    }
}

fn role(arn: &str) -> Role {
    Role {
        arn: arn.into(),
        ..Role::default()
    }
}

#[test]
fn follows_profiles() {
    for (config, profile, expected) in [
        ("", "base", Some((Base::Keys(keys(None)), vec![]))),
        (
            "",
            "temporary",
            Some((Base::Keys(keys(Some("ST"))), vec![])),
        ),
        ("", "missing", None),
        ("[profile plain]\nregion = us-east-1\n", "plain", None),
        (
            "[profile a]\nrole_arn = A\nsource_profile = b\n[profile b]\nrole_arn = B\nsource_profile = base\n",
            "a",
            Some((Base::Keys(keys(None)), vec![role("B"), role("A")])),
        ),
        (
            "[profile base]\nrole_arn = A\nsource_profile = base\n",
            "base",
            Some((Base::Keys(keys(None)), vec![role("A")])),
        ),
        (
            "[profile a]\nrole_arn = A\ncredential_source = Ec2InstanceMetadata\n",
            "a",
            Some((Base::Instance, vec![role("A")])),
        ),
        (
            "[profile a]\nrole_arn = A\ncredential_source = EcsContainer\n",
            "a",
            Some((Base::Container, vec![role("A")])),
        ),
        (
            "[profile a]\nrole_arn = A\ncredential_source = Environment\n",
            "a",
            Some((Base::Environment, vec![role("A")])),
        ),
        (
            "[profile a]\nrole_arn = A\nweb_identity_token_file = /t\n",
            "a",
            Some((
                Base::WebIdentity {
                    token_file: "/t".into(),
                    role: role("A"),
                },
                vec![],
            )),
        ),
    ] {
        let expected = expected.map(|(base, roles)| Plan { base, roles });
        assert_eq!(
            check(config, profile),
            Ok(expected),
            "{profile} of {config}"
        );
    }
}

#[test]
fn keeps_the_terms_of_a_role() {
    let config = "[profile a]\nrole_arn = A\nsource_profile = base\nexternal_id = e\nrole_session_name = s\nduration_seconds = 900\n";
    let plan = check(config, "a").unwrap().unwrap();
    assert_eq!(
        plan.roles,
        [Role {
            arn: "A".into(),
            session_name: Some("s".into()),
            external_id: Some("e".into()),
            duration_seconds: Some("900".into()),
        }]
    );
}

#[test]
fn refuses_by_name() {
    for (config, profile, expected) in [
        (
            "[profile a]\ncredential_process = /bin/x\n",
            "a",
            "`credential_process` of the AWS profile `a` is not supported; the gateway runs no other programs",
        ),
        (
            "[profile a]\nsso_session = s\n",
            "a",
            "`sso_session` of the AWS profile `a` is not supported; a gateway cannot log in",
        ),
        ("[profile a]\nsso_start_url = s\n", "a", "`sso_start_url`"),
        ("[profile a]\nlogin_session = s\n", "a", "`login_session`"),
        (
            "[profile a]\nrole_arn = A\nsource_profile = base\nmfa_serial = m\n",
            "a",
            "`mfa_serial`",
        ),
        (
            "[profile a]\nrole_arn = A\n",
            "a",
            "without `source_profile`",
        ),
        (
            "[profile a]\nrole_arn = A\nsource_profile = gone\n",
            "a",
            "profile `gone` is a `source_profile` and does not exist",
        ),
        (
            "[profile a]\nrole_arn = A\nsource_profile = b\n[profile b]\nregion = x\n",
            "a",
            "profile `b` is a `source_profile` and has no keys",
        ),
        (
            "[profile a]\nrole_arn = A\nsource_profile = a\n",
            "a",
            "is its own `source_profile` and has no keys",
        ),
        (
            "[profile a]\nrole_arn = A\nsource_profile = b\n[profile b]\nrole_arn = B\nsource_profile = a\n",
            "a",
            "profile `a` is its own source",
        ),
        (
            "[profile a]\nrole_arn = A\ncredential_source = Moon\n",
            "a",
            "`credential_source` that is not",
        ),
        (
            "[profile a]\nrole_arn = A\ncredential_source = Environment\nsource_profile = b\n",
            "a",
            "has both",
        ),
        ("", "half", "one of `aws_access_key_id`"),
    ] {
        let error = check(config, profile).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
