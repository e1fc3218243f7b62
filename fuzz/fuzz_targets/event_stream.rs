//! An AWS event stream, however broken: any split gives the same messages or the same error, and no byte is lost.

#![no_main]

use bytes::Bytes;
use ferrogate_llm::{EventMessage, EventStreamDecoder, EventStreamError};
use libfuzzer_sys::fuzz_target;

// The first byte is the size of the pieces, the second how much of the rest are headers of one message, whose
// lengths and checksums are then put right; with zero the rest is the stream as it is.
fuzz_target!(|data: &[u8]| {
    let [piece, headers, data @ ..] = data else {
        return;
    };
    let stream = match usize::from(*headers).min(data.len()) {
        0 => data.to_vec(),
        headers => message(data.split_at(headers)),
    };
    let (messages, error) = decode(&stream, usize::MAX);
    assert_eq!(
        decode(&stream, usize::from(*piece) + 1),
        (messages.clone(), error.clone())
    );
    let raw: Vec<u8> = messages
        .iter()
        .flat_map(|message| message.raw.clone())
        .collect();
    assert!(stream.starts_with(&raw), "the messages are not what came");
    if *headers > 0 && error.is_none() && !data.is_empty() {
        assert_eq!(messages.len(), 1);
    }
});

fn message((headers, payload): (&[u8], &[u8])) -> Vec<u8> {
    let length = |bytes: usize| {
        u32::try_from(bytes)
            .expect("an input is small")
            .to_be_bytes()
    };
    let total = headers.len() + payload.len() + 16;
    let mut out = [length(total), length(headers.len())].concat();
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out
}

fn decode(stream: &[u8], piece: usize) -> (Vec<EventMessage>, Option<EventStreamError>) {
    let mut decoder = EventStreamDecoder::new(1 << 16);
    let mut error = None;
    for chunk in stream.chunks(piece) {
        if let Err(found) = decoder.push(Bytes::copy_from_slice(chunk)) {
            error = Some(found);
            break;
        }
    }
    (
        std::iter::from_fn(|| decoder.next_message()).collect(),
        error,
    )
}
