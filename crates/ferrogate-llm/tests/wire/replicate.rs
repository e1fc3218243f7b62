//! Replicate's predictions.

use ferrogate_llm::{Dialect, ErrorBody, ModelTraits, Prediction, PredictionStatus, UpstreamFault};
use serde_json::{Value, json};

use crate::support::{CALLER, DIALECTS, json as parse, read, relay, translate};

const PREDICTION: &str = include_str!("../data/replicate/prediction.json");
const STREAM: &[u8] = include_bytes!("../data/replicate/stream.sse");
const REFUSED: &str = include_str!("../data/replicate/error.422.json");

fn to_replicate(model: &str, body: &Value) -> (Value, Vec<String>) {
    let body = body.to_string();
    let traits = ModelTraits::default();
    translate(
        Dialect::OpenAiChat,
        Dialect::Replicate,
        model,
        &traits,
        body.as_bytes(),
    )
}

#[test]
fn a_conversation_becomes_a_prompt() {
    let (written, lossy) = to_replicate(
        "meta/meta-llama-3-8b-instruct",
        &json!({"model": "m", "stream": true, "max_tokens": 64, "temperature": 0.5, "stop": ["END", "STOP"], "seed": 1,
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}]}),
    );
    assert_eq!(
        written,
        json!({"stream": true, "input": {
            "prompt": "2+2?", "system_prompt": "Be brief.", "max_tokens": 64, "temperature": 0.5, "stop_sequences": "END,STOP",
        }})
    );
    assert_eq!(lossy, ["seed"]);
    let (written, lossy) = to_replicate(
        "owner/name:5c7d",
        &json!({"model": "m", "stop": ["a,b"], "tools": [{"type": "function", "function": {"name": "f"}}], "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/a.png"}}, {"type": "text", "text": "2+2?"}]},
            {"role": "assistant", "content": "Four."},
            {"role": "user", "content": "3+3?"},
        ]}),
    );
    assert_eq!(
        written,
        json!({"version": "owner/name:5c7d", "input": {
            "prompt": "user: 2+2?\nassistant: Four.\nuser: 3+3?\nassistant:", "image": "https://x/a.png",
        }})
    );
    assert_eq!(lossy, ["stop", "tools"]);
}

#[test]
fn no_request_is_made_in_its_dialect() {
    let refused = Dialect::Replicate
        .protocol()
        .read_request(b"{}", ferrogate_llm::Address::default());
    assert!(refused.unwrap_err().to_string().contains("`replicate`"));
    let body = json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]}).to_string();
    let request = read(Dialect::OpenAiChat, body.as_bytes());
    let traits = ModelTraits::default();
    let target = ferrogate_llm::TargetProfile {
        model: "o/n",
        traits: &traits,
        quirks: &[],
    };
    let mut lossy = ferrogate_llm::Lossy::new(Dialect::OpenAiChat);
    assert!(
        Dialect::Replicate
            .protocol()
            .write_request(&request, &target, &mut lossy)
            .is_err()
    );
}

#[test]
fn a_prediction_that_is_over_is_an_answer() {
    let prediction = Prediction::read(PREDICTION.as_bytes()).unwrap();
    assert_eq!(prediction.status, PredictionStatus::Succeeded);
    assert!(prediction.cancel.unwrap().ends_with("/q1w2e3r4t5y6/cancel"));
    let answer = Dialect::Replicate
        .protocol()
        .read_answer(PREDICTION.as_bytes())
        .unwrap();
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.output), (11, 2));
    for to in DIALECTS {
        let body = parse(to.protocol().write_answer(&answer, &CALLER));
        assert!(body.to_string().contains("Four."), "{to:?}");
    }
    for (member, value, said) in [
        ("status", json!("processing"), "the prediction is not over"),
        (
            "status",
            json!("canceled"),
            "the prediction failed or was called off",
        ),
        ("status", json!(7), "the answer is not a prediction"),
        ("error", json!("CUDA out of memory"), "CUDA out of memory"),
    ] {
        let mut body = parse(PREDICTION);
        body[member] = value;
        let body = body.to_string();
        let fault = Dialect::Replicate
            .protocol()
            .read_answer(body.as_bytes())
            .unwrap_err();
        assert_eq!(fault.message, said);
    }
}

#[test]
fn text_comes_as_it_was_written_whatever_the_split() {
    let (whole, _) = relay(Dialect::Replicate, Dialect::OpenAiChat, &[STREAM]);
    let text = String::from_utf8(whole.clone()).unwrap();
    let said: String = text
        .split("data: ")
        .filter(|data| data.starts_with('{'))
        .filter_map(|data| {
            parse(data.trim_end())["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(said, "Four\nand a new line");
    let ends = STREAM.len() - b"\n".len();
    for at in 0..STREAM.len() {
        let (head, tail) = STREAM.split_at(at);
        assert_eq!(
            relay(Dialect::Replicate, Dialect::OpenAiChat, &[head, tail]),
            (whole.clone(), true),
            "{at}"
        );
        let (_, is_whole) = relay(Dialect::Replicate, Dialect::OpenAiChat, &[head]);
        assert!(!is_whole || at > ends, "{at}");
    }
    let (again, _) = relay(Dialect::Replicate, Dialect::Replicate, &[STREAM]);
    assert_eq!(
        String::from_utf8(again).unwrap(),
        "event: output\ndata: Four\n\nevent: output\ndata: \ndata: and a new line\n\nevent: done\ndata: {}\n\n"
    );
}

#[test]
fn an_early_end_is_a_fault() {
    for (last, said) in [
        (
            "event: done\ndata: {\"reason\":\"canceled\"}\n\n",
            "the prediction ended early: canceled",
        ),
        (
            "event: error\ndata: {\"detail\":\"out of memory\"}\n\n",
            "out of memory",
        ),
    ] {
        let stream = format!("event: output\ndata: a\n\nevent: logs\ndata: x\n\n{last}");
        let (sent, whole) = relay(
            Dialect::Replicate,
            Dialect::OpenAiChat,
            &[stream.as_bytes()],
        );
        let sent = String::from_utf8(sent).unwrap();
        assert!(
            !whole && sent.contains(said) && !sent.contains("[DONE]"),
            "{sent}"
        );
    }
}

#[test]
fn errors_are_problems() {
    let body = parse(REFUSED)["body"].to_string();
    assert_eq!(
        UpstreamFault::read(body.as_bytes()).message,
        "- input: prompt is required"
    );
    let error = ErrorBody {
        message: "no",
        kind: "server_error",
        param: None,
        code: "x",
        request_id: None,
    };
    let protocol = Dialect::Replicate.protocol();
    assert_eq!(parse(protocol.error_body(&error)), json!({"detail": "no"}));
    assert_eq!(
        protocol.error_frame(&error),
        "event: error\ndata: {\"detail\":\"no\"}\n\n"
    );
}
