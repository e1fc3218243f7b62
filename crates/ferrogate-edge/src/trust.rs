//! Trusted proxies, whose word about the client counts.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

use crate::IpSet;

/// Peers whose word about the client counts.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    /// Those with these addresses.
    pub ranges: IpSet,
    /// Those on Unix sockets, which have none.
    pub unix: bool,
}

impl TrustedProxies {
    /// Whether a peer is trusted; `None` for one on a Unix socket.
    pub fn contains(&self, peer: Option<IpAddr>) -> bool {
        peer.map_or(self.unix, |peer| self.ranges.contains(peer))
    }
}

/// The client's address: the peer's, or what a trusted peer's headers say.
///
/// The fields are asked in order and the first that is present decides. Its entries are read from right to left,
/// because every proxy appends what it saw itself: the first entry that is no trusted proxy is the client. Caddy
/// by default believes the left-most entry, which the client can write. An entry that is no address ends the
/// walk at the last one believed. A peer on a Unix socket has no address of its own.
pub fn client_ip(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    trusted: &TrustedProxies,
    client_ip_headers: &[HeaderName],
) -> Option<IpAddr> {
    let peer = peer.map(|peer| peer.to_canonical());
    if !trusted.contains(peer) {
        return peer;
    }
    let mut client = peer;
    let Some(field) = client_ip_headers
        .iter()
        .find(|field| headers.contains_key(*field))
    else {
        return client;
    };
    let lines: Vec<_> = headers.get_all(field).iter().collect();
    for entry in lines
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','))
    {
        let Some(address) = std::str::from_utf8(entry)
            .ok()
            .and_then(|entry| forwarded_address(entry.trim()))
        else {
            break;
        };
        client = Some(address);
        if !trusted.ranges.contains(address) {
            break;
        }
    }
    client
}

/// Reads `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`, each IPv6 form with or without a zone.
fn forwarded_address(entry: &str) -> Option<IpAddr> {
    if let Ok(address) = entry.parse::<SocketAddr>() {
        return Some(address.ip().to_canonical());
    }
    let bare = entry
        .strip_prefix('[')
        .and_then(|inner| inner.split_once(']'))
        .map_or(entry, |(inner, _)| inner);
    let address = bare.split_once('%').map_or(bare, |(address, _)| address);
    address
        .parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_right_most_untrusted_entry_is_the_client() {
        let trusted = TrustedProxies {
            ranges: IpSet::new(&["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]),
            unix: false,
        };
        let fields = [
            HeaderName::from_static("cf-connecting-ip"),
            HeaderName::from_static("x-forwarded-for"),
        ];
        for (peer, lines, expected) in [
            ("9.9.9.9", &[("x-forwarded-for", "1.1.1.1")][..], "9.9.9.9"),
            ("10.0.0.1", &[][..], "10.0.0.1"),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "1.1.1.1, 2.2.2.2, 10.0.0.2")][..],
                "2.2.2.2",
            ),
            (
                "::ffff:10.0.0.1",
                &[("x-forwarded-for", "2.2.2.2")][..],
                "2.2.2.2",
            ),
            (
                "10.0.0.1",
                &[
                    ("x-forwarded-for", "1.1.1.1"),
                    ("x-forwarded-for", "10.0.0.3"),
                ][..],
                "1.1.1.1",
            ),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "10.0.0.4, 10.0.0.3")][..],
                "10.0.0.4",
            ),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "1.1.1.1, nonsense, 10.0.0.3")][..],
                "10.0.0.3",
            ),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "[2001:db8::1]:4711")][..],
                "2001:db8::1",
            ),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "2001:db8::1%eth0")][..],
                "2001:db8::1",
            ),
            (
                "10.0.0.1",
                &[
                    ("x-forwarded-for", "3.3.3.3"),
                    ("cf-connecting-ip", "4.4.4.4"),
                ][..],
                "4.4.4.4",
            ),
        ] {
            let mut headers = HeaderMap::new();
            for (field, value) in lines {
                headers.append(*field, HeaderValue::from_static(value));
            }
            let found = client_ip(Some(peer.parse().unwrap()), &headers, &trusted, &fields);
            assert_eq!(found, Some(expected.parse().unwrap()), "{peer} {lines:?}");
        }
        let mut headers = HeaderMap::new();
        headers.append(
            "x-forwarded-for",
            HeaderValue::from_static("1.1.1.1, 10.0.0.9"),
        );
        assert_eq!(client_ip(None, &headers, &trusted, &fields), None);
        let trusted = TrustedProxies {
            unix: true,
            ..trusted
        };
        let found = client_ip(None, &headers, &trusted, &fields);
        assert_eq!(found, Some("1.1.1.1".parse().unwrap()));
        assert_eq!(client_ip(None, &HeaderMap::new(), &trusted, &fields), None);
    }
}
