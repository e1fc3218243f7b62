//! The PROXY protocol: telling an upstream who the client is.

use std::net::SocketAddr;

use ferrogate_types::route::ProxyProtocol;

use super::dial::Announce;

/// The header that stands before everything else on a connection. Source: the PROXY protocol, HAProxy Technologies,
/// sections 2.1 and 2.2.
pub(super) fn announcement(announce: &Announce) -> Vec<u8> {
    let ends = announce
        .client
        .zip(announce.local)
        .map(|(client, local)| same_family(client, local));
    match announce.version {
        ProxyProtocol::V1 => text(ends).into_bytes(),
        ProxyProtocol::V2 => binary(ends),
    }
}

/// Both ends as IPv4, or both as IPv6.
fn same_family(client: SocketAddr, local: SocketAddr) -> (SocketAddr, SocketAddr) {
    let canonical = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
    let (client, local) = (canonical(client), canonical(local));
    if client.is_ipv4() == local.is_ipv4() {
        return (client, local);
    }
    let mapped = |end: SocketAddr| match end {
        SocketAddr::V4(end) => SocketAddr::new(end.ip().to_ipv6_mapped().into(), end.port()),
        SocketAddr::V6(_) => end,
    };
    (mapped(client), mapped(local))
}

fn text(ends: Option<(SocketAddr, SocketAddr)>) -> String {
    let Some((client, local)) = ends else {
        return "PROXY UNKNOWN\r\n".to_owned();
    };
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    format!(
        "PROXY {family} {} {} {} {}\r\n",
        client.ip(),
        local.ip(),
        client.port(),
        local.port()
    )
}

fn binary(ends: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
    /// Version 2; the connection was made for a client, or by the proxy itself.
    const PROXY: u8 = 0x21;
    const LOCAL: u8 = 0x20;
    let mut header = SIGNATURE.to_vec();
    let Some((client, local)) = ends else {
        header.extend_from_slice(&[LOCAL, 0, 0, 0]);
        return header;
    };
    let mut addresses = Vec::with_capacity(36);
    let mut family = 0x11;
    for end in [client, local] {
        match end {
            SocketAddr::V4(end) => addresses.extend_from_slice(&end.ip().octets()),
            SocketAddr::V6(end) => {
                family = 0x21;
                addresses.extend_from_slice(&end.ip().octets());
            }
        }
    }
    addresses.extend_from_slice(&client.port().to_be_bytes());
    addresses.extend_from_slice(&local.port().to_be_bytes());
    header.extend_from_slice(&[PROXY, family, 0]);
    header.push(u8::try_from(addresses.len()).unwrap_or(u8::MAX));
    header.extend_from_slice(&addresses);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(version: ProxyProtocol, ends: Option<(&str, &str)>) -> Vec<u8> {
        announcement(&Announce {
            version,
            client: ends.map(|(client, _)| client.parse().unwrap()),
            local: ends.map(|(_, local)| local.parse().unwrap()),
        })
    }

    #[test]
    fn the_text_form() {
        for (ends, expected) in [
            (None, "PROXY UNKNOWN\r\n"),
            (
                Some(("192.0.2.1:5", "192.0.2.2:80")),
                "PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n",
            ),
            (
                Some(("[::ffff:192.0.2.1]:5", "192.0.2.2:80")),
                "PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n",
            ),
            (
                Some(("[2001:db8::1]:5", "[2001:db8::2]:80")),
                "PROXY TCP6 2001:db8::1 2001:db8::2 5 80\r\n",
            ),
            (
                Some(("[2001:db8::1]:5", "192.0.2.2:80")),
                "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 5 80\r\n",
            ),
        ] {
            let header = told(ProxyProtocol::V1, ends);
            assert_eq!(String::from_utf8(header).unwrap(), expected);
        }
    }

    #[test]
    fn the_binary_form() {
        let signature = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];
        let v4 = told(ProxyProtocol::V2, Some(("192.0.2.1:5", "192.0.2.2:80")));
        assert_eq!(v4.get(..12), Some(&signature[..]));
        assert_eq!(
            v4.get(12..),
            Some(&[0x21, 0x11, 0, 12, 192, 0, 2, 1, 192, 0, 2, 2, 0, 5, 0, 80][..])
        );
        let v6 = told(ProxyProtocol::V2, Some(("[::1]:5", "[::2]:80")));
        assert_eq!(
            (v6.len(), v6.get(13), v6.get(15)),
            (52, Some(&0x21), Some(&36))
        );
        assert_eq!(
            told(ProxyProtocol::V2, None).get(12..),
            Some(&[0x20, 0, 0, 0][..])
        );
    }
}
