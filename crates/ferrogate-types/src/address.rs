//! Where the gateway listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A listening address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListenAddress {
    /// An IP address and port; port 0 asks the system for a free one.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// Why an address was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither `IP:PORT`, `:PORT`, `localhost:PORT` nor `unix//PATH`.
    #[error(
        "is not an address to listen on (write `127.0.0.1:2019`, `:8080` or `unix//run/x.sock`)"
    )]
    Malformed,
    /// A port that is no number from 0 to 65535.
    #[error("has no valid port (0 to 65535)")]
    Port,
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    /// Reads `IP:PORT`, `[IPv6]:PORT`, `:PORT` (all interfaces), `localhost:PORT` or `unix//PATH`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix/") {
            return if path.starts_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err(AddressError::Malformed)
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::Malformed)?;
        let port: u16 = port.parse().map_err(|_| AddressError::Port)?;
        let ip = match host {
            // The IPv6 wildcard accepts IPv4 as well (see the listener), as Caddy and nginx users expect.
            "" | "*" => std::net::Ipv6Addr::UNSPECIFIED.into(),
            "localhost" => std::net::Ipv4Addr::LOCALHOST.into(),
            _ => host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .parse()
                .map_err(|_| AddressError::Malformed)?,
        };
        Ok(Self::Tcp(SocketAddr::new(ip, port)))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix/{}", path.display()),
        }
    }
}

impl Serialize for ListenAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, shown) in [
            ("127.0.0.1:2019", "127.0.0.1:2019"),
            (":8080", "[::]:8080"),
            ("localhost:0", "127.0.0.1:0"),
            ("[::1]:443", "[::1]:443"),
            ("unix//run/x.sock", "unix//run/x.sock"),
        ] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "8080",
            "example.com:80",
            "1.2.3.4:x",
            "unix/relative",
            ":70000",
        ] {
            assert!(bad.parse::<ListenAddress>().is_err(), "{bad}");
        }
    }
}
