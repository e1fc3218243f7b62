//! The `basic_auth` directive.

use ferrogate_types::route;
use http::HeaderValue;

/// Who may come in. The check itself is the caller's: it is slow on purpose and belongs on a thread of its own.
#[derive(Debug)]
pub struct BasicAuth {
    challenge: HeaderValue,
    spec: route::BasicAuth,
}

impl BasicAuth {
    pub(crate) fn compile(spec: &route::BasicAuth) -> Self {
        let mut realm = String::new();
        for character in spec.realm.chars().filter(|c| !c.is_control()) {
            if matches!(character, '"' | '\\') {
                realm.push('\\');
            }
            realm.push(character);
        }
        let challenge = HeaderValue::from_str(&format!("Basic realm=\"{realm}\""))
            .unwrap_or_else(|_| HeaderValue::from_static("Basic realm=\"restricted\""));
        Self {
            challenge,
            spec: spec.clone(),
        }
    }

    /// What the browser shows.
    pub fn realm(&self) -> &str {
        &self.spec.realm
    }

    /// Users and the hashes of their passwords.
    pub fn accounts(&self) -> &[route::Account] {
        &self.spec.accounts
    }

    /// The value of `WWW-Authenticate` of the 401. Source: RFC 7617, section 2.
    pub fn challenge(&self) -> &HeaderValue {
        &self.challenge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_cannot_leave_its_quotes() {
        for (realm, expected) in [
            ("restricted", r#"Basic realm="restricted""#),
            ("a\"b\\c\r\n", r#"Basic realm="a\"b\\c""#),
        ] {
            let auth = BasicAuth::compile(&route::BasicAuth {
                realm: realm.to_owned(),
                accounts: Vec::new(),
            });
            assert_eq!(auth.challenge(), expected);
        }
    }
}
