//! Bedrock's Converse.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrogate_llm::chat::Event;
use ferrogate_llm::{
    Dialect, ErrorBody, EventStreamDecoder, MessageKind, ModelTraits, Packet, RelayedStream, Step,
    ThinkingStyle, encode_message,
};
use serde_json::{Value, json};

use crate::support::{
    CALLER, DIALECTS, at, json as parse, leaves, read, relay, translate, without_nulls,
};

const REQUEST: &str = include_str!("../data/bedrock/converse.request.json");
const MAXIMAL: &str = include_str!("../data/fields/converse.json");
const EFFORT: &str = include_str!("../data/fields/converse-effort.json");
const RESPONSE: &str = include_str!("../data/bedrock/converse.response.json");
const TOOLS: &str = include_str!("../data/bedrock/converse.response.tools.json");
const STREAM: &str = include_str!("../data/bedrock/converse-stream.json");
const BROKEN: &str = include_str!("../data/bedrock/converse-stream-exception.json");
const CLAUDE: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

fn bytes_of(fixture: &str) -> Vec<u8> {
    let fixture = parse(fixture);
    STANDARD
        .decode(fixture["base64"].as_str().unwrap())
        .unwrap()
}

/// Kind, name and payload of each message.
fn messages(bytes: &[u8]) -> Vec<(MessageKind, String, Value)> {
    let mut decoder = EventStreamDecoder::new(1 << 20);
    decoder.push(bytes.to_vec().into()).unwrap();
    assert!(decoder.remainder().is_empty());
    std::iter::from_fn(|| decoder.next_message())
        .map(|message| (message.kind, message.name, parse(message.payload)))
        .collect()
}

fn adaptive() -> ModelTraits {
    ModelTraits {
        thinking: ThinkingStyle::Adaptive,
        ..ModelTraits::default()
    }
}

fn to_bedrock(body: &Value, model: &str, traits: &ModelTraits) -> (Value, Vec<String>) {
    let body = body.to_string();
    translate(
        Dialect::OpenAiChat,
        Dialect::Converse,
        model,
        traits,
        body.as_bytes(),
    )
}

#[test]
fn a_request_is_written_as_it_was_read() {
    for body in [REQUEST, MAXIMAL, EFFORT] {
        let traits = ModelTraits::default();
        let (written, lossy) = translate(
            Dialect::Converse,
            Dialect::Converse,
            CLAUDE,
            &traits,
            body.as_bytes(),
        );
        assert_eq!(written, parse(body));
        assert_eq!(lossy, [""; 0]);
    }
}

#[test]
fn a_request_of_openai_is_translated() {
    // The schema goes into a string, so the order of its members shows. The reference leaves metadata out.
    let body = include_str!("../data/bedrock/openai.request.json").as_bytes();
    let expected = parse(include_str!(
        "../data/bedrock/openai.request.expected-converse.json"
    ));
    let (written, lossy) = translate(
        Dialect::OpenAiChat,
        Dialect::Converse,
        CLAUDE,
        &adaptive(),
        body,
    );
    assert_eq!(written, expected);
    assert_eq!(
        lossy,
        [
            "messages.content.image_url.detail",
            "user",
            "prompt_cache_key"
        ]
    );
}

fn remove(value: &mut Value, path: &[String]) {
    let (last, way) = path.split_last().unwrap();
    match at(value, way) {
        Value::Array(items) => drop(items.remove(last.parse().unwrap())),
        other => drop(other.as_object_mut().unwrap().remove(last)),
    }
}

#[test]
fn no_field_of_a_request_is_lost_without_a_word() {
    // What says the same as nothing: the default of a status, of a cache point, "enabled" beside a budget.
    const DEFAULTS: [&str; 3] = ["toolResult.status", "cachePoint.type", "thinking.type"];
    for (body, to) in [MAXIMAL, EFFORT]
        .into_iter()
        .flat_map(|body| [(body, Dialect::OpenAiChat), (body, Dialect::Converse)])
    {
        let whole = parse(body);
        let mut found = Vec::new();
        leaves(&whole, &mut Vec::new(), &mut found);
        let traits = ModelTraits::default();
        let written_of = |body: &Value| {
            let text = body.to_string();
            let address = ferrogate_llm::Address {
                model: Some("asked".into()),
                stream: false,
            };
            let request = Dialect::Converse
                .protocol()
                .read_request(text.as_bytes(), address)
                .ok()?;
            let mut lossy = ferrogate_llm::Lossy::new(Dialect::Converse);
            let target = ferrogate_llm::TargetProfile {
                model: CLAUDE,
                traits: &traits,
                quirks: &[],
            };
            let written = to
                .protocol()
                .write_request(&request, &target, &mut lossy)
                .ok()?;
            Some((
                written,
                lossy.fields().map(str::to_owned).collect::<Vec<_>>(),
            ))
        };
        let (bytes, lost) = written_of(&whole).unwrap();
        for path in &found {
            let names: Vec<&str> = path
                .iter()
                .map(String::as_str)
                .filter(|step| step.parse::<usize>().is_err())
                .collect();
            let dotted = names.join(".");
            let mut less = whole.clone();
            remove(&mut less, path);
            let Some(after) = written_of(&less) else {
                continue;
            };
            // A member that is reported whole is reported with all it holds.
            let reported = lost.iter().any(|name| {
                dotted.starts_with(name.as_str())
                    || names.contains(&name.strip_prefix("messages.content.").unwrap_or(name))
            });
            let default = DEFAULTS.iter().any(|default| dotted.ends_with(default));
            assert!(
                after != (bytes.clone(), lost.clone()) || reported || default,
                "{to:?}: {dotted} is lost; reported: {lost:?}"
            );
        }
    }
}

#[test]
fn turns_are_put_in_the_order_that_bedrock_wants() {
    let (written, lossy) = to_bedrock(
        &json!({"model": "m", "messages": [
            {"role": "system", "content": "one"},
            {"role": "system", "content": [{"type": "text", "text": " ", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": "hello"},
            {"role": "user", "content": "  "},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call/1", "type": "function", "function": {"name": "f", "arguments": ""}},
                {"id": "x".repeat(65), "type": "function", "function": {"name": "g", "arguments": "{oops"}},
            ]},
            {"role": "user", "content": "so?"},
            {"role": "tool", "tool_call_id": "call/1", "content": "[1]"},
            {"role": "tool", "tool_call_id": "x".repeat(65), "content": ""},
            {"role": "developer", "content": "two"},
            {"role": "assistant", "content": "It is \n"},
        ]}),
        CLAUDE,
        &ModelTraits::default(),
    );
    let id =
        |place: usize| written["messages"][3]["content"][place]["toolUse"]["toolUseId"].clone();
    assert_eq!(
        written,
        json!({
            "system": [{"text": "one"}, {"text": "two"}],
            "messages": [
                {"role": "user", "content": [{"text": "."}]},
                {"role": "assistant", "content": [{"text": "hello"}]},
                {"role": "user", "content": [{"text": "."}]},
                {"role": "assistant", "content": [
                    {"toolUse": {"toolUseId": id(0), "name": "f", "input": {}}},
                    {"toolUse": {"toolUseId": id(1), "name": "g", "input": {}}},
                ]},
                {"role": "user", "content": [
                    {"toolResult": {"toolUseId": id(0), "content": [{"text": "[1]"}], "status": "success"}},
                    {"toolResult": {"toolUseId": id(1), "content": [], "status": "success"}},
                    {"text": "so?"},
                ]},
                {"role": "assistant", "content": [{"text": "It is"}]},
            ],
            "toolConfig": {"tools": [{"toolSpec": {
                "name": "no_tools", "description": "Does nothing. Never call it.",
                "inputSchema": {"json": {"type": "object", "properties": {}}},
            }}]},
        })
    );
    assert_eq!(lossy, ["messages.role", "messages.tool_calls.arguments"]);
}

#[test]
fn documents_have_names_and_a_text_beside_them() {
    let file = json!({"type": "file", "file": {"filename": "a_b.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}});
    let (written, _) = to_bedrock(
        &json!({"model": "m", "messages": [{"role": "user", "content": [file, file]}]}),
        CLAUDE,
        &ModelTraits::default(),
    );
    let document = |name: &str| json!({"document": {"format": "pdf", "name": name, "source": {"bytes": "JVBERg=="}}});
    assert_eq!(
        written["messages"][0]["content"],
        json!([document("a-b-pdf"), document("a-b-pdf (2)"), {"text": "."}])
    );
}

#[test]
fn what_bedrock_cannot_take_is_refused() {
    for part in [
        json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
        json!({"type": "image_url", "image_url": {"url": "data:image/bmp;base64,QQ=="}}),
        json!({"type": "file", "file": {"file_id": "file-1"}}),
    ] {
        let body =
            json!({"model": "m", "messages": [{"role": "user", "content": [part]}]}).to_string();
        let request = read(Dialect::OpenAiChat, body.as_bytes());
        let traits = ModelTraits::default();
        let target = ferrogate_llm::TargetProfile {
            model: CLAUDE,
            traits: &traits,
            quirks: &[],
        };
        let mut lossy = ferrogate_llm::Lossy::new(Dialect::OpenAiChat);
        let refused = Dialect::Converse
            .protocol()
            .write_request(&request, &target, &mut lossy);
        assert_eq!(refused.unwrap_err().param, "messages.content", "{part}");
    }
}

/// How tools are chosen: what is said, what is sent, what is lost.
#[test]
fn a_choice_of_tools_is_said_in_bedrocks_words() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let named = |name: &str| json!({"type": "function", "function": {"name": name}});
    let check = |said: Value, model: &str, config: Value, fields: Value, lost: &[&str]| {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "tools": [tool("f"), tool("g")]});
        for (name, value) in said.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (written, lossy) = to_bedrock(&body, model, &ModelTraits::default());
        let names: Vec<&str> = written["toolConfig"]["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tool| tool["toolSpec"]["name"].as_str())
            .collect();
        let shown = json!([names.join(" "), written["toolConfig"]["toolChoice"]]);
        assert_eq!(shown, config, "{said}");
        assert_eq!(written["additionalModelRequestFields"], fields, "{said}");
        assert_eq!(lossy, lost, "{said}");
    };
    let null = Value::Null;
    check(json!({}), CLAUDE, json!(["f g", null]), null.clone(), &[]);
    check(
        json!({"tool_choice": "auto"}),
        CLAUDE,
        json!(["f g", {"auto": {}}]),
        null.clone(),
        &[],
    );
    check(
        json!({"tool_choice": "required"}),
        CLAUDE,
        json!(["f g", {"any": {}}]),
        null.clone(),
        &[],
    );
    check(
        json!({"tool_choice": "none"}),
        CLAUDE,
        json!(["", null]),
        null.clone(),
        &[],
    );
    check(
        json!({"tool_choice": named("g")}),
        CLAUDE,
        json!(["f g", {"tool": {"name": "g"}}]),
        null.clone(),
        &[],
    );
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named("g")]}});
    check(
        json!({"tool_choice": allowed}),
        CLAUDE,
        json!(["g", {"any": {}}]),
        null.clone(),
        &[],
    );
    check(
        json!({"tool_choice": named("f"), "parallel_tool_calls": false}),
        CLAUDE,
        json!(["f g", null]),
        json!({"tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true}}),
        &[],
    );
    check(
        json!({"parallel_tool_calls": false}),
        "meta.llama3",
        json!(["f g", null]),
        null,
        &["parallel_tool_calls"],
    );
}

#[test]
fn thinking_is_asked_for_in_the_words_of_the_models_family() {
    let check =
        |model: &str, thinking: ThinkingStyle, said: Value, fields: Value, lost: &[&str]| {
            let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
            for (name, value) in said.as_object().unwrap() {
                body[name] = value.clone();
            }
            let traits = ModelTraits {
                thinking,
                ..ModelTraits::default()
            };
            let (written, lossy) = to_bedrock(&body, model, &traits);
            assert_eq!(
                written["additionalModelRequestFields"], fields,
                "{model} {said}"
            );
            assert_eq!(lossy, lost, "{model} {said}");
        };
    let null = Value::Null;
    let low = json!({"reasoning_effort": "low"});
    let none = json!({"reasoning_effort": "none"});
    let shown = json!({"type": "adaptive", "display": "summarized"});
    let adaptive = json!({"thinking": shown, "output_config": {"effort": "low"}});
    check(
        CLAUDE,
        ThinkingStyle::Adaptive,
        low.clone(),
        adaptive.clone(),
        &[],
    );
    check(CLAUDE, ThinkingStyle::Unknown, low.clone(), adaptive, &[]);
    check(
        CLAUDE,
        ThinkingStyle::Adaptive,
        none.clone(),
        json!({"thinking": {"type": "disabled"}}),
        &[],
    );
    check(
        CLAUDE,
        ThinkingStyle::AdaptiveAlways,
        none.clone(),
        json!({"output_config": {"effort": "low"}}),
        &["reasoning_effort"],
    );
    let budget = |tokens: u64| json!({"thinking": {"type": "enabled", "budget_tokens": tokens, "display": "summarized"}});
    check(
        CLAUDE,
        ThinkingStyle::Budget,
        low.clone(),
        budget(1024),
        &[],
    );
    check(
        CLAUDE,
        ThinkingStyle::Budget,
        json!({"reasoning_effort": "high", "max_tokens": 3000}),
        budget(2999),
        &[],
    );
    check(
        CLAUDE,
        ThinkingStyle::Budget,
        json!({"reasoning_effort": "high", "max_tokens": 1000}),
        null.clone(),
        &["reasoning_effort"],
    );
    check(
        CLAUDE,
        ThinkingStyle::Budget,
        none.clone(),
        null.clone(),
        &[],
    );
    check(
        CLAUDE,
        ThinkingStyle::None,
        low.clone(),
        null.clone(),
        &["reasoning_effort"],
    );
    let nova = json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}});
    check(
        "us.amazon.nova-2-lite-v1:0",
        ThinkingStyle::Unknown,
        low.clone(),
        nova,
        &[],
    );
    let off = json!({"reasoningConfig": {"type": "disabled"}});
    check(
        "us.amazon.nova-2-lite-v1:0",
        ThinkingStyle::Unknown,
        none,
        off,
        &[],
    );
    check(
        "openai.gpt-oss-20b-1:0",
        ThinkingStyle::Effort,
        low.clone(),
        low.clone(),
        &[],
    );
    let object = json!({"reasoning": {"effort": "low"}});
    check(
        "openai.gpt-5.6",
        ThinkingStyle::Effort,
        low.clone(),
        object,
        &[],
    );
    check(
        "us.deepseek.r1-v1:0",
        ThinkingStyle::Always,
        low,
        null,
        &["reasoning_effort"],
    );
}

#[test]
fn an_answer_is_translated() {
    let protocol = Dialect::Converse.protocol();
    let answer = protocol.read_answer(RESPONSE.as_bytes()).unwrap();
    let usage = answer.usage.unwrap();
    assert_eq!(
        (usage.input, usage.cached_input, usage.output),
        (1085, 1024, 12)
    );
    assert_eq!(
        parse(protocol.write_answer(&answer, &CALLER)),
        parse(RESPONSE)
    );
    let openai = Dialect::OpenAiChat.protocol();
    let written = parse(openai.write_answer(&answer, &CALLER));
    assert_eq!(written["model"], "asked");
    assert_eq!(
        written["choices"][0]["message"]["content"],
        "Oslo is at 4 \u{b0}C."
    );
    assert_eq!(written["choices"][0]["finish_reason"], "stop");
    // And back: what a caller of Converse gets of a provider that speaks OpenAI's dialect.
    let text = written.to_string();
    let back = parse(protocol.write_answer(&openai.read_answer(text.as_bytes()).unwrap(), &CALLER));
    let mut expected = parse(RESPONSE);
    expected["metrics"]["latencyMs"] = 0.into();
    assert_eq!(back, expected);
}

#[test]
fn an_answer_without_a_message_is_a_fault() {
    for (body, message) in [
        ("{}", "the answer has no `output`"),
        (r#"{"message":"no such model"}"#, "no such model"),
        (
            r#"{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"malformed_tool_use"}"#,
            "the model's answer could not be read: `malformed_tool_use`",
        ),
        ("[]", "the answer is not a JSON object"),
    ] {
        let fault = Dialect::Converse
            .protocol()
            .read_answer(body.as_bytes())
            .unwrap_err();
        assert_eq!(fault.message, message);
    }
}

#[test]
fn a_stream_is_translated() {
    let (sent, whole) = relay(Dialect::Converse, Dialect::OpenAiChat, &[&bytes_of(STREAM)]);
    assert!(whole);
    let expected = include_str!("../data/bedrock/converse-stream.expected-openai.sse");
    assert_eq!(String::from_utf8(sent).unwrap(), expected);
}

#[test]
fn a_stream_is_written_as_bedrock_writes_it() {
    let recorded = bytes_of(STREAM);
    let (sent, _) = relay(Dialect::Converse, Dialect::Converse, &[&recorded]);
    let mut expected = messages(&recorded);
    for (_, name, payload) in &mut expected {
        payload.as_object_mut().unwrap().remove("p");
        if name == "metadata" {
            payload["metrics"]["latencyMs"] = 0.into();
        }
    }
    assert_eq!(messages(&sent), expected);
}

#[test]
fn any_split_gives_the_same_stream() {
    let recorded = bytes_of(STREAM);
    for to in [Dialect::OpenAiChat, Dialect::Converse] {
        let whole = relay(Dialect::Converse, to, &[&recorded]);
        for at in 0..=recorded.len() {
            let (head, tail) = recorded.split_at(at);
            assert_eq!(
                relay(Dialect::Converse, to, &[head, tail]),
                whole,
                "{to:?} {at}"
            );
        }
    }
}

#[test]
fn a_cut_stream_is_not_whole() {
    let recorded = bytes_of(STREAM);
    let (full, _) = relay(Dialect::Converse, Dialect::OpenAiChat, &[&recorded]);
    let metadata = recorded.len() - messages_length(&recorded, "metadata");
    for at in 0..recorded.len() {
        let (sent, whole) = relay(Dialect::Converse, Dialect::OpenAiChat, &[&recorded[..at]]);
        // Behind `messageStop` nothing is missing but the usage.
        assert_eq!(whole, at >= metadata, "{at}");
        assert_ne!(sent, full);
    }
}

/// The bytes of the last message, which has that name.
fn messages_length(bytes: &[u8], name: &str) -> usize {
    let mut decoder = EventStreamDecoder::new(1 << 20);
    decoder.push(bytes.to_vec().into()).unwrap();
    let last = std::iter::from_fn(|| decoder.next_message())
        .last()
        .unwrap();
    assert_eq!(last.name, name);
    last.raw.len()
}

#[test]
fn an_exception_ends_a_stream_as_an_error() {
    let recorded = bytes_of(BROKEN);
    let (sent, whole) = relay(Dialect::Converse, Dialect::OpenAiChat, &[&recorded]);
    let text = String::from_utf8(sent).unwrap();
    assert!(!whole);
    assert!(text.ends_with("\n\n") && !text.contains("[DONE]"));
    let last = text.trim_end().rsplit("data: ").next().unwrap();
    assert_eq!(
        parse(last)["error"],
        json!({"message": "Too many tokens, please wait before trying again.", "type": "throttlingException", "param": null, "code": "upstream_error"})
    );
    let (sent, _) = relay(Dialect::Converse, Dialect::Converse, &[&recorded]);
    assert_eq!(messages(&sent).last(), messages(&recorded).last());
}

#[test]
fn a_collected_stream_is_the_whole_answer() {
    let protocol = Dialect::Converse.protocol();
    let answer = protocol.read_answer(TOOLS.as_bytes()).unwrap();
    let whole = parse(
        Dialect::OpenAiChat
            .protocol()
            .write_answer(&answer, &CALLER),
    );
    let (sent, _) = relay(Dialect::Converse, Dialect::OpenAiChat, &[&bytes_of(STREAM)]);
    let mut collected = json!({"content": "", "reasoning_content": "", "arguments": ""});
    let text = String::from_utf8(sent).unwrap();
    let mut usage = Value::Null;
    for data in text.split("data: ").filter(|data| data.starts_with('{')) {
        let chunk = parse(data.trim_end());
        if !chunk["usage"].is_null() {
            usage = chunk["usage"].clone();
        }
        let delta = &chunk["choices"][0]["delta"];
        let call = &delta["tool_calls"][0]["function"]["arguments"];
        for (name, piece) in [
            ("content", &delta["content"]),
            ("reasoning_content", &delta["reasoning_content"]),
            ("arguments", call),
        ] {
            let all =
                collected[name].as_str().unwrap().to_owned() + piece.as_str().unwrap_or_default();
            collected[name] = all.into();
        }
    }
    let message = &whole["choices"][0]["message"];
    assert_eq!(collected["content"], message["content"]);
    assert_eq!(collected["reasoning_content"], message["reasoning_content"]);
    let arguments = message["tool_calls"][0]["function"]["arguments"]
        .as_str()
        .unwrap();
    assert_eq!(
        parse(collected["arguments"].as_str().unwrap()),
        parse(arguments)
    );
    assert_eq!(usage, whole["usage"]);
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn streams_of_others_become_events_of_bedrock() {
    let stream = concat!(
        r#"data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}},{"index":1,"id":"b","custom":{"name":"g","input":"say \"hi\""}}]}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
        "\n\n",
        r#"data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}"#,
        "\n\n",
        "data: [DONE]\n\n",
    );
    let (sent, whole) = relay(Dialect::OpenAiChat, Dialect::Converse, &[stream.as_bytes()]);
    assert!(whole);
    let shown: Vec<(String, Value)> = messages(&sent)
        .into_iter()
        .map(|(_, name, payload)| (name, payload))
        .collect();
    let start = |index: u32, id: &str, name: &str| {
        (
            "contentBlockStart".to_owned(),
            json!({"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": id, "name": name}}}),
        )
    };
    let input = |index: u32, piece: &str| {
        (
            "contentBlockDelta".to_owned(),
            json!({"contentBlockIndex": index, "delta": {"toolUse": {"input": piece}}}),
        )
    };
    let stop = |index: u32| {
        (
            "contentBlockStop".to_owned(),
            json!({"contentBlockIndex": index}),
        )
    };
    assert_eq!(
        shown,
        [
            ("messageStart".to_owned(), json!({"role": "assistant"})),
            start(0, "a", "f"),
            input(0, "{}"),
            stop(0),
            start(1, "b", "g"),
            input(1, "{\"input\":\"say \\\"hi\\\""),
            input(1, "\"}"),
            stop(1),
            ("messageStop".to_owned(), json!({"stopReason": "tool_use"})),
            (
                "metadata".to_owned(),
                json!({
                    "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 11, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 0},
                    "metrics": {"latencyMs": 0},
                })
            ),
        ]
    );
}

#[test]
fn blocks_of_a_stream_are_opened_once_and_closed() {
    let event = |name: &str, payload: &Value| encode_message(name, payload.to_string().as_bytes());
    let delta = |index: u64, delta: Value| {
        event(
            "contentBlockDelta",
            &json!({"contentBlockIndex": index, "delta": delta}),
        )
    };
    let stream = [
        delta(0, json!({"reasoningContent": {"redactedContent": "cmVk"}})),
        event("contentBlockStop", &json!({"contentBlockIndex": 0})),
        // Announced without a word of what it is.
        event(
            "contentBlockStart",
            &json!({"contentBlockIndex": 1, "start": {}}),
        ),
        delta(1, json!({"text": "a"})),
        delta(
            1,
            json!({"citation": {"title": "t", "location": {"web": {"url": "https://x"}}}}),
        ),
        // Never closed, and another kind at the same place.
        delta(1, json!({"reasoningContent": {"text": "b"}})),
        event(
            "contentBlockStart",
            &json!({"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "s", "name": "search", "type": "server_tool_use"}}}),
        ),
        delta(2, json!({"toolUse": {"input": "{}"}})),
        event(
            "contentBlockStart",
            &json!({"contentBlockIndex": 3, "start": {"image": {"format": "png"}}}),
        ),
        delta(3, json!({"image": {"source": {"bytes": "QQ=="}}})),
        event("novelty", &json!({})),
        event(
            "messageStop",
            &json!({"stopReason": "stop_sequence", "additionalModelResponseFields": {"stop_sequence": "END"}}),
        ),
        delta(4, json!({"text": "late"})),
    ];
    let mut reader = Dialect::Converse.protocol().stream_reader();
    let mut events = Vec::new();
    let mut decoder = EventStreamDecoder::new(1 << 20);
    for message in stream {
        decoder.push(message).unwrap();
        let message = decoder.next_message().unwrap();
        let packet = Packet {
            name: Some(&message.name),
            exception: false,
            data: &message.payload,
        };
        reader.read(packet, &mut events);
    }
    reader.finish(&mut events);
    let shown: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::Open { block, .. } => format!("open {block}"),
            Event::Delta { block, .. } => format!("delta {block}"),
            Event::Close { block, .. } => format!("close {block}"),
            Event::Finish { stop_sequence, .. } => format!("finish {stop_sequence:?}"),
            Event::Start(_) => "start".to_owned(),
            Event::End => "end".to_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        shown,
        [
            "start",
            "open 0",
            "close 0",
            "open 1",
            "delta 1",
            "delta 1",
            "close 1",
            "open 2",
            "delta 2",
            "open 3",
            "close 3",
            "close 2",
            "finish Some(\"END\")",
            "end",
        ]
    );
}

#[test]
fn every_dialect_is_answered_with_what_bedrock_says() {
    let recorded = bytes_of(STREAM);
    let answer = Dialect::Converse
        .protocol()
        .read_answer(TOOLS.as_bytes())
        .unwrap();
    for to in DIALECTS {
        let (sent, whole) = relay(Dialect::Converse, to, &[&recorded]);
        assert!(whole && !sent.is_empty(), "{to:?}");
        let body = without_nulls(parse(to.protocol().write_answer(&answer, &CALLER)));
        assert!(body.to_string().contains("Let me check."), "{to:?}");
    }
}

#[test]
fn errors_are_what_an_aws_sdk_raises() {
    let protocol = Dialect::Converse.protocol();
    for (kind, code, exception) in [
        (
            "rate_limit_error",
            "rate_limit_exceeded",
            "throttlingException",
        ),
        (
            "server_error",
            "provider_unavailable",
            "serviceUnavailableException",
        ),
        (
            "server_error",
            "upstream_error",
            "modelStreamErrorException",
        ),
        (
            "invalid_request_error",
            "invalid_request",
            "validationException",
        ),
        ("server_error", "internal", "internalServerException"),
    ] {
        let error = ErrorBody {
            message: "no",
            kind,
            param: None,
            code,
            request_id: None,
        };
        assert_eq!(parse(protocol.error_body(&error)), json!({"message": "no"}));
        assert_eq!(
            messages(&protocol.error_frame(&error)),
            [(
                MessageKind::Exception,
                exception.to_owned(),
                json!({"message": "no"})
            )]
        );
    }
}

#[test]
fn a_stream_for_its_own_callers_passes_as_it_came() {
    for (fixture, whole) in [(STREAM, true), (BROKEN, false)] {
        let recorded = bytes_of(fixture);
        let mut stream = RelayedStream::passing(Dialect::Converse, "asked", 1 << 20);
        stream.push(recorded.clone().into()).unwrap();
        let mut sent = Vec::new();
        let mut last = None;
        while let Some(step) = stream.next_step() {
            match &step {
                Step::Send(bytes) | Step::Last(bytes) | Step::Fault(_, bytes) => {
                    sent.extend_from_slice(bytes);
                }
            }
            last = Some(step);
        }
        assert_eq!(sent, recorded);
        assert_eq!(matches!(last, Some(Step::Last(_))), whole);
        assert_eq!(matches!(last, Some(Step::Fault(..))), !whole);
        assert_eq!(
            stream.usage().map(|usage| usage.total()),
            whole.then_some(470)
        );
    }
}

#[test]
fn a_broken_event_stream_is_an_error() {
    let mut recorded = bytes_of(STREAM);
    recorded[200] ^= 1;
    let mut stream = RelayedStream::passing(Dialect::Converse, "asked", 1 << 20);
    let error = stream.push(recorded.into()).unwrap_err();
    assert!(error.to_string().contains("checksum"), "{error}");
}
