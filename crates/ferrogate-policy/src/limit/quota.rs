//! What a limit allows.

use std::time::Duration;

/// So much in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// So many requests or tokens ...
    pub limit: u64,
    /// ... in this time.
    pub window: Duration,
    /// So many may come at once; the limit, if nothing else is said. Zero admits nothing.
    pub burst: u64,
    /// What happens when the counters that nodes share cannot be asked.
    pub on_store_failure: OnStoreFailure,
}

/// What happens when shared state cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStoreFailure {
    /// Each node goes on with its own count.
    #[default]
    Open,
    /// Requests are refused.
    Closed,
}

/// The limits of one subject; an empty one limits nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitSpec {
    /// Requests in a time.
    pub requests: Option<Quota>,
    /// Tokens in a time, input and output together.
    pub tokens: Option<Quota>,
    /// Requests under way at once, on this node.
    pub concurrency: Option<u64>,
}

/// What a request takes from the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// How many requests it counts as.
    pub requests: u64,
    /// The tokens it is expected to use at most; zero for one that is no model call.
    pub tokens: u64,
}

impl Quota {
    /// So many in so long; as many may come at once.
    pub fn new(limit: u64, window: Duration) -> Self {
        Self {
            limit,
            window,
            burst: limit,
            on_store_failure: OnStoreFailure::default(),
        }
    }

    /// So many a minute.
    pub fn per_minute(limit: u64) -> Self {
        Self::new(limit, Duration::from_secs(60))
    }

    /// Lets so many come at once.
    pub fn with_burst(self, burst: u64) -> Self {
        Self { burst, ..self }
    }

    /// Says what happens when the shared counters cannot be asked.
    pub fn on_store_failure(self, on_store_failure: OnStoreFailure) -> Self {
        Self {
            on_store_failure,
            ..self
        }
    }
}

impl LimitSpec {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Cost {
    /// One request that is no model call.
    pub const REQUEST: Self = Self {
        requests: 1,
        tokens: 0,
    };

    /// One model call of so many tokens at most.
    pub fn call(tokens: u64) -> Self {
        Self {
            tokens,
            ..Self::REQUEST
        }
    }
}
