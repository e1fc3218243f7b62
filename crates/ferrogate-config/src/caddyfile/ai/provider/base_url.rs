//! `base_url`.

use ferrogate_providers::{BaseUrl, ProviderKind};

use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::{Place, Token};
use crate::diagnostic::Diagnostic;

/// The root of a provider's API: as written, as a variable says, or the default of its kind. `name` is shown in
/// messages, `setting` a setting of the provider.
pub(super) fn settle(
    cx: &mut Cx<'_>,
    (name, at): (&str, Place),
    kind: ProviderKind,
    url: Option<(String, Place)>,
    setting: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let row = kind.row();
    if let Some((url, at)) = url {
        if row.base_url == BaseUrl::None {
            cx.say(
                at,
                Diagnostic::error(
                    "alien-option",
                    format!("a provider of kind `{}` has no `base_url`", row.key),
                )
                .label("leave this out"),
            );
            return None;
        }
        return Some(without_version(kind, url));
    }
    let set = |name: &str| (cx.env)(name).filter(|value| !value.is_empty());
    let found = match row.base_url {
        BaseUrl::None => return None,
        BaseUrl::Asked(variables) => variables.iter().find_map(|name| set(name)),
        // The variable holds what a server listens on: maybe without a scheme, maybe every address.
        BaseUrl::Usually(_, variable) => set(variable).map(|host| {
            let host = host.replace("0.0.0.0", "127.0.0.1");
            if host.contains("://") {
                host
            } else if host.contains(':') {
                format!("http://{host}")
            } else {
                format!("http://{host}:11434")
            }
        }),
        BaseUrl::Fixed(_) | BaseUrl::Template(_) => None,
    };
    if let Some(url) = found {
        return Some(without_version(kind, url.trim_end_matches('/').to_owned()));
    }
    if let Some(root) = row.root(&setting) {
        return Some(root);
    }
    // A setting that is missing is told by itself.
    let missing = row
        .settings
        .iter()
        .any(|needed| needed.required && setting(needed.name).is_none());
    if !missing {
        let diagnostic = match row.base_url {
            BaseUrl::Template(_) => Diagnostic::error(
                "invalid-region",
                format!("provider `{name}` has a setting that cannot be part of a host"),
            )
            .label("letters, digits and dashes only"),
            _ => Diagnostic::error(
                "base-url-missing",
                format!("provider `{name}` needs a `base_url`"),
            )
            .label("where is its API?")
            .hint("write for instance `base_url http://localhost:8000/v1`"),
        };
        cx.say(at, diagnostic);
    }
    None
}

/// A root as the vendor's SDK takes it. Where that is the host, a version given with it means the same.
fn without_version(kind: ProviderKind, url: String) -> String {
    if !kind.row().is_rooted_at_host() {
        return url;
    }
    for version in [
        "/openai/v1",
        "/openai",
        "/v1beta",
        "/v1",
        "/v2",
        "/api",
        "/serving-endpoints",
    ] {
        if let Some(root) = url.strip_suffix(version) {
            return root.to_owned();
        }
    }
    url
}

/// A URL as written, without slashes at the end.
pub(super) fn read(cx: &mut Cx<'_>, word: &Token) -> Option<String> {
    let text: &str = &word.text;
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let problem = match rest {
        None => Some("must begin with `http://` or `https://`"),
        Some(rest) if rest.is_empty() || rest.starts_with(['/', ':']) => Some("has no host"),
        Some(rest) if rest.contains(['?', '#']) => Some("must not have a query or a fragment"),
        Some(rest)
            if rest.contains(|c: char| {
                c.is_whitespace() || c.is_control() || "{}\\\"<>".contains(c)
            }) =>
        {
            Some("has characters that no URL has")
        }
        Some(rest)
            if rest
                .split('/')
                .next()
                .is_some_and(|host| host.contains('@')) =>
        {
            Some("must not have credentials in it")
        }
        Some(_) => None,
    };
    if let Some(problem) = problem {
        if text.contains('@') {
            cx.report.redact(word.at.span);
        }
        cx.say(
            word.at,
            Diagnostic::error("invalid-url", format!("the `base_url` {problem}"))
                .label("not the root of an API")
                .hint("write for instance `https://api.openai.com/v1`"),
        );
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}
