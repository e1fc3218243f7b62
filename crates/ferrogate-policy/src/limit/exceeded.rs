//! A refusal that names its limit.

use std::fmt;
use std::time::Duration;

use ferrogate_types::{Subject, SubjectKind};

use crate::RateState;

/// A limit does not let a request in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Whose limit.
    pub subject: Subject,
    /// The limit on what.
    pub kind: LimitKind,
    /// In what time; zero for concurrency.
    pub window: Duration,
    /// What the limit is, what is left of it, and when all of it is there again.
    pub state: RateState,
    /// Why.
    pub reason: ExceededReason,
    /// When trying again makes sense; nothing where it never does, or nobody knows.
    pub retry_after: Option<Duration>,
}

/// What a limit is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// Requests in a time.
    Requests,
    /// Tokens in a time.
    Tokens,
    /// Requests under way at once.
    Concurrency,
}

/// Why a limit does not let a request in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExceededReason {
    /// It is used up.
    UsedUp,
    /// The request alone is more than the limit.
    TooLarge,
    /// The counters that nodes share cannot be asked, and the limit fails closed.
    StoreUnavailable,
}

impl LimitKind {
    /// The word for it in messages and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Concurrency => "concurrent requests",
        }
    }
}

impl Exceeded {
    /// How much of the limit is used.
    pub fn used(&self) -> u64 {
        self.state.limit.saturating_sub(self.state.remaining)
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = Limit(self);
        match self.reason {
            ExceededReason::UsedUp => write!(f, "{limit} is used up")?,
            ExceededReason::TooLarge => write!(f, "the request alone is more than {limit}")?,
            ExceededReason::StoreUnavailable => {
                write!(f, "{limit} cannot be checked at the moment")?;
            }
        }
        match self.retry_after {
            Some(after) => write!(f, "; try again in {:.1} s", after.as_secs_f64()),
            None => Ok(()),
        }
    }
}

/// The limit in words: `the limit of 60 requests per minute of key alpha`.
struct Limit<'a>(&'a Exceeded);

impl fmt::Display for Limit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exceeded {
            subject,
            kind,
            window,
            state,
            ..
        } = self.0;
        write!(f, "the limit of {} {}", state.limit, kind.as_str())?;
        match window.as_secs() {
            0 => {}
            1 => f.write_str(" per second")?,
            60 => f.write_str(" per minute")?,
            3600 => f.write_str(" per hour")?,
            seconds => write!(f, " per {seconds} seconds")?,
        }
        match subject {
            Subject::Global => f.write_str(" of the gateway"),
            // The address may be the proxy's in front; who asks knows their own.
            Subject::Address(_) => f.write_str(" of this address"),
            Subject::Key(id) => write!(f, " of the key `{id}`"),
            Subject::User { user, .. } => write!(f, " of the {} `{user}`", SubjectKind::User),
            Subject::Tenant(id) => write!(f, " of the tenant `{id}`"),
            Subject::Model(name) => write!(f, " of the model `{name}`"),
        }
    }
}

impl std::error::Error for Exceeded {}
