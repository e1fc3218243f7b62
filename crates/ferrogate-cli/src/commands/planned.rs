//! Commands this version does not have.

use std::ffi::OsString;

use clap::CommandFactory as _;

use crate::args::Arguments;
use crate::console::{Failure, Outcome};

/// Commands that are designed but not there yet, with what to do meanwhile.
const PLANNED: [(&str, &str); 3] = [
    ("init", "start from `Ferrogate/Caddyfile` in the repository"),
    ("doctor", "`ferrogate validate` checks the configuration"),
    ("plugins", "there are none so far"),
];

/// Says that a command is not there, and what is.
pub(crate) fn refuse(words: &[OsString]) -> Outcome {
    let name = words
        .first()
        .map(|word| word.to_string_lossy().into_owned())
        .unwrap_or_default();
    if let Some((_, instead)) = PLANNED.iter().find(|(planned, _)| *planned == name) {
        return Err(Failure::Misused(format!(
            "`ferrogate {name}` is not available yet; {instead}"
        )));
    }
    let likeness = |known: &str| strsim::jaro_winkler(known, &name);
    let arguments = Arguments::command();
    let known = arguments.get_subcommands().map(clap::Command::get_name);
    let near = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = match near {
        Some(near) if likeness(near) > 0.8 => {
            format!("; did you mean `{near}`?")
        }
        _ => "; `ferrogate --help` lists the commands".to_owned(),
    };
    Err(Failure::Misused(format!(
        "there is no command `{name}`{hint}"
    )))
}
