//! What is done to a field.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use regex::Regex;
use sha2::{Digest as _, Sha256};

use crate::event::Field;

/// What is done to a field.
#[derive(Clone, Debug)]
pub struct FieldFilter {
    /// The way to the field through the objects around it; names of fields of HTTP in any case.
    pub path: Vec<String>,
    /// What is done.
    pub filter: Filter,
}

/// What is done to a field's value. Of a list, to each element; to numbers and objects, only what is said here of them.
#[derive(Clone, Debug)]
pub enum Filter {
    /// It is left out, whatever it is.
    Delete,
    /// It gets another name, whatever it is.
    Rename(String),
    /// It becomes this text, whatever it is.
    Replace(String),
    /// Only the first bits of addresses are kept, also where several stand with commas between them.
    IpMask {
        /// Bits of IPv4, at most 32; `None` leaves these addresses as they are.
        ipv4: Option<u8>,
        /// Bits of IPv6, at most 128; `None` leaves these addresses as they are.
        ipv6: Option<u8>,
    },
    /// Parameters of a URI are changed.
    Query(Vec<NamedFilter>),
    /// Cookies are changed.
    Cookie(Vec<NamedFilter>),
    /// Matches of these expressions are replaced, one after the other.
    Regexp(Vec<(Regex, String)>),
    /// The first 8 hexadecimal digits of its SHA-256.
    Hash,
}

/// What is done to a parameter or cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFilter {
    /// Its name.
    pub name: String,
    /// What is done.
    pub action: NamedAction,
}

/// What is done to a parameter or cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedAction {
    /// It is left out.
    Delete,
    /// Its value becomes this text.
    Replace(String),
    /// Its value becomes the first 8 hexadecimal digits of its SHA-256.
    Hash,
}

/// An expression of a filter that cannot be compiled.
#[derive(Debug, thiserror::Error)]
#[error("the expression `{pattern}` of a log filter cannot be used")]
pub struct FilterError {
    /// The expression.
    pub pattern: String,
    /// Why.
    #[source]
    pub source: Box<regex::Error>,
}

impl Filter {
    /// Replaces matches; `$1` and `${name}` in the replacement are groups.
    pub fn regexp(rules: &[(String, String)]) -> Result<Self, FilterError> {
        let compiled = rules.iter().map(|(find, replace)| {
            let regex = Regex::new(find).map_err(|source| FilterError {
                pattern: find.clone(),
                source: Box::new(source),
            })?;
            Ok((regex, replace.clone()))
        });
        compiled.collect::<Result<_, _>>().map(Self::Regexp)
    }

    /// The value in the place of this one.
    pub(super) fn change<'a>(&self, value: Field<'a>) -> Field<'a> {
        match (self, value) {
            (Self::Replace(text), _) => Field::Text(Cow::Owned(text.clone())),
            (_, Field::Text(text)) => Field::Text(self.text(text)),
            (_, Field::List(items)) => {
                Field::List(items.into_iter().map(|item| self.text(item)).collect())
            }
            (_, value) => value,
        }
    }

    fn text<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        match self {
            Self::Delete | Self::Rename(_) => text,
            Self::Replace(with) => Cow::Owned(with.clone()),
            Self::IpMask { ipv4, ipv6 } => {
                let masked: Vec<String> = text
                    .split(',')
                    .map(|address| mask(address.trim(), *ipv4, *ipv6))
                    .collect();
                Cow::Owned(masked.join(", "))
            }
            Self::Query(filters) => Cow::Owned(query(&text, filters)),
            Self::Cookie(filters) => Cow::Owned(cookies(&text, filters)),
            Self::Regexp(rules) => rules.iter().fold(text, |text, (regex, replace)| {
                match regex.replace_all(&text, replace.as_str()) {
                    Cow::Borrowed(_) => text,
                    Cow::Owned(changed) => Cow::Owned(changed),
                }
            }),
            Self::Hash => Cow::Owned(hash(&text)),
        }
    }
}

impl FieldFilter {
    /// Whether it is for this member of the object at the path.
    pub(super) fn is_at(&self, path: &[String], key: &str) -> bool {
        let Some((last, above)) = self.path.split_last() else {
            return false;
        };
        above.len() == path.len()
            && same(last, key)
            && above.iter().zip(path).all(|(a, b)| same(a, b))
    }

    /// Whether it leaves out the object at this path, or one around it.
    pub(super) fn drops(&self, path: &[&str]) -> bool {
        matches!(self.filter, Filter::Delete)
            && self.path.len() <= path.len()
            && self.path.iter().zip(path).all(|(a, b)| same(a, b))
    }
}

/// Names of fields of HTTP are the same in any case.
fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut hex = String::with_capacity(8);
    for byte in digest.iter().take(4) {
        // Writing to a string cannot fail.
        let _written = write!(hex, "{byte:02x}");
    }
    hex
}

/// An address, with or without a port, cut to its first bits; what is no address stays.
fn mask(text: &str, ipv4: Option<u8>, ipv6: Option<u8>) -> String {
    let (host, port) = match text.parse::<std::net::SocketAddr>() {
        Ok(address) => (Ok(address.ip()), Some(address.port())),
        Err(_) => (text.parse::<IpAddr>(), None),
    };
    let masked = match host {
        Ok(IpAddr::V4(address)) => ipv4.map(|bits| {
            let shift = 32_u32.saturating_sub(bits.into());
            let kept = u32::MAX.checked_shl(shift).unwrap_or(0);
            IpAddr::V4((u32::from(address) & kept).into())
        }),
        Ok(IpAddr::V6(address)) => ipv6.map(|bits| {
            let shift = 128_u32.saturating_sub(bits.into());
            let kept = u128::MAX.checked_shl(shift).unwrap_or(0);
            IpAddr::V6((u128::from(address) & kept).into())
        }),
        Err(_) => None,
    };
    match (masked, port) {
        (None, _) => text.to_owned(),
        (Some(masked), None) => masked.to_string(),
        (Some(masked), Some(port)) => std::net::SocketAddr::new(masked, port).to_string(),
    }
}

/// A URI with parameters changed. Unlike Caddy's, parameters that no filter names stay as and where they were.
fn query(uri: &str, filters: &[NamedFilter]) -> String {
    let Some((path, query)) = uri.split_once('?') else {
        return uri.to_owned();
    };
    let kept: Vec<Cow<'_, str>> = query
        .split('&')
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = decoded(name);
            let changed = apply(filters, &decoded, || self::decoded(value).into_owned())?;
            Some(match changed {
                None => Cow::Borrowed(pair),
                Some(value) => {
                    let value = utf8_percent_encode(&value, NON_ALPHANUMERIC);
                    Cow::Owned(format!("{name}={value}"))
                }
            })
        })
        .collect();
    if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaces = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaces).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(text).decode_utf8_lossy()
}

/// The value of a `Cookie` field with cookies changed.
fn cookies(text: &str, filters: &[NamedFilter]) -> String {
    let kept: Vec<Cow<'_, str>> = text
        .split(';')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let changed = apply(filters, name, || value.to_owned())?;
            Some(match changed {
                None => Cow::Borrowed(pair),
                Some(value) => Cow::Owned(format!("{name}={value}")),
            })
        })
        .collect();
    kept.join("; ")
}

/// What becomes of a named value: `None` leaves it out, `Some(None)` leaves it as it is.
#[expect(
    clippy::option_option,
    reason = "left out and left alone are different things, and each caller matches both at once"
)]
fn apply(
    filters: &[NamedFilter],
    name: &str,
    value: impl Fn() -> String,
) -> Option<Option<String>> {
    let mut changed: Option<String> = None;
    for filter in filters.iter().filter(|filter| filter.name == name) {
        match &filter.action {
            NamedAction::Delete => return None,
            NamedAction::Replace(text) => changed = Some(text.clone()),
            NamedAction::Hash => changed = Some(hash(&changed.unwrap_or_else(&value))),
        }
    }
    Some(changed)
}

#[cfg(test)]
mod tests;
