//! Rankings, vectors and sound against strict fakes of each vendor's wire: path, credential, body, answer.

use ferrogate_testkit::{FakeProvider, Gateway, Launch, Received, Reply, Request, Response};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");
const KEY: &str = "sk-of-the-operator";

/// A gateway with one provider of a kind, whose API root is at the fake below `root`; the model `m` goes there.
fn gateway(
    fake: &FakeProvider,
    (kind, root, settings): (&str, &str, &str),
    model: &str,
) -> Gateway {
    let settings = settings.replace('\n', "\n                ");
    let block = format!(
        "ai_gateway {{
            provider p {{
                kind {kind}
                base_url http://{}{root}
                api_key {KEY}
                {settings}
                retry {{
                    attempts 1
                }}
            }}
            model m -> \"p:{model}\"
        }}",
        fake.address(),
    );
    Launch::site(BIN, &block).start()
}

fn post(gateway: &Gateway, path: &str, body: &Value) -> Response {
    Request::post(path, body).send(gateway.address())
}

fn ok(body: &Value) -> Reply {
    Reply::json("200 OK", body.to_string())
}

fn no(why: &str) -> Reply {
    Reply::json("400 Bad Request", json!({ "message": why }).to_string())
}

/// What a vendor is sent, exactly, and what it answers.
struct Exchange {
    kind: &'static str,
    root: &'static str,
    settings: &'static str,
    model: &'static str,
    path: &'static str,
    body: Value,
    answer: Value,
}

impl Exchange {
    /// A fake that refuses everything else.
    fn fake(&self) -> FakeProvider {
        let (path, body, answer) = (self.path, self.body.clone(), self.answer.clone());
        FakeProvider::start(move |received: &Received| {
            if received.head.field("authorization") != Some("Bearer sk-of-the-operator") {
                return no("no credential");
            }
            let (target, sent) = (received.head.word(1), received.json());
            if target == path && sent == body {
                ok(&answer)
            } else {
                no(&format!("{target} {sent} and not {path} {body}"))
            }
        })
    }

    fn gateway(&self, fake: &FakeProvider) -> Gateway {
        gateway(fake, (self.kind, self.root, self.settings), self.model)
    }
}

/// An exchange with a vendor that needs no settings.
fn exchange(
    (kind, root): (&'static str, &'static str),
    model: &'static str,
    path: &'static str,
    body: Value,
    answer: Value,
) -> Exchange {
    Exchange {
        kind,
        root,
        settings: "",
        model,
        path,
        body,
        answer,
    }
}

#[test]
fn documents_are_ranked_in_every_vendors_words() {
    let scores =
        json!([{ "index": 1, "relevance_score": 0.9 }, { "index": 0, "relevance_score": 0.1 }]);
    let plain = json!({ "model": "up", "query": "q", "documents": ["a", "b"], "top_n": 1 });
    let named = |model: &str| {
        let mut body = plain.clone();
        body["model"] = model.into();
        body
    };
    let unnamed = json!({ "query": "q", "documents": ["a", "b"], "top_n": 1 });
    let exchanges = [
        exchange(
            ("deepinfra", "/v1/openai"),
            "Qwen/Qwen3-Reranker-8B",
            "/v1/inference/Qwen/Qwen3-Reranker-8B",
            json!({ "queries": ["q", "q"], "documents": ["a", "b"] }),
            json!({ "scores": [0.1, 0.9], "input_tokens": 5, "inference_status": { "status": "succeeded" } }),
        ),
        exchange(
            ("qwen", "/compatible-mode/v1"),
            "qwen3-rerank",
            "/compatible-api/v1/reranks",
            named("qwen3-rerank"),
            json!({ "object": "list", "results": scores, "model": "qwen3-rerank", "id": "r", "usage": { "total_tokens": 5 } }),
        ),
        Exchange {
            settings: "account_id acc-1",
            ..exchange(
                ("cloudflare", "/client/v4/accounts/acc-1/ai/v1"),
                "bge-reranker-base",
                "/client/v4/accounts/acc-1/ai/run/bge-reranker-base",
                json!({ "query": "q", "contexts": [{ "text": "a" }, { "text": "b" }], "top_k": 1 }),
                json!({ "result": { "response": [{ "id": 1, "score": 0.9 }] }, "success": true, "errors": [], "messages": [] }),
            )
        },
        Exchange {
            settings: "region us-east-1",
            ..exchange(
                ("bedrock", ""),
                "amazon.rerank-v1:0",
                "/model/amazon.rerank-v1%3A0/invoke",
                unnamed.clone(),
                json!({ "results": scores }),
            )
        },
        Exchange {
            settings: "region us-east-1",
            ..exchange(
                ("bedrock", ""),
                "cohere.rerank-v3-5:0",
                "/model/cohere.rerank-v3-5%3A0/invoke",
                json!({ "query": "q", "documents": ["a", "b"], "top_n": 1, "api_version": 2 }),
                json!({ "results": scores }),
            )
        },
        exchange(
            ("voyage", "/v1"),
            "rerank-2.5",
            "/v1/rerank",
            json!({ "model": "rerank-2.5", "query": "q", "documents": ["a", "b"], "top_k": 1 }),
            json!({ "object": "list", "data": scores, "model": "rerank-2.5", "usage": { "total_tokens": 5 } }),
        ),
        exchange(
            ("jina", "/v1"),
            "up",
            "/v1/rerank",
            plain.clone(),
            json!({ "model": "up", "object": "list", "usage": { "total_tokens": 5 }, "results": scores }),
        ),
        // Fireworks answers in Voyage's names.
        exchange(
            ("fireworks", "/inference/v1"),
            "up",
            "/inference/v1/rerank",
            plain.clone(),
            json!({ "object": "list", "model": "up", "data": scores, "usage": { "prompt_tokens": 5, "total_tokens": 5 } }),
        ),
        exchange(
            ("tei", ""),
            "up",
            "/rerank",
            json!({ "query": "q", "texts": ["a", "b"], "truncate": true }),
            json!([{ "index": 1, "score": 0.9 }, { "index": 0, "score": 0.1 }]),
        ),
        // SGLang's bare list.
        exchange(
            ("openai-compatible", "/v1"),
            "up",
            "/v1/rerank",
            plain.clone(),
            json!([{ "score": 0.9, "document": "b", "index": 1, "meta_info": {} }]),
        ),
    ];
    for exchange in exchanges {
        let fake = exchange.fake();
        let gateway = exchange.gateway(&fake);
        let ask = json!({ "model": "m", "query": "q", "documents": ["a", { "text": "b" }], "top_n": 1, "return_documents": true });
        let answer = post(&gateway, "/v2/rerank", &ask);
        assert_eq!(answer.status, 200, "{}: {}", exchange.kind, answer.text());
        assert_eq!(
            answer.json()["results"],
            json!([{ "index": 1, "relevance_score": 0.9, "document": { "text": "b" } }]),
            "{}",
            exchange.kind
        );
    }
}

#[test]
fn texts_are_embedded_in_every_vendors_words() {
    let data = json!([{ "object": "embedding", "index": 0, "embedding": [0.5, 1.0] }]);
    let answered = json!({ "object": "list", "model": "up", "data": data, "usage": { "prompt_tokens": 2, "total_tokens": 2 } });
    let sent = |more: Value| {
        let mut body = json!({ "model": "up", "input": ["a"] });
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body
    };
    let exchanges = [
        exchange(
            ("mistral", "/v1"),
            "up",
            "/v1/embeddings",
            sent(json!({ "output_dimension": 2 })),
            answered.clone(),
        ),
        exchange(
            ("nvidia-nim", "/v1"),
            "up",
            "/v1/embeddings",
            sent(json!({ "dimensions": 2, "input_type": "passage" })),
            answered.clone(),
        ),
        exchange(
            ("qwen", "/compatible-mode/v1"),
            "up",
            "/compatible-mode/v1/embeddings",
            sent(json!({ "dimensions": 2 })),
            answered.clone(),
        ),
        exchange(
            ("voyage", "/v1"),
            "up",
            "/v1/embeddings",
            sent(json!({ "output_dimension": 2 })),
            answered.clone(),
        ),
        exchange(
            ("tei", "/v1"),
            "up",
            "/v1/embeddings",
            sent(json!({ "dimensions": 2 })),
            answered.clone(),
        ),
        exchange(
            ("hugging-face", "/v1"),
            "BAAI/bge-small-en",
            "/hf-inference/models/BAAI/bge-small-en/pipeline/feature-extraction",
            json!({ "inputs": ["a"] }),
            json!([[0.5, 1.0]]),
        ),
        Exchange {
            settings: "region us-east-1",
            ..exchange(
                ("bedrock", ""),
                "amazon.nova-2-multimodal-embeddings-v1:0",
                "/model/amazon.nova-2-multimodal-embeddings-v1%3A0/invoke",
                json!({ "schemaVersion": "nova-multimodal-embed-v1", "taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {
                    "embeddingPurpose": "GENERIC_INDEX", "embeddingDimension": 2, "text": { "value": "a", "truncationMode": "END" } } }),
                json!({ "embeddings": [{ "embeddingType": "TEXT", "embedding": [0.5, 1.0] }] }),
            )
        },
    ];
    for exchange in exchanges {
        let fake = exchange.fake();
        let gateway = exchange.gateway(&fake);
        // As OpenAI's SDKs ask.
        let ask =
            json!({ "model": "m", "input": ["a"], "dimensions": 2, "encoding_format": "base64" });
        let answer = post(&gateway, "/v1/embeddings", &ask);
        assert_eq!(answer.status, 200, "{}: {}", exchange.kind, answer.text());
        assert_eq!(
            answer.json()["data"][0]["embedding"],
            "AAAAPwAAgD8=",
            "{}",
            exchange.kind
        );
    }
    // Cohere's callers are served by Ollama's own form, which knows their `truncate`.
    let ollama = exchange(
        ("ollama", ""),
        "up",
        "/api/embed",
        json!({ "model": "up", "input": ["a"], "truncate": false }),
        json!({ "model": "up", "embeddings": [[0.5]], "prompt_eval_count": 2 }),
    );
    let fake = ollama.fake();
    let gateway = ollama.gateway(&fake);
    let ask =
        json!({ "model": "m", "texts": ["a"], "truncate": "NONE", "embedding_types": ["float"] });
    let answer = post(&gateway, "/v2/embed", &ask).expect(200).json();
    assert_eq!(answer["embeddings"]["float"], json!([[0.5]]));
}

/// A fake of Google's that speaks and listens, at the paths of the Gemini API and of Vertex AI.
fn google() -> FakeProvider {
    FakeProvider::start(|received| {
        if received.head.field("x-goog-api-key") != Some(KEY)
            || received.head.field("content-type") != Some("application/json")
        {
            return no("no credential, or no JSON");
        }
        let (target, body) = (received.head.word(1), received.json());
        let known = [
            "/v1beta/models/up:generateContent",
            "/v1/projects/p-1/locations/europe-west4/publishers/google/models/up:generateContent",
        ];
        if !known.contains(&target) {
            return no(&format!("no such path: {target}"));
        }
        let answer = |part: Value, modality: &str| {
            ok(
                &json!({ "candidates": [{ "content": { "role": "model", "parts": [part] }, "finishReason": "STOP", "index": 0 }],
                "usageMetadata": { "promptTokenCount": 10, "candidatesTokenCount": 20, "totalTokenCount": 30,
                    "promptTokensDetails": [{ "modality": "AUDIO", "tokenCount": 8 }],
                    "candidatesTokensDetails": [{ "modality": modality, "tokenCount": 20 }] } }),
            )
        };
        let parts = &body["contents"][0]["parts"];
        let text = parts[0]["text"].as_str().unwrap_or_default();
        let config = &body["generationConfig"];
        let voice = &config["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"];
        let sound = &parts[1]["inlineData"];
        if config["responseModalities"] == json!(["AUDIO"]) && voice == "Puck" {
            if text == "forbidden" {
                return ok(
                    &json!({ "candidates": [{ "finishReason": "PROHIBITED_CONTENT", "index": 0 }] }),
                );
            }
            let mime = "audio/L16;codec=pcm;rate=24000";
            answer(
                json!({ "inlineData": { "mimeType": mime, "data": "AQD/fwCA" } }),
                "AUDIO",
            )
        } else if *sound == json!({ "mimeType": "audio/wav", "data": "UklGRg==" }) {
            let heard = if text.contains("English") {
                "heard in English"
            } else {
                "heard"
            };
            answer(json!({ "text": heard }), "TEXT")
        } else {
            no(&format!("no such body: {body}"))
        }
    })
}

const GOOGLES: [(&str, &str, &str); 2] = [
    ("gemini", "", ""),
    ("vertex-ai", "", "project_id p-1\nregion europe-west4"),
];

#[test]
fn google_speaks() {
    let pcm = [1_u8, 0, 255, 127, 0, 128];
    let fake = google();
    for kind in GOOGLES {
        let gateway = gateway(&fake, kind, "up");
        let ask = |more: Value| {
            let mut body = json!({ "model": "m", "input": "hi", "voice": "Puck" });
            for (name, value) in more.as_object().into_iter().flatten() {
                body[name] = value.clone();
            }
            post(&gateway, "/v1/audio/speech", &body)
        };
        let bare = ask(json!({ "response_format": "pcm" })).expect(200);
        assert_eq!(
            (bare.header("content-type"), bare.body.as_slice()),
            ("audio/pcm", pcm.as_slice())
        );
        let file = ask(json!({ "response_format": "wav", "speed": 2 })).expect(200);
        assert_eq!(file.header("content-type"), "audio/wav");
        assert_eq!(file.header("x-ferrogate-lossy"), "speed");
        assert!(file.body.starts_with(b"RIFF") && file.body.ends_with(&pcm));
        let events = ask(json!({ "response_format": "pcm", "stream_format": "sse" })).expect(200);
        assert_eq!(events.header("content-type"), "text/event-stream");
        assert!(
            events.text().contains(r#""output_tokens":20"#),
            "{}",
            events.text()
        );
        for (more, param) in [
            (json!({ "response_format": "mp3" }), "response_format"),
            (
                json!({ "response_format": "wav", "stream": true }),
                "stream",
            ),
        ] {
            let refused = ask(more);
            assert_eq!(refused.status, 400, "{}", refused.text());
            assert_eq!(refused.error_code(), "unsupported_parameter");
            assert_eq!(refused.json()["error"]["param"], param);
        }
        let refused = ask(json!({ "input": "forbidden", "response_format": "wav" }));
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert_eq!(refused.error_code(), "content_policy_violation");
    }
}

#[test]
fn google_listens() {
    let fake = google();
    for kind in GOOGLES {
        let gateway = gateway(&fake, kind, "up");
        let send = |path: &'static str, field: (&str, &str)| {
            let head = "--b\r\nContent-Disposition: form-data; name=";
            let (name, value) = field;
            let form = format!(
                "{head}\"model\"\r\n\r\nm\r\n{head}\"{name}\"\r\n\r\n{value}\r\n{head}\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--b--\r\n"
            );
            Request::new("POST", path)
                .header("content-type", "multipart/form-data; boundary=b")
                .body(form)
                .send(gateway.address())
        };
        let json = send("/v1/audio/transcriptions", ("include[]", "logprobs")).expect(200);
        assert_eq!(json.header("x-ferrogate-lossy"), "include[]");
        assert_eq!(
            json.json(),
            json!({ "text": "heard", "usage": { "type": "tokens", "input_tokens": 10, "output_tokens": 20, "total_tokens": 30,
                "input_token_details": { "audio_tokens": 8, "text_tokens": 2 } } })
        );
        let text = send("/v1/audio/translations", ("response_format", "text")).expect(200);
        assert_eq!(text.text(), "heard in English\n");
        assert!(text.header("content-type").starts_with("text/plain"));
        for (name, value) in [("response_format", "srt"), ("stream", "true")] {
            let refused = send("/v1/audio/transcriptions", (name, value));
            assert_eq!(refused.error_code(), "unsupported_parameter", "{name}");
            assert_eq!(refused.json()["error"]["param"], name);
        }
    }
}

#[test]
fn mistral_speaks() {
    let mistral = exchange(
        ("mistral", "/v1"),
        "voxtral-tts",
        "/v1/audio/speech",
        json!({ "model": "voxtral-tts", "input": "hi", "response_format": "mp3", "voice_id": "paul" }),
        json!({ "audio_data": "SUQz" }),
    );
    let fake = mistral.fake();
    let gateway = mistral.gateway(&fake);
    let ask = json!({ "model": "m", "input": "hi", "voice": "paul" });
    let answer = post(&gateway, "/v1/audio/speech", &ask).expect(200);
    assert_eq!(
        (answer.header("content-type"), answer.body.as_slice()),
        ("audio/mpeg", b"ID3".as_slice())
    );
}
