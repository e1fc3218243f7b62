//! OpenAI's Responses.

use ferrogate_llm::chat::{Event, FinishReason};
use ferrogate_llm::{Caller, Dialect, ErrorBody, ModelTraits, ResponsesEcho, ThinkingStyle};
use serde_json::{Value, json};

use crate::support::{
    caller, check_stream, data, frames, json as tidy, read_stream, request, write_stream,
};

const RESPONSES: Dialect = Dialect::OpenAiResponses;
const ANTHROPIC: Dialect = Dialect::Anthropic;
const CHAT: Dialect = Dialect::OpenAiChat;

#[test]
fn a_request_is_written_as_it_was_read() {
    for file in [
        "openai/responses.request.json",
        "fields/openai-responses.json",
    ] {
        let body = data(file);
        let (written, lost) = request(
            RESPONSES,
            RESPONSES,
            &body,
            "gpt-5.4-mini",
            &ModelTraits::default(),
        )
        .unwrap();
        assert_eq!(written, tidy(&body), "{file}");
        assert!(lost.is_empty());
    }
    let body = br#"{"model":"m","input":"hi"}"#;
    let (written, _) = request(RESPONSES, RESPONSES, body, "m", &ModelTraits::default()).unwrap();
    assert_eq!(written, tidy(body));
}

fn heading(file: &str, to: Dialect) -> String {
    format!("== {file} as {}\n", to.as_str())
}

fn shown((written, lost): (Value, Vec<String>)) -> String {
    let written = serde_json::to_string_pretty(&written).unwrap();
    format!("{written}\nlost: {}\n", lost.join(", "))
}

#[test]
fn a_request_reads_alike_elsewhere() {
    let mut all = String::new();
    let claude = ModelTraits {
        thinking: ThinkingStyle::Adaptive,
        ..ModelTraits::default()
    };
    for to in [CHAT, ANTHROPIC] {
        for file in [
            "openai/responses.request.json",
            "openai/responses.history.json",
        ] {
            all += &heading(file, to);
            all += &shown(request(RESPONSES, to, &data(file), "m", &claude).unwrap());
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn requests_of_others_become_items() {
    let mut all = String::new();
    let thinks = ModelTraits {
        thinking: ThinkingStyle::Effort,
        sampling: false,
        ..ModelTraits::default()
    };
    for (from, file) in [
        (CHAT, "openai/chat.request.json"),
        (ANTHROPIC, "anthropic/messages.request.json"),
    ] {
        all += &heading(file, RESPONSES);
        all += &shown(request(from, RESPONSES, &data(file), "gpt-6", &thinks).unwrap());
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_only_openai_keeps_or_runs_is_refused() {
    for (member, value, param) in [
        (
            "previous_response_id",
            json!("resp_1"),
            "previous_response_id",
        ),
        ("conversation", json!({"id": "conv_1"}), "conversation"),
        ("prompt", json!({"id": "pmpt_1"}), "prompt"),
        ("background", json!(true), "background"),
        (
            "input",
            json!([{"type": "item_reference", "id": "rs_1"}]),
            "input",
        ),
        (
            "input",
            json!([{"type": "file_search_call", "id": "fs_1"}]),
            "input",
        ),
        (
            "tools",
            json!([{"type": "file_search", "vector_store_ids": []}]),
            "tools",
        ),
    ] {
        let mut body = json!({"model": "m", "input": "hi"});
        body[member] = value;
        let body = body.to_string();
        for to in [CHAT, ANTHROPIC] {
            let error =
                request(RESPONSES, to, body.as_bytes(), "m", &ModelTraits::default()).unwrap_err();
            assert!(error.starts_with(&format!("{param}: ")), "{error}");
        }
        let own = request(
            RESPONSES,
            RESPONSES,
            body.as_bytes(),
            "m",
            &ModelTraits::default(),
        );
        assert_eq!(own.unwrap().0, tidy(body.as_bytes()));
    }
    let idle = br#"{"model":"m","input":"hi","background":false,"store":false,"truncation":"disabled","include":["reasoning.encrypted_content"],"previous_response_id":null}"#;
    let (_, lost) = request(RESPONSES, CHAT, idle, "m", &ModelTraits::default()).unwrap();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn what_only_anthropic_keeps_is_refused() {
    let body = br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"thread":{"type":"create"}}"#;
    let error = request(ANTHROPIC, CHAT, body, "m", &ModelTraits::default()).unwrap_err();
    assert!(error.starts_with("thread: "), "{error}");
    let own = request(ANTHROPIC, ANTHROPIC, body, "m", &ModelTraits::default());
    assert_eq!(own.unwrap().0, tidy(body));
}

/// The same text with the ids that this gateway makes: unique in every answer, not only within one.
fn with_our_ids(text: &[u8], ids: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::from_utf8(text.to_vec()).unwrap();
    for (theirs, ours) in ids {
        text = text.replace(&format!("\"{theirs}\""), &format!("\"{ours}\""));
    }
    text.into_bytes()
}

const IDS: [(&str, &str); 3] = [
    ("rs_1", "rs_01_0"),
    ("msg_1", "msg_01_1"),
    ("fc_1", "fc_01_2"),
];

/// The caller whose request the recorded answers repeat.
fn echo() -> ResponsesEcho {
    let answer: Value = serde_json::from_slice(&data("openai/responses.response.json")).unwrap();
    ResponsesEcho::of(answer.to_string().as_bytes()).unwrap()
}

#[test]
fn an_answer_is_written_as_it_was_read() {
    let body = data("openai/responses.response.json");
    let answer = RESPONSES.protocol().read_answer(&body).unwrap();
    let echo = echo();
    let caller = Caller {
        echo: Some(&echo),
        ..caller("gpt-5.4-mini-2026-03-05")
    };
    let written = RESPONSES.protocol().write_answer(&answer, &caller);
    let mut expected = tidy(&with_our_ids(&body, &IDS));
    // Known to the provider alone.
    expected.as_object_mut().unwrap().remove("completed_at");
    assert_eq!(tidy(&written), expected);
}

/// Takes out what is in the answer of one and not of the other for good reason.
fn without(mut frames: Vec<(Option<String>, Value)>, name: &str) -> Vec<(Option<String>, Value)> {
    for (_, value) in &mut frames {
        if let Some(response) = value.get_mut("response").and_then(Value::as_object_mut) {
            response.remove(name);
        }
    }
    frames
}

#[test]
fn a_stream_is_written_as_it_was_read() {
    let stream = data("openai/responses.stream.sse");
    let events = check_stream(RESPONSES, &stream);
    let echo = echo();
    let caller = Caller {
        echo: Some(&echo),
        ..caller("gpt-5.4-mini-2026-03-05")
    };
    let written = write_stream(RESPONSES, &events, &caller);
    let expected = frames(&with_our_ids(&stream, &IDS));
    assert_eq!(
        frames(written.as_bytes()),
        without(expected, "completed_at")
    );
}

#[test]
fn a_stream_of_anthropic_is_what_the_reference_says() {
    let stream = data("anthropic/messages.stream.sse");
    let events = read_stream(ANTHROPIC, &[&stream]);
    let echo = ResponsesEcho::of(br#"{"reasoning":{"effort":"medium","summary":"auto"}}"#).unwrap();
    let caller = Caller {
        echo: Some(&echo),
        ..caller("claude-sonnet-5")
    };
    let written = write_stream(RESPONSES, &events, &caller);
    let expected = with_our_ids(
        &data("anthropic/messages.stream.expected-responses.sse"),
        &[
            ("rs_0", "rs_01S_0"),
            ("msg_0", "msg_01S_1"),
            ("fc_0", "fc_01S_2"),
            ("fc_1", "fc_01S_3"),
        ],
    );
    let found: Vec<_> = frames(written.as_bytes())
        .into_iter()
        // The provider sent a ping, which is a comment here.
        .filter(|(name, _)| name.is_some())
        .collect();
    // The tier that served it is told, too.
    assert_eq!(without(found, "service_tier"), frames(&expected));
}

#[test]
fn a_stream_reads_alike_elsewhere() {
    let mut all = String::new();
    for file in ["openai/responses.stream.sse", "openai/responses.hosted.sse"] {
        let events = check_stream(RESPONSES, &data(file));
        for to in [CHAT, ANTHROPIC, RESPONSES] {
            all += &heading(file, to);
            all += &write_stream(to, &events, &caller("m"));
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn every_end_has_its_status() {
    for (reason, refusal, name, details) in [
        (FinishReason::Stop, false, "response.completed", json!(null)),
        (
            FinishReason::Length,
            false,
            "response.incomplete",
            json!({"reason": "max_output_tokens"}),
        ),
        (
            FinishReason::ContentFilter,
            false,
            "response.incomplete",
            json!({"reason": "content_filter"}),
        ),
        (
            FinishReason::Refusal,
            false,
            "response.incomplete",
            json!({"reason": "content_filter"}),
        ),
        (
            FinishReason::Refusal,
            true,
            "response.completed",
            json!(null),
        ),
    ] {
        use ferrogate_llm::chat::{BlockKind, Delta};
        let kind = if refusal {
            BlockKind::Refusal
        } else {
            BlockKind::Text
        };
        let events = [
            Event::Open {
                choice: 0,
                block: 0,
                kind,
            },
            Event::Delta {
                choice: 0,
                block: 0,
                delta: Delta::Text("x".into()),
            },
            Event::Close {
                choice: 0,
                block: 0,
            },
            Event::Finish {
                choice: 0,
                reason: reason.clone(),
                stop_sequence: None,
            },
            Event::End,
        ];
        let written = write_stream(RESPONSES, &events, &caller("m"));
        let (last, value) = frames(written.as_bytes()).pop().unwrap();
        assert_eq!(last.as_deref(), Some(name));
        let found = value["response"].get("incomplete_details").cloned();
        assert_eq!(found.unwrap_or_default(), details);
        let read = read_stream(RESPONSES, &[written.as_bytes()]);
        assert!(matches!(read.last(), Some(Event::End)));
    }
}

#[test]
fn errors_end_a_stream_as_far_as_it_went() {
    let stream = data("anthropic/messages.stream.error.sse");
    let events = read_stream(ANTHROPIC, &[&stream]);
    let written = write_stream(RESPONSES, &events, &caller("m"));
    let (name, value) = frames(written.as_bytes()).pop().unwrap();
    assert_eq!(name.as_deref(), Some("response.failed"));
    assert_eq!(
        value["response"]["error"],
        json!({"code": "server_error", "message": "Overloaded"})
    );
    let again = read_stream(RESPONSES, &[written.as_bytes()]);
    let Some(Event::Fault(fault)) = again.last() else {
        panic!("{again:?}")
    };
    assert_eq!(fault.message, "Overloaded");

    let early = [events.last().unwrap().clone()];
    let written = write_stream(RESPONSES, &early, &caller("m"));
    let (name, value) = frames(written.as_bytes()).pop().unwrap();
    assert_eq!(name.as_deref(), Some("error"));
    assert_eq!(value["error"]["message"], "Overloaded");
    let error = ErrorBody {
        message: "Overloaded",
        kind: "service_unavailable_error",
        param: None,
        code: "server_is_overloaded",
        request_id: None,
    };
    assert_eq!(RESPONSES.protocol().error_frame(&error), written.as_bytes());
    assert_eq!(
        RESPONSES.protocol().error_body(&error),
        CHAT.protocol().error_body(&error)
    );
}

#[test]
fn an_answer_that_failed_is_a_fault() {
    let body = br#"{"id":"resp_1","status":"failed","error":{"code":"rate_limit_exceeded","message":"slow down"},"output":[]}"#;
    let fault = RESPONSES.protocol().read_answer(body).unwrap_err();
    assert_eq!(
        (fault.message.as_str(), fault.kind.as_deref()),
        ("slow down", Some("rate_limit_error"))
    );
}

/// A whole answer and the stream of the same content, each as `to` says them, say the same.
fn check_agreement(from: Dialect, answer: &str, stream: &str) {
    let body = data(answer);
    let answer = from.protocol().read_answer(&body).unwrap();
    let stream = data(stream);
    let events = read_stream(from, &[&stream]);
    let caller = caller("m");
    let whole = tidy(&RESPONSES.protocol().write_answer(&answer, &caller));
    let written = write_stream(RESPONSES, &events, &caller);
    let collected = frames(written.as_bytes()).pop().unwrap().1["response"].clone();
    assert_eq!(collected["output"], whole["output"]);
    assert_eq!(collected["usage"], whole["usage"]);
    assert_eq!(collected["status"], whole["status"]);
}

#[test]
fn a_whole_answer_and_its_stream_agree() {
    check_agreement(
        RESPONSES,
        "openai/responses.response.json",
        "openai/responses.stream.sse",
    );
    check_agreement(
        RESPONSES,
        "openai/responses.hosted.json",
        "openai/responses.hosted.sse",
    );
    check_agreement(
        ANTHROPIC,
        "anthropic/search.response.json",
        "anthropic/search.stream.sse",
    );
}
