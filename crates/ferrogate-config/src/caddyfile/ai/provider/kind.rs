//! Kinds of providers.

use crate::caddyfile::context::Cx;
use crate::caddyfile::syntax::Token;
use crate::diagnostic::Diagnostic;
use crate::model::ProviderKind;
use crate::suggest::did_you_mean;

/// Kinds that work.
const KINDS: &[(&str, ProviderKind)] = &[
    ("openai", ProviderKind::Openai),
    ("openai-compatible", ProviderKind::OpenaiCompatible),
    ("echo", ProviderKind::Echo),
];

/// Kinds that are known and not there yet, separated by blanks.
const KINDS_LATER: &str = "\
    anthropic gemini vertex-ai bedrock azure-openai azure-foundry mistral cohere groq \
    deepseek together fireworks perplexity xai openrouter ai21 cerebras sambanova \
    deepinfra novita nvidia-nim moonshot qwen hugging-face cloudflare databricks \
    replicate ollama ollama-cloud bedrock-mantle anthropic-aws zai minimax vercel-ai-gateway \
    github-models vllm lm-studio";

/// The kind that a word names.
pub(super) fn named(cx: &mut Cx<'_>, word: &Token) -> Option<ProviderKind> {
    if is_later(&word.text) {
        refuse_kind(cx, word);
        return None;
    }
    let found = KINDS
        .iter()
        .find(|(name, _)| **name == *word.text)
        .map(|&(_, kind)| kind);
    if found.is_none() {
        let shown = cx.shown(word);
        let known = KINDS
            .iter()
            .map(|&(name, _)| name)
            .chain(KINDS_LATER.split(' '));
        cx.say(
            word.at,
            Diagnostic::error("unknown-kind", format!("unknown provider kind `{shown}`"))
                .label("expected `openai`, `openai-compatible` or `echo`")
                .hint(did_you_mean(&shown, known)),
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
    let found = KINDS
        .iter()
        .find(|(kind, _)| **kind == *name.text)
        .map(|&(_, kind)| kind);
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
    fn no_kind_is_listed_twice() {
        let mut names: Vec<&str> = KINDS
            .iter()
            .map(|&(name, _)| name)
            .chain(KINDS_LATER.split(' '))
            .collect();
        names.sort_unstable();
        assert!(
            names
                .iter()
                .all(|name| name.len() > 2 && !name.ends_with('-')),
            "{names:?}"
        );
        names
            .windows(2)
            .for_each(|pair| assert_ne!(pair[0], pair[1]));
    }
}
