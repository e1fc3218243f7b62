//! The configuration in force, and how another takes its place while the process runs.
//!
//! A document is read, checked and compiled as at a start; what comes of it is put in force by swapping a pointer, or
//! nothing is. What the state store declares takes part as if it were written in the file.

mod explain;
mod node;
mod reload;
mod stored;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ferrogate_config::model::Config;
use ferrogate_config::{Diagnostic, LoadOptions, Report, SourceFormat, load, load_str};
use ferrogate_edge::UpstreamRegistry;
use ferrogate_proxy::Shared;
use ferrogate_storage::Store;
use ferrogate_types::clock;
use parking_lot::RwLock;
use tokio::sync::Mutex;

use crate::diff;
use crate::lower::{LowerError, Prepared, Process, prepare};
use crate::state::Declared;

pub(crate) use node::Gate;
pub(crate) use reload::{at_changes, at_hangups};
pub(crate) use stored::declared;

/// Where a configuration comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The file.
    pub file: PathBuf,
    /// Its language, where its name does not tell.
    pub format: Option<SourceFormat>,
    /// The environment.
    pub env: fn(&str) -> Option<String>,
    /// Whether it is read again when it changes.
    pub watched: bool,
}

/// The configuration in force, and what it takes to put another in its place.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) origin: Origin,
    pub(crate) shared: Arc<Shared>,
    pub(crate) store: Option<Arc<Store>>,
    pub(crate) upstreams: Arc<UpstreamRegistry>,
    pub(crate) draining: Arc<AtomicBool>,
    /// One change at a time.
    pub(crate) changing: Mutex<()>,
    pub(crate) in_force: RwLock<InForce>,
}

/// What is in force.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    pub(crate) config: Arc<Config>,
    /// Its number in the state store; nothing where it is the file's.
    pub(crate) version: Option<u64>,
    pub(crate) declared: Arc<Declared>,
}

/// A configuration that is in force now.
pub(crate) struct Applied {
    pub(crate) revision: String,
    pub(crate) changed: Vec<String>,
    pub(crate) report: Report,
}

/// Why a configuration did not take the place of the one in force, which stays.
pub(crate) enum Refused {
    /// Something is wrong with it.
    Invalid(Box<Report>),
    /// It changes what only a new process can take.
    Fixed(Vec<String>),
}

impl Origin {
    /// The folder of the file: what it names begins there.
    pub(crate) fn home(&self) -> PathBuf {
        self.file.parent().map(Path::to_owned).unwrap_or_default()
    }
}

impl Origin {
    /// A configuration that was applied before, if it can still be run.
    pub(crate) fn revision(&self, format: &str, text: &str) -> Option<Config> {
        let (format, name) = match format {
            "caddyfile" => (SourceFormat::Caddyfile, "Caddyfile"),
            "toml" => (SourceFormat::Toml, "ferrogate.toml"),
            _ => return None,
        };
        let env = |name: &str| (self.env)(name);
        let options = LoadOptions {
            env: &env,
            format: Some(format),
        };
        let loaded = load_str(name, text, &self.home(), &options);
        let config = loaded.config.filter(|_| loaded.report.is_runnable())?;
        crate::check(&config, &self.home(), &env).ok()?;
        Some(config)
    }
}

impl Live {
    /// Reads a text as if it stood in the file's place, or the file itself.
    pub(crate) fn read(
        &self,
        text: Option<(&str, &str, SourceFormat)>,
    ) -> Result<(Config, Report), Refused> {
        let env = |name: &str| (self.origin.env)(name);
        let loaded = match text {
            None => load(
                &self.origin.file,
                &LoadOptions {
                    env: &env,
                    format: self.origin.format,
                },
            ),
            Some((name, text, format)) => load_str(
                name,
                text,
                &self.origin.home(),
                &LoadOptions {
                    env: &env,
                    format: Some(format),
                },
            ),
        };
        match loaded.config {
            Some(config) if loaded.report.is_runnable() => Ok((config, loaded.report)),
            _ => Err(Refused::Invalid(Box::new(loaded.report))),
        }
    }

    /// Whether a configuration could take the place of the one in force, and what would change.
    pub(crate) fn check(&self, config: &Config, report: Report) -> Result<Vec<String>, Refused> {
        let in_force = self.in_force.read().clone();
        self.compile(config, &in_force.declared, report, true)?;
        let fixed = diff::fixed(&in_force.config, config);
        if !fixed.is_empty() {
            return Err(Refused::Fixed(fixed));
        }
        Ok(diff::between(&in_force.config, config))
    }

    /// Puts a configuration in the place of the one in force, or changes nothing.
    pub(crate) fn apply(
        &self,
        config: Config,
        report: Report,
        version: Option<u64>,
    ) -> Result<Applied, Refused> {
        let in_force = self.in_force.read().clone();
        let fixed = diff::fixed(&in_force.config, &config);
        if !fixed.is_empty() {
            return Err(Refused::Fixed(fixed));
        }
        let (prepared, report) = self.compile(&config, &in_force.declared, report, false)?;
        let changed = diff::between(&in_force.config, &config);
        let revision = prepared.snapshot.revision.clone();
        tracing::info!(
            revision,
            changes = changed.len(),
            "another configuration is in force"
        );
        self.put(
            prepared,
            InForce {
                config: Arc::new(config),
                version,
                ..in_force
            },
        );
        Ok(Applied {
            revision,
            changed,
            report,
        })
    }

    /// Puts what the state store declares in force, beside the configuration that is.
    pub(crate) fn declare(&self, declared: Declared) -> Result<(), Vec<LowerError>> {
        let in_force = self.in_force.read().clone();
        let prepared = self.prepare(&in_force.config, &declared, false)?;
        self.put(
            prepared,
            InForce {
                declared: Arc::new(declared),
                ..in_force
            },
        );
        Ok(())
    }

    fn put(&self, prepared: Prepared, in_force: InForce) {
        let book = self.shared.books.ledger.book();
        book.define(prepared.accounts, clock::since_epoch());
        self.shared.replace(prepared.snapshot);
        *self.in_force.write() = in_force;
    }

    fn compile(
        &self,
        config: &Config,
        declared: &Declared,
        mut report: Report,
        dry: bool,
    ) -> Result<(Prepared, Report), Refused> {
        match self.prepare(config, declared, dry) {
            Ok(prepared) => Ok((prepared, report)),
            Err(errors) => {
                for error in errors {
                    report.push(Diagnostic::error("cannot-run", error.to_string()));
                }
                Err(Refused::Invalid(Box::new(report)))
            }
        }
    }

    fn prepare(
        &self,
        config: &Config,
        declared: &Declared,
        dry: bool,
    ) -> Result<Prepared, Vec<LowerError>> {
        let before = self.shared.snapshot();
        // Keys come and go without a refresh.
        let declared = &Declared {
            keys: stored::limits_of(&self.shared.credentials.issued),
            ..declared.clone()
        };
        let process = Process {
            env: &|name| (self.origin.env)(name),
            home: &self.origin.home(),
            upstreams: &self.upstreams,
            credentials: &self.shared.credentials,
            declared,
            before: Some(&before),
            draining: Arc::clone(&self.draining),
        };
        prepare(config, &process, dry)
    }
}
