//! Streams that pass as they came.

use ferrogate_llm::chat::FinishReason;
use ferrogate_llm::{Caller, Dialect, RelayedStream, StreamWatch, Surface, encode_message};
use serde_json::{Value, json};

use crate::support::{
    CALLER, LIMIT, STREAMS, assert_ended, data, end, frames, has_told, hear, used,
};

#[test]
fn a_stream_that_passes_ends_behind_every_frame() {
    for (dialect, path) in STREAMS {
        let all = frames(dialect, &data(path));
        let mut ended = 0;
        for at in 0..=all.len() {
            let passing = RelayedStream::passing(dialect, CALLER.model, LIMIT);
            let outcome = end(passing, &CALLER, all[..at].iter().map(|cut| &*cut.raw));
            if outcome.was_over {
                continue;
            }
            ended += 1;
            let case = format!("{path} behind {at}");
            let told = has_told(dialect, &all[..at]);
            assert_ended(dialect, &outcome.whole(), told, &case);
        }
        assert!(ended > 1, "{path}");
    }
}

#[test]
fn a_stream_that_is_watched_ends_behind_every_frame() {
    for (dialect, path) in STREAMS {
        let surface = match dialect {
            Dialect::OpenAiChat => Surface::CHAT,
            Dialect::OpenAiText => Surface::COMPLETIONS,
            Dialect::OpenAiResponses => Surface::RESPONSES,
            _ => continue,
        };
        let all = frames(dialect, &data(path));
        for (at, usage_asked) in (0..=all.len()).flat_map(|at| [(at, true), (at, false)]) {
            let watch = StreamWatch::new(surface, !usage_asked);
            let watching = RelayedStream::watching(watch, CALLER.model, LIMIT);
            let caller = Caller {
                usage_asked,
                ..CALLER
            };
            let outcome = end(watching, &caller, all[..at].iter().map(|cut| &*cut.raw));
            if outcome.was_over {
                continue;
            }
            let case = format!("{path} behind {at}");
            if usage_asked || dialect == Dialect::OpenAiResponses {
                let told = has_told(dialect, &all[..at]);
                assert_ended(dialect, &outcome.whole(), told, &case);
            } else {
                let ending = String::from_utf8_lossy(&outcome.ending).into_owned();
                assert!(!ending.contains("usage"), "{case}: {ending}");
                let heard = hear(dialect, &frames(dialect, &outcome.whole()));
                assert_eq!((heard.faults, heard.ends), (0, 1), "{case}: {ending}");
            }
        }
    }
}

/// The end of every choice is told, of those that have said nothing yet as well.
#[test]
fn every_choice_ends() {
    let path = "openai/chat.stream.choices.sse";
    let all = frames(Dialect::OpenAiChat, &data(path));
    // Both have begun, neither has finished.
    let begun = all.iter().take_while(|cut| {
        let choice = &cut.json()["choices"][0];
        choice["finish_reason"].is_null()
    });
    let begun: Vec<&[u8]> = begun.map(|cut| &*cut.raw).collect();
    let watch = StreamWatch::new(Surface::CHAT, true).expecting(2);
    for stream in [
        RelayedStream::watching(watch, CALLER.model, LIMIT),
        RelayedStream::passing(Dialect::OpenAiChat, CALLER.model, LIMIT),
        RelayedStream::translating(Dialect::OpenAiChat, Dialect::OpenAiChat, &CALLER, LIMIT),
    ] {
        let outcome = end(stream, &CALLER, begun.iter().copied());
        let heard = hear(
            Dialect::OpenAiChat,
            &frames(Dialect::OpenAiChat, &outcome.whole()),
        );
        assert_eq!(
            heard.finishes,
            [(0, FinishReason::Length), (1, FinishReason::Length)]
        );
    }
}

/// What Bedrock began is ended, of blocks that say nothing at first or all at once as well.
#[test]
fn blocks_of_bedrock_end_once() {
    let start = |start: Value| {
        (
            "contentBlockStart",
            json!({ "contentBlockIndex": 0, "start": start }),
        )
    };
    let delta = |delta: Value| {
        (
            "contentBlockDelta",
            json!({ "contentBlockIndex": 0, "delta": delta }),
        )
    };
    let stop = || ("contentBlockStop", json!({ "contentBlockIndex": 0 }));
    let redacted = || delta(json!({ "reasoningContent": { "redactedContent": "b3BhcXVl" } }));
    let image = || start(json!({ "image": { "format": "png" } }));
    let pixels = || delta(json!({ "image": { "source": { "bytes": "AAAA" } } }));
    for (said, stops) in [
        (vec![start(json!({}))], 1),
        (vec![start(json!({})), delta(json!({ "text": "a" }))], 1),
        (
            vec![start(json!({})), delta(json!({ "text": "a" })), stop()],
            0,
        ),
        (vec![redacted()], 1),
        (vec![redacted(), stop()], 0),
        (vec![image()], 1),
        (vec![image(), pixels()], 1),
        (vec![image(), pixels(), stop()], 0),
        (
            vec![start(json!({ "toolResult": { "toolUseId": "t" } }))],
            1,
        ),
    ] {
        let begun = ("messageStart", json!({ "role": "assistant" }));
        let bytes: Vec<u8> = std::iter::once(&begun)
            .chain(&said)
            .flat_map(|(name, payload)| encode_message(name, payload.to_string().as_bytes()))
            .collect();
        let passing = RelayedStream::passing(Dialect::Converse, CALLER.model, LIMIT);
        let outcome = end(passing, &CALLER, [bytes.as_slice()]);
        let case = format!("{said:?}");
        assert_ended(Dialect::Converse, &outcome.whole(), false, &case);
        let ending = frames(Dialect::Converse, &outcome.ending);
        assert_eq!(ending.len(), stops + 2, "{case}");
    }
}

/// A stream that failed is not made whole.
#[test]
fn nothing_is_said_behind_an_error() {
    let bytes = data("anthropic/messages.stream.error.sse");
    for mut stream in [
        RelayedStream::passing(Dialect::Anthropic, CALLER.model, LIMIT),
        RelayedStream::translating(Dialect::Anthropic, Dialect::OpenAiChat, &CALLER, LIMIT),
    ] {
        stream.push(bytes.clone().into()).expect("it is short");
        while stream.next_step().is_some() {}
        assert!(stream.end_for_length(used(), &CALLER).is_empty());
        assert!(!stream.is_complete());
    }
}
