//! Roles assumed through the Security Token Service of AWS.
//!
//! Source: <https://docs.aws.amazon.com/STS/latest/APIReference/>.

use std::time::Duration;

use ferrogate_types::Secret;
use ferrogate_upstream::Client;

use crate::aws::plan::Role;
use crate::cache::Expiring;
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::sigv4::{AwsKeys, SigningScope};
use crate::token_call::{TokenAnswer, TokenCall};
use crate::wire_time::rfc3339;
use crate::xml::element;

/// The service in one region.
pub(super) struct Sts<'a> {
    pub(super) environment: &'a Environment,
    pub(super) client: &'a Client,
    pub(super) region: &'a str,
}

impl Sts<'_> {
    /// Assumes a role with keys.
    pub(super) async fn assume_role(
        &self,
        role: &Role,
        keys: &AwsKeys,
    ) -> Result<Expiring<AwsKeys>, CredentialError> {
        let fields = fields("AssumeRole", role);
        let scope = SigningScope {
            region: self.region,
            service: "sts",
            at: self.environment.now(),
        };
        let call = TokenCall::form(ROLE, &self.url(), &fields, &[])?.signed(keys, &scope)?;
        read(&call.send(self.client).await?)
    }

    /// Assumes a role with a token of an identity provider; the token is the proof, nothing is signed.
    pub(super) async fn assume_role_with_web_identity(
        &self,
        role: &Role,
        token: &Secret,
    ) -> Result<Expiring<AwsKeys>, CredentialError> {
        let fields = fields("AssumeRoleWithWebIdentity", role);
        let secrets = [("WebIdentityToken", token)];
        let call = TokenCall::form(ROLE, &self.url(), &fields, &secrets)?;
        read(&call.send(self.client).await?)
    }

    fn url(&self) -> String {
        let configured = |name| self.environment.variable(name);
        configured("AWS_ENDPOINT_URL_STS")
            .or_else(|| configured("AWS_ENDPOINT_URL"))
            .unwrap_or_else(|| format!("https://{}", host(self.region)))
    }
}

/// The host of the service in a region; some have a domain of their own.
/// Source: <https://docs.aws.amazon.com/general/latest/gr/sts.html>.
fn host(region: &str) -> String {
    let domain = match region.split_once('-') {
        Some(("cn", _)) => "amazonaws.com.cn",
        Some(("eusc", _)) => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    format!("sts.{region}.{domain}")
}

fn fields<'a>(action: &'a str, role: &'a Role) -> Vec<(&'static str, &'a str)> {
    let session = role.session_name.as_deref().unwrap_or("ferrogate");
    let mut fields = vec![
        ("Action", action),
        ("Version", "2011-06-15"),
        ("RoleArn", role.arn.as_str()),
        ("RoleSessionName", session),
    ];
    fields.extend(role.external_id.as_deref().map(|id| ("ExternalId", id)));
    fields.extend(
        role.duration_seconds
            .as_deref()
            .map(|seconds| ("DurationSeconds", seconds)),
    );
    fields
}

fn read(answer: &TokenAnswer) -> Result<Expiring<AwsKeys>, CredentialError> {
    let document = answer.text()?;
    let text = |name: &str| {
        element(document, name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| answer.unusable(format!("without `{name}`")))
    };
    let expires_at: Duration = rfc3339(&text("Expiration")?)
        .ok_or_else(|| answer.unusable("an `Expiration` that is no time"))?;
    Ok(Expiring {
        value: AwsKeys {
            access_key_id: text("AccessKeyId")?,
            secret_access_key: Secret::literal(text("SecretAccessKey")?),
            session_token: Some(Secret::literal(text("SessionToken")?)),
        },
        expires_at: Some(expires_at),
    })
}

const ROLE: &str = "AWS STS";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_has_its_host() {
        for (region, expected) in [
            ("us-east-1", "sts.us-east-1.amazonaws.com"),
            ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(host(region), expected);
        }
    }
}
