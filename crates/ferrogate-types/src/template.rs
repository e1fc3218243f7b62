//! Text with placeholders, parsed once at load.

use std::fmt;

use serde::{Serialize, Serializer};

/// Text in which `{name}` stands for a value of the request.
///
/// Parsing never fails: an unknown placeholder is kept as [`Placeholder::Unknown`] and either stays in the
/// text or becomes empty, as the directive that holds the template decides. `\{` and `\}` are braces, and so is a `{`
/// before which another opens: in `{"at":"{path}"}` only the path is a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text that stands for itself, escapes already taken out.
    Literal(String),
    /// A value of the request.
    Placeholder(Placeholder),
}

/// What a placeholder stands for. Doc lines show the short form; the long form of Caddy is accepted too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// `{host}`: the host without its port.
    Host,
    /// `{hostport}`: the host with its port, as sent.
    HostPort,
    /// `{port}`: the port of the host header, empty if none.
    Port,
    /// `{labels.N}`: the label at that index, 0 being the right-most.
    HostLabel(usize),
    /// `{method}`.
    Method,
    /// `{orig_method}`.
    OrigMethod,
    /// `{uri}`: path and query as they are now.
    Uri,
    /// `{path}`: the decoded path.
    Path,
    /// `{path.N}`: the path segment at that index.
    PathSegment(usize),
    /// `{dir}`: the path up to and with the last slash.
    PathDir,
    /// `{file}`: the last path segment.
    PathFile,
    /// `{file.base}`: the last path segment without its extension.
    PathFileBase,
    /// `{file.ext}`: the extension with its dot.
    PathFileExt,
    /// `{query}`: the query without `?`.
    Query,
    /// `{?query}`: the query with `?`, or nothing.
    PrefixedQuery,
    /// `{query.K}`: one query parameter, decoded, several joined with commas.
    QueryParam(String),
    /// `{orig_uri}`: before any rewrite.
    OrigUri,
    /// `{orig_path}`.
    OrigPath,
    /// `{orig_query}`.
    OrigQuery,
    /// `{orig_?query}`.
    OrigPrefixedQuery,
    /// `{header.F}`: a request header, lines joined with commas.
    Header(String),
    /// `{cookie.N}`.
    Cookie(String),
    /// `{scheme}`: `http` or `https`.
    Scheme,
    /// `{http.request.proto}`: `HTTP/1.1`, `HTTP/2.0`.
    Proto,
    /// `{remote}`: address and port of the peer.
    Remote,
    /// `{remote_host}`.
    RemoteHost,
    /// `{remote_port}`.
    RemotePort,
    /// `{client_ip}`: the client's address as trusted proxies tell it.
    ClientIp,
    /// `{uuid}`: random, the same throughout one request.
    Uuid,
    /// `{http.request.duration_ms}`: milliseconds since the request arrived.
    DurationMs,
    /// `{tls_version}`.
    TlsVersion,
    /// `{tls_cipher}`.
    TlsCipher,
    /// `{vars.V}`.
    Var(String),
    /// `{http.response.header.F}`: a response header as set so far.
    ResponseHeader(String),
    /// `{upstream_hostport}`: the chosen upstream's address.
    UpstreamHostPort,
    /// `{rp.status_code}`.
    UpstreamStatus,
    /// `{rp.header.F}`: a header of the upstream's answer.
    UpstreamHeader(String),
    /// `{err.status_code}`.
    ErrorStatus,
    /// `{err.status_text}`.
    ErrorStatusText,
    /// `{err.message}`.
    ErrorMessage,
    /// `{env.NAME}`: read when the configuration is loaded.
    Env(String),
    /// `{file.PATH}`: the file's text without its last line end, read when the configuration is loaded.
    File(String),
    /// `{system.hostname}`.
    SystemHostname,
    /// `{time.now.unix}`: seconds.
    TimeUnix,
    /// `{time.now.unix_ms}`.
    TimeUnixMs,
    /// `{time.now.http}`: an IMF-fixdate.
    TimeHttp,
    /// `{http.shutting_down}`: `true` or `false`.
    ShuttingDown,
    /// Anything else, as written between the braces.
    Unknown(String),
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

impl Placeholder {
    /// Every name without a parameter, short form first: for suggestions and the reference page.
    pub fn fixed_names() -> impl Iterator<Item = &'static str> {
        FIXED
            .iter()
            .flat_map(|(short, long, _)| [*short, *long])
            .filter(|name| !name.is_empty())
    }

    /// Every prefix that takes a parameter (`header.`, `http.request.header.`).
    pub fn prefixes() -> impl Iterator<Item = &'static str> {
        FAMILIES
            .iter()
            .flat_map(|(short, long, _)| [*short, *long])
            .filter(|name| !name.is_empty())
    }

    fn named(name: &str) -> Self {
        if let Some((_, _, placeholder)) = FIXED
            .iter()
            .find(|(short, long, _)| !name.is_empty() && (*short == name || *long == name))
        {
            return placeholder.clone();
        }
        for (short, long, make) in FAMILIES {
            for prefix in [short, long] {
                let parameter = if prefix.is_empty() {
                    None
                } else {
                    name.strip_prefix(prefix)
                };
                if let Some(placeholder) = parameter.filter(|p| !p.is_empty()).and_then(make) {
                    return placeholder;
                }
            }
        }
        Self::Unknown(name.to_owned())
    }
}

/// Short name, long name, meaning. Source: Caddy's documentation of shorthands.
const FIXED: &[(&str, &str, Placeholder)] = &[
    ("host", "http.request.host", Placeholder::Host),
    ("hostport", "http.request.hostport", Placeholder::HostPort),
    ("port", "http.request.port", Placeholder::Port),
    ("method", "http.request.method", Placeholder::Method),
    (
        "orig_method",
        "http.request.orig_method",
        Placeholder::OrigMethod,
    ),
    ("uri", "http.request.uri", Placeholder::Uri),
    ("path", "http.request.uri.path", Placeholder::Path),
    ("dir", "http.request.uri.path.dir", Placeholder::PathDir),
    ("file", "http.request.uri.path.file", Placeholder::PathFile),
    (
        "file.base",
        "http.request.uri.path.file.base",
        Placeholder::PathFileBase,
    ),
    (
        "file.ext",
        "http.request.uri.path.file.ext",
        Placeholder::PathFileExt,
    ),
    ("query", "http.request.uri.query", Placeholder::Query),
    (
        "?query",
        "http.request.uri.prefixed_query",
        Placeholder::PrefixedQuery,
    ),
    ("orig_uri", "http.request.orig_uri", Placeholder::OrigUri),
    (
        "orig_path",
        "http.request.orig_uri.path",
        Placeholder::OrigPath,
    ),
    (
        "orig_query",
        "http.request.orig_uri.query",
        Placeholder::OrigQuery,
    ),
    (
        "orig_?query",
        "http.request.orig_uri.prefixed_query",
        Placeholder::OrigPrefixedQuery,
    ),
    ("scheme", "http.request.scheme", Placeholder::Scheme),
    ("", "http.request.proto", Placeholder::Proto),
    ("remote", "http.request.remote", Placeholder::Remote),
    (
        "remote_host",
        "http.request.remote.host",
        Placeholder::RemoteHost,
    ),
    (
        "remote_port",
        "http.request.remote.port",
        Placeholder::RemotePort,
    ),
    ("client_ip", "http.vars.client_ip", Placeholder::ClientIp),
    ("uuid", "http.request.uuid", Placeholder::Uuid),
    ("", "http.request.duration_ms", Placeholder::DurationMs),
    (
        "tls_version",
        "http.request.tls.version",
        Placeholder::TlsVersion,
    ),
    (
        "tls_cipher",
        "http.request.tls.cipher_suite",
        Placeholder::TlsCipher,
    ),
    (
        "upstream_hostport",
        "http.reverse_proxy.upstream.hostport",
        Placeholder::UpstreamHostPort,
    ),
    (
        "rp.status_code",
        "http.reverse_proxy.status_code",
        Placeholder::UpstreamStatus,
    ),
    (
        "err.status_code",
        "http.error.status_code",
        Placeholder::ErrorStatus,
    ),
    (
        "err.status_text",
        "http.error.status_text",
        Placeholder::ErrorStatusText,
    ),
    (
        "err.message",
        "http.error.message",
        Placeholder::ErrorMessage,
    ),
    ("", "system.hostname", Placeholder::SystemHostname),
    ("", "time.now.unix", Placeholder::TimeUnix),
    ("", "time.now.unix_ms", Placeholder::TimeUnixMs),
    ("", "time.now.http", Placeholder::TimeHttp),
    ("", "http.shutting_down", Placeholder::ShuttingDown),
];

type Family = (&'static str, &'static str, fn(&str) -> Option<Placeholder>);

/// Short prefix, long prefix, constructor from the parameter.
const FAMILIES: &[Family] = &[
    ("labels.", "http.request.host.labels.", |p| {
        p.parse().ok().map(Placeholder::HostLabel)
    }),
    ("path.", "http.request.uri.path.", |p| {
        p.parse().ok().map(Placeholder::PathSegment)
    }),
    ("query.", "http.request.uri.query.", |p| {
        Some(Placeholder::QueryParam(p.to_owned()))
    }),
    ("header.", "http.request.header.", |p| {
        Some(Placeholder::Header(p.to_ascii_lowercase()))
    }),
    ("cookie.", "http.request.cookie.", |p| {
        Some(Placeholder::Cookie(p.to_owned()))
    }),
    ("vars.", "http.vars.", |p| {
        Some(Placeholder::Var(p.to_owned()))
    }),
    ("", "http.response.header.", |p| {
        Some(Placeholder::ResponseHeader(p.to_ascii_lowercase()))
    }),
    ("rp.header.", "http.reverse_proxy.header.", |p| {
        Some(Placeholder::UpstreamHeader(p.to_ascii_lowercase()))
    }),
    ("", "env.", |p| Some(Placeholder::Env(p.to_owned()))),
    // `{file.base}` and `{file.ext}` are in the fixed table, which is asked first.
    ("", "file.", |p| Some(Placeholder::File(p.to_owned()))),
];

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
