//! The tokens of a conversation, counted by a provider before it is held.
//!
//! Two dialects have it: Anthropic's `count_tokens` and Google's `countTokens`. What only concerns the answer is left
//! out of what is counted.

use crate::chat::ChatRequest;
use crate::json::{Object, Writer};
use crate::protocol::{Address, TargetProfile, Untranslatable};
use crate::{DecodeError, Dialect, Lossy, UpstreamFault, anthropic, gemini};

/// Reads a caller's request for a count as the conversation it is about.
pub fn read_request<'a>(
    dialect: Dialect,
    body: &'a [u8],
    address: Address<'a>,
) -> Result<ChatRequest<'a>, DecodeError> {
    match dialect {
        Dialect::Gemini => gemini::read_count_tokens(body, address),
        _ => dialect.protocol().read_request(body, address),
    }
}

/// Writes a request for a count. `wrapped` is how the Gemini API wants it, where Vertex AI takes it bare.
pub fn write_request(
    dialect: Dialect,
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    wrapped: bool,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    if dialect == Dialect::Anthropic {
        return anthropic::write_count_tokens(request, target, lossy);
    }
    let body = dialect.protocol().write_request(request, target, lossy)?;
    if !wrapped {
        return Ok(body);
    }
    let mut w = Writer::with_capacity(body.len() + 64);
    w.open().key("generateContentRequest").open();
    w.text("model", &format!("models/{}", target.model));
    if let Ok(inner) = Object::parse(&body) {
        w.rest(&inner);
    }
    w.close().close();
    Ok(w.into_bytes())
}

/// Reads how many tokens a provider counted.
pub fn read_answer(dialect: Dialect, body: &[u8]) -> Result<u64, UpstreamFault> {
    if dialect == Dialect::Anthropic {
        return anthropic::read_count_tokens(body);
    }
    if let Some(fault) = UpstreamFault::in_answer(body) {
        return Err(fault);
    }
    Object::parse(body)
        .ok()
        .and_then(|mut object| object.unsigned("totalTokens").ok()?)
        .ok_or_else(|| UpstreamFault::because("the answer has no `totalTokens`"))
}

/// Writes the answer for a caller.
pub fn write_answer(dialect: Dialect, tokens: u64) -> Vec<u8> {
    match dialect {
        Dialect::Gemini => gemini::write_count_tokens(tokens),
        _ => anthropic::count_tokens_json(tokens),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelTraits;

    #[test]
    fn what_one_asks_the_other_counts() {
        let traits = ModelTraits::default();
        let target = TargetProfile {
            model: "up",
            traits: &traits,
            quirks: &[],
        };
        let address = || Address {
            model: Some("asked".into()),
            stream: false,
        };
        let from_anthropic = br#"{"model":"asked","messages":[{"role":"user","content":"hi"}]}"#;
        let from_google = br#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
        for (from, body, to, expected) in [
            (
                Dialect::Anthropic,
                from_anthropic.as_slice(),
                Dialect::Gemini,
                r#"{"generateContentRequest":{"model":"models/up","contents":[{"role":"user","parts":[{"text":"hi"}]}]}}"#,
            ),
            (
                Dialect::Gemini,
                from_google.as_slice(),
                Dialect::Anthropic,
                r#"{"model":"up","messages":[{"role":"user","content":"hi"}]}"#,
            ),
        ] {
            let request = read_request(from, body, address()).unwrap();
            let mut lossy = Lossy::new(from);
            let written = write_request(to, &request, &target, true, &mut lossy).unwrap();
            let parsed = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
            assert_eq!(parsed(&written), parsed(expected.as_bytes()));
        }
        assert_eq!(read_answer(Dialect::Gemini, br#"{"totalTokens":7}"#), Ok(7));
        assert_eq!(
            read_answer(Dialect::Anthropic, br#"{"input_tokens":7}"#),
            Ok(7)
        );
        assert!(read_answer(Dialect::Gemini, b"{}").is_err());
        assert_eq!(write_answer(Dialect::Gemini, 7), br#"{"totalTokens":7}"#);
    }
}
