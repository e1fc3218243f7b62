//! Sessions as a server tells them.

use proptest::prelude::*;

use super::frames::{MAX_MESSAGE, START};
use super::*;

const TEXT: u8 = 0x81;

/// A frame with the shortest form of its length. RFC 6455 section 5.2.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ ..126 => bytes.push(u8::try_from(length).unwrap()),
        length @ ..0x1_0000 => {
            bytes.push(126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

fn text(payload: &str) -> Vec<u8> {
    frame(TEXT, payload.as_bytes())
}

/// As OpenAI's documentation shows it; the nested details are under these names only in the Realtime API.
const RESPONSE_DONE: &str = r#"{"type":"response.done","event_id":"event_1","response":{"object":"realtime.response",
    "id":"resp_1","status":"completed","output":[{"id":"item_1","type":"message","content":[{"type":"output_audio",
    "transcript":"response.created"}]}],"usage":{"total_tokens":253,"input_tokens":132,"output_tokens":121,
    "input_token_details":{"text_tokens":119,"audio_tokens":13,"image_tokens":7,"cached_tokens":64,
    "cached_tokens_details":{"text_tokens":64,"audio_tokens":0}},
    "output_token_details":{"text_tokens":30,"audio_tokens":91}},"metadata":null}}"#;
const TRANSCRIPTION: &str = r#"{"event_id":"event_2","type":"conversation.item.input_audio_transcription.completed",
    "item_id":"item_2","content_index":0,"transcript":"Hello","usage":{"type":"tokens","total_tokens":22,
    "input_tokens":13,"input_token_details":{"text_tokens":0,"audio_tokens":13},"output_tokens":9}}"#;
const TIMED: &str = r#"{"type":"conversation.item.input_audio_transcription.completed","transcript":"Hello",
    "usage":{"type":"duration","seconds":2.2}}"#;
const CREATED: &str =
    r#"{"type":"response.created","event_id":"event_3","response":{"usage":null}}"#;

fn response() -> Usage {
    Usage {
        input: 132,
        cached_input: 64,
        audio_input: 13,
        image_input: 7,
        output: 121,
        audio_output: 91,
        ..Usage::default()
    }
}

fn metered(pieces: &[&[u8]]) -> RealtimeMeter {
    let mut meter = RealtimeMeter::default();
    for piece in pieces {
        meter.push(piece);
    }
    meter
}

/// Checks the sum of a session, and whether it is an estimate.
fn check(frames: &[Vec<u8>], expected: Usage, estimated: bool) {
    let meter = metered(&[&frames.concat()]);
    let shown: Vec<_> = frames
        .iter()
        .map(|frame| String::from_utf8_lossy(frame.get(..frame.len().min(60)).unwrap()))
        .collect();
    assert_eq!(meter.usage(), (expected, estimated), "{shown:?}");
}

#[test]
fn adds_up_what_the_server_tells() {
    check(&[], Usage::default(), false);
    check(&[text(RESPONSE_DONE)], response(), false);
    let both = response().plus(&response());
    check(
        &[text(CREATED), text(RESPONSE_DONE), text(RESPONSE_DONE)],
        both,
        false,
    );
    let transcribed = Usage {
        input: 13,
        audio_input: 13,
        output: 9,
        ..Usage::default()
    };
    check(
        &[text(TRANSCRIPTION), text(RESPONSE_DONE)],
        response().plus(&transcribed),
        false,
    );
    let timed = Usage {
        units: Units {
            audio_seconds: 3,
            ..Units::default()
        },
        ..Usage::default()
    };
    check(&[text(TIMED)], timed, false);
}

#[test]
fn the_type_may_be_anywhere() {
    let last =
        r#"{"response":{"usage":{"input_tokens":1,"output_tokens":2}},"type":"response.done"}"#;
    let spaced = r#" { "type" : "response.done" , "response": {"usage":{"input_tokens":1,"output_tokens":2}}}"#;
    let escaped = r#"{"type":"response\u002edone","response":{"usage":{"input_tokens":1,"output_tokens":2}}}"#;
    let small = Usage {
        input: 1,
        output: 2,
        ..Usage::default()
    };
    for told in [last, spaced, escaped] {
        check(&[text(told)], small, false);
    }
    let other = r#"{"type":"response.output_text.done","text":"{\"type\":\"response.done\"}",
        "usage":{"input_tokens":1,"output_tokens":2}}"#;
    for told in [other, "", "{", "[]", "\"response.done\"", r#"{"type":1}"#] {
        check(&[text(told)], Usage::default(), false);
    }
    let cancelled = r#"{"type":"response.done","response":{"status":"cancelled","usage":null}}"#;
    check(&[text(CREATED), text(cancelled)], Usage::default(), false);
}

#[test]
fn fragments_are_one_message_and_control_frames_none() {
    let (start, end) = RESPONSE_DONE.as_bytes().split_at(100);
    let (middle, end) = end.split_at(200);
    let pieces = [
        frame(0x01, start),
        frame(0x89, b"ping"),
        frame(0x00, middle),
        frame(0x00, b""),
        frame(0x8a, RESPONSE_DONE.get(..125).unwrap().as_bytes()),
        frame(0x80, end),
        frame(0x88, &1000u16.to_be_bytes()),
    ];
    check(&pieces, response(), false);
    // A binary message is no event, in however many frames.
    let binary = [
        frame(0x02, start),
        frame(0x00, middle),
        frame(0x80, end),
        frame(0x82, RESPONSE_DONE.as_bytes()),
    ];
    check(&binary, Usage::default(), false);
}

#[test]
fn knows_where_a_frame_ends() {
    let whole = [frame(0x01, b"abc"), frame(0x89, b""), frame(0x80, b"d")].concat();
    let ends: Vec<usize> = (0..=whole.len())
        .filter(|&end| metered(&[whole.get(..end).unwrap()]).is_between_frames())
        .collect();
    assert_eq!(ends, [0, 5, 7, 10]);
    let lost = metered(&[&[0xff, 0xff]]);
    assert!(lost.is_lost() && !lost.is_between_frames());
}

#[test]
fn a_response_that_was_not_done_is_estimated() {
    let sound = format!(
        r#"{{"type":"response.output_audio.delta","delta":"{}"}}"#,
        "A".repeat(6400)
    );
    let word = r#"{"type":"response.output_audio_transcript.delta","delta":"Hi"}"#;
    let rest = Usage {
        input: response().total(),
        output: 3 + 1,
        ..Usage::default()
    };
    check(
        &[text(RESPONSE_DONE), text(CREATED), text(&sound), text(word)],
        response().plus(&rest),
        true,
    );
    // What was estimated is told in the end.
    check(
        &[text(CREATED), text(&sound), text(RESPONSE_DONE)],
        response(),
        false,
    );
}

#[test]
fn a_large_message_is_not_held() {
    let filler = "x".repeat(MAX_MESSAGE);
    let large = RESPONSE_DONE.replace("event_1", &filler);
    let hidden = format!(r#"{{"response":{{}},"filler":"{filler}","type":"response.done"}}"#);
    let sound = format!(r#"{{"type":"response.output_audio.delta","delta":"{filler}"}}"#);
    for (message, unread) in [(&large, 1), (&hidden, 1), (&sound, 0)] {
        for frames in [
            text(message),
            [
                frame(0x01, message.get(..START + 9).unwrap().as_bytes()),
                frame(0x80, message.get(START + 9..).unwrap().as_bytes()),
            ]
            .concat(),
        ] {
            let pieces: Vec<&[u8]> = frames.chunks(1 << 16).collect();
            for pieces in [vec![frames.as_slice()], pieces] {
                let mut meter = metered(&pieces);
                assert_eq!(meter.usage(), (Usage::default(), unread > 0));
                assert_eq!(meter.unread(), unread);
                meter.push(&text(RESPONSE_DONE));
                assert_eq!(meter.usage(), (response(), unread > 0));
            }
        }
    }
}

#[test]
fn what_is_no_frame_ends_the_reading() {
    for nonsense in [
        // Compressed, masked, reserved, too long.
        vec![0xc1, 0x00],
        vec![0x81, 0x80],
        vec![0x83, 0x00],
        vec![0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
        // Control frames are short and whole.
        vec![0x89, 126, 0, 126],
        vec![0x09, 0x00],
        // A continuation of nothing, and a message within another.
        frame(0x80, b"x"),
        [frame(0x01, b"x"), frame(0x81, b"y")].concat(),
    ] {
        let bytes = [text(RESPONSE_DONE), nonsense.clone(), text(RESPONSE_DONE)].concat();
        let meter = metered(&[&bytes, &bytes]);
        assert_eq!(
            (meter.usage(), meter.unread()),
            ((response(), true), 1),
            "{nonsense:?}"
        );
    }
}

fn any_frames() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop_oneof![
        Just(RESPONSE_DONE),
        Just(TRANSCRIPTION),
        Just(TIMED),
        Just(CREATED),
        Just("{}"),
        Just(""),
    ];
    let message = (whole, proptest::collection::vec(0..400_usize, 0..3));
    let message = message.prop_map(|(text, cuts)| {
        let mut rest = text.as_bytes();
        let mut bytes = Vec::new();
        let mut kind = 0x01;
        for cut in cuts {
            let (part, behind) = rest.split_at(cut.min(rest.len()));
            bytes.extend(frame(kind, part));
            bytes.extend(frame(0x89, b"still there?"));
            (rest, kind) = (behind, 0x00);
        }
        bytes.extend(frame(0x80 | kind, rest));
        bytes
    });
    proptest::collection::vec(message, 0..6).prop_map(|messages| messages.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_sum(
        bytes in any_frames(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let whole = metered(&[&bytes]);
        prop_assert_eq!(metered(&pieces).usage(), whole.usage());
        prop_assert_eq!(whole.unread(), 0);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(metered(&single).usage(), whole.usage());
    }

    #[test]
    fn no_bytes_break_it(
        valid in any_frames(),
        noise in proptest::collection::vec(any::<u8>(), 0..300),
        place in any::<prop::sample::Index>(),
    ) {
        let mut bytes = valid;
        let at = place.index(bytes.len() + 1);
        bytes.splice(at..at, noise);
        let split: Vec<&[u8]> = bytes.chunks(7).collect();
        prop_assert_eq!(metered(&split).usage(), metered(&[&bytes]).usage());
    }
}
