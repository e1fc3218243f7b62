//! `ferrogate adapt`

use ferrogate_config::{SourceFormat, migrate_ferro_labs};

use super::source;
use crate::args::AdaptOptions;
use crate::console::{Failure, Outcome, print};

/// Prints the resolved configuration; secrets are shown as references or `***`.
pub(crate) fn run(options: &AdaptOptions) -> Outcome {
    let from = match options.from.as_deref() {
        None => None,
        Some("caddyfile") => Some(SourceFormat::Caddyfile),
        Some("toml") => Some(SourceFormat::Toml),
        Some("ferro-labs") => Some(SourceFormat::FerroLabs),
        Some(name @ "litellm") => return Err(not_yet("--from", name)),
        Some(name) => {
            return Err(Failure::Misused(format!(
                "`--from {name}`: unknown; write `caddyfile`, `toml` or `ferro-labs`"
            )));
        }
    };
    if from == Some(SourceFormat::FerroLabs) && options.config.config.is_none() {
        return Err(Failure::Misused(
            "which document? Name it with `--config FILE`".to_owned(),
        ));
    }
    match options.to.as_str() {
        "json" => {}
        "caddyfile" if from == Some(SourceFormat::FerroLabs) => return migrate(options),
        name @ ("toml" | "caddyfile") => return Err(not_yet("--to", name)),
        name => {
            return Err(Failure::Misused(format!(
                "`--to {name}`: unknown; write `json`, or `caddyfile` with `--from ferro-labs`"
            )));
        }
    }
    let config = source::require(&options.config, from)?;
    let json = serde_json::to_string_pretty(&config).map_err(|error| {
        Failure::Failed(format!("the configuration cannot be printed: {error}"))
    })?;
    print(&format!("{json}\n"))
}

/// Prints a document of Ferro Labs' gateway as a Caddyfile.
fn migrate(options: &AdaptOptions) -> Outcome {
    let path = source::path(options.config.config.as_deref())?;
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::Failed(format!("`{shown}` cannot be read: {error}")))?;
    let (caddyfile, report) = migrate_ferro_labs(&shown, &text, &source::environment);
    source::tell(&report);
    print(&caddyfile.ok_or(Failure::Told)?)
}

fn not_yet(flag: &str, name: &str) -> Failure {
    Failure::Misused(format!("`{flag} {name}` is not available yet"))
}
