//! `ferrogate completions`

use clap::CommandFactory as _;

use crate::args::{Arguments, CompletionsOptions};
use crate::console::{Outcome, print};

/// Prints a completion script.
pub(crate) fn run(options: &CompletionsOptions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(
        options.shell,
        &mut Arguments::command(),
        "ferrogate",
        &mut script,
    );
    print(&String::from_utf8_lossy(&script))
}
