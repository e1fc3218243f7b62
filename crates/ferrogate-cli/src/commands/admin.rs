//! `ferrogate admin`: the admin API from a shell.
//!
//! A table of [resources] and verbs says what there is; the command line is made of it, and so is each call.

mod grammar;
mod members;
mod resources;
mod show;
mod verb;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::ArgMatches;
use http::header;
use serde_json::{Map, Value};

use super::document::{self, Document};
use crate::args::{Adapter, GatewayOptions};
use crate::console::{Failure, Outcome, print, say};
use crate::remote::{Ask, Event, Remote, plain, segment};
use verb::{Gives, Takes, Verb};

pub(crate) use grammar::{AdminArguments, Shape};

/// More than any list gives at once; each holds it at its own bound.
const WHOLE_PAGE: &str = "10000";

/// Does what was asked with what is behind the verb.
pub(crate) fn run(arguments: &AdminArguments, gateway: &GatewayOptions) -> Outcome {
    let Some((verb, matches)) = arguments.verb() else {
        return Err(Failure::Misused(
            "what of the gateway? `ferrogate admin --help` lists it".to_owned(),
        ));
    };
    let usual = if std::io::stdout().is_terminal() {
        Shape::Table
    } else {
        Shape::Json
    };
    let shape = matches.get_one(grammar::FORMAT).copied().unwrap_or(usual);
    let ask = request(verb, matches)?;
    let document = match verb.takes {
        Takes::File | Takes::FileOrOwn => document(matches)?,
        Takes::Flags | Takes::Members => None,
    };
    let remote = Remote::new(gateway)?;
    match verb.gives {
        Gives::List(columns) => show::list(shape, columns, &pages(&remote, ask, matches)?),
        Gives::One => {
            let value = remote.ask(ask)?;
            show::one(shape, &value)?;
            if value["secret"].is_string() {
                say("the secret is shown this once; keep it where secrets are kept");
            }
            Ok(())
        }
        Gives::Events(columns) => tail(&remote, &ask, shape, columns),
        Gives::Change => {
            let tell = |value: &Value| match shape {
                Shape::Table => document::tell(value),
                Shape::Json | Shape::Yaml => show::whole(shape, value),
            };
            if matches!(verb.takes, Takes::File | Takes::FileOrOwn) {
                document::send(&remote, ask, document.as_ref(), tell)
            } else {
                document::finish(&remote, ask, None, tell)
            }
        }
        Gives::Text => text(shape, &remote.ask(ask)?),
        Gives::Verdict(member) => {
            let value = remote.ask(ask)?;
            show::one(shape, &value)?;
            if value[member] == true {
                return Ok(());
            }
            Err(Failure::Failed(format!("not {member}: see above")))
        }
    }
}

/// What is asked, as far as the flags say it.
fn request(verb: &Verb, matches: &ArgMatches) -> Result<Ask, Failure> {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let mut path = verb.path.to_owned();
    if verb.takes_id() {
        let id = text(grammar::ID).unwrap_or_default();
        if matches!(id, "" | "." | "..") {
            return Err(Failure::Misused(format!("`{id}` is not an id")));
        }
        path = path.replace("{}", &segment(id));
    }
    let mut ask = Ask::admin(verb.does.method(), &path);
    for filter in verb.filters {
        if let Some(value) = text(filter.flag) {
            ask = ask.query(filter.name, value);
        }
    }
    if verb.takes == Takes::Members {
        ask = ask.body(&members::read(verb, matches)?);
    } else if !verb.members.is_empty() {
        let given = verb.members.iter();
        let given = given.filter_map(|member| Some((member.name, text(member.flag)?)));
        let body: Map<String, Value> = given
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        ask = ask.body(&Value::Object(body));
    }
    if verb.is_conditional()
        && let Some(version) = text(grammar::IF_MATCH)
    {
        let quoted = format!("\"{}\"", version.trim_matches('"'));
        ask = ask.header(header::IF_MATCH, &quoted)?;
    }
    Ok(ask)
}

fn document(matches: &ArgMatches) -> Result<Option<Document>, Failure> {
    let file = matches.get_one::<PathBuf>(grammar::FILE);
    let adapter = matches.get_one::<Adapter>(grammar::ADAPTER).copied();
    file.map(|file| Document::read(file, adapter)).transpose()
}

/// One page of a list, or all of them as one.
fn pages(remote: &Remote, ask: Ask, matches: &ArgMatches) -> Result<Value, Failure> {
    let all = matches.get_flag(grammar::ALL);
    let limit = matches.get_one::<u32>(grammar::LIMIT).map(u32::to_string);
    let mut ask = ask;
    if let Some(limit) = limit.as_deref().or(all.then_some(WHOLE_PAGE)) {
        ask = ask.query("limit", limit);
    }
    if let Some(cursor) = matches.get_one::<String>(grammar::CURSOR) {
        ask = ask.query("cursor", cursor);
    }
    let page = |ask: &Ask| {
        let value = remote.ask(ask.clone())?;
        if value["data"].is_array() {
            return Ok(value);
        }
        Err(Failure::Failed(format!(
            "`{}` answers without a list; is it a gateway of another version?",
            remote.origin()
        )))
    };
    let mut list = page(&ask)?;
    let mut seen = String::new();
    while all && let Some(cursor) = list["next_cursor"].as_str() {
        if cursor == seen {
            return Err(Failure::Failed(
                "the list does not go on behind its cursor; read it page by page with `--cursor`"
                    .to_owned(),
            ));
        }
        cursor.clone_into(&mut seen);
        ask = ask.query("cursor", &seen);
        let mut next = page(&ask)?;
        if let (Some(rows), Value::Array(more)) = (list["data"].as_array_mut(), next["data"].take())
        {
            rows.extend(more);
        }
        list["next_cursor"] = next["next_cursor"].take();
    }
    Ok(list)
}

/// Rows as they are written, until the user has seen enough.
fn tail(remote: &Remote, ask: &Ask, shape: Shape, columns: &[&str]) -> Outcome {
    show::row(shape, columns, None)?;
    remote.follow(ask, |event: Event| match event.name.as_str() {
        "gap" => {
            say("more calls came than could be told; `ferrogate admin logs list` has them all");
            Ok(())
        }
        _ => show::row(shape, columns, Some(&event.data)),
    })
}

/// A configuration: its text is the data, what is known of it is prose.
fn text(shape: Shape, value: &Value) -> Outcome {
    if shape != Shape::Table {
        return show::whole(shape, value);
    }
    let known = |name: &str| match &value[name] {
        Value::String(text) => plain(text),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    say(&format!(
        "revision {}, version {}, from the {}",
        known("revision"),
        known("version"),
        known("source")
    ));
    let lines = value["text"].as_str().unwrap_or_default().lines();
    let lines: Vec<String> = lines
        .map(|line| plain(&line.replace('\t', "    ")))
        .collect();
    print(&format!("{}\n", lines.join("\n")))
}
