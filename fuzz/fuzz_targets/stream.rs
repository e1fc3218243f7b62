//! A provider's stream, however broken, for a caller of any dialect: any split says the same, in frames of JSON.

#![no_main]

mod dialects;

use bytes::Bytes;
use dialects::{CALLER, assert_object, pair};
use ferrogate_llm::{
    Dialect, EventStreamDecoder, Framing, RelayedStream, SseDecoder, Step, encode_exception,
    encode_message,
};
use ferrogate_types::Usage;
use libfuzzer_sys::fuzz_target;

// The first byte chooses the pair, the second the size of the pieces; the rest is the stream. One of AWS's framing is
// written as lines `name payload`, of which the messages are made: checksums are no use to a search.
fuzz_target!(|data: &[u8]| {
    let [choice, piece, data @ ..] = data else {
        return;
    };
    let (from, to) = pair(*choice);
    let messages;
    let data = if from.protocol().framing() == Framing::EventStream {
        messages = event_stream(data);
        &messages
    } else {
        data
    };
    let piece = usize::from(*piece) + 1;
    let open = || RelayedStream::translating(from, to, &CALLER, 1 << 24);
    let whole = relay(open(), data, usize::MAX);
    assert_same(&whole, &relay(open(), data, piece));
    assert_frames(to, &whole.sent);

    // The LF behind the last CR is held back where it comes alone: nobody misses it.
    let open = || RelayedStream::passing(from, CALLER.model, 1 << 24);
    let relay = |piece| {
        let mut relayed = relay(open(), data, piece);
        let length = relayed.sent.trim_ascii_end().len();
        relayed.sent.truncate(length);
        relayed
    };
    assert_same(&relay(usize::MAX), &relay(piece));
});

fn assert_same(whole: &Relayed, pieces: &Relayed) {
    let shown = |relayed: &Relayed| String::from_utf8_lossy(&relayed.sent).into_owned();
    assert_eq!(shown(whole), shown(pieces));
    assert_eq!(whole, pieces);
}

fn event_stream(data: &[u8]) -> Vec<u8> {
    let messages = data.split(|byte| *byte == b'\n').map(|line| {
        let end = line.iter().position(|byte| *byte == b' ');
        let (name, payload) = line.split_at(end.unwrap_or(line.len()));
        let name = String::from_utf8_lossy(name);
        match name.strip_prefix('!') {
            Some(exception) => encode_exception(exception, payload),
            None => encode_message(&name, payload),
        }
    });
    messages.collect::<Vec<Bytes>>().concat()
}

/// What came of a stream.
#[derive(Debug, PartialEq)]
struct Relayed {
    sent: Vec<u8>,
    usage: Option<Usage>,
    content: bool,
    complete: bool,
    fault: Option<String>,
}

fn relay(mut stream: RelayedStream, data: &[u8], piece: usize) -> Relayed {
    let mut sent = Vec::new();
    let mut fault = None;
    'all: for chunk in data.chunks(piece) {
        let pushed = stream.push(Bytes::copy_from_slice(chunk));
        while let Some(step) = stream.next_step() {
            match step {
                Step::Send(bytes) => sent.extend_from_slice(&bytes),
                Step::Last(bytes) => {
                    sent.extend_from_slice(&bytes);
                    break 'all;
                }
                Step::Fault(found, bytes) => {
                    sent.extend_from_slice(&bytes);
                    fault = Some(found.message);
                    break 'all;
                }
            }
        }
        if pushed.is_err() {
            break;
        }
    }
    if fault.is_none() {
        sent.extend_from_slice(&stream.finish().whole().unwrap_or_default());
    }
    Relayed {
        sent,
        usage: stream.usage(),
        content: stream.has_content(),
        complete: stream.is_complete(),
        fault,
    }
}

/// What was written can be cut into frames again, each of which is an object.
fn assert_frames(to: Dialect, sent: &[u8]) {
    match to.protocol().framing() {
        // Nobody is answered in it.
        _ if to == Dialect::Replicate => {}
        Framing::Sse => {
            let mut decoder = SseDecoder::new(1 << 24);
            let pushed = decoder.push(Bytes::copy_from_slice(sent));
            pushed.expect("what was written is smaller than the limit");
            assert!(decoder.remainder().is_empty());
            while let Some(frame) = decoder.next_frame() {
                if let Some(data) = frame.data().filter(|data| data.as_ref() != b"[DONE]") {
                    assert_object(&data, to.as_str());
                }
            }
        }
        Framing::Lines => {
            for line in sent.split_inclusive(|byte| *byte == b'\n') {
                assert_object(line, to.as_str());
            }
        }
        Framing::EventStream => {
            let mut decoder = EventStreamDecoder::new(1 << 24);
            let pushed = decoder.push(Bytes::copy_from_slice(sent));
            pushed.expect("what was written is an event stream");
            assert!(decoder.remainder().is_empty());
            while let Some(message) = decoder.next_message() {
                assert_object(&message.payload, to.as_str());
            }
        }
    }
}
