//! What the end repeats.

use serde_json::{Value, json};

use super::*;
use crate::SseDecoder;
use crate::protocol::Caller;

/// The events that end a stream which said these things behind its beginning; the last one's output apart.
fn ending(events: &[Value]) -> (Vec<String>, Value) {
    let created =
        json!({ "type": "response.created", "response": { "id": "resp_1", "output": [] } });
    let mut outline = Outline::default();
    for event in std::iter::once(&created).chain(events) {
        assert!(outline.see(None, event.to_string().as_bytes()));
    }
    end(&mut outline)
}

fn end(outline: &mut Outline) -> (Vec<String>, Value) {
    let mut out = Vec::new();
    outline.end_for_length(
        &ferrogate_types::Usage::default(),
        &Caller::default(),
        &mut out,
    );
    let mut decoder = SseDecoder::new(usize::MAX);
    decoder.push(out.into()).unwrap();
    let mut names = Vec::new();
    let mut output = Value::Null;
    while let Some(frame) = decoder.next_frame() {
        let event: Value = serde_json::from_slice(&frame.data().unwrap()).unwrap();
        names.push(frame.event().unwrap().replace("response.", ""));
        output = event["response"]["output"].clone();
    }
    (names, output)
}

fn added(index: u64, item: &Value) -> Value {
    json!({ "type": "response.output_item.added", "output_index": index, "item": item })
}

fn message() -> Value {
    added(
        0,
        &json!({ "id": "msg_1", "type": "message", "status": "in_progress", "content": [] }),
    )
}

fn part(kind: &str, member: &str) -> Value {
    json!({
        "type": "response.content_part.added", "output_index": 0, "content_index": 0,
        "part": { "type": kind, member: "", "annotations": [] },
    })
}

fn delta(name: &str, index: u64, text: &str) -> Value {
    json!({ "type": format!("response.{name}.delta"), "output_index": index, "content_index": 0, "delta": text })
}

#[test]
fn a_text_ends_with_all_that_was_said() {
    let score = |token: &str| json!([{ "token": token, "logprob": -0.5 }]);
    let mut said = delta("output_text", 0, "a\n\"b");
    said["logprobs"] = score("a");
    let mut more = delta("output_text", 0, "c");
    more["logprobs"] = score("c");
    let cited = json!({
        "type": "response.output_text.annotation.added", "output_index": 0, "content_index": 0,
        "annotation": { "type": "url_citation", "url": "https://a.example" },
    });
    let (names, output) = ending(&[message(), part("output_text", "text"), said, cited, more]);
    assert_eq!(
        names,
        [
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "incomplete"
        ]
    );
    assert_eq!(
        output,
        json!([{
            "id": "msg_1", "type": "message", "status": "incomplete",
            "content": [{
                "type": "output_text", "text": "a\n\"bc",
                "annotations": [{ "type": "url_citation", "url": "https://a.example" }],
                "logprobs": [{ "token": "a", "logprob": -0.5 }, { "token": "c", "logprob": -0.5 }],
            }],
        }])
    );
}

#[test]
fn a_character_in_two_halves_is_one_again() {
    let mut outline = Outline::default();
    for event in [message(), part("output_text", "text")] {
        outline.see(None, event.to_string().as_bytes());
    }
    for half in ["\\ud83c", "\\udf27"] {
        let event = format!(
            r#"{{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"{half}"}}"#
        );
        assert!(outline.see(None, event.as_bytes()));
    }
    assert_eq!(end(&mut outline).1[0]["content"][0]["text"], "🌧");
}

#[test]
fn what_a_server_leaves_out_is_not_missed() {
    let refused = delta("refusal", 0, "no");
    let (names, output) = ending(&[message(), refused]);
    assert_eq!(names, ["refusal.done", "output_item.done", "incomplete"]);
    let content = json!([{ "type": "refusal", "refusal": "no" }]);
    assert_eq!(output[0]["content"], content);
    // Words of no item are of no use.
    let (names, output) = ending(&[delta("output_text", 3, "a")]);
    assert_eq!((names.len(), output), (1, json!([])));
}

#[test]
fn thoughts_end_in_their_lists() {
    let thought = || {
        added(
            0,
            &json!({ "id": "rs_1", "type": "reasoning", "summary": [] }),
        )
    };
    let (names, output) = ending(&[
        thought(),
        part("reasoning_text", "text"),
        delta("reasoning_text", 0, "hm"),
    ]);
    assert_eq!(
        names,
        [
            "reasoning_text.done",
            "content_part.done",
            "output_item.done",
            "incomplete"
        ]
    );
    assert_eq!(output[0]["content"][0]["text"], "hm");
    assert_eq!(output[0]["summary"], json!([]));
}

#[test]
fn items_that_are_cut_say_so() {
    for (item, name, expected) in [
        (
            json!({ "type": "function_call", "status": "in_progress", "name": "f", "arguments": "" }),
            None,
            json!({ "type": "function_call", "status": "incomplete", "name": "f", "arguments": "{}" }),
        ),
        (
            json!({ "type": "mcp_call", "status": "in_progress", "arguments": "" }),
            Some("mcp_call_arguments"),
            json!({ "type": "mcp_call", "status": "incomplete", "arguments": "{\"a" }),
        ),
        (
            json!({ "type": "code_interpreter_call", "status": "in_progress", "code": null }),
            Some("code_interpreter_call_code"),
            json!({ "type": "code_interpreter_call", "status": "incomplete", "code": "{\"a" }),
        ),
        (
            json!({ "type": "web_search_call", "status": "in_progress" }),
            None,
            json!({ "type": "web_search_call", "status": "failed" }),
        ),
    ] {
        let pieces = name.map(|name| delta(name, 7, "{\"a"));
        let events: Vec<Value> = std::iter::once(added(7, &item)).chain(pieces).collect();
        assert_eq!(ending(&events).1, json!([expected]));
    }
}

#[test]
fn arguments_that_come_at_once_are_kept() {
    let call =
        json!({ "type": "function_call", "status": "in_progress", "name": "f", "arguments": "" });
    let told = json!({
        "type": "response.function_call_arguments.done", "output_index": 0, "arguments": "{\"a\":1}",
    });
    let (names, output) = ending(&[added(0, &call), told]);
    assert_eq!(names, ["output_item.done", "incomplete"]);
    assert_eq!(output[0]["arguments"], "{\"a\":1}");
}

#[test]
fn items_that_are_done_keep_their_places() {
    let done = json!({
        "type": "response.output_item.done", "output_index": 0, "item": { "id": "a", "status": "completed" },
    });
    let (names, output) = ending(&[
        added(0, &json!({ "id": "a" })),
        added(1, &json!({ "id": "b" })),
        done,
    ]);
    assert_eq!(names, ["output_item.done", "incomplete"]);
    assert_eq!(
        output,
        json!([{ "id": "a", "status": "completed" }, { "id": "b" }])
    );
}

#[test]
fn what_is_kept_is_bounded() {
    let mut outline = Outline::default();
    for event in [message(), part("output_text", "text")] {
        outline.see(None, event.to_string().as_bytes());
    }
    let piece = delta("output_text", 0, &"x".repeat(1 << 20)).to_string();
    for _ in 0..20 {
        assert!(outline.see(None, piece.as_bytes()));
    }
    assert!(outline.kept <= MOST_KEPT);
    let (names, output) = end(&mut outline);
    assert_eq!(names.len(), 4);
    let text = output[0]["content"][0]["text"].as_str().unwrap();
    assert!(text.len() > MOST_KEPT - (2 << 20) && text.len() <= MOST_KEPT);
}

#[test]
fn what_is_no_object_is_told() {
    for junk in ["", "[1]", "{\"type\":", "<html>"] {
        assert!(!Outline::default().see(None, junk.as_bytes()), "{junk}");
    }
}
