//! What all requests of a process share, whatever their configuration.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use ferrogate_auth::Credentials;
use ferrogate_observability::Metrics;
use ferrogate_upstream::{Client, Resolver};
use pingora_core::connectors::ConnectorOptions;
use pingora_core::connectors::http::Connector;

use crate::ai::Issued;
use crate::password::Passwords;
use crate::proxying::{Names, Places};
use crate::{AdminApi, Books, CallLog, Snapshot};

/// What all requests of a process share.
pub struct Shared {
    snapshot: ArcSwap<Snapshot>,
    /// Every metric family.
    pub metrics: Arc<Metrics>,
    /// The client for model calls.
    pub client: Client,
    /// Budgets, and what nodes count together.
    pub books: Books,
    /// Credentials that outlive a configuration.
    pub credentials: Arc<Credentials>,
    /// Where model calls are noted down, if they are.
    pub(crate) call_log: Option<Arc<dyn CallLog>>,
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
    /// What answers the admin API, once there is such a thing.
    admin: OnceLock<Arc<dyn AdminApi>>,
    /// The state store did not answer when it was asked last.
    store_is_down: AtomicBool,
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
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a part of the process, made once"
    )]
    pub fn new(
        snapshot: Snapshot,
        metrics: Arc<Metrics>,
        client: Client,
        books: Books,
        credentials: Arc<Credentials>,
        call_log: Option<Arc<dyn CallLog>>,
        resolver: Resolver,
        settings: Settings,
        draining: Arc<AtomicBool>,
    ) -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            metrics,
            client,
            books,
            credentials,
            call_log,
            names: Names::new(resolver),
            connector: Connector::new(Some(ConnectorOptions::new(UPSTREAM_POOL))),
            places: Places::default(),
            passwords: Passwords::default(),
            issued: Issued::default(),
            admin: OnceLock::new(),
            store_is_down: AtomicBool::new(false),
            settings,
            started: Instant::now(),
            draining,
        }
    }

    /// The configuration in force. A request takes it once and keeps it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Puts another configuration in force. Requests under way keep theirs.
    pub fn replace(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Answers the admin API with this from now on; the first one stays.
    pub fn serve_admin(&self, api: Arc<dyn AdminApi>) {
        // There is one for a process.
        drop(self.admin.set(api));
    }

    /// Notes whether the state store answers: without it the process is not ready, and goes on serving.
    pub fn store_answers(&self, answers: bool) {
        self.store_is_down.store(!answers, Ordering::Relaxed);
    }

    /// Whether the state store did not answer when it was asked last.
    pub fn store_is_down(&self) -> bool {
        self.store_is_down.load(Ordering::Relaxed)
    }

    /// Whether model calls are noted down.
    pub fn records_calls(&self) -> bool {
        self.call_log.is_some()
    }

    /// What answers the admin API.
    pub(crate) fn admin(&self) -> Option<&Arc<dyn AdminApi>> {
        self.admin.get()
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
