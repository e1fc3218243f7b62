//! Kinds of providers.

use ferrogate_providers::ProviderKind;

use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;
use crate::suggest::did_you_mean;

/// Kinds that are known and not there yet, separated by blanks; each has an OpenAI-compatible root.
const KINDS_LATER: &str = "\
    bedrock-mantle anthropic-aws zai minimax vercel-ai-gateway github-models baseten nebius";

/// The kind that a word names.
pub(super) fn named(cx: &mut Cx<'_>, word: &Token) -> Option<ProviderKind> {
    if is_later(&word.text) {
        refuse_kind(cx, word);
        return None;
    }
    let found = ProviderKind::named(&word.text);
    if found.is_none() {
        let shown = cx.shown(word);
        let known = ProviderKind::all()
            .map(|kind| kind.row().key)
            .chain(KINDS_LATER.split(' '));
        let hint = match did_you_mean(&shown, known) {
            hint if hint.is_empty() => {
                "`ferrogate providers` lists the kinds; a server of OpenAI's API is `openai-compatible`"
                    .to_owned()
            }
            hint => hint,
        };
        cx.say(
            word.at,
            Diagnostic::error("unknown-kind", format!("unknown provider kind `{shown}`"))
                .label("not a kind of provider")
                .hint(hint),
        );
    }
    found
}

/// The kind of a provider whose name says it.
pub(super) fn from_name(cx: &mut Cx<'_>, name: &Token) -> Option<ProviderKind> {
    if is_later(&name.text) {
        refuse_kind(cx, name);
        return None;
    }
    let found = ProviderKind::named(&name.text);
    if found.is_none() {
        cx.say(
            name.at,
            Diagnostic::error(
                "kind-missing",
                format!("provider `{}` needs a `kind`", cx.shown(name)),
            )
            .label("the name is no kind itself")
            .hint("write `kind openai-compatible` and a `base_url`"),
        );
    }
    found
}

fn refuse_kind(cx: &mut Cx<'_>, word: &Token) {
    cx.say(
        word.at,
        Diagnostic::error("not-available", format!("provider kind `{}` is not available yet", word.text))
            .label("not available yet")
            .hint("where the vendor offers an OpenAI-compatible API, use `kind openai-compatible` and its `base_url`"),
    );
}

fn is_later(word: &str) -> bool {
    KINDS_LATER.split(' ').any(|kind| kind == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_refused() {
        for kind in KINDS_LATER.split(' ') {
            assert!(ProviderKind::named(kind).is_none(), "{kind}");
        }
    }
}
