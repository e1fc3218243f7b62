//! Streams that are translated.

use ferrogate_llm::{Caller, Dialect, RelayedStream};
use serde_json::Value;

use crate::support::{
    CALLER, DIALECTS, LIMIT, STREAMS, assert_ended, data, end, frames, has_told, used,
};

#[test]
fn a_stream_that_is_translated_ends_behind_every_frame() {
    for (from, path) in STREAMS {
        let all = frames(from, &data(path));
        for to in DIALECTS {
            let mut ended = 0;
            for at in 0..=all.len() {
                let stream = RelayedStream::translating(from, to, &CALLER, LIMIT);
                let outcome = end(stream, &CALLER, all[..at].iter().map(|cut| &*cut.raw));
                if outcome.was_over {
                    continue;
                }
                ended += 1;
                let case = format!("{path} to {to:?} behind {at}");
                let told = has_told(from, &all[..at]);
                assert_ended(to, &outcome.whole(), told, &case);
            }
            assert!(ended > 1, "{path} to {to:?}");
        }
    }
}

/// Without `alt=sse` Gemini's stream is one JSON array, which has to be closed.
#[test]
fn an_array_is_closed() {
    let caller = Caller {
        array: true,
        ..CALLER
    };
    for (from, path) in STREAMS {
        let all = frames(from, &data(path));
        for at in 0..=all.len() {
            let stream = RelayedStream::translating(from, Dialect::Gemini, &caller, LIMIT);
            let outcome = end(stream, &caller, all[..at].iter().map(|cut| &*cut.raw));
            if outcome.was_over {
                continue;
            }
            let array: Vec<Value> = serde_json::from_slice(&outcome.whole())
                .unwrap_or_else(|error| panic!("{path} behind {at}: {error}"));
            let last = array.last().expect("there is an end");
            assert_eq!(
                last["usageMetadata"]["promptTokenCount"],
                used().input,
                "{path} behind {at}"
            );
            assert!(last["candidates"][0]["finishReason"].is_string());
        }
    }
}
