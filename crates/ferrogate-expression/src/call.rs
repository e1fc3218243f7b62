//! The matchers that expressions call as functions.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use ferrogate_types::Template;
use ferrogate_types::route::{
    FileMatch, HeaderMatch, HeaderRegexp, Matcher, NamedRegexp, ProtocolMatch, Subject,
    TextPattern, TryPolicy, VarsRegexp,
};
use ipnet::IpNet;
use regex::bytes::Regex;

/// The functions that stand for matchers.
pub const MATCHER_FUNCTIONS: &[&str] = &[
    "client_ip",
    "expression",
    "file",
    "header",
    "header_regexp",
    "host",
    "method",
    "path",
    "path_regexp",
    "protocol",
    "query",
    "remote_ip",
    "vars",
    "vars_regexp",
];

/// Private networks, as `private_ranges` means them.
const PRIVATE: [&str; 6] = [
    "192.168.0.0/16",
    "172.16.0.0/12",
    "10.0.0.0/8",
    "127.0.0.1/8",
    "fd00::/8",
    "::1",
];

/// Builds the matcher of a call; an error continues the function's name.
pub(crate) fn matcher(function: &str, arguments: &[IdedExpr]) -> Result<Matcher, String> {
    Ok(match function {
        "path" => Matcher::Path(templates(&texts(arguments)?)),
        "host" => Matcher::Host(templates(&texts(arguments)?)),
        "method" => Matcher::Method(
            texts(arguments)?
                .iter()
                .map(|method| method.to_uppercase())
                .collect(),
        ),
        "remote_ip" => Matcher::RemoteIp(ranges(&texts(arguments)?)?),
        "client_ip" => Matcher::ClientIp(ranges(&texts(arguments)?)?),
        "protocol" => match &*texts(arguments)? {
            [name] => Matcher::Protocol(protocol(name)?),
            _ => return Err("takes one protocol".to_owned()),
        },
        "header" => Matcher::Header(
            entries(arguments)?
                .into_iter()
                .map(|(field, values)| HeaderMatch {
                    field: field.to_lowercase(),
                    values: values.iter().map(|value| pattern(value)).collect(),
                })
                .collect(),
        ),
        "query" => Matcher::Query(
            entries(arguments)?
                .into_iter()
                .map(|(key, values)| (key.to_owned(), templates(&values)))
                .collect(),
        ),
        "vars" => Matcher::Vars(
            entries(arguments)?
                .into_iter()
                .map(|(name, values)| (subject(name), templates(&values)))
                .collect(),
        ),
        "path_regexp" => match &*texts(arguments)? {
            [expression] => Matcher::PathRegexp(regexp(None, expression)?),
            [name, expression] => Matcher::PathRegexp(regexp(Some(name), expression)?),
            _ => return Err("takes a name, if any, and an expression".to_owned()),
        },
        "header_regexp" => {
            let (field, regexp) = named(arguments, "field")?;
            Matcher::HeaderRegexp(vec![HeaderRegexp {
                field: field.to_lowercase(),
                regexp,
            }])
        }
        "vars_regexp" => {
            let (name, regexp) = named(arguments, "variable")?;
            Matcher::VarsRegexp(vec![VarsRegexp {
                subject: subject(name),
                regexp,
            }])
        }
        "file" => file(arguments)?,
        _ => return Err("cannot be called in an expression".to_owned()),
    })
}

/// A text that is written out.
pub(crate) fn text(argument: &IdedExpr) -> Option<&str> {
    match &argument.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// Texts, each written out or several in a list; at least one.
fn texts(arguments: &[IdedExpr]) -> Result<Vec<&str>, String> {
    let mut all = Vec::new();
    for argument in arguments {
        match &argument.expr {
            Expr::List(list) => all.extend(list.elements.iter().map(text)),
            _ => all.push(text(argument)),
        }
    }
    if all.is_empty() {
        return Err("needs an argument".to_owned());
    }
    let all: Option<Vec<&str>> = all.into_iter().collect();
    all.ok_or_else(|| "takes only texts that are written out".to_owned())
}

/// The entries of one map from texts to texts or lists of them.
fn entries(arguments: &[IdedExpr]) -> Result<Vec<(&str, Vec<&str>)>, String> {
    let problem = || "takes a map of texts, like {'key': ['value']}".to_owned();
    let [
        IdedExpr {
            expr: Expr::Map(map),
            ..
        },
    ] = arguments
    else {
        return Err(problem());
    };
    map.entries
        .iter()
        .map(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => {
                let key = text(&entry.key).ok_or_else(problem)?;
                let values = match &entry.value.expr {
                    Expr::List(list) if list.elements.is_empty() => Vec::new(),
                    _ => texts(std::slice::from_ref(&entry.value)).map_err(|_| problem())?,
                };
                Ok((key, values))
            }
            EntryExpr::StructField(_) => Err(problem()),
        })
        .collect()
}

fn templates(texts: &[&str]) -> Vec<Template> {
    texts.iter().map(|text| Template::from(*text)).collect()
}

/// What is looked at and how, from two or three texts of which the first is the name of the groups.
fn named<'a>(arguments: &'a [IdedExpr], what: &str) -> Result<(&'a str, NamedRegexp), String> {
    match &*texts(arguments)? {
        [subject, expression] => Ok((*subject, regexp(None, expression)?)),
        [name, subject, expression] => Ok((*subject, regexp(Some(name), expression)?)),
        _ => Err(format!("takes a name, if any, a {what} and an expression")),
    }
}

fn regexp(name: Option<&str>, pattern: &str) -> Result<NamedRegexp, String> {
    if Regex::new(pattern).is_err() {
        return Err(format!("has an invalid expression `{pattern}`"));
    }
    Ok(NamedRegexp {
        name: name.filter(|name| !name.is_empty()).map(str::to_owned),
        pattern: pattern.to_owned(),
    })
}

fn subject(name: &str) -> Subject {
    if name.starts_with('{') && name.ends_with('}') {
        Subject::Text(name.into())
    } else {
        Subject::Variable(name.to_owned())
    }
}

fn pattern(value: &str) -> TextPattern {
    let inner = value.strip_prefix('*');
    match (inner, value.strip_suffix('*')) {
        (Some(""), _) => TextPattern::Any,
        (Some(inner), Some(_)) => {
            TextPattern::Contains(inner.strip_suffix('*').unwrap_or(inner).into())
        }
        (Some(suffix), None) => TextPattern::Suffix(suffix.into()),
        (None, Some(prefix)) => TextPattern::Prefix(prefix.into()),
        (None, None) => TextPattern::Exact(value.into()),
    }
}

fn ranges(texts: &[&str]) -> Result<Vec<IpNet>, String> {
    let expanded = texts.iter().flat_map(|text| match *text {
        "private_ranges" => PRIVATE.as_slice(),
        _ => std::slice::from_ref(text),
    });
    expanded
        .map(|text| {
            text.parse()
                .or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()))
                .map_err(|_| format!("has `{text}`, which is no address or range"))
        })
        .collect()
}

fn protocol(name: &str) -> Result<ProtocolMatch, String> {
    let (base, or_newer) = match name.strip_suffix('+') {
        Some(base) => (base, true),
        None => (name, false),
    };
    let version = |version| ProtocolMatch::Version { version, or_newer };
    Ok(match base {
        "http" if !or_newer => ProtocolMatch::Http,
        "https" if !or_newer => ProtocolMatch::Https,
        "grpc" if !or_newer => ProtocolMatch::Grpc,
        "http/1.0" => version(10),
        "http/1.1" => version(11),
        "http/2" => version(20),
        "http/3" => version(30),
        _ => return Err(format!("has `{name}`, which is no protocol")),
    })
}

/// `file('/a', '/b')` or `file({'root': …, 'try_files': […], 'try_policy': …, 'split_path': […]})`.
fn file(arguments: &[IdedExpr]) -> Result<Matcher, String> {
    let mut search = FileMatch {
        root: None,
        files: Vec::new(),
        policy: TryPolicy::FirstExist,
        otherwise: None,
        split_path: Vec::new(),
    };
    if let [argument] = arguments
        && matches!(argument.expr, Expr::Map(_))
    {
        for (key, values) in entries(arguments)? {
            match (key, &*values) {
                ("root", [root]) => search.root = Some((*root).into()),
                ("try_files", files) => search.files = templates(files),
                ("try_policy", [policy]) => {
                    search.policy = match *policy {
                        "first_exist" => TryPolicy::FirstExist,
                        "first_exist_fallback" => TryPolicy::FirstExistFallback,
                        "smallest_size" => TryPolicy::SmallestSize,
                        "largest_size" => TryPolicy::LargestSize,
                        "most_recently_modified" => TryPolicy::MostRecentlyModified,
                        _ => return Err(format!("has `{policy}`, which is no policy")),
                    }
                }
                ("split_path", splits) => {
                    search.split_path = splits.iter().map(|split| (*split).to_owned()).collect();
                }
                _ => return Err(format!("has no setting `{key}`")),
            }
        }
    } else if !arguments.is_empty() {
        search.files = templates(&texts(arguments)?);
    }
    Ok(Matcher::File(search))
}
