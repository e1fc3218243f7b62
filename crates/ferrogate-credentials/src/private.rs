//! Addresses on the way to which nobody listens.

use std::net::IpAddr;

use ferrogate_upstream::Endpoint;

use crate::error::CredentialError;

/// Refuses an address to which a secret would travel in the clear; this machine is near enough.
pub(crate) fn require_private(place: &str, url: &str) -> Result<(), CredentialError> {
    let endpoint = Endpoint::parse(url)
        .map_err(|error| CredentialError::configuration(place, format!("fails: {error}")))?;
    if is_private(&endpoint) {
        Ok(())
    } else {
        Err(CredentialError::Untrusted {
            place: place.to_owned(),
            origin: endpoint.origin().to_owned(),
            rule: "https addresses and this machine",
        })
    }
}

/// Whether calls are encrypted or stay on this machine.
pub(crate) fn is_private(endpoint: &Endpoint) -> bool {
    let host = endpoint.host();
    let address = host.parse::<IpAddr>();
    endpoint.is_https() || host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_the_clear() {
        for good in [
            "https://h",
            "http://127.0.0.9:1",
            "http://[::1]",
            "http://localhost:1/x",
        ] {
            require_private("p", good).unwrap();
        }
        for bad in [
            "http://h",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "h",
            "",
        ] {
            require_private("p", bad).unwrap_err();
        }
    }
}
