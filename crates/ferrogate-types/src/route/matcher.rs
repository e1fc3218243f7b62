//! Conditions on a request.

use ipnet::IpNet;
use serde::Serialize;

use crate::Template;

/// Conditions that must all hold.
#[derive(Clone, Debug, Serialize)]
pub struct MatcherSet {
    /// `@name`, or the path of an inline matcher; for `explain`.
    pub name: String,
    /// The conditions; an empty list always holds.
    pub matchers: Vec<Matcher>,
}

/// One condition. Values of one condition are alternatives.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Matcher {
    /// Path patterns in Caddy's syntax, matched without regard to case on the decoded, cleaned path.
    Path(Vec<Template>),
    /// Host names; one `*` stands for one label; placeholders allowed.
    Host(Vec<Template>),
    /// Methods, compared as written (configured values are upper case).
    Method(Vec<String>),
    /// Header fields: several entries must all hold; an entry's values are alternatives.
    Header(Vec<HeaderMatch>),
    /// Query parameters, key and accepted values (`*` = present): every key must hold. Empty: no query at all.
    Query(Vec<(String, Vec<Template>)>),
    /// The peer's address lies in one of these ranges.
    RemoteIp(Vec<IpNet>),
    /// The client's address, as trusted proxies tell it, lies in one of these ranges.
    ClientIp(Vec<IpNet>),
    /// The protocol of the request.
    Protocol(ProtocolMatch),
    /// The set, which is one AND, does not hold.
    Not(MatcherSet),
}

/// What must be true of one header field.
#[derive(Clone, Debug, Serialize)]
pub struct HeaderMatch {
    /// The field's name in lower case.
    pub field: String,
    /// Accepted values; empty means that the field must be absent.
    pub values: Vec<TextPattern>,
}

/// A text with a wildcard at one end or both, compared with case.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TextPattern {
    /// `*`
    Any,
    /// `x*`
    Prefix(Template),
    /// `*x`
    Suffix(Template),
    /// `*x*`
    Contains(Template),
    /// `x`
    Exact(Template),
}

/// A protocol condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProtocolMatch {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
    /// A content type that starts with `application/grpc`.
    Grpc,
    /// HTTP of exactly, or at least, this version.
    Version {
        /// 10, 11, 20 or 30.
        version: u8,
        /// Written with `+`: this version or a newer one.
        or_newer: bool,
    },
}
