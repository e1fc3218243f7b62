//! The members of a thing that is made or changed: `--data` and `--set`.

use std::io::Read as _;

use clap::ArgMatches;
use serde_json::{Map, Value};

use super::grammar::{DATA, SET};
use super::verb::Verb;
use crate::console::Failure;

/// How the value of a member is written behind `--set`.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Switch,
    /// Texts with commas between them.
    List,
    /// Anything, in JSON.
    Json,
}

/// Members that have a plain way to be written. A name means the same wherever it stands, so one table does.
const MEMBERS: &[(Kind, &[&str])] = &[
    (
        Kind::Text,
        &[
            "id",
            "name",
            "tenant",
            "parent",
            "kind",
            "user",
            "expires",
            "scope",
            "amount",
            "unit",
            "per",
            "timezone",
            "on_exceed",
            "on_store_failure",
            "effect",
            "code",
            "message",
            "method",
            "url",
            "key",
            "cost",
            "reason",
        ],
    ),
    (
        Kind::Number,
        &[
            "request_limit_per_minute",
            "token_limit_per_minute",
            "max_concurrency",
            "monthly_token_budget",
            "input_tokens",
            "cached_input_tokens",
            "cache_write_tokens",
            "output_tokens",
            "reasoning_tokens",
        ],
    ),
    (Kind::Switch, &["disabled", "dry_run"]),
    (
        Kind::List,
        &[
            "scopes",
            "allowed_models",
            "denied_models",
            "allowed_providers",
            "denied_providers",
            "allowed_ips",
            "tenants",
            "keys",
            "models",
            "providers",
            "surfaces",
            "ips",
            "hours",
        ],
    ),
    (Kind::Json, &["budgets", "metadata", "headers", "body"]),
];

/// What was written on the command line as a JSON object.
pub(super) fn read(verb: &Verb, matches: &ArgMatches) -> Result<Value, Failure> {
    let data = matches.get_one::<String>(DATA);
    let mut members = data.map_or_else(|| Ok(Map::new()), |data| object(data))?;
    for pair in matches.get_many::<String>(SET).into_iter().flatten() {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Failure::Misused(format!("`--set {pair}` is not written `name=value`"))
        })?;
        members.insert(name.to_owned(), value_of(name, value)?);
    }
    if members.is_empty() {
        return Err(Failure::Misused(format!(
            "nothing to {}: give members with `--set name=value` or `--data JSON`",
            verb.name
        )));
    }
    Ok(Value::Object(members))
}

fn object(data: &str) -> Result<Map<String, Value>, Failure> {
    let unreadable = |file: &str, error: &std::io::Error| {
        Failure::Failed(format!("`{file}` cannot be read: {error}"))
    };
    let text = if data == "-" {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| unreadable("stdin", &error))?;
        text
    } else if let Some(file) = data.strip_prefix('@') {
        std::fs::read_to_string(file).map_err(|error| unreadable(file, &error))?
    } else {
        data.to_owned()
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Failure::Misused(
            "`--data` is not a JSON object, such as '{\"name\": \"ci\"}'".to_owned(),
        )),
        Err(error) => Err(Failure::Misused(format!("`--data` is not JSON: {error}"))),
    }
}

fn value_of(name: &str, text: &str) -> Result<Value, Failure> {
    let row = MEMBERS.iter().find(|(_, names)| names.contains(&name));
    let Some((kind, _)) = row else {
        let all = MEMBERS.iter().flat_map(|(_, names)| names.iter());
        let likeness = |known: &str| strsim::jaro_winkler(known, name);
        let near = all.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let hint = near.filter(|near| likeness(near) > 0.8);
        return Err(Failure::Misused(match hint {
            Some(near) => format!("`--set {name}`: no such member; did you mean `{near}`?"),
            None => {
                format!("`--set {name}`: not a member that can be set so; write it in `--data`")
            }
        }));
    };
    if text == "null" {
        return Ok(Value::Null);
    }
    let wrong = |wanted: &str| Failure::Misused(format!("`--set {name}` takes {wanted}"));
    match kind {
        Kind::Text => Ok(text.into()),
        Kind::Number => match text.parse::<u64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => Err(wrong("a whole number")),
        },
        Kind::Switch => match text {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err(wrong("`true` or `false`")),
        },
        Kind::List => {
            let items = text.split(',').map(str::trim);
            let items = items.filter(|item| !item.is_empty());
            Ok(items.map(Value::from).collect::<Vec<_>>().into())
        }
        Kind::Json => serde_json::from_str(text).map_err(|_| wrong("JSON")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_what_their_members_want() {
        for (name, text, expected) in [
            ("name", "12", Some(json!("12"))),
            ("tenant", "null", Some(json!(null))),
            ("max_concurrency", "4", Some(json!(4))),
            ("max_concurrency", "four", None),
            ("disabled", "true", Some(json!(true))),
            ("disabled", "yes", None),
            (
                "scopes",
                "models.read, chat.completions",
                Some(json!(["models.read", "chat.completions"])),
            ),
            ("scopes", "", Some(json!([]))),
            (
                "hours",
                "mon-fri 18:00-09:00 Europe/Berlin",
                Some(json!(["mon-fri 18:00-09:00 Europe/Berlin"])),
            ),
            ("metadata", "{\"a\": \"b\"}", Some(json!({ "a": "b" }))),
            ("metadata", "a", None),
            ("nmae", "x", None),
        ] {
            assert_eq!(value_of(name, text).ok(), expected, "{name}={text}");
        }
    }
}
