//! Serving: sockets, the Pingora server, the end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use ferrogate_admin::{Admin, Node};
use ferrogate_config::model::Config;
use ferrogate_edge::UpstreamRegistry;
use ferrogate_observability::Metrics;
use ferrogate_proxy::{Gateway, Settings, Shared};
use ferrogate_types::clock;
use ferrogate_upstream::{Client, ClientSettings, Resolver};
use pingora_core::apps::HttpServerOptions;
use pingora_core::protocols::http::v2::server::default_h2_options;
use pingora_core::server::configuration::ServerConf;
use pingora_core::server::{ListenFds, RunArgs, Server, ShutdownWatch};
use pingora_core::services::Service;
use pingora_proxy::http_proxy;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::drain::Drain;
use crate::listener::{
    self, Acceptor, BindError, BoundSocket, HeadLimits, Inherited, ProxyProtocol, Tracker,
};
use crate::live::{Gate, InForce, Live, Origin};
use crate::lower::{LowerError, PreparedListener, Process, check, issuers, prepare};
use crate::state::{self, Declared, State};

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration cannot be run.
    #[error("the configuration cannot be run")]
    Configuration(Vec<LowerError>),
    /// Sockets could not be opened; every one is told.
    #[error("the gateway cannot listen")]
    Bind(Vec<BindError>),
    /// What must outlive the process cannot be kept.
    #[error("{0}; `state sqlite PATH` says where state is kept, and `state memory` does without")]
    State(String),
    /// The metrics or the client could not be made: a defect of this binary.
    #[error("the gateway cannot start: {0}")]
    Internal(String),
}

/// How often idle connections to providers are looked through.
const SWEEP: Duration = Duration::from_secs(30);

/// Serves a configuration until a signal stops it. Returns after a clean stop.
pub fn run(config: Config, origin: Origin, version: &'static str) -> Result<(), RunError> {
    let internal = |error: &dyn std::error::Error| RunError::Internal(error.to_string());
    // Two TLS libraries in one process must agree on their cryptography; somebody else having chosen is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let metrics = Arc::new(Metrics::new(version).map_err(|error| internal(&error))?);
    let upstreams = Arc::new(UpstreamRegistry::default());
    let draining = Arc::new(AtomicBool::new(false));
    let env = |name: &str| (origin.env)(name);
    // What is wrong with it is told before anything is opened.
    let checked = check(&config, &origin.home(), &env).map_err(RunError::Configuration)?;
    let (mut state, books) = State::open(checked.place, checked.accounts)?;
    let (config, revision) = state.persisted(config, &origin);
    // What could be wrong with them was found when the configuration was checked.
    let issuers = issuers(&config, &mut Vec::new());
    let credentials = Arc::new(state::credentials(&env, issuers));
    state.remember(&credentials, &books);
    let mut declared = state.declared(&credentials, &config);
    let make = |declared: &Declared| {
        let process = Process {
            env: &env,
            home: &origin.home(),
            upstreams: &upstreams,
            credentials: &credentials,
            declared,
            before: None,
            draining: Arc::clone(&draining),
        };
        prepare(&config, &process, false)
    };
    let prepared = match make(&declared) {
        Err(errors) if !declared.is_empty() => {
            let errors = errors.iter().map(ToString::to_string);
            tracing::error!(
                why = errors.collect::<Vec<_>>().join("; "),
                "what the state store declares does not fit the configuration and is not in force"
            );
            declared = Declared::default();
            make(&declared)
        }
        prepared => prepared,
    };
    let prepared = prepared.map_err(RunError::Configuration)?;
    let book = books.ledger.book();
    book.define(prepared.accounts, clock::since_epoch());
    let sockets = open_sockets(&prepared.listeners)?;

    let resolver = Resolver::system();
    let client = Client::new(ClientSettings {
        resolver: resolver.clone(),
        ..ClientSettings::default()
    })
    .map_err(|error| internal(&error))?;
    let settings = Settings {
        version,
        started_at: clock::since_epoch(),
    };
    let ledger = books.ledger.clone();
    let shared = Arc::new(Shared::new(
        prepared.snapshot,
        Arc::clone(&metrics),
        client.clone(),
        books,
        Arc::clone(&credentials),
        state.call_log(),
        resolver,
        settings,
        Arc::clone(&draining),
    ));
    let config = Arc::new(config);
    let live = Arc::new(Live {
        origin,
        shared: Arc::clone(&shared),
        store: state.store.clone(),
        upstreams,
        draining: Arc::clone(&draining),
        changing: tokio::sync::Mutex::default(),
        in_force: parking_lot::RwLock::new(InForce {
            config: Arc::clone(&config),
            version: revision,
            declared: Arc::new(declared),
        }),
    });
    state.start(&live);
    if let Some(store) = &state.store {
        let node = Arc::clone(&live) as Arc<dyn Node>;
        let sessions = state.sessions();
        shared.serve_admin(Arc::new(Gate {
            admin: Admin::new(
                node,
                Arc::clone(store),
                Arc::clone(state.request_logs.as_ref().unwrap_or(store)),
                ledger.clone(),
                sessions,
            ),
            handle: state.handle().clone(),
        }));
    }
    let config = &*config;
    let conf = Arc::new(server_conf(config));
    let tracker = Tracker::new(metrics.connections.clone());
    let (stop, stopped) = watch::channel(false);
    let (armed, ready) = watch::channel(false);
    let doors = prepared.listeners.iter().zip(sockets).enumerate();
    let doors = doors
        .map(|(index, (listener, socket))| {
            let gateway = Gateway::new(Arc::clone(&shared), index);
            (
                socket,
                acceptor(listener, gateway, &conf, &tracker, &metrics),
                listener.address.to_string(),
            )
        })
        .collect();

    let mut server = Server::new_with_opt_and_conf(None, server_conf(config));
    server.add_service(Doors {
        doors: Some(doors),
        stopped,
        ready,
        client,
        shared: Arc::clone(&shared),
    });
    let drain = Drain {
        draining,
        stop,
        tracker,
        armed,
        delay: config.global.shutdown_delay,
        grace: config.global.grace_period,
    };
    server.run(RunArgs {
        shutdown_signal: Box::new(drain),
    });
    state.finish(&ledger);
    shared.flush_logs();
    Ok(())
}

fn open_sockets(listeners: &[PreparedListener]) -> Result<Vec<BoundSocket>, RunError> {
    let mut sockets = Vec::with_capacity(listeners.len());
    let mut errors = Vec::new();
    let mut inherited = Inherited::from_environment();
    for listener in listeners {
        let probes = listener::keepalive(&listener.options);
        match listener::bind(&listener.address, probes.as_ref(), &mut inherited) {
            Ok(socket) => sockets.push(socket),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(sockets)
    } else {
        Err(RunError::Bind(errors))
    }
}

fn server_conf(config: &Config) -> ServerConf {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    ServerConf {
        threads: config.global.workers.map_or(cores, std::num::NonZero::get),
        work_stealing: true,
        // The drain has waited already when Pingora is told to stop.
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(1),
        ..ServerConf::default()
    }
}

fn acceptor(
    listener: &PreparedListener,
    gateway: Gateway,
    conf: &Arc<ServerConf>,
    tracker: &Arc<Tracker>,
    metrics: &Arc<Metrics>,
) -> Acceptor {
    let mut proxy = http_proxy(conf, gateway);
    let mut options = HttpServerOptions::default();
    options.h2_idle_timeout = Some(listener.options.idle_timeout);
    proxy.server_options = Some(options);
    let mut h2 = default_h2_options();
    // Prompts are large and round trips long: h2's default of 64 KiB would make each wait for the other.
    h2.initial_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    let header_list = u32::try_from(listener.options.max_header_size).unwrap_or(u32::MAX);
    h2.max_header_list_size(header_list);
    proxy.h2_options = Some(h2);
    Acceptor {
        proxy: Arc::new(proxy),
        tls: listener.tls.clone().map(TlsAcceptor::from),
        h1: listener.options.h1,
        h2c: listener.options.h2c,
        proxy_protocol: listener
            .options
            .proxy_protocol
            .as_ref()
            .map(|settings| Arc::new(ProxyProtocol::new(settings))),
        http_redirect: listener.options.http_redirect,
        limits: HeadLimits {
            timeout: listener.options.read_header_timeout,
            bytes: usize::try_from(listener.options.max_header_size).unwrap_or(usize::MAX),
            idle: listener.options.idle_timeout,
        },
        tracker: Arc::clone(tracker),
        metrics: Arc::clone(metrics),
    }
}

/// All listeners as one Pingora service: each service would have threads of its own.
struct Doors {
    doors: Option<Vec<(BoundSocket, Acceptor, String)>>,
    stopped: watch::Receiver<bool>,
    /// True once signals are handled.
    ready: watch::Receiver<bool>,
    client: Client,
    shared: Arc<Shared>,
}

#[async_trait]
impl Service for Doors {
    async fn start_service(
        &mut self,
        _fds: Option<ListenFds>,
        _shutdown: ShutdownWatch,
        _listeners_per_fd: usize,
    ) {
        let mut tasks = tokio::task::JoinSet::new();
        for (socket, acceptor, configured) in self.doors.take().unwrap_or_default() {
            let address = match &socket {
                BoundSocket::Tcp(_, bound) => bound.to_string(),
                BoundSocket::Unix(..) => configured.clone(),
            };
            tracing::info!(
                configured,
                address,
                tls = acceptor.tls.is_some(),
                "listening"
            );
            let stopped = self.stopped.clone();
            tasks.spawn(async move {
                if let Err(error) = listener::serve(socket, acceptor, stopped).await {
                    tracing::error!(%error, address, "a listener failed");
                }
            });
        }
        // The sender lives as long as the server; without it there is nothing to wait for.
        drop(self.ready.wait_for(|armed| *armed).await);
        tracing::info!("ready");
        let client = self.client.clone();
        let sweeper = tasks.spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                client.sweep();
            }
        });
        let checks = tasks.spawn(ferrogate_proxy::health::watch(Arc::clone(&self.shared)));
        let probes = tasks.spawn(ferrogate_proxy::probe::watch(Arc::clone(&self.shared)));
        let mut stopped = self.stopped.clone();
        // The sender lives as long as the server; an error means the same as a stop.
        drop(stopped.wait_for(|stop| *stop).await);
        sweeper.abort();
        checks.abort();
        probes.abort();
        while tasks.join_next().await.is_some() {}
    }

    fn name(&self) -> &'static str {
        "gateway"
    }
}
