//! Tokens of the metadata server of Google's machines.
//!
//! Source: <https://cloud.google.com/compute/docs/access/authenticate-workloads#applications>.

use ferrogate_types::Secret;
use ferrogate_upstream::Client;

use crate::cache::Expiring;
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::oauth;
use crate::token_call::TokenCall;

/// Fetches the token of the machine's service account; the last source of the search.
pub(super) async fn fetch(
    environment: &Environment,
    client: &Client,
) -> Result<Expiring<Secret>, CredentialError> {
    if environment.is_on("NO_GCE_CHECK") {
        return Err(not_found("`NO_GCE_CHECK` is set"));
    }
    let host = environment
        .variable("GCE_METADATA_HOST")
        .unwrap_or_else(|| "metadata.google.internal".to_owned());
    let url = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token");
    let call = TokenCall::get("the metadata server of Google", &url)?
        .header("metadata-flavor", "Google")?
        .on_link();
    match call.send(client).await {
        Ok(answer) => oauth::read(&answer, environment.now()),
        Err(CredentialError::Call { .. }) => Err(not_found("it does not answer")),
        Err(CredentialError::Refused { status: 404, .. }) => {
            Err(not_found("the machine has no service account"))
        }
        Err(error) => Err(error),
    }
}

fn not_found(reason: &str) -> CredentialError {
    CredentialError::NotFound {
        cloud: "Google",
        tried: format!(
            "the configuration, `GOOGLE_APPLICATION_CREDENTIALS`, the file of `gcloud`, the metadata server ({reason})"
        ),
        remedy: "set `GOOGLE_APPLICATION_CREDENTIALS` to the file of a service account",
    }
}
