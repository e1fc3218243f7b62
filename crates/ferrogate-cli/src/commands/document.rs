//! A configuration on its way to a running gateway, and what came of it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use ferrogate_config::{LoadOptions, Report, SourceFormat, load_str};
use http::StatusCode;
use serde_json::{Value, json};

use super::source;
use crate::args::Adapter;
use crate::console::{self, Failure, Outcome, print, say};
use crate::remote::{Ask, Remote, plain};

/// The text of a configuration file.
pub(super) struct Document {
    name: String,
    text: String,
    member: &'static str,
    /// What this machine thinks of it: whose excerpts are drawn, for they know where secrets stand.
    report: Report,
}

impl Document {
    /// Reads a file, or stdin for `-`.
    pub(super) fn read(path: &Path, adapter: Option<Adapter>) -> Result<Self, Failure> {
        let stdin = path.as_os_str() == "-";
        let format = match adapter {
            Some(Adapter::Caddyfile) => Some(SourceFormat::Caddyfile),
            Some(Adapter::Toml) => Some(SourceFormat::Toml),
            None if stdin => Some(SourceFormat::Caddyfile),
            None => SourceFormat::of(path),
        };
        let (member, usual) = match format {
            Some(SourceFormat::Caddyfile) => ("config_caddyfile", "Caddyfile"),
            Some(SourceFormat::Toml) => ("config_toml", "ferrogate.toml"),
            _ => {
                return Err(Failure::Misused(format!(
                    "the name `{}` does not tell its format; say `--adapter caddyfile` or `--adapter toml`",
                    path.display()
                )));
            }
        };
        let path = if stdin {
            PathBuf::from(usual)
        } else {
            path.to_owned()
        };
        let name = path.display().to_string();
        let text = if stdin {
            let mut text = String::new();
            let read = std::io::stdin().lock().read_to_string(&mut text);
            read.map(|_| text)
        } else {
            std::fs::read_to_string(&path)
        };
        let text =
            text.map_err(|error| Failure::Failed(format!("`{name}` cannot be read: {error}")))?;
        let home = path.parent().map(Path::to_owned).unwrap_or_default();
        let options = LoadOptions {
            env: &source::environment,
            format,
        };
        let report = load_str(&name, &text, &home, &options).report;
        Ok(Self {
            name,
            text,
            member,
            report,
        })
    }

    /// As the admin API takes it.
    fn wrapped(&self) -> Value {
        json!({ self.member: self.text, "filename": self.name })
    }

    /// The gateway's diagnostics for people: with an excerpt where this machine finds the same, else without.
    fn render(&self, diagnostics: &[Value], color: bool) -> String {
        let known = self.report.to_json();
        let known = known["diagnostics"].as_array();
        let drawn = self.report.render(color);
        // Blocks have an empty line between them and none inside, for a line of an excerpt has its number.
        let drawn: Vec<&str> = drawn.split("\n\n").map(str::trim_end).collect();
        let blocks = diagnostics.iter().map(|diagnostic| {
            let place = known.and_then(|known| known.iter().position(|one| one == diagnostic));
            let block = place.and_then(|place| drawn.get(place));
            block.map_or_else(|| bare(diagnostic), |block| (*block).to_owned())
        });
        blocks.collect::<Vec<_>>().join("\n\n")
    }
}

/// Sends a document, or asks the gateway to take its own file, and tells what came of it.
pub(super) fn send(
    remote: &Remote,
    ask: Ask,
    document: Option<&Document>,
    tell: impl Fn(&Value) -> Outcome,
) -> Outcome {
    let body = document.map_or_else(|| json!({ "source": "file" }), Document::wrapped);
    finish(remote, ask.body(&body), document, tell)
}

/// Asks for another configuration, and tells what came of it.
pub(super) fn finish(
    remote: &Remote,
    ask: Ask,
    document: Option<&Document>,
    tell: impl Fn(&Value) -> Outcome,
) -> Outcome {
    let reply = remote.send(ask)?;
    let diagnostics = reply.value["diagnostics"].as_array();
    let diagnostics = diagnostics.map(Vec::as_slice).unwrap_or_default();
    let text = match document {
        Some(document) => document.render(diagnostics, console::color()),
        None => diagnostics
            .iter()
            .map(bare)
            .collect::<Vec<_>>()
            .join("\n\n"),
    };
    if !text.is_empty() {
        say(&text);
    }
    if reply.status.is_success() {
        if !(reply.value["changed"].is_array() || reply.value["valid"].is_boolean()) {
            return Err(remote.stranger(&reply));
        }
        return tell(&reply.value);
    }
    if reply.status == StatusCode::UNPROCESSABLE_ENTITY && !diagnostics.is_empty() {
        say("the gateway refused it; nothing was changed");
        return Err(Failure::Told);
    }
    Err(remote.refused(&reply))
}

/// What a change of the configuration came to: a line of words, then a line for each change.
fn summary(value: &Value) -> String {
    let word = |name: &&str| match &value[*name] {
        Value::Null => None,
        Value::String(word) => Some(format!("{name}={}", plain(word))),
        other => Some(format!("{name}={other}")),
    };
    let mut words = vec!["ok".to_owned()];
    words.extend(FACTS.iter().filter_map(word));
    let changed = value["changed"].as_array();
    words.extend(changed.map(|changed| format!("changes={}", changed.len())));
    let changed = changed.into_iter().flatten().filter_map(Value::as_str);
    let lines = changed.map(|change| format!("  {}", plain(change)));
    let lines: Vec<String> = std::iter::once(words.join(" ")).chain(lines).collect();
    lines.join("\n") + "\n"
}

/// What is told of a change, where it is there.
const FACTS: [&str; 5] = ["valid", "status", "revision", "version", "rolled_back_to"];

/// Prints what a change of the configuration came to.
pub(super) fn tell(value: &Value) -> Outcome {
    print(&summary(value))
}

/// A diagnostic without its excerpt.
fn bare(diagnostic: &Value) -> String {
    let text = |value: &Value| plain(value.as_str().unwrap_or_default());
    let mut lines = vec![format!(
        "{}[{}]: {}",
        text(&diagnostic["severity"]),
        text(&diagnostic["code"]),
        text(&diagnostic["message"])
    )];
    let place = |place: &Value, label: &Value, arrow: &str| {
        let at = format!(
            "  {arrow} {}:{}:{} {}",
            text(&place["file"]),
            place["line"],
            place["column"],
            text(label)
        );
        at.trim_end().to_owned()
    };
    if diagnostic["place"].is_object() {
        lines.push(place(&diagnostic["place"], &diagnostic["label"], "-->"));
    }
    let all = |name: &str| diagnostic[name].as_array().cloned().unwrap_or_default();
    for related in all("related") {
        lines.push(place(&related["place"], &related["label"], ":::"));
    }
    let hints = all("hints");
    lines.extend(hints.iter().map(|hint| format!("  = hint: {}", text(hint))));
    lines.join("\n")
}
