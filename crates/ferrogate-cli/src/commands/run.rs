//! `ferrogate run`

use std::io::IsTerminal as _;

use ferrogate_runtime::{Origin, RunError, init_logging, log_diagnostics};

use super::source;
use crate::args::RunOptions;
use crate::console::{Failure, Outcome, say};

/// Serves until a signal stops it.
pub(crate) fn run(options: &RunOptions) -> Outcome {
    if options.upgrade {
        return Err(Failure::Misused(
            "`--upgrade` is not available yet; restart the process instead".to_owned(),
        ));
    }
    let (config, report) = source::read(&options.config, None)?;
    let Some(config) = config.filter(|_| report.is_runnable()) else {
        source::tell(&report);
        return Err(Failure::Told);
    };
    // Kept to the end: what was said last is written, too.
    let _logging = init_logging(&config.global)
        .map_err(|error| Failure::Failed(format!("the log cannot be opened: {error}")))?;
    // People get the warnings with their carets, a log collector gets them as entries of the log.
    if std::io::stderr().is_terminal() {
        source::tell(&report);
    } else {
        log_diagnostics(&report.to_json());
    }
    let origin = Origin {
        watched: options.watch,
        ..source::origin(&options.config)?
    };
    let version = env!("CARGO_PKG_VERSION");
    ferrogate_runtime::run(config, origin, version).map_err(|error| {
        match &error {
            RunError::Configuration(problems) => problems
                .iter()
                .for_each(|problem| say(&format!("error: {problem}"))),
            RunError::Bind(problems) => problems
                .iter()
                .for_each(|problem| say(&format!("error: {problem}"))),
            RunError::State(_) | RunError::Internal(_) => {
                return Failure::Failed(error.to_string());
            }
        }
        Failure::Told
    })
}
