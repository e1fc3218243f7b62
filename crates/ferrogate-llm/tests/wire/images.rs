//! Pictures.

use ferrogate_llm::images::{self, Calls, ImageTask, NoPicture};
use ferrogate_llm::{Dialect, ImageDialect, Lossy, Untranslatable};
use serde_json::{Value, json};

use crate::support::json as parse;

const PICTURE: &[u8] = include_bytes!("../data/images/one.png");
const MASK: &[u8] = include_bytes!("../data/images/mask.png");

/// Dialect, task and model; what is asked, sent and lost; what is answered, and what the caller gets.
const GOLDEN: [&str; 9] = [
    include_str!("../data/images/gemini-edit.json"),
    include_str!("../data/images/imagen.json"),
    include_str!("../data/images/titan.json"),
    include_str!("../data/images/nova-variation.json"),
    include_str!("../data/images/stability.json"),
    include_str!("../data/images/stability-edit.json"),
    include_str!("../data/images/replicate.json"),
    include_str!("../data/images/cloudflare.json"),
    include_str!("../data/images/cloudflare-sdxl.json"),
];

/// Those that somebody is translated to.
const TARGETS: [(ImageDialect, &str); 8] = [
    (ImageDialect::Gemini, "gemini-3-pro-image-preview"),
    (ImageDialect::Imagen, "imagen-4.0-generate-001"),
    (ImageDialect::Amazon, "amazon.titan-image-generator-v2:0"),
    (ImageDialect::Amazon, "amazon.nova-canvas-v1:0"),
    (ImageDialect::Stability, "stability.sd3-5-large-v1:0"),
    (ImageDialect::Replicate, "black-forest-labs/flux-schnell"),
    (ImageDialect::HuggingFace, "black-forest-labs/FLUX.1-dev"),
    (ImageDialect::Cloudflare, "@cf/leonardo/phoenix-1.0"),
];

type Written = Result<(Vec<Value>, Vec<String>), Untranslatable>;

fn sent(task: ImageTask, to: (ImageDialect, &str), content_type: &str, body: &[u8]) -> Written {
    let request = images::read_request(task, content_type, body).unwrap();
    let mut lossy = Lossy::new(Dialect::OpenAiChat);
    let calls = Calls::new(to.0, &request, to.1, &mut lossy)?;
    let bodies = (0..calls.count()).map(|place| calls.body(place).map(parse));
    Ok((
        bodies.collect::<Result<_, _>>()?,
        lossy.fields().map(str::to_owned).collect(),
    ))
}

fn sent_json(task: ImageTask, to: (ImageDialect, &str), body: &Value) -> Written {
    sent(task, to, "application/json", body.to_string().as_bytes())
}

fn answered(dialect: ImageDialect, bodies: &[Value]) -> Result<Value, NoPicture> {
    let bodies: Vec<String> = bodies.iter().map(Value::to_string).collect();
    let answers = bodies
        .iter()
        .map(|body| images::read_answer(dialect, "application/json", body.as_bytes()))
        .collect::<Result<_, _>>()
        .map_err(NoPicture::Broken)?;
    images::merge(answers).map(|answer| parse(images::write_answer(&answer, 1_790_000_200)))
}

fn dialect(name: &Value) -> ImageDialect {
    match name.as_str().unwrap() {
        "gemini" => ImageDialect::Gemini,
        "imagen" => ImageDialect::Imagen,
        "amazon" => ImageDialect::Amazon,
        "stability" => ImageDialect::Stability,
        "replicate" => ImageDialect::Replicate,
        "cloudflare" => ImageDialect::Cloudflare,
        other => panic!("no dialect is called {other}"),
    }
}

#[test]
fn each_provider_is_asked_and_answers_in_its_own_words() {
    for golden in GOLDEN.map(parse) {
        let dialect = dialect(&golden["dialect"]);
        let task = match golden["task"].as_str().unwrap() {
            "edit" => ImageTask::Edit,
            "vary" => ImageTask::Vary,
            _ => ImageTask::Generate,
        };
        let model = golden["model"].as_str().unwrap();
        let (requests, lost) = sent_json(task, (dialect, model), &golden["asked"]).unwrap();
        assert_eq!(Value::from(requests), golden["requests"], "{model}");
        assert_eq!(Value::from(lost), golden["lost"], "{model}");
        let answers = golden["answers"].as_array().unwrap();
        assert_eq!(
            answered(dialect, answers).unwrap(),
            golden["answer"],
            "{model}"
        );
    }
}

/// Every member that means something, so that each of them must leave a trace.
fn everything() -> Value {
    json!({
        "prompt": "a fox", "n": 2, "size": "1536x1024", "quality": "high", "background": "transparent",
        "output_format": "webp", "output_compression": 50, "response_format": "url", "style": "vivid",
        "moderation": "low", "seed": 7, "user": "eve", "safety_identifier": "s", "input_fidelity": "high",
        "complexity": 1, "frame_count": 2, "frame_duration_ms": 3, "svg": {}, "partial_images": 2, "negative_prompt": "dogs",
        "model": "asked",
    })
}

#[test]
fn every_member_is_carried_or_named() {
    let body = everything();
    for to in TARGETS {
        let whole = sent_json(ImageTask::Generate, to, &body).unwrap();
        for name in body.as_object().unwrap().keys() {
            // The path names the model, and a URL is what Replicate gives anyway.
            let needed = ["model", "prompt"].contains(&name.as_str());
            let idle = name == "response_format" && to.0 == ImageDialect::Replicate;
            if needed || idle {
                continue;
            }
            let mut less = body.clone();
            less.as_object_mut().unwrap().remove(name);
            let less = sent_json(ImageTask::Generate, to, &less).unwrap();
            let named = whole.1.contains(name) && !less.1.contains(name);
            assert!(less.0 != whole.0 || named, "{to:?} loses {name} in silence");
        }
    }
}

#[test]
fn a_seed_is_sent_to_every_call_or_to_none() {
    for (to, seed, sent) in [
        (TARGETS[0], 2_147_483_645, true),
        (TARGETS[0], 2_147_483_646, false),
        (TARGETS[4], 4_294_967_292, true),
        (TARGETS[4], 4_294_967_294, false),
        (TARGETS[6], u64::MAX, false),
        (TARGETS[7], u64::MAX, false),
    ] {
        let asked = json!({ "model": "m", "prompt": "a fox", "n": 2, "seed": seed });
        let (calls, lost) = sent_json(ImageTask::Generate, to, &asked).unwrap();
        let seeded = calls
            .iter()
            .filter(|call| call.to_string().contains("seed"));
        assert_eq!(seeded.count(), if sent { 2 } else { 0 }, "{to:?} {seed}");
        assert_eq!(lost.is_empty(), sent, "{to:?} {seed}");
    }
}

#[test]
fn what_asks_for_nothing_is_not_lost() {
    let idle = json!({ "model": "m", "prompt": "a fox", "n": 1, "size": "auto", "quality": "auto", "background": "opaque",
        "moderation": "auto", "stream": false, "partial_images": 0, "user": null, "extra": null });
    for to in TARGETS {
        let (calls, lost) = sent_json(ImageTask::Generate, to, &idle).unwrap();
        assert_eq!((calls.len(), lost.len()), (1, 0), "{to:?}: {lost:?}");
    }
    let bytes = json!({ "model": "m", "prompt": "a fox", "response_format": "b64_json" });
    let to = (ImageDialect::Amazon, "amazon.nova-canvas-v1:0");
    assert!(
        sent_json(ImageTask::Generate, to, &bytes)
            .unwrap()
            .1
            .is_empty()
    );
}

/// A form with a picture, a mask perhaps, and texts.
fn form(texts: &[(&str, &str)], mask: Option<&[u8]>) -> Vec<u8> {
    let file = |name: &str, bytes: &[u8]| {
        let head = format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x.png\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        [head.as_bytes(), bytes, b"\r\n"].concat()
    };
    let mut body = file("image[]", PICTURE);
    if let Some(mask) = mask {
        body.extend(file("mask", mask));
    }
    for (name, text) in texts {
        let part =
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        body.extend(part.into_bytes());
    }
    body.extend(b"--b--\r\n");
    body
}

const FORM: &str = "multipart/form-data; boundary=b";

#[test]
fn forms_are_read() {
    let texts = [
        ("model", "m"),
        ("prompt", "a fox"),
        ("n", "2"),
        ("size", "1024x1024"),
        ("quality", "high"),
        ("markup", "x"),
        ("user", ""),
    ];
    let nova = (ImageDialect::Amazon, "amazon.nova-canvas-v1:0");
    let body = form(&texts, Some(MASK));
    let (calls, lost) = sent(ImageTask::Edit, nova, FORM, &body).unwrap();
    // What is painted over keeps its size.
    assert_eq!(lost, ["size", "markup"]);
    let picture = parse(GOLDEN[3])["answers"][0]["images"][0].clone();
    let painted = &calls[0]["inPaintingParams"];
    assert_eq!(
        (&painted["image"], &painted["text"]),
        (&picture, &"a fox".into())
    );
    assert_ne!(painted["maskImage"], picture);
    let config = json!({ "numberOfImages": 2, "quality": "premium" });
    assert_eq!(
        (calls.len(), &calls[0]["imageGenerationConfig"]),
        (1, &config)
    );
    let inpaint = (
        ImageDialect::Stability,
        "stability.stable-image-inpaint-v1:0",
    );
    let (calls, _) = sent(ImageTask::Edit, inpaint, FORM, &body).unwrap();
    assert!(
        calls[0]["mask"].is_string() && calls[0].get("mode").is_none(),
        "{calls:?}"
    );
    for (wrong, param) in [
        ([("n", "0")], "n"),
        ([("n", "two")], "n"),
        ([("stream", "1")], "stream"),
        ([("size", "big")], "size"),
    ] {
        let texts = [&[("model", "m"), ("prompt", "p")][..], &wrong].concat();
        let error = images::read_request(ImageTask::Edit, FORM, &form(&texts, None)).unwrap_err();
        assert_eq!(error.param(), Some(param), "{wrong:?}");
    }
}

#[test]
fn what_cannot_be_said_is_refused() {
    let generate = json!({ "model": "m", "prompt": "a fox", "stream": true });
    for to in TARGETS {
        let refused = sent_json(ImageTask::Generate, to, &generate).unwrap_err();
        assert_eq!(refused.param, "stream", "{to:?}");
    }
    let texts = [("model", "m"), ("prompt", "a fox")];
    let stability = (ImageDialect::Stability, "stability.sd3-5-large-v1:0");
    for (to, mask) in [
        (TARGETS[0], MASK),
        (stability, MASK),
        // Nothing in it is transparent.
        (TARGETS[2], PICTURE),
    ] {
        let refused = sent(ImageTask::Edit, to, FORM, &form(&texts, Some(mask))).unwrap_err();
        assert_eq!(refused.param, "mask", "{to:?}");
    }
    let url = json!({ "image_url": "https://example.com/a.png" });
    let data = json!({ "image_url": "data:image/png;base64,QUJD" });
    for (to, pictures) in [
        (TARGETS[0], json!([url])),
        (TARGETS[0], json!([{ "file_id": "file-1" }])),
        (stability, json!([data, data])),
        (TARGETS[1], json!([data])),
        (TARGETS[5], json!([data])),
        (TARGETS[6], json!([data])),
        (TARGETS[7], json!([data])),
    ] {
        let edit = json!({ "model": "m", "prompt": "a fox", "images": pictures });
        let refused = sent_json(ImageTask::Edit, to, &edit).unwrap_err();
        assert_eq!(refused.param, "image", "{to:?}");
    }
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    for (task, body, message) in [
        (
            ImageTask::Generate,
            json!({ "prompt": "x" }),
            "you must provide a model parameter",
        ),
        (
            ImageTask::Generate,
            json!({ "model": "m" }),
            "`prompt` must be a string that is not empty",
        ),
        (
            ImageTask::Generate,
            json!({ "model": "m", "prompt": "x", "n": 11 }),
            "`n` must be a whole number from 1 to 10",
        ),
        (
            ImageTask::Generate,
            json!({ "model": "m", "prompt": "x", "images": [{ "file_id": "f" }] }),
            "`image` must be left out: use `/v1/images/edits` for pictures from pictures",
        ),
        (
            ImageTask::Edit,
            json!({ "model": "m", "prompt": "x" }),
            "`image` must be one picture at least, and 16 at most",
        ),
        (
            ImageTask::Edit,
            json!({ "model": "m", "prompt": "x", "images": ["x"] }),
            "`images[0]` must be an object with `image_url` or `file_id`",
        ),
        (
            ImageTask::Generate,
            json!({ "model": "m", "prompt": "x", "mask": { "file_id": "f" } }),
            "`mask` must be left out: only `/v1/images/edits` has masks",
        ),
        (
            ImageTask::Vary,
            json!({ "model": "m" }),
            "`image` must be one picture",
        ),
    ] {
        let body = body.to_string();
        let error = images::read_request(task, "application/json", body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let text = form(&[("model", "m")], Some(b"no picture"));
    let error = images::read_request(ImageTask::Edit, FORM, &text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`mask` must be a PNG, JPEG, WebP or GIF picture"
    );
}

#[test]
fn what_a_filter_keeps_back_is_told_as_openai_does() {
    let candidate = |finish: &str, text: &str| json!({ "candidates": [{ "finishReason": finish, "content": { "parts": [{ "text": text }] } }] });
    for (dialect, body, message, policy) in [
        (
            ImageDialect::Gemini,
            json!({ "promptFeedback": { "blockReason": "PROHIBITED_CONTENT" } }),
            "the provider made no picture: PROHIBITED_CONTENT",
            true,
        ),
        (
            ImageDialect::Gemini,
            json!({ "candidates": [{ "finishReason": "IMAGE_SAFETY", "finishMessage": "unsafe" }] }),
            "unsafe",
            true,
        ),
        (
            ImageDialect::Gemini,
            candidate("STOP", "What kind of fox?"),
            "the model drew nothing, and said: What kind of fox?",
            false,
        ),
        (
            ImageDialect::Gemini,
            json!({ "candidates": [{ "finishReason": "NO_IMAGE" }] }),
            "the model drew nothing, and said: the provider made no picture: NO_IMAGE",
            false,
        ),
        (
            ImageDialect::Imagen,
            json!({ "predictions": [{ "raiFilteredReason": "filtered: 1" }] }),
            "filtered: 1",
            true,
        ),
        (
            ImageDialect::Imagen,
            json!({}),
            "the provider's safety filter kept every picture back",
            true,
        ),
        (
            ImageDialect::Amazon,
            json!({ "images": [], "error": "policy" }),
            "policy",
            true,
        ),
        (
            ImageDialect::Stability,
            json!({ "images": ["QUJD"], "finish_reasons": ["Filter reason: prompt"] }),
            "Filter reason: prompt",
            true,
        ),
        (
            ImageDialect::Replicate,
            json!({ "id": "p", "status": "failed", "error": "NSFW content detected. Try again." }),
            "NSFW content detected. Try again.",
            true,
        ),
    ] {
        let Err(NoPicture::Refused(said)) = answered(dialect, std::slice::from_ref(&body)) else {
            panic!("{body}")
        };
        assert_eq!(said.message, message);
        let code = policy.then_some("content_policy_violation");
        assert_eq!(said.code.as_deref(), code, "{body}");
    }
    for (dialect, body, message) in [
        (
            ImageDialect::Imagen,
            json!({ "error": { "message": "no" } }),
            "no",
        ),
        (
            ImageDialect::Amazon,
            json!({}),
            "the answer holds no pictures",
        ),
        (
            ImageDialect::Stability,
            json!({ "images": [] }),
            "the answer holds no pictures",
        ),
        (
            ImageDialect::Replicate,
            json!({ "id": "p", "status": "failed", "error": "CUDA out of memory" }),
            "CUDA out of memory",
        ),
        (
            ImageDialect::Replicate,
            json!({ "id": "p", "status": "succeeded", "output": ["javascript:alert(1)"] }),
            "the answer holds no pictures",
        ),
        (
            ImageDialect::HuggingFace,
            json!({ "error": "loading" }),
            "loading",
        ),
        (
            ImageDialect::Cloudflare,
            json!({ "result": {} }),
            "the answer holds no pictures",
        ),
    ] {
        let Err(NoPicture::Broken(said)) = answered(dialect, std::slice::from_ref(&body)) else {
            panic!("{body}")
        };
        assert_eq!(said.message, message);
    }
}

#[test]
fn a_picture_may_come_bare() {
    for dialect in [ImageDialect::HuggingFace, ImageDialect::Cloudflare] {
        let answer = images::read_answer(dialect, "image/png", PICTURE).unwrap();
        let answer = parse(images::write_answer(
            &images::merge(vec![answer]).unwrap(),
            5,
        ));
        assert_eq!(
            (&answer["size"], &answer["output_format"]),
            (&"1x1".into(), &"png".into())
        );
        assert!(images::read_answer(dialect, "text/html", b"<html>").is_err());
    }
    let to = (ImageDialect::HuggingFace, "black-forest-labs/FLUX.1-dev");
    let asked =
        json!({ "model": "m", "prompt": "a fox", "size": "512x768", "seed": 1, "width": 640 });
    let (calls, lost) = sent_json(ImageTask::Generate, to, &asked).unwrap();
    let parameters = json!({ "height": 768, "seed": 1, "width": 640 });
    assert_eq!(
        calls,
        [json!({ "inputs": "a fox", "parameters": parameters })]
    );
    assert!(lost.is_empty(), "{lost:?}");
}
