//! A token exchanged for one of a service account.
//!
//! Source: <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>.

use ferrogate_types::Secret;
use serde::Deserialize;
use serde_json::json;

use crate::cache::Expiring;
use crate::error::CredentialError;
use crate::google::account::Impersonation;
use crate::google::grant::Asking;
use crate::token_call::TokenCall;
use crate::wire_time::rfc3339;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    access_token: String,
    expire_time: String,
}

/// Exchanges `token`, which must be one for the whole platform.
pub(super) async fn exchange(
    asking: &Asking<'_>,
    target: &Impersonation,
    token: &Secret,
) -> Result<Expiring<Secret>, CredentialError> {
    asking
        .trust
        .check("service_account_impersonation_url", &target.url)?;
    let scopes: Vec<&str> = asking.scopes.split(' ').collect();
    let mut body = json!({
        "scope": scopes,
        "lifetime": format!("{}s", target.lifetime_seconds.unwrap_or(3600)),
    });
    if !target.delegates.is_empty() {
        body["delegates"] = json!(target.delegates);
    }
    let call = TokenCall::json("the IAM credentials service of Google", &target.url, &body)?
        .secret_header("authorization", "Bearer ", token)?;
    let answer = call.send(asking.client).await?;
    let exchanged: Answer = answer.json()?;
    let expires_at = rfc3339(&exchanged.expire_time)
        .ok_or_else(|| answer.unusable("an `expireTime` that is no time"))?;
    Ok(Expiring {
        value: Secret::literal(exchanged.access_token),
        expires_at: Some(expires_at),
    })
}
