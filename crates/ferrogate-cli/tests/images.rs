//! Pictures by providers of every dialect, each against a strict fake of its wire.

use std::sync::atomic::{AtomicUsize, Ordering};

use ferrogate_testkit::{FakeProvider, Gateway, Launch, Received, Reply, Request, Response};
use serde_json::{Value, json};

const BIN: &str = env!("CARGO_BIN_EXE_ferrogate");
const KEY: &str = "sk-of-the-operator";
const BEARER: (&str, &str) = ("authorization", "Bearer sk-of-the-operator");
const GOOGLE: (&str, &str) = ("x-goog-api-key", KEY);
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
/// The same in base64.
const BASE64: &str = "iVBORw0KGgogYW5kIHNvIG9u";

/// What a vendor's wire looks like, and what comes back from it.
struct Wire {
    kind: &'static str,
    settings: &'static str,
    /// The path of the API root.
    root: &'static str,
    model: &'static str,
    path: &'static str,
    credential: (&'static str, &'static str),
    /// Asks for two pictures of 1536x1024.
    surface: Surface,
    /// The body of the first call.
    sent: fn() -> Value,
    reply: fn() -> Reply,
    /// Pictures in the answer.
    pictures: usize,
    lossy: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Surface {
    Generations,
    Edits,
    Variations,
}

fn ok(body: &Value) -> Reply {
    Reply::json("200 OK", body.to_string())
}

fn bytes() -> Reply {
    Reply {
        content_type: "image/png",
        ..Reply::json("200 OK", PNG)
    }
}

const WIRES: &[Wire] = &[
    Wire {
        kind: "gemini",
        settings: "",
        root: "",
        model: "imagen-4.0-generate-001",
        path: "/v1beta/models/imagen-4.0-generate-001:predict",
        credential: GOOGLE,
        surface: Surface::Generations,
        sent: || {
            json!({ "instances": [{ "prompt": "a fox" }],
                "parameters": { "sampleCount": 2, "aspectRatio": "4:3", "includeRaiReason": true } })
        },
        reply: || {
            let one = json!({ "mimeType": "image/png", "bytesBase64Encoded": BASE64 });
            ok(&json!({ "predictions": [one, one] }))
        },
        pictures: 2,
        lossy: "size, seed",
    },
    Wire {
        kind: "gemini",
        settings: "",
        root: "",
        model: "gemini-2.5-flash-image",
        path: "/v1beta/models/gemini-2.5-flash-image:generateContent",
        credential: GOOGLE,
        surface: Surface::Edits,
        sent: || {
            json!({ "contents": [{ "role": "user", "parts": [{ "text": "a fox" },
                    { "inlineData": { "mimeType": "image/png", "data": BASE64 } }] }],
                "generationConfig": { "responseModalities": ["TEXT", "IMAGE"], "seed": 7, "imageConfig": { "aspectRatio": "3:2" } } })
        },
        reply: gemini,
        pictures: 2,
        lossy: "size",
    },
    Wire {
        kind: "vertex-ai",
        settings: "project_id p-1\nregion europe-west4",
        root: "",
        model: "gemini-2.5-flash-image",
        path: "/v1/projects/p-1/locations/europe-west4/publishers/google/models/gemini-2.5-flash-image:generateContent",
        credential: GOOGLE,
        surface: Surface::Generations,
        sent: || {
            json!({ "contents": [{ "role": "user", "parts": [{ "text": "a fox" }] }],
                "generationConfig": { "responseModalities": ["TEXT", "IMAGE"], "seed": 7, "imageConfig": { "aspectRatio": "3:2" } } })
        },
        reply: gemini,
        pictures: 2,
        lossy: "size",
    },
    Wire {
        kind: "vertex-ai",
        settings: "project_id p-1\nregion europe-west4",
        root: "",
        model: "imagen-4.0-generate-001",
        path: "/v1/projects/p-1/locations/europe-west4/publishers/google/models/imagen-4.0-generate-001:predict",
        credential: GOOGLE,
        surface: Surface::Generations,
        sent: || {
            json!({ "instances": [{ "prompt": "a fox" }],
                "parameters": { "sampleCount": 2, "aspectRatio": "4:3", "includeRaiReason": true } })
        },
        // One of two was kept back.
        reply: || {
            ok(
                &json!({ "predictions": [{ "raiFilteredReason": "58061214" }, { "mimeType": "image/png", "bytesBase64Encoded": BASE64 }] }),
            )
        },
        pictures: 1,
        lossy: "size, seed",
    },
    Wire {
        kind: "bedrock",
        settings: "region us-east-1",
        root: "",
        model: "amazon.titan-image-generator-v2:0",
        path: "/model/amazon.titan-image-generator-v2%3A0/invoke",
        credential: BEARER,
        surface: Surface::Generations,
        sent: || {
            json!({ "taskType": "TEXT_IMAGE", "textToImageParams": { "text": "a fox" },
                "imageGenerationConfig": { "numberOfImages": 2, "width": 1152, "height": 768, "seed": 7 } })
        },
        reply: || ok(&json!({ "images": [BASE64, BASE64] })),
        pictures: 2,
        lossy: "size",
    },
    Wire {
        kind: "bedrock",
        settings: "region us-east-1",
        root: "",
        model: "amazon.nova-canvas-v1:0",
        path: "/model/amazon.nova-canvas-v1%3A0/invoke",
        credential: BEARER,
        surface: Surface::Variations,
        sent: || {
            json!({ "taskType": "IMAGE_VARIATION", "imageVariationParams": { "text": "a fox", "images": [BASE64] },
                "imageGenerationConfig": { "numberOfImages": 2, "width": 1536, "height": 1024, "seed": 7 } })
        },
        reply: || ok(&json!({ "images": [BASE64, BASE64] })),
        pictures: 2,
        lossy: "",
    },
    Wire {
        kind: "bedrock",
        settings: "region us-east-1",
        root: "",
        model: "stability.stable-image-core-v1:1",
        path: "/model/stability.stable-image-core-v1%3A1/invoke",
        credential: BEARER,
        surface: Surface::Generations,
        sent: || json!({ "prompt": "a fox", "mode": "text-to-image", "aspect_ratio": "3:2", "seed": 7 }),
        reply: || ok(&json!({ "images": [BASE64], "seeds": [7], "finish_reasons": [null] })),
        pictures: 2,
        lossy: "size",
    },
    Wire {
        kind: "hugging-face",
        settings: "",
        // A version given with the host means the same.
        root: "/v1",
        model: "black-forest-labs/FLUX.1-dev",
        path: "/hf-inference/models/black-forest-labs/FLUX.1-dev",
        credential: BEARER,
        surface: Surface::Generations,
        sent: || json!({ "inputs": "a fox", "parameters": { "width": 1536, "height": 1024, "seed": 7 } }),
        reply: bytes,
        pictures: 2,
        lossy: "",
    },
    Wire {
        kind: "cloudflare",
        settings: "account_id acc-1",
        root: "/client/v4/accounts/acc-1/ai/v1",
        model: "@cf/black-forest-labs/flux-1-schnell",
        path: "/client/v4/accounts/acc-1/ai/run/@cf/black-forest-labs/flux-1-schnell",
        credential: BEARER,
        surface: Surface::Generations,
        sent: || json!({ "prompt": "a fox", "seed": 7 }),
        reply: || ok(&json!({ "result": { "image": BASE64 }, "success": true, "errors": [] })),
        pictures: 2,
        lossy: "size",
    },
    Wire {
        kind: "cloudflare",
        settings: "account_id acc-1",
        root: "/client/v4/accounts/acc-1/ai",
        model: "@cf/leonardo/phoenix-1.0",
        path: "/client/v4/accounts/acc-1/ai/run/@cf/leonardo/phoenix-1.0",
        credential: BEARER,
        surface: Surface::Generations,
        sent: || json!({ "prompt": "a fox", "width": 1536, "height": 1024, "seed": 7 }),
        reply: bytes,
        pictures: 2,
        lossy: "",
    },
];

fn gemini() -> Reply {
    ok(
        &json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": "Here." },
            { "inlineData": { "mimeType": "image/png", "data": BASE64 } }] }, "finishReason": "STOP", "index": 0 }],
        "usageMetadata": { "promptTokenCount": 5, "candidatesTokenCount": 1290, "totalTokenCount": 1295,
            "candidatesTokensDetails": [{ "modality": "IMAGE", "tokenCount": 1290 }] } }),
    )
}

fn gateway(wire: &Wire, fake: &FakeProvider, more: &str) -> Gateway {
    let settings = wire.settings.replace('\n', "\n                ");
    let block = format!(
        "ai_gateway {{
            {more}
            provider p {{
                kind {}
                base_url http://{}{}
                api_key {KEY}
                {settings}
                retry {{
                    attempts 1
                }}
            }}
            model drawn -> \"p:{}\" {{
                image_price 0.04
            }}
        }}",
        wire.kind,
        fake.address(),
        wire.root,
        wire.model,
    );
    Launch::site(BIN, &block).start()
}

/// Asks as OpenAI's SDKs do: with JSON for generations, else with a form.
fn ask(gateway: &Gateway, surface: Surface, more: &[(&str, &str)]) -> Response {
    let mut texts = vec![
        ("model", "drawn"),
        ("prompt", "a fox"),
        ("n", "2"),
        ("size", "1536x1024"),
        ("seed", "7"),
    ];
    texts.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    texts.extend(more);
    if surface == Surface::Generations {
        let mut body = json!({});
        for (name, text) in texts {
            body[name] = match text.parse::<Value>() {
                Ok(value) if !value.is_string() => value,
                _ => text.into(),
            };
        }
        return Request::post("/v1/images/generations", &body).send(gateway.address());
    }
    let mut body =
        b"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n"
            .to_vec();
    body.extend(PNG);
    for (name, text) in texts {
        let part =
            format!("\r\n--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}");
        body.extend(part.into_bytes());
    }
    body.extend(b"\r\n--b--\r\n");
    let path = match surface {
        Surface::Edits => "/v1/images/edits",
        _ => "/v1/images/variations",
    };
    Request::new("POST", path)
        .header("content-type", "multipart/form-data; boundary=b")
        .body(body)
        .send(gateway.address())
}

/// Refuses what the vendor would refuse.
fn answer(wire: &Wire, received: &Received) -> Reply {
    let head = &received.head;
    let body = received.json();
    let (name, value) = wire.credential;
    let mut expected = (wire.sent)();
    // The calls for further pictures have seeds of their own.
    for seed in ["/seed", "/parameters/seed", "/generationConfig/seed"] {
        if let (Some(expected), Some(sent)) = (expected.pointer_mut(seed), body.pointer(seed)) {
            *expected = sent.clone();
        }
    }
    let fits = (head.word(0), head.word(1)) == ("POST", wire.path)
        && head.field(name) == Some(value)
        && head.field("content-type") == Some("application/json")
        && body == expected;
    if fits {
        (wire.reply)()
    } else {
        let said = format!("{} {} {body}", head.word(0), head.word(1));
        Reply::json("400 Bad Request", json!({ "message": said }).to_string())
    }
}

#[test]
fn every_provider_that_draws_is_sent_what_it_takes() {
    for wire in WIRES {
        let fake = FakeProvider::start(move |received| answer(wire, received));
        let gateway = gateway(wire, &fake, "");
        let drawn = ask(&gateway, wire.surface, &[]).expect(200);
        let json = drawn.json();
        let pictures = json["data"].as_array().unwrap();
        assert_eq!(pictures.len(), wire.pictures, "{}: {json}", wire.model);
        let same = |picture: &Value| picture["b64_json"] == BASE64;
        assert!(pictures.iter().all(same), "{}: {json}", wire.model);
        assert!(json["created"].is_u64(), "{}: {json}", wire.model);
        assert_eq!(
            drawn.header("x-ferrogate-lossy"),
            wire.lossy,
            "{}",
            wire.model
        );
        let cost = if wire.pictures == 2 { "0.08" } else { "0.04" };
        assert_eq!(drawn.header("x-ferrogate-cost"), cost, "{}", wire.model);
        if wire.model.starts_with("gemini") {
            assert_eq!(json["usage"]["output_tokens"], 2580, "{json}");
            assert_eq!(json["usage"]["output_tokens_details"]["image_tokens"], 2580);
        }

        let styled = ask(&gateway, wire.surface, &[("style", "vivid")]).expect(200);
        let lost: Vec<&str> = styled.header("x-ferrogate-lossy").split(", ").collect();
        assert!(lost.contains(&"style"), "{}: {lost:?}", wire.model);

        let before = fake.requests().len();
        let stream = ask(&gateway, wire.surface, &[("stream", "true")]).expect(400);
        assert_eq!(stream.error_code(), "unsupported_parameter");
        assert_eq!(stream.json()["error"]["param"], "stream", "{}", wire.model);
        let many = ask(&gateway, wire.surface, &[("n", "11")]);
        assert_eq!(many.expect(400).json()["error"]["param"], "n");
        assert_eq!(
            fake.requests().len(),
            before,
            "{}: nothing was sent",
            wire.model
        );
    }
}

#[test]
fn a_strict_gateway_refuses_what_would_be_lost() {
    let wire = &WIRES[4];
    let fake = FakeProvider::start(move |received| answer(wire, received));
    let gateway = gateway(wire, &fake, "on_unsupported_param reject");
    let refused = ask(&gateway, wire.surface, &[]).expect(400);
    assert_eq!(refused.error_code(), "unsupported_parameter");
    assert_eq!(refused.json()["error"]["param"], "size");
    assert!(fake.requests().is_empty());
}

#[test]
fn what_a_filter_keeps_back_is_told_as_openai_does() {
    for (place, reply) in [
        (
            0,
            json!({ "predictions": [{ "raiFilteredReason": "unsafe" }] }),
        ),
        (
            2,
            json!({ "promptFeedback": { "blockReason": "SAFETY", "blockReasonMessage": "unsafe" } }),
        ),
        (4, json!({ "images": null, "error": "unsafe" })),
        (
            6,
            json!({ "images": [], "seeds": [], "finish_reasons": ["unsafe"] }),
        ),
    ] {
        let wire = &WIRES[place];
        let fake = FakeProvider::start(move |_| ok(&reply));
        let gateway = gateway(wire, &fake, "");
        let refused = ask(&gateway, wire.surface, &[]).expect(400);
        assert_eq!(
            refused.error_code(),
            "content_policy_violation",
            "{}",
            wire.model
        );
        let error = &refused.json()["error"];
        assert_eq!(
            (&error["message"], &error["type"]),
            (&"unsafe".into(), &"invalid_request_error".into())
        );
    }
}

#[test]
fn masks_are_drawn_in_the_ink_of_the_provider() {
    let fake = FakeProvider::start(|received| {
        let body = received.json();
        let drawn = body["inPaintingParams"]["maskImage"]
            .as_str()
            .unwrap_or_default();
        // Grey, eight bits: no longer the caller's PNG with transparency.
        if body["taskType"] == "INPAINTING"
            && drawn.starts_with("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA")
        {
            ok(&json!({ "images": [BASE64] }))
        } else {
            Reply::json("400 Bad Request", body.to_string())
        }
    });
    let gateway = gateway(&WIRES[5], &fake, "");
    let mask = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR42mNgAAIAAAUAAen63NgAAAAASUVORK5CYII=";
    let picture = format!("data:image/png;base64,{BASE64}");
    let body = |mask: &str| json!({ "model": "drawn", "prompt": "a fox", "images": [{ "image_url": picture }], "mask": { "image_url": mask } });
    let edits = |mask: &str| Request::post("/v1/images/edits", &body(mask)).send(gateway.address());
    assert_eq!(
        edits(mask).expect(200).json()["data"][0]["b64_json"],
        BASE64
    );
    for bad in [&picture, "https://example.com/mask.png"] {
        let refused = edits(bad).expect(400);
        assert_eq!(refused.json()["error"]["param"], "mask", "{bad}");
    }
}

#[test]
fn what_a_provider_does_not_draw_is_not_sent() {
    let fake = FakeProvider::start(|_| ok(&json!({})));
    for (place, surface) in [
        (0, Surface::Edits),
        (1, Surface::Variations),
        (6, Surface::Variations),
        (7, Surface::Edits),
    ] {
        let gateway = gateway(&WIRES[place], &fake, "");
        let refused = ask(&gateway, surface, &[]).expect(400);
        assert_eq!(
            refused.error_code(),
            "unsupported_operation",
            "{}",
            WIRES[place].model
        );
    }
    assert!(fake.requests().is_empty());
}

#[test]
fn predictions_are_waited_for() {
    let wire = Wire {
        kind: "replicate",
        settings: "",
        model: "black-forest-labs/flux-schnell",
        path: "/v1/models/black-forest-labs/flux-schnell/predictions",
        sent: || json!({ "input": { "prompt": "a fox", "aspect_ratio": "3:2", "seed": 7 } }),
        ..WIRES[6]
    };
    let polled = AtomicUsize::new(0);
    let path = wire.path;
    let fake = FakeProvider::start(move |received| {
        let head = &received.head;
        let host = head.field("host").unwrap_or_default();
        let prediction = |id: u64, more: Value| {
            let get = format!("http://{host}/v1/predictions/{id}");
            let mut body = json!({ "id": id.to_string(), "status": "starting", "error": null, "output": null,
                "urls": { "get": get, "cancel": format!("{get}/cancel") } });
            for (name, value) in more.as_object().unwrap() {
                body[name] = value.clone();
            }
            body
        };
        if head.field("authorization") != Some(BEARER.1) {
            return Reply::json("401 Unauthorized", "{}");
        }
        match (head.word(0), head.word(1)) {
            ("POST", found) if found == path && head.field("prefer") == Some("wait") => {
                let body = received.json();
                let input = &body["input"];
                let seed = input["seed"].as_u64().unwrap_or_default();
                match input["prompt"].as_str() {
                    Some("a fox") if input["aspect_ratio"] == "3:2" => {
                        ok(&prediction(seed, json!({})))
                    }
                    Some("a bare fox") => {
                        let failed =
                            json!({ "status": "failed", "error": "NSFW content detected." });
                        ok(&prediction(seed, failed))
                    }
                    _ => Reply::json("422 Unprocessable Entity", body.to_string()),
                }
            }
            ("GET", found) => {
                polled.fetch_add(1, Ordering::Relaxed);
                let seed = found.rsplit('/').next().and_then(|id| id.parse().ok());
                let output = json!([format!(
                    "https://replicate.delivery/{}.webp",
                    seed.unwrap_or(0)
                )]);
                ok(&prediction(
                    seed.unwrap_or(0),
                    json!({ "status": "succeeded", "output": output }),
                ))
            }
            (method, path) => Reply::json(
                "404 Not Found",
                json!({ "detail": format!("{method} {path}") }).to_string(),
            ),
        }
    });
    let gateway = gateway(&wire, &fake, "");
    let drawn = ask(
        &gateway,
        Surface::Generations,
        &[("response_format", "b64_json")],
    )
    .expect(200);
    let url = |seed: u64| json!({ "url": format!("https://replicate.delivery/{seed}.webp") });
    assert_eq!(drawn.json()["data"], json!([url(7), url(8)]));
    assert_eq!(drawn.header("x-ferrogate-lossy"), "size, response_format");
    assert_eq!(drawn.header("x-ferrogate-cost"), "0.08");
    let refused = ask(&gateway, Surface::Generations, &[("prompt", "a bare fox")]).expect(400);
    assert_eq!(refused.error_code(), "content_policy_violation");
    let cancelled = |received: &Received| received.head.word(1).ends_with("/cancel");
    assert!(
        !fake.requests().iter().any(cancelled),
        "what came to its end is not called off"
    );
}
