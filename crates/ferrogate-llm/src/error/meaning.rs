//! What a provider's error means for the next step, where its status alone does not tell.

use super::UpstreamFault;

/// What an error means beyond its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The conversation is longer than the model can hold.
    ContextWindow,
    /// The provider does not want to answer this.
    ContentPolicy,
    /// The account has no money or quota left: waiting a moment does not help.
    Quota,
}

/// Codes and types, in lower case.
///
/// Sources: OpenAI's "Error codes" and Azure OpenAI's "Content filtering"; Model Studio's "Error messages"
/// (`DataInspectionFailed`, `Arrearage`); Moonshot's "Error codes"; Z.ai's "Error codes" (1113, 1301);
/// Cloudflare's "Workers AI errors" (3036).
const WORDS: &[(&str, Meaning)] = &[
    ("context_length_exceeded", Meaning::ContextWindow),
    ("content_filter", Meaning::ContentPolicy),
    ("content_policy_violation", Meaning::ContentPolicy),
    ("responsibleaipolicyviolation", Meaning::ContentPolicy),
    ("data_inspection_failed", Meaning::ContentPolicy),
    ("datainspectionfailed", Meaning::ContentPolicy),
    ("1301", Meaning::ContentPolicy),
    ("insufficient_quota", Meaning::Quota),
    ("credit_balance_exhausted", Meaning::Quota),
    ("organization_spend_limit_exceeded", Meaning::Quota),
    ("project_spend_limit_exceeded", Meaning::Quota),
    ("organization_usage_limit_exceeded", Meaning::Quota),
    ("enforced_spend_limit_reached", Meaning::Quota),
    ("exceeded_current_quota_error", Meaning::Quota),
    ("arrearage", Meaning::Quota),
    ("1113", Meaning::Quota),
    ("3036", Meaning::Quota),
];

/// What messages say of it where there is no code, in lower case.
///
/// Sources: Anthropic's "Errors" ("prompt is too long"); Gemini's `INVALID_ARGUMENT` ("The input token count … exceeds
/// the maximum number of tokens allowed"); Bedrock's `ValidationException` ("Input is too long for requested model");
/// vLLM's and DeepSeek's "maximum context length is"; llama.cpp's "exceeds the available context size"; Mistral's "too
/// large for model with … maximum context length"; Anthropic's "credit balance is too low".
const PHRASES: &[(&str, Meaning)] = &[
    ("prompt is too long", Meaning::ContextWindow),
    (
        "exceeds the maximum number of tokens",
        Meaning::ContextWindow,
    ),
    ("input is too long", Meaning::ContextWindow),
    ("maximum context length", Meaning::ContextWindow),
    ("available context size", Meaning::ContextWindow),
    ("exceeds the context window", Meaning::ContextWindow),
    ("credit balance is too low", Meaning::Quota),
];

impl UpstreamFault {
    /// What it means beyond its status, by its code and type and then by its words; `None` for most.
    pub fn meaning(&self) -> Option<Meaning> {
        let said = [self.code.as_deref(), self.kind.as_deref()];
        let by_word = said.into_iter().flatten().find_map(|word| {
            let known = WORDS.iter().find(|row| row.0.eq_ignore_ascii_case(word));
            known.map(|row| row.1)
        });
        by_word.or_else(|| {
            let message = self.message.to_ascii_lowercase();
            let known = PHRASES.iter().find(|row| message.contains(row.0));
            known.map(|row| row.1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_vendors_mean() {
        use Meaning::{ContentPolicy, ContextWindow, Quota};
        let check = |body: &str, expected: Option<Meaning>| {
            assert_eq!(
                UpstreamFault::read(body.as_bytes()).meaning(),
                expected,
                "{body}"
            );
        };
        for (body, expected) in [
            (
                r#"{"error":{"message":"m","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
                ContextWindow,
            ),
            (
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
                ContextWindow,
            ),
            (
                r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"The input token count (9) exceeds the maximum number of tokens allowed (8)."}}"#,
                ContextWindow,
            ),
            (
                r#"{"message":"Input is too long for requested model."}"#,
                ContextWindow,
            ),
            (
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens."}"#,
                ContextWindow,
            ),
            (
                r#"{"error":{"message":"m","type":null,"param":"prompt","code":"content_filter","status":400}}"#,
                ContentPolicy,
            ),
            (
                r#"{"error":{"message":"m","code":"DataInspectionFailed"}}"#,
                ContentPolicy,
            ),
            (
                r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#,
                Quota,
            ),
            (
                r#"{"error":{"message":"m","type":"exceeded_current_quota_error"}}"#,
                Quota,
            ),
            (r#"{"error":{"message":"m","code":1113}}"#, Quota),
        ] {
            check(body, Some(expected));
        }
        check(
            r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#,
            None,
        );
        check("", None);
    }
}
