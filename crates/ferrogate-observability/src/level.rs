//! How important an entry is.

/// How important an entry is; as a threshold of a log, the least important entries it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For finding faults.
    Debug,
    /// Ordinary events.
    Info,
    /// Things to look at.
    Warn,
    /// Failures.
    Error,
    /// Failures of the program itself; nothing here writes such entries.
    Panic,
    /// What ends the process; nothing here writes such entries.
    Fatal,
}

impl Level {
    /// `info`
    pub(crate) fn lower(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Panic => "panic",
            Self::Fatal => "fatal",
        }
    }

    /// `INFO`
    pub(crate) fn upper(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Panic => "PANIC",
            Self::Fatal => "FATAL",
        }
    }

    /// `INFO` between the sequences that colour it on a terminal: magenta, blue, yellow, and red for the rest.
    pub(crate) fn colored(self) -> &'static str {
        match self {
            Self::Debug => "\u{1b}[35mDEBUG\u{1b}[0m",
            Self::Info => "\u{1b}[34mINFO\u{1b}[0m",
            Self::Warn => "\u{1b}[33mWARN\u{1b}[0m",
            Self::Error => "\u{1b}[31mERROR\u{1b}[0m",
            Self::Panic => "\u{1b}[31mPANIC\u{1b}[0m",
            Self::Fatal => "\u{1b}[31mFATAL\u{1b}[0m",
        }
    }
}
