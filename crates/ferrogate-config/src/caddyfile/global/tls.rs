//! Global options about certificates and TLS.

use std::path::PathBuf;
use std::time::Duration;

use super::Settings;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::Place;
use crate::caddyfile::table::{Kind, Row};
use crate::caddyfile::tls::{Draft, dns};
use crate::diagnostic::Diagnostic;
use crate::model::{
    AcmeIssuer, AutoHttps, CertificateAuthority, ChainPreference, DnsChallenge, DnsProvider,
    ExternalAccount, GlobalTls, InternalIssuer, Issuer, KeyType, OnDemandPermission, ZEROSSL,
};

const EAB: Kind = Kind {
    noun: "option",
    place: "in `acme_eab`",
};
const ON_DEMAND: Kind = Kind {
    noun: "option",
    place: "in `on_demand_tls`",
};

/// Global options about certificates as they are read.
pub(crate) struct Tls {
    pub(crate) auto_https: AutoHttps,
    pub(crate) email: Option<String>,
    pub(crate) local_certs: bool,
    pub(crate) default_sni: Option<String>,
    pub(crate) fallback_sni: Option<String>,
    pub(crate) on_demand: Option<OnDemandPermission>,
    /// `cert_issuer` lines.
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) directory: Option<String>,
    pub(crate) trusted_roots: Vec<PathBuf>,
    pub(crate) external_account: Option<ExternalAccount>,
    /// `acme_dns`; without a provider of its own it is that of `dns`.
    pub(crate) challenge: Option<DnsChallenge>,
    pub(crate) dns: Option<DnsProvider>,
    pub(crate) resolvers: Vec<String>,
    pub(crate) preferred_chains: Option<ChainPreference>,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) key_type: Option<KeyType>,
    pub(crate) renew_interval: Duration,
    pub(crate) renewal_window_ratio: Option<f64>,
    pub(crate) ocsp_stapling: bool,
    pub(crate) ocsp_interval: Duration,
    pub(crate) storage: Option<PathBuf>,
    pub(crate) storage_clean_interval: Option<Duration>,
    pub(crate) authorities: Vec<CertificateAuthority>,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            auto_https: AutoHttps {
                certificates: true,
                redirects: true,
                ignore_loaded_certs: false,
            },
            email: None,
            local_certs: false,
            default_sni: None,
            fallback_sni: None,
            on_demand: None,
            issuers: Vec::new(),
            directory: None,
            trusted_roots: Vec::new(),
            external_account: None,
            challenge: None,
            dns: None,
            resolvers: Vec::new(),
            preferred_chains: None,
            lifetime: None,
            key_type: None,
            renew_interval: Duration::from_mins(10),
            renewal_window_ratio: None,
            ocsp_stapling: true,
            ocsp_interval: Duration::from_hours(1),
            storage: None,
            storage_clean_interval: Some(Duration::from_hours(24)),
            authorities: Vec::new(),
        }
    }
}

impl Tls {
    /// The settings of the process; the issuers are those of a site without its own.
    pub(super) fn settle(self, issuers: Vec<Issuer>) -> GlobalTls {
        GlobalTls {
            auto_https: self.auto_https,
            email: self.email,
            local_certs: self.local_certs,
            default_sni: self.default_sni,
            fallback_sni: self.fallback_sni,
            on_demand: self.on_demand,
            issuers,
            key_type: self.key_type,
            renew_interval: self.renew_interval,
            renewal_window_ratio: self.renewal_window_ratio,
            ocsp_stapling: self.ocsp_stapling,
            ocsp_interval: self.ocsp_interval,
            storage: self.storage,
            storage_clean_interval: self.storage_clean_interval,
            dns: self.dns,
            resolvers: self.resolvers,
            authorities: self.authorities,
        }
    }
}

impl Settings {
    /// The issuers of a site that names none, with what it says about the default ones.
    ///
    /// Let's Encrypt comes first, and ZeroSSL second when there is an address for the account; a directory that is
    /// written replaces both.
    pub(crate) fn default_issuers(&self, draft: &Draft) -> Vec<Issuer> {
        let custom = draft.directory.is_some() || self.tls.directory.is_some();
        if draft.shortcut_at.is_none() && draft.dns_at.is_none() {
            if !self.tls.issuers.is_empty() {
                return self.tls.issuers.clone();
            }
            if self.tls.local_certs {
                return vec![Issuer::Internal(InternalIssuer::default())];
            }
        }
        let email = draft.email.clone().or_else(|| self.tls.email.clone());
        let mut acme = AcmeIssuer {
            external_account: draft
                .external_account
                .clone()
                .or_else(|| self.tls.external_account.clone()),
            trusted_roots: draft.trusted_roots.clone(),
            dns: draft.dns.clone(),
            email: email.clone(),
            ..AcmeIssuer::default()
        };
        if let Some(url) = draft.directory.as_ref().or(self.tls.directory.as_ref()) {
            acme.directory.clone_from(url);
            acme.test_directory = None;
        }
        let second = AcmeIssuer {
            directory: ZEROSSL.to_owned(),
            test_directory: None,
            ..acme.clone()
        };
        let mut issuers = vec![Issuer::Acme(Box::new(acme))];
        if !custom && email.is_some() {
            issuers.push(Issuer::Acme(Box::new(second)));
        }
        issuers
    }

    /// Puts the global settings into an issuer where it says nothing itself.
    pub(crate) fn complete(&self, cx: &mut Cx<'_>, issuer: &mut Issuer, at: Place) {
        let tls = &self.tls;
        let challenge = match issuer {
            Issuer::Internal(_) => return,
            Issuer::Zerossl(zerossl) => &mut zerossl.dns,
            Issuer::Acme(acme) => {
                acme.email = acme.email.take().or_else(|| tls.email.clone());
                acme.lifetime = acme.lifetime.or(tls.lifetime);
                if acme.trusted_roots.is_empty() {
                    acme.trusted_roots.clone_from(&tls.trusted_roots);
                }
                acme.preferred_chains = acme
                    .preferred_chains
                    .take()
                    .or_else(|| tls.preferred_chains.clone());
                &mut acme.dns
            }
        };
        if challenge.is_none() {
            challenge.clone_from(&tls.challenge);
        }
        let Some(challenge) = challenge else { return };
        if challenge.resolvers.is_empty() {
            challenge.resolvers.clone_from(&tls.resolvers);
        }
        if challenge.provider.is_none() {
            let global = tls.challenge.as_ref();
            let provider = global
                .and_then(|challenge| challenge.provider.clone())
                .or_else(|| tls.dns.clone());
            if provider.is_none() {
                cx.say(
                    at,
                    Diagnostic::error("dns-provider", "the DNS challenge has no provider")
                        .label("who is to set the records?")
                        .hint("write for instance `dns cloudflare {env.CLOUDFLARE_API_TOKEN}`"),
                );
            }
            challenge.provider = provider;
        }
    }
}

pub(super) fn auto_https(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    type Set = fn(&mut AutoHttps);
    const VALUES: &[(&str, Set)] = &[
        ("off", |auto| {
            (auto.certificates, auto.redirects) = (false, false);
        }),
        ("disable_redirects", |auto| auto.redirects = false),
        ("disable_certs", |auto| auto.certificates = false),
        ("ignore_loaded_certs", |auto| {
            auto.ignore_loaded_certs = true;
        }),
        // Older Caddy: wildcard certificates cover listed subdomains by default now.
        ("prefer_wildcard", |_| {}),
    ];
    for word in line.list(cx, 1..=4).unwrap_or_default() {
        if let Some(set) = cx.one_of(word, "value of auto_https", VALUES) {
            set(&mut settings.tls.auto_https);
        }
    }
}

/// A name that is assumed for clients.
pub(super) fn server_name(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<String> {
    cx.unavailable(
        line.at(),
        &format!("`{}`", line.name().text),
        "leave it out: clients without a name get the first certificate",
    );
    line.text(cx).map(|name| name.to_ascii_lowercase())
}

const EAB_OPTIONS: &[Row<(Option<String>, Option<ferrogate_types::Secret>)>] = &[
    Row::new("key_id", "key_id ID", "The key's id.", |cx, line, eab| {
        eab.0 = line.text(cx);
    }),
    Row::new("mac_key", "mac_key KEY", "The key.", |cx, line, eab| {
        eab.1 = line.word(cx).and_then(|word| cx.secret(word));
    }),
];

pub(super) fn acme_eab(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    let Some(block) = line.block(cx) else { return };
    let errors = cx.report.error_count();
    let mut eab = (None, None);
    cx.run_block(block, EAB, EAB_OPTIONS, &mut eab);
    if let (Some(key_id), Some(mac_key)) = eab {
        settings.tls.external_account = Some(ExternalAccount { key_id, mac_key });
    } else if errors == cx.report.error_count() {
        cx.say(
            line.at(),
            Diagnostic::error("missing-key", "`acme_eab` needs `key_id` and `mac_key`")
                .label("one of them is missing"),
        );
    }
}

const ON_DEMAND_OPTIONS: &[Row<Option<OnDemandPermission>>] = &[
    Row::new(
        "ask",
        "ask URL",
        "Asked with `?domain=NAME`: 200 allows.",
        |cx, line, permission| *permission = ask(cx, line, 0),
    ),
    Row::new(
        "permission",
        "permission http URL",
        "The same in its long form.",
        |cx, line, permission| {
            let Some(words) = line.list(cx, 2..=2) else {
                return;
            };
            if words
                .first()
                .and_then(|word| cx.one_of(word, "permission", &[("http", ())]))
                .is_some()
            {
                *permission = ask(cx, line, 1);
            }
        },
    ),
    Row::never("interval", "the question decides alone; leave it out"),
    Row::never("burst", "the question decides alone; leave it out"),
];

fn ask(cx: &mut Cx<'_>, line: &Line<'_>, index: usize) -> Option<OnDemandPermission> {
    let word = line.list(cx, index + 1..=index + 1)?.get(index)?;
    let url = ["http://", "https://"].iter().any(|scheme| {
        word.text
            .strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty())
    });
    cx.checked(
        word,
        "URL",
        url.then(|| OnDemandPermission::Ask(word.text.to_string()))
            .ok_or("does not begin with `http://` or `https://`"),
    )
}

pub(super) fn on_demand_tls(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    line.options(
        cx,
        ON_DEMAND,
        ON_DEMAND_OPTIONS,
        &mut settings.tls.on_demand,
    );
}

pub(super) fn storage(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    const KIND: Kind = Kind {
        noun: "option",
        place: "in `storage file_system`",
    };
    const OPTIONS: &[Row<Option<PathBuf>>] = &[Row::new(
        "root",
        "root FOLDER",
        "The folder.",
        |cx, line, root| *root = line.text(cx).map(PathBuf::from),
    )];
    let Some((args, block)) = line.with_block(cx, 1..=2) else {
        return;
    };
    let Some((module, rest)) = args.split_first() else {
        return;
    };
    if cx
        .one_of(module, "storage", &[("file_system", ())])
        .is_none()
    {
        return;
    }
    let mut root = rest.first().map(|word| PathBuf::from(&*word.text));
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut root);
    }
    if root.is_none() {
        cx.say(
            line.at(),
            Diagnostic::error("argument-count", "`storage file_system` names no folder")
                .label("which folder?")
                .hint(line.syntax()),
        );
    }
    settings.tls.storage = root;
}

pub(super) fn acme_dns(cx: &mut Cx<'_>, line: &Line<'_>, settings: &mut Settings) {
    settings.tls.challenge = Some(DnsChallenge {
        provider: dns::provider(cx, line),
        ..DnsChallenge::default()
    });
}

/// A duration or `off`.
pub(super) fn interval(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<Duration> {
    let word = line.word(cx)?;
    if &*word.text == "off" {
        None
    } else {
        cx.duration(word)
    }
}
