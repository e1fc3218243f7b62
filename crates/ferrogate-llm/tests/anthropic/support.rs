//! What the tests of both dialects share.

use bytes::Bytes;
use ferrogate_llm::chat::Event;
use ferrogate_llm::{
    Address, Caller, Dialect, Lossy, ModelTraits, Packet, SseDecoder, TargetProfile,
};
use serde_json::Value;

/// A file of `tests/data`.
pub(crate) fn data(path: &str) -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/");
    std::fs::read(format!("{root}{path}")).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// JSON as it is compared: without nulls and `stream: false`, numbers without their notation.
pub(crate) fn json(text: &[u8]) -> Value {
    fn tidy(value: Value) -> Value {
        match value {
            Value::Object(members) => members
                .into_iter()
                .filter(|(name, value)| {
                    !value.is_null() && (name.as_str(), value) != ("stream", &Value::Bool(false))
                })
                .map(|(name, value)| (name, tidy(value)))
                .collect(),
            Value::Array(items) => items.into_iter().map(tidy).collect(),
            Value::Number(number) => number.as_f64().into(),
            other => other,
        }
    }
    let value = serde_json::from_slice(text)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(text)));
    tidy(value)
}

/// Translates a request; gives the body and what was lost.
pub(crate) fn request(
    from: Dialect,
    to: Dialect,
    body: &[u8],
    model: &str,
    traits: &ModelTraits,
) -> Result<(Value, Vec<String>), String> {
    let request = from
        .protocol()
        .read_request(body, Address::default())
        .map_err(|error| error.to_string())?;
    let target = TargetProfile {
        model,
        traits,
        quirks: &[],
    };
    let mut lossy = Lossy::new(from);
    let written = to
        .protocol()
        .write_request(&request, &target, &mut lossy)
        .map_err(|error| format!("{}: {error}", error.param))?;
    let lost = lossy.fields().map(str::to_owned).collect();
    Ok((json(&written), lost))
}

/// Who is answered.
pub(crate) fn caller(model: &str) -> Caller<'_> {
    Caller {
        model,
        usage_asked: true,
        created: 1_790_000_200,
        id: "f00d",
        input_estimate: 0,
        array: false,
        echo: None,
    }
}

/// Reads a stream that comes in these pieces.
pub(crate) fn read_stream(from: Dialect, chunks: &[&[u8]]) -> Vec<Event> {
    let mut reader = from.protocol().stream_reader();
    let mut decoder = SseDecoder::new(1 << 20);
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk)).unwrap();
        while let Some(frame) = decoder.next_frame() {
            let Some(data) = frame.data() else { continue };
            let packet = Packet {
                name: frame.event(),
                exception: false,
                data: &data,
            };
            reader.read(packet, &mut events);
        }
    }
    reader.finish(&mut events);
    events
}

/// Writes events for a caller.
pub(crate) fn write_stream(to: Dialect, events: &[Event], caller: &Caller<'_>) -> String {
    let mut writer = to.protocol().stream_writer(caller);
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    String::from_utf8(out).unwrap()
}

/// The events of a stream in their own words, for comparison.
pub(crate) fn frames(stream: &[u8]) -> Vec<(Option<String>, Value)> {
    let mut decoder = SseDecoder::new(1 << 20);
    decoder.push(Bytes::copy_from_slice(stream)).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next_frame() {
        let Some(data) = frame.data() else { continue };
        let value = if *data == *b"[DONE]" {
            Value::from("[DONE]")
        } else {
            json(&data)
        };
        frames.push((frame.event().map(str::to_owned), value));
    }
    assert_eq!(decoder.remainder(), b"", "a frame is not complete");
    frames
}

/// Checks the order of events: blocks are numbered upwards, opened, closed, and then the answer finishes.
pub(crate) fn check_order(events: &[Event]) {
    let mut open: Vec<(u32, u32)> = Vec::new();
    let mut next: Vec<u32> = vec![0; 128];
    let mut finished: Vec<u32> = Vec::new();
    for event in events {
        match event {
            Event::Open { choice, block, .. } => {
                assert!(*block >= next[*choice as usize], "{events:?}");
                next[*choice as usize] = block + 1;
                open.push((*choice, *block));
            }
            Event::Delta { choice, block, .. } => assert!(open.contains(&(*choice, *block))),
            Event::Close { choice, block } => {
                assert!(open.contains(&(*choice, *block)), "{events:?}");
                open.retain(|one| one != &(*choice, *block));
            }
            Event::Finish { choice, .. } => {
                assert!(open.iter().all(|(of, _)| of != choice), "{events:?}");
                assert!(!finished.contains(choice));
                finished.push(*choice);
            }
            Event::End => assert!(open.is_empty() && !finished.is_empty()),
            _ => {}
        }
    }
}

/// Reads a stream split at every byte and cut off at every event: the split changes nothing, the cut is noticed.
pub(crate) fn check_stream(from: Dialect, stream: &[u8]) -> Vec<Event> {
    let whole = read_stream(from, &[stream]);
    check_order(&whole);
    let shown = format!("{whole:?}");
    for at in 0..=stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(
            format!("{:?}", read_stream(from, &[head, tail])),
            shown,
            "split at {at}"
        );
    }
    if from == Dialect::OpenAiChat {
        // Its servers may leave out the end: an answer that finished is whole.
        return whole;
    }
    let mut end = 0;
    while let Some(next) = stream[end..]
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .map(|found| end + found + 2)
        .filter(|next| *next < stream.len())
    {
        let cut = read_stream(from, &[&stream[..end]]);
        check_order(&cut);
        assert!(
            !cut.iter().any(|event| matches!(event, Event::End)),
            "cut at {end} is not whole"
        );
        end = next;
    }
    whole
}
