//! Cookies that bring a client back to its upstream.

use std::time::Duration;

use ferrogate_types::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

use super::registry::UpstreamState;

/// The cookie of `lb_policy cookie`. Its value is the HMAC-SHA-256 of the upstream's address in hexadecimal, so that it
/// tells a client nothing; Caddy computes the same.
pub(super) struct Sticky {
    name: Box<str>,
    mac: Hmac<Sha256>,
    max_age: Option<Duration>,
}

impl std::fmt::Debug for Sticky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sticky")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Sticky {
    /// A cookie of this name; the error continues "the directive".
    pub(super) fn new(
        name: &str,
        secret: &Secret,
        max_age: Option<Duration>,
    ) -> Result<Self, String> {
        let token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(format!("balances by `{name}`, which is no cookie's name"));
        }
        let mac = Hmac::new_from_slice(secret.expose().as_bytes())
            .map_err(|error| format!("has a secret that cannot be used: {error}"))?;
        Ok(Self {
            name: name.into(),
            mac,
            max_age,
        })
    }

    /// The value of the cookie in a request; the first one counts.
    pub(super) fn named<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| **name == *self.name)
            .map(|(_, value)| value.trim_matches('"'))
    }

    /// Whether a cookie's value names this upstream.
    pub(super) fn is(&self, value: &str, upstream: &UpstreamState) -> bool {
        self.value(upstream) == value
    }

    /// The line that sets the cookie.
    pub(super) fn cookie(&self, upstream: &UpstreamState, secure: bool) -> Option<HeaderValue> {
        let mut line = format!("{}={}; Path=/", self.name, self.value(upstream));
        if let Some(age) = self.max_age {
            line.push_str("; Max-Age=");
            line.push_str(&age.as_secs().to_string());
        }
        line.push_str("; HttpOnly");
        line.push_str(if secure {
            "; Secure; SameSite=None"
        } else {
            "; SameSite=Lax"
        });
        HeaderValue::try_from(line).ok()
    }

    fn value(&self, upstream: &UpstreamState) -> String {
        let mut mac = self.mac.clone();
        mac.update(upstream.dial().as_bytes());
        let mut hex = String::with_capacity(64);
        for byte in mac.finalize().into_bytes() {
            hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        hex
    }
}

#[cfg(test)]
mod tests {
    use ferrogate_types::SecretOrigin;

    use super::super::registry::UpstreamRegistry;
    use super::*;

    #[test]
    fn the_value_is_an_hmac_of_the_address() {
        let secret = Secret::new("key", SecretOrigin::Literal);
        let sticky = Sticky::new("lb", &secret, Some(Duration::from_secs(60))).unwrap();
        let upstream =
            UpstreamRegistry::default().state("The quick brown fox jumps over the lazy dog", 1);
        // The test vector of RFC 2104's successor literature for HMAC-SHA-256 with the key `key`.
        let value = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        assert!(sticky.is(value, &upstream));
        let plain = sticky.cookie(&upstream, false).unwrap();
        assert_eq!(
            plain.to_str().unwrap(),
            format!("lb={value}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax")
        );
        let secure = sticky.cookie(&upstream, true).unwrap();
        assert!(
            secure
                .to_str()
                .unwrap()
                .ends_with("; HttpOnly; Secure; SameSite=None")
        );
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=1; lb=x; lb=y".parse().unwrap());
        assert_eq!(sticky.named(&headers), Some("x"));
        assert!(Sticky::new("a b", &secret, None).is_err());
    }
}
