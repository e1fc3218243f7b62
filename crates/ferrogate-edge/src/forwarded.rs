//! What changes in a header when it crosses a proxy.

use http::header::{
    CONNECTION, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, UPGRADE,
};
use http::{HeaderMap, HeaderValue};

use crate::connection::Connection;
use crate::edit::header_value;
use crate::head::HeaderFields;

/// Fields that concern one connection only. `Transfer-Encoding` is not among them: framing belongs to the
/// layer that writes the message, which needs the received one to do so. Source: RFC 9110, section 7.6.1.
static HOP_BY_HOP: [HeaderName; 6] = [
    HeaderName::from_static("alt-svc"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TRAILER,
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Prepares a request's fields for the upstream: hop-by-hop fields go, `X-Forwarded-For`, `-Proto` and `-Host` are
/// set.
///
/// `Connection: Upgrade` with `Upgrade` and `TE: trailers` survive. Incoming `X-Forwarded-*` fields are replaced unless
/// `peer_trusted` (see [`ProxyRoute::trusts`](crate::ProxyRoute::trusts)): then `For` is appended to, and the last
/// `Proto` and `Host` are kept. A peer on a Unix socket has no address to add.
pub fn forward_request_headers(
    fields: &mut dyn HeaderFields,
    connection: &Connection,
    authority: &[u8],
    peer_trusted: bool,
) {
    let trailers = has_token(fields.headers(), &TE, "trailers");
    strip_hop_by_hop(fields);
    fields.remove_header(&TE);
    if trailers {
        fields.set_header(&TE, HeaderValue::from_static("trailers"));
    }

    let received = fields.headers();
    let mut chain = String::new();
    if peer_trusted {
        for line in received
            .get_all(&FORWARDED_FOR)
            .iter()
            .filter_map(|line| line.to_str().ok())
        {
            append_entry(&mut chain, line);
        }
    }
    if let Some(peer) = connection.peer_ip() {
        append_entry(&mut chain, &peer.to_string());
    }
    let kept = |name: &HeaderName| {
        received
            .get_all(name)
            .iter()
            .next_back()
            .filter(|_| peer_trusted)
            .cloned()
    };
    let proto =
        kept(&FORWARDED_PROTO).unwrap_or_else(|| HeaderValue::from_static(connection.scheme()));
    let host =
        kept(&FORWARDED_HOST).or_else(|| (!authority.is_empty()).then(|| header_value(authority)));

    if chain.is_empty() {
        fields.remove_header(&FORWARDED_FOR);
    } else {
        fields.set_header(&FORWARDED_FOR, header_value(chain.as_bytes()));
    }
    fields.set_header(&FORWARDED_PROTO, proto);
    match host {
        Some(host) => fields.set_header(&FORWARDED_HOST, host),
        None => fields.remove_header(&FORWARDED_HOST),
    }
}

/// Prepares an upstream's answer for the client: hop-by-hop fields go, those of an upgrade stay.
pub fn strip_response_headers(fields: &mut dyn HeaderFields) {
    strip_hop_by_hop(fields);
}

fn strip_hop_by_hop(fields: &mut dyn HeaderFields) {
    let headers = fields.headers();
    let upgrade = if has_token(headers, &CONNECTION, "upgrade") {
        headers.get(UPGRADE).cloned()
    } else {
        None
    };
    for name in named_in_connection(headers) {
        fields.remove_header(&name);
    }
    for name in &HOP_BY_HOP {
        if fields.headers().contains_key(name) {
            fields.remove_header(name);
        }
    }
    fields.remove_header(&CONNECTION);
    fields.remove_header(&UPGRADE);
    if let Some(upgrade) = upgrade {
        fields.set_header(&CONNECTION, HeaderValue::from_static("Upgrade"));
        fields.set_header(&UPGRADE, upgrade);
    }
}

/// Fields listed in `Connection`. `Host` and framing stay: naming them there is an attack, not a wish.
fn named_in_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    tokens(headers, &CONNECTION)
        .filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok())
        .filter(|name| *name != HOST && !crate::edit::is_framing(name))
        .collect()
}

fn has_token(headers: &HeaderMap, field: &HeaderName, wanted: &str) -> bool {
    tokens(headers, field).any(|token| token.eq_ignore_ascii_case(wanted))
}

fn tokens<'a>(headers: &'a HeaderMap, field: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers
        .get_all(field)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

fn append_entry(chain: &mut String, entry: &str) {
    if !chain.is_empty() {
        chain.push_str(", ");
    }
    chain.push_str(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[(&'static str, &'static str)], trusted: bool, expected: &[(&str, &str)]) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let connection = Connection {
            peer: Some("192.0.2.1:5000".parse().unwrap()),
            ..Connection::default()
        };
        forward_request_headers(&mut headers, &connection, b"site.example", trusted);
        let mut shown: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        shown.sort_unstable();
        assert_eq!(shown, expected, "{lines:?}");
    }

    const PLAIN: [(&str, &str); 3] = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-host", "site.example"),
        ("x-forwarded-proto", "http"),
    ];

    #[test]
    fn untrusted_values_are_replaced() {
        check(&[], false, &PLAIN);
        let lies = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil"),
        ];
        check(&lies, false, &PLAIN);
    }

    #[test]
    fn trusted_values_are_kept_or_extended() {
        let lines = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-proto", "https"),
        ];
        let expected = [
            ("x-forwarded-for", "1.1.1.1, 2.2.2.2, 192.0.2.1"),
            ("x-forwarded-host", "site.example"),
            ("x-forwarded-proto", "https"),
        ];
        check(&lines, true, &expected);
    }

    #[test]
    fn hop_by_hop_fields_go() {
        let lines = [
            ("connection", "close, X-Secret, host"),
            ("x-secret", "1"),
            ("host", "site.example"),
            ("keep-alive", "5"),
            ("proxy-authorization", "x"),
            ("te", "gzip"),
            ("upgrade", "h2c"),
        ];
        check(
            &lines,
            false,
            &[("host", "site.example"), PLAIN[0], PLAIN[1], PLAIN[2]],
        );
        let upgrade = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("te", "trailers"),
        ];
        let expected = [
            ("connection", "Upgrade"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            PLAIN[0],
            PLAIN[1],
            PLAIN[2],
        ];
        check(&upgrade, false, &expected);
    }
}
