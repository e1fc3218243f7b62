//! Conditions on a request, compiled.

mod header;

use std::borrow::Cow;
use std::cell::OnceCell;

use ferrogate_types::route::{Matcher, MatcherSet, ProtocolMatch};
use http::Version;
use http::header::CONTENT_TYPE;

use self::header::HeaderCondition;
use crate::address::IpSet;
use crate::compile::Compiler;
use crate::escape::target_text;
use crate::host::{comparable, host_matches};
use crate::path::{fold, split_target};
use crate::pattern::PathPattern;
use crate::placeholder::View;
use crate::query::pairs;
use crate::text::Text;

/// A request as conditions see it; the folded path is made when first asked for.
pub(crate) struct Facts<'a> {
    pub(crate) view: View<'a>,
    pub(crate) folded: &'a FoldedPath,
}

/// What is derived from the target, until a route changes it.
pub(crate) type FoldedPath = OnceCell<Folded>;

#[derive(Debug)]
pub(crate) struct Folded {
    /// Where the raw path ends.
    raw_end: usize,
    /// The decoded, cleaned, lower-cased path; `None` when that is the raw one.
    path: Option<Vec<u8>>,
}

/// Conditions that must all hold.
#[derive(Debug)]
pub(crate) struct Conditions {
    name: Box<str>,
    conditions: Box<[Condition]>,
}

#[derive(Debug)]
enum Condition {
    Path(Box<[PathChoice]>),
    Host(Box<[Text]>),
    Method(Box<[Box<str>]>),
    Header(Box<[HeaderCondition]>),
    Query(Box<[QueryCondition]>),
    RemoteIp(IpSet),
    ClientIp(IpSet),
    Protocol(ProtocolMatch),
    Not(Conditions),
}

/// A key and the values one of which it must have.
type QueryCondition = (Box<str>, Box<[Text]>);

#[derive(Debug)]
enum PathChoice {
    Fixed(PathPattern),
    Text(Text),
}

impl Facts<'_> {
    /// The path as sent, and as matchers compare it.
    fn paths(&self) -> (&[u8], &[u8]) {
        let target = self.view.head.path_and_query();
        let folded = self.folded.get_or_init(|| {
            let (raw, _) = split_target(target);
            let path = match fold(raw) {
                Cow::Borrowed(_) => None,
                Cow::Owned(path) => Some(path),
            };
            Folded {
                raw_end: raw.len(),
                path,
            }
        });
        let raw = target.get(..folded.raw_end).unwrap_or(target);
        (raw, folded.path.as_deref().unwrap_or(raw))
    }

    fn query(&self) -> &[u8] {
        split_target(self.view.head.path_and_query())
            .1
            .unwrap_or_default()
    }
}

impl Conditions {
    /// Compiles a set.
    pub(crate) fn compile(set: &MatcherSet, compiler: &mut Compiler<'_>) -> Self {
        let conditions = set
            .matchers
            .iter()
            .map(|matcher| Condition::compile(matcher, compiler))
            .collect();
        Self {
            name: set.name.as_str().into(),
            conditions,
        }
    }

    /// Whether all of them hold.
    pub(crate) fn hold(&self, facts: &Facts<'_>) -> bool {
        self.conditions
            .iter()
            .all(|condition| condition.holds(facts))
    }

    /// As [`Conditions::hold`], with the reason.
    pub(crate) fn explain(&self, facts: &Facts<'_>) -> (bool, String) {
        match self
            .conditions
            .iter()
            .find(|condition| !condition.holds(facts))
        {
            Some(condition) => {
                let (kind, seen) = condition.seen(facts);
                (
                    false,
                    format!("`{}` does not hold: {kind} is `{seen}`", self.name),
                )
            }
            None => (true, format!("`{}` holds", self.name)),
        }
    }
}

impl Condition {
    fn compile(matcher: &Matcher, compiler: &mut Compiler<'_>) -> Self {
        match matcher {
            Matcher::Path(patterns) => Self::Path(
                patterns
                    .iter()
                    .filter_map(|pattern| PathChoice::compile(pattern, compiler))
                    .collect(),
            ),
            Matcher::Host(hosts) => {
                Self::Host(hosts.iter().map(|host| compiler.emptying(host)).collect())
            }
            Matcher::Method(methods) => Self::Method(
                methods
                    .iter()
                    .map(|method| method.as_str().into())
                    .collect(),
            ),
            Matcher::Header(fields) => Self::Header(
                fields
                    .iter()
                    .filter_map(|field| HeaderCondition::compile(field, compiler))
                    .collect(),
            ),
            Matcher::Query(keys) => Self::Query(
                keys.iter()
                    .map(|(key, values)| {
                        (
                            key.as_str().into(),
                            values
                                .iter()
                                .map(|value| compiler.emptying(value))
                                .collect(),
                        )
                    })
                    .collect(),
            ),
            Matcher::RemoteIp(nets) => Self::RemoteIp(IpSet::new(nets)),
            Matcher::ClientIp(nets) => Self::ClientIp(IpSet::new(nets)),
            Matcher::Protocol(protocol) => Self::Protocol(*protocol),
            Matcher::Not(set) => Self::Not(Conditions::compile(set, compiler)),
        }
    }

    fn holds(&self, facts: &Facts<'_>) -> bool {
        let view = &facts.view;
        let head = view.head;
        match self {
            Self::Path(choices) => choices.iter().any(|choice| choice.matches(facts)),
            Self::Host(hosts) => {
                let host = comparable(head.authority());
                hosts
                    .iter()
                    .any(|pattern| host_matches(&pattern.render(view), host))
            }
            Self::Method(methods) => methods
                .iter()
                .any(|method| **method == *head.method().as_str()),
            Self::Header(fields) => fields.iter().all(|field| field.holds(view)),
            Self::Query(keys) => query_holds(keys, facts),
            Self::RemoteIp(set) => view
                .connection
                .peer_ip()
                .is_some_and(|peer| set.contains(peer)),
            Self::ClientIp(set) => view
                .exchange
                .client_ip()
                .is_some_and(|client| set.contains(client)),
            Self::Protocol(protocol) => protocol_holds(*protocol, view),
            Self::Not(conditions) => !conditions.hold(facts),
        }
    }

    /// What the condition looks at, and what it sees there.
    fn seen(&self, facts: &Facts<'_>) -> (&'static str, String) {
        let view = &facts.view;
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let address =
            |ip: Option<std::net::IpAddr>| ip.map(|ip| ip.to_string()).unwrap_or_default();
        match self {
            Self::Path(_) => ("path", lossy(facts.paths().1)),
            Self::Host(_) => ("host", lossy(comparable(view.head.authority()))),
            Self::Method(_) => ("method", view.head.method().to_string()),
            Self::Header(fields) => match fields.iter().find(|field| !field.holds(view)) {
                Some(field) => ("header", field.seen(view)),
                None => ("header", String::new()),
            },
            Self::Query(_) => ("query", target_text(facts.query()).into_owned()),
            Self::RemoteIp(_) => ("remote_ip", address(view.connection.peer_ip())),
            Self::ClientIp(_) => ("client_ip", address(view.exchange.client_ip())),
            Self::Protocol(_) => (
                "protocol",
                format!("{} {:?}", view.connection.scheme(), view.head.version()),
            ),
            Self::Not(_) => ("request", "excluded".to_owned()),
        }
    }
}

impl PathChoice {
    fn compile(template: &ferrogate_types::Template, compiler: &mut Compiler<'_>) -> Option<Self> {
        let text = compiler.emptying(template);
        let Some(fixed) = text.fixed() else {
            return Some(Self::Text(text));
        };
        match PathPattern::parse(fixed) {
            Ok(pattern) => Some(Self::Fixed(pattern)),
            Err(error) => {
                compiler.error(format!("has a path pattern `{fixed}` that {error}"));
                None
            }
        }
    }

    fn matches(&self, facts: &Facts<'_>) -> bool {
        let (raw, folded) = facts.paths();
        match self {
            Self::Fixed(pattern) => pattern.matches(raw, folded),
            // What a request's values make of a pattern is not known before; a broken one matches nothing.
            Self::Text(text) => PathPattern::parse(&text.render(&facts.view))
                .is_ok_and(|pattern| pattern.matches(raw, folded)),
        }
    }
}

/// Every key needs a pair with one of its values; a query with any broken pair holds for nobody.
fn query_holds(keys: &[QueryCondition], facts: &Facts<'_>) -> bool {
    let query = facts.query();
    if keys.is_empty() {
        return query.is_empty();
    }
    if pairs(query).any(|pair| pair.is_none()) {
        return false;
    }
    keys.iter().all(|(key, values)| {
        pairs(query)
            .flatten()
            .filter(|(name, _)| **name == *key.as_bytes())
            .any(|(_, value)| {
                values.iter().any(|wanted| {
                    let wanted = wanted.render(&facts.view);
                    wanted == "*" || *value == *wanted.as_bytes()
                })
            })
    })
}

fn protocol_holds(protocol: ProtocolMatch, view: &View<'_>) -> bool {
    match protocol {
        ProtocolMatch::Http => view.connection.tls.is_none(),
        ProtocolMatch::Https => view.connection.tls.is_some(),
        ProtocolMatch::Grpc => {
            let content_type = view.head.headers().get(CONTENT_TYPE);
            content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
        }
        ProtocolMatch::Version { version, or_newer } => {
            let spoken = match view.head.version() {
                Version::HTTP_09 => 9,
                Version::HTTP_10 => 10,
                Version::HTTP_2 => 20,
                Version::HTTP_3 => 30,
                _ => 11,
            };
            spoken == version || (or_newer && spoken > version)
        }
    }
}

#[cfg(test)]
mod tests;
