//! The PROXY protocol header, versions 1 and 2, from bytes.
//!
//! Source: <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, sections 2.1 to 2.3. Chosen on purpose: what
//! follows the addresses of version 2 (TLVs) is skipped, its checksum too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Who is connected to whom, as a proxy in front saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
}

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// The beginning of a header, perhaps: more bytes will tell.
    Incomplete,
    /// No header.
    Absent,
    /// A header of so many bytes; without addresses when the proxy speaks for itself or for something else than TCP.
    Header(usize, Option<Addresses>),
}

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the PROXY protocol header {0}")]
pub(crate) struct Malformed(&'static str);

const V1: &[u8] = b"PROXY ";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, its end included.
const V1_MOST: usize = 107;
/// Signature, command, family and length of version 2.
const V2_FIXED: usize = 16;

/// Version 2 and the command of a proxy that speaks for a client; the other one, LOCAL, is for its own checks.
const PROXY: u8 = 0x21;

/// Reads the header at the beginning of a connection.
pub(crate) fn parse(bytes: &[u8]) -> Result<Parsed, Malformed> {
    if bytes.starts_with(V1) {
        return version_1(bytes);
    }
    if bytes.starts_with(V2) {
        return version_2(bytes);
    }
    if V1.starts_with(bytes) || V2.starts_with(bytes) {
        return Ok(Parsed::Incomplete);
    }
    Ok(Parsed::Absent)
}

fn version_1(bytes: &[u8]) -> Result<Parsed, Malformed> {
    let known = bytes.get(..V1_MOST).unwrap_or(bytes);
    let Some(end) = memchr::memchr(b'\n', known) else {
        return if bytes.len() >= V1_MOST {
            Err(Malformed("does not end"))
        } else {
            Ok(Parsed::Incomplete)
        };
    };
    let line = known
        .get(V1.len()..end)
        .and_then(|line| line.strip_suffix(b"\r"))
        .and_then(|line| std::str::from_utf8(line).ok())
        .ok_or(Malformed("is no line of text"))?;
    let length = end + 1;
    let (family, rest) = line.split_once(' ').unwrap_or((line, ""));
    let parse: fn(&str) -> Option<IpAddr> = match family {
        // What follows is for people.
        "UNKNOWN" => return Ok(Parsed::Header(length, None)),
        "TCP4" => |text| text.parse().ok().map(IpAddr::V4),
        "TCP6" => |text| text.parse().ok().map(IpAddr::V6),
        _ => return Err(Malformed("names no family")),
    };
    let mut words = rest.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (source, destination) = (parse(word()), parse(word()));
    let (from, to) = (port(word()), port(word()));
    match (source, destination, from, to, words.next()) {
        (Some(source), Some(destination), Some(from), Some(to), None) => {
            let addresses = Addresses {
                source: SocketAddr::new(source, from),
                destination: SocketAddr::new(destination, to),
            };
            Ok(Parsed::Header(length, Some(addresses)))
        }
        _ => Err(Malformed("has other than two addresses and two ports")),
    }
}

/// Decimal digits without a sign or a leading zero.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

fn version_2(bytes: &[u8]) -> Result<Parsed, Malformed> {
    let at = |index: usize| bytes.get(index).copied();
    if at(12).is_some_and(|byte| byte >> 4 != 2 || byte & 0xf > 1) {
        return Err(Malformed("has an unknown version or command"));
    }
    if at(13).is_some_and(|byte| byte >> 4 > 3 || byte & 0xf > 2) {
        return Err(Malformed("has an unknown family or transport"));
    }
    let (Some(command), Some(family), Some(high), Some(low)) = (at(12), at(13), at(14), at(15))
    else {
        return Ok(Parsed::Incomplete);
    };
    let length = V2_FIXED + usize::from(u16::from_be_bytes([high, low]));
    let Some(body) = bytes.get(V2_FIXED..length) else {
        return Ok(Parsed::Incomplete);
    };
    let addresses = match (command, family) {
        (PROXY, 0x11) => Some(pair(body, |octets: [u8; 4]| Ipv4Addr::from(octets).into())?),
        (PROXY, 0x21) => Some(pair(body, |octets: [u8; 16]| {
            Ipv6Addr::from(octets).into()
        })?),
        _ => None,
    };
    Ok(Parsed::Header(length, addresses))
}

/// Two addresses of `N` octets, then their ports.
fn pair<const N: usize>(body: &[u8], ip: fn([u8; N]) -> IpAddr) -> Result<Addresses, Malformed> {
    let read = || {
        let (source, rest) = body.split_first_chunk::<N>()?;
        let (destination, rest) = rest.split_first_chunk::<N>()?;
        let (from, rest) = rest.split_first_chunk::<2>()?;
        let (to, _) = rest.split_first_chunk::<2>()?;
        Some(Addresses {
            source: SocketAddr::new(ip(*source), u16::from_be_bytes(*from)),
            destination: SocketAddr::new(ip(*destination), u16::from_be_bytes(*to)),
        })
    };
    read().ok_or(Malformed("is too short for its addresses"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addresses(source: &str, destination: &str) -> Addresses {
        Addresses {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
        }
    }

    /// A header of version 2 with this command, family and body.
    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [V2, &[command, family], &length, body].concat()
    }

    #[test]
    fn reads_version_1() {
        let check = |line: &str, expected: Option<Option<Addresses>>| {
            let bytes = format!("{line}\r\nGET /");
            let parsed = parse(bytes.as_bytes());
            let wanted = expected.map(|found| Parsed::Header(line.len() + 2, found));
            assert_eq!(parsed.ok(), wanted, "{line}");
        };
        let four = addresses("192.0.2.7:56324", "192.0.2.8:443");
        check("PROXY TCP4 192.0.2.7 192.0.2.8 56324 443", Some(Some(four)));
        let six = addresses("[2001:db8::7]:1", "[2001:db8::8]:0");
        check("PROXY TCP6 2001:db8::7 2001:db8::8 1 0", Some(Some(six)));
        check("PROXY UNKNOWN", Some(None));
        check("PROXY UNKNOWN ffff::1 what ever", Some(None));
        for line in [
            "PROXY ",
            "PROXY TCP4",
            "PROXY TCP4 192.0.2.7 192.0.2.8 56324",
            "PROXY TCP4 192.0.2.7 192.0.2.8 56324 443 ",
            "PROXY TCP4  192.0.2.7 192.0.2.8 56324 443",
            "PROXY TCP4 192.0.2.7 192.0.2.8 56324 65536",
            "PROXY TCP4 192.0.2.7 192.0.2.8 56324 0443",
            "PROXY TCP4 192.0.2.7 192.0.2.8 +1 443",
            "PROXY TCP4 ::1 ::1 1 2",
            "PROXY TCP6 192.0.2.7 192.0.2.8 1 2",
            "PROXY TCP4 192.0.2.07 192.0.2.8 1 2",
            "PROXY tcp4 192.0.2.7 192.0.2.8 1 2",
            "PROXY UDP4 192.0.2.7 192.0.2.8 1 2",
        ] {
            check(line, None);
        }
        let endless = format!("PROXY TCP4 {}", "1".repeat(120));
        assert!(parse(endless.as_bytes()).is_err());
        assert!(parse(b"PROXY UNKNOWN\n").is_err(), "a bare line feed");
    }

    #[test]
    fn reads_version_2() {
        let four = [192, 0, 2, 7, 192, 0, 2, 8, 0xdc, 4, 1, 187];
        let mut six = [0; 36];
        (six[15], six[31], six[33], six[35]) = (1, 2, 3, 4);
        let mut with_tlv = four.to_vec();
        with_tlv.extend([0x04, 0, 1, 0]);
        let found = Some(addresses("192.0.2.7:56324", "192.0.2.8:443"));
        for (bytes, expected) in [
            (v2(0x21, 0x11, &four), Some(found)),
            (v2(0x21, 0x11, &with_tlv), Some(found)),
            (
                v2(0x21, 0x21, &six),
                Some(Some(addresses("[::1]:3", "[::2]:4"))),
            ),
            (v2(0x20, 0x11, &four), Some(None)),
            (v2(0x20, 0, &[]), Some(None)),
            (v2(0x21, 0, &[]), Some(None)),
            (v2(0x21, 0x31, &[0; 216]), Some(None)),
            (v2(0x21, 0x12, &four), Some(None)),
            (v2(0x21, 0x11, &four[..11]), None),
            (v2(0x21, 0x21, &four), None),
            (v2(0x11, 0x11, &four), None),
            (v2(0x22, 0x11, &four), None),
            (v2(0x21, 0x41, &four), None),
            (v2(0x21, 0x13, &four), None),
        ] {
            let wanted = expected.map(|found| Parsed::Header(bytes.len(), found));
            assert_eq!(parse(&bytes).ok(), wanted, "{bytes:x?}");
        }
    }

    #[test]
    fn anything_else_is_no_header() {
        for bytes in [
            "GET / HTTP/1.1",
            "PROXYX",
            "PROPFIND",
            "\u{16}\u{3}\u{1}",
            "\r\n\r\nGET",
        ] {
            assert_eq!(parse(bytes.as_bytes()), Ok(Parsed::Absent), "{bytes:?}");
        }
        for bytes in ["", "P", "PROXY", "\r\n\r\n"] {
            assert_eq!(parse(bytes.as_bytes()), Ok(Parsed::Incomplete), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(tail in proptest::collection::vec(any::<u8>(), 0..300), start in 0_usize..3) {
            let bytes = [[b"".as_slice(), V1, V2][start], tail.as_slice()].concat();
            let verdict = parse(&bytes);
            if let Ok(Parsed::Header(length, _)) = verdict {
                prop_assert!(length <= bytes.len());
            }
        }

        #[test]
        fn a_part_of_a_header_is_incomplete(cut in 0_usize..100, second in any::<bool>(), source: [u8; 16], port: u16) {
            let six = Ipv6Addr::from(source);
            let whole = if second {
                let mut body = [0; 36];
                body[..16].copy_from_slice(&source);
                body[32..34].copy_from_slice(&port.to_be_bytes());
                v2(0x21, 0x21, &body)
            } else {
                format!("PROXY TCP6 {six} ::1 {port} 1\r\n").into_bytes()
            };
            let Ok(Parsed::Header(length, Some(found))) = parse(&whole) else {
                panic!("not a header: {whole:x?}");
            };
            prop_assert_eq!(length, whole.len());
            prop_assert_eq!(found.source, SocketAddr::new(six.into(), port));
            let cut = cut.min(whole.len() - 1);
            prop_assert_eq!(parse(&whole[..cut]), Ok(Parsed::Incomplete));
        }
    }
}
