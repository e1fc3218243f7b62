//! Conditions on a request.

use ipnet::IpNet;
use serde::Serialize;

use super::FileMatch;
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
    /// An expression on the decoded, cleaned path, with case, not anchored.
    PathRegexp(NamedRegexp),
    /// Host names; one `*` stands for one label; placeholders allowed.
    Host(Vec<Template>),
    /// Methods, compared as written (configured values are upper case).
    Method(Vec<String>),
    /// Header fields: several entries must all hold; an entry's values are alternatives.
    Header(Vec<HeaderMatch>),
    /// Header fields by expression: all must hold, each on one of its field's lines.
    HeaderRegexp(Vec<HeaderRegexp>),
    /// Query parameters, key and accepted values (`*` = present): every key must hold. Empty: no query at all.
    Query(Vec<(String, Vec<Template>)>),
    /// The peer's address lies in one of these ranges.
    RemoteIp(Vec<IpNet>),
    /// The client's address, as trusted proxies tell it, lies in one of these ranges.
    ClientIp(Vec<IpNet>),
    /// The protocol of the request.
    Protocol(ProtocolMatch),
    /// Variables, or placeholders written with braces, and the values they may have. All pairs are alternatives.
    Vars(Vec<(Subject, Vec<Template>)>),
    /// Expressions on variables or placeholders: alternatives, as in Caddy.
    VarsRegexp(Vec<VarsRegexp>),
    /// A file exists.
    File(FileMatch),
    /// An expression of CEL, in the documented subset; checked at load.
    Expression(String),
    /// A TLS connection; with the answer given, its early data or not. (No early data is ever accepted.)
    Tls {
        /// Whether the request must have come in early data.
        early_data: Option<bool>,
    },
    /// The set, which is one AND, does not hold.
    Not(MatcherSet),
}

/// A regular expression with the name under which its groups are read.
#[derive(Clone, Debug, Serialize)]
pub struct NamedRegexp {
    /// `{re.NAME.GROUP}`; `None`: only as `{re.GROUP}`. A named matcher lends its own name.
    pub name: Option<String>,
    /// In the syntax of the `regex` crate, Go's already translated; checked at load.
    pub pattern: String,
}

/// A header field and an expression on its lines.
#[derive(Clone, Debug, Serialize)]
pub struct HeaderRegexp {
    /// The field's name in lower case.
    pub field: String,
    /// The expression.
    pub regexp: NamedRegexp,
}

/// A variable or placeholder and an expression on its value.
#[derive(Clone, Debug, Serialize)]
pub struct VarsRegexp {
    /// What is looked at.
    pub subject: Subject,
    /// The expression.
    pub regexp: NamedRegexp,
}

/// What a `vars` matcher looks at.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The variable of this name.
    Variable(String),
    /// A text with placeholders.
    Text(Template),
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
