//! Keys of an instance, from its metadata service, version 2.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>.

use ferrogate_types::Secret;
use ferrogate_upstream::Client;

use crate::aws::document;
use crate::cache::Expiring;
use crate::encode::percent;
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::sigv4::AwsKeys;
use crate::token_call::TokenCall;

/// Why an instance has no keys, which is no failure at the end of a chain.
pub(super) enum Absent {
    /// `AWS_EC2_METADATA_DISABLED` says so.
    Disabled,
    /// Nobody answers: this is no instance.
    Silent,
    /// The instance has no role.
    NoRole,
}

/// Fetches the keys of the instance's role.
pub(super) async fn fetch(
    environment: &Environment,
    client: &Client,
) -> Result<Result<Expiring<AwsKeys>, Absent>, CredentialError> {
    if environment.is_on("AWS_EC2_METADATA_DISABLED") {
        return Ok(Err(Absent::Disabled));
    }
    let base = match environment.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
        Some(base) => base,
        None if is_ipv6(environment) => "http://[fd00:ec2::254]".to_owned(),
        None => "http://169.254.169.254".to_owned(),
    };
    let base = base.trim_end_matches('/');
    let session = TokenCall::put(ROLE, &format!("{base}/latest/api/token"))?
        .header("x-aws-ec2-metadata-token-ttl-seconds", "21600")?
        .on_link();
    let token = match session.send(client).await {
        Ok(answer) => Secret::literal(answer.text()?.trim()),
        Err(CredentialError::Call { .. }) => return Ok(Err(Absent::Silent)),
        Err(error) => return Err(error),
    };
    let get = |path: &str| {
        TokenCall::get(ROLE, &format!("{base}{CREDENTIALS}{path}"))?
            .secret_header("x-aws-ec2-metadata-token", "", &token)
            .map(TokenCall::on_link)
    };
    let listed = match get("")?.send(client).await {
        Ok(answer) => answer,
        Err(CredentialError::Refused { status: 404, .. }) => return Ok(Err(Absent::NoRole)),
        Err(error) => return Err(error),
    };
    let Some(role) = listed
        .text()?
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
    else {
        return Ok(Err(Absent::NoRole));
    };
    let role = percent(role.as_bytes()).to_string();
    document::read(&get(&role)?.send(client).await?).map(Ok)
}

fn is_ipv6(environment: &Environment) -> bool {
    environment
        .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")
        .is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6"))
}

const ROLE: &str = "the EC2 metadata service";

const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/";
