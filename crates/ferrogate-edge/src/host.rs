//! Host names as sent and as compared.

/// Splits `host:port`; brackets of IPv6 are taken off, a missing port is empty.
pub(crate) fn split_authority(authority: &[u8]) -> (&[u8], &[u8]) {
    if let [b'[', inner @ ..] = authority
        && let Some(end) = memchr::memchr(b']', inner)
    {
        let (host, after) = inner.split_at(end);
        return (host, after.strip_prefix(b"]:").unwrap_or_default());
    }
    match memchr::memrchr(b':', authority) {
        // Several colons without brackets are a bare IPv6 address.
        Some(at) if memchr::memchr(b':', authority) == Some(at) => {
            let (host, port) = authority.split_at(at);
            (host, port.get(1..).unwrap_or_default())
        }
        _ => (authority, &[]),
    }
}

/// The host to compare: without port, brackets and a final dot, which names the same host.
pub(crate) fn comparable(authority: &[u8]) -> &[u8] {
    let (host, _) = split_authority(authority);
    host.strip_suffix(b".").unwrap_or(host)
}

/// Whether a host meets a pattern: without regard to case, `*` stands for one label.
pub(crate) fn host_matches(pattern: &str, host: &[u8]) -> bool {
    if !pattern.contains('*') {
        return host.eq_ignore_ascii_case(pattern.as_bytes());
    }
    let mut labels = host.split(|byte| *byte == b'.');
    for wanted in pattern.split('.') {
        match labels.next() {
            Some(label) if wanted == "*" && !label.is_empty() => {}
            Some(label) if label.eq_ignore_ascii_case(wanted.as_bytes()) => {}
            _ => return false,
        }
    }
    labels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_every_form() {
        for (authority, host, port) in [
            ("a.example", "a.example", ""),
            ("a.example:8080", "a.example", "8080"),
            ("[::1]:443", "::1", "443"),
            ("[::1]", "::1", ""),
            ("::1", "::1", ""),
            ("", "", ""),
            (":80", "", "80"),
        ] {
            assert_eq!(
                split_authority(authority.as_bytes()),
                (host.as_bytes(), port.as_bytes()),
                "{authority}"
            );
        }
    }

    #[test]
    fn a_star_is_one_label() {
        for (pattern, host, expected) in [
            ("a.example", "A.Example", true),
            ("*.example", "a.example", true),
            ("*.example", "a.b.example", false),
            ("*.example", "example", false),
            ("*.example", ".example", false),
            ("a.*.example", "a.b.example", true),
            ("*", "localhost", true),
        ] {
            assert_eq!(
                host_matches(pattern, comparable(host.as_bytes())),
                expected,
                "{pattern} on {host}"
            );
        }
        assert_eq!(comparable(b"a.example.:80"), b"a.example");
    }
}
