//! Nothing a peer sends makes a reader or a writer panic.

use ferrogate_llm::{Address, Dialect, Lossy, ModelTraits, TargetProfile};
use proptest::prelude::*;

use crate::streams::TARGETS;
use crate::support::{CALLER, data, relay};

const DIALECTS: [Dialect; 3] = [Dialect::Gemini, Dialect::Cohere, Dialect::Ollama];

const BODIES: [&str; 14] = [
    "fields/gemini.json",
    "fields/gemini-media.json",
    "fields/cohere.json",
    "fields/ollama.json",
    "gemini/generate.request.json",
    "gemini/generate.response.json",
    "gemini/blocked.response.json",
    "gemini/stream.whole.json",
    "gemini/stream.sse",
    "cohere/chat.response.json",
    "cohere/chat.stream.whole.json",
    "cohere/chat.stream.text.sse",
    "ollama/chat.whole.json",
    "ollama/chat.ndjson",
];

/// Members and values that mean something, to be put in each other's place.
const WORDS: [&str; 12] = [
    "null",
    "[]",
    "{}",
    "\"\"",
    "-1",
    "1e99",
    "true",
    "{\"text\":null}",
    "[[]]",
    "\"STOP\"",
    "\"\\ud83d\"",
    "18446744073709551615",
];

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec(
        (any::<prop::sample::Index>(), 0..WORDS.len(), 0..24_usize),
        1..4,
    );
    (0..BODIES.len(), edits).prop_map(|(body, edits)| {
        let mut bytes = data(BODIES[body]);
        for (at, word, cut) in edits {
            // Behind a colon or a bracket stands a value: most edits leave the JSON whole.
            let at = at.index(bytes.len());
            let at = bytes[at..]
                .iter()
                .position(|byte| b":[,".contains(byte))
                .map_or(at, |found| at + found + 1);
            let end = bytes[at..]
                .iter()
                .position(|byte| b",]}".contains(byte))
                .map_or(at, |found| at + found);
            let end = if cut < 20 {
                end
            } else {
                (at + cut).min(bytes.len())
            };
            bytes.splice(at..end.max(at), WORDS[word].bytes());
        }
        bytes
    })
}

/// Whether it is JSON, however large its numbers.
fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<&serde_json::value::RawValue>(bytes).is_ok()
}

proptest! {
    #[test]
    fn hostile_bodies_are_read_or_refused(body in mutated()) {
        for from in DIALECTS {
            let address = Address { model: Some("m".into()), stream: false };
            if let Ok(mut request) = from.protocol().read_request(&body, address) {
                request.unfold_thought_ids();
                for to in TARGETS {
                    let target = TargetProfile { model: "m", traits: &ModelTraits::default(), quirks: &[] };
                    let mut lossy = Lossy::new(from);
                    if let Ok(written) = to.protocol().write_request(&request, &target, &mut lossy) {
                        prop_assert!(is_json(&written), "{:?} {:?} {}", from, to, String::from_utf8_lossy(&written));
                    }
                }
            }
            if let Ok(answer) = from.protocol().read_answer(&body) {
                for to in TARGETS {
                    let written = to.protocol().write_answer(&answer, &CALLER);
                    prop_assert!(is_json(&written), "{:?} {:?} {}", from, to, String::from_utf8_lossy(&written));
                }
            }
            for to in TARGETS {
                relay(from, to, [body.as_slice()]);
            }
        }
    }
}
