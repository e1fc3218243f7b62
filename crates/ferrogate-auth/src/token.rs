//! Bearer tokens that identity providers sign: JSON Web Tokens (RFC 7519, RFC 7515, RFC 7517).
//!
//! The cryptography is ring's. What surrounds it is written here, since a token of ours needs little: three parts, an
//! algorithm from a list, a key from a set that is refreshed in the background, and five registered claims.

mod algorithm;
mod claims;
mod issuer;
mod jws;
mod keyset;

use std::sync::Arc;

use ferrogate_types::{ScopeSet, TenantId, UserId};

pub use algorithm::Algorithm;
pub use claims::ClaimMapping;
pub use issuer::{Issuer, IssuerSpec, JwksSource};

use crate::KeyDigest;
use jws::Jws;

/// Whoever a token says its bearer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIdentity {
    /// Who says so.
    pub issuer: String,
    /// The bearer, as the issuer calls them.
    pub subject: String,
    /// Whom the bearer belongs to. Whether there is such a tenant is for the tree to say.
    pub tenant: Option<TenantId>,
    /// Who the bearer is within that.
    pub user: Option<UserId>,
    /// What the bearer may do.
    pub scopes: ScopeSet,
    /// Seconds since 1970 from which on the token is refused, the skew of clocks included.
    pub expires: u64,
}

/// Why a token was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no signed token.
    #[error("it is malformed")]
    Malformed,
    /// Its algorithm is not permitted.
    #[error("its algorithm is not permitted")]
    Algorithm,
    /// Nobody known issued it.
    #[error("its issuer is not trusted")]
    Issuer,
    /// Its issuer has no such key.
    #[error("its signing key is not known")]
    UnknownKey,
    /// Its signature does not fit.
    #[error("its signature is wrong")]
    Signature,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet")]
    NotYet,
    /// It was issued for somebody else.
    #[error("its audience is somebody else")]
    Audience,
    /// A claim is missing or of the wrong type.
    #[error("its claim `{0}` is missing or malformed")]
    Claim(String),
    /// The keys of its issuer cannot be had at the moment.
    #[error("the keys of its issuer cannot be had at the moment")]
    Unavailable,
}

impl TokenError {
    /// Whether somebody may be guessing: not where a true token is too old or meant for somebody else.
    pub fn is_guess(&self) -> bool {
        matches!(
            self,
            Self::Malformed | Self::Algorithm | Self::Issuer | Self::UnknownKey | Self::Signature
        )
    }
}

/// All issuers whose tokens are accepted.
#[derive(Clone, Debug, Default)]
pub struct TokenVerifier {
    issuers: Vec<Arc<Issuer>>,
}

/// Bytes of a token; what is longer does not fit into a header anyway.
const MAX_LEN: usize = 16 << 10;

/// Whether a credential is meant as a token: three parts, of which the first is the beginning of a JSON object.
pub(crate) fn looks_like_a_token(credential: &str) -> bool {
    credential.starts_with("eyJ") && credential.bytes().filter(|&byte| byte == b'.').count() == 2
}

impl TokenVerifier {
    /// A verifier of these issuers' tokens.
    pub fn new(issuers: Vec<Arc<Issuer>>) -> Self {
        Self { issuers }
    }

    /// Whether no token is accepted.
    pub fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }

    /// The issuers, to keep their keys fresh.
    pub fn issuers(&self) -> &[Arc<Issuer>] {
        &self.issuers
    }

    /// Whose token this is, where it was verified before and is still good.
    pub(crate) fn known(&self, digest: &KeyDigest, now: u64) -> Option<Arc<TokenIdentity>> {
        self.issuers
            .iter()
            .find_map(|issuer| issuer.known(digest, now))
    }

    /// Whose token this is. `now` is in seconds since 1970.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn verify(
        &self,
        token: &str,
        digest: KeyDigest,
        now: u64,
    ) -> Result<Arc<TokenIdentity>, TokenError> {
        if token.len() > MAX_LEN {
            return Err(TokenError::Malformed);
        }
        let jws = Jws::parse(token)?;
        // Not verified yet: it only says whose keys to verify it with, and that issuer's name is in what is signed.
        let claimed = claims::issuer(&jws.payload)?;
        let issuer = self
            .issuers
            .iter()
            .find(|issuer| issuer.spec().issuer == claimed)
            .ok_or(TokenError::Issuer)?;
        issuer.verify(&jws, digest, now).await
    }
}

#[cfg(test)]
mod tests;
