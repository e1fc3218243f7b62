//! What survives a restart.

use std::path::PathBuf;
use std::time::Duration;

use ferrogate_types::Secret;
use serde::Serialize;

/// `state … { … }`.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// Where keys, configurations, the ledger and the audit are kept.
    pub store: Store,
    /// Where entries about requests are kept.
    pub request_logs: RequestLogs,
    /// How many of them.
    pub retention: Retention,
    /// Whether a configuration applied through the admin API survives a restart.
    pub persist_config: bool,
}

/// Where something is kept.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// In a file.
    Sqlite(PathBuf),
    /// On a server; its address with the password.
    Postgres(Secret),
    /// Nowhere.
    Memory,
}

/// Where entries about requests are kept.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestLogs {
    /// With everything else.
    Same,
    /// Nowhere.
    Off,
    /// Somewhere else.
    Elsewhere(Store),
}

/// How many entries about requests are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// How long; for ever without.
    #[serde(serialize_with = "ferrogate_types::serialize_duration_option")]
    pub age: Option<Duration>,
    /// How many; any number without.
    pub rows: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age: Some(Duration::from_hours(30 * 24)),
            rows: Some(1_000_000),
        }
    }
}
