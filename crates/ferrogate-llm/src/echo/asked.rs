//! What was asked: the text of a request, whatever it is made of.

use serde_json::Value;

/// The last user message of a chat, whatever its content is made of.
pub(super) fn chat_text(body: &Value) -> String {
    let messages = body
        .get("messages")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let last = messages
        .iter()
        .rev()
        .find(|message| message.get("role").and_then(Value::as_str) == Some("user"));
    last.or(messages.last())
        .map(|message| content_text(message.get("content")))
        .unwrap_or_default()
}

pub(super) fn input_text(input: Option<&Value>) -> String {
    match input {
        Some(Value::Array(items)) => items
            .iter()
            .rev()
            .find(|item| item.get("role").and_then(Value::as_str) == Some("user"))
            .or(items.last())
            .map(|item| content_text(item.get("content")))
            .unwrap_or_default(),
        other => content_text(other),
    }
}

pub(super) fn prompt_text(prompt: Option<&Value>) -> String {
    match prompt {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            })
            .collect::<Vec<_>>()
            .join(" "),
        _ => String::new(),
    }
}

fn content_text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts: Vec<&str> = parts
                .iter()
                .map(|part| {
                    part.get("text")
                        .and_then(Value::as_str)
                        .unwrap_or("[not text]")
                })
                .collect();
            texts.join(" ")
        }
        _ => String::new(),
    }
}
