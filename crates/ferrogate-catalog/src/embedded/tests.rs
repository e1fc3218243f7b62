use std::collections::HashSet;

use ferrogate_llm::ThinkingStyle;
use ferrogate_types::Price;

use crate::{Bucket, Catalog, Mode, ModelRow, Status, Tier};

#[test]
fn every_row_can_be_checked() {
    let catalog = Catalog::embedded();
    for row in catalog.iter() {
        let name = format!("{}/{}", row.provider, row.id);
        let source = row.source.as_deref().unwrap_or_default();
        assert!(source.starts_with("https://"), "{name} has no source");
        assert!(row.as_of.is_some(), "{name} has no date");
        assert_ne!(row.lifecycle.status, Status::Retired, "{name}");
        if let (Some(deprecated), Some(sunset)) = (row.lifecycle.deprecated, row.lifecycle.sunset) {
            assert!(deprecated <= sunset, "{name}");
        }
        assert!(row.context_window.is_none_or(|n| n <= 20_000_000), "{name}");
        assert!(
            row.max_output_tokens.is_none_or(|n| n <= 1_000_000),
            "{name}"
        );
    }
}

#[test]
fn every_provider_of_the_table_is_there() {
    let catalog = Catalog::embedded();
    let providers: HashSet<&str> = catalog.iter().map(|row| &*row.provider).collect();
    for provider in "openai anthropic gemini vertex-ai bedrock azure-openai cohere mistral groq deepseek together \
         perplexity fireworks ai21 xai openrouter cerebras moonshot qwen cloudflare deepinfra nvidia-nim sambanova \
         novita databricks hugging-face replicate ollama-cloud"
        .split_whitespace()
    {
        assert!(providers.contains(provider), "{provider} has no models");
    }
    assert!(catalog.len() > 900, "{} rows", catalog.len());
}

/// The dearest price that is believed, in dollars.
const LIMIT: &str = "10000";

#[test]
fn prices_are_sane() {
    let limit: Price = LIMIT.parse().unwrap();
    let mut faults = Vec::new();
    for row in Catalog::embedded().iter() {
        for quote in row.prices.quotes() {
            if quote.price >= limit {
                faults.push(format!("{}/{} {quote:?} is too dear", row.provider, row.id));
            }
        }
        for &tier in Tier::ALL {
            faults.extend(disorder(row, tier));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// What is odd about a row's prices in a tier: cached input dearer than fresh, a long prompt cheaper than a short one.
fn disorder(row: &ModelRow, tier: Tier) -> Vec<String> {
    let mut odd = Vec::new();
    let thresholds: HashSet<u64> = row
        .prices
        .quotes()
        .iter()
        .map(|quote| quote.above_prompt_tokens)
        .collect();
    for &above in &thresholds {
        let rate = |bucket| row.prices.rate(bucket, tier, above + 1);
        let name = format!("{}/{} {} >{above}", row.provider, row.id, tier.as_str());
        if rate(Bucket::CachedInput) > rate(Bucket::Input) {
            odd.push(format!("{name}: cached input is dearer than fresh"));
        }
        for &bucket in Bucket::ALL {
            if rate(bucket) < row.prices.rate(bucket, tier, 0) {
                odd.push(format!("{name}: {} is cheaper when long", bucket.as_str()));
            }
        }
        // A threshold has a price for every kind of token the row has one for. Tokens of pictures made cost the same
        // after any prompt, and two resellers state no price of cached input after a long one.
        let silent = ["databricks", "perplexity"].contains(&&*row.provider);
        for &bucket in Bucket::ALL {
            let excused =
                bucket == Bucket::ImageOutput || (silent && bucket == Bucket::CachedInput);
            let quoted = |above| {
                row.prices.quotes().iter().any(|quote| {
                    (quote.bucket, quote.tier, quote.above_prompt_tokens)
                        == (bucket, Tier::Standard, above)
                })
            };
            if tier == Tier::Standard
                && bucket.is_tokens()
                && !excused
                && quoted(0)
                && !quoted(above)
            {
                odd.push(format!("{name}: {} has no price", bucket.as_str()));
            }
        }
    }
    odd
}

#[test]
fn families_describe_the_models_they_name() {
    use ThinkingStyle::{
        Adaptive, AdaptiveAlways, Budget, Effort, GeminiBudget, GeminiLevel, None, Toggle, Unknown,
    };
    for (provider, model, thinking, refused) in [
        (
            "anthropic",
            "claude-opus-4-5-20251101",
            Budget,
            "while_thinking system",
        ),
        (
            "anthropic",
            "claude-opus-4-6",
            Adaptive,
            "while_thinking prefill system",
        ),
        (
            "anthropic",
            "claude-opus-4-8",
            Adaptive,
            "sampling while_thinking prefill",
        ),
        (
            "anthropic",
            "claude-opus-5",
            Adaptive,
            "sampling while_thinking prefill",
        ),
        (
            "anthropic",
            "claude-opus-5-5",
            AdaptiveAlways,
            "off sampling while_thinking forced prefill",
        ),
        (
            "bedrock",
            "eu.anthropic.claude-fable-5-1",
            AdaptiveAlways,
            "off sampling while_thinking forced prefill urls",
        ),
        (
            "bedrock",
            "anthropic.claude-sonnet-4-20250514-v1:0",
            Budget,
            "while_thinking schema system urls",
        ),
        (
            "openrouter",
            "anthropic/claude-sonnet-4.5",
            Budget,
            "while_thinking system",
        ),
        (
            "vertex-ai",
            "claude-3-7-sonnet@20250219",
            Budget,
            "while_thinking schema system",
        ),
        ("openai", "gpt-4o-2024-08-06", None, ""),
        (
            "openai",
            "gpt-5.4-2026-03-05",
            Effort,
            "while_thinking prefill max_tokens",
        ),
        (
            "openai",
            "gpt-6-astra",
            Effort,
            "off sampling while_thinking prefill max_tokens",
        ),
        (
            "azure-openai",
            "o4-mini",
            Effort,
            "off sampling while_thinking parallel prefill max_tokens",
        ),
        ("openai", "o9-mini", Unknown, ""),
        (
            "gemini",
            "models/gemini-2.5-flash-lite",
            GeminiBudget,
            "ids",
        ),
        ("gemini", "gemini-2.5-pro", GeminiBudget, "off ids"),
        (
            "gemini",
            "gemini-3.8-flash",
            GeminiLevel,
            "off sampling while_thinking",
        ),
        ("deepseek", "deepseek-v4-pro", Toggle, ""),
        ("nobody", "nothing", Unknown, ""),
    ] {
        let traits = Catalog::embedded().traits(provider, model);
        let said: Vec<&str> = [
            ("off", traits.thinking_off),
            ("sampling", traits.sampling),
            ("while_thinking", traits.sampling_while_thinking),
            ("forced", traits.forced_tool_choice),
            ("schema", traits.json_schema),
            ("parallel", traits.parallel_tools),
            ("prefill", traits.prefill),
            // Of other models nobody says it, and it is not asked.
            (
                "system",
                traits.system_in_messages || !model.contains("claude"),
            ),
            ("ids", traits.call_ids),
            ("urls", traits.image_urls),
            ("max_tokens", !traits.max_completion_tokens),
        ]
        .into_iter()
        .filter(|(_, taken)| !taken)
        .map(|(word, _)| word)
        .collect();
        assert_eq!(traits.thinking, thinking, "{provider}/{model}");
        assert_eq!(said.join(" "), refused, "{provider}/{model}");
    }
}

#[test]
fn modes_are_what_the_surfaces_need() {
    for (provider, model, mode) in [
        ("openai", "text-embedding-3-small", Mode::Embedding),
        ("openai", "whisper-1", Mode::Transcription),
        ("openai", "gpt-image-2", Mode::Image),
        ("openai", "tts-1", Mode::Speech),
        ("openai", "omni-moderation-latest", Mode::Moderation),
        ("openai", "gpt-realtime-2", Mode::Realtime),
        ("openai", "gpt-5.5-pro", Mode::Responses),
        ("cohere", "rerank-v4.0-pro", Mode::Rerank),
    ] {
        let row = Catalog::embedded().get(provider, model).unwrap();
        assert_eq!(row.mode, mode, "{model}");
    }
}
