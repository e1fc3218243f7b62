//! Which servers may have a credential of Google.

use ferrogate_upstream::Endpoint;

use crate::error::CredentialError;

/// Which servers may have a credential of Google: its own, and those the operator named.
///
/// The addresses stand in credential documents, which come from elsewhere more often than the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trust<'a> {
    pub(super) origins: &'a [String],
}

impl Trust<'_> {
    /// Checks the address in the field `field` of a document.
    pub(super) fn check(&self, field: &str, url: &str) -> Result<(), CredentialError> {
        let (bare, _) = url.split_once('?').unwrap_or((url, ""));
        let place = format!("`{field}` of the Google credential");
        let endpoint = Endpoint::parse(bare).map_err(|error| {
            CredentialError::configuration(place.as_str(), format!("fails: {error}"))
        })?;
        let googles = endpoint.is_https()
            && endpoint.port() == 443
            && endpoint.host().ends_with(".googleapis.com");
        if googles
            || self
                .origins
                .iter()
                .any(|origin| origin == endpoint.origin())
        {
            Ok(())
        } else {
            Err(CredentialError::Untrusted {
                place,
                origin: endpoint.origin().to_owned(),
                rule: "https://*.googleapis.com",
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trusts_google_and_what_was_named() {
        let origins = ["http://127.0.0.1:81".to_owned()];
        let trust = Trust { origins: &origins };
        for good in [
            "https://oauth2.googleapis.com/token",
            "https://sts.googleapis.com:443/v1/token?x=1",
            "http://127.0.0.1:81/token",
        ] {
            trust.check("token_uri", good).unwrap();
        }
        for bad in [
            "http://oauth2.googleapis.com/token",
            "https://googleapis.com.evil.example/token",
            "https://evilgoogleapis.com/token",
            "https://oauth2.googleapis.com:8443/token",
            "https://oauth2.googleapis.com@evil.example/token",
            "http://127.0.0.1:82/token",
            "https://accounts.google.com/o/oauth2/token",
            "token",
        ] {
            trust.check("token_uri", bad).unwrap_err();
        }
    }
}
