//! The outer form of a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::{Algorithm, TokenError};

/// A token taken apart; nothing in it is verified. Source: RFC 7515 section 3.1, the compact form.
#[derive(Debug)]
pub(super) struct Jws<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key: Option<String>,
    pub(super) payload: Value,
    /// What is signed.
    pub(super) message: &'a str,
    pub(super) signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Extensions that must be understood; we know none. Source: RFC 7515 section 4.1.11.
    crit: Option<serde::de::IgnoredAny>,
}

impl<'a> Jws<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenError> {
        let malformed = TokenError::Malformed;
        let (message, signature) = token.rsplit_once('.').ok_or(malformed.clone())?;
        let (header, payload) = message.split_once('.').ok_or(malformed.clone())?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed.clone());
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| malformed.clone())?;
        if header.crit.is_some() || header.typ.is_some_and(|typ| !is_token_type(&typ)) {
            return Err(malformed);
        }
        Ok(Self {
            algorithm: header.alg.parse()?,
            key: header.kid,
            payload: serde_json::from_slice(&decode(payload)?).map_err(|_| malformed.clone())?,
            message,
            signature: decode(signature)?,
        })
    }
}

/// Plain tokens and access tokens (RFC 9068 section 2.1). Others, like logout tokens, are made for something else.
fn is_token_type(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    matches!(typ, "jwt" | "at+jwt")
}
