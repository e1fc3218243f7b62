//! From the resolved configuration to every crate's inputs.

mod gateway;
mod listeners;
pub(crate) mod logs;
mod material;
mod sites;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use ferrogate_auth::Credentials;
use ferrogate_billing::AccountSpec;
use ferrogate_config::model::{Config, Listener, ServerOptions, Site};
use ferrogate_edge::{CompileContext, UpstreamRegistry};
use ferrogate_proxy::{Disk, Snapshot};
use ferrogate_tls::{CertificateStore, load_certified_key, server_config};
use ferrogate_types::ListenAddress;
use ferrogate_types::route::Route;
use rustls::ServerConfig;

pub(crate) use self::gateway::{issuers, jwks_endpoint, limit_spec, rule};
use self::logs::Logs;
use crate::state::{Declared, Place};

/// What outlives a configuration.
pub(crate) struct Process<'a> {
    /// The environment.
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    /// The folder of the configuration: paths of state begin there.
    pub(crate) home: &'a Path,
    /// Health and load of upstreams.
    pub(crate) upstreams: &'a Arc<UpstreamRegistry>,
    /// Credentials besides those of the configuration.
    pub(crate) credentials: &'a Arc<Credentials>,
    /// What the state store declares.
    pub(crate) declared: &'a Declared,
    /// What is in force now, and is to be followed.
    pub(crate) before: Option<&'a Snapshot>,
    /// True from the moment the process stops taking requests.
    pub(crate) draining: Arc<AtomicBool>,
}

/// A configuration, ready to serve.
pub struct Prepared {
    pub(crate) snapshot: Snapshot,
    /// Every budget.
    pub(crate) accounts: Vec<AccountSpec>,
    /// Where state is kept, if there is any.
    pub(crate) place: Option<Place>,
    pub(crate) listeners: Vec<PreparedListener>,
    /// The addresses of each site as written.
    pub(crate) site_names: Vec<String>,
    /// What `validate` says in one line.
    pub summary: String,
}

/// A socket to open, and how to serve it.
pub(crate) struct PreparedListener {
    pub(crate) address: ListenAddress,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) options: ServerOptions,
}

/// A part of a configuration that cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {message}")]
pub struct LowerError {
    /// `FILE:LINE`, or the thing it concerns.
    pub place: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl LowerError {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }
}

/// Every outermost list of routes: of sites, of their `handle_errors`, and named routes.
fn lists_of(config: &Config) -> Vec<&[Route]> {
    let sites = config.sites.iter().flat_map(of_site);
    let named = config.named_routes.iter();
    sites
        .chain(named.map(|named| named.routes.as_slice()))
        .collect()
}

/// The outermost lists of routes of a site.
fn of_site(site: &Site) -> impl Iterator<Item = &[Route]> {
    let errors = site.errors.iter().map(|errors| errors.routes.as_slice());
    std::iter::once(site.routes.as_slice()).chain(errors)
}

/// Runs the whole boot pipeline on a configuration that lies in the folder `home`, without opening anything; reports
/// every error.
pub fn check(
    config: &Config,
    home: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Prepared, Vec<LowerError>> {
    let process = Process {
        env,
        home,
        upstreams: &Arc::default(),
        credentials: &Arc::default(),
        declared: &Declared::default(),
        before: None,
        draining: Arc::default(),
    };
    prepare(config, &process, true)
}

/// Compiles a configuration; reports every error. Opens log files unless `dry`, and no socket.
pub(crate) fn prepare(
    config: &Config,
    process: &Process<'_>,
    dry: bool,
) -> Result<Prepared, Vec<LowerError>> {
    let mut errors = Vec::new();
    let hostname = hostname();
    let directory = std::env::current_dir()
        .map(|directory| directory.display().to_string())
        .unwrap_or_default();
    let context = CompileContext {
        env: process.env,
        file: &|path: &Path| std::fs::read_to_string(path),
        hostname: &hostname,
        directory: &directory,
        now: || SystemTime::UNIX_EPOCH + ferrogate_types::clock::since_epoch(),
        shutting_down: Arc::clone(&process.draining),
        files: Arc::new(Disk),
        upstreams: process.upstreams,
    };
    let mut logs = Logs::of_process(config, dry, &mut errors);
    let sites = sites::lower(config, &context, &mut logs, &mut errors);
    let gateways = gateway::lower(config, process, &mut errors);
    let accounts = gateway::budgets(config, process.declared, &mut errors);
    gateway::issuers(config, &mut errors);
    let place = Place::of(config, process.env, process.home, &mut errors);
    let upstream_tls = material::lower(config, &mut errors);
    let mut listeners = Vec::new();
    let mut states = Vec::new();
    for listener in &config.listeners {
        match listener_tls(config, listener) {
            Ok(tls) => {
                let (address, options) = (listener.address.clone(), listener.options.clone());
                listeners.push(PreparedListener {
                    address,
                    tls,
                    options,
                });
                states.push(listeners::state(config, listener));
            }
            Err(error) => errors.push(error),
        }
    }
    if let Some(address) = &config.global.admin {
        listeners.push(PreparedListener {
            address: address.clone(),
            tls: None,
            options: ServerOptions::default(),
        });
        states.push(listeners::admin());
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let summary = sites::summary(config);
    let line = format!(
        "listeners={} sites={} routes={} upstreams={} providers={} models={} api_keys={} admin={}",
        listeners.len(),
        summary.sites,
        summary.routes,
        summary.upstreams,
        config
            .ai_gateways
            .iter()
            .map(|gateway| gateway.providers.len())
            .sum::<usize>(),
        config
            .ai_gateways
            .iter()
            .map(|gateway| gateway.models.len())
            .sum::<usize>(),
        config
            .ai_gateways
            .iter()
            .map(|gateway| gateway.api_keys.len())
            .sum::<usize>(),
        config
            .global
            .admin
            .as_ref()
            .map_or_else(|| "off".to_owned(), ToString::to_string),
    );
    let revision = crate::revision::of(config);
    let snapshot = Snapshot {
        listeners: states,
        sites,
        loggers: logs.into_loggers(),
        gateways,
        upstream_tls,
        revision,
        summary,
    };
    let site_names = config
        .sites
        .iter()
        .map(|site| site.addresses.join(", "))
        .collect();
    Ok(Prepared {
        snapshot,
        accounts,
        place,
        listeners,
        site_names,
        summary: line,
    })
}

/// The certificates of a listener's sites, each for the hosts that lead to it.
fn listener_tls(
    config: &Config,
    listener: &Listener,
) -> Result<Option<Arc<ServerConfig>>, LowerError> {
    if !listener.tls {
        return Ok(None);
    }
    let mut hosts: HashMap<usize, Vec<String>> = HashMap::new();
    for rule in &listener.hosts {
        hosts
            .entry(rule.site)
            .or_default()
            .extend(rule.host.clone());
    }
    let mut certificates = Vec::new();
    let mut seen = Vec::new();
    for rule in &listener.hosts {
        if seen.contains(&rule.site) {
            continue;
        }
        seen.push(rule.site);
        let Some(site) = config.sites.get(rule.site) else {
            continue;
        };
        let place = site.origin.place.to_string();
        let Some(files) = site.tls.as_ref().and_then(|tls| tls.certificates.first()) else {
            return Err(LowerError::new(
                place,
                "the site is served over TLS but has no certificate",
            ));
        };
        let certificate = load_certified_key(&files.certificate, &files.key)
            .map_err(|error| LowerError::new(place, chain(&error)))?;
        certificates.push((hosts.remove(&rule.site).unwrap_or_default(), certificate));
    }
    let store = Arc::new(CertificateStore::new(certificates));
    let options = &listener.options;
    let protocols = [(options.h2, "h2"), (options.h1, "http/1.1")];
    let spoken = protocols.iter().filter(|(spoken, _)| *spoken);
    server_config(store, spoken.map(|(_, name)| *name))
        .map(Some)
        .map_err(|error| LowerError::new(listener.address.to_string(), error.to_string()))
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_default()
}
