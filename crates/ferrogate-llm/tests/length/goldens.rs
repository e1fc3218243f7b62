//! What ends a stream of each dialect, byte by byte.

use std::fmt::Write as _;

use ferrogate_llm::{Dialect, RelayedStream};

use crate::support::{CALLER, LIMIT, data, end, frames};

/// Frames of an event stream as lines; other streams as they are.
fn shown(dialect: Dialect, bytes: &[u8]) -> String {
    if dialect != Dialect::Converse {
        return String::from_utf8(bytes.to_vec()).expect("a stream of text is UTF-8");
    }
    let mut lines = String::new();
    for cut in frames(dialect, bytes) {
        let name = cut.name.as_deref().unwrap_or_default();
        writeln!(lines, "{name}: {}", cut.json()).expect("a text takes what is written");
    }
    lines
}

/// The ending before the first frame, and behind each frame that says one of these things.
fn check(dialect: Dialect, path: &str, marks: &[&str]) {
    let all = frames(dialect, &data(path));
    let mut text = String::new();
    let places = marks.iter().map(|mark| {
        let at = all.iter().position(|cut| {
            let data = cut.data.as_deref().unwrap_or_default();
            String::from_utf8_lossy(data).contains(mark)
        });
        at.unwrap_or_else(|| panic!("{path} says {mark}")) + 1
    });
    for at in std::iter::once(0).chain(places) {
        let stream = RelayedStream::passing(dialect, CALLER.model, LIMIT);
        let outcome = end(stream, &CALLER, all[..at].iter().map(|cut| &*cut.raw));
        let last = all[..at].last().map(|cut| shown(dialect, &cut.raw));
        let last = last.unwrap_or_default();
        let ending = shown(dialect, &outcome.ending);
        let count = all.len();
        write!(
            text,
            "=== behind frame {at} of {count}\n{last}--- ends with\n{ending}"
        )
        .expect("a text takes what is written");
    }
    insta::assert_snapshot!(dialect.as_str(), text);
}

#[test]
fn openai_chat() {
    let path = "openai/chat.stream.tools.sse";
    check(Dialect::OpenAiChat, path, &["\"arguments\":\"{\\\""]);
}

#[test]
fn openai_completions() {
    check(
        Dialect::OpenAiText,
        "openai/completions.stream.sse",
        &["text_completion"],
    );
}

#[test]
fn openai_responses() {
    let marks = ["Need the ", "Checking ", "function_call_arguments.delta"];
    check(
        Dialect::OpenAiResponses,
        "openai/responses.stream.sse",
        &marks,
    );
}

#[test]
fn anthropic() {
    let marks = ["thinking_delta", "text_delta", "input_json_delta"];
    check(Dialect::Anthropic, "anthropic/messages.stream.sse", &marks);
}

#[test]
fn gemini() {
    check(Dialect::Gemini, "gemini/stream.sse", &["\"text\""]);
}

#[test]
fn converse() {
    check(
        Dialect::Converse,
        "bedrock/converse-stream.json",
        &["\"text\"", "\"input\""],
    );
}

#[test]
fn cohere() {
    let marks = ["tool-plan-delta", "tool-call-delta"];
    check(Dialect::Cohere, "cohere/chat.stream.sse", &marks);
}

#[test]
fn ollama() {
    check(Dialect::Ollama, "ollama/chat.ndjson", &["content"]);
}

#[test]
fn replicate() {
    check(Dialect::Replicate, "replicate/stream.sse", &[""]);
}
