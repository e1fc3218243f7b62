//! Signed claims of a service account.
//!
//! Source: <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ferrogate_types::Secret;
use rustls::SignatureScheme;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;

use crate::error::CredentialError;
use crate::google::account::ServiceAccount;

/// Writes the assertion with which a service account asks for a token, valid for an hour from `now`.
pub(super) fn assertion(
    account: &ServiceAccount,
    scopes: &str,
    now: Duration,
) -> Result<Secret, CredentialError> {
    let issued = now.as_secs();
    let mut header = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(key_id) = &account.key_id {
        header["kid"] = json!(key_id);
    }
    let claims = json!({
        "iss": account.email,
        "scope": scopes,
        "aud": account.token_uri,
        "iat": issued,
        "exp": issued.saturating_add(3600),
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = rs256(&account.key, signed.as_bytes())?;
    Ok(Secret::literal(format!(
        "{signed}.{}",
        URL_SAFE_NO_PAD.encode(signature)
    )))
}

/// Signs with RSASSA-PKCS1-v1_5 and SHA-256.
fn rs256(pem: &Secret, message: &[u8]) -> Result<Vec<u8>, CredentialError> {
    let invalid = |problem| {
        CredentialError::configuration("the `private_key` of the Google service account", problem)
    };
    let der = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes())
        .map_err(|_| invalid("is not a private key in PEM"))?;
    let key = rustls::crypto::ring::sign::any_supported_type(&der)
        .map_err(|_| invalid("is not a key that can be used"))?;
    let signer = key
        .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])
        .ok_or_else(|| invalid("is not an RSA key"))?;
    signer.sign(message).map_err(|_| invalid("cannot sign"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_other_keys() {
        for (pem, expected) in [
            ("", "is not a private key in PEM"),
            (
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                "is not a key that can be used",
            ),
            (
                include_str!("../../tests/data/ec-key.pem"),
                "is not an RSA key",
            ),
        ] {
            let error = rs256(&Secret::literal(pem), b"").unwrap_err();
            assert!(error.to_string().ends_with(expected), "{error}");
        }
    }
}
