//! Access tokens of OAuth 2.0.

use std::time::Duration;

use ferrogate_types::Secret;
use http::HeaderValue;
use serde::Deserialize;
use serde_json::Value;

use crate::cache::Expiring;
use crate::error::CredentialError;
use crate::token_call::TokenAnswer;
use crate::wire_time::seconds;

/// An access token, ready to be sent.
#[derive(Debug)]
pub(crate) struct AccessToken {
    /// `Bearer` with the token.
    pub(crate) authorization: HeaderValue,
    /// The project that is billed, for the header of Google.
    pub(crate) quota_project: Option<HeaderValue>,
}

/// The answer of a token endpoint. RFC 6749 section 5.1; `expires_on` is that of managed identities of Azure,
/// which write it as a string.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    expires_on: Value,
}

/// Reads the answer of a token endpoint that came at `now`.
pub(crate) fn read(
    answer: &TokenAnswer,
    now: Duration,
) -> Result<Expiring<Secret>, CredentialError> {
    let token: Answer = answer.json()?;
    let relative = seconds(&token.expires_in).map(|left| now.saturating_add(left));
    let expires_at = relative
        .or_else(|| seconds(&token.expires_on))
        .unwrap_or_else(|| now.saturating_add(UNSTATED));
    Ok(Expiring {
        value: Secret::literal(token.access_token),
        expires_at: Some(expires_at),
    })
}

/// Makes the header of a token.
pub(crate) fn access_token(
    token: &Expiring<Secret>,
) -> Result<Expiring<AccessToken>, CredentialError> {
    Ok(Expiring {
        value: AccessToken {
            authorization: bearer(&token.value)?,
            quota_project: None,
        },
        expires_at: token.expires_at,
    })
}

/// The value of an `authorization` header.
pub(crate) fn bearer(token: &Secret) -> Result<HeaderValue, CredentialError> {
    let usable = !token.is_empty() && token.expose().bytes().all(|byte| byte.is_ascii_graphic());
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
        .ok()
        .filter(|_| usable)
        .ok_or_else(|| {
            CredentialError::configuration(
                "an access token",
                "is empty or has characters that no header can carry",
            )
        })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The life of a token whose server does not tell it. The field is only recommended by RFC 6749.
const UNSTATED: Duration = Duration::from_mins(5);
