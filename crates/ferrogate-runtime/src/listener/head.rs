//! The head of an HTTP/1.1 request: found, bounded and screened before Pingora parses it.

use std::time::Duration;

use ferrogate_types::RequestId;

/// Limits on a request's head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadLimits {
    /// The whole head must have arrived by then.
    pub(crate) timeout: Duration,
    /// Bytes, request line included.
    pub(crate) bytes: usize,
    /// Between two requests on a connection.
    pub(crate) idle: Duration,
}

/// Why a head is refused, with the status it is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It did not arrive in time.
    Timeout,
    /// It is larger than the limit.
    TooLarge,
    /// Its framing or its authority is ambiguous, or it is no HTTP.
    Malformed(&'static str),
    /// It is HTTP/1, which this listener does not speak.
    Version,
}

impl Refusal {
    /// The status line and the reason, as a whole answer.
    pub(crate) fn answer(self, id: &RequestId) -> String {
        let (status, text) = match self {
            Self::Timeout => (
                "408 Request Timeout",
                "the request header did not arrive in time",
            ),
            Self::TooLarge => (
                "431 Request Header Fields Too Large",
                "the request header is too large",
            ),
            Self::Malformed(why) => ("400 Bad Request", why),
            Self::Version => (
                "505 HTTP Version Not Supported",
                "only HTTP/2 is spoken here",
            ),
        };
        format!(
            "HTTP/1.1 {status}\r\nServer: Ferrogate\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\nx-request-id: {id}\r\nConnection: close\r\n\r\n{text}\n",
            text.len() + 1
        )
    }

    /// The label in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Timeout => "header_timeout",
            Self::TooLarge => "header_too_large",
            Self::Malformed(_) => "malformed",
            Self::Version => "http_version",
        }
    }
}

/// How a request's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many bytes; zero for a request without a body.
    Length(u64),
    /// Where the body itself or the connection says: chunked, or another protocol after an upgrade.
    Open,
}

/// Fields of a head; what Pingora's parser has room for.
const MOST_FIELDS: usize = 255;

/// The first bytes of an HTTP/2 connection. Source: RFC 9113, section 3.4.
pub(crate) const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Where the head ends (behind its blank line), looking only at what came after `searched`.
pub(crate) fn find_end(bytes: &[u8], searched: usize) -> Option<usize> {
    // Three bytes back: the blank line may have begun before.
    let from = searched.saturating_sub(3);
    let mut at = from;
    while let Some(offset) = memchr::memchr(b'\n', bytes.get(at..)?) {
        let here = at + offset;
        match (bytes.get(here + 1), bytes.get(here + 2)) {
            (Some(b'\n'), _) => return Some(here + 2),
            (Some(b'\r'), Some(b'\n')) => return Some(here + 3),
            _ => at = here + 1,
        }
    }
    None
}

/// Refuses heads whose meaning two parsers could read differently; says how the body of the others ends.
///
/// Sources: RFC 9112 sections 2.2, 3.2 (Host), 5.1, 5.2 (folding), 6.1 and 6.3 (both length fields), 11.2
/// (request smuggling); RFC 9110 section 5.5. Pingora accepts some of these.
pub(crate) fn screen(head: &[u8]) -> Result<Framing, Refusal> {
    let mut lines = head
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let request_line = lines.next().unwrap_or_default();
    let mut words = request_line.split(|&byte| byte == b' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let (version, form) = match (method, target, version, words.next()) {
        (Some(method), Some(target), Some(version), None)
            if !method.is_empty()
                && method.iter().all(|&byte| is_token(byte))
                && !target.is_empty() =>
        {
            if target.iter().any(|&byte| byte <= b' ' || byte == 0x7f) {
                return Err(Refusal::Malformed(
                    "the request target contains a control character",
                ));
            }
            let Some(form) = target_form(method, target) else {
                return Err(Refusal::Malformed("the request target is malformed"));
            };
            (version, form)
        }
        _ => return Err(Refusal::Malformed("the request line is malformed")),
    };
    if !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") {
        return Err(Refusal::Malformed("the HTTP version is not supported"));
    }
    let (mut fields, mut hosts, mut lengths, mut codings) = (0, 0, 0, 0);
    let (mut length, mut upgrade) = (Some(0), false);
    for line in lines {
        if line.is_empty() {
            continue;
        }
        fields += 1;
        if fields > MOST_FIELDS {
            return Err(Refusal::TooLarge);
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(Refusal::Malformed("a header line is folded"));
        }
        let Some(colon) = memchr::memchr(b':', line) else {
            return Err(Refusal::Malformed("a header line has no colon"));
        };
        let (name, value) = line.split_at(colon);
        if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
            return Err(Refusal::Malformed("a header name is malformed"));
        }
        if value.iter().any(|&byte| byte == b'\r' || byte == 0) {
            return Err(Refusal::Malformed(
                "a header value contains a control character",
            ));
        }
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"host") {
            hosts += 1;
            if !value.iter().all(|&byte| is_authority(byte)) {
                return Err(Refusal::Malformed("the Host is malformed"));
            }
            if let Target::Absolute(host) = form
                && !host.eq_ignore_ascii_case(value)
            {
                return Err(Refusal::Malformed("the request target and the Host differ"));
            }
        }
        upgrade |= name.eq_ignore_ascii_case(b"upgrade");
        if name.eq_ignore_ascii_case(b"content-length") {
            lengths += 1;
            length = decimal(value);
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            codings += 1;
            if version != b"HTTP/1.1" || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Refusal::Malformed("the Transfer-Encoding is not `chunked`"));
            }
        }
    }
    if hosts > 1 {
        return Err(Refusal::Malformed(
            "the request has more than one Host header",
        ));
    }
    if hosts == 0 && version == b"HTTP/1.1" {
        return Err(Refusal::Malformed("the request has no Host header"));
    }
    if lengths > 0 && codings > 0 {
        return Err(Refusal::Malformed(
            "the request has both Content-Length and Transfer-Encoding",
        ));
    }
    if lengths > 1 || codings > 1 {
        return Err(Refusal::Malformed(
            "the request states its length more than once",
        ));
    }
    let Some(length) = length else {
        return Err(Refusal::Malformed("the Content-Length is not a number"));
    };
    Ok(if codings > 0 || upgrade {
        Framing::Open
    } else {
        Framing::Length(length)
    })
}

/// Where a screened request would have gone over TLS; nothing when it does not say to which host.
pub(crate) fn https_location(head: &[u8]) -> Option<Vec<u8>> {
    let mut lines = head.split(|&byte| byte == b'\n');
    let mut words = lines.next()?.split(|&byte| byte == b' ');
    let (method, target) = (words.next()?, words.next()?);
    let (host, path) = match target_form(method, target)? {
        Target::Absolute(host) => {
            let start = memchr::memmem::find(target, b"://")? + 3 + host.len();
            (host, target.get(start..)?)
        }
        Target::Plain => {
            let host = lines.find_map(|line| {
                let (name, value) = line.split_at(memchr::memchr(b':', line)?);
                name.eq_ignore_ascii_case(b"host")
                    .then(|| value.get(1..).unwrap_or_default().trim_ascii())
            })?;
            (
                host,
                if target.starts_with(b"/") {
                    target
                } else {
                    b"/"
                },
            )
        }
    };
    (!host.is_empty()).then(|| [b"https://", host, path].concat())
}

/// A redirect as a whole answer.
pub(crate) fn redirect(location: &[u8], id: &RequestId) -> Vec<u8> {
    let (before, after) = (
        "HTTP/1.1 308 Permanent Redirect\r\nServer: Ferrogate\r\nLocation: ",
        format!("\r\nContent-Length: 0\r\nx-request-id: {id}\r\nConnection: close\r\n\r\n"),
    );
    [before.as_bytes(), location, after.as_bytes()].concat()
}

/// The forms a target may have. Routes match paths: a target that has none, or one that only some parsers see, must
/// not reach them. Source: RFC 9112, section 3.2.
#[derive(Clone, Copy)]
enum Target<'a> {
    /// A path, `*`, or what `CONNECT` has, which Pingora answers with 405.
    Plain,
    /// A whole URL, with its host.
    Absolute(&'a [u8]),
}

fn target_form<'a>(method: &[u8], target: &'a [u8]) -> Option<Target<'a>> {
    let asterisk = target == b"*" && method == b"OPTIONS";
    if target.starts_with(b"/") || asterisk || method == b"CONNECT" {
        return Some(Target::Plain);
    }
    let schemes: [&[u8]; 2] = [b"http://", b"https://"];
    let rest = schemes.iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })?;
    let host = rest.split(|byte| b"/?#".contains(byte)).next()?;
    let well_formed = !host.is_empty() && host.iter().all(|&byte| is_authority(byte));
    well_formed.then_some(Target::Absolute(host))
}

/// Digits and nothing else: no sign, no list. Source: RFC 9110, section 8.6.
fn decimal(value: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(value).ok()?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

/// Characters of a host with its port. Source: RFC 3986, section 3.2.2; user information is not part of a Host.
fn is_authority(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte)
}

/// Characters of a token. Source: RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_the_blank_line_of_every_kind() {
        for (bytes, end) in [
            ("GET / HTTP/1.1\r\n\r\nbody", Some(18)),
            ("GET / HTTP/1.1\n\nbody", Some(16)),
            ("GET / HTTP/1.1\r\nA: b\r\n", None),
            ("", None),
            ("\n", None),
        ] {
            assert_eq!(find_end(bytes.as_bytes(), 0), end, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn finds_it_in_any_split(text in "[a\r\n]{0,40}", at in 0_usize..40) {
            let bytes = text.as_bytes();
            let cut = at.min(bytes.len());
            let whole = find_end(bytes, 0);
            let split = find_end(&bytes[..cut], 0).or_else(|| find_end(bytes, cut));
            prop_assert_eq!(split, whole);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _verdict = screen(&bytes);
        }
    }

    #[test]
    fn screens_what_parsers_disagree_on() {
        let check = |head: &str, expected: Option<&str>| {
            let refused = screen(head.as_bytes()).err().map(|refusal| match refusal {
                Refusal::Malformed(why) => why,
                _ => "other",
            });
            assert_eq!(refused, expected, "{head:?}");
        };
        check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", None);
        check("GET / HTTP/1.0\r\n\r\n", None);
        check(
            "GET /%20 HTTP/1.1\r\nhost: a\r\nX-Y_z: \u{e9}\r\n\r\n",
            None,
        );
        check(
            "GET / HTTP/1.1\r\n\r\n",
            Some("the request has no Host header"),
        );
        check(
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            Some("the request has more than one Host header"),
        );
        check(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            Some("the request has both Content-Length and Transfer-Encoding"),
        );
        check(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            Some("the request states its length more than once"),
        );
        check(
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            Some("a header name is malformed"),
        );
        check(
            "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            Some("a header line is folded"),
        );
        check(
            "GET / HTTP/1.1\r\nHost\r\n\r\n",
            Some("a header line has no colon"),
        );
        check(
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            Some("the request line is malformed"),
        );
        check(
            "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
            Some("the request line is malformed"),
        );
        check(
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            Some("the HTTP version is not supported"),
        );
        check(
            "G\u{1}T / HTTP/1.1\r\nHost: a\r\n\r\n",
            Some("the request line is malformed"),
        );
        check(
            "GET /\u{1} HTTP/1.1\r\nHost: a\r\n\r\n",
            Some("the request target contains a control character"),
        );
        check("GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", None);
        check("GET HTTPS://a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", None);
        check(
            "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
            Some("the request target and the Host differ"),
        );
        check("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", None);
        check("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", None);
        for target in [
            "a/b",
            "a:80",
            "*",
            "?a",
            "http:/a",
            "http:///a",
            "http://u@a/",
            "ws://a/",
            "//",
        ] {
            check(
                &format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"),
                (target != "//").then_some("the request target is malformed"),
            );
        }
        check(
            "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
            Some("a header value contains a control character"),
        );
    }

    #[test]
    fn says_where_a_request_would_have_gone_over_tls() {
        for (head, location) in [
            (
                "GET /a?b HTTP/1.1\r\nHost: x:8443\r\n",
                Some("https://x:8443/a?b"),
            ),
            (
                "GET / HTTP/1.1\r\nA: b\r\nhOST:[::1]\r\n",
                Some("https://[::1]/"),
            ),
            (
                "GET http://x/a HTTP/1.1\r\nHost: x\r\n",
                Some("https://x/a"),
            ),
            ("GET http://x HTTP/1.1\r\nHost: x\r\n", Some("https://x")),
            ("OPTIONS * HTTP/1.1\r\nHost: x\r\n", Some("https://x/")),
            ("GET / HTTP/1.1\r\nHost:\r\n", None),
            ("GET / HTTP/1.0\r\n", None),
        ] {
            let head = format!("{head}\r\n");
            let found = https_location(head.as_bytes());
            assert_eq!(found.as_deref(), location.map(str::as_bytes), "{head:?}");
        }
    }

    #[test]
    fn says_how_the_body_ends() {
        for (fields, framing) in [
            ("", Framing::Length(0)),
            ("content-length: 12 \r\n", Framing::Length(12)),
            ("Transfer-Encoding: chunked\r\n", Framing::Open),
            (
                "Connection: Upgrade\r\nUpgrade: websocket\r\n",
                Framing::Open,
            ),
        ] {
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            assert_eq!(screen(head.as_bytes()), Ok(framing), "{fields:?}");
        }
    }
}
