//! `ferrogate version`

use crate::console::{Outcome, print};

/// Prints version, commit and target.
pub(crate) fn run() -> Outcome {
    let commit = option_env!("FERROGATE_COMMIT").unwrap_or("unknown");
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    print(&format!(
        "ferrogate {} (commit {commit}, {profile}, {} {})\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
    ))
}
