//! What every dialect's tests need.

use bytes::Bytes;
use ferrogate_llm::chat::ChatRequest;
use ferrogate_llm::{
    Address, Caller, Dialect, Lossy, ModelTraits, RelayedStream, Step, TargetProfile,
};
use serde_json::Value;

/// The caller of every test.
pub(crate) const CALLER: Caller<'static> = Caller {
    model: "asked",
    usage_asked: true,
    created: 1_790_000_200,
    id: "0123abcd",
    input_estimate: 0,
    array: false,
    echo: None,
};

/// Every dialect there is.
pub(crate) const DIALECTS: [Dialect; 8] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Converse,
    Dialect::Cohere,
    Dialect::Ollama,
    Dialect::Replicate,
];

pub(crate) fn json(bytes: impl AsRef<[u8]>) -> Value {
    let text = String::from_utf8_lossy(bytes.as_ref()).into_owned();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A value without its nulls, which say the same as nothing.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

pub(crate) fn read(dialect: Dialect, body: &[u8]) -> ChatRequest<'_> {
    let address = Address {
        model: Some("asked".into()),
        stream: false,
    };
    dialect.protocol().read_request(body, address).unwrap()
}

/// The request in another dialect, and what was lost of it.
pub(crate) fn translate(
    from: Dialect,
    to: Dialect,
    model: &str,
    traits: &ModelTraits,
    body: &[u8],
) -> (Value, Vec<String>) {
    let mut lossy = Lossy::new(from);
    let target = TargetProfile {
        model,
        traits,
        quirks: &[],
    };
    let request = read(from, body);
    let written = to
        .protocol()
        .write_request(&request, &target, &mut lossy)
        .unwrap_or_else(|refused| panic!("{from:?} to {to:?}: {refused}"));
    (json(written), lossy.fields().map(str::to_owned).collect())
}

/// A stream, relayed from one dialect to another in the given pieces: what was sent, and whether it was whole.
pub(crate) fn relay(from: Dialect, to: Dialect, pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let mut stream = RelayedStream::translating(from, to, &CALLER, 1 << 20);
    let mut sent = Vec::new();
    for piece in pieces {
        stream.push(Bytes::copy_from_slice(piece)).unwrap();
        while let Some(step) = stream.next_step() {
            match step {
                Step::Send(bytes) | Step::Last(bytes) | Step::Fault(_, bytes) => {
                    sent.extend_from_slice(&bytes);
                }
            }
        }
    }
    let whole = stream
        .finish()
        .whole()
        .inspect(|rest| sent.extend_from_slice(rest));
    (sent, whole.is_some())
}

/// Each leaf with its path of names and places.
pub(crate) fn leaves(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let before = found.len();
    let mut visit = |name: String, value: &Value| {
        path.push(name);
        leaves(value, path, found);
        path.pop();
    };
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, value)| visit(name.clone(), value)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(place, value)| visit(place.to_string(), value)),
        _ => {}
    }
    if found.len() == before {
        found.push(path.clone());
    }
}

/// What stands at a path.
pub(crate) fn at<'v>(value: &'v mut Value, path: &[String]) -> &'v mut Value {
    path.iter().fold(value, |value, step| match value {
        Value::Array(items) => &mut items[step.parse::<usize>().unwrap()],
        other => &mut other[step],
    })
}
