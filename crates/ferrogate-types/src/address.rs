//! Where the gateway listens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A listening address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListenAddress {
    /// An IP address and port; port 0 asks the system for a free one. The IPv6 wildcard takes IPv4 as well.
    Tcp(SocketAddr),
    /// A port on every IPv6 address and on no IPv4 one.
    Ipv6Wildcard(u16),
    /// A Unix socket.
    Unix {
        /// Its file.
        path: PathBuf,
        /// The permissions of the file; those of the process's umask when absent.
        mode: Option<UnixMode>,
    },
    /// A listening socket that this process was started with, by its descriptor.
    Inherited(u16),
}

/// Permissions of a socket file: who may write to it may connect. The owner always may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixMode(u32);

impl UnixMode {
    /// The bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl FromStr for UnixMode {
    type Err = AddressError;

    /// Reads octal digits, such as `0222`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        let bits = u32::from_str_radix(text, 8).ok().filter(|_| digits);
        bits.filter(|bits| *bits <= 0o777 && bits & 0o200 != 0)
            .map(Self)
            .ok_or(AddressError::Mode)
    }
}

/// Why an address was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither `IP:PORT`, `:PORT`, `localhost:PORT`, `unix//PATH` nor `fd/NUMBER`.
    #[error(
        "is not an address to listen on (write `127.0.0.1:2019`, `:8080` or `unix//run/x.sock`)"
    )]
    Malformed,
    /// Permissions that are no octal number, or that shut out the owner.
    #[error("has no valid permissions (octal, and the owner must be allowed to write: `0220`)")]
    Mode,
    /// Datagrams.
    #[error("is a socket for datagrams, which only HTTP/3 needs")]
    Datagram,
    /// A port that is no number from 0 to 65535.
    #[error("has no valid port (0 to 65535)")]
    Port,
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    /// Reads `IP:PORT`, `[IPv6]:PORT`, `:PORT` (all interfaces), `localhost:PORT`, each perhaps after `tcp/`, `tcp4/` or
    /// `tcp6/`; `unix//PATH`, perhaps with `|MODE` behind it; `fd/NUMBER`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix/") {
            let (path, mode) = path
                .split_once('|')
                .map_or((path, None), |(path, mode)| (path, Some(mode)));
            return if path.starts_with('/') {
                Ok(Self::Unix {
                    path: path.into(),
                    mode: mode.map(str::parse).transpose()?,
                })
            } else {
                Err(AddressError::Malformed)
            };
        }
        if let Some(number) = text.strip_prefix("fd/") {
            return number
                .parse()
                .map(Self::Inherited)
                .map_err(|_| AddressError::Malformed);
        }
        if ["fdgram/", "udp/", "udp4/", "udp6/", "unixgram/"]
            .iter()
            .any(|network| text.starts_with(network))
        {
            return Err(AddressError::Datagram);
        }
        let (family, text) = Family::split(text);
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::Malformed)?;
        let port: u16 = port.parse().map_err(|_| AddressError::Port)?;
        let ip = match host {
            "" | "*" => None,
            "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
            _ => {
                let bare = host.trim_start_matches('[').trim_end_matches(']');
                Some(bare.parse().map_err(|_| AddressError::Malformed)?)
            }
        };
        family.address(ip, port).ok_or(AddressError::Malformed)
    }
}

/// A family of IP addresses, as a network is written: `tcp/`, `tcp4/`, `tcp6/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Either.
    Any,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Splits what is written before an address from it.
    pub fn split(text: &str) -> (Self, &str) {
        let networks = [
            ("tcp/", Self::Any),
            ("tcp4/", Self::V4),
            ("tcp6/", Self::V6),
        ];
        networks
            .iter()
            .find_map(|(network, family)| Some((*family, text.strip_prefix(network)?)))
            .unwrap_or((Self::Any, text))
    }

    /// The address of a port on an interface of this family, on all of them when there is none; nothing when the
    /// interface is of the other family.
    pub fn address(self, ip: Option<IpAddr>, port: u16) -> Option<ListenAddress> {
        let tcp = |ip: IpAddr| Some(ListenAddress::Tcp(SocketAddr::new(ip, port)));
        match (self, ip) {
            // The IPv6 wildcard accepts IPv4 as well (see the listener), as Caddy and nginx users expect.
            (Self::Any, None) => tcp(Ipv6Addr::UNSPECIFIED.into()),
            (Self::V4, None) => tcp(Ipv4Addr::UNSPECIFIED.into()),
            (Self::V6, None) => Some(ListenAddress::Ipv6Wildcard(port)),
            (Self::V6, Some(IpAddr::V6(ip))) if ip.is_unspecified() => {
                Some(ListenAddress::Ipv6Wildcard(port))
            }
            (Self::V4, Some(IpAddr::V6(_))) | (Self::V6, Some(IpAddr::V4(_))) => None,
            (_, Some(ip)) => tcp(ip),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Ipv6Wildcard(port) => write!(f, "tcp6/[::]:{port}"),
            Self::Unix { path, mode } => {
                write!(f, "unix/{}", path.display())?;
                match mode {
                    Some(mode) => write!(f, "|{:04o}", mode.bits()),
                    None => Ok(()),
                }
            }
            Self::Inherited(number) => write!(f, "fd/{number}"),
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
            ("unix//run/x.sock|222", "unix//run/x.sock|0222"),
            ("fd/3", "fd/3"),
            ("tcp/1.2.3.4:5", "1.2.3.4:5"),
            ("tcp4/:80", "0.0.0.0:80"),
            ("tcp4/1.2.3.4:5", "1.2.3.4:5"),
            ("tcp6/:80", "tcp6/[::]:80"),
            ("tcp6/[::]:80", "tcp6/[::]:80"),
            ("tcp6/[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "8080",
            "example.com:80",
            "1.2.3.4:x",
            "unix/relative",
            "unix//run/x.sock|0444",
            "unix//run/x.sock|1777",
            "unix//run/x.sock|+222",
            "fd/",
            "fd/x",
            "fdgram/3",
            "udp/:443",
            "tcp4/[::1]:80",
            "tcp6/1.2.3.4:80",
            ":70000",
        ] {
            assert!(bad.parse::<ListenAddress>().is_err(), "{bad}");
        }
    }
}
