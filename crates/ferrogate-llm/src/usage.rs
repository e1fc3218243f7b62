//! Usage, as OpenAI's API reports it.

use ferrogate_types::Usage;
use serde::Deserialize;

/// The `usage` object of chat and completions (`prompt_tokens`), of embeddings (no output) and of the
/// Responses API (`input_tokens`). Source: OpenAI's OpenAPI document, `CompletionUsage`, `ResponseUsage`.
#[derive(Deserialize)]
struct WireUsage {
    #[serde(alias = "input_tokens")]
    prompt_tokens: Option<u64>,
    #[serde(alias = "output_tokens")]
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    #[serde(alias = "input_tokens_details")]
    prompt_tokens_details: Option<InputDetails>,
    #[serde(alias = "output_tokens_details")]
    completion_tokens_details: Option<OutputDetails>,
}

#[derive(Default, Deserialize)]
struct InputDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
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
        let input = self.prompt_tokens?;
        let output = self
            .completion_tokens
            .or_else(|| self.total_tokens.map(|total| total.saturating_sub(input)))
            .unwrap_or_default();
        let details = self.prompt_tokens_details.unwrap_or_default();
        Some(Usage {
            input,
            cached_input: details.cached_tokens.unwrap_or_default().min(input),
            cache_write: details.cache_write_tokens.unwrap_or_default(),
            output,
            reasoning: self
                .completion_tokens_details
                .unwrap_or_default()
                .reasoning_tokens
                .unwrap_or_default(),
        })
    }
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
                cache_write: 0,
                output: 10,
                reasoning: 3
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
