//! `base_url`.

use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::{Place, Token};
use crate::diagnostic::Diagnostic;
use crate::model::ProviderKind;

const OPENAI_URL: &str = "https://api.openai.com/v1";

/// The root of a provider's API: as written, or the default of its kind.
pub(super) fn settle(
    cx: &mut Cx<'_>,
    name: &Token,
    kind: ProviderKind,
    url: Option<(String, Place)>,
) -> Option<String> {
    match (kind, url) {
        (ProviderKind::Echo, Some((_, at))) => {
            cx.say(
                at,
                Diagnostic::error(
                    "alien-option",
                    "a provider of kind `echo` has no `base_url`",
                )
                .label("leave this out"),
            );
            None
        }
        (ProviderKind::OpenaiCompatible, None) => {
            cx.say(
                name.at,
                Diagnostic::error(
                    "base-url-missing",
                    format!("provider `{}` needs a `base_url`", cx.shown(name)),
                )
                .label("where is its API?")
                .hint("write for instance `base_url http://localhost:8000/v1`"),
            );
            None
        }
        (ProviderKind::Openai, None) => Some(OPENAI_URL.to_owned()),
        (_, url) => url.map(|(url, _)| url),
    }
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
