//! What is sent of a stream, frame by frame.

use super::*;
use crate::Surface;

fn steps(stream: &mut RelayedStream, text: &str) -> Vec<Step> {
    stream
        .push(Bytes::copy_from_slice(text.as_bytes()))
        .unwrap();
    std::iter::from_fn(|| stream.next_step()).collect()
}

#[test]
fn passes_bytes_with_the_model_asked_for() {
    let watch = StreamWatch::new(Surface::CHAT, true);
    let mut stream = RelayedStream::watching(watch, "fast", 1 << 20);
    let chunk = |model: &str| {
        format!(
            "data: {{\"id\": \"x\",  \"model\":\"{model}\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"model\"}}}}]}}\r\n\r\n"
        )
    };
    assert_eq!(
        steps(&mut stream, &chunk("gpt-9")),
        [Step::Send(chunk("fast").into())]
    );
    assert_eq!(
        steps(&mut stream, "data: [DONE]\n\n"),
        [Step::Last("data: [DONE]\n\n".into())]
    );
    assert!(stream.has_content() && stream.is_complete());
}

#[test]
fn knows_when_more_was_said_than_its_usage_tells() {
    let begun = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n\
        event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a lot\"}}\n\n";
    let told = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":7}}\n\n";
    let gemini = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}],\"usageMetadata\":{\"promptTokenCount\":1}}\n\n";
    let caller = Caller::default();
    for (from, text, expected) in [
        (Dialect::Anthropic, begun.to_owned(), true),
        (Dialect::Anthropic, format!("{begun}{told}"), false),
        (Dialect::Gemini, gemini.to_owned(), false),
    ] {
        for mut stream in [
            RelayedStream::passing(from, "m", 1 << 20),
            RelayedStream::translating(from, Dialect::OpenAiChat, &caller, 1 << 20),
        ] {
            let seen = steps(&mut stream, &text);
            assert_eq!(stream.usage_is_behind(), expected, "{from:?} {seen:?}");
        }
    }
}

#[test]
fn junk_is_told_as_an_error_and_not_passed() {
    for (dialect, junk) in [
        (Dialect::Anthropic, "data: <html>\n\n"),
        (Dialect::Gemini, "data: {\"candidates\":[{\r\n\r\n"),
        (Dialect::Cohere, "data: [1]\n\n"),
    ] {
        let mut stream = RelayedStream::passing(dialect, "m", 1 << 20);
        let told = steps(&mut stream, junk);
        let [Step::Fault(fault, frame)] = told.as_slice() else {
            panic!("{dialect:?}: {told:?}")
        };
        assert_eq!(frame, &dialect.protocol().error_frame(&fault.body()));
    }
}

#[test]
fn a_writer_that_has_no_room_left_fails_the_stream() {
    let caller = Caller::default();
    for to in [
        Dialect::Anthropic,
        Dialect::Converse,
        Dialect::Cohere,
        Dialect::OpenAiResponses,
        Dialect::Gemini,
    ] {
        let mut stream = RelayedStream::translating(Dialect::OpenAiChat, to, &caller, 32 << 20);
        let call = |index: u32, arguments: &str| {
            format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},\"id\":\"c{index}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{arguments}\"}}}}]}}}}]}}\n\n"
            )
        };
        let mut told = steps(&mut stream, &call(0, "{"));
        let piece = call(1, &"x".repeat(1 << 20));
        for _ in 0..18 {
            told.extend(steps(&mut stream, &piece));
        }
        assert!(
            told.iter().any(|step| matches!(step, Step::Fault(..))),
            "{to:?}"
        );
        assert!(!told.iter().any(|step| matches!(step, Step::Last(_))));
    }
}
