//! The choice among upstreams.

use std::time::Duration;

use serde::Serialize;

use crate::Secret;
use crate::route::MatcherSet;

/// Selection and retries.
#[derive(Clone, Debug, Serialize)]
pub struct LoadBalancing {
    /// The policy; `random` by default.
    pub policy: LoadBalancingPolicy,
    /// Attempts after the first.
    pub retries: u32,
    /// How long to go on trying; zero = as `retries` says.
    #[serde(serialize_with = "crate::serialize_duration")]
    pub try_duration: Duration,
    /// The pause between attempts.
    #[serde(serialize_with = "crate::serialize_duration")]
    pub try_interval: Duration,
    /// Requests that may be sent again after they were sent once: one of the sets must hold. Empty: `GET` only. Sets that
    /// ask for `{rp.*}` are also asked when an answer has arrived.
    pub retry_match: Vec<MatcherSet>,
}

impl Default for LoadBalancing {
    fn default() -> Self {
        Self {
            policy: LoadBalancingPolicy::Random,
            retries: 0,
            try_duration: Duration::ZERO,
            try_interval: Duration::ZERO,
            retry_match: Vec::new(),
        }
    }
}

/// How an upstream is chosen among the available ones.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadBalancingPolicy {
    /// Uniform.
    Random,
    /// One after the other; the first pick is the second upstream.
    RoundRobin,
    /// One weight for each upstream, at least one above zero.
    WeightedRoundRobin(Vec<u32>),
    /// The fewest requests in flight, ties at random.
    LeastConn,
    /// The first available one.
    First,
    /// By the peer's address.
    IpHash,
    /// By the client's address.
    ClientIpHash,
    /// So many at random, of which the one with the fewest requests in flight; at least 2.
    RandomChoose(u32),
    /// By path and query.
    UriHash,
    /// By a request header, `host` allowed.
    Header {
        /// The field.
        field: String,
        /// Without the field.
        fallback: Box<LoadBalancingPolicy>,
    },
    /// By a query parameter, its values joined with commas.
    Query {
        /// The parameter.
        key: String,
        /// Without the parameter.
        fallback: Box<LoadBalancingPolicy>,
    },
    /// By a cookie that names the upstream.
    Cookie {
        /// The cookie; `lb` by default.
        name: String,
        /// The key of the HMAC; empty by default.
        secret: Secret,
        /// How long the client keeps the cookie; for the session by default.
        #[serde(serialize_with = "crate::serialize_duration_option")]
        max_age: Option<Duration>,
        /// Without a cookie, or with one that names no available upstream.
        fallback: Box<LoadBalancingPolicy>,
    },
}
