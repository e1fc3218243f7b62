//! Surfaces beside conversations, each against a fake of the provider's wire: embeddings, rankings, predictions,
//! counts, pictures, sound, and what is passed through.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferrogate_testkit::{FakeProvider, Gateway, Launch, Received, Reply, Request, Response};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");

/// A gateway with one provider of a kind at a fake, and models that go there.
fn gateway(fake: &FakeProvider, kind: &str, settings: &str, models: &[(&str, &str)]) -> Gateway {
    launch(fake, kind, settings, models, "").start()
}

fn launch(
    fake: &FakeProvider,
    kind: &str,
    settings: &str,
    models: &[(&str, &str)],
    more: &str,
) -> Launch {
    let settings = settings.replace('\n', "\n                ");
    let models: Vec<String> = models
        .iter()
        .map(|(name, upstream)| format!("model {name} -> \"p:{upstream}\""))
        .collect();
    let block = format!(
        "log {{
            output stdout
            format json
        }}
        ai_gateway {{
            provider p {{
                kind {kind}
                base_url http://{}
                {settings}
                retry {{
                    attempts 1
                }}
            }}
            {}
            {more}
        }}",
        fake.address(),
        models.join("\n            "),
    );
    Launch::site(BIN, &block)
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

#[test]
fn texts_are_embedded_by_providers_of_every_dialect() {
    // Each answers with the length of the text, so that the order shows.
    let vector = |text: &Value| json!([text.as_str().unwrap_or_default().len(), 0.5]);
    let fake = FakeProvider::start(move |received| {
        let body = received.json();
        let texts = |list: &Value| list.as_array().cloned().unwrap_or_default();
        let path = received.head.word(1);
        match path {
            "/v2/embed" if body["input_type"].is_string() => {
                let vectors: Vec<Value> = texts(&body["texts"]).iter().map(vector).collect();
                ok(
                    &json!({ "id": "c", "embeddings": { "float": vectors }, "texts": body["texts"],
                    "meta": { "billed_units": { "input_tokens": 5.0 } } }),
                )
            }
            "/v1beta/models/embed:batchEmbedContents" => {
                let requests = texts(&body["requests"]);
                if requests
                    .iter()
                    .any(|request| request["model"] != "models/embed")
                {
                    return no("model is mandatory");
                }
                let vectors: Vec<Value> = requests
                    .iter()
                    .map(|request| json!({ "values": vector(&request["content"]["parts"][0]["text"]) }))
                    .collect();
                ok(&json!({ "embeddings": vectors }))
            }
            "/model/amazon.titan-embed-text-v2%3A0/invoke" => {
                ok(&json!({ "embedding": vector(&body["inputText"]), "inputTextTokenCount": 3 }))
            }
            _ => no(&format!("no such path or body: {path} {body}")),
        }
    });
    for (kind, settings, model, tokens) in [
        ("cohere", "api_key k", "embed-v4.0", Some(5)),
        ("gemini", "api_key k", "embed", None),
        (
            "bedrock",
            "region us-east-1\napi_key k",
            "amazon.titan-embed-text-v2:0",
            Some(9),
        ),
    ] {
        let gateway = gateway(&fake, kind, settings, &[("e", model)]);
        let ask = |more: Value| {
            let mut body = json!({ "model": "e", "input": ["a", "bbb", "cc"] });
            for (name, value) in more.as_object().into_iter().flatten() {
                body[name] = value.clone();
            }
            post(&gateway, "/v1/embeddings", &body).expect(200).json()
        };
        let floats = ask(json!({}));
        let firsts: Vec<&Value> = floats["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["embedding"][0])
            .collect();
        assert_eq!(firsts, [1, 3, 2], "{kind}: {floats}");
        assert_eq!(floats["model"], "e", "{kind}");
        if let Some(tokens) = tokens {
            assert_eq!(floats["usage"]["prompt_tokens"], tokens, "{kind}: {floats}");
        }
        // What OpenAI's SDKs ask for by default: little-endian numbers of 32 bits.
        let encoded = ask(json!({ "encoding_format": "base64" }));
        assert_eq!(
            encoded["data"][1]["embedding"], "AABAQAAAAD8=",
            "{kind}: {encoded}"
        );
        let tokens = post(
            &gateway,
            "/v1/embeddings",
            &json!({ "model": "e", "input": [[1, 2, 3]] }),
        );
        assert_eq!(tokens.status, 400, "{kind}: {}", tokens.text());
    }
}

#[test]
fn googles_and_coheres_callers_are_answered_in_their_own_words() {
    let fake = FakeProvider::start(|received| {
        let inputs = received.json()["input"].as_array().map_or(1, Vec::len);
        let data: Vec<Value> = (0..inputs)
            .map(
                |index| json!({ "object": "embedding", "index": index, "embedding": [0.5, index] }),
            )
            .collect();
        ok(
            &json!({ "object": "list", "model": "up", "data": data, "usage": { "prompt_tokens": 4, "total_tokens": 4 } }),
        )
    });
    let gateway = gateway(&fake, "openai-compatible", "api_key k", &[("e", "up")]);
    let one = post(
        &gateway,
        "/v1beta/models/e:embedContent",
        &json!({ "content": { "parts": [{ "text": "a" }] } }),
    );
    assert_eq!(
        one.expect(200).json()["embedding"]["values"],
        json!([0.5, 0])
    );
    let request =
        |text: &str| json!({ "model": "models/e", "content": { "parts": [{ "text": text }] } });
    let two = post(
        &gateway,
        "/v1beta/models/e:batchEmbedContents",
        &json!({ "requests": [request("a"), request("b")] }),
    );
    assert_eq!(
        two.expect(200).json()["embeddings"][1]["values"],
        json!([0.5, 1])
    );
    let cohere = post(
        &gateway,
        "/v2/embed",
        &json!({ "model": "e", "texts": ["a", "b"], "input_type": "search_query", "embedding_types": ["float"] }),
    );
    assert_eq!(
        cohere.expect(200).json()["embeddings"]["float"],
        json!([[0.5, 0], [0.5, 1]])
    );
}

#[test]
fn documents_are_ranked() {
    let fake = FakeProvider::start(|received| {
        let body = received.json();
        match received.head.word(1) {
            "/v2/rerank" if body["documents"][0].is_string() => ok(&json!({ "id": "r",
                "results": [{ "index": 1, "relevance_score": 0.9 }, { "index": 0, "relevance_score": 0.1 }],
                "meta": { "billed_units": { "search_units": 1 } } })),
            "/ranking" if body["passages"][1]["text"] == "b" => ok(
                &json!({ "rankings": [{ "index": 1, "logit": 2.0 }, { "index": 0, "logit": -2.0 }] }),
            ),
            path => no(path),
        }
    });
    let ask = json!({ "model": "r", "query": "q", "documents": [{ "text": "a" }, "b"], "return_documents": true, "top_n": 1 });
    for kind in ["cohere", "nvidia-nim"] {
        let gateway = gateway(&fake, kind, "api_key k", &[("r", "up")]);
        for path in ["/v1/rerank", "/v2/rerank"] {
            let answer = post(&gateway, path, &ask).expect(200).json();
            let first = &answer["results"][0];
            assert_eq!(
                (&first["index"], &first["document"]["text"]),
                (&1.into(), &"b".into()),
                "{kind} {path}: {answer}"
            );
        }
    }
}

#[test]
fn predictions_are_waited_for_listened_to_and_called_off() {
    let asked = AtomicUsize::new(0);
    let fake = FakeProvider::start(move |received: &Received| {
        let host = received.head.field("host").unwrap_or_default().to_owned();
        let prediction = |status: &str, output: Value| {
            let url = |path: &str| format!("http://{host}/v1/predictions/p1{path}");
            json!({ "id": "p1", "model": "meta/llama", "status": status, "output": output, "error": null,
                "urls": { "get": url(""), "cancel": url("/cancel"), "stream": url("/stream") },
                "metrics": { "input_token_count": 6, "output_token_count": 2 } })
        };
        if received.head.field("authorization") != Some("Bearer k") {
            return no("no key");
        }
        match (received.head.word(0), received.head.word(1)) {
            ("POST", "/v1/models/meta/llama/predictions") => Reply::json(
                "201 Created",
                prediction("starting", Value::Null).to_string(),
            ),
            ("GET", "/v1/predictions/p1") => {
                // Over at the second question.
                let done = asked.fetch_add(1, Ordering::Relaxed) > 0;
                ok(&if done {
                    prediction("succeeded", json!(["Hi ", "there"]))
                } else {
                    prediction("processing", Value::Null)
                })
            }
            ("GET", "/v1/predictions/p1/stream") => Reply::stream(
                "text/event-stream",
                "event: output\nid: 1\ndata: Hi \n\nevent: output\nid: 2\ndata: there\n\nevent: done\ndata: {}\n\n",
            ),
            (_, path) => no(path),
        }
    });
    let gateway = gateway(&fake, "replicate", "api_key k", &[("m", "meta/llama")]);
    let ask = |stream: bool| json!({ "model": "m", "stream": stream, "messages": [{ "role": "user", "content": "x" }] });
    let whole = post(&gateway, "/v1/chat/completions", &ask(false))
        .expect(200)
        .json();
    assert_eq!(whole["choices"][0]["message"]["content"], "Hi there");
    assert_eq!(whole["usage"]["prompt_tokens"], 6, "{whole}");
    let stream = post(&gateway, "/v1/chat/completions", &ask(true)).expect(200);
    assert!(
        stream.text().contains("\"content\":\"Hi \"")
            && stream.text().ends_with("data: [DONE]\n\n"),
        "{}",
        stream.text()
    );
    let cancelled = fake
        .requests()
        .iter()
        .any(|received| received.head.word(1).ends_with("/cancel"));
    assert!(!cancelled, "what came to its end is not called off");
}

#[test]
fn tokens_are_counted_by_whoever_counts() {
    let fake = FakeProvider::start(|received| match received.head.word(1) {
        "/v1/messages/count_tokens" if received.json().get("max_tokens").is_none() => {
            ok(&json!({ "input_tokens": 41 }))
        }
        "/v1beta/models/up:countTokens"
            if received.json()["generateContentRequest"]["model"] == "models/up" =>
        {
            ok(&json!({ "totalTokens": 42 }))
        }
        path => no(path),
    });
    let anthropic =
        json!({ "model": "m", "messages": [{ "role": "user", "content": "How is Oslo?" }] });
    let google = json!({ "contents": [{ "role": "user", "parts": [{ "text": "How is Oslo?" }] }] });
    for (kind, counted) in [
        ("anthropic", Some(41)),
        ("gemini", Some(42)),
        ("openai", None),
    ] {
        let gateway = gateway(&fake, kind, "api_key k", &[("m", "up")]);
        let first = post(&gateway, "/v1/messages/count_tokens", &anthropic)
            .expect(200)
            .json();
        let input = first["input_tokens"].as_u64().unwrap();
        assert!(
            counted.map_or(input > 0, |counted| counted == input),
            "{kind}: {first}"
        );
        if kind != "gemini" {
            let second = post(&gateway, "/v1beta/models/m:countTokens", &google)
                .expect(200)
                .json();
            let total = second["totalTokens"].as_u64().unwrap();
            assert!(
                counted.map_or(total > 0, |counted| counted == total),
                "{kind}: {second}"
            );
        }
    }
}

#[test]
fn google_streams_an_array_to_who_asks_for_no_events() {
    let fake = FakeProvider::start(|_| {
        let part = |text: &str, finish: Option<&str>| json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": text }] }, "finishReason": finish, "index": 0 }] });
        Reply::stream(
            "text/event-stream",
            format!(
                "data: {}\r\n\r\ndata: {}\r\n\r\n",
                part("Hi ", None),
                part("there", Some("STOP"))
            ),
        )
    });
    let gateway = gateway(&fake, "gemini", "api_key k", &[("m", "up")]);
    let ask = json!({ "contents": [{ "role": "user", "parts": [{ "text": "x" }] }] });
    let array = post(&gateway, "/v1beta/models/m:streamGenerateContent", &ask).expect(200);
    assert!(array.header("content-type").starts_with("application/json"));
    let list = array.json();
    let said: String = list
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item["candidates"][0]["content"]["parts"][0]["text"].as_str())
        .collect();
    assert_eq!(said, "Hi there", "{list}");
    let events = post(
        &gateway,
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        &ask,
    )
    .expect(200);
    assert!(
        events
            .header("content-type")
            .starts_with("text/event-stream")
            && events.text().starts_with("data: {")
    );
}

#[test]
fn pictures_and_sound_pass_and_are_counted() {
    let fake = FakeProvider::start(|received| {
        let text = String::from_utf8_lossy(&received.body).into_owned();
        match received.head.word(1) {
            "/images/generations" if received.json()["model"] == "up" => ok(
                &json!({ "created": 1, "data": [{ "b64_json": "QUJD" }, { "b64_json": "QUJD" }] }),
            ),
            "/audio/speech" if received.json()["model"] == "up" => Reply {
                content_type: "audio/mpeg",
                ..Reply::json("200 OK", b"\xff\xfb\x00sound".to_vec())
            },
            "/audio/transcriptions" if text.contains("\r\n\r\nup\r\n") && text.contains("RIFF") => {
                ok(&json!({ "text": "heard", "usage": { "type": "duration", "seconds": 90 } }))
            }
            "/moderations" => {
                ok(&json!({ "id": "modr-1", "model": "up", "results": [{ "flagged": false }] }))
            }
            path => no(path),
        }
    });
    let models = [("m", "up")];
    let block = "model priced -> \"p:up\" {
                image_price 0.04
                audio_minute_price 0.006
                character_price_per_1m 15
            }";
    let gateway = launch(&fake, "openai-compatible", "api_key k", &models, block).start();
    let images = post(
        &gateway,
        "/v1/images/generations",
        &json!({ "model": "priced", "prompt": "x", "n": 2 }),
    )
    .expect(200);
    let cost = |answer: &Response| {
        answer
            .head
            .field("x-ferrogate-cost")
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(cost(&images), "0.08", "{:?}", gateway.log());
    let speech = post(
        &gateway,
        "/v1/audio/speech",
        &json!({ "model": "priced", "input": "hello", "voice": "alloy" }),
    )
    .expect(200);
    assert_eq!(
        (speech.header("content-type"), speech.body.as_slice()),
        ("audio/mpeg", b"\xff\xfb\x00sound".as_slice())
    );
    assert_eq!(cost(&speech), "0.000075");
    let form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\npriced\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n--b--\r\n";
    let heard = Request::new("POST", "/v1/audio/transcriptions")
        .header("content-type", "multipart/form-data; boundary=b")
        .body(form)
        .send(gateway.address())
        .expect(200);
    assert_eq!(heard.json()["text"], "heard");
    assert_eq!(cost(&heard), "0.009");
    let checked = post(
        &gateway,
        "/v1/moderations",
        &json!({ "model": "m", "input": "x" }),
    )
    .expect(200);
    assert_eq!(checked.json()["model"], "m");
}

#[test]
fn files_and_batches_pass_through_confined() {
    let fake = FakeProvider::start(|received| {
        if received.head.word(1) == "/v1/files/away/content" {
            let mut reply = Reply::json("302 Found", "{}");
            reply
                .fields
                .push(("Location", "http://elsewhere.example/".to_owned()));
            return reply;
        }
        let fields: HashMap<String, String> = received
            .head
            .fields
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect();
        ok(
            &json!({ "target": received.head.word(1), "method": received.head.word(0), "fields": fields, "bytes": received.body.len() }),
        )
    });
    let keys = "api_key files {
                key files-secret
                scopes files.manage
            }";
    let models = [("m", "up")];
    let gateway = launch(&fake, "openai", "api_key sk-up", &models, keys)
        .env("BASE", "")
        .start();
    let send = |method: &'static str, path: &str| {
        Request::new(method, path)
            .header("authorization", "Bearer files-secret")
            .header("cookie", "session=1")
            .body("12345")
            .send(gateway.address())
    };
    let listed = send("GET", "/v1/files?limit=2&key=files-secret")
        .expect(200)
        .json();
    assert_eq!(listed["target"], "/files?limit=2", "{listed}");
    assert_eq!(listed["fields"]["authorization"], "Bearer sk-up");
    assert!(listed["fields"].get("cookie").is_none(), "{listed}");
    let uploaded = send("POST", "/v1/files").expect(200).json();
    assert_eq!(
        (&uploaded["method"], &uploaded["bytes"]),
        (&"POST".into(), &5.into())
    );
    assert_eq!(
        send("DELETE", "/v1/files/file-1").expect(200).json()["method"],
        "DELETE"
    );
    for path in [
        "/v1/files/%2e%2e/organization/admin_api_keys",
        "/v1/files/..%2f..%2fadmin",
        "/v1/files/%252e%252e/x",
    ] {
        assert_eq!(send("GET", path).status, 400, "{path}");
    }
    assert_eq!(send("GET", "/v1/batches").status, 403, "another scope");
    let before = fake.requests().len();
    // What the gateway does not know is left to the site's other handlers, and there are none.
    assert_eq!(send("GET", "/v1/organization/users").body, b"");
    assert_eq!(fake.requests().len(), before, "nothing was sent");
}

/// A gateway with two providers of OpenAI's API, each of which answers with its own name in every id.
fn two_openais(fakes: [&FakeProvider; 2], more: &str) -> Gateway {
    let [a, b] = fakes.map(FakeProvider::address);
    let block = format!(
        "ai_gateway {{
            provider a {{
                kind openai
                base_url http://{a}
                api_key sk-a
            }}
            provider b {{
                kind openai
                base_url http://{b}
                api_key sk-b
            }}
            model m -> a:up b:up
            model only-b -> b:up
            {more}
        }}
        respond \"the site's own\""
    );
    Launch::site(BIN, &block).start()
}

fn openai_named(name: &'static str) -> FakeProvider {
    FakeProvider::start(move |received| {
        let path = received.head.word(1).to_owned();
        let body = if received.body.is_empty() {
            Value::Null
        } else {
            received.json()
        };
        match path.as_str() {
            "/responses" if body["stream"] == true => {
                let event = |kind: &str, status: &str| {
                    let response = json!({ "id": format!("resp_s{name}"), "object": "response", "model": "up",
                        "status": status, "output": [], "usage": { "input_tokens": 1, "output_tokens": 1, "total_tokens": 2 } });
                    let data = json!({ "type": kind, "response": response, "sequence_number": 0 });
                    format!("event: {kind}\ndata: {data}\n\n")
                };
                Reply::stream(
                    "text/event-stream",
                    event("response.created", "in_progress")
                        + &event("response.completed", "completed"),
                )
            }
            "/responses" => ok(
                &json!({ "id": format!("resp_{name}"), "object": "response", "model": "up", "status": "completed",
                    "output": [], "asked": body, "usage": { "input_tokens": 1, "output_tokens": 1, "total_tokens": 2 } }),
            ),
            "/files" => ok(&json!({ "id": format!("file-{name}"), "object": "file" })),
            _ => ok(&json!({ "at": name, "path": path, "asked": body })),
        }
    })
}

#[test]
fn what_a_provider_keeps_is_asked_of_that_provider() {
    let (a, b) = (openai_named("a"), openai_named("b"));
    let gateway = two_openais([&a, &b], "");
    let get = |path: &str| Request::get(path).send(gateway.address());
    // Nobody knows the id yet, and two could have it.
    assert_eq!(get("/v1/files/file-b").status, 400);
    let uploaded = Request::post("/v1/files", &json!({ "purpose": "batch" }))
        .header("x-provider", "b")
        .send(gateway.address());
    assert_eq!(uploaded.expect(200).json()["id"], "file-b");
    assert_eq!(
        get("/v1/files/file-b/content").expect(200).json()["at"],
        "b"
    );
    let batch = json!({ "input_file_id": "file-b", "endpoint": "/v1/responses" });
    assert_eq!(
        post(&gateway, "/v1/batches", &batch).expect(200).json()["at"],
        "b"
    );

    // The first turn at `b`, whole and streamed; the next goes there although `a` is first in line.
    for (stream, id) in [(false, "resp_b"), (true, "resp_sb")] {
        let first = json!({ "model": "only-b", "input": "hi", "stream": stream });
        post(&gateway, "/v1/responses", &first).expect(200);
        let next = json!({ "model": "m", "input": "and?", "previous_response_id": id });
        let answer = post(&gateway, "/v1/responses", &next).expect(200);
        assert_eq!(answer.header("x-ferrogate-provider"), "b", "{id}");
        assert_eq!(answer.json()["asked"]["previous_response_id"], id);
        let path = format!("/v1/responses/{id}/input_items");
        assert_eq!(get(&path).expect(200).json()["at"], "b");
    }
    let fresh = json!({ "model": "m", "input": "hi" });
    let ask = |named: Option<&str>| {
        let mut request = Request::post("/v1/responses", &fresh);
        if let Some(named) = named {
            request = request.header("x-provider", named);
        }
        request.send(gateway.address())
    };
    for (named, answers) in [(None, "a"), (Some("b"), "b")] {
        let answer = ask(named).expect(200);
        assert_eq!(answer.header("x-ferrogate-provider"), answers);
    }
    let refused = ask(Some("c")).expect(403).json();
    assert_eq!(refused["error"]["code"], "provider_not_allowed");
}

#[test]
fn what_the_gateway_does_not_know_goes_to_the_provider_that_is_named() {
    let (a, b) = (openai_named("a"), openai_named("b"));
    let keys = "api_key all {
                key all-secret
                scopes *
            }
            api_key some {
                key some-secret
                scopes files.manage chat.completions
            }";
    let gateway = two_openais([&a, &b], keys);
    let send = |path: &str, key: &str, provider: Option<&str>| {
        let mut request = Request::post(path, &json!({ "x": 1 }))
            .header("authorization", &format!("Bearer {key}"));
        if let Some(provider) = provider {
            request = request.header("x-provider", provider);
        }
        request.send(gateway.address())
    };
    let passed = send("/v1/fim/completions?y=2", "all-secret", Some("b"));
    assert_eq!(
        passed.expect(200).json(),
        json!({ "at": "b", "path": "/fim/completions?y=2", "asked": { "x": 1 } })
    );
    let own = "the site's own";
    assert_eq!(send("/v1/fim/completions", "all-secret", None).text(), own);
    assert_eq!(
        send("/v1/organization/users", "all-secret", Some("b")).text(),
        own
    );
    assert_eq!(send("/other", "all-secret", Some("b")).text(), own);
    let before = b.requests().len();
    assert_eq!(
        send("/v1/fim/completions", "some-secret", Some("b")).status,
        403
    );
    assert_eq!(send("/v1/fim/completions", "wrong", Some("b")).status, 401);
    assert_eq!(
        send("/v1/fim/completions", "all-secret", Some("c")).status,
        403
    );
    assert_eq!(
        send("/v1/x/%2e%2e/organization", "all-secret", Some("b")).status,
        400
    );
    assert_eq!(b.requests().len(), before, "nothing was sent");
}

#[test]
fn texts_are_completed_by_models_that_only_converse() {
    let fake = FakeProvider::start(|received| {
        let body = received.json();
        if received.head.word(1) != "/v1/messages"
            || body["messages"] != json!([{ "role": "user", "content": "Once upon a" }])
        {
            return no(&format!("no such path or body: {body}"));
        }
        if body["stream"] != true {
            return ok(
                &json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
                "content": [{ "type": "text", "text": " time" }], "stop_reason": "max_tokens", "stop_sequence": null,
                "usage": { "input_tokens": 3, "output_tokens": 1 } }),
            );
        }
        let start = json!({ "type": "message_start", "message": { "id": "msg_1", "type": "message", "role": "assistant",
            "model": "claude", "content": [], "stop_reason": null, "usage": { "input_tokens": 3, "output_tokens": 0 } } });
        let events = [
            ("message_start", start),
            (
                "content_block_start",
                json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
            ),
            (
                "content_block_delta",
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": " time" } }),
            ),
            (
                "content_block_stop",
                json!({ "type": "content_block_stop", "index": 0 }),
            ),
            (
                "message_delta",
                json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null }, "usage": { "output_tokens": 1 } }),
            ),
            ("message_stop", json!({ "type": "message_stop" })),
        ];
        let frames = events.map(|(name, data)| format!("event: {name}\ndata: {data}\n\n"));
        Reply::stream("text/event-stream", frames.concat())
    });
    let gateway = gateway(&fake, "anthropic", "api_key k", &[("c", "claude-x")]);
    let ask = |more: Value| {
        let mut body = json!({ "model": "c", "prompt": "Once upon a", "max_tokens": 1 });
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        post(&gateway, "/v1/completions", &body)
    };
    let whole = ask(json!({ "best_of": 1 })).expect(200).json();
    assert_eq!(whole["object"], "text_completion");
    assert_eq!(whole["model"], "c");
    assert_eq!(
        whole["choices"],
        json!([{ "text": " time", "index": 0, "logprobs": null, "finish_reason": "length" }])
    );
    assert_eq!(whole["usage"]["total_tokens"], 4);
    let stream = ask(json!({ "stream": true, "stream_options": { "include_usage": true } }))
        .expect(200)
        .text();
    assert!(stream.contains(r#""text":" time""#), "{stream}");
    assert!(stream.contains(r#""prompt_tokens":3"#), "{stream}");
    assert!(stream.trim_end().ends_with("data: [DONE]"), "{stream}");
    let refused = ask(json!({ "prompt": ["a", "b"] })).json();
    assert_eq!(refused["error"]["param"], "prompt", "{refused}");
}

#[test]
fn signatures_go_back_to_who_made_them_and_to_nobody_else() {
    let claude = json!({ "id": "msg", "type": "message", "role": "assistant", "model": "claude", "content": [
        { "type": "thinking", "thinking": "hm", "signature": "c2ln" }, { "type": "text", "text": "hi" }],
        "stop_reason": "end_turn", "stop_sequence": null, "usage": { "input_tokens": 1, "output_tokens": 1 } });
    let a = FakeProvider::start(move |_| ok(&claude));
    let google = json!({ "candidates": [{ "content": { "role": "model", "parts": [
        { "text": "hm", "thought": true, "thoughtSignature": "Zm9v" }, { "text": "hi" }] }, "finishReason": "STOP", "index": 0 }],
        "usageMetadata": { "promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2 } });
    let g = FakeProvider::start(move |_| ok(&google));
    let block = format!(
        "ai_gateway {{
            provider anthropic {{
                base_url http://{}
                api_key k
            }}
            provider gemini {{
                base_url http://{}
                api_key k
            }}
            model claude -> anthropic:claude-x
            model google -> gemini:gemini-x
        }}",
        a.address(),
        g.address()
    );
    let gateway = Launch::site(BIN, &block).start();
    let ask = |model: &str, history: &[Value]| {
        let mut messages = vec![json!({ "role": "user", "content": "x" })];
        for turn in history {
            messages.extend([turn.clone(), json!({ "role": "user", "content": "y" })]);
        }
        let body = json!({ "model": model, "max_tokens": 9, "messages": messages });
        post(&gateway, "/v1/messages", &body).expect(200)
    };
    let turn = |answer: &Value| json!({ "role": "assistant", "content": answer["content"] });
    let own = ask("claude", &[]).json();
    assert_eq!(
        own["content"][0]["signature"], "c2ln",
        "the vendor's own bytes"
    );
    let other = ask("google", &[]).json();
    assert_eq!(other["content"][0]["signature"], "FerrogtGZm9v");

    // Both answers are in the conversation, and each model is sent back what is its own.
    let history = [turn(&own), turn(&other)];
    let answer = ask("claude", &history);
    assert_eq!(
        answer.header("x-ferrogate-lossy"),
        "messages.content.thinking"
    );
    let sent = a.requests().last().unwrap().json().to_string();
    assert!(sent.contains("c2ln") && !sent.contains("Zm9v"), "{sent}");
    ask("google", &history);
    let sent = g.requests().last().unwrap().json().to_string();
    assert!(
        sent.contains(r#""Zm9v""#) && !sent.contains("c2ln"),
        "{sent}"
    );
}

#[test]
fn redirects_are_not_followed() {
    let fake = FakeProvider::start(|_| {
        let mut reply = Reply::json("302 Found", "{}");
        reply
            .fields
            .push(("Location", "http://elsewhere.example/".to_owned()));
        reply
    });
    let gateway = gateway(&fake, "openai", "api_key sk-up", &[("m", "up")]);
    let answer = Request::get("/v1/files/x/content").send(gateway.address());
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("redirect"), "{}", answer.text());
}

#[test]
fn what_cannot_be_carried_is_told_or_refused() {
    let fake = FakeProvider::start(|_| {
        ok(
            &json!({ "id": "msg", "type": "message", "role": "assistant", "model": "claude", "content": [{ "type": "text", "text": "hi" }],
            "stop_reason": "end_turn", "usage": { "input_tokens": 1, "output_tokens": 1 } }),
        )
    });
    let ask = json!({ "model": "m", "seed": 7, "logit_bias": { "5": 1 }, "messages": [{ "role": "user", "content": "x" }] });
    for (way, status, header) in [
        ("report", 200, "seed, logit_bias"),
        ("drop", 200, ""),
        ("reject", 400, ""),
    ] {
        let more = format!("on_unsupported_param {way}");
        let gateway = launch(&fake, "anthropic", "api_key k", &[("m", "claude")], &more).start();
        let answer = post(&gateway, "/v1/chat/completions", &ask);
        assert_eq!(answer.status, status, "{way}: {}", answer.text());
        let told = answer.head.field("x-ferrogate-lossy").unwrap_or_default();
        assert_eq!(told, header, "{way}");
        if status == 400 {
            assert_eq!(answer.error_code(), "unsupported_parameter");
            assert_eq!(answer.json()["error"]["param"], "seed");
        } else {
            let line = gateway.wait_for_access(|line| line["model"] == "m");
            assert_eq!(
                line["lossy"],
                json!(["seed", "logit_bias"]),
                "{way}: {line}"
            );
        }
    }
    assert_eq!(fake.requests().len(), 2, "what is refused is not sent");
}

#[test]
fn providers_are_found_by_their_variables() {
    let fake = FakeProvider::start(|received| {
        ok(
            &json!({ "id": "x", "object": "chat.completion", "created": 1, "model": received.json()["model"],
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": "hi" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000 } }),
        )
    });
    // Ollama's address is a variable, so its fake can be found; the others are listed and not called.
    let gateway = Launch::site(
        BIN,
        "ai_gateway {\n\tauto_providers on\n\tmodel local -> ollama:llama\n}",
    )
    .env("OLLAMA_HOST", &fake.address().to_string())
    .env("ANTHROPIC_API_KEY", "sk-ant")
    .start();
    let list = Request::get("/v1/models")
        .send(gateway.address())
        .expect(200)
        .json();
    let models = list["data"].as_array().unwrap();
    let claude = models
        .iter()
        .find(|model| model["id"] == "claude-opus-4-5")
        .expect("a model of the catalog");
    assert_eq!(
        (&claude["owned_by"], &claude["context_window"]),
        (&"anthropic".into(), &200_000.into())
    );
    assert_eq!(claude["pricing"]["input_price_per_1m"], "5");
    assert!(
        models.iter().all(|model| model["owned_by"] != "openai"),
        "its variable is not set"
    );
    let ask = json!({ "model": "local", "messages": [{ "role": "user", "content": "x" }] });
    let answer = post(&gateway, "/v1/chat/completions", &ask).expect(200);
    assert_eq!(answer.header("x-ferrogate-provider"), "ollama");
    assert_eq!(answer.json()["model"], "local");
}

#[test]
fn a_catalog_of_ones_own_prices_models() {
    let fake = FakeProvider::start(|_| {
        ok(
            &json!({ "id": "x", "object": "chat.completion", "created": 1, "model": "up",
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": "hi" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 1_000_000, "completion_tokens": 1_000_000, "total_tokens": 2_000_000 } }),
        )
    });
    let launch = launch(
        &fake,
        "openai",
        "api_key k",
        &[("m", "my-model")],
        "price_catalog own.catalog",
    )
    .file(
        "own.catalog",
        "provider openai\nmodel my-model chat in=3 out=4\n",
    );
    let gateway = launch.start();
    let ask = json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }] });
    assert_eq!(
        post(&gateway, "/v1/chat/completions", &ask)
            .expect(200)
            .header("x-ferrogate-cost"),
        "7"
    );
}
