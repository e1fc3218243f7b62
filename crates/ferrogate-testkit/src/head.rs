//! The head of an HTTP/1.1 message.

/// The head of a message: start line and fields, in order and as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The request line or the status line.
    pub start: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Head {
    /// Reads a head without its blank line. Bytes that are not UTF-8 are replaced.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines();
        let start = lines.next().unwrap_or_default().to_owned();
        let fields = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        Self { start, fields }
    }

    /// The first field of this name, whatever its case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Every field of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A word of the start line: of a request method, target and version.
    pub fn word(&self, index: usize) -> &str {
        self.start.split(' ').nth(index).unwrap_or_default()
    }

    /// How a body that follows is framed; `None` without any of the fields that say so.
    pub(crate) fn framing(&self) -> Option<Framing> {
        if self
            .field("transfer-encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
        {
            return Some(Framing::Chunked);
        }
        self.field("content-length")
            .and_then(|length| length.parse().ok())
            .map(Framing::Length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_and_framing() {
        let head =
            Head::parse(b"POST /a HTTP/1.1\r\nHost: b\r\nX-A: 1\r\nx-a:2\r\nContent-Length: 3\r\n");
        assert_eq!(
            (head.word(0), head.word(1), head.word(9)),
            ("POST", "/a", "")
        );
        assert_eq!(head.all("x-a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(head.framing(), Some(Framing::Length(3)));
        let chunked =
            Head::parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3");
        assert_eq!(chunked.framing(), Some(Framing::Chunked));
        assert_eq!(Head::parse(b"HTTP/1.1 200 OK").framing(), None);
    }
}
