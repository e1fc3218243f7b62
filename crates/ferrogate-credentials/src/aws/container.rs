//! Keys of a container: ECS and EKS Pod Identity.
//!
//! Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>.

use ferrogate_upstream::{Client, Endpoint};

use crate::aws::document;
use crate::cache::Expiring;
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::file;
use crate::private::is_private;
use crate::sigv4::AwsKeys;
use crate::token_call::TokenCall;

/// Fetches the keys; `None` when this is no such container.
pub(super) async fn fetch(
    environment: &Environment,
    client: &Client,
) -> Result<Option<Expiring<AwsKeys>>, CredentialError> {
    let url = if let Some(path) = environment.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        format!("http://169.254.170.2{path}")
    } else if let Some(url) = environment.variable(FULL_URI) {
        url
    } else {
        return Ok(None);
    };
    check(&url)?;
    let mut call = TokenCall::get(ROLE, &url)?.on_link();
    // The file first: its token is replaced while the process runs.
    let token = match environment.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(path) => Some(file::read_secret(&environment.path(&path)).await?),
        None => environment.secret("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    };
    if let Some(token) = token {
        call = call.secret_header("authorization", "", &token)?;
    }
    document::read(&call.send(client).await?).map(Some)
}

/// Refuses addresses outside of the machine and of those AWS reserves: the variable may come from somebody
/// who controls the container's environment, and the token would go there.
fn check(url: &str) -> Result<(), CredentialError> {
    let (bare, _) = url.split_once('?').unwrap_or((url, ""));
    let endpoint = Endpoint::parse(bare).map_err(|error| {
        CredentialError::configuration(format!("`{FULL_URI}`"), format!("fails: {error}"))
    })?;
    if is_private(&endpoint) || RESERVED.contains(&endpoint.host()) {
        Ok(())
    } else {
        Err(CredentialError::Untrusted {
            place: format!("`{FULL_URI}`"),
            origin: endpoint.origin().to_owned(),
            rule: "https, this machine, and the container addresses of AWS",
        })
    }
}

const ROLE: &str = "the container credentials service";

const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

/// ECS, then EKS in both families.
const RESERVED: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_its_token_only_near() {
        for good in [
            "http://169.254.170.2/v2/credentials?id=x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://127.0.0.1:9911/x",
            "http://[::1]/x",
            "http://localhost/x",
            "https://credentials.example/x",
        ] {
            check(good).unwrap();
        }
        for bad in [
            "http://credentials.example/x",
            "http://169.254.169.254/x",
            "http://169.254.170.2@evil.example/",
            "http://169.254.170.2.evil.example/",
            "ftp://localhost/",
            "localhost",
        ] {
            check(bad).unwrap_err();
        }
    }
}
