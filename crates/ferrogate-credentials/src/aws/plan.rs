//! What a profile asks for: where keys begin, and the roles assumed with them.
//!
//! Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html>.

use crate::aws::profile::{Profile, Profiles};
use crate::error::CredentialError;
use crate::sigv4::AwsKeys;

/// What a profile asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) base: Base,
    /// Assumed one with the keys of the other, in this order.
    pub(super) roles: Vec<Role>,
}

/// Where keys begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Base {
    Keys(AwsKeys),
    WebIdentity { token_file: String, role: Role },
    Environment,
    Container,
    Instance,
}

/// A role with the terms under which it is assumed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) duration_seconds: Option<String>,
}

/// Follows the profile `first`; `None` when it is not there or has nothing to do with keys.
pub(super) fn follow(profiles: &Profiles, first: &str) -> Result<Option<Plan>, CredentialError> {
    let mut roles = Vec::new();
    let mut seen = Vec::new();
    let mut name = first;
    let base = loop {
        let place = || format!("the AWS profile `{name}`");
        let Some(profile) = profiles.get(name) else {
            if name == first {
                return Ok(None);
            }
            return Err(CredentialError::configuration(
                place(),
                "is a `source_profile` and does not exist",
            ));
        };
        if seen.contains(&name) {
            return Err(CredentialError::configuration(
                place(),
                "is its own source through `source_profile`",
            ));
        }
        seen.push(name);
        let Some(role) = role(profile) else {
            match own(profile, name)? {
                Some(keys) => break Base::Keys(keys),
                None if name == first => return Ok(None),
                None => {
                    return Err(CredentialError::configuration(
                        place(),
                        "is a `source_profile` and has no keys",
                    ));
                }
            }
        };
        if profile.text("mfa_serial").is_some() {
            return Err(CredentialError::Unsupported {
                source_kind: format!("`mfa_serial` of the AWS profile `{name}`"),
                instead: "a gateway has nobody to ask for a code; use a role without this condition",
            });
        }
        if let Some(token_file) = profile.text("web_identity_token_file") {
            break Base::WebIdentity {
                token_file: token_file.to_owned(),
                role,
            };
        }
        roles.push(role);
        match (
            profile.text("source_profile"),
            profile.text("credential_source"),
        ) {
            (Some(_), Some(_)) => {
                return Err(CredentialError::configuration(
                    place(),
                    "has both `source_profile` and `credential_source`",
                ));
            }
            // A profile may name itself: its role is assumed with its own keys.
            (Some(source), None) if source == name => match own(profile, name)? {
                Some(keys) => break Base::Keys(keys),
                None => {
                    return Err(CredentialError::configuration(
                        place(),
                        "is its own `source_profile` and has no keys",
                    ));
                }
            },
            (Some(source), None) => name = source,
            (None, Some("Environment")) => break Base::Environment,
            (None, Some("EcsContainer")) => break Base::Container,
            (None, Some("Ec2InstanceMetadata")) => break Base::Instance,
            (None, Some(_)) => {
                return Err(CredentialError::configuration(
                    place(),
                    "has a `credential_source` that is not `Environment`, `EcsContainer` or `Ec2InstanceMetadata`",
                ));
            }
            (None, None) => {
                return Err(CredentialError::configuration(
                    place(),
                    "has a `role_arn` without `source_profile`, `credential_source` or `web_identity_token_file`",
                ));
            }
        }
    };
    roles.reverse();
    Ok(Some(Plan { base, roles }))
}

fn role(profile: &Profile) -> Option<Role> {
    let text = |key| profile.text(key).map(str::to_owned);
    Some(Role {
        arn: text("role_arn")?,
        session_name: text("role_session_name"),
        external_id: text("external_id"),
        duration_seconds: text("duration_seconds"),
    })
}

/// The keys that stand in a profile. Those that would come from elsewhere are refused by name.
fn own(profile: &Profile, name: &str) -> Result<Option<AwsKeys>, CredentialError> {
    match (
        profile.text("aws_access_key_id"),
        profile.secret("aws_secret_access_key"),
    ) {
        (Some(id), Some(secret)) => {
            return Ok(Some(AwsKeys {
                access_key_id: id.to_owned(),
                secret_access_key: secret,
                session_token: profile.secret("aws_session_token"),
            }));
        }
        (None, None) => {}
        _ => {
            return Err(CredentialError::configuration(
                format!("the AWS profile `{name}`"),
                "has one of `aws_access_key_id` and `aws_secret_access_key` without the other",
            ));
        }
    }
    for (key, instead) in REFUSED {
        if profile.text(key).is_some() {
            return Err(CredentialError::Unsupported {
                source_kind: format!("`{key}` of the AWS profile `{name}`"),
                instead,
            });
        }
    }
    Ok(None)
}

const NO_PROGRAM: &str = "the gateway runs no other programs; write keys into the profile, or use `role_arn` with `source_profile`, \
     web identity, or the role of the container or instance";
const NO_BROWSER: &str = "a gateway cannot log in through a browser; use `role_arn` with `source_profile`, web identity, or the role \
     of the container or instance";

/// Sources of keys that are not used.
const REFUSED: [(&str, &str); 4] = [
    ("credential_process", NO_PROGRAM),
    ("sso_session", NO_BROWSER),
    ("sso_start_url", NO_BROWSER),
    ("login_session", NO_BROWSER),
];

#[cfg(test)]
mod tests;
