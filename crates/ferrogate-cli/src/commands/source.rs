//! The configuration a command works on.

use std::path::{Path, PathBuf};

use ferrogate_config::model::Config;
use ferrogate_config::{Diagnostic, LoadOptions, Report, SourceFormat, load};
use ferrogate_runtime::{Origin, Prepared, check};

use crate::args::{Adapter, ConfigOptions};
use crate::console::{self, Failure};

/// Where a configuration is looked for when none is named.
const DEFAULTS: [&str; 2] = ["Ferrogate/Caddyfile", "Caddyfile"];

/// The environment of this process; a value that is not UTF-8 counts as unset.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The named file, or the first default that exists.
pub(crate) fn path(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    DEFAULTS
        .iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Failure::Misused(format!(
                "no configuration: neither `{}` nor `{}` is here; name one with `--config FILE`",
                DEFAULTS[0], DEFAULTS[1]
            ))
        })
}

/// Where the configuration comes from.
pub(crate) fn origin(options: &ConfigOptions) -> Result<Origin, Failure> {
    Ok(Origin {
        file: path(options.config.as_deref())?,
        format: options.adapter.map(|adapter| match adapter {
            Adapter::Caddyfile => SourceFormat::Caddyfile,
            Adapter::Toml => SourceFormat::Toml,
        }),
        env: environment,
        watched: false,
    })
}

/// The folder that the configuration is in.
pub(crate) fn home(options: &ConfigOptions) -> Result<PathBuf, Failure> {
    let path = path(options.config.as_deref())?;
    Ok(path.parent().map(Path::to_owned).unwrap_or_default())
}

/// Reads a configuration; the report goes to the caller.
pub(crate) fn read(
    options: &ConfigOptions,
    format: Option<SourceFormat>,
) -> Result<(Option<Config>, Report), Failure> {
    let origin = origin(options)?;
    let loaded = load(
        &origin.file,
        &LoadOptions {
            env: &environment,
            format: format.or(origin.format),
        },
    );
    Ok((loaded.config, loaded.report))
}

/// Reads a configuration, says what is wrong with it on stderr, and fails if that is too much.
pub(crate) fn require(
    options: &ConfigOptions,
    format: Option<SourceFormat>,
) -> Result<Config, Failure> {
    let (config, report) = read(options, format)?;
    tell(&report);
    config.ok_or(Failure::Told)
}

/// Says on stderr what is wrong with a configuration.
pub(crate) fn tell(report: &Report) {
    let text = report.render(console::color());
    if !text.trim().is_empty() {
        console::say(&text);
    }
}

/// Compiles a configuration without touching anything; what is wrong goes into the report.
pub(crate) fn compile(config: &Config, home: &Path, report: &mut Report) -> Option<Prepared> {
    match check(config, home, &environment) {
        Ok(prepared) => Some(prepared),
        Err(errors) => {
            for error in errors {
                report.push(Diagnostic::error("cannot-run", error.to_string()));
            }
            None
        }
    }
}
