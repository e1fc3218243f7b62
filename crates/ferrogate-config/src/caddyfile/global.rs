//! Global options.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use ferrogate_types::ListenAddress;

use super::context::Cx;
use super::line::Line;
use super::site::Bind;
use super::syntax::{Block, Place};
use super::table::{Kind, Row};
use super::{ai, log, servers};
use crate::diagnostic::Diagnostic;
use crate::model::{Global, LogLevel, ServerOptions};

const KIND: Kind = Kind {
    noun: "global option",
    place: "among the global options",
};
const TLS: &str = "automatic HTTPS is not available yet; use `tls CERTIFICATE KEY` in a site";

/// Global options as they are read.
pub(crate) struct Settings {
    pub(crate) admin: Option<ListenAddress>,
    pub(crate) admin_at: Option<Place>,
    pub(crate) http_port: u16,
    pub(crate) https_port: u16,
    pub(crate) default_bind: Vec<Bind>,
    pub(super) servers: Vec<servers::Servers>,
    debug: bool,
    log: Option<log::Draft>,
    grace_period: Option<Duration>,
    shutdown_delay: Duration,
    workers: Option<NonZeroUsize>,
}

/// Every global option.
pub(crate) const OPTIONS: &[Row<Settings>] = &[
    Row::new(
        "admin",
        "admin off | ADDRESS",
        "The admin listener; none by default.",
        admin,
    ),
    Row::new("debug", "debug", "Logs at level DEBUG.", |cx, line, s| {
        s.debug = line.flag(cx);
    }),
    Row::new(
        "log",
        "log [{ ... }]",
        "The log of the process.",
        |cx, line, s| s.log = log::read(cx, line),
    ),
    Row::new(
        "grace_period",
        "grace_period DURATION",
        "How long requests may take to end.",
        |cx, line, s| {
            s.grace_period = line.duration(cx);
        },
    ),
    Row::new(
        "shutdown_delay",
        "shutdown_delay DURATION",
        "How long to serve after a stop.",
        |cx, line, s| {
            s.shutdown_delay = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "workers",
        "workers auto|N",
        "Runtime threads.",
        |cx, line, s| {
            if let Some(word) = line.word(cx).filter(|word| &*word.text != "auto") {
                let count = cx
                    .number(word, 1..=1024)
                    .and_then(|count| usize::try_from(count).ok());
                s.workers = count.and_then(NonZeroUsize::new);
            }
        },
    ),
    Row::new(
        "http_port",
        "http_port PORT",
        "The port of HTTP; 80 by default.",
        |cx, line, s| {
            s.http_port = port(cx, line).unwrap_or(s.http_port);
        },
    ),
    Row::new(
        "https_port",
        "https_port PORT",
        "The port of HTTPS; 443 by default.",
        |cx, line, s| {
            s.https_port = port(cx, line).unwrap_or(s.https_port);
        },
    ),
    Row::many(
        "default_bind",
        "default_bind ADDRESS...",
        "Interfaces of sites without `bind`.",
        |cx, line, s| {
            for word in line.list(cx, 1..=64).unwrap_or_default() {
                s.default_bind.extend(cx.interface(word));
            }
        },
    ),
    Row::new(
        "auto_https",
        "auto_https off|disable_redirects",
        "Has nothing to switch off yet.",
        |cx, line, _| {
            if let Some(word) = line.word(cx)
                && cx
                    .one_of(
                        word,
                        "value of auto_https",
                        &[("off", ()), ("disable_redirects", ())],
                    )
                    .is_some()
            {
                cx.say(
                    line.at(),
                    Diagnostic::note("no-effect", "there is no automatic HTTPS to switch off")
                        .label("has no effect yet"),
                );
            }
        },
    ),
    Row::many(
        "servers",
        "servers [ADDRESS] { ... }",
        "Limits and trust of listeners.",
        servers::read,
    ),
    Row::new(
        "ai_gateway",
        "ai_gateway { ... }",
        "A gateway that sites mount with the bare word.",
        |cx, line, _| {
            if let Some(block) = line.block(cx) {
                let index = ai::gateway(cx, block);
                cx.shared_gateway = Some((index, false));
            }
        },
    ),
    Row::later("state", "keys, budgets and logs are kept in memory"),
    Row::later("shared", "every node counts for itself"),
    Row::later("graceful_upgrade", ""),
    Row::later("telemetry", ""),
    Row::later(
        "metrics",
        "`ai_gateway` serves /metrics when its `admin` is on",
    ),
    Row::later("email", TLS),
    Row::later("storage", TLS),
    Row::later("storage_check", TLS),
    Row::later("storage_clean_interval", TLS),
    Row::later("persist_config", "the file is the only configuration"),
    Row::later("order", "use `route`, which keeps the order written"),
    Row::later("local_certs", TLS),
    Row::later("skip_install_trust", TLS),
    Row::later("acme_ca", TLS),
    Row::later("acme_ca_root", TLS),
    Row::later("acme_eab", TLS),
    Row::later("acme_dns", TLS),
    Row::later("dns", TLS),
    Row::later("tls_resolvers", TLS),
    Row::later("on_demand_tls", TLS),
    Row::later("key_type", TLS),
    Row::later("cert_issuer", TLS),
    Row::later("cert_lifetime", TLS),
    Row::later("preferred_chains", TLS),
    Row::later("renew_interval", TLS),
    Row::later("renewal_window_ratio", TLS),
    Row::later("ocsp_interval", TLS),
    Row::later("ocsp_stapling", TLS),
    Row::later("default_sni", TLS),
    Row::later("fallback_sni", TLS),
    Row::later("pki", TLS),
    Row::never("ech", "encrypted client hello needs a DNS provider"),
    Row::never("filesystem", "there are no file systems to choose from"),
    Row::never("events", "there are no event handlers"),
    Row::never("packet_conn_wrappers", "there is no HTTP/3"),
];

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
            debug: false,
            log: None,
            grace_period: None,
            shutdown_delay: Duration::ZERO,
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
        Global {
            admin: self.admin,
            debug: self.debug,
            log: self.log.unwrap_or_default().settle(level),
            grace_period: self.grace_period,
            shutdown_delay: self.shutdown_delay,
            workers: self.workers,
        }
    }
}

fn admin(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    let Some(([word], block)) = line.with_block(cx, 1..=1) else {
        return;
    };
    if let Some(option) = block.and_then(|block| block.segments.first()) {
        let shown = cx.shown(&option.name);
        cx.say(
            option.name.at,
            Diagnostic::error(
                "not-available",
                format!("admin option `{shown}` is not available yet"),
            )
            .label("not available yet"),
        );
    }
    if &*word.text != "off" {
        settings.admin = cx.checked(word, "address", word.text.parse());
        settings.admin_at = Some(word.at);
    }
}

fn port(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<u16> {
    line.number32(cx, 1..=65535)
        .and_then(|port| u16::try_from(port).ok())
}
