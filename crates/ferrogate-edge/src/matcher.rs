//! Conditions on a request, compiled.

mod expression;
mod facts;
mod header;
mod regexp;

use ferrogate_types::Template;
use ferrogate_types::route::{Matcher, MatcherSet, ProtocolMatch};
use http::Version;
use http::header::CONTENT_TYPE;

use self::expression::ExpressionCondition;
pub(crate) use self::facts::{Facts, FoldedPath};
pub(crate) use self::header::HeaderCondition;
use self::regexp::{FieldFinder, Finder, SubjectFinder, SubjectText};
use crate::address::IpSet;
use crate::answer::Failure;
use crate::compile::Compiler;
use crate::escape::target_text;
use crate::files::FileSearch;
use crate::host::{comparable, host_matches};
use crate::pathindex::PathKey;
use crate::pattern::PathPattern;
use crate::placeholder::View;
use crate::query::pairs;
use crate::text::Text;

/// Conditions that must all hold.
#[derive(Debug)]
pub(crate) struct Conditions {
    name: Box<str>,
    conditions: Box<[Condition]>,
}

#[derive(Debug)]
enum Condition {
    Path(Box<[PathChoice]>),
    PathRegexp(Finder),
    Host(Box<[Text]>),
    Method(Box<[Box<str>]>),
    Header(Box<[HeaderCondition]>),
    HeaderRegexp(Box<[FieldFinder]>),
    Query(Box<[QueryCondition]>),
    RemoteIp(IpSet),
    ClientIp(IpSet),
    Protocol(ProtocolMatch),
    Vars(Box<[(SubjectText, Box<[Text]>)]>),
    VarsRegexp(Box<[SubjectFinder]>),
    File(FileSearch),
    Expression(Box<ExpressionCondition>),
    Tls { early_data: Option<bool> },
    Not(Conditions),
}

/// A key and the values one of which it must have.
type QueryCondition = (Box<str>, Box<[Text]>);

#[derive(Debug)]
enum PathChoice {
    Fixed(PathPattern),
    Text(Text),
}

impl Conditions {
    /// Compiles a set.
    pub(crate) fn compile(set: &MatcherSet, compiler: &mut Compiler<'_>) -> Self {
        let conditions = set
            .matchers
            .iter()
            .filter_map(|matcher| Condition::compile(matcher, compiler))
            .collect();
        Self {
            name: set.name.as_str().into(),
            conditions,
        }
    }

    /// Whether all of them hold. They may also fail the request: a status and what to log.
    pub(crate) fn hold(&self, facts: &Facts<'_>) -> Result<bool, Failure> {
        for condition in &self.conditions {
            if !condition.holds(facts)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// As [`Conditions::hold`], with the reason.
    pub(crate) fn explain(&self, facts: &Facts<'_>) -> (Result<bool, Failure>, String) {
        for condition in &self.conditions {
            match condition.holds(facts) {
                Ok(true) => {}
                Ok(false) => {
                    let (kind, seen) = condition.seen(facts);
                    let why = format!("`{}` does not hold: {kind} is `{seen}`", self.name);
                    return (Ok(false), why);
                }
                Err((status, message)) => {
                    let why = format!("`{}` fails the request: {message}", self.name);
                    return (Err((status, message)), why);
                }
            }
        }
        (Ok(true), format!("`{}` holds", self.name))
    }

    /// What the path must be for the conditions to hold, where that can be looked up.
    pub(crate) fn path_keys(&self) -> Option<Vec<PathKey>> {
        // Another condition in front might fail the request whatever its path.
        let Some(Condition::Path(choices)) = self.conditions.first() else {
            return None;
        };
        choices
            .iter()
            .map(|choice| match choice {
                PathChoice::Fixed(pattern) => pattern.key(),
                PathChoice::Text(_) => None,
            })
            .collect()
    }
}

impl Condition {
    /// Compiles a matcher; `None` after an error.
    fn compile(matcher: &Matcher, compiler: &mut Compiler<'_>) -> Option<Self> {
        Some(match matcher {
            Matcher::Path(patterns) => Self::Path(
                patterns
                    .iter()
                    .filter_map(|pattern| PathChoice::compile(pattern, compiler))
                    .collect(),
            ),
            Matcher::PathRegexp(regexp) => Self::PathRegexp(Finder::compile(regexp, compiler)?),
            Matcher::Host(hosts) => Self::Host(texts(hosts, compiler)),
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
            Matcher::HeaderRegexp(fields) => Self::HeaderRegexp(
                fields
                    .iter()
                    .filter_map(|field| FieldFinder::compile(field, compiler))
                    .collect(),
            ),
            Matcher::Query(keys) => Self::Query(
                keys.iter()
                    .map(|(key, values)| (key.as_str().into(), texts(values, compiler)))
                    .collect(),
            ),
            Matcher::RemoteIp(nets) => Self::RemoteIp(IpSet::new(nets)),
            Matcher::ClientIp(nets) => Self::ClientIp(IpSet::new(nets)),
            Matcher::Protocol(protocol) => Self::Protocol(*protocol),
            Matcher::Vars(pairs) => Self::Vars(
                pairs
                    .iter()
                    .map(|(subject, values)| {
                        let subject = SubjectText::compile(subject, compiler);
                        (subject, texts(values, compiler))
                    })
                    .collect(),
            ),
            Matcher::VarsRegexp(pairs) => Self::VarsRegexp(
                pairs
                    .iter()
                    .filter_map(|pair| SubjectFinder::compile(pair, compiler))
                    .collect(),
            ),
            Matcher::File(search) => Self::File(FileSearch::compile(search, false, compiler)),
            Matcher::Expression(source) => {
                Self::Expression(Box::new(ExpressionCondition::compile(source, compiler)?))
            }
            Matcher::Tls { early_data } => Self::Tls {
                early_data: *early_data,
            },
            Matcher::Not(set) => Self::Not(Conditions::compile(set, compiler)),
        })
    }

    fn holds(&self, facts: &Facts<'_>) -> Result<bool, Failure> {
        let view = &facts.view;
        let head = view.head;
        Ok(match self {
            Self::Path(choices) => choices.iter().any(|choice| choice.matches(facts)),
            Self::PathRegexp(finder) => finder.finds(&facts.cleaned_path(), view),
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
            Self::HeaderRegexp(fields) => fields.iter().all(|field| field.holds(view)),
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
            // All pairs are alternatives, whatever their names.
            Self::Vars(pairs) => pairs.iter().any(|(subject, values)| {
                let value = subject.value(view);
                values.iter().any(|wanted| wanted.render(view) == value)
            }),
            Self::VarsRegexp(pairs) => pairs.iter().any(|pair| pair.holds(view)),
            Self::File(search) => match search.find(view)? {
                Some(hit) => {
                    view.exchange.found().keep_file(hit.file);
                    true
                }
                None => false,
            },
            Self::Expression(expression) => expression.holds(facts)?,
            Self::Tls { early_data } => view.connection.tls.is_some() && *early_data != Some(true),
            Self::Not(conditions) => !conditions.hold(facts)?,
        })
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
            Self::PathRegexp(_) => ("path", lossy(&facts.cleaned_path())),
            Self::HeaderRegexp(fields) => {
                let missing = fields.iter().find(|field| !field.holds(view));
                let seen = missing.map(|field| field.seen(view));
                ("header", seen.unwrap_or_default())
            }
            Self::Vars(pairs) => {
                let values = pairs.iter().map(|(subject, _)| subject.value(view));
                ("value", values.collect::<Vec<_>>().join("`, `"))
            }
            Self::VarsRegexp(pairs) => {
                let values = pairs.iter().map(|pair| pair.seen(view));
                ("value", values.collect::<Vec<_>>().join("`, `"))
            }
            Self::File(_) => ("file", "missing".to_owned()),
            Self::Expression(_) => ("expression", "false".to_owned()),
            Self::Tls { .. } => ("connection", view.connection.scheme().to_owned()),
            Self::Not(_) => ("request", "excluded".to_owned()),
        }
    }
}

impl PathChoice {
    fn compile(template: &Template, compiler: &mut Compiler<'_>) -> Option<Self> {
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

fn texts(templates: &[Template], compiler: &mut Compiler<'_>) -> Box<[Text]> {
    templates
        .iter()
        .map(|template| compiler.emptying(template))
        .collect()
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
