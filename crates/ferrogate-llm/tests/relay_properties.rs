//! What holds of every stream on its way to a caller, whatever its dialect, wherever it is split and wherever it breaks.
//!
//! Streams are made from words and a count of tokens: OpenAI's by hand, those of other dialects by translation, which
//! `pairs` compares with recorded ones.

use std::fmt::Write as _;

use bytes::Bytes;
use ferrogate_llm::{
    Caller, Dialect, ErrorBody, EventStreamDecoder, Finish, MessageKind, RelayedStream, Step,
    StreamWatch, Surface, UpstreamFault,
};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

const PROVIDERS: [Dialect; 8] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Converse,
    Dialect::Cohere,
    Dialect::Ollama,
    Dialect::Replicate,
];

const CALLERS: [Dialect; 7] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiText,
    Dialect::OpenAiResponses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Converse,
    Dialect::Cohere,
];

const CALLER: Caller<'static> = Caller {
    model: "asked",
    usage_asked: true,
    created: 1_790_000_200,
    id: "0123abcd",
    input_estimate: 0,
    array: false,
    echo: None,
};

const LIMIT: usize = 1 << 20;

/// What a provider is to say.
#[derive(Clone, Debug)]
struct Script {
    words: Vec<String>,
    input: u64,
    output: u64,
}

impl Script {
    fn text(&self) -> String {
        self.words.concat()
    }

    /// The stream of a provider that speaks OpenAI's dialect.
    fn openai(&self) -> Vec<u8> {
        let mut text = String::new();
        let mut event = |choices: Value, usage: Value| {
            let chunk = json!({
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "asked",
                "choices": choices, "usage": usage,
            });
            write!(text, "data: {chunk}\n\n").expect("a text takes what is written");
        };
        let choice = |delta: Value, reason: Value| json!([{ "index": 0, "delta": delta, "finish_reason": reason }]);
        event(
            choice(json!({ "role": "assistant", "content": "" }), Value::Null),
            Value::Null,
        );
        for word in &self.words {
            event(choice(json!({ "content": word }), Value::Null), Value::Null);
        }
        event(choice(json!({}), "stop".into()), Value::Null);
        let usage = json!({
            "prompt_tokens": self.input, "completion_tokens": self.output, "total_tokens": self.input + self.output,
        });
        event(json!([]), usage);
        (text + "data: [DONE]\n\n").into_bytes()
    }

    /// The stream of a provider that speaks this dialect.
    fn stream(&self, dialect: Dialect) -> Vec<u8> {
        let source = self.openai();
        if dialect == Dialect::OpenAiChat {
            return source;
        }
        let stream = RelayedStream::translating(Dialect::OpenAiChat, dialect, &CALLER, LIMIT);
        let relayed = relay(stream, [source.as_slice()]);
        assert!(relayed.whole, "{dialect:?} is written to its end");
        relayed.sent
    }
}

/// What came of a stream.
#[derive(Debug)]
struct Relayed {
    sent: Vec<u8>,
    /// It came to its own end.
    whole: bool,
    /// Steps that said that it was over.
    ends: usize,
    /// A step came although it was over.
    more: bool,
    usage: Option<(u64, u64)>,
}

/// Relays as the proxy does: it stops at the last step, and says so when the bytes end too early.
fn relay<'p>(stream: RelayedStream, pieces: impl IntoIterator<Item = &'p [u8]>) -> Relayed {
    relay_and_tell(stream, pieces, None)
}

fn relay_and_tell<'p>(
    mut stream: RelayedStream,
    pieces: impl IntoIterator<Item = &'p [u8]>,
    caller: Option<Dialect>,
) -> Relayed {
    let mut relayed = Relayed {
        sent: Vec::new(),
        whole: false,
        ends: 0,
        more: false,
        usage: None,
    };
    for piece in pieces {
        stream
            .push(Bytes::copy_from_slice(piece))
            .expect("no event is too large");
        while let Some(step) = stream.next_step() {
            relayed.more |= relayed.ends > 0;
            relayed.ends += usize::from(!matches!(step, Step::Send(_)));
            match step {
                Step::Send(bytes) | Step::Last(bytes) | Step::Fault(_, bytes) => {
                    relayed.sent.extend_from_slice(&bytes);
                }
            }
        }
    }
    let (rest, told) = match stream.finish() {
        Finish::Broken(_, told) => (None, Some(told)),
        finish => (finish.whole(), None),
    };
    relayed.whole = rest.is_some();
    relayed.more |= relayed.ends > 0 && rest.as_ref().is_some_and(|rest| !rest.is_empty());
    relayed
        .sent
        .extend_from_slice(rest.as_deref().unwrap_or_default());
    relayed.usage = stream.usage().map(|usage| (usage.input, usage.output));
    if let (false, Some(caller)) = (relayed.whole, caller) {
        let error = ErrorBody {
            message: "cut",
            kind: "server_error",
            param: None,
            code: "upstream_error",
            request_id: None,
        };
        let frame = told
            .or_else(|| stream.fail(UpstreamFault::because("cut")))
            .unwrap_or_else(|| caller.protocol().error_frame(&error));
        relayed.sent.extend_from_slice(&frame);
    }
    relayed
}

/// What a caller reads.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    text: String,
    /// Events that end an answer of this dialect.
    ends: usize,
    errors: usize,
}

fn hear(dialect: Dialect, bytes: &[u8]) -> Heard {
    let mut heard = Heard::default();
    for (name, json) in events(dialect, bytes) {
        let said = match dialect {
            Dialect::OpenAiChat => &json["choices"][0]["delta"]["content"],
            Dialect::OpenAiText => &json["choices"][0]["text"],
            Dialect::OpenAiResponses if name == "response.output_text.delta" => &json["delta"],
            Dialect::Gemini => &json["candidates"][0]["content"]["parts"][0]["text"],
            Dialect::Anthropic | Dialect::Converse => &json["delta"]["text"],
            Dialect::Cohere => &json["delta"]["message"]["content"]["text"],
            _ => &Value::Null,
        };
        heard.text += said.as_str().unwrap_or_default();
        let failed = matches!(name.as_str(), "error" | "exception" | "response.failed")
            || json["error"].is_object()
            || json["delta"]["finish_reason"] == "ERROR";
        let ended = match dialect {
            Dialect::Gemini => json["candidates"][0]["finishReason"].is_string(),
            _ => [
                "[DONE]",
                "response.completed",
                "message_stop",
                "messageStop",
                "message-end",
            ]
            .contains(&name.as_str()),
        };
        heard.errors += usize::from(failed);
        heard.ends += usize::from(ended && !failed);
    }
    heard
}

/// The events of a stream with their names, `[DONE]` among them.
fn events(dialect: Dialect, bytes: &[u8]) -> Vec<(String, Value)> {
    if dialect == Dialect::Converse {
        let mut decoder = EventStreamDecoder::new(LIMIT);
        decoder
            .push(Bytes::copy_from_slice(bytes))
            .expect("no message is too large");
        assert!(decoder.remainder().is_empty(), "half a message was sent");
        return std::iter::from_fn(|| decoder.next_message())
            .map(|message| {
                let name = match message.kind {
                    MessageKind::Event => message.name,
                    _ => "exception".to_owned(),
                };
                (
                    name,
                    serde_json::from_slice(&message.payload).unwrap_or_default(),
                )
            })
            .collect();
    }
    // Google's lines end in CRLF; within JSON no line end stands as such.
    let text = String::from_utf8(bytes.to_vec())
        .expect("a stream of text is UTF-8")
        .replace("\r\n", "\n");
    assert!(
        text.is_empty() || text.ends_with("\n\n"),
        "half an event was sent"
    );
    text.split("\n\n")
        .filter_map(|block| {
            let data = block.lines().find_map(|line| line.strip_prefix("data: "))?;
            if data == "[DONE]" {
                return Some((data.to_owned(), Value::Null));
            }
            let json: Value = serde_json::from_str(data).expect("events are JSON");
            let name = json["type"].as_str().unwrap_or_default().to_owned();
            Some((name, json))
        })
        .collect()
}

/// Cut at these places, in their order.
fn pieces<'b>(bytes: &'b [u8], places: &[Index]) -> Vec<&'b [u8]> {
    let mut at: Vec<usize> = places
        .iter()
        .map(|place| place.index(bytes.len() + 1))
        .collect();
    at.sort_unstable();
    at.push(bytes.len());
    let mut from = 0;
    at.into_iter()
        .map(|to| {
            let piece = bytes.get(from..to).expect("the places are in order");
            from = to;
            piece
        })
        .collect()
}

fn scripts() -> impl Strategy<Value = Script> {
    let word = prop_oneof![
        "[a-z ]{1,8}",
        "[\\PC]{1,6}",
        Just("data: [DONE]".to_owned()),
        Just("line\n\nline\n".to_owned()),
        Just("\"}],\"error\":{}".to_owned()),
        Just("🌧é".to_owned()),
    ];
    (
        prop::collection::vec(word, 1..8),
        1..10_000_u64,
        1..10_000_u64,
    )
        .prop_map(|(words, input, output)| Script {
            words,
            input,
            output,
        })
}

fn of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}

fn places() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_sent_is_heard_once_whatever_the_split(
        script in scripts(), from in of(&PROVIDERS), to in of(&CALLERS), places in places(),
    ) {
        let source = script.stream(from);
        let stream = || RelayedStream::translating(from, to, &CALLER, LIMIT);
        let relayed = relay(stream(), pieces(&source, &places));
        prop_assert!(relayed.whole && !relayed.more && relayed.ends <= 1, "{relayed:?}");
        let heard = hear(to, &relayed.sent);
        prop_assert_eq!(heard, Heard { text: script.text(), ends: 1, errors: 0 });
        prop_assert_eq!(&relayed.sent, &relay(stream(), [source.as_slice()]).sent);
        // Replicate's streams tell nothing of it.
        let used = (from != Dialect::Replicate).then_some((script.input, script.output));
        prop_assert_eq!(relayed.usage, used);
    }

    #[test]
    fn a_stream_that_is_cut_never_ends_well(
        script in scripts(), from in of(&PROVIDERS), to in of(&CALLERS), places in places(), cut in any::<Index>(),
    ) {
        let source = script.stream(from);
        let cut = &source[..cut.index(source.len())];
        let stream = RelayedStream::translating(from, to, &CALLER, LIMIT);
        let relayed = relay_and_tell(stream, pieces(cut, &places), Some(to));
        let heard = hear(to, &relayed.sent);
        prop_assert!(!relayed.more && relayed.ends <= 1, "{relayed:?}");
        if relayed.whole {
            // Everything was there but what a server may forget.
            prop_assert_eq!(heard, Heard { text: script.text(), ends: 1, errors: 0 });
        } else {
            prop_assert!(script.text().starts_with(&heard.text), "{}", heard.text);
            prop_assert_eq!(heard.errors, 1);
            // Google's last event with content says why it finished; an error behind it takes that back.
            prop_assert!(heard.ends == 0 || to == Dialect::Gemini, "{heard:?}");
        }
        let (input, output) = relayed.usage.unwrap_or_default();
        prop_assert!(input <= script.input && output <= script.output, "{:?}", relayed.usage);
    }

    #[test]
    fn what_passes_is_what_came(
        script in scripts(), dialect in of(&PROVIDERS), places in places(), cut in any::<Index>(),
    ) {
        let source = script.stream(dialect);
        for (bytes, complete) in [(source.as_slice(), true), (&source[..cut.index(source.len())], false)] {
            let stream = RelayedStream::passing(dialect, "asked", LIMIT);
            let relayed = relay(stream, pieces(bytes, &places));
            prop_assert!(source.starts_with(&relayed.sent), "{}", String::from_utf8_lossy(&relayed.sent));
            prop_assert!(!relayed.more && relayed.ends <= 1);
            if complete {
                prop_assert!(relayed.whole);
                // The line feed of the very last CRLF may come when all is over.
                prop_assert_eq!(relayed.sent.trim_ascii_end(), source.trim_ascii_end());
            }
        }
    }

    #[test]
    fn what_is_watched_is_what_came_but_for_usage_nobody_asked_for(
        script in scripts(), hide in any::<bool>(), places in places(), cut in any::<Index>(),
    ) {
        let source = script.openai();
        let watching = || RelayedStream::watching(StreamWatch::new(Surface::CHAT, hide), "asked", LIMIT);
        let whole = relay(watching(), pieces(&source, &places));
        let text = String::from_utf8_lossy(&source).into_owned();
        let shown: String = text
            .split_inclusive("\n\n")
            .filter(|event| !hide || !event.contains("\"choices\":[]"))
            .collect();
        prop_assert_eq!(String::from_utf8_lossy(&whole.sent), shown);
        prop_assert!(whole.whole && whole.ends == 1 && !whole.more);
        prop_assert_eq!(whole.usage, Some((script.input, script.output)));
        let cut = &source[..cut.index(source.len())];
        let part = relay(watching(), pieces(cut, &places));
        let heard = hear(Dialect::OpenAiChat, &part.sent);
        prop_assert_eq!(heard.ends, usize::from(part.whole));
        let fits = script.text().starts_with(&heard.text);
        prop_assert!(fits && (!part.whole || heard.text == script.text()));
    }

    #[test]
    fn nothing_behind_the_end_is_sent(
        script in scripts(), from in of(&PROVIDERS), to in of(&CALLERS), places in places(),
    ) {
        let source = script.stream(from);
        let twice = [source.as_slice(), source.as_slice()].concat();
        let stream = RelayedStream::translating(from, to, &CALLER, LIMIT);
        let relayed = relay(stream, pieces(&twice, &places));
        prop_assert!(!relayed.more && relayed.ends <= 1, "{relayed:?}");
        let heard = hear(to, &relayed.sent);
        // Google's and Ollama's streams end with the connection: what follows their last event is read.
        if relayed.ends == 1 {
            prop_assert_eq!(heard, Heard { text: script.text(), ends: 1, errors: 0 });
        }
    }
}
