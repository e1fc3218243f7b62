//! What is refused of a request before any route sees it.

use ferrogate_edge::Connection;
use http::HeaderName;
use pingora_http::RequestHeader;

use crate::head::authority;
use crate::snapshot::ExpectedFields;

/// Drops fields with unusual names that are not expected.
pub(crate) fn fields(header: &mut RequestHeader, expected: &ExpectedFields) {
    // Hardly any request has one: a look at each name is all that the others pay.
    if !header.headers.keys().any(is_unusual) {
        return;
    }
    let unexpected: Vec<HeaderName> = header
        .headers
        .keys()
        .filter(|name| !is_expected(name, expected))
        .cloned()
        .collect();
    for name in unexpected {
        tracing::debug!(field = name.as_str(), "an unexpected field was dropped");
        header.remove_header(&name);
    }
}

fn is_unusual(name: &HeaderName) -> bool {
    name.as_str()
        .bytes()
        .any(|byte| matches!(byte, b'_' | b'.'))
}

fn is_expected(name: &HeaderName, expected: &ExpectedFields) -> bool {
    [('_', &expected.underscore), ('.', &expected.dot)]
        .iter()
        .all(|(mark, known)| !name.as_str().contains(*mark) || known.contains(name))
}

/// Whether a request is for the host that its TLS handshake named; in the clear there is none.
///
/// Source: RFC 9110, section 15.5.20. A certificate of a client was checked for the site of that name and no other.
pub(crate) fn is_for_its_handshake(connection: &Connection, header: &RequestHeader) -> bool {
    connection
        .tls
        .as_ref()
        .is_none_or(|tls| tls.is_for(authority(header)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unexpected_fields_are_dropped() {
        let expected = ExpectedFields {
            underscore: vec![
                HeaderName::from_static("x_known"),
                HeaderName::from_static("x_both.known"),
            ],
            dot: vec![
                HeaderName::from_static("x.known"),
                HeaderName::from_static("x_both.known"),
            ],
        };
        for (name, kept) in [
            ("X-Plain", true),
            ("X_Other", false),
            ("X_Known", true),
            ("X.Other", false),
            ("x.known", true),
            ("X_Both.Known", true),
            ("X_Known.More", false),
        ] {
            let mut header = RequestHeader::build("GET", b"/", None).unwrap();
            header.insert_header("Host", "a").unwrap();
            header.append_header(name, "1").unwrap();
            header.append_header(name, "2").unwrap();
            fields(&mut header, &expected);
            assert_eq!(header.headers.contains_key(name), kept, "{name}");
            assert!(header.headers.contains_key("host"), "{name}");
        }
    }
}
