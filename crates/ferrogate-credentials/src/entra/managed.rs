//! Tokens of the managed identity of a machine or an app.
//!
//! Source: <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>.

use ferrogate_types::Secret;
use ferrogate_upstream::Client;

use crate::cache::Expiring;
use crate::encode::percent;
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::oauth;
use crate::token_call::TokenCall;

/// Fetches the token of the app or machine; the last source of the search.
pub(super) async fn fetch(
    environment: &Environment,
    client: &Client,
    scope: &str,
    client_id: Option<&str>,
) -> Result<Expiring<Secret>, CredentialError> {
    // Managed identities take the resource of which the scope is made.
    let resource = scope.strip_suffix("/.default").unwrap_or(scope);
    let query = |version: &str| {
        let identity = client_id
            .map(|id| format!("&client_id={}", percent(id.as_bytes())))
            .unwrap_or_default();
        format!(
            "?api-version={version}&resource={}{identity}",
            percent(resource.as_bytes())
        )
    };
    let app = environment.variable("IDENTITY_ENDPOINT");
    let header = environment.secret("IDENTITY_HEADER");
    let call = match (app, header) {
        (Some(endpoint), Some(header)) => {
            let url = format!("{endpoint}{}", query("2019-08-01"));
            TokenCall::get("the identity endpoint of App Service", &url)?.secret_header(
                "x-identity-header",
                "",
                &header,
            )?
        }
        (Some(_), None) => {
            return Err(CredentialError::Unsupported {
                source_kind: "`IDENTITY_ENDPOINT` without `IDENTITY_HEADER`, as Azure Arc and Service Fabric set it,"
                    .to_owned(),
                instead: "use a client secret or a workload identity",
            });
        }
        _ => {
            let base = environment
                .variable("AZURE_POD_IDENTITY_AUTHORITY_HOST")
                .unwrap_or_else(|| "http://169.254.169.254".to_owned());
            let path = "/metadata/identity/oauth2/token";
            let url = format!(
                "{}{path}{}",
                base.trim_end_matches('/'),
                query("2018-02-01")
            );
            TokenCall::get("the Azure metadata service", &url)?.header("metadata", "true")?
        }
    };
    match call.on_link().send(client).await {
        Ok(answer) => oauth::read(&answer, environment.now()),
        Err(CredentialError::Call { .. }) => Err(CredentialError::NotFound {
            cloud: "Azure",
            tried:
                "a client secret, a federated token file, the managed identity (it does not answer)"
                    .to_owned(),
            remedy: "set `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`, or give the machine an identity",
        }),
        Err(error) => Err(error),
    }
}
