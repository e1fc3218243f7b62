//! `ferrogate run`

use ferrogate_runtime::{RunError, init_logging};

use super::source;
use crate::args::RunOptions;
use crate::console::{Failure, Outcome, say};

/// Serves until a signal stops it.
pub(crate) fn run(options: &RunOptions) -> Outcome {
    for (asked, flag) in [(options.watch, "--watch"), (options.upgrade, "--upgrade")] {
        if asked {
            return Err(Failure::Misused(format!(
                "`{flag}` is not available yet; restart the process instead"
            )));
        }
    }
    let config = source::require(&options.config, None)?;
    init_logging(&config.global)
        .map_err(|error| Failure::Failed(format!("the log cannot be opened: {error}")))?;
    ferrogate_runtime::run(&config, &source::environment, env!("CARGO_PKG_VERSION")).map_err(
        |error| {
            match &error {
                RunError::Configuration(problems) => problems
                    .iter()
                    .for_each(|problem| say(&format!("error: {problem}"))),
                RunError::Bind(problems) => problems
                    .iter()
                    .for_each(|problem| say(&format!("error: {problem}"))),
                RunError::Internal(_) => return Failure::Failed(error.to_string()),
            }
            Failure::Told
        },
    )
}
