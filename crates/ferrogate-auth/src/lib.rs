//! Principals, keys, tenants, sessions and scopes: who is calling, and what they may do.
//!
//! A [`KeyDirectory`] turns a presented credential into a [`Principal`], which answers what it may do and names the
//! subjects whose limits apply to it. It joins the [`Keyring`] of a configuration with [`Credentials`] that outlive it.
//! What machines made is found by its SHA-256 or by its id in one lookup; what people chose is verified with argon2id
//! on a bounded pool of threads, so that guesses cannot spend the workers' time. Stores are traits here
//! ([`KeyStore`], [`TenantStore`], [`SessionStore`]): none of them is asked while a request waits.
//!
//! Refuses: reading headers, knowing HTTP statuses, fetching anything, and telling a wrong secret from an unknown one.

mod access;
mod activity;
mod digest;
mod directory;
mod generated;
mod guard;
mod guesses;
mod hash;
mod issued;
mod key;
mod keyring;
mod master;
mod principal;
mod random;
mod session;
mod slow;
mod store;
mod tenant;
mod token;

pub use access::AccessLists;
pub use activity::{KeyActivity, KeyUse};
pub use digest::KeyDigest;
pub use directory::{Credentials, KeyDirectory};
pub use generated::{GeneratedKey, display_prefix};
pub use guard::{GuardError, KeyChange};
pub use guesses::Guesses;
pub use hash::{HashError, hash_secret, verify_secret};
pub use issued::{Issued, IssuedKeys, KeyRecord};
pub use key::{Denied, GeneratedHashes, Key, KeyCredential, KeySource, KeySpec};
pub use keyring::{AuthError, Keyring};
pub use master::MasterKey;
pub use principal::{Forbidden, Principal};
pub use random::NoEntropy;
pub use session::{CredentialId, NewSession, Session, SessionRecord, Sessions, csrf, csrf_fits};
pub use store::{KeyStore, SessionStore, StoreError, StoredKeys, TenantStore};
pub use tenant::{TenantDenied, TenantError, TenantRecord, TenantSpec, TenantTree};
pub use token::{
    Algorithm, ClaimMapping, Issuer, IssuerSpec, JwksSource, TokenError, TokenIdentity,
    TokenVerifier,
};
