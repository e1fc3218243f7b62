//! Text with placeholders, parsed once at load.

mod fact;
mod placeholder;

use std::fmt;

use serde::{Serialize, Serializer};

pub use self::fact::{FileFact, SystemFact, TlsFact, UpstreamFact};
pub use self::placeholder::Placeholder;

/// Text in which `{name}` stands for a value of the request.
///
/// Parsing never fails: an unknown placeholder is kept as [`Placeholder::Unknown`] and either stays in the
/// text or becomes empty, as the directive that holds the template decides. `\{` and `\}` are braces, and so is a `{`
/// before which another opens: in `{"at":"{path}"}` only the path is a placeholder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Text that stands for itself, escapes already taken out.
    Literal(String),
    /// A value of the request.
    Placeholder(Placeholder),
}

impl Template {
    /// Parses a text; see the type for what happens to unknown placeholders.
    pub fn parse(source: &str) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}', '\\']) {
            let (before, tail) = rest.split_at(at);
            literal.push_str(before);
            if let Some(escaped) = tail.strip_prefix('\\') {
                if let Some(brace @ ('{' | '}')) = escaped.chars().next() {
                    literal.push(brace);
                    rest = escaped.split_at(1).1;
                } else {
                    literal.push('\\');
                    rest = escaped;
                }
            } else if let Some((name, after)) = innermost(tail) {
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(Part::Placeholder(Placeholder::named(name)));
                rest = after;
            } else {
                let (brace, after) = tail.split_at(1);
                literal.push_str(brace);
                rest = after;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() || parts.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Self {
            source: source.to_owned(),
            parts,
        }
    }

    /// The pieces, in order; at least one.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The whole text, when there is no placeholder in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The placeholders, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.parts.iter().filter_map(|part| match part {
            Part::Placeholder(placeholder) => Some(placeholder),
            Part::Literal(_) => None,
        })
    }

    /// The names of unknown placeholders, for a warning.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.placeholders()
            .filter_map(|placeholder| match placeholder {
                Placeholder::Unknown(name) => Some(name.as_str()),
                _ => None,
            })
    }
}

/// The name in braces at the start of a text and what follows them. A brace before another opening brace stands for
/// itself, so that the placeholders in a JSON document count and its own braces do not.
fn innermost(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{')?;
    let (name, rest) = inner.split_at(inner.find(['{', '}'])?);
    Some((name, rest.strip_prefix('}')?))
}

impl From<&str> for Template {
    fn from(source: &str) -> Self {
        Self::parse(source)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[&str]) {
        let shown: Vec<String> = Template::parse(source)
            .parts()
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.clone(),
                Part::Placeholder(placeholder) => format!("{placeholder:?}"),
            })
            .collect();
        assert_eq!(shown, expected, "{source}");
    }

    #[test]
    fn splits_text_and_placeholders() {
        check("", &[""]);
        check("plain", &["plain"]);
        check("https://{host}{uri}", &["https://", "Host", "Uri"]);
        check("{http.request.header.X-A}", &["Header(\"x-a\")"]);
        check(
            "{path.1}/{labels.0}",
            &["PathSegment(1)", "/", "HostLabel(0)"],
        );
        check(
            "{file.ext}{file./etc/x}",
            &["PathFileExt", "File(\"/etc/x\")"],
        );
        check("{nope}", &["Unknown(\"nope\")"]);
        check("{}", &["Unknown(\"\")"]);
        check("{re.a.1}{re.1}", &["Regexp(\"a.1\")", "Regexp(\"1\")"]);
        check(
            "{http.request.remote.host/24,64}{remote_host/33}",
            &["RemotePrefix(24, Some(64))", "Unknown(\"remote_host/33\")"],
        );
        check("{rp.upstream.port}", &["Upstream(Port)"]);
        check(
            "{http.request.tls.client.san.ips.1}",
            &["Tls(Ips(Some(1)))"],
        );
    }

    #[test]
    fn keeps_lone_and_escaped_braces() {
        check("a{b", &["a{b"]);
        check("a}b", &["a}b"]);
        check(r"\{method\}", &["{method}"]);
        check(r"\d{host}", &[r"\d", "Host"]);
        check("é{host}ü", &["é", "Host", "ü"]);
    }

    #[test]
    fn finds_placeholders_within_braces() {
        check(
            r#"{"at":"{path}","to":{"host":"{host}"}}"#,
            &[
                r#"{"at":""#,
                "Path",
                r#"","to":{"host":""#,
                "Host",
                r#""}}"#,
            ],
        );
        check("{{path}", &["{", "Path"]);
        check("{{{", &["{{{"]);
    }
}
