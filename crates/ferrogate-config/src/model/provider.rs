//! Who serves models.

use std::time::Duration;

use ferrogate_providers::ProviderKind;
use ferrogate_types::route::Origin;
use ferrogate_types::{ProviderId, Secret};
use serde::Serialize;

/// `provider NAME { … }`.
#[derive(Clone, Debug, Serialize)]
pub struct Provider {
    /// Its name.
    pub id: ProviderId,
    /// Its kind.
    pub kind: ProviderKind,
    /// The API root; `None` for `echo`.
    pub base_url: Option<String>,
    /// Credentials; without one, a provider that needs one is disabled and says so.
    pub api_keys: Vec<PoolKey>,
    /// Further settings of its kind, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<(String, SettingValue)>,
    /// It is there because `auto_providers` found its variables: its models are those of the catalog.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auto: bool,
    /// Further request headers.
    pub headers: Vec<(String, Secret)>,
    /// Time limits.
    pub timeouts: ProviderTimeouts,
    /// Tries on one target.
    pub retry: Retry,
    /// The breaker; `None` = off.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// How many calls may be under way at once; any number without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<Concurrency>,
    /// Probes of a server of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthProbe>,
    /// Switched off.
    pub disabled: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// `api_key SECRET [weight N]`.
#[derive(Clone, Debug, Serialize)]
pub struct PoolKey {
    /// The credential.
    pub secret: Secret,
    /// Its share of the calls, 1 to 10,000; 1 by default.
    pub weight: u32,
}

impl PoolKey {
    /// A credential that takes its turn like any other.
    pub fn new(secret: Secret) -> Self {
        Self { secret, weight: 1 }
    }
}

/// What a setting is set to.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// Anybody may see it.
    Plain(String),
    /// Nobody may.
    Secret(Secret),
}

impl SettingValue {
    /// The value itself.
    pub fn expose(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }

    /// As a secret, whatever it is.
    pub fn to_secret(&self) -> Secret {
        match self {
            Self::Plain(text) => Secret::literal(text),
            Self::Secret(secret) => secret.clone(),
        }
    }
}

/// `timeout { … }`; zero = no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ProviderTimeouts {
    /// Name resolution, TCP and TLS; 5 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub connect: Duration,
    /// From the request sent to the answer's header; 60 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub first_byte: Duration,
    /// From the request sent to the first event of a stream; no limit by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub first_token: Duration,
    /// Between two reads; 60 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub idle: Duration,
    /// One attempt as a whole; 10 min by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub total: Duration,
}

/// `retry { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// Tries in all on one target, 1 to 10; 2 by default.
    pub attempts: u32,
    /// Statuses tried again; 408, 429 and 5xx by default.
    pub statuses: Vec<ferrogate_types::route::StatusPattern>,
    /// The first pause, full jitter; 100 ms by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub backoff: Duration,
    /// The longest pause; 5 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub max_backoff: Duration,
    /// Second tries for each hundred first ones, 0 to 100; 20 by default. The provider's own holds for all its targets.
    pub budget_percent: u8,
}

/// `circuit_breaker { … }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CircuitBreaker {
    /// Failures in a row that open it; 5 by default.
    pub failures: u32,
    /// Successes that close it again; 1 by default.
    pub successes: u32,
    /// How long it stays open; 30 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub open: Duration,
    /// Calls let through at once while half open; 1 by default.
    pub half_open: u32,
}

/// `max_concurrency N [queue N] [wait D]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Concurrency {
    /// Calls under way at once, streams until their end; 1 to 100,000.
    pub limit: u32,
    /// Calls that wait for a place, up to 100,000; none by default.
    pub queue: u32,
    /// How long one may wait; 5 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub wait: Duration,
}

/// `health { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HealthProbe {
    /// What is asked for, on the host of the `base_url`; `/health` by default. Any 2xx is healthy.
    pub path: String,
    /// From one probe to the next; 10 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub interval: Duration,
    /// How long an answer may take; 2 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub timeout: Duration,
    /// Failures in a row after which the provider is left alone; 3 by default.
    pub unhealthy: u32,
    /// Successes in a row after which it is used again; 1 by default.
    pub healthy: u32,
}
