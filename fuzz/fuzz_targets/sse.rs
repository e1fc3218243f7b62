//! A stream and a request body, however broken: any split gives the same events, no byte is lost, no panic.

#![no_main]

use bytes::Bytes;
use ferrogate_llm::{ModelRequest, SseDecoder, StreamWatch, Surface, UpstreamFault, read_usage};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const SURFACES: [Surface; 4] = [
    Surface::CHAT,
    Surface::COMPLETIONS,
    Surface::EMBEDDINGS,
    Surface::RESPONSES,
];

// The first byte chooses the surface and the size of the pieces; the rest is the stream, and the body.
fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else {
        return;
    };
    let surface = SURFACES[usize::from(choice % 4)];
    let piece = usize::from(choice / 8) + 1;
    let hide_usage = choice & 4 != 0;

    let whole = decode(surface, hide_usage, &[data]);
    let pieces: Vec<&[u8]> = data.chunks(piece).collect();
    let split = decode(surface, hide_usage, &pieces);
    assert_eq!(whole.bytes, data, "a byte was lost");
    assert_eq!(split.bytes, data, "a byte was lost in pieces of {piece}");
    assert_eq!(whole.events, split.events, "in pieces of {piece}");

    drop(UpstreamFault::read(data));
    drop(UpstreamFault::in_answer(data));
    let _usage = read_usage(data);
    if let Ok(request) = ModelRequest::decode(surface, None, Bytes::copy_from_slice(data)) {
        rewrite(&request);
    }
});

struct Decoded {
    /// Frames and remainder, put together again.
    bytes: Vec<u8>,
    /// Event name, data, and what the watch made of it. Frames without data are no events.
    events: Vec<(Option<String>, Vec<u8>, String)>,
}

fn decode(surface: Surface, hide_usage: bool, pieces: &[&[u8]]) -> Decoded {
    let mut decoder = SseDecoder::new(1 << 20);
    let mut watch = StreamWatch::new(surface, hide_usage);
    let mut decoded = Decoded {
        bytes: Vec::new(),
        events: Vec::new(),
    };
    for piece in pieces {
        decoder
            .push(Bytes::copy_from_slice(piece))
            .expect("an input is smaller than the limit");
        while let Some(frame) = decoder.next_frame() {
            decoded.bytes.extend_from_slice(frame.raw());
            let action = format!("{:?}", watch.see(&frame));
            if let Some(data) = frame.data() {
                let event = frame.event().map(str::to_owned);
                decoded.events.push((event, data.into_owned(), action));
            }
        }
    }
    decoded.bytes.extend_from_slice(decoder.remainder());
    decoded
}

/// A body that was understood is understood after the rewrite, names the new model, and keeps its other members.
fn rewrite(request: &ModelRequest) {
    const MODEL: &str = "up/\"stream\"\n";
    let rewritten = request.rewrite(MODEL);
    let again = ModelRequest::decode(request.surface(), None, rewritten.clone())
        .expect("a rewritten body is a request");
    assert_eq!(again.model(), MODEL);
    assert_eq!(again.stream(), request.stream());
    let asks = [Surface::CHAT, Surface::COMPLETIONS].contains(&request.surface());
    assert_eq!(
        again.usage_asked(),
        request.usage_asked() || (asks && request.stream())
    );
    // A number too large for the generic reader is still passed on; there is nothing to compare then.
    let members = |body: &[u8]| serde_json::from_slice::<serde_json::Map<String, Value>>(body).ok();
    if let (Some(before), Some(after)) = (members(request.body()), members(&rewritten)) {
        for (name, value) in before {
            if !matches!(name.as_str(), "model" | "stream_options") {
                assert_eq!(after.get(&name), Some(&value), "{name}");
            }
        }
    }
}
