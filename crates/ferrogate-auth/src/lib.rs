//! Principals, keys and scopes: who is calling, and what they may do.
//!
//! A [`Keyring`] is built once per configuration. A presented secret is [authenticated](Keyring::authenticate)
//! to a [`Key`], and the key answers what it [may do](Key::require). Secrets written in the configuration are
//! found by their SHA-256 in one lookup; argon2id hashes are verified on a bounded pool of threads, so that
//! guesses cannot spend the workers' time.
//!
//! Refuses: reading headers, knowing HTTP statuses, and telling a wrong secret from an unknown one.

mod hash;
mod key;
mod keyring;

pub use hash::{HashError, hash_secret, verify_secret};
pub use key::{Denied, Key, KeyCredential, KeySpec};
pub use keyring::{AuthError, Keyring};
