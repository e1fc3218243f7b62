//! Every row of the provider table against a strict fake of its wire: path, credential, members, JSON and stream.
//!
//! What each vendor refuses or wants is written here once more, from its documentation and not from the table.

use ferrogate_llm::{EventMessage, MessageKind, Operation, encode_message};
use ferrogate_providers::ProviderKind;
use ferrogate_testkit::{FakeProvider, Launch, Received, Reply, Request};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");
const KEY: &str = "sk-of-the-operator";

/// A wire family's way to say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    OpenAi,
    Anthropic,
    Gemini,
    Converse,
    Cohere,
}

/// What a vendor's wire looks like.
struct Wire {
    kind: &'static str,
    /// The path of the API root.
    root: &'static str,
    settings: &'static str,
    model: &'static str,
    path: &'static str,
    stream_path: &'static str,
    credential: (&'static str, &'static str),
    family: Family,
    /// Members of a request that the vendor answers with an error.
    refuses: &'static [&'static str],
    /// Members it must have, with their values.
    wants: &'static [(&'static str, &'static str)],
}

const BEARER: (&str, &str) = ("authorization", "Bearer sk-of-the-operator");

/// A vendor of OpenAI's dialect.
const fn compatible(
    kind: &'static str,
    root: &'static str,
    refuses: &'static [&'static str],
    wants: &'static [(&'static str, &'static str)],
) -> Wire {
    Wire {
        kind,
        root,
        settings: "",
        model: "up-model",
        path: "/chat/completions",
        stream_path: "/chat/completions",
        credential: BEARER,
        family: Family::OpenAi,
        refuses,
        wants,
    }
}

const WIRES: &[Wire] = &[
    compatible(
        "openai",
        "/v1",
        &["max_tokens"],
        &[("max_completion_tokens", "50")],
    ),
    Wire {
        model: "claude-sonnet-4-5",
        path: "/v1/messages",
        stream_path: "/v1/messages",
        credential: ("x-api-key", KEY),
        family: Family::Anthropic,
        ..compatible(
            "anthropic",
            "",
            &["seed", "user", "n", "frequency_penalty", "logprobs"],
            &[("max_tokens", "50")],
        )
    },
    Wire {
        model: "gemini-2.5-flash",
        path: "/v1beta/models/gemini-2.5-flash:generateContent",
        stream_path: "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        credential: ("x-goog-api-key", KEY),
        family: Family::Gemini,
        ..compatible("gemini", "", &["model", "messages", "user", "stream"], &[])
    },
    Wire {
        settings: "project_id p-1\nregion europe-west4",
        model: "gemini-2.5-flash",
        path: "/v1/projects/p-1/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent",
        stream_path: "/v1/projects/p-1/locations/europe-west4/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        credential: ("x-goog-api-key", KEY),
        family: Family::Gemini,
        ..compatible("vertex-ai", "", &["model", "messages"], &[])
    },
    Wire {
        settings: "project_id p-1\nregion europe-west4",
        model: "claude-sonnet-4-5@20250929",
        path: "/v1/projects/p-1/locations/europe-west4/publishers/anthropic/models/claude-sonnet-4-5%4020250929:rawPredict",
        stream_path: "/v1/projects/p-1/locations/europe-west4/publishers/anthropic/models/claude-sonnet-4-5%4020250929:streamRawPredict",
        credential: ("x-goog-api-key", KEY),
        family: Family::Anthropic,
        ..compatible(
            "vertex-ai",
            "",
            &["model", "seed"],
            &[("anthropic_version", "\"vertex-2023-10-16\"")],
        )
    },
    Wire {
        settings: "region us-east-1",
        model: "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        path: "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse",
        stream_path: "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse-stream",
        family: Family::Converse,
        ..compatible(
            "bedrock",
            "",
            &["model", "stream", "max_tokens", "seed"],
            &[],
        )
    },
    Wire {
        path: "/openai/v1/chat/completions",
        stream_path: "/openai/v1/chat/completions",
        credential: ("api-key", KEY),
        ..compatible("azure-openai", "", &[], &[("model", "\"up-model\"")])
    },
    Wire {
        settings: "api_version 2024-10-21\ndeployment my-deployment",
        path: "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21",
        stream_path: "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21",
        credential: ("api-key", KEY),
        ..compatible("azure-openai", "", &[], &[])
    },
    Wire {
        path: "/openai/v1/chat/completions",
        stream_path: "/openai/v1/chat/completions",
        credential: ("api-key", KEY),
        ..compatible("azure-foundry", "", &[], &[])
    },
    Wire {
        model: "claude-sonnet-4-5",
        path: "/anthropic/v1/messages",
        stream_path: "/anthropic/v1/messages",
        credential: ("api-key", KEY),
        family: Family::Anthropic,
        ..compatible(
            "azure-foundry",
            "",
            &["seed"],
            &[("model", "\"claude-sonnet-4-5\"")],
        )
    },
    Wire {
        path: "/v2/chat",
        stream_path: "/v2/chat",
        family: Family::Cohere,
        ..compatible(
            "cohere",
            "",
            &[
                "n",
                "user",
                "top_p",
                "stop",
                "logit_bias",
                "parallel_tool_calls",
            ],
            &[("p", "0.5")],
        )
    },
    compatible(
        "mistral",
        "/v1",
        &[
            "seed",
            "max_completion_tokens",
            "user",
            "logit_bias",
            "stream_options",
            "logprobs",
        ],
        &[
            ("random_seed", "7"),
            ("max_tokens", "50"),
            ("tool_choice", "\"any\""),
        ],
    ),
    compatible(
        "groq",
        "/openai/v1",
        &["logprobs", "top_logprobs", "logit_bias"],
        &[],
    ),
    compatible(
        "deepseek",
        "",
        &["max_completion_tokens", "reasoning_effort"],
        &[("thinking", "{\"type\":\"enabled\"}")],
    ),
    compatible(
        "together",
        "/v1",
        &["max_completion_tokens", "top_logprobs"],
        &[("logprobs", "2")],
    ),
    compatible(
        "fireworks",
        "/inference/v1",
        &["max_completion_tokens"],
        &[("max_tokens", "50")],
    ),
    compatible(
        "perplexity",
        "",
        &["stop", "logit_bias", "stream_options"],
        &[],
    ),
    compatible(
        "xai",
        "/v1",
        &["presence_penalty", "frequency_penalty", "stop"],
        &[],
    ),
    compatible("openrouter", "/api/v1", &[], &[]),
    compatible(
        "ai21",
        "/studio/v1",
        &[
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "max_completion_tokens",
        ],
        &[("max_tokens", "50")],
    ),
    compatible(
        "cerebras",
        "/v1",
        &["frequency_penalty", "presence_penalty", "logit_bias", "n"],
        &[("max_completion_tokens", "50")],
    ),
    compatible(
        "sambanova",
        "/v1",
        &[
            "logprobs",
            "n",
            "seed",
            "frequency_penalty",
            "presence_penalty",
            "max_completion_tokens",
        ],
        &[],
    ),
    compatible(
        "deepinfra",
        "/v1/openai",
        &["max_completion_tokens", "tool_choice"],
        &[],
    ),
    compatible("novita", "/openai/v1", &["max_completion_tokens"], &[]),
    compatible("nvidia-nim", "/v1", &["max_completion_tokens"], &[]),
    compatible(
        "moonshot",
        "/v1",
        &["max_completion_tokens", "tool_choice"],
        &[("temperature", "1.0")],
    ),
    compatible(
        "qwen",
        "/compatible-mode/v1",
        &["logit_bias", "reasoning_effort"],
        &[("enable_thinking", "true")],
    ),
    compatible("hugging-face", "/v1", &[], &[]),
    Wire {
        settings: "account_id acc-1",
        ..compatible("cloudflare", "/client/v4/accounts/acc-1/ai/v1", &[], &[])
    },
    Wire {
        path: "/serving-endpoints/chat/completions",
        stream_path: "/serving-endpoints/chat/completions",
        ..compatible("databricks", "", &["max_completion_tokens"], &[])
    },
    // A caller of OpenAI's dialect is served by Ollama's own form of it; others by `/api/chat`.
    compatible(
        "ollama",
        "/v1",
        &["max_completion_tokens"],
        &[("max_tokens", "50")],
    ),
    compatible(
        "ollama-cloud",
        "/v1",
        &["max_completion_tokens"],
        &[("max_tokens", "50")],
    ),
    compatible(
        "openai-compatible",
        "/v1",
        &[],
        &[("logit_bias", "{\"5\":1}"), ("unknown", "[1.50]")],
    ),
];

/// A request with what callers of OpenAI's SDK send.
fn asked(stream: bool) -> Value {
    json!({
        "model": "asked-for",
        "messages": [
            { "role": "developer", "content": "be brief" },
            { "role": "user", "content": [{ "type": "text", "text": "weather?" }], "name": "eve" },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "call_0123456789", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Oslo\"}" } }] },
            { "role": "tool", "tool_call_id": "call_0123456789", "content": "rain" },
        ],
        "tools": [{ "type": "function", "function": { "name": "weather", "strict": true, "parameters": {
            "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"], "additionalProperties": false } } }],
        "tool_choice": "required",
        "parallel_tool_calls": false,
        "max_completion_tokens": 50,
        "temperature": 1.5,
        "top_p": 0.5,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.1,
        "seed": 7,
        "stop": ["END"],
        "logprobs": true,
        "top_logprobs": 2,
        "logit_bias": { "5": 1 },
        "reasoning_effort": "low",
        "user": "eve",
        "n": 1,
        "unknown": [1.5],
        "stream": stream,
    })
}

#[test]
fn every_kind_is_sent_what_its_vendor_takes() {
    for wire in WIRES {
        let fake = FakeProvider::start(move |received| answer(wire, received));
        let kind = ProviderKind::named(wire.kind).expect(wire.kind);
        let settings = wire.settings.replace('\n', "\n                ");
        let block = format!(
            "ai_gateway {{
            provider p {{
                kind {}
                base_url http://{}{}
                api_key {KEY}
                {settings}
                retry {{
                    attempts 1
                }}
            }}
            model asked-for -> \"p:{}\"
        }}",
            kind.row().key,
            fake.address(),
            wire.root,
            wire.model,
        );
        let gateway = Launch::site(BIN, &block).start();
        let whole = Request::post("/v1/chat/completions", &asked(false)).send(gateway.address());
        assert_eq!(whole.status, 200, "{}: {}", wire.kind, whole.text());
        let json = whole.json();
        assert_eq!(
            json["choices"][0]["message"]["content"], "Hi there",
            "{}: {json}",
            wire.kind
        );
        assert_eq!(json["choices"][0]["finish_reason"], "stop", "{}", wire.kind);
        assert_eq!(json["model"], "asked-for", "{}", wire.kind);
        assert_eq!(json["usage"]["prompt_tokens"], 11, "{}: {json}", wire.kind);
        assert_eq!(
            json["usage"]["completion_tokens"], 7,
            "{}: {json}",
            wire.kind
        );

        let stream = Request::post("/v1/chat/completions", &asked(true)).send(gateway.address());
        assert_eq!(stream.status, 200, "{}: {}", wire.kind, stream.text());
        let text = stream.text();
        assert!(text.ends_with("data: [DONE]\n\n"), "{}: {text}", wire.kind);
        let mut said = String::new();
        for data in text.lines().filter_map(|line| line.strip_prefix("data: {")) {
            let chunk: Value = serde_json::from_str(&format!("{{{data}")).unwrap();
            assert_eq!(chunk["model"], "asked-for", "{}: {chunk}", wire.kind);
            said.push_str(
                chunk["choices"][0]["delta"]["content"]
                    .as_str()
                    .unwrap_or_default(),
            );
        }
        assert_eq!(said, "Hi there", "{}: {text}", wire.kind);
        assert_eq!(fake.requests().len(), 2, "{}", wire.kind);
    }
}

#[test]
fn every_kind_of_the_table_has_its_wire_here() {
    for kind in ProviderKind::all().filter(|kind| !kind.is_echo()) {
        let key = kind.row().key;
        // Replicate's way of polling has a test of its own, and so have vendors that do not converse.
        let converses = kind
            .row()
            .serves
            .iter()
            .any(|endpoint| matches!(endpoint.operation, Operation::Chat(_)));
        let known = key == "replicate" || !converses || WIRES.iter().any(|wire| wire.kind == key);
        assert!(known, "`{key}` has no strict fake");
    }
}

/// Refuses what the vendor would refuse, else answers in its family's shape.
fn answer(wire: &Wire, received: &Received) -> Reply {
    let refuse = |why: String| {
        Reply::json(
            "400 Bad Request",
            json!({ "error": { "message": why } }).to_string(),
        )
    };
    let body = received.json();
    let target = received.head.word(1);
    let stream = target == format!("{}{}", wire.root, wire.stream_path)
        && (body["stream"] == true || wire.path != wire.stream_path);
    let path = if stream { wire.stream_path } else { wire.path };
    if target != format!("{}{path}", wire.root) {
        return refuse(format!("no such path: {target}"));
    }
    let (name, value) = wire.credential;
    if received.head.field(name) != Some(value) {
        return refuse(format!("no credential in `{name}`"));
    }
    for member in wire.refuses {
        if body.get(member).is_some() {
            return refuse(format!("unknown member `{member}`"));
        }
    }
    for (member, value) in wire.wants {
        let wanted: Value = serde_json::from_str(value).expect("the table holds JSON");
        if body[member] != wanted {
            return refuse(format!("`{member}` is {} and not {wanted}", body[member]));
        }
    }
    if wire.family == Family::Anthropic && received.head.field("anthropic-version").is_none() {
        return refuse("no anthropic-version".to_owned());
    }
    if stream {
        streamed(wire.family)
    } else {
        whole(wire.family)
    }
}

fn whole(family: Family) -> Reply {
    let body = match family {
        Family::OpenAi => {
            json!({ "id": "x", "object": "chat.completion", "created": 1, "model": "up-model-2026",
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": "Hi there" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18 } })
        }
        Family::Anthropic => {
            json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
            "content": [{ "type": "text", "text": "Hi " }, { "type": "text", "text": "there" }],
            "stop_reason": "end_turn", "stop_sequence": null,
            "usage": { "input_tokens": 8, "cache_read_input_tokens": 3, "output_tokens": 7 } })
        }
        Family::Gemini => {
            json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": "Hi there" }] },
            "finishReason": "STOP", "index": 0 }],
            "usageMetadata": { "promptTokenCount": 11, "candidatesTokenCount": 5, "thoughtsTokenCount": 2, "totalTokenCount": 18 },
            "modelVersion": "gemini", "responseId": "r" })
        }
        Family::Converse => {
            json!({ "output": { "message": { "role": "assistant", "content": [{ "text": "Hi there" }] } },
            "stopReason": "end_turn", "usage": { "inputTokens": 11, "outputTokens": 7, "totalTokens": 18 }, "metrics": { "latencyMs": 1 } })
        }
        Family::Cohere => {
            json!({ "id": "c", "finish_reason": "COMPLETE", "message": { "role": "assistant",
            "content": [{ "type": "text", "text": "Hi there" }] },
            "usage": { "billed_units": { "input_tokens": 9.0, "output_tokens": 7.0 }, "tokens": { "input_tokens": 11.0, "output_tokens": 7.0 } } })
        }
    };
    Reply::json("200 OK", body.to_string())
}

fn streamed(family: Family) -> Reply {
    let sse = |named: bool, events: &[Value]| {
        let mut text = String::new();
        for event in events {
            if named {
                text.extend(["event: ", event["type"].as_str().unwrap_or_default(), "\n"]);
            }
            text.extend(["data: ", &event.to_string(), "\n\n"]);
        }
        text
    };
    let chunk = |delta: Value, finish: Value| {
        json!({ "id": "x", "object": "chat.completion.chunk", "created": 1,
        "model": "up-model-2026", "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
    };
    match family {
        Family::OpenAi => {
            let events = [
                chunk(json!({ "role": "assistant", "content": "" }), Value::Null),
                chunk(json!({ "content": "Hi " }), Value::Null),
                chunk(json!({ "content": "there" }), Value::Null),
                chunk(json!({}), "stop".into()),
                json!({ "id": "x", "object": "chat.completion.chunk", "created": 1, "model": "up-model-2026", "choices": [],
                    "usage": { "prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18 } }),
            ];
            Reply::stream(
                "text/event-stream",
                sse(false, &events) + "data: [DONE]\n\n",
            )
        }
        Family::Anthropic => {
            let events = [
                json!({ "type": "message_start", "message": { "id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
                    "content": [], "stop_reason": null, "stop_sequence": null, "usage": { "input_tokens": 11, "output_tokens": 1 } } }),
                json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "Hi " } }),
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "there" } }),
                json!({ "type": "content_block_stop", "index": 0 }),
                json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null }, "usage": { "output_tokens": 7 } }),
                json!({ "type": "message_stop" }),
            ];
            Reply::stream("text/event-stream", sse(true, &events))
        }
        Family::Gemini => {
            let part = |text: &str| {
                json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": text }] }, "index": 0 }],
                "usageMetadata": { "promptTokenCount": 11, "totalTokenCount": 11 }, "modelVersion": "gemini", "responseId": "r" })
            };
            let last = json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": "" }] }, "finishReason": "STOP", "index": 0 }],
                "usageMetadata": { "promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18 }, "modelVersion": "gemini", "responseId": "r" });
            let text = sse(false, &[part("Hi "), part("there"), last]).replace('\n', "\r\n");
            Reply::stream("text/event-stream", text)
        }
        Family::Converse => {
            let frames = [
                ("messageStart", json!({ "role": "assistant" })),
                (
                    "contentBlockDelta",
                    json!({ "contentBlockIndex": 0, "delta": { "text": "Hi " }, "p": "abc" }),
                ),
                (
                    "contentBlockDelta",
                    json!({ "contentBlockIndex": 0, "delta": { "text": "there" } }),
                ),
                ("contentBlockStop", json!({ "contentBlockIndex": 0 })),
                ("messageStop", json!({ "stopReason": "end_turn" })),
                (
                    "metadata",
                    json!({ "usage": { "inputTokens": 11, "outputTokens": 7, "totalTokens": 18 }, "metrics": { "latencyMs": 1 } }),
                ),
            ];
            let bytes: Vec<u8> = frames
                .iter()
                .flat_map(|(name, payload)| encode_message(name, payload.to_string().as_bytes()))
                .collect();
            Reply::stream("application/vnd.amazon.eventstream", bytes)
        }
        Family::Cohere => {
            let events = [
                json!({ "type": "message-start", "id": "c", "delta": { "message": { "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [] } } }),
                json!({ "type": "content-start", "index": 0, "delta": { "message": { "content": { "type": "text", "text": "" } } } }),
                json!({ "type": "content-delta", "index": 0, "delta": { "message": { "content": { "text": "Hi " } } } }),
                json!({ "type": "content-delta", "index": 0, "delta": { "message": { "content": { "text": "there" } } } }),
                json!({ "type": "content-end", "index": 0 }),
                json!({ "type": "message-end", "delta": { "finish_reason": "COMPLETE", "usage": { "tokens": { "input_tokens": 11.0, "output_tokens": 7.0 } } } }),
            ];
            Reply::stream("text/event-stream", sse(true, &events))
        }
    }
}

#[test]
fn the_fakes_frames_are_what_they_seem() {
    let bytes = encode_message("messageStop", b"{}");
    let mut decoder = ferrogate_llm::EventStreamDecoder::new(1024);
    decoder.push(bytes).unwrap();
    let Some(Ok(EventMessage { kind, name, .. })) = decoder.next_message().map(Ok::<_, ()>) else {
        panic!("no message")
    };
    assert_eq!((kind, name.as_str()), (MessageKind::Event, "messageStop"));
}
