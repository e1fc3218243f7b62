//! Bodies and streams that nobody should send.

use ferrogate_llm::embeddings;
use ferrogate_llm::images::{self, Calls, ImageTask};
use ferrogate_llm::sound::{self, HearingTask};
use ferrogate_llm::{
    Address, Dialect, EmbeddingDialect, HearingDialect, ImageDialect, Lossy, ModelTraits, Packet,
    SpeechDialect, TargetProfile, encode_message, rerank,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{CALLER, DIALECTS, at, json as parse, leaves, relay};

/// Bodies that differ from a good one in one place each.
fn spoilt(good: &str) -> Vec<String> {
    let good = parse(good);
    let mut paths = Vec::new();
    leaves(&good, &mut Vec::new(), &mut paths);
    // Whatever is around a leaf can be wrong as well.
    let mut places: Vec<Vec<String>> = paths
        .iter()
        .flat_map(|path| (1..=path.len()).map(|length| path[..length].to_vec()))
        .collect();
    places.sort();
    places.dedup();
    let wrong = [
        json!(null),
        json!(-1),
        json!("x"),
        json!([]),
        json!([{}]),
        json!({}),
        json!({"x": [1]}),
        json!(true),
    ];
    places
        .iter()
        .flat_map(|place| {
            wrong.iter().map(|value| {
                let mut body = good.clone();
                *at(&mut body, place) = value.clone();
                body.to_string()
            })
        })
        .collect()
}

#[test]
fn no_request_makes_a_writer_panic_or_write_nonsense() {
    let traits = ModelTraits::default();
    let mut read = 0;
    for body in spoilt(include_str!("../data/fields/converse.json")) {
        let address = Address {
            model: Some("m".into()),
            stream: true,
        };
        let Ok(request) = Dialect::Converse
            .protocol()
            .read_request(body.as_bytes(), address)
        else {
            continue;
        };
        read += 1;
        for to in DIALECTS {
            let target = TargetProfile {
                model: "anthropic.m",
                traits: &traits,
                quirks: &[],
            };
            let mut lossy = Lossy::new(Dialect::Converse);
            if let Ok(written) = to.protocol().write_request(&request, &target, &mut lossy) {
                parse(written);
            }
        }
    }
    assert!(read > 100);
}

#[test]
fn no_answer_makes_a_writer_panic_or_write_nonsense() {
    for (dialect, good) in [
        (
            Dialect::Converse,
            include_str!("../data/bedrock/converse.response.tools.json"),
        ),
        (
            Dialect::Replicate,
            include_str!("../data/replicate/prediction.json"),
        ),
    ] {
        for body in spoilt(good) {
            let Ok(answer) = dialect.protocol().read_answer(body.as_bytes()) else {
                continue;
            };
            for to in DIALECTS {
                parse(to.protocol().write_answer(&answer, &CALLER));
            }
        }
    }
}

#[test]
fn no_event_makes_a_reader_panic() {
    let fixture = parse(include_str!("../data/bedrock/converse-stream.json"));
    for frame in fixture["frames"].as_array().unwrap() {
        let name = frame["headers"][":event-type"].as_str().unwrap();
        for body in spoilt(&frame["payload"].to_string()) {
            let start = json!({"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "a", "name": "f"}}});
            let stop = json!({"stopReason": "end_turn"}).to_string();
            let stream = [
                encode_message("contentBlockStart", start.to_string().as_bytes()),
                encode_message(name, body.as_bytes()),
                encode_message("messageStop", stop.as_bytes()),
            ]
            .concat();
            for to in [Dialect::OpenAiChat, Dialect::Converse, Dialect::Replicate] {
                relay(Dialect::Converse, to, &[&stream]);
            }
        }
    }
}

#[test]
fn no_sound_makes_a_writer_panic_or_write_nonsense() {
    let (speech, transcript) = (
        parse(include_str!("../data/sound/gemini.speech.json")),
        parse(include_str!("../data/sound/gemini.transcript.json")),
    );
    let ask = json!({"model": "m", "input": "hi", "voice": "x", "instructions": "y", "response_format": "wav",
        "speed": 1.5, "stream_format": "audio", "stream": false});
    let answers = spoilt(&speech["response"].to_string());
    let mut written = 0;
    for body in spoilt(&ask.to_string()) {
        let Ok(request) = sound::read_speech(body.as_bytes()) else {
            continue;
        };
        for dialect in [SpeechDialect::Gemini, SpeechDialect::Mistral] {
            let mut lossy = Lossy::new(Dialect::OpenAiChat);
            if let Ok(body) = sound::write_speech(dialect, &request, "m", &mut lossy) {
                parse(body);
                written += 1;
            }
        }
        for answer in &answers {
            drop(sound::read_spoken(
                SpeechDialect::Gemini,
                answer.as_bytes(),
                &request,
            ));
        }
    }
    assert!(written > 10);
    for answer in spoilt(&transcript["response"].to_string()) {
        drop(sound::read_heard(HearingDialect::Gemini, answer.as_bytes()));
    }
}

#[test]
fn no_embedding_makes_a_writer_panic_or_write_nonsense() {
    use EmbeddingDialect as E;
    let all = [
        E::OpenAi,
        E::Gemini,
        E::GeminiBatch,
        E::Vertex,
        E::Cohere,
        E::Titan,
        E::BedrockCohere,
        E::Nova,
        E::Nvidia,
        E::Jina,
        E::Ollama,
        E::HuggingFace,
    ];
    let request = |fixture: &str| parse(fixture)["request"].to_string();
    let response = |fixture: &str| parse(fixture)["response"].to_string();
    let (cohere, gemini) = (
        include_str!("../data/embeddings/cohere.json"),
        include_str!("../data/embeddings/gemini-batch.json"),
    );
    for (dialect, good) in [
        (E::Cohere, request(cohere)),
        (E::GeminiBatch, request(gemini)),
    ] {
        for body in spoilt(&good) {
            let Ok(request) =
                embeddings::read_request(dialect, body.as_bytes(), Address::default())
            else {
                continue;
            };
            for to in all {
                let mut lossy = Lossy::new(Dialect::OpenAiChat);
                for call in
                    embeddings::write_calls(to, &request, "m", &mut lossy).unwrap_or_default()
                {
                    parse(call);
                }
            }
        }
    }
    let asked = embeddings::read_request(
        E::Cohere,
        br#"{"model":"m","texts":["a"],"embedding_types":["base64","float"]}"#,
        Address::default(),
    );
    let asked = asked.unwrap().asked("id");
    for (dialect, good) in [
        (E::Cohere, response(cohere)),
        (E::GeminiBatch, response(gemini)),
        (
            E::HuggingFace,
            response(include_str!("../data/embeddings/hugging-face.json")),
        ),
    ] {
        for body in spoilt(&good) {
            let Ok(answer) = embeddings::read_answer(dialect, body.as_bytes()) else {
                continue;
            };
            for to in all {
                if let Ok(written) = embeddings::write_answer(to, &answer, &asked) {
                    parse(written);
                }
            }
        }
    }
}

/// Dialects of pictures that somebody is translated to, each with an answer of its own.
const DRAWN: [(ImageDialect, &str); 6] = [
    (
        ImageDialect::Gemini,
        include_str!("../data/images/gemini-edit.json"),
    ),
    (
        ImageDialect::Imagen,
        include_str!("../data/images/imagen.json"),
    ),
    (
        ImageDialect::Amazon,
        include_str!("../data/images/titan.json"),
    ),
    (
        ImageDialect::Stability,
        include_str!("../data/images/stability.json"),
    ),
    (
        ImageDialect::Replicate,
        include_str!("../data/images/replicate.json"),
    ),
    (
        ImageDialect::Cloudflare,
        include_str!("../data/images/cloudflare.json"),
    ),
];

#[test]
fn no_picture_makes_a_writer_panic_or_write_nonsense() {
    let mut read = 0;
    for (dialect, golden) in DRAWN {
        let golden = parse(golden);
        let task = match golden["task"].as_str() {
            Some("edit") => ImageTask::Edit,
            _ => ImageTask::Generate,
        };
        for body in spoilt(&golden["asked"].to_string()) {
            let body = body.as_bytes();
            let Ok(request) = images::read_request(task, "application/json", body) else {
                continue;
            };
            read += 1;
            for (to, _) in DRAWN {
                let mut lossy = Lossy::new(Dialect::OpenAiChat);
                let Ok(calls) = Calls::new(to, &request, "m", &mut lossy) else {
                    continue;
                };
                for place in 0..calls.count() {
                    parse(calls.body(place).unwrap());
                }
            }
        }
        for body in spoilt(&golden["answers"][0].to_string()) {
            let Ok(answer) = images::read_answer(dialect, "application/json", body.as_bytes())
            else {
                continue;
            };
            if let Ok(answer) = images::merge(vec![answer]) {
                parse(images::write_answer(&answer, 0));
            }
        }
    }
    assert!(read > 50, "hardly anything was read: {read}");
}

proptest! {
    #[test]
    fn no_form_makes_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..200usize) {
        let head = "--b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n\u{89}PNG--b\r\n";
        let mut body = head.as_bytes().to_vec();
        body.truncate(cut);
        body.extend(&bytes);
        body.extend(b"--b--");
        let form = "multipart/form-data; boundary=b";
        prop_assert!(images::read_request(ImageTask::Edit, form, &body).is_err());
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), name in "[a-zA-Z]{0,20}", exception: bool) {
        for dialect in [Dialect::Converse, Dialect::Replicate] {
            let mut reader = dialect.protocol().stream_reader();
            let mut events = Vec::new();
            reader.read(Packet { name: Some(&name), exception, data: &bytes }, &mut events);
            reader.finish(&mut events);
            prop_assert!(dialect.protocol().read_answer(&bytes).is_err());
        }
        for (dialect, _) in DRAWN {
            let read = images::read_answer(dialect, "image/png", &bytes);
            let drawn = read.ok().is_some_and(|answer| images::merge(vec![answer]).is_ok());
            prop_assert!(!drawn);
        }
        let json = serde_json::from_slice::<Value>(&bytes).is_ok();
        prop_assert!(json || sound::read_speech(&bytes).is_err());
        prop_assert!(json || sound::read_heard(HearingDialect::Gemini, &bytes).is_err());
        let form = [b"--b\r\nContent-Disposition: form-data; name=file", bytes.as_slice(), b"\r\n--b--"].concat();
        drop(sound::read_recording(HearingTask::Transcribe, "multipart/form-data; boundary=b", &form));
        prop_assert!(json || rerank::read_answer(&bytes).is_err());
        prop_assert!(json || rerank::read_request(&bytes).is_err());
        prop_assert!(json || embeddings::read_answer(EmbeddingDialect::OpenAi, &bytes).is_err());
    }
}
