//! A file to a configuration and a report.

use std::path::Path;

use crate::caddyfile;
use crate::diagnostic::Diagnostic;
use crate::ferro_labs;
use crate::model::Config;
use crate::report::Report;
use crate::toml;

/// How to load.
pub struct LoadOptions<'a> {
    /// The environment; a function, so that tests need not touch the real one.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The format, when the file's name does not tell it.
    pub format: Option<SourceFormat>,
}

/// A configuration language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFormat {
    /// `Caddyfile`, `*.caddyfile`, `Caddyfile.*`.
    Caddyfile,
    /// `*.toml`.
    Toml,
    /// The document of Ferro Labs' gateway, in YAML or JSON; never told by a name.
    FerroLabs,
}

/// What came of a load.
pub struct Loaded {
    /// The configuration; `None` when the report has errors. It can be run when [`Report::is_runnable`] says so.
    pub config: Option<Config>,
    /// All problems.
    pub report: Report,
}

impl SourceFormat {
    /// The format of a file of that name; `None` when the name does not tell.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let extension = path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default();
        if name == "Caddyfile"
            || name.starts_with("Caddyfile.")
            || extension.eq_ignore_ascii_case("caddyfile")
        {
            Some(Self::Caddyfile)
        } else if extension.eq_ignore_ascii_case("toml") {
            Some(Self::Toml)
        } else {
            None
        }
    }
}

/// Loads a file and what it imports.
///
/// Reads those files, the certificates and secrets they name, and nothing else; opens no socket.
pub fn load(path: &Path, options: &LoadOptions<'_>) -> Loaded {
    match caddyfile::read_text(path) {
        Ok(text) => load_text(path, path, text, options),
        Err(error) => {
            let mut report = Report::default();
            report.push(
                Diagnostic::error(
                    "unreadable",
                    format!("configuration file `{}` {error}", path.display()),
                )
                .hint(error.hint()),
            );
            Loaded {
                config: None,
                report,
            }
        }
    }
}

/// A document of Ferro Labs' gateway as a Caddyfile; `None` when the report has errors.
pub fn migrate_ferro_labs(
    name: &str,
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> (Option<String>, Report) {
    let mut report = Report::default();
    let text = ferro_labs::caddyfile(Path::new(name), text, env, &mut report);
    (report.is_ok().then_some(text), report)
}

/// Loads a text under a name; what it imports is read from `base_dir`.
pub fn load_str(name: &str, text: &str, base_dir: &Path, options: &LoadOptions<'_>) -> Loaded {
    let shown = Path::new(name);
    let file = shown.file_name().unwrap_or(shown.as_os_str());
    load_text(shown, &base_dir.join(file), text.to_owned(), options)
}

fn load_text(shown: &Path, real: &Path, text: String, options: &LoadOptions<'_>) -> Loaded {
    let mut report = Report::default();
    let config = match options.format.or_else(|| SourceFormat::of(shown)) {
        Some(SourceFormat::Caddyfile) => {
            Some(caddyfile::load(shown, real, text, options.env, &mut report))
        }
        Some(SourceFormat::Toml) => Some(toml::load(shown, real, &text, options.env, &mut report)),
        Some(SourceFormat::FerroLabs) => {
            Some(ferro_labs::load(shown, &text, options.env, &mut report))
        }
        None => {
            report.push(
                Diagnostic::error(
                    "unknown-format",
                    format!("the name `{}` does not tell its format", shown.display()),
                )
                .hint(
                    "call it `Caddyfile`, `*.caddyfile` or `*.toml`, or say `--adapter caddyfile`",
                ),
            );
            None
        }
    };
    Loaded {
        config: config.filter(|_| report.is_ok()),
        report,
    }
}
