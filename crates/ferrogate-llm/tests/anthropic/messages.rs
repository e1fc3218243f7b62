//! Anthropic's Messages.

use ferrogate_llm::chat::{Event, FinishReason};
use ferrogate_llm::{
    Address, Dialect, ErrorBody, Lossy, ModelTraits, TargetProfile, ThinkingStyle,
};
use serde_json::{Value, json};

use crate::support::{
    caller, check_stream, data, frames, json as tidy, read_stream, request, write_stream,
};

const ANTHROPIC: Dialect = Dialect::Anthropic;
const CHAT: Dialect = Dialect::OpenAiChat;

fn claude() -> ModelTraits {
    ModelTraits {
        thinking: ThinkingStyle::Adaptive,
        sampling: false,
        prefill: false,
        ..ModelTraits::default()
    }
}

#[test]
fn a_request_is_written_as_it_was_read() {
    for file in ["anthropic/messages.request.json", "fields/anthropic.json"] {
        let body = data(file);
        let (written, lost) = request(
            ANTHROPIC,
            ANTHROPIC,
            &body,
            "claude-sonnet-5",
            &ModelTraits::default(),
        )
        .unwrap();
        assert_eq!(written, tidy(&body), "{file}");
        assert!(lost.is_empty());
    }
}

#[test]
fn a_chat_request_is_what_the_reference_says() {
    let (written, lost) = request(
        CHAT,
        ANTHROPIC,
        &data("openai/chat.request.json"),
        "claude-sonnet-5",
        &claude(),
    )
    .unwrap();
    assert_eq!(
        written,
        tidy(&data("openai/chat.request.expected-anthropic.json"))
    );
    assert_eq!(
        lost,
        [
            "messages.content.image_url.detail",
            "metadata",
            "prompt_cache_key"
        ]
    );
}

#[test]
fn a_request_reads_like_chat_elsewhere() {
    let (written, lost) = request(
        ANTHROPIC,
        CHAT,
        &data("anthropic/messages.request.json"),
        "gpt-5.4-mini",
        &ModelTraits::default(),
    )
    .unwrap();
    insta::assert_snapshot!(format!(
        "{}\nlost: {}",
        serde_json::to_string_pretty(&written).unwrap(),
        lost.join(", ")
    ));
}

/// What a chat request becomes, and what is lost of it.
#[expect(clippy::needless_pass_by_value, reason = "`json!` makes values")]
fn check(traits: &ModelTraits, chat: Value, expected: Value, lost: &[&str]) {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    merge(&mut body, &chat);
    let mut full =
        json!({"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": "hi"}]});
    merge(&mut full, &expected);
    let (written, found) =
        request(CHAT, ANTHROPIC, body.to_string().as_bytes(), "m", traits).unwrap();
    assert_eq!(written, tidy(full.to_string().as_bytes()), "{body}");
    assert_eq!(found, lost, "{body}");
}

fn merge(into: &mut Value, from: &Value) {
    for (name, value) in from.as_object().unwrap() {
        into[name] = value.clone();
    }
}

fn style(thinking: ThinkingStyle) -> ModelTraits {
    ModelTraits {
        thinking,
        ..ModelTraits::default()
    }
}

#[test]
fn effort_becomes_thinking_as_the_model_wants_it() {
    let budget = style(ThinkingStyle::Budget);
    check(
        &budget,
        json!({"reasoning_effort": "high", "max_tokens": 9000, "temperature": 0.3}),
        json!({"thinking": {"type": "enabled", "budget_tokens": 4096}, "max_tokens": 9000}),
        &["temperature"],
    );
    check(
        &budget,
        json!({"reasoning_effort": "high", "max_tokens": 2048}),
        json!({"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048}),
        &[],
    );
    check(
        &budget,
        json!({"reasoning_effort": "high", "max_tokens": 1024, "temperature": 0.5}),
        json!({"max_tokens": 1024, "temperature": 0.5}),
        &["reasoning_effort"],
    );
    check(
        &budget,
        json!({"reasoning_effort": "max"}),
        json!({"thinking": {"type": "enabled", "budget_tokens": 10240}, "max_tokens": 20480}),
        &[],
    );
    check(
        &style(ThinkingStyle::Adaptive),
        json!({"reasoning_effort": "minimal"}),
        json!({"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}, "max_tokens": 5120}),
        &[],
    );
    check(
        &style(ThinkingStyle::Adaptive),
        json!({"reasoning_effort": "none"}),
        json!({"thinking": {"type": "disabled"}}),
        &[],
    );
    check(
        &style(ThinkingStyle::AdaptiveAlways),
        json!({"reasoning_effort": "none"}),
        json!({"output_config": {"effort": "low"}}),
        &["reasoning_effort"],
    );
    check(
        &style(ThinkingStyle::None),
        json!({"reasoning_effort": "low"}),
        json!({}),
        &["reasoning_effort"],
    );
}

#[test]
fn a_call_without_its_thought_is_not_thought_about() {
    let calls = json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [{"id": "a.b", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "a.b", "content": "1"}
    ]);
    let expected = json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a_b", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a_b", "content": "1"}]}
    ]);
    check(
        &style(ThinkingStyle::Budget),
        json!({"reasoning_effort": "low", "messages": calls}),
        json!({"messages": expected, "max_tokens": 5120}),
        &["reasoning_effort"],
    );
    let mut thought = calls;
    thought[1]["thinking_blocks"] =
        json!([{"type": "thinking", "thinking": "t", "signature": "s"}]);
    let mut expected = expected;
    let blocks = expected[1]["content"].as_array_mut().unwrap();
    blocks.insert(
        0,
        json!({"type": "thinking", "thinking": "t", "signature": "s"}),
    );
    check(
        &style(ThinkingStyle::Budget),
        json!({"reasoning_effort": "low", "messages": thought}),
        json!({"messages": expected, "max_tokens": 5120, "thinking": {"type": "enabled", "budget_tokens": 1024}}),
        &[],
    );
}

#[test]
fn turns_are_put_in_order() {
    check(
        &claude(),
        json!({"messages": [
            {"role": "system", "content": "a"},
            {"role": "developer", "content": "b"},
            {"role": "user", "content": "one", "name": "eve"},
            {"role": "system", "content": "c"},
            {"role": "user", "content": ""},
            {"role": "user", "content": "two"},
            {"role": "assistant", "content": "calling", "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{ \"x\": 1 }"}},
                {"id": "2", "type": "function", "function": {"name": "f", "arguments": "{broken"}}
            ]},
            {"role": "user", "content": "three"},
            {"role": "tool", "tool_call_id": "1", "content": "r1"},
            {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "r2"}]},
            {"role": "assistant", "content": "so "}
        ]}),
        json!({"system": "a\n\nb\n\nc", "messages": [
            {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "calling"},
                {"type": "tool_use", "id": "1", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "2", "name": "f", "input": {}}
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": "r1"},
                {"type": "tool_result", "tool_use_id": "2", "content": "r2"},
                {"type": "text", "text": "three"}
            ]},
            {"role": "assistant", "content": "so"},
            {"role": "user", "content": "."}
        ]}),
        &[
            "messages.name",
            "messages.role",
            "messages.tool_calls.function.arguments",
        ],
    );
    check(
        &ModelTraits {
            system_in_messages: true,
            ..ModelTraits::default()
        },
        json!({"messages": [{"role": "assistant", "content": "a"}, {"role": "system", "content": "b"}]}),
        json!({"messages": [
            {"role": "user", "content": "."},
            {"role": "assistant", "content": "a"},
            {"role": "system", "content": "b"}
        ]}),
        &[],
    );
}

#[test]
fn answers_in_json_are_had_in_one_of_three_ways() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "description": "D", "schema": schema}});
    check(
        &ModelTraits::default(),
        json!({"response_format": format}),
        json!({"output_config": {"format": {"type": "json_schema", "schema": {
            "type": "object",
            "properties": {"a": {"type": "integer", "description": "minimum: 1"}},
            "additionalProperties": false,
            "description": "D"
        }}}}),
        &[],
    );
    let older = ModelTraits {
        json_schema: false,
        ..ModelTraits::default()
    };
    check(
        &older,
        json!({"response_format": format}),
        json!({
            "tools": [{"name": "json_output", "description": "D", "input_schema": schema}],
            "tool_choice": {"type": "tool", "name": "json_output"}
        }),
        &[],
    );
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    check(
        &older,
        json!({"response_format": format, "tools": tools}),
        json!({
            "system": format!("Answer with JSON of this schema and nothing else: {schema}\nIt is: D"),
            "tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
        }),
        &["response_format"],
    );
    check(
        &older,
        json!({"response_format": {"type": "json_object"}}),
        json!({"system": "Answer with one JSON object and nothing else."}),
        &[],
    );
}

#[test]
fn tools_are_chosen_as_far_as_the_model_lets_itself_be_told() {
    let tools = json!([
        {"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "object"}}},
        {"type": "custom", "custom": {"name": "g", "format": {"type": "grammar"}}}
    ]);
    let f = json!({"name": "f", "input_schema": {"type": "object", "additionalProperties": false}, "strict": true});
    let g = json!({"name": "g", "input_schema": {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}});
    let no_force = ModelTraits {
        forced_tool_choice: false,
        ..ModelTraits::default()
    };
    for (traits, choice, parallel, kept, expected, lost) in [
        (
            ModelTraits::default(),
            json!("required"),
            false,
            json!([f, g]),
            json!({"type": "any", "disable_parallel_tool_use": true}),
            vec!["tools.custom.format"],
        ),
        (
            ModelTraits::default(),
            json!({"type": "function", "function": {"name": "f"}}),
            true,
            json!([f, g]),
            json!({"type": "tool", "name": "f"}),
            vec!["tools.custom.format"],
        ),
        (
            no_force,
            json!("required"),
            true,
            json!([f, g]),
            json!({"type": "auto"}),
            vec!["tool_choice", "tools.custom.format"],
        ),
        (
            ModelTraits::default(),
            json!("none"),
            false,
            json!([f, g]),
            json!({"type": "none"}),
            vec!["tools.custom.format"],
        ),
        (
            ModelTraits::default(),
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]}}),
            true,
            json!([f]),
            json!({"type": "any"}),
            vec![],
        ),
        (
            ModelTraits::default(),
            json!(null),
            false,
            json!([f, g]),
            json!({"type": "auto", "disable_parallel_tool_use": true}),
            vec!["tools.custom.format"],
        ),
    ] {
        check(
            &traits,
            json!({"tools": tools, "tool_choice": choice, "parallel_tool_calls": parallel}),
            json!({"tools": kept, "tool_choice": expected}),
            &lost,
        );
    }
}

#[test]
fn media_are_carried_or_refused() {
    let part =
        |part: Value| json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
    for (given, expected) in [
        (
            json!({"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}),
            Ok(
                json!({"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}}),
            ),
        ),
        (
            json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QQ=="}}),
            Ok(
                json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QQ=="}, "title": "a.pdf"}),
            ),
        ),
        (
            json!({"type": "file", "file": {"filename": "a.csv", "file_data": "data:text/csv;base64,YSxi"}}),
            Ok(
                json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a,b"}, "title": "a.csv"}),
            ),
        ),
        (
            json!({"type": "file", "file": {"file_data": "data:application/zip;base64,QQ=="}}),
            Err(
                "messages.content: this provider takes pictures, PDF and text, not `application/zip`",
            ),
        ),
        (
            json!({"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}}),
            Err("messages.content: this model takes no recordings and no films"),
        ),
        (
            json!({"type": "image_url", "image_url": {"url": "gs://a/b"}}),
            Err(
                "messages.content: this provider does not fetch from that URL: send the bytes in base64",
            ),
        ),
    ] {
        let body = part(given).to_string();
        let found = request(CHAT, ANTHROPIC, body.as_bytes(), "m", &claude())
            .map(|(written, _)| written["messages"][0]["content"][0].clone());
        assert_eq!(found, expected.map_err(str::to_owned), "{body}");
    }
}

#[test]
fn an_answer_is_what_the_reference_says() {
    let body = data("anthropic/messages.response.json");
    let answer = ANTHROPIC.protocol().read_answer(&body).unwrap();
    let caller = caller("claude-sonnet-5");
    let written = CHAT.protocol().write_answer(&answer, &caller);
    let mut expected = tidy(&data("anthropic/messages.response.expected-openai.json"));
    // The tier that served it is told, too.
    expected["service_tier"] = "default".into();
    assert_eq!(tidy(&written), expected);
    let written = ANTHROPIC.protocol().write_answer(&answer, &caller);
    assert_eq!(tidy(&written), tidy(&body));
}

#[test]
fn a_refusal_is_one_everywhere() {
    let body = data("anthropic/messages.response.refusal.json");
    let answer = ANTHROPIC.protocol().read_answer(&body).unwrap();
    let written = tidy(&CHAT.protocol().write_answer(&answer, &caller("m")));
    let choice = &written["choices"][0];
    assert_eq!(choice["finish_reason"], "content_filter");
    assert_eq!(choice["message"]["refusal"], "The request was declined.");
    let written = ANTHROPIC
        .protocol()
        .write_answer(&answer, &caller("claude-opus-5-5"));
    assert_eq!(tidy(&written), tidy(&body));
}

#[test]
fn streams_are_what_the_reference_says() {
    let stream = data("anthropic/messages.stream.sse");
    let events = check_stream(ANTHROPIC, &stream);
    let written = write_stream(CHAT, &events, &caller("claude-sonnet-5"));
    let mut found = frames(written.as_bytes());
    // Behind the thought its signature goes out in a chunk of its own, which the reference leaves open.
    let signature = found.remove(3).1;
    assert_eq!(
        signature["choices"][0]["delta"]["thinking_blocks"][0]["signature"],
        "EuYBCk-opaque"
    );
    let expected = frames(&data("anthropic/messages.stream.expected-openai.sse"));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        let mut expected = expected.1.clone();
        if expected["usage"]["prompt_tokens_details"].is_object() {
            // Nothing was written to the cache.
            expected["usage"]["prompt_tokens_details"]
                .as_object_mut()
                .unwrap()
                .remove("cache_write_tokens");
        }
        assert_eq!(found.1, expected);
    }

    let stream = data("openai/chat.stream.tools.sse");
    let events = check_stream(CHAT, &stream);
    let written = write_stream(ANTHROPIC, &events, &caller("gpt-5.4-mini-2026-03-05"));
    let mut expected = frames(&data("openai/chat.stream.tools.expected-anthropic.sse"));
    // The start tells of the cache as well: nothing is known to be in it.
    expected[0].1["message"]["usage"] =
        tidy(br#"{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}"#);
    assert_eq!(frames(written.as_bytes()), expected);
}

#[test]
fn a_stream_is_written_as_it_was_read() {
    let stream = data("anthropic/messages.stream.sse");
    let events = read_stream(ANTHROPIC, &[&stream]);
    let written = write_stream(ANTHROPIC, &events, &caller("claude-sonnet-5"));
    insta::assert_snapshot!(written);
}

#[test]
fn an_error_in_a_stream_ends_it_in_the_callers_words() {
    for (from, file, to, last) in [
        (
            ANTHROPIC,
            "anthropic/messages.stream.error.sse",
            CHAT,
            json!({"error": {"message": "Overloaded", "type": "service_unavailable_error", "code": "server_is_overloaded"}}),
        ),
        (
            ANTHROPIC,
            "anthropic/messages.stream.error.sse",
            ANTHROPIC,
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        ),
        (
            CHAT,
            "openai/chat.stream.error.sse",
            ANTHROPIC,
            json!({"type": "error", "error": {"type": "api_error", "message": "Internal failure while generating the answer."}}),
        ),
    ] {
        let events = check_stream(from, &data(file));
        assert!(matches!(events.last(), Some(Event::Fault(_))));
        let written = write_stream(to, &events, &caller("m"));
        let last_frame = frames(written.as_bytes()).pop().unwrap().1;
        assert_eq!(last_frame, last);
    }
}

#[test]
fn errors_are_read_and_written() {
    for file in ["anthropic/error.429.json", "anthropic/error.529.json"] {
        let recorded: Value = serde_json::from_slice(&data(file)).unwrap();
        let body = recorded["body"].to_string();
        let fault = ANTHROPIC
            .protocol()
            .read_answer(body.as_bytes())
            .unwrap_err();
        let error = ErrorBody {
            message: &fault.message,
            kind: fault.kind.as_deref().unwrap(),
            param: None,
            code: fault.code.as_deref().unwrap_or_default(),
            request_id: None,
        };
        let written: Value =
            serde_json::from_slice(&ANTHROPIC.protocol().error_body(&error)).unwrap();
        assert_eq!(written["error"], recorded["body"]["error"]);
    }
}

#[test]
fn tokens_are_counted() {
    let recorded: Value = serde_json::from_slice(&data("anthropic/count_tokens.json")).unwrap();
    let body = recorded["request"].to_string();
    let request = ANTHROPIC
        .protocol()
        .read_request(body.as_bytes(), Address::default())
        .unwrap();
    let traits = ModelTraits::default();
    let target = TargetProfile {
        model: "claude-sonnet-5",
        traits: &traits,
        quirks: &[],
    };
    let mut lossy = Lossy::new(ANTHROPIC);
    let written = ferrogate_llm::count::write_request(
        Dialect::Anthropic,
        &request,
        &target,
        true,
        &mut lossy,
    )
    .unwrap();
    assert_eq!(tidy(&written), tidy(body.as_bytes()));
    let answer = recorded["response"].to_string();
    let counted = ferrogate_llm::count::read_answer(Dialect::Anthropic, answer.as_bytes()).unwrap();
    assert_eq!(
        ferrogate_llm::count::write_answer(Dialect::Anthropic, counted),
        answer.as_bytes()
    );
}

#[test]
fn hosted_tools_and_citations_pass_and_are_told() {
    let events = check_stream(ANTHROPIC, &data("anthropic/search.stream.sse"));
    let mut shown = String::new();
    for to in [CHAT, ANTHROPIC] {
        shown += "== ";
        shown += to.as_str();
        shown += "\n";
        shown += &write_stream(to, &events, &caller("m"));
    }
    insta::assert_snapshot!(shown);
    assert!(matches!(
        events.as_slice(),
        [
            ..,
            Event::Finish {
                reason: FinishReason::StopSequence,
                stop_sequence: Some(_),
                ..
            },
            Event::End
        ]
    ));
}

#[test]
fn a_schema_sent_as_a_tool_comes_back_as_the_answer() {
    let body = json!({
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    })
    .to_string();
    let asked = CHAT
        .protocol()
        .read_request(body.as_bytes(), Address::default())
        .unwrap();
    let older = ModelTraits {
        json_schema: false,
        ..ModelTraits::default()
    };
    let emulation = |traits: &ModelTraits| {
        let target = TargetProfile {
            model: "m",
            traits,
            quirks: &[],
        };
        ANTHROPIC.protocol().emulation(&asked, &target)
    };
    assert!(emulation(&ModelTraits::default()).is_empty());
    let emulation = emulation(&older);

    let given = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
        "content": [{"type": "tool_use", "id": "t", "name": "json_output", "input": {"a": 1}}],
        "usage": {"input_tokens": 1, "output_tokens": 1}
    })
    .to_string();
    let mut answer = ANTHROPIC.protocol().read_answer(given.as_bytes()).unwrap();
    emulation.undo(&mut answer);
    let written = tidy(&CHAT.protocol().write_answer(&answer, &caller("m")));
    let choice = &written["choices"][0];
    assert_eq!(choice["message"]["content"], r#"{"a":1}"#);
    assert_eq!(choice["finish_reason"], "stop");

    let mut stream = emulation.stream();
    let mut events = Vec::new();
    let answered = write_stream(ANTHROPIC, &call_events(&given), &caller("m"));
    for event in read_stream(ANTHROPIC, &[answered.as_bytes()]) {
        stream.pass(event, |event| events.push(event));
    }
    let written = write_stream(CHAT, &events, &caller("m"));
    let said: String = frames(written.as_bytes())
        .iter()
        .filter_map(|(_, chunk)| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, r#"{"a":1}"#);
    assert!(written.contains(r#""finish_reason":"stop""#));
}

/// The events of a call of the JSON tool.
fn call_events(answer: &str) -> Vec<Event> {
    use ferrogate_llm::chat::{BlockKind, Delta};
    let answer: Value = serde_json::from_str(answer).unwrap();
    let call = &answer["content"][0];
    vec![
        Event::Open {
            choice: 0,
            block: 0,
            kind: BlockKind::ToolUse {
                id: "t".to_owned(),
                name: call["name"].as_str().unwrap().to_owned(),
                custom: false,
            },
        },
        Event::Delta {
            choice: 0,
            block: 0,
            delta: Delta::Arguments(call["input"].to_string()),
        },
        Event::Close {
            choice: 0,
            block: 0,
        },
        Event::Finish {
            choice: 0,
            reason: FinishReason::ToolUse,
            stop_sequence: None,
        },
        Event::End,
    ]
}
