//! Keys as the metadata services write them.

use ferrogate_types::Secret;
use serde::Deserialize;

use crate::cache::Expiring;
use crate::error::CredentialError;
use crate::sigv4::AwsKeys;
use crate::token_call::TokenAnswer;
use crate::wire_time::rfc3339;

/// The document of the container and instance metadata services.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    /// Of the instance only: `Success`, or why there are no keys.
    code: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
    expiration: Option<String>,
}

/// Reads the answer of a metadata service.
pub(super) fn read(answer: &TokenAnswer) -> Result<Expiring<AwsKeys>, CredentialError> {
    let document: Document = answer.json()?;
    if let Some(code) = document.code.filter(|code| code != "Success") {
        let code: String = code
            .chars()
            .filter(char::is_ascii_graphic)
            .take(60)
            .collect();
        return Err(answer.unusable(format!("with the code `{code}` instead of keys")));
    }
    let (Some(id), Some(secret)) = (document.access_key_id, document.secret_access_key) else {
        return Err(answer.unusable("without `AccessKeyId` and `SecretAccessKey`"));
    };
    let expires_at = match &document.expiration {
        Some(text) => {
            Some(rfc3339(text).ok_or_else(|| answer.unusable("an `Expiration` that is no time"))?)
        }
        None => None,
    };
    Ok(Expiring {
        value: AwsKeys {
            access_key_id: id,
            secret_access_key: Secret::literal(secret),
            session_token: document.token.map(Secret::literal),
        },
        expires_at,
    })
}
