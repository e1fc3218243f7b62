//! Embeddings: vectors derived from the text. Equal texts are equal, others differ.

use serde_json::{Value, json};

use super::{Answer, fnv1a, json_answer, words};
use crate::ErrorBody;

/// Inputs in one request. Source: OpenAI API reference, `POST /embeddings`, `input`.
const MOST_INPUTS: usize = 2048;
/// Numbers in one answer.
const MOST_NUMBERS: usize = 1 << 20;

/// Vectors of eight numbers, derived from the text: equal texts are equal, others differ.
pub(super) fn embeddings_json(model: &str, body: &Value) -> Answer {
    const DIMENSIONS: usize = 8;
    let base64 = body.get("encoding_format").and_then(Value::as_str) == Some("base64");
    let wanted = body
        .get("dimensions")
        .and_then(Value::as_u64)
        .and_then(|n| usize::try_from(n).ok());
    let dimensions = wanted.unwrap_or(DIMENSIONS).clamp(1, 4096);
    let asked = body.get("input");
    let count = asked
        .and_then(Value::as_array)
        .filter(|items| !items.iter().all(Value::is_number))
        .map_or(1, Vec::len);
    if count > MOST_INPUTS || count.saturating_mul(dimensions) > MOST_NUMBERS {
        let error = ErrorBody {
            message: "the built-in provider embeds 2048 inputs and makes 1048576 numbers at most",
            kind: "invalid_request_error",
            param: Some("input"),
            code: "too_many_inputs",
            request_id: None,
        };
        return Answer::Refused(error.to_json().to_string().into());
    }
    let inputs = embedding_inputs(asked);
    let mut tokens = 0;
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, (text, count))| {
            tokens += count;
            let vector = unit_vector(text, dimensions);
            let embedding = if base64 {
                let bytes: Vec<u8> = vector
                    .iter()
                    .flat_map(|number| number.to_le_bytes())
                    .collect();
                Value::from(encode_base64(&bytes))
            } else {
                Value::from(vector)
            };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    json_answer(&json!({
        "object": "list", "data": data, "model": model, "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    }))
}

/// Each input with its token count: texts by words, token arrays by length.
fn embedding_inputs(input: Option<&Value>) -> Vec<(String, usize)> {
    let one = |value: &Value| match value {
        Value::String(text) => (text.clone(), words(text)),
        Value::Array(tokens) => (value.to_string(), tokens.len()),
        other => (other.to_string(), 1),
    };
    match input {
        Some(Value::Array(items)) if items.iter().all(Value::is_number) => {
            vec![(Value::from(items.clone()).to_string(), items.len())]
        }
        Some(Value::Array(items)) => items.iter().map(one).collect(),
        Some(value) => vec![one(value)],
        None => Vec::new(),
    }
}

fn unit_vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut state = fnv1a(text.as_bytes()) | 1;
    let raw: Vec<f32> = (0..dimensions)
        .map(|_| {
            // xorshift64: spreads the hash over the dimensions.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let byte = u8::try_from(state >> 56).unwrap_or_default();
            f32::from(byte) / 127.5 - 1.0
        })
        .collect();
    let length = raw
        .iter()
        .map(|number| number * number)
        .sum::<f32>()
        .sqrt()
        .max(f32::MIN_POSITIVE);
    raw.into_iter().map(|number| number / length).collect()
}

/// Standard base64 with padding. Source: RFC 4648, section 4.
fn encode_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| {
            (bits << 8) | u32::from(group.get(at).copied().unwrap_or_default())
        });
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 0x3f;
            let digit = usize::try_from(index)
                .ok()
                .and_then(|index| ALPHABET.get(index))
                .copied()
                .unwrap_or(b'=');
            text.push(if place > group.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode_base64(text.as_bytes()), encoded);
        }
    }
}
