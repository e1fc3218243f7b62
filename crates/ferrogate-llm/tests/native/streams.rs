//! Streams.

use ferrogate_llm::Dialect;

use crate::support::{Said, data, events, frames, relay};

/// Recorded streams, each with a whole answer that says the same.
const STREAMS: [(Dialect, &str, &str); 4] = [
    (
        Dialect::Gemini,
        "gemini/stream.sse",
        "gemini/stream.whole.json",
    ),
    (
        Dialect::Cohere,
        "cohere/chat.stream.sse",
        "cohere/chat.stream.whole.json",
    ),
    (
        Dialect::Cohere,
        "cohere/chat.stream.text.sse",
        "cohere/chat.stream.text.whole.json",
    ),
    (
        Dialect::Ollama,
        "ollama/chat.ndjson",
        "ollama/chat.whole.json",
    ),
];

pub(crate) const TARGETS: [Dialect; 6] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Cohere,
    Dialect::Ollama,
];

#[test]
fn a_cut_stream_is_never_whole() {
    for (from, path, _) in STREAMS {
        let body = data(path);
        let all = frames(from, &body);
        for count in 0..all.len() {
            let events = events(from, &all[..count]);
            let ended = events
                .iter()
                .any(|event| matches!(event, ferrogate_llm::chat::Event::End));
            assert!(!ended, "{path} after {count} frames");
        }
        for to in TARGETS {
            let last = all.last().unwrap().1.len();
            for at in 0..body.len() - last {
                assert!(
                    !relay(from, to, [&body[..at]]).whole,
                    "{path} to {to:?} at {at}"
                );
            }
        }
    }
}

#[test]
fn a_stream_says_what_the_whole_answer_says() {
    for (dialect, stream, whole) in STREAMS {
        let body = data(whole);
        let whole = dialect.protocol().read_answer(&body).unwrap();
        let streamed = Said::of_events(&events(dialect, &frames(dialect, &data(stream))));
        assert_eq!(streamed, Said::of_answer(&whole), "{stream}");
    }
}

/// What one dialect writes, its own reader understands: nothing of what other dialects' models say is garbled.
#[test]
fn what_is_written_can_be_read() {
    for (from, path, _) in STREAMS {
        let mut expected = Said::of_events(&events(from, &frames(from, &data(path))));
        for line in &mut expected.lines {
            line.0 = kind(&line.0);
        }
        for to in TARGETS {
            let sent = relay(from, to, [data(path).as_slice()]).sent;
            let read = Said::of_events(&events(to, &frames(to, sent.as_bytes())));
            let lines: Vec<_> = read
                .lines
                .iter()
                .map(|line| (kind(&line.0), line.1.clone()))
                .collect();
            assert_eq!(lines, expected.lines, "{path} to {to:?}");
            assert_eq!(read.finish, expected.finish, "{path} to {to:?}");
        }
    }
}

/// A call's kind without its id, which not every dialect carries.
fn kind(kind: &str) -> String {
    match kind.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["call", .., name] => format!("call {name}"),
        _ => kind.to_owned(),
    }
}
