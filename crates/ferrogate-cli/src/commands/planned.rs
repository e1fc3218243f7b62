//! Commands this version does not have.

use std::ffi::OsString;

use crate::console::{Failure, Outcome};

/// Commands that are designed but not there yet, with what to do meanwhile.
const PLANNED: [(&str, &str); 7] = [
    (
        "reload",
        "restart the process; SIGTERM drains it within `grace_period`",
    ),
    ("init", "start from `Ferrogate/Caddyfile` in the repository"),
    ("doctor", "`ferrogate validate` checks the configuration"),
    (
        "status",
        "`curl http://HOST/readyz` and `/admin/v1/status` tell",
    ),
    ("admin", "the admin API has only `/admin/v1/status` so far"),
    ("plugins", "there are none so far"),
    ("man", "`ferrogate --help` lists the commands"),
];

const KNOWN: [&str; 10] = [
    "run",
    "validate",
    "fmt",
    "adapt",
    "explain",
    "hash-key",
    "models",
    "providers",
    "version",
    "completions",
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
    let near = KNOWN
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, &name).total_cmp(&strsim::jaro_winkler(b, &name)));
    let hint = match near {
        Some(near) if strsim::jaro_winkler(near, &name) > 0.8 => {
            format!("; did you mean `{near}`?")
        }
        _ => "; `ferrogate --help` lists the commands".to_owned(),
    };
    Err(Failure::Misused(format!(
        "there is no command `{name}`{hint}"
    )))
}
