//! The Responses API.

use serde_json::{Value, json};

use super::{Answer, SYSTEM_FINGERPRINT, Said, json_answer};
use crate::encode_event;

pub(super) fn responses_json(model: &str, said: &Said) -> Answer {
    let status = responses_status(said);
    let output = json!([message_item(said, status, &json!([text_part(&said.text)]))]);
    json_answer(&response_object(
        model,
        said,
        status,
        &output,
        &responses_usage(said),
    ))
}

/// The event sequence of OpenAI's Responses API for one text message.
pub(super) fn responses_stream(model: &str, said: &Said) -> Answer {
    let status = responses_status(said);
    let item_id = format!("msg_{}", said.id);
    let started = response_object(model, said, "in_progress", &json!([]), &Value::Null);
    let item = message_item(said, status, &json!([text_part(&said.text)]));
    let finished = response_object(model, said, status, &json!([item]), &responses_usage(said));
    let place = |mut event: Value| {
        if let Some(event) = event.as_object_mut() {
            event.insert("item_id".to_owned(), item_id.clone().into());
            event.insert("output_index".to_owned(), 0.into());
            event.insert("content_index".to_owned(), 0.into());
        }
        event
    };
    let mut events = vec![
        ("response.created", json!({ "response": started })),
        ("response.in_progress", json!({ "response": started })),
        (
            "response.output_item.added",
            json!({ "output_index": 0, "item": message_item(said, "in_progress", &json!([])) }),
        ),
        (
            "response.content_part.added",
            place(json!({ "part": text_part("") })),
        ),
    ];
    events.extend(said.pieces.iter().map(|piece| {
        (
            "response.output_text.delta",
            place(json!({ "delta": piece, "logprobs": [] })),
        )
    }));
    events.push((
        "response.output_text.done",
        place(json!({ "text": said.text, "logprobs": [] })),
    ));
    events.push((
        "response.content_part.done",
        place(json!({ "part": text_part(&said.text) })),
    ));
    events.push((
        "response.output_item.done",
        json!({ "output_index": 0, "item": item }),
    ));
    let last = if status == "completed" {
        "response.completed"
    } else {
        "response.incomplete"
    };
    events.push((last, json!({ "response": finished })));
    let frames = events
        .into_iter()
        .enumerate()
        .map(|(number, (name, mut event))| {
            if let Some(event) = event.as_object_mut() {
                event.insert("type".to_owned(), name.into());
                event.insert("sequence_number".to_owned(), number.into());
            }
            encode_event(Some(name), &event.to_string())
        });
    Answer::Stream(frames.collect())
}

fn response_object(model: &str, said: &Said, status: &str, output: &Value, usage: &Value) -> Value {
    let incomplete = if status == "incomplete" {
        json!({ "reason": "max_output_tokens" })
    } else {
        Value::Null
    };
    json!({
        "id": format!("resp_{}", said.id),
        "object": "response",
        "created_at": 0,
        "status": status,
        "error": null,
        "incomplete_details": incomplete,
        "instructions": null,
        "metadata": { "provider": SYSTEM_FINGERPRINT },
        "model": model,
        "output": output,
        "parallel_tool_calls": true,
        "temperature": null,
        "tool_choice": "auto",
        "tools": [],
        "top_p": null,
        "usage": usage,
    })
}

fn message_item(said: &Said, status: &str, content: &Value) -> Value {
    json!({ "id": format!("msg_{}", said.id), "type": "message", "role": "assistant", "status": status, "content": content })
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

fn responses_usage(said: &Said) -> Value {
    json!({
        "input_tokens": said.input,
        "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": said.output(),
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": said.input + said.output(),
    })
}

fn responses_status(said: &Said) -> &'static str {
    if said.finish == "length" {
        "incomplete"
    } else {
        "completed"
    }
}
