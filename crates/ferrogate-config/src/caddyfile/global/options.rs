//! The table of global options.

use std::num::NonZeroUsize;

use super::{Settings, pki, state, tls};
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::pem::PemKind;
use crate::caddyfile::table::{Kind, Row};
use crate::caddyfile::tls::{dns, issuer, key_type};
use crate::caddyfile::{ai, interface, log, order, servers};
use crate::diagnostic::Diagnostic;
use crate::model::MetricsOptions;

const ADMIN: Kind = Kind {
    noun: "option",
    place: "in `admin`",
};
const METRICS: Kind = Kind {
    noun: "option",
    place: "in `metrics`",
};

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
    Row::many(
        "log",
        "log [NAME] [{ ... }]",
        "A log of the process; without a name the one for everything.",
        process_log,
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
            s.http_port = line.port(cx).unwrap_or(s.http_port);
        },
    ),
    Row::new(
        "https_port",
        "https_port PORT",
        "The port of HTTPS; 443 by default.",
        |cx, line, s| {
            s.https_port = line.port(cx).unwrap_or(s.https_port);
        },
    ),
    Row::many(
        "default_bind",
        "default_bind ADDRESS...",
        "Interfaces of sites without `bind`.",
        |cx, line, s| {
            s.default_bind.extend(interface::read(cx, line));
        },
    ),
    Row::new(
        "auto_https",
        "auto_https off|disable_redirects|disable_certs|ignore_loaded_certs...",
        "Switches parts of automatic HTTPS off.",
        tls::auto_https,
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
    Row::new(
        "state",
        "state sqlite PATH|postgres DSN|memory [{ ... }]",
        "Where keys, configurations, the ledger, the audit and entries about requests are kept.",
        state::state,
    ),
    Row::new(
        "shared",
        "shared redis URL",
        "Counters, grants and cooldowns that all nodes share.",
        state::shared,
    ),
    Row::later("graceful_upgrade", ""),
    Row::later("telemetry", ""),
    Row::new(
        "metrics",
        "metrics [{ per_host ; observe_catchall_hosts ; otlp }]",
        "Series about requests.",
        metrics,
    ),
    Row::new(
        "email",
        "email ADDRESS",
        "The address of ACME accounts.",
        |cx, line, s| s.tls.email = line.text(cx),
    ),
    Row::new(
        "storage",
        "storage file_system FOLDER",
        "Where accounts and certificates are kept.",
        tls::storage,
    ),
    Row::new(
        "storage_check",
        "storage_check off",
        "Nothing is checked.",
        |cx, line, _| {
            ignored(
                cx,
                line,
                &["off"],
                "the storage is not tried out at the start",
            );
        },
    ),
    Row::new(
        "storage_clean_interval",
        "storage_clean_interval DURATION|off",
        "How often the storage is cleaned; 24h by default.",
        |cx, line, s| s.tls.storage_clean_interval = tls::interval(cx, line),
    ),
    Row::new(
        "persist_config",
        "persist_config off",
        "Nothing is kept.",
        |cx, line, _| ignored(cx, line, &["off"], "the file is the only configuration"),
    ),
    Row::many(
        "order",
        "order DIRECTIVE first|last|before OTHER|after OTHER",
        "Gives a directive another place in the order of effect.",
        |cx, line, _| order::read(cx, line),
    ),
    Row::new(
        "local_certs",
        "local_certs",
        "The internal authority issues all certificates.",
        |cx, line, s| s.tls.local_certs = line.flag(cx),
    ),
    Row::new(
        "skip_install_trust",
        "skip_install_trust",
        "Roots are never installed.",
        |cx, line, _| ignored(cx, line, &[], "roots are never installed into the system"),
    ),
    Row::new(
        "acme_ca",
        "acme_ca URL",
        "The ACME directory.",
        |cx, line, s| s.tls.directory = issuer::directory(cx, line),
    ),
    Row::new(
        "acme_ca_root",
        "acme_ca_root PEM",
        "The root to trust when speaking to it.",
        |cx, line, s| {
            if let Some(word) = line.word(cx) {
                s.tls
                    .trusted_roots
                    .extend(cx.pem(word, PemKind::Certificate));
            }
        },
    ),
    Row::new(
        "acme_eab",
        "acme_eab { key_id ID ; mac_key KEY }",
        "The external account.",
        tls::acme_eab,
    ),
    Row::new(
        "acme_dns",
        "acme_dns [PROVIDER [ARGUMENT...]] [{ ... }]",
        "Proves all names by DNS records.",
        tls::acme_dns,
    ),
    Row::new(
        "dns",
        "dns PROVIDER [ARGUMENT...] [{ ... }]",
        "Who sets DNS records.",
        |cx, line, s| s.tls.dns = dns::provider(cx, line),
    ),
    Row::new(
        "tls_resolvers",
        "tls_resolvers SERVER...",
        "DNS servers that are asked for records.",
        |cx, line, s| s.tls.resolvers = line.texts(cx),
    ),
    Row::new(
        "on_demand_tls",
        "on_demand_tls { ask URL }",
        "Who allows certificates during handshakes.",
        tls::on_demand_tls,
    ),
    Row::new(
        "key_type",
        "key_type ed25519|p256|p384|rsa2048|rsa4096",
        "The kind of keys; p256 by default.",
        |cx, line, s| s.tls.key_type = key_type(cx, line),
    ),
    Row::many(
        "cert_issuer",
        "cert_issuer acme|internal|zerossl [...] [{ ... }]",
        "Who issues certificates; several are tried in order.",
        |cx, line, s| s.tls.issuers.extend(issuer::read(cx, line)),
    ),
    Row::new(
        "cert_lifetime",
        "cert_lifetime DURATION",
        "The lifetime to ask for.",
        |cx, line, s| s.tls.lifetime = line.duration(cx),
    ),
    Row::new(
        "preferred_chains",
        "preferred_chains [smallest] [{ root_common_name NAME... | any_common_name NAME... }]",
        "Which of several chains is taken.",
        |cx, line, s| s.tls.preferred_chains = issuer::preferred_chains(cx, line),
    ),
    Row::new(
        "renew_interval",
        "renew_interval DURATION",
        "How often to look for what must be renewed; 10m by default.",
        |cx, line, s| {
            s.tls.renew_interval = line.duration(cx).unwrap_or(s.tls.renew_interval);
        },
    ),
    Row::new(
        "renewal_window_ratio",
        "renewal_window_ratio RATIO",
        "The part of the lifetime in which to renew; 0.3333 by default.",
        |cx, line, s| s.tls.renewal_window_ratio = line.ratio(cx),
    ),
    Row::new(
        "ocsp_interval",
        "ocsp_interval DURATION",
        "How often to look at OCSP answers.",
        |cx, line, s| {
            s.tls.ocsp_interval = line.duration(cx).unwrap_or(s.tls.ocsp_interval);
            cx.no_effect(line.at(), "OCSP answers are not stapled");
        },
    ),
    Row::new(
        "ocsp_stapling",
        "ocsp_stapling off",
        "OCSP answers are not stapled.",
        |cx, line, s| {
            s.tls.ocsp_stapling = false;
            ignored(cx, line, &["off"], "OCSP answers are not stapled");
        },
    ),
    Row::new(
        "default_sni",
        "default_sni NAME",
        "The name assumed when a client names none.",
        |cx, line, s| s.tls.default_sni = tls::server_name(cx, line),
    ),
    Row::new(
        "fallback_sni",
        "fallback_sni NAME",
        "The name assumed when no certificate fits.",
        |cx, line, s| s.tls.fallback_sni = tls::server_name(cx, line),
    ),
    Row::new(
        "pki",
        "pki { ca [ID] { ... } }",
        "Authorities of this process.",
        pki::read,
    ),
    Row::never("ech", "encrypted client hello needs a DNS provider"),
    Row::never("filesystem", "there are no file systems to choose from"),
    Row::never("events", "there are no event handlers"),
    Row::never("packet_conn_wrappers", "there is no HTTP/3"),
];

const ADMIN_OPTIONS: &[Row<Vec<String>>] = &[
    Row::new(
        "origins",
        "origins ORIGIN...",
        "Origins that browsers may call it from.",
        |cx, line, origins| *origins = line.texts(cx),
    ),
    Row::new(
        "enforce_origin",
        "enforce_origin",
        "Always on where `origins` are given.",
        |cx, line, _| {
            if line.flag(cx) {
                cx.no_effect(line.at(), "origins are always checked where some are given");
            }
        },
    ),
];

fn admin(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    let Some((args, block)) = line.with_block(cx, 0..=1) else {
        return;
    };
    if let Some(block) = block {
        cx.run_block(block, ADMIN, ADMIN_OPTIONS, &mut settings.admin_origins);
        if !settings.admin_origins.is_empty() {
            cx.unavailable(
                line.at(),
                "a check of origins on the admin listener",
                "leave it out: the admin API wants a key, which browsers do not send by themselves",
            );
        }
    }
    match args {
        [word] if &*word.text != "off" => {
            settings.admin = cx.checked(word, "address", word.text.parse());
            settings.admin_at = Some(word.at);
        }
        [] if block.is_none() => cx.say(
            line.at(),
            Diagnostic::error("argument-count", "an argument of `admin` is missing")
                .label("expected on this line")
                .hint(line.syntax()),
        ),
        _ => {}
    }
}

const METRICS_OPTIONS: &[Row<MetricsOptions>] = &[
    Row::new(
        "per_host",
        "per_host",
        "A label with the host.",
        |cx, line, metrics| metrics.per_host = line.flag(cx),
    ),
    Row::new(
        "observe_catchall_hosts",
        "observe_catchall_hosts",
        "Labels for hosts that only a site of every host serves.",
        |cx, line, metrics| {
            metrics.observe_catchall_hosts = line.flag(cx);
            cx.unavailable(
                line.at(),
                "a series for every host that somebody asks for",
                "write the hosts as addresses of the site: anybody could fill the memory with others",
            );
        },
    ),
    Row::new(
        "otlp",
        "otlp",
        "Sent over OTLP as well.",
        |cx, line, metrics| {
            metrics.otlp = line.flag(cx);
            cx.unavailable(
                line.at(),
                "`otlp`",
                "let Prometheus fetch the page of the `metrics` directive",
            );
        },
    ),
];

fn metrics(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    let Some((_, block)) = line.with_block(cx, 0..=0) else {
        return;
    };
    let metrics = settings.metrics.get_or_insert_default();
    if let Some(block) = block {
        cx.run_block(block, METRICS, METRICS_OPTIONS, metrics);
    }
}

fn process_log(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    let Some((name, draft)) = log::global(cx, line) else {
        return;
    };
    let repeated = match name {
        None => settings.log.is_some(),
        Some(name) => settings
            .logs
            .iter()
            .any(|(other, _)| other.text == name.text),
    };
    if repeated {
        cx.say(
            line.at(),
            Diagnostic::error("duplicate-log", "this log is described already")
                .label("second description")
                .hint("give it another name: `log NAME { ... }`"),
        );
        return;
    }
    match name {
        None => settings.log = Some(draft),
        Some(name) => settings.logs.push((name.clone(), draft)),
    }
}

/// An option that changes nothing here, with one of these words or, if there are none, without any.
fn ignored(cx: &mut Cx<'_>, line: &Line<'_>, words: &[&'static str], why: &str) {
    let Some(args) = line.list(cx, words.len().min(1)..=words.len().min(1)) else {
        return;
    };
    let known: Vec<(&'static str, ())> = words.iter().map(|word| (*word, ())).collect();
    if args
        .iter()
        .all(|word| cx.one_of(word, "value", &known).is_some())
    {
        cx.no_effect(line.at(), why);
    }
}
