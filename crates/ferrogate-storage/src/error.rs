//! Why a store did not do what it was asked.

use std::time::Duration;

/// Why a store did not do what it was asked.
///
/// [`is_passing`](Self::is_passing) tells what may be tried again as it is from what has to change first. No variant
/// carries a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or does not let us in.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// It was reached and did not answer in time. A write may have happened.
    #[error("the store did not answer within {0:?}")]
    TimedOut(Duration),
    /// Another writer was in the way.
    #[error("the store is busy: {0}")]
    Busy(String),
    /// Nothing more fits on its disk.
    #[error("the store is full: {0}")]
    Full(String),
    /// What was to be new is there already.
    #[error("there already is {0}")]
    Exists(String),
    /// What was to be changed is not there.
    #[error("there is no {0}")]
    Missing(String),
    /// What was to be changed has been changed by somebody else.
    #[error("{what} is at version {found}, not at {expected}")]
    Stale {
        /// What it is.
        what: String,
        /// The version that was expected.
        expected: u64,
        /// The version that is there.
        found: u64,
    },
    /// What was to be deleted is needed by something else.
    #[error("{what} is still used by {by}")]
    InUse {
        /// What it is.
        what: String,
        /// What uses it.
        by: String,
    },
    /// A newer Ferrogate has been here.
    #[error(
        "the store has schema {found} and this version knows {known} at most; \
         run the newer version, or restore a backup from before the upgrade"
    )]
    NewerSchema {
        /// The schema that is there.
        found: u32,
        /// The newest schema this version knows.
        known: u32,
    },
    /// A migration that was applied is not the one of this version.
    #[error("migration {0} of the store was applied in another form than this version has it")]
    ForeignSchema(u32),
    /// What was read is not what was once written.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// It refused a statement: an error of Ferrogate itself.
    #[error("the store refused a statement: {0}")]
    Refused(String),
}

impl StoreError {
    /// Whether the same call may succeed later without anything being changed about it.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::TimedOut(_) | Self::Busy(_) | Self::Full(_)
        )
    }

    /// Whether what the store holds makes it unfit for this version, whatever is tried.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::NewerSchema { .. } | Self::ForeignSchema(_) | Self::Damaged(_)
        )
    }
}
