//! Requests.

use ferrogate_llm::{Dialect, ModelTraits, ThinkingStyle};
use serde_json::Value;

use crate::support::{data, json, translate};

fn gemini3() -> ModelTraits {
    ModelTraits {
        thinking: ThinkingStyle::GeminiLevel,
        ..ModelTraits::default()
    }
}

/// What a body says beside where it is sent, and that it wants no stream.
fn without_defaults(mut body: Value) -> Value {
    let members = body.as_object_mut().expect("a request is an object");
    members.remove("model");
    members.retain(|name, value| name != "stream" || value != false);
    body
}

#[test]
fn a_request_in_its_own_dialect_is_what_it_was() {
    for (dialect, path) in [
        (Dialect::Gemini, "gemini/generate.request.json"),
        (Dialect::Gemini, "fields/gemini.json"),
        (Dialect::Gemini, "fields/gemini-media.json"),
        (Dialect::Cohere, "cohere/chat.request.json"),
        (Dialect::Cohere, "fields/cohere.json"),
        (Dialect::Ollama, "fields/ollama.json"),
    ] {
        let body = data(path);
        let (written, lost) = translate(dialect, dialect, &ModelTraits::default(), &body).unwrap();
        assert_eq!(
            without_defaults(written),
            without_defaults(json(&body)),
            "{path}"
        );
        assert_eq!(lost, [""; 0], "{path}");
    }
}

#[test]
fn a_request_of_openais_becomes_googles() {
    let body = data("openai/chat.request.json");
    let (written, lost) =
        translate(Dialect::OpenAiChat, Dialect::Gemini, &gemini3(), &body).unwrap();
    assert_eq!(
        written,
        json(&data("openai/chat.request.expected-gemini.json"))
    );
    assert_eq!(
        lost,
        [
            "messages.content.image_url.detail",
            "tools.function.strict",
            "parallel_tool_calls",
            "user",
            "metadata",
            "prompt_cache_key",
        ]
    );
}
