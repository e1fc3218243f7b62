//! The check of `basic_auth` passwords, off the workers and within bounds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrogate_edge::BasicAuth;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

/// Checks of passwords, shared by all sites: how many run at once, and what the last ones came to.
#[derive(Debug)]
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    known: Mutex<HashMap<[u8; 32], bool>>,
    /// Makes what is remembered worthless outside of this process.
    salt: [u8; 16],
}

/// Why nobody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No credentials, or wrong ones.
    Unknown,
    /// Too many checks are waiting already.
    Busy,
}

/// Results that are remembered. A hash is slow on purpose, and browsers send the password with every request.
const KNOWN: usize = 1_000;
/// A check that has waited so long for its turn is given up: guesses must not make the queue grow.
const PATIENCE: Duration = Duration::from_secs(10);

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            // Guesses may take half of the machine, not all of it.
            running: Arc::new(Semaphore::new(cores.div_ceil(2))),
            known: Mutex::default(),
            salt: fastrand::u128(..).to_le_bytes(),
        }
    }
}

/// Whose credentials a request carries. An unknown user costs as much time as a known one.
pub(crate) async fn check(
    passwords: &Passwords,
    auth: &BasicAuth,
    headers: &HeaderMap,
) -> Result<String, Refused> {
    let (user, password) = credentials(headers).ok_or(Refused::Unknown)?;
    let accounts = auth.accounts();
    let account = accounts.iter().find(|account| account.user == user);
    let hash = account
        .or(accounts.first())
        .map(|account| account.hash.expose().to_owned())
        .ok_or(Refused::Unknown)?;
    let is_right = passwords.verify(password, hash).await?;
    if is_right && account.is_some() {
        Ok(user)
    } else {
        Err(Refused::Unknown)
    }
}

impl Passwords {
    async fn verify(&self, password: String, hash: String) -> Result<bool, Refused> {
        let key: [u8; 32] = Sha256::new()
            .chain_update(self.salt)
            .chain_update(hash.as_bytes())
            .chain_update([0])
            .chain_update(password.as_bytes())
            .finalize()
            .into();
        if let Some(known) = self.known.lock().get(&key) {
            return Ok(*known);
        }
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.running).acquire_owned());
        let Ok(Ok(turn)) = turn.await else {
            return Err(Refused::Busy);
        };
        let checked = tokio::task::spawn_blocking(move || {
            // Held by the check itself: a client that leaves does not make room for the next guess.
            let _turn = turn;
            matches(&password, &hash)
        })
        .await;
        let Ok(checked) = checked else {
            return Ok(false);
        };
        let mut known = self.known.lock();
        if known.len() >= KNOWN {
            // Guesses come and go; what is asked again is soon known again.
            known.clear();
        }
        known.insert(key, checked);
        Ok(checked)
    }
}

fn matches(password: &str, hash: &str) -> bool {
    if hash.starts_with("$argon2") {
        return ferrogate_auth::verify_secret(password, hash);
    }
    bcrypt::verify(password, hash).unwrap_or(false)
}

/// User and password. Source: RFC 7617, section 2.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(token.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_told_apart_by_their_form() {
        let bcrypt = bcrypt::hash("secret", 4).unwrap();
        let argon2 = ferrogate_auth::hash_secret("secret").unwrap();
        for hash in [&bcrypt, &argon2] {
            assert!(matches("secret", hash), "{hash}");
            assert!(!matches("Secret", hash), "{hash}");
        }
        assert!(!matches("secret", "secret"));
    }

    #[test]
    fn credentials_are_taken_apart() {
        for (value, expected) in [
            ("Basic dTpw", Some(("u", "p"))),
            ("basic dTpwOnE=", Some(("u", "p:q"))),
            ("Basic dTo=", Some(("u", ""))),
            ("Basic dQ==", None),
            ("Basic !", None),
            ("Bearer dTpw", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            let found = credentials(&headers);
            let found = found
                .as_ref()
                .map(|(user, password)| (&**user, &**password));
            assert_eq!(found, expected, "{value}");
        }
    }

    #[tokio::test]
    async fn what_was_checked_is_remembered() {
        let passwords = Passwords::default();
        let hash = bcrypt::hash("secret", 4).unwrap();
        for _ in 0..2 {
            let checked = passwords.verify("secret".to_owned(), hash.clone()).await;
            assert_eq!(checked, Ok(true));
        }
        assert_eq!(passwords.known.lock().len(), 1);
        let wrong = passwords.verify("x".to_owned(), hash).await;
        assert_eq!(wrong, Ok(false));
        assert_eq!(passwords.known.lock().len(), 2);
    }
}
