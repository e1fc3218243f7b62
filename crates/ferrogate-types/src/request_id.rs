//! The id of a request: a W3C trace id.

use std::fmt;

/// 32 lower-case hexadecimal digits, not all zero. Source: W3C Trace Context, section 3.2.2.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 32]);

impl RequestId {
    /// An id from 128 random bits; zero, which the standard forbids, becomes one.
    pub fn from_random(bits: u128) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut bits = bits.max(1);
        let mut text = [b'0'; 32];
        for slot in text.iter_mut().rev() {
            *slot = DIGITS[usize::try_from(bits & 0xf).unwrap_or_default()];
            bits >>= 4;
        }
        Self(text)
    }

    /// The trace id of a `traceparent` header, or nothing when it is malformed.
    pub fn from_traceparent(header: &str) -> Option<Self> {
        let mut fields = header.trim().split('-');
        let version = fields
            .next()
            .filter(|v| v.len() == 2 && is_hex(v) && *v != "ff")?;
        let id = fields.next().and_then(Self::from_hex)?;
        let parent = fields
            .next()
            .filter(|p| p.len() == 16 && is_hex(p) && p.bytes().any(|b| b != b'0'))?;
        let flags = fields.next().filter(|f| f.len() == 2 && is_hex(f))?;
        // Version 00 has exactly four fields; later versions may add some.
        let _ = (parent, flags);
        (version != "00" || fields.next().is_none()).then_some(id)
    }

    /// An id a caller chose: 32 hexadecimal digits, dashes of a UUID allowed.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut id = [0; 32];
        let mut len = 0;
        for byte in text.trim().bytes() {
            match byte {
                b'-' => {}
                b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' if len < 32 => {
                    id[len] = byte.to_ascii_lowercase();
                    len += 1;
                }
                _ => return None,
            }
        }
        (len == 32 && id.iter().any(|&b| b != b'0')).then_some(Self(id))
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_trace_id_of_a_traceparent() {
        let id =
            RequestId::from_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
                .unwrap();
        assert_eq!(id.as_str(), "4bf92f3577b34da6a3ce929d0e0e4736");
        for bad in [
            "",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(RequestId::from_traceparent(bad), None, "{bad}");
        }
    }

    #[test]
    fn accepts_uuids_and_refuses_the_rest() {
        assert!(RequestId::from_hex("4BF92F35-77B3-4DA6-A3CE-929D0E0E4736").is_some());
        assert_eq!(RequestId::from_hex("short"), None);
        assert_eq!(RequestId::from_hex(&"0".repeat(32)), None);
        assert_eq!(RequestId::from_random(0).as_str(), format!("{:032x}", 1));
    }
}
