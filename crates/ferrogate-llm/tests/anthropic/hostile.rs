//! Bodies that nobody should send.

use ferrogate_llm::{Address, Dialect, Lossy, ModelTraits, TargetProfile};
use proptest::prelude::*;
use serde_json::value::RawValue;

use crate::support::{caller, check_order, data, read_stream};

const DIALECTS: [Dialect; 8] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Converse,
    Dialect::Cohere,
    Dialect::Ollama,
    Dialect::Replicate,
];

/// What is written is JSON; what passes through may name halves of characters, which some parsers refuse.
fn check_json(written: &[u8]) {
    let read: Result<&RawValue, _> = serde_json::from_slice(written);
    assert!(read.is_ok(), "{}", String::from_utf8_lossy(written));
}

/// Everything that can be done with a body in any dialect.
fn try_all(body: &[u8]) {
    let traits = ModelTraits::default();
    let target = TargetProfile {
        model: "m",
        traits: &traits,
        quirks: &[],
    };
    for from in DIALECTS {
        if let Ok(request) = from.protocol().read_request(body, Address::default()) {
            for to in DIALECTS {
                let mut lossy = Lossy::new(from);
                let written = to.protocol().write_request(&request, &target, &mut lossy);
                if let Ok(written) = written {
                    check_json(&written);
                }
            }
        }
        if let Ok(answer) = from.protocol().read_answer(body) {
            for to in DIALECTS {
                let written = to.protocol().write_answer(&answer, &caller("m"));
                check_json(&written);
            }
        }
        let events = read_stream(from, &[body]);
        check_order(&events);
        for to in DIALECTS {
            let mut writer = to.protocol().stream_writer(&caller("m"));
            let mut out = Vec::new();
            for event in &events {
                writer.write(event, &mut out);
            }
        }
    }
}

const BODIES: [&str; 9] = [
    "fields/anthropic.json",
    "fields/openai-chat.json",
    "fields/openai-responses.json",
    "anthropic/search.response.json",
    "openai/responses.hosted.json",
    "anthropic/search.stream.sse",
    "anthropic/messages.stream.sse",
    "openai/responses.hosted.sse",
    "openai/chat.stream.tools.sse",
];

/// What is put in the place of some bytes.
const SPLICES: [&str; 12] = [
    "",
    "\"",
    "{",
    "}",
    "[]",
    "null",
    "-1",
    "1e999",
    "\\ud83d",
    "\u{0}",
    "{\"type\":\"text\"}",
    "\n\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_comes_nothing_breaks(
        body in 0..BODIES.len(),
        at in 0.0..1.0_f64,
        length in 0..40_usize,
        splice in 0..SPLICES.len(),
    ) {
        let mut bytes = data(BODIES[body]);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a small file")]
        let from = (at * bytes.len() as f64) as usize;
        let to = (from + length).min(bytes.len());
        bytes.splice(from..to, SPLICES[splice].bytes());
        try_all(&bytes);
    }

    #[test]
    fn a_value_of_another_kind_breaks_nothing(
        body in 0..5_usize,
        leaf in any::<prop::sample::Index>(),
        value in 0..6_usize,
    ) {
        let mut json: serde_json::Value = serde_json::from_slice(&data(BODIES[body])).unwrap();
        let mut places = Vec::new();
        collect(&json, String::new(), &mut places);
        let place = &places[leaf.index(places.len())];
        let values = [
            serde_json::json!(null),
            serde_json::json!("x"),
            serde_json::json!(-7.5),
            serde_json::json!([[{}]]),
            serde_json::json!({"type": "tool_result", "x": []}),
            serde_json::json!(true),
        ];
        *json.pointer_mut(place).unwrap() = values[value].clone();
        try_all(json.to_string().as_bytes());
    }
}

fn collect(value: &serde_json::Value, path: String, places: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                collect(
                    value,
                    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")),
                    places,
                );
            }
        }
        serde_json::Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, format!("{path}/{index}"), places);
            }
        }
        _ => {}
    }
    places.push(path);
}
