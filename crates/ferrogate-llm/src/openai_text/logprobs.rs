//! How likely tokens were, as text completions tell it.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::Writer;

/// Chat's object. Source: OpenAI's OpenAPI document, `ChatCompletionTokenLogprob`.
#[derive(Deserialize)]
struct Logprobs {
    #[serde(default)]
    content: Option<Vec<Token>>,
}

#[derive(Deserialize)]
struct Token {
    token: String,
    logprob: f64,
    #[serde(default)]
    top_logprobs: Vec<Alternative>,
}

#[derive(Deserialize)]
struct Alternative {
    token: String,
    logprob: f64,
}

/// Writes chat's object as four lists side by side. `offset` is where the text begins, in characters, and moves on.
/// What is no such object is told as null.
pub(super) fn write(raw: &RawValue, offset: &mut usize, w: &mut Writer) {
    let tokens = serde_json::from_str::<Logprobs>(raw.get())
        .ok()
        .and_then(|logprobs| logprobs.content);
    let Some(tokens) = tokens else {
        w.literal("null");
        return;
    };
    w.open().key("tokens").open_list();
    for token in &tokens {
        w.value(&token.token);
    }
    w.close_list().key("token_logprobs").open_list();
    for token in &tokens {
        w.value(&token.logprob);
    }
    w.close_list().key("top_logprobs").open_list();
    for token in &tokens {
        w.open();
        for (place, other) in token.top_logprobs.iter().enumerate() {
            // A name twice would be no object: tokens of different bytes can look alike.
            let again = token
                .top_logprobs
                .iter()
                .take(place)
                .any(|before| before.token == other.token);
            if !again {
                w.member(&other.token, &other.logprob);
            }
        }
        w.close();
    }
    w.close_list().key("text_offset").open_list();
    for token in &tokens {
        w.value(offset);
        *offset += token.token.chars().count();
    }
    w.close_list().close();
}
