//! What the targets of the dialects share.

use ferrogate_llm::json::Object;
use ferrogate_llm::{Caller, Dialect};

pub const DIALECTS: [Dialect; 9] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::OpenAiText,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Converse,
    Dialect::Cohere,
    Dialect::Ollama,
    Dialect::Replicate,
];

pub const CALLER: Caller<'static> = Caller {
    model: "asked",
    usage_asked: true,
    created: 1_790_000_200,
    id: "0123abcd",
    input_estimate: 7,
    array: false,
    echo: None,
};

/// The pair a byte chooses: from, to.
pub fn pair(choice: u8) -> (Dialect, Dialect) {
    let at = |index: u8| DIALECTS[usize::from(index) % DIALECTS.len()];
    (at(choice / 9), at(choice))
}

/// What is written must be an object without a member twice.
pub fn assert_object(body: &[u8], by: &str) {
    if let Err(error) = Object::parse(body) {
        panic!("{by}: {error}: {}", String::from_utf8_lossy(body));
    }
}
