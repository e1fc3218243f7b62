//! All credentials of a gateway.

use std::net::IpAddr;
use std::sync::Arc;

use ferrogate_types::{KeyId, Scope};

use crate::activity::{KeyUse, UsedKeys};
use crate::guesses::Guesses;
use crate::issued::IssuedKeys;
use crate::key::Key;
use crate::keyring::{AuthError, Keyring};
use crate::master::MasterKey;
use crate::principal::Principal;
use crate::slow::Known;
use crate::token::{TokenError, TokenIdentity, TokenVerifier, looks_like_a_token};
use crate::{CredentialId, KeyDigest};

/// All credentials of a gateway: the keys of its configuration, which a reload replaces as a whole, and what lives
/// longer than a configuration.
///
/// The cost of a lookup does not depend on how many there are.
#[derive(Debug)]
pub struct KeyDirectory {
    file: Arc<Keyring>,
    lasting: Arc<Credentials>,
    /// Whose tokens are accepted here; nothing, and it is everybody's that is known.
    trusted: Option<Vec<String>>,
}

/// What lives longer than a configuration: keys of the state store, the master key, issuers of tokens, and what is known
/// about guesses and uses.
#[derive(Debug, Default)]
pub struct Credentials {
    /// Keys of the state store.
    pub issued: IssuedKeys,
    /// The master key, where there is one.
    pub master: Option<MasterKey>,
    /// Who guesses.
    pub guesses: Guesses,
    /// Issuers of bearer tokens; none, and no token is accepted.
    pub tokens: TokenVerifier,
    used: UsedKeys,
}

impl Credentials {
    /// Credentials besides those of a configuration.
    pub fn new(master: Option<MasterKey>, tokens: TokenVerifier) -> Self {
        Self {
            master,
            tokens,
            ..Self::default()
        }
    }

    /// Which keys were used since this was asked the last time, to be written down. Each at most once.
    pub fn drain_uses(&self) -> Vec<KeyUse> {
        self.used.drain()
    }
}

impl KeyDirectory {
    /// The keys of a configuration and what outlives it.
    pub fn new(file: Arc<Keyring>, lasting: Arc<Credentials>) -> Self {
        Self {
            file,
            lasting,
            trusted: None,
        }
    }

    /// Accepts the tokens of these issuers only, of all that are known.
    #[must_use]
    pub fn trusting(self, issuers: impl IntoIterator<Item = String>) -> Self {
        Self {
            trusted: Some(issuers.into_iter().collect()),
            ..self
        }
    }

    /// The keys of the configuration.
    pub fn file(&self) -> &Arc<Keyring> {
        &self.file
    }

    /// What outlives the configuration.
    pub fn lasting(&self) -> &Arc<Credentials> {
        &self.lasting
    }

    /// Whether nobody can be asked for a credential, for there is none and never was: then, and only then, local callers
    /// may do without. The last key's end opens nothing.
    pub fn is_open_to_local_callers(&self) -> bool {
        self.file.is_empty()
            && !self.lasting.issued.ever_issued()
            && self.lasting.master.is_none()
            && self.lasting.tokens.is_empty()
    }

    /// Who presents this credential. `now` is in seconds since 1970; `from` is where a wrong one is counted.
    ///
    /// A generated key costs one digest and one comparison. A secret that somebody chose is verified on threads of its
    /// own the first time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing; a verification under way ends on its own thread.
    pub async fn authenticate(
        &self,
        credential: &str,
        from: Option<IpAddr>,
        now: u64,
    ) -> Result<Principal, AuthError> {
        let digest = KeyDigest::of(credential);
        match self.at_once(credential, &digest, now) {
            Known::Is(Found::Master) => Ok(Principal::Master),
            Known::Is(Found::Key(key)) => self.admit(key, now),
            Known::Is(Found::Token(identity)) => self.trust(identity),
            found @ (Known::Nobody | Known::Untried) => {
                let untried = matches!(found, Known::Untried);
                // What follows costs something, or was wrong already.
                if let Some(address) = from {
                    let guesses = &self.lasting.guesses;
                    guesses
                        .permit(address, now)
                        .map_err(AuthError::TooManyGuesses)?;
                }
                // Boxed: it is rare, and every request's future would carry its size.
                let verdict = Box::pin(self.slowly(credential, digest, untried, now)).await;
                let guess = match &verdict {
                    Err(AuthError::Unknown) => true,
                    Err(AuthError::Token(error)) => error.is_guess(),
                    _ => false,
                };
                if let Some(address) = from.filter(|_| guess) {
                    self.lasting.guesses.failed(address, now);
                }
                verdict
            }
        }
    }

    async fn slowly(
        &self,
        credential: &str,
        digest: KeyDigest,
        untried: bool,
        now: u64,
    ) -> Result<Principal, AuthError> {
        let tokens = &self.lasting.tokens;
        if looks_like_a_token(credential) && !tokens.is_empty() {
            return self.trust(tokens.verify(credential, digest, now).await?);
        }
        let key = if untried {
            self.file.verify(credential, digest).await?.cloned()
        } else {
            None
        };
        self.admit(key.ok_or(AuthError::Unknown)?, now)
    }

    /// What is known without slow work.
    fn at_once(&self, credential: &str, digest: &KeyDigest, now: u64) -> Known<Found> {
        let master = self.lasting.master.as_ref();
        if master.is_some_and(|master| master.fits(digest)) {
            return Known::Is(Found::Master);
        }
        if let Some(key) = self.lasting.issued.find(credential, digest, now) {
            return Known::Is(Found::Key(key));
        }
        if let Some(identity) = self.lasting.tokens.known(digest, now) {
            return Known::Is(Found::Token(identity));
        }
        match self.file.known(digest) {
            Known::Is(key) => Known::Is(Found::Key(Arc::clone(key))),
            Known::Nobody => Known::Nobody,
            Known::Untried => Known::Untried,
        }
    }

    fn trust(&self, identity: Arc<TokenIdentity>) -> Result<Principal, AuthError> {
        let trusted = self.trusted.as_ref();
        if trusted.is_none_or(|trusted| trusted.contains(&identity.issuer)) {
            Ok(Principal::Token(identity))
        } else {
            Err(AuthError::Token(TokenError::Issuer))
        }
    }

    fn admit(&self, key: Arc<Key>, now: u64) -> Result<Principal, AuthError> {
        key.require_usable(now)?;
        self.lasting.used.note(key.id(), key.activity(), now);
        Ok(Principal::Key(key))
    }

    /// The key with this id; one of the configuration comes before one of the store.
    pub fn get(&self, id: &str) -> Option<Arc<Key>> {
        self.file.get(id).or_else(|| {
            let issued = self.lasting.issued.get(id)?;
            Some(Arc::clone(issued.key()))
        })
    }

    /// Who a credential of before belongs to now: what a session stands on. Nobody where it was revoked, disabled or
    /// taken out meanwhile.
    pub fn resolve(&self, id: &CredentialId, now: u64) -> Result<Principal, AuthError> {
        match id {
            CredentialId::Master if self.lasting.master.is_some() => Ok(Principal::Master),
            CredentialId::Master => Err(AuthError::Unknown),
            CredentialId::Key(id) => {
                let key = self.get(id.as_str()).ok_or(AuthError::Unknown)?;
                key.require_usable(now)?;
                Ok(Principal::Key(key))
            }
        }
    }

    /// Whether anybody but this key could administer the gateway now.
    pub(crate) fn has_other_admin(&self, than: &KeyId, now: u64) -> bool {
        let can = |key: &Arc<Key>| {
            key.id() != than
                && key.spec().scopes.contains(Scope::AdminWrite)
                && key.require_usable(now).is_ok()
        };
        self.lasting.master.is_some()
            || self.file.iter().any(can)
            || self.lasting.issued.admins().iter().any(can)
    }
}

enum Found {
    Master,
    Key(Arc<Key>),
    Token(Arc<TokenIdentity>),
}

#[cfg(test)]
mod tests;
