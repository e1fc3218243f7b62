//! What all requests of a process share, whatever their configuration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use ferrogate_observability::Metrics;
use ferrogate_upstream::{Client, Resolver};
use pingora_core::connectors::ConnectorOptions;
use pingora_core::connectors::http::Connector;

use crate::ai::Issued;
use crate::password::Passwords;
use crate::proxying::{Names, Places};
use crate::{Books, Snapshot};

/// What all requests of a process share.
pub struct Shared {
    snapshot: ArcSwap<Snapshot>,
    /// Every metric family.
    pub metrics: Arc<Metrics>,
    /// The client for model calls.
    pub client: Client,
    /// Budgets, and what nodes count together.
    pub books: Books,
    /// Names to addresses.
    pub(crate) names: Names,
    /// Connections to upstreams of `reverse_proxy`.
    pub(crate) connector: Connector,
    /// Limits on them.
    pub(crate) places: Places,
    /// Checks of `basic_auth` passwords.
    pub(crate) passwords: Passwords,
    /// Which provider gave out which id.
    pub(crate) issued: Issued,
    settings: Settings,
    started: Instant,
    draining: Arc<AtomicBool>,
}

/// Idle connections kept to upstreams of `reverse_proxy`, whichever they are.
const UPSTREAM_POOL: usize = 4_096;

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Facts about the process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The version of the binary.
    pub version: &'static str,
    /// When the process started, as the time since 1970.
    pub started_at: Duration,
}

impl Shared {
    /// The shared state of a process that begins with this configuration; `draining` becomes true at a stop.
    pub fn new(
        snapshot: Snapshot,
        metrics: Arc<Metrics>,
        client: Client,
        books: Books,
        resolver: Resolver,
        settings: Settings,
        draining: Arc<AtomicBool>,
    ) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            metrics,
            client,
            books,
            names: Names::new(resolver),
            connector: Connector::new(Some(ConnectorOptions::new(UPSTREAM_POOL))),
            places: Places::default(),
            passwords: Passwords::default(),
            issued: Issued::default(),
            settings,
            started: Instant::now(),
            draining,
        }
    }

    /// The configuration in force. A request takes it once and keeps it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Whether a stop was asked for: readiness is false, requests are still answered.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// How long the process has been running.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits until every access log has written what is queued. For the end of the process.
    pub fn flush_logs(&self) {
        let snapshot = self.snapshot();
        let logs = snapshot.sites.iter().flat_map(|site| &site.access_logs);
        for log in logs.flat_map(|log| &log.logs) {
            log.flush();
        }
    }

    /// Facts about the process.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
