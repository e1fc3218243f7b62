use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// `contentBlockStop` of block 0, as Bedrock writes it.
const BLOCK_STOP: &str = "0000007d00000056e6680fd60b3a6576656e742d74797065070010636f6e74656e74426c6f636b53746f700d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22636f6e74656e74426c6f636b496e646578223a307db32e4d34";

const CONVERSE: &str = include_str!("fixtures/converse-stream.json");
const EXCEPTION: &str = include_str!("fixtures/converse-stream-exception.json");

fn hex(text: &str) -> Bytes {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The bytes of a recorded stream with its frames: kind, name, payload.
fn recorded(fixture: &str) -> (Bytes, Vec<(String, String, Value)>) {
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    let bytes = STANDARD
        .decode(fixture["base64"].as_str().unwrap())
        .unwrap();
    let frames = fixture["frames"].as_array().unwrap().iter().map(|frame| {
        let header = |name: &str| frame["headers"][name].as_str().map(str::to_owned);
        let kind = header(":message-type").unwrap();
        let name = header(&format!(":{kind}-type")).unwrap();
        (kind, name, frame["payload"].clone())
    });
    (bytes.into(), frames.collect())
}

fn decode(chunks: impl IntoIterator<Item = Bytes>) -> Result<Vec<EventMessage>, EventStreamError> {
    let mut decoder = EventStreamDecoder::new(1 << 20);
    let mut messages = Vec::new();
    for chunk in chunks {
        decoder.push(chunk)?;
        messages.extend(std::iter::from_fn(|| decoder.next_message()));
    }
    assert_eq!(decoder.remainder(), b"");
    Ok(messages)
}

/// A message with any headers, valid unless they are not.
fn message(headers: &[u8], payload: &[u8]) -> Bytes {
    let total = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    let mut bytes = prelude(total, u32::try_from(headers.len()).unwrap()).to_vec();
    bytes.extend_from_slice(headers);
    bytes.extend_from_slice(payload);
    bytes.put_u32(crc32fast::hash(&bytes));
    bytes.into()
}

fn prelude(total: u32, headers: u32) -> Bytes {
    let mut bytes = Vec::new();
    bytes.put_u32(total);
    bytes.put_u32(headers);
    bytes.put_u32(crc32fast::hash(&bytes));
    bytes.into()
}

fn header(name: &str, kind: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(name.len()).unwrap()];
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(value);
    bytes
}

fn text_header(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(value.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(value.as_bytes());
    header(name, STRING, &bytes)
}

#[test]
fn reads_recorded_streams() {
    for fixture in [CONVERSE, EXCEPTION] {
        let (bytes, frames) = recorded(fixture);
        let messages: Vec<_> = decode([bytes])
            .unwrap()
            .into_iter()
            .map(|message| {
                let kind = format!("{:?}", message.kind).to_ascii_lowercase();
                let payload = serde_json::from_slice(&message.payload).unwrap();
                (kind, message.name, payload)
            })
            .collect();
        assert_eq!(messages, frames);
    }
}

#[test]
fn writes_what_bedrock_writes() {
    let frame = hex(BLOCK_STOP);
    assert_eq!(
        encode_message("contentBlockStop", br#"{"contentBlockIndex":0}"#),
        frame
    );
    let (bytes, _) = recorded(EXCEPTION);
    let written: Vec<u8> = decode([bytes.clone()])
        .unwrap()
        .iter()
        .flat_map(|message| match message.kind {
            MessageKind::Event => encode_message(&message.name, &message.payload),
            _ => encode_exception(&message.name, &message.payload),
        })
        .collect();
    assert_eq!(written, bytes);
}

#[test]
fn reads_an_unmodelled_error() {
    let headers = [
        text_header(":message-type", "error"),
        text_header(":error-code", "InternalError"),
        text_header(":error-message", "try again"),
    ];
    let raw = message(&headers.concat(), b"");
    let messages = decode([raw.clone()]).unwrap();
    assert_eq!(
        messages,
        [EventMessage {
            kind: MessageKind::Error,
            name: "InternalError".into(),
            error_message: Some("try again".into()),
            payload: Bytes::new(),
            raw,
        }]
    );
}

#[test]
fn steps_over_headers_of_every_type() {
    let mut headers = Vec::new();
    for (kind, length) in [
        (0, 0),
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 4),
        (5, 8),
        (8, 8),
        (9, 16),
    ] {
        headers.extend(header("x", kind, &vec![7; length]));
    }
    headers.extend(header("bytes", 6, &[0, 2, 0xff, 0xfe]));
    headers.extend(text_header(":event-type", "metadata"));
    headers.extend(text_header(":message-type", "event"));
    let messages = decode([message(&headers, b"{}")]).unwrap();
    assert_eq!(messages[0].name, "metadata");
}

#[test]
fn a_whole_message_is_not_copied() {
    let chunk = hex(BLOCK_STOP);
    let messages = decode([chunk.clone()]).unwrap();
    let payload_at = chunk.len() - 4 - messages[0].payload.len();
    assert_eq!(
        messages[0].payload.as_ptr(),
        chunk.slice(payload_at..).as_ptr()
    );
    assert_eq!(messages[0].raw.as_ptr(), chunk.as_ptr());
    assert_eq!(messages[0].raw, chunk);
}

#[test]
fn every_changed_byte_is_noticed() {
    let frame = hex(BLOCK_STOP);
    for at in 0..frame.len() {
        let mut corrupt = frame.to_vec();
        corrupt[at] ^= 0x01;
        let part = if at < 12 { "prelude" } else { "message" };
        assert_eq!(
            decode([corrupt.into()]),
            Err(EventStreamError::Checksum { part }),
            "byte {at}"
        );
    }
}

#[test]
fn refuses_hostile_lengths_at_the_prelude() {
    for (total, headers, expected) in [
        (0, 0, EventStreamError::Lengths),
        (15, 0, EventStreamError::Lengths),
        (100, 85, EventStreamError::Lengths),
        (
            u32::MAX,
            0,
            EventStreamError::PayloadTooLarge {
                announced: 0xffff_ffef,
                limit: 1 << 20,
            },
        ),
        (
            u32::MAX,
            u32::MAX,
            EventStreamError::HeadersTooLarge {
                announced: 0xffff_ffff,
            },
        ),
        (
            16 + 131_073,
            131_073,
            EventStreamError::HeadersTooLarge { announced: 131_073 },
        ),
        (
            16 + (1 << 20) + 1,
            0,
            EventStreamError::PayloadTooLarge {
                announced: (1 << 20) + 1,
                limit: 1 << 20,
            },
        ),
    ] {
        let mut decoder = EventStreamDecoder::new(1 << 20);
        let bytes = prelude(total, headers);
        assert_eq!(decoder.push(bytes.slice(..11)), Ok(()));
        assert_eq!(decoder.push(bytes.slice(11..)), Err(expected.clone()));
        // For good: nothing after it can be trusted.
        assert_eq!(decoder.push(hex(BLOCK_STOP)), Err(expected));
        assert!(decoder.next_message().is_none());
    }
}

#[test]
fn refuses_malformed_headers() {
    let typed = text_header(":message-type", "event");
    for (headers, expected) in [
        (vec![5, b'a'], EventStreamError::Headers),
        (vec![1, b'a'], EventStreamError::Headers),
        (header("a", 10, &[]), EventStreamError::Headers),
        (header("a", 5, &[0; 7]), EventStreamError::Headers),
        (header("a", STRING, &[0]), EventStreamError::Headers),
        (
            header("a", STRING, &[0xff, 0xff, 1]),
            EventStreamError::Headers,
        ),
        (
            header(":event-type", STRING, &[0, 1, 0xff]),
            EventStreamError::Headers,
        ),
        (
            Vec::new(),
            EventStreamError::Untyped {
                header: ":message-type",
            },
        ),
        (
            text_header(":message-type", "novel"),
            EventStreamError::Untyped {
                header: ":message-type",
            },
        ),
        (
            typed,
            EventStreamError::Untyped {
                header: ":event-type",
            },
        ),
    ] {
        assert_eq!(decode([message(&headers, b"{}")]), Err(expected));
    }
}

#[test]
fn what_came_before_an_error_is_kept() {
    let mut bytes = hex(BLOCK_STOP).to_vec();
    bytes.extend_from_slice(&[0xff; 12]);
    let mut decoder = EventStreamDecoder::new(100);
    decoder.push(bytes.into()).unwrap_err();
    assert_eq!(decoder.next_message().unwrap().name, "contentBlockStop");
}

#[test]
fn a_truncated_stream_leaves_its_remainder() {
    let frame = hex(BLOCK_STOP);
    let mut decoder = EventStreamDecoder::new(100);
    decoder.push(frame.slice(..40)).unwrap();
    assert_eq!(decoder.remainder(), &frame[..40]);
}

#[test]
fn every_single_cut_gives_the_same_messages() {
    let (bytes, _) = recorded(CONVERSE);
    let whole = decode([bytes.clone()]).unwrap();
    for cut in 0..=bytes.len() {
        assert_eq!(
            decode([bytes.slice(..cut), bytes.slice(cut..)]).unwrap(),
            whole,
            "cut at {cut}"
        );
    }
    let bytewise = (0..bytes.len()).map(|at| bytes.slice(at..=at));
    assert_eq!(decode(bytewise).unwrap(), whole);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_messages(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..6),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes: Bytes = payloads.iter().flat_map(|payload| encode_message("chunk", payload)).collect();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let messages = decode(at.windows(2).map(|pair| bytes.slice(pair[0]..pair[1]))).unwrap();
        let read: Vec<&[u8]> = messages.iter().map(|message| &message.payload[..]).collect();
        prop_assert_eq!(read, payloads.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }

    #[test]
    fn no_headers_panic(headers in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode([message(&headers, b"")]).is_err());
    }
}
