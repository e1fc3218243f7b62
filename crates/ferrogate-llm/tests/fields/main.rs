//! No field is lost in silence.
//!
//! Each file of `tests/data/fields` is a request with everything its dialect documents. Every leaf is taken out in
//! turn: for every target that must change what is written, or what is said to be lost, or be refused, unless
//! something around it is said to be lost as a whole.

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that cannot be read has to fail its test"
)]

mod silent;

use ferrogate_llm::{Address, Dialect, Lossy, ModelTraits, TargetProfile, ThinkingStyle};
use serde_json::Value;

use self::silent::is_silent;

const DIALECTS: [Dialect; 8] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Converse,
    Dialect::Cohere,
    Dialect::Ollama,
    Dialect::Replicate,
];

/// What a translation comes to: the bytes, the fields it names as lost, or the refusal.
type Outcome = Result<(Vec<u8>, Vec<String>), String>;

fn translate(from: Dialect, to: Dialect, body: &Value, traits: &ModelTraits) -> Option<Outcome> {
    let address = Address {
        model: matches!(from, Dialect::Gemini | Dialect::Converse).then(|| "m".into()),
        stream: false,
    };
    let body = serde_json::to_vec(body).unwrap();
    let request = from.protocol().read_request(&body, address).ok()?;
    let target = TargetProfile {
        model: "m",
        traits,
        quirks: &[],
    };
    let mut lossy = Lossy::new(from);
    let written = to.protocol().write_request(&request, &target, &mut lossy);
    let lost = lossy.fields().map(str::to_owned).collect();
    Some(
        written
            .map(|bytes| (bytes, lost))
            .map_err(|error| format!("{}: {error}", error.param)),
    )
}

/// The paths of all values for which `wanted` says so.
fn paths(value: &Value, wanted: &impl Fn(&Value) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        if wanted(child) {
            found.push(format!("/{name}"));
        }
        let inner = paths(child, wanted).into_iter();
        found.extend(inner.map(|path| format!("/{name}{path}")));
    }
    found
}

fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    }
}

fn without(body: &Value, path: &str) -> Value {
    let mut body = body.clone();
    let (outer, name) = path.rsplit_once('/').unwrap();
    match body.pointer_mut(outer).unwrap() {
        Value::Object(members) => {
            members.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
        Value::Array(items) => {
            items.remove(name.parse().unwrap());
        }
        _ => unreachable!("a path leads through objects and arrays"),
    }
    body
}

/// Takes out, one by one, what the target refuses: a refusal is not silence.
fn portable(from: Dialect, to: Dialect, body: &Value, traits: &ModelTraits) -> Value {
    let mut body = body.clone();
    for _ in 0..64 {
        let Some(Err(error)) = translate(from, to, &body, traits) else {
            return body;
        };
        let helps = |path: &String| {
            let outcome = translate(from, to, &without(&body, path), traits);
            outcome.is_some_and(|outcome| outcome.err().as_ref() != Some(&error))
        };
        // The smallest part is wanted, not the conversation.
        let mut all = paths(&body, &|_| true);
        all.sort_by_key(|path| std::cmp::Reverse(path.matches('/').count()));
        let culprit = all
            .into_iter()
            .find(helps)
            .unwrap_or_else(|| panic!("nothing helps against: {error}"));
        body = without(&body, &culprit);
    }
    panic!("refused again and again")
}

/// Whether a leaf, or something around it, is named as lost: without it the same is written, and either there is a
/// name less or one of the names is its own or that of its kind.
fn is_named(from: Dialect, to: Dialect, body: &Value, path: &str, traits: &ModelTraits) -> bool {
    let Some(Ok((written, lost))) = translate(from, to, body, traits) else {
        return false;
    };
    let name = plain(path);
    let mut words: Vec<&str> = name.split('.').collect();
    let mut around = path;
    while let Some((outer, _)) = around
        .rsplit_once('/')
        .filter(|_| around.matches('/').count() > 0)
    {
        let value = body.pointer(around);
        words.extend(value.and_then(|value| value.get("type")?.as_str()));
        let members = value.and_then(Value::as_object);
        words.extend(members.into_iter().flatten().map(|(name, _)| name.as_str()));
        // Google marks a `thought` with a `thoughtSignature`.
        let own = |name: &str| words.iter().any(|word| word.starts_with(name));
        if let Some(Ok((now, left))) = translate(from, to, &without(body, around), traits)
            && now == written
            && (left.len() < lost.len()
                || lost
                    .iter()
                    .filter_map(|name| name.rsplit('.').next())
                    .any(own))
        {
            return true;
        }
        around = outer;
    }
    false
}

/// The path as people write it: `messages.content.type`.
fn plain(path: &str) -> String {
    path.split('/')
        .filter(|name| !name.is_empty() && name.parse::<usize>().is_err())
        .collect::<Vec<_>>()
        .join(".")
}

fn files() -> Vec<(Dialect, Value)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/fields");
    let mut found: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            // A dialect may have several, which begin with its name.
            let dialect = DIALECTS
                .into_iter()
                .find(|dialect| name.starts_with(dialect.as_str().trim_start_matches("bedrock-")))
                .unwrap_or_else(|| panic!("no dialect is called {name}"));
            (
                dialect,
                serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn every_field_is_carried_or_named() {
    let mut silent = Vec::new();
    let models = [
        ModelTraits::default(),
        ModelTraits {
            thinking: ThinkingStyle::Adaptive,
            sampling: false,
            system_in_messages: true,
            ..ModelTraits::default()
        },
        ModelTraits {
            thinking: ThinkingStyle::Budget,
            json_schema: false,
            forced_tool_choice: false,
            prefill: false,
            ..ModelTraits::default()
        },
    ];
    for (from, body) in files() {
        // Within one dialect everything is written again, which is checked below.
        for to in DIALECTS.into_iter().filter(|to| *to != from) {
            for traits in &models {
                let body = portable(from, to, &body, traits);
                let whole = translate(from, to, &body, traits);
                assert!(
                    matches!(whole, Some(Ok(_))),
                    "{} to {}",
                    from.as_str(),
                    to.as_str()
                );
                for path in paths(&body, &is_leaf) {
                    let name = plain(&path);
                    let less = translate(from, to, &without(&body, &path), traits);
                    if less == whole
                        && !is_silent(from, to, &name)
                        && !is_named(from, to, &body, &path, traits)
                    {
                        silent.push(format!("{} to {}: {path}", from.as_str(), to.as_str()));
                    }
                }
            }
        }
    }
    silent.sort();
    silent.dedup();
    assert!(silent.is_empty(), "lost in silence:\n{}", silent.join("\n"));
}

#[test]
fn what_is_read_is_written_again() {
    for (dialect, body) in files() {
        let outcome = translate(dialect, dialect, &body, &ModelTraits::default());
        let Some(Ok((written, lost))) = outcome else {
            panic!("{}: {outcome:?}", dialect.as_str())
        };
        let written: Value = serde_json::from_slice(&written).unwrap();
        let mut expected = body;
        if let Some(model) = expected.get_mut("model") {
            *model = "m".into();
        }
        assert_eq!(written, expected, "{}", dialect.as_str());
        assert!(lost.is_empty(), "{}: {lost:?}", dialect.as_str());
    }
}
