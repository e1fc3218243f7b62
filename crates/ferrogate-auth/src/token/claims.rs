//! What a token says.

use ferrogate_types::{ScopeSet, TenantId};
use serde_json::Value;

use super::issuer::IssuerSpec;
use super::{TokenError, TokenIdentity};

/// Which claims of a token mean what here.
///
/// A claim is named by its name, or by a path with dots where there is none of that name: `realm_access.roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimMapping {
    /// The claim with the tenant's id; where it is set, a token without it is refused.
    pub tenant: Option<String>,
    /// The tenant of every token, where no claim names it.
    pub default_tenant: Option<TenantId>,
    /// The claim with the user's id.
    pub user: String,
    /// The claim with what the bearer may do: words in a text, or an array of them.
    pub scopes: Option<String>,
    /// What those words mean here. A word that is not among these means the scope of that name, if there is one.
    pub scope_words: Vec<(String, ScopeSet)>,
    /// What every bearer may do.
    pub default_scopes: ScopeSet,
}

impl Default for ClaimMapping {
    /// The subject is the user, and nobody may do anything.
    fn default() -> Self {
        Self {
            tenant: None,
            default_tenant: None,
            user: "sub".to_owned(),
            scopes: None,
            scope_words: Vec::new(),
            default_scopes: ScopeSet::EMPTY,
        }
    }
}

/// Who says to have issued the token.
pub(super) fn issuer(payload: &Value) -> Result<&str, TokenError> {
    text(payload, "iss")
}

/// Whose token it is, after its signature was found right.
pub(super) fn read(
    payload: &Value,
    spec: &IssuerSpec,
    now: u64,
) -> Result<TokenIdentity, TokenError> {
    let skew = spec.skew.as_secs();
    if issuer(payload)? != spec.issuer {
        return Err(TokenError::Issuer);
    }
    let expires = time(payload, "exp")?
        .ok_or_else(|| TokenError::Claim("exp".to_owned()))?
        .saturating_add(skew);
    if expires <= now {
        return Err(TokenError::Expired);
    }
    for name in ["nbf", "iat"] {
        if time(payload, name)?.is_some_and(|at| at > now.saturating_add(skew)) {
            return Err(TokenError::NotYet);
        }
    }
    let meant = words(payload.get("aud"), false);
    if !spec
        .audiences
        .iter()
        .any(|ours| meant.contains(&ours.as_str()))
    {
        return Err(TokenError::Audience);
    }
    let mapping = &spec.mapping;
    let tenant = match &mapping.tenant {
        Some(name) => Some(parsed(payload, name)?),
        None => mapping.default_tenant.clone(),
    };
    let user = match claim(payload, &mapping.user) {
        Some(_) => Some(parsed(payload, &mapping.user)?),
        None => None,
    };
    let granted = mapping
        .scopes
        .as_deref()
        .map_or_else(Vec::new, |name| words(claim(payload, name), true));
    let scopes = granted
        .into_iter()
        .flat_map(|word| meaning(mapping, word).iter())
        .chain(mapping.default_scopes.iter())
        .collect();
    Ok(TokenIdentity {
        issuer: spec.issuer.clone(),
        subject: text(payload, "sub")?.to_owned(),
        tenant,
        user,
        scopes,
        expires,
    })
}

fn meaning(mapping: &ClaimMapping, word: &str) -> ScopeSet {
    let declared = mapping.scope_words.iter().find(|(of, _)| of == word);
    declared.map_or_else(|| word.parse().into_iter().collect(), |(_, scopes)| *scopes)
}

fn claim<'a>(payload: &'a Value, name: &str) -> Option<&'a Value> {
    payload.get(name).or_else(|| {
        let mut path = name.split('.');
        let first = payload.get(path.next()?)?;
        path.try_fold(first, |value, name| value.get(name))
    })
}

fn text<'a>(payload: &'a Value, name: &str) -> Result<&'a str, TokenError> {
    claim(payload, name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| TokenError::Claim(name.to_owned()))
}

fn parsed<T: std::str::FromStr>(payload: &Value, name: &str) -> Result<T, TokenError> {
    text(payload, name)?
        .parse()
        .map_err(|_| TokenError::Claim(name.to_owned()))
}

/// A time in seconds since 1970, which may have a fraction (RFC 7519 section 2). One of the wrong type is an error, not a
/// time that is missing.
fn time(payload: &Value, name: &str) -> Result<Option<u64>, TokenError> {
    let Some(value) = payload.get(name) else {
        return Ok(None);
    };
    let whole = value.as_u64().or_else(|| {
        let seconds = value.as_f64().filter(|seconds| *seconds >= 0.0)?;
        std::time::Duration::try_from_secs_f64(seconds)
            .ok()
            .map(|time| time.as_secs())
    });
    whole
        .map(Some)
        .ok_or_else(|| TokenError::Claim(name.to_owned()))
}

/// The words of a claim: an array of texts, or one text, which may hold several (RFC 8693 section 4.2).
fn words(value: Option<&Value>, several: bool) -> Vec<&str> {
    match value {
        Some(Value::String(text)) if several => text.split_ascii_whitespace().collect(),
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
