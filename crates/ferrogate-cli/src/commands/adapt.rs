//! `ferrogate adapt`

use ferrogate_config::SourceFormat;

use super::source;
use crate::args::AdaptOptions;
use crate::console::{Failure, Outcome, print};

/// Prints the resolved configuration; secrets are shown as references or `***`.
pub(crate) fn run(options: &AdaptOptions) -> Outcome {
    let from = match options.from.as_deref() {
        None => None,
        Some("caddyfile") => Some(SourceFormat::Caddyfile),
        Some("toml") => Some(SourceFormat::Toml),
        Some(name @ ("litellm" | "ferro-labs")) => return Err(not_yet("--from", name)),
        Some(name) => {
            return Err(Failure::Misused(format!(
                "`--from {name}`: unknown; write `caddyfile` or `toml`"
            )));
        }
    };
    match options.to.as_str() {
        "json" => {}
        name @ ("toml" | "caddyfile") => return Err(not_yet("--to", name)),
        name => {
            return Err(Failure::Misused(format!(
                "`--to {name}`: unknown; write `json`"
            )));
        }
    }
    let config = source::require(&options.config, from)?;
    let json = serde_json::to_string_pretty(&config).map_err(|error| {
        Failure::Failed(format!("the configuration cannot be printed: {error}"))
    })?;
    print(&format!("{json}\n"))
}

fn not_yet(flag: &str, name: &str) -> Failure {
    Failure::Misused(format!("`{flag} {name}` is not available yet"))
}
