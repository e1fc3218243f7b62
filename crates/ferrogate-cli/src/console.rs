//! What the commands say, and with which code they end.

use std::io::{self, IsTerminal as _, Write as _};

/// Why a command ends without having done what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The work failed; exit code 1.
    Failed(String),
    /// The command was misused; exit code 2.
    Misused(String),
    /// Everything was said already; exit code 1.
    Told,
    /// Nobody reads our output any more: not worth a word, as `head` expects.
    Silent,
}

/// What a command returns.
pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Told => 1,
            Self::Misused(_) => 2,
            Self::Silent => 0,
        }
    }

    pub(crate) fn report(&self) {
        match self {
            Self::Failed(message) | Self::Misused(message) => say(&format!("error: {message}")),
            Self::Told | Self::Silent => {}
        }
    }
}

/// Prints data to stdout.
pub(crate) fn print(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Silent),
        Err(error) => Err(Failure::Failed(format!(
            "stdout cannot be written: {error}"
        ))),
    }
}

/// Says something to a person on stderr.
pub(crate) fn say(text: &str) {
    let mut err = io::stderr().lock();
    // With stderr gone there is nobody to tell.
    drop(writeln!(err, "{}", text.trim_end()));
}

/// Whether stderr shows colours: a terminal that does not ask for none. Source: no-color.org.
pub(crate) fn color() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
