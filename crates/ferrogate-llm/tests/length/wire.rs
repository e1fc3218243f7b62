//! What must hold on the wire whoever reads it: everything that begins ends, once and in order.

use std::collections::BTreeMap;

use ferrogate_llm::Dialect;
use serde_json::{Value, json};

use crate::support::Cut;

pub(crate) fn check(dialect: Dialect, frames: &[Cut], told: bool, case: &str) {
    match dialect {
        Dialect::OpenAiChat | Dialect::OpenAiText => chunks(dialect, frames, case),
        Dialect::OpenAiResponses => responses(frames, told, case),
        Dialect::Anthropic => messages(frames, case),
        Dialect::Gemini => gemini(frames, case),
        Dialect::Converse => converse(frames, case),
        Dialect::Cohere => cohere(frames, case),
        Dialect::Ollama => {
            let dones: Vec<bool> = frames.iter().map(|f| f.json()["done"] == true).collect();
            assert_eq!(dones.iter().filter(|done| **done).count(), 1, "{case}");
            assert_eq!(dones.last(), Some(&true), "{case}");
        }
        Dialect::Replicate => {
            let last = frames.last().and_then(|frame| frame.name.as_deref());
            assert_eq!(last, Some("done"), "{case}");
        }
    }
}

fn chunks(dialect: Dialect, frames: &[Cut], case: &str) {
    let mut roles: BTreeMap<u64, u32> = BTreeMap::new();
    let mut finishes: BTreeMap<u64, u32> = BTreeMap::new();
    let mut ids = Vec::new();
    let (last, chunks) = frames.split_last().expect("there are frames");
    assert_eq!(last.data.as_deref(), Some(&b"[DONE]"[..]), "{case}");
    for chunk in chunks.iter().map(Cut::json).filter(Value::is_object) {
        ids.push(chunk["id"].clone());
        for choice in chunk["choices"].as_array().expect("a list of choices") {
            let index = choice["index"].as_u64().expect("an index");
            *roles.entry(index).or_default() += u32::from(choice["delta"]["role"].is_string());
            let finished = choice["finish_reason"].is_string();
            *finishes.entry(index).or_default() += u32::from(finished);
        }
    }
    ids.retain(|id| id.as_str().is_some_and(|id| !id.is_empty()));
    ids.dedup();
    assert!(ids.len() <= 1, "{case}: {ids:?}");
    assert!(!finishes.is_empty(), "{case}");
    assert!(finishes.values().all(|n| *n == 1), "{case}: {finishes:?}");
    if dialect == Dialect::OpenAiChat {
        assert!(roles.values().all(|n| *n == 1), "{case}: {roles:?}");
    }
}

fn responses(frames: &[Cut], told: bool, case: &str) {
    let mut open: Vec<(&str, Value)> = Vec::new();
    let mut items = Vec::new();
    let mut ids = Vec::new();
    let mut over = false;
    for (number, frame) in (0_u64..).zip(frames.iter().filter(|frame| frame.data.is_some())) {
        let event = frame.json();
        assert!(!over, "{case}: behind the end {event}");
        assert_eq!(event["sequence_number"], number, "{case}: {event}");
        let name = event["type"].as_str().expect("a type");
        assert_eq!(frame.name.as_deref(), Some(name), "{case}");
        let item = event["output_index"].clone();
        let part = json!([item, event["content_index"], event["summary_index"]]);
        match name {
            "response.output_item.added" => {
                ids.push((item.clone(), event["item"]["id"].clone()));
                open.push(("item", item));
            }
            "response.output_item.done" => {
                assert!(
                    ids.contains(&(item.clone(), event["item"]["id"].clone())),
                    "{case}"
                );
                let at = open
                    .iter()
                    .position(|known| *known == ("item", item.clone()));
                open.remove(at.expect("it was added"));
                items.push((item.as_u64(), event["item"].clone()));
            }
            "response.content_part.added" | "response.reasoning_summary_part.added" => {
                open.push(("part", part));
            }
            "response.content_part.done" | "response.reasoning_summary_part.done" => {
                let at = open
                    .iter()
                    .position(|known| *known == ("part", part.clone()));
                open.remove(at.expect("it was added"));
            }
            "response.completed" | "response.incomplete" => {
                over = true;
                let response = &event["response"];
                assert!(open.is_empty(), "{case}: {open:?}");
                assert_eq!(response["model"], "asked-for", "{case}");
                if !told {
                    assert_eq!(response["status"], "incomplete", "{case}");
                    let details = json!({ "reason": "max_output_tokens" });
                    assert_eq!(response["incomplete_details"], details, "{case}");
                }
                items.sort_by_key(|(index, _)| *index);
                let done: Vec<&Value> = items.iter().map(|(_, item)| item).collect();
                let output: Vec<&Value> = response["output"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .collect();
                assert_eq!(output, done, "{case}");
            }
            _ => {}
        }
    }
    assert!(over, "{case}");
}

fn messages(frames: &[Cut], case: &str) {
    let mut open = None;
    let mut next = 0;
    let mut deltas = 0;
    let names: Vec<&str> = frames.iter().filter_map(|f| f.name.as_deref()).collect();
    assert_eq!(names.last(), Some(&"message_stop"), "{case}");
    assert_eq!(
        names
            .iter()
            .filter(|name| **name == "message_start")
            .count(),
        1,
        "{case}"
    );
    for frame in frames {
        let event = frame.json();
        let index = event["index"].as_u64();
        match event["type"].as_str().unwrap_or_default() {
            "content_block_start" => {
                assert_eq!((open, index), (None, Some(next)), "{case}");
                next += 1;
                open = index;
            }
            "content_block_delta" => assert_eq!(open, index, "{case}"),
            "content_block_stop" => {
                assert!(open.is_some() && open == index, "{case}");
                open = None;
            }
            "message_delta" => {
                assert_eq!(open, None, "{case}");
                deltas += 1;
            }
            "message_stop" => assert!(open.is_none() && deltas > 0, "{case}"),
            _ => {}
        }
    }
}

fn gemini(frames: &[Cut], case: &str) {
    let last = frames.last().expect("there are frames").json();
    assert!(last["usageMetadata"].is_object(), "{case}: {last}");
    let candidates = last["candidates"].as_array().expect("candidates");
    assert!(!candidates.is_empty(), "{case}");
    for candidate in candidates {
        assert!(candidate["finishReason"].is_string(), "{case}: {last}");
    }
    let mut ids: Vec<Value> = frames
        .iter()
        .map(|f| f.json()["responseId"].clone())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{case}: {ids:?}");
    assert_eq!(last["modelVersion"], "asked-for", "{case}");
}

fn converse(frames: &[Cut], case: &str) {
    let names: Vec<&str> = frames.iter().filter_map(|f| f.name.as_deref()).collect();
    assert_eq!(names.first(), Some(&"messageStart"), "{case}");
    assert!(
        names.ends_with(&["messageStop", "metadata"]),
        "{case}: {names:?}"
    );
    let mut open = Vec::new();
    for frame in frames {
        let index = frame.json()["contentBlockIndex"].as_u64();
        match frame.name.as_deref().unwrap_or_default() {
            "contentBlockStart" => open.push(index),
            "contentBlockDelta" if !open.contains(&index) => open.push(index),
            "contentBlockStop" => {
                let at = open.iter().position(|known| *known == index);
                open.remove(at.expect("it was begun"));
            }
            "messageStop" => assert!(open.is_empty(), "{case}: {open:?}"),
            _ => {}
        }
    }
}

fn cohere(frames: &[Cut], case: &str) {
    let mut open = Vec::new();
    for frame in frames.iter().filter(|frame| frame.data.is_some()) {
        let event = frame.json();
        let kind = event["type"].as_str().expect("a type");
        assert_eq!(frame.name.as_deref(), Some(kind), "{case}");
        let index = event["index"].as_u64();
        if let Some(what) = kind
            .strip_suffix("-start")
            .filter(|what| *what != "message")
        {
            open.push((what.to_owned(), index));
        } else if kind == "message-end" {
            assert!(open.is_empty(), "{case}: {open:?}");
        } else if let Some(what) = kind.strip_suffix("-end") {
            let known = (what.to_owned(), index);
            let at = open.iter().position(|open| *open == known);
            open.remove(at.unwrap_or_else(|| panic!("{case}: {known:?} was not begun")));
        }
    }
    let last = frames.last().and_then(|frame| frame.name.as_deref());
    assert_eq!(last, Some("message-end"), "{case}");
}
