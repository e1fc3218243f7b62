//! Usage, as OpenAI's API reports it.

use ferrogate_types::Usage;
use serde::Deserialize;

/// The `usage` object of chat and completions (`prompt_tokens`), of embeddings (no output) and of the
/// Responses API (`input_tokens`); the Realtime API's details are in the singular. Some relays write both names, and
/// nothing under the one that is not meant. Source: OpenAI's OpenAPI document, `CompletionUsage`, `ResponseUsage`,
/// `RealtimeResponse`.
#[derive(Deserialize)]
struct WireUsage {
    prompt_tokens: Option<Count>,
    input_tokens: Option<Count>,
    completion_tokens: Option<Count>,
    output_tokens: Option<Count>,
    total_tokens: Option<Count>,
    prompt_tokens_details: Option<InputDetails>,
    input_tokens_details: Option<InputDetails>,
    input_token_details: Option<InputDetails>,
    completion_tokens_details: Option<OutputDetails>,
    output_tokens_details: Option<OutputDetails>,
    output_token_details: Option<OutputDetails>,
    /// DeepSeek's word for cached tokens.
    prompt_cache_hit_tokens: Option<Count>,
    /// Moonshot's place for them. Source: Moonshot's API reference, "Chat completion", `usage`.
    cached_tokens: Option<Count>,
    /// Perplexity's place for them. Source: Perplexity's API reference, `UsageInfo`.
    reasoning_tokens: Option<Count>,
}

#[derive(Default, Deserialize)]
struct InputDetails {
    cached_tokens: Option<Count>,
    cache_write_tokens: Option<Count>,
    /// Qwen's word for it. Source: Model Studio's documentation, "Context cache".
    cache_creation_input_tokens: Option<Count>,
    audio_tokens: Option<Count>,
    image_tokens: Option<Count>,
}

#[derive(Default, Deserialize)]
struct OutputDetails {
    reasoning_tokens: Option<Count>,
    audio_tokens: Option<Count>,
}

/// A number of tokens, which some vendors write as a float.
#[derive(Clone, Copy, Default)]
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&serde_json::value::RawValue>::deserialize(deserializer)?;
        crate::json::unsigned(raw)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("not a number of tokens"))
    }
}

/// The numbers of a `usage` object; `None` when they make no sense.
pub(crate) fn read_object(json: &[u8]) -> Option<Usage> {
    serde_json::from_slice::<WireUsage>(json).ok()?.into_usage()
}

#[derive(Deserialize)]
struct WithUsage {
    usage: Option<WireUsage>,
    response: Option<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    usage: Option<WireUsage>,
}

/// The usage in a JSON answer or in the data of a stream's event, wherever OpenAI's API puts it: at the top,
/// or within `response` (the Responses API's last event). `None` when there is none or it makes no sense.
pub fn read_usage(json: &[u8]) -> Option<Usage> {
    // Most events of a stream have no usage; looking for the word is cheaper than parsing.
    memchr::memmem::find(json, b"\"usage\"")?;
    let answer: WithUsage = serde_json::from_slice(json).ok()?;
    answer
        .usage
        .or_else(|| answer.response.and_then(|inner| inner.usage))
        .and_then(WireUsage::into_usage)
}

impl WireUsage {
    fn into_usage(self) -> Option<Usage> {
        let count = |count: Option<Count>| count.unwrap_or_default().0;
        let input = either(self.prompt_tokens, self.input_tokens)?;
        let total = self.total_tokens.map(|total| total.0);
        let details = self
            .prompt_tokens_details
            .or(self.input_tokens_details)
            .or(self.input_token_details)
            .unwrap_or_default();
        let made = self
            .completion_tokens_details
            .or(self.output_tokens_details)
            .or(self.output_token_details)
            .unwrap_or_default();
        let told = made.reasoning_tokens.or(self.reasoning_tokens);
        let mut output = either(self.completion_tokens, self.output_tokens)
            .unwrap_or_else(|| total.map_or(0, |total| total.saturating_sub(input)));
        let reasoning = count(told);
        // xAI leaves reasoning out of the completion; the total then tells. Source: xAI's API reference, "usage".
        if reasoning > 0 && total == Some(input.saturating_add(output).saturating_add(reasoning)) {
            output = output.saturating_add(reasoning);
        }
        let cached = details
            .cached_tokens
            .or(self.prompt_cache_hit_tokens)
            .or(self.cached_tokens);
        let written = details
            .cache_write_tokens
            .or(details.cache_creation_input_tokens);
        Some(Usage {
            input,
            cached_input: count(cached).min(input),
            cache_write: count(written),
            output,
            reasoning: reasoning.min(output),
            audio_input: count(details.audio_tokens),
            image_input: count(details.image_tokens),
            audio_output: count(made.audio_tokens),
            ..Usage::default()
        })
    }
}

/// Of one count under two names the one that says something.
fn either(one: Option<Count>, other: Option<Count>) -> Option<u64> {
    let counted = one.filter(|count| count.0 > 0).or(other).or(one);
    counted.map(|count| count.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_place_openai_puts_it() {
        let chat = br#"{"id":"x","usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,
            "prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}}"#;
        assert_eq!(
            read_usage(chat),
            Some(Usage {
                input: 19,
                cached_input: 4,
                output: 10,
                reasoning: 3,
                ..Usage::default()
            })
        );
        let responses = br#"{"type":"response.completed","response":{"usage":{"input_tokens":7,"output_tokens":2,"total_tokens":9}}}"#;
        assert_eq!(
            read_usage(responses).map(|usage| (usage.input, usage.output)),
            Some((7, 2))
        );
        let embeddings = br#"{"data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}"#;
        assert_eq!(
            read_usage(embeddings).map(|usage| (usage.input, usage.output)),
            Some((8, 0))
        );
    }

    #[test]
    fn reads_what_vendors_and_relays_make_of_it() {
        let check = |json: &str, expected: Usage| {
            assert_eq!(read_object(json.as_bytes()), Some(expected), "{json}");
        };
        let plain = Usage {
            input: 30,
            output: 12,
            ..Usage::default()
        };
        check(
            r#"{"prompt_tokens":30,"completion_tokens":12,"total_tokens":42,"prompt_tokens_details":{"cached_tokens":0},
            "input_tokens":0,"output_tokens":0,"input_tokens_details":null}"#,
            plain,
        );
        check(
            r#"{"input_tokens":30,"output_tokens":12,"prompt_tokens":0,"completion_tokens":0}"#,
            plain,
        );
        let cached = Usage {
            cached_input: 20,
            ..plain
        };
        check(
            r#"{"prompt_tokens":30,"completion_tokens":12,"total_tokens":42,"cached_tokens":20}"#,
            cached,
        );
        check(
            r#"{"prompt_tokens":30,"completion_tokens":12,"prompt_cache_hit_tokens":20,"prompt_cache_miss_tokens":10}"#,
            cached,
        );
        check(
            r#"{"prompt_tokens":30,"completion_tokens":12,"prompt_tokens_details":{"cached_tokens":20,"cache_creation_input_tokens":5}}"#,
            Usage {
                cache_write: 5,
                ..cached
            },
        );
        check(
            r#"{"prompt_tokens":30,"completion_tokens":12,"total_tokens":42,"reasoning_tokens":7}"#,
            Usage {
                reasoning: 7,
                ..plain
            },
        );
    }

    #[test]
    fn null_or_nonsense_is_none() {
        for json in [
            r#"{"usage":null}"#,
            r#"{"usage":{}}"#,
            r#"{"usage":{"prompt_tokens":-1}}"#,
            r#"{"choices":[{"delta":{"content":"\"usage\""}}]}"#,
            "\"usage\"",
        ] {
            assert_eq!(read_usage(json.as_bytes()), None, "{json}");
        }
    }
}
