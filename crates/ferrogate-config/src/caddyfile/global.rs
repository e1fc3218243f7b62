//! Global options.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use ferrogate_types::{ListenAddress, Secret};

use super::context::Cx;
use super::interface::Interface;
use super::syntax::{Block, Place, Token};
use super::table::Kind;
use super::tls::Draft;
use super::{log, servers};
use crate::diagnostic::Diagnostic;
use crate::model::{Global, LogLevel, MetricsOptions, ServerOptions, State};

mod options;
pub(crate) mod pki;
pub(crate) mod state;
mod tls;

pub(crate) use options::OPTIONS;

const KIND: Kind = Kind {
    noun: "global option",
    place: "among the global options",
};

/// Global options as they are read.
pub(crate) struct Settings {
    pub(crate) admin: Option<ListenAddress>,
    pub(crate) admin_at: Option<Place>,
    pub(crate) http_port: u16,
    pub(crate) https_port: u16,
    pub(crate) default_bind: Vec<Interface>,
    pub(super) servers: Vec<servers::Servers>,
    admin_origins: Vec<String>,
    debug: bool,
    log: Option<log::Draft>,
    logs: Vec<(Token, log::Draft)>,
    metrics: Option<MetricsOptions>,
    pub(crate) tls: tls::Tls,
    grace_period: Option<Duration>,
    shutdown_delay: Duration,
    workers: Option<NonZeroUsize>,
    state: Option<State>,
    shared: Option<Secret>,
}

impl Cx<'_> {
    /// Reads the block of global options.
    pub(crate) fn global(&mut self, block: Option<&Block>) -> Settings {
        let mut settings = Settings {
            admin: None,
            admin_at: None,
            http_port: 80,
            https_port: 443,
            default_bind: Vec::new(),
            servers: Vec::new(),
            admin_origins: Vec::new(),
            debug: false,
            log: None,
            logs: Vec::new(),
            metrics: None,
            tls: tls::Tls::default(),
            grace_period: None,
            shutdown_delay: Duration::ZERO,
            state: None,
            shared: None,
            workers: None,
        };
        if let Some(block) = block {
            self.run_block(block, KIND, OPTIONS, &mut settings);
        }
        settings
    }
}

impl Settings {
    /// The options of a listener: its own, those for all, or the defaults.
    pub(crate) fn options_for(&self, address: &ListenAddress) -> ServerOptions {
        let own = self
            .servers
            .iter()
            .find(|servers| servers.address.as_ref() == Some(address));
        let found = own.or_else(|| {
            self.servers
                .iter()
                .find(|servers| servers.address.is_none())
        });
        found
            .map(|servers| servers.options.clone())
            .unwrap_or_default()
    }

    /// Complains about `servers` of listeners that do not exist.
    pub(crate) fn check_servers(&self, cx: &mut Cx<'_>, listeners: &HashMap<ListenAddress, usize>) {
        for servers in &self.servers {
            if let Some(address) = servers
                .address
                .as_ref()
                .filter(|address| !listeners.contains_key(address))
            {
                let mut known: Vec<String> = listeners
                    .keys()
                    .map(|address| format!("`{address}`"))
                    .collect();
                known.sort();
                cx.say(
                    servers.at,
                    Diagnostic::error(
                        "unknown-listener",
                        format!("no site listens on `{address}`"),
                    )
                    .label("these options would have no effect")
                    .hint(if known.is_empty() {
                        String::new()
                    } else {
                        format!("listeners: {}", known.join(", "))
                    }),
                );
            }
        }
    }

    /// The settings of the process.
    pub(crate) fn into_global(self) -> Global {
        let level = if self.debug {
            LogLevel::Debug
        } else {
            LogLevel::Info
        };
        let issuers = self.default_issuers(&Draft::default());
        Global {
            admin: self.admin,
            admin_origins: self.admin_origins,
            debug: self.debug,
            log: self.log.unwrap_or_default().process("default", level),
            logs: self
                .logs
                .into_iter()
                .map(|(name, log)| log.process(&name.text, level))
                .collect(),
            grace_period: self.grace_period,
            shutdown_delay: self.shutdown_delay,
            workers: self.workers,
            http_port: self.http_port,
            https_port: self.https_port,
            metrics: self.metrics,
            tls: self.tls.settle(issuers),
            state: self.state,
            shared: self.shared,
        }
    }
}
