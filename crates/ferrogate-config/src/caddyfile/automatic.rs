//! Automatic HTTPS: where the certificate of each name comes from, and redirects from HTTP.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use ferrogate_types::route::{Handler, HeaderEdits, HeaderOp, Origin, Route};
use ferrogate_types::{ListenAddress, Template};

use super::context::Cx;
use super::global::Settings;
use super::listeners::Drafts;
use super::site::ReadSite;
use super::syntax::Place;
use super::tls::Draft;
use crate::model::{
    Automation, CertificateSource, InternalIssuer, Issuer, ServedName, Site, TlsPolicy,
};

/// An address of a site that speaks TLS.
pub(super) struct Secured {
    /// Index of the site.
    pub(super) site: usize,
    /// `None` = every host.
    pub(super) host: Option<String>,
    pub(super) port: u16,
    /// Where it listens.
    pub(super) sockets: Vec<ListenAddress>,
    /// As written.
    pub(super) shown: String,
    pub(super) at: Place,
}

/// Gives every site with TLS its policy, and says which certificates cannot be had yet.
pub(super) fn policies(
    cx: &mut Cx<'_>,
    sites: Vec<ReadSite>,
    secured: &[Secured],
    global: &Settings,
) -> Vec<Site> {
    let wildcards: HashSet<&str> = secured
        .iter()
        .filter_map(|address| address.host.as_deref())
        .filter(|host| host.starts_with("*."))
        .collect();
    let mut of_site: HashMap<usize, Vec<&Secured>> = HashMap::new();
    for address in secured {
        of_site.entry(address.site).or_default().push(address);
    }
    let mut out = Vec::with_capacity(sites.len());
    for (index, read) in sites.into_iter().enumerate() {
        let mut site = read.site;
        if let Some(addresses) = of_site.get(&index) {
            let draft = read.tls.unwrap_or_default();
            let mut names: Vec<ServedName> = Vec::new();
            let mut known: HashSet<&str> = HashSet::new();
            for address in addresses {
                let source = source(address.host.as_deref(), &draft, global, &wildcards);
                complain(cx, address, &draft, &source);
                if let Some(name) = &address.host
                    && known.insert(name)
                {
                    names.push(ServedName {
                        name: name.clone(),
                        source,
                    });
                }
            }
            let at = read.tls_at.or(addresses.first().map(|address| address.at));
            let issuers = at.map(|at| issuers(cx, &draft, global, at));
            site.tls = Some(TlsPolicy {
                certificates: draft.certificates,
                load: draft.load,
                names,
                automation: Automation {
                    issuers: issuers.unwrap_or_default(),
                    key_type: draft.automation.key_type.or(global.tls.key_type),
                    ..draft.automation
                },
                connection: draft.connection,
            });
        }
        out.push(site);
    }
    out
}

/// Where the certificate of a name comes from.
fn source(
    host: Option<&str>,
    draft: &Draft,
    global: &Settings,
    wildcards: &HashSet<&str>,
) -> CertificateSource {
    let files = !draft.certificates.is_empty() || !draft.load.is_empty();
    if files && !global.tls.auto_https.ignore_loaded_certs {
        return CertificateSource::Files;
    }
    if draft.automation.on_demand {
        return CertificateSource::OnDemand;
    }
    let Some(host) = host.filter(|_| global.tls.auto_https.certificates) else {
        return CertificateSource::Nowhere;
    };
    let parent = host
        .split_once('.')
        .map(|(_, parent)| format!("*.{parent}"));
    if let Some(wildcard) = parent
        && !host.starts_with('*')
        && !draft.automation.force_automate
        && wildcards.contains(wildcard.as_str())
    {
        return CertificateSource::Wildcard(wildcard);
    }
    let internal = |issuers: &[Issuer]| matches!(issuers.first(), Some(Issuer::Internal(_)));
    let own = !draft.issuers.is_empty() || draft.directory.is_some();
    let chosen = if own {
        internal(&draft.issuers)
    } else {
        draft.internal
            || global.tls.local_certs
            || internal(&global.tls.issuers)
            || (global.tls.issuers.is_empty() && !is_public(host))
    };
    if chosen {
        CertificateSource::Internal
    } else {
        CertificateSource::Public
    }
}

/// Whether public authorities issue certificates for a name. Source: the rules of the CA/Browser Forum as Caddy has them.
fn is_public(host: &str) -> bool {
    const PRIVATE: [&str; 5] = [
        "localhost",
        ".localhost",
        ".local",
        ".internal",
        ".home.arpa",
    ];
    let rest = host.strip_prefix("*.").unwrap_or(host);
    host.parse::<IpAddr>().is_err()
        && !rest.contains('*')
        && !PRIVATE.iter().any(|private| {
            host == *private || (private.starts_with('.') && host.ends_with(private))
        })
}

/// The issuers of a site, with the global settings in them.
fn issuers(cx: &mut Cx<'_>, draft: &Draft, global: &Settings, at: Place) -> Vec<Issuer> {
    let mut issuers = if draft.internal {
        vec![Issuer::Internal(InternalIssuer::default())]
    } else if draft.issuers.is_empty() {
        global.default_issuers(draft)
    } else {
        draft.issuers.clone()
    };
    if let Some(challenge) = draft.dns.as_ref().filter(|_| !draft.issuers.is_empty()) {
        for issuer in &mut issuers {
            let own = match issuer {
                Issuer::Acme(acme) => &mut acme.dns,
                Issuer::Zerossl(zerossl) => &mut zerossl.dns,
                Issuer::Internal(_) => continue,
            };
            own.get_or_insert_with(|| challenge.clone());
        }
    }
    for issuer in &mut issuers {
        global.complete(cx, issuer, draft.dns_at.unwrap_or(at));
    }
    issuers
}

/// Says what keeps this build from serving an address.
fn complain(cx: &mut Cx<'_>, address: &Secured, draft: &Draft, source: &CertificateSource) {
    if draft.broken {
        return;
    }
    let shown = &address.shown;
    let what = match source {
        CertificateSource::Files => return,
        CertificateSource::Public => format!("a certificate of a public authority for `{shown}`"),
        CertificateSource::Internal => {
            format!("a certificate of an internal authority for `{shown}`")
        }
        CertificateSource::Wildcard(other) => {
            format!("the certificate of `{other}` for `{shown}`")
        }
        CertificateSource::OnDemand => format!("a certificate on demand for `{shown}`"),
        CertificateSource::Nowhere => format!("HTTPS without a certificate for `{shown}`"),
    };
    let host = address.host.as_deref().map(bracketed);
    let instead = match (host, draft.automation.on_demand) {
        (_, true) => String::new(),
        (Some(host), _) if shown.ends_with(&format!(":{}", address.port)) => {
            format!("write `http://{host}:{0}`, `:{0}`, or ", address.port)
        }
        (Some(host), _) => format!("write `http://{host}`, a port such as `:8080`, or "),
        (None, _) => "write a port such as `:8080`, or ".to_owned(),
    };
    cx.unavailable(
        address.at,
        &what,
        &format!("{instead}name files: `tls CERTIFICATE KEY` in the site"),
    );
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// Redirects hosts that are served with HTTPS from the port of HTTP: after the sites that are there for a host, before
/// those for every host. Nobody can be sent to a port that only the system will choose.
pub(super) fn redirects(
    cx: &mut Cx<'_>,
    sites: &mut Vec<Site>,
    secured: &[Secured],
    global: &Settings,
    drafts: &mut Drafts,
) {
    if !global.tls.auto_https.redirects {
        return;
    }
    let usual = [80, 443, global.http_port, global.https_port];
    let mut of_port: HashMap<Option<u16>, usize> = HashMap::new();
    let mut named: HashSet<(Option<&str>, usize)> = HashSet::new();
    let mut sorted: Vec<&Secured> = secured.iter().filter(|address| address.port != 0).collect();
    // Every host comes first, so that no default is put in its place; a wildcard comes last, because it must not take
    // the requests of a name that is served on another port.
    sorted.sort_by_key(|address| address.host.as_ref().map(|host| host.contains('*')));
    for address in sorted {
        let port = Some(address.port).filter(|port| !usual.contains(port));
        for socket in &address.sockets {
            let http = match socket {
                ListenAddress::Tcp(socket) => {
                    drafts.receiving(SocketAddr::new(socket.ip(), global.http_port))
                }
                ListenAddress::Ipv6Wildcard(_) => drafts.receiving_ipv6(global.http_port),
                ListenAddress::Unix { .. } | ListenAddress::Inherited(_) => continue,
            };
            let Some(draft) = drafts.open(cx, global, address.at, http, false) else {
                return;
            };
            if draft.listener.tls {
                continue;
            }
            let place = cx.report.sources().place(address.at.span);
            let everybody = (None, None);
            let one = (address.host.as_deref(), port);
            for (host, port) in [one, everybody] {
                if !draft.claim(host.map(str::to_owned), address.at) {
                    continue;
                }
                let site = *of_port.entry(port).or_insert_with(|| {
                    sites.push(redirect(port, &place));
                    sites.len() - 1
                });
                draft.insert(host.map(str::to_owned), site);
                if let Some(redirect) = sites.get_mut(site).filter(|_| named.insert((host, site))) {
                    let host = host.map_or_else(String::new, bracketed);
                    redirect.addresses.push(format!("http://{host}"));
                }
            }
        }
    }
}

/// A site that redirects every request to HTTPS, on this port if it is an unusual one, and then closes the connection.
fn redirect(port: Option<u16>, place: &str) -> Site {
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    let origin = Origin {
        directive: "auto_https".into(),
        place: place.into(),
    };
    let location = HeaderOp::Set {
        field: Template::parse("Location"),
        value: Template::parse(&format!("https://{{host}}{port}{{uri}}")),
    };
    let route = |handler| Route {
        matcher: None,
        handler,
        origin: origin.clone(),
    };
    Site {
        addresses: Vec::new(),
        routes: vec![
            route(Handler::Header(HeaderEdits {
                immediate: vec![location],
                ..HeaderEdits::default()
            })),
            route(Handler::Respond {
                status: Some(Template::parse("308")),
                body: None,
                close: true,
            }),
        ],
        errors: Vec::new(),
        access_logs: Vec::new(),
        tls: None,
        origin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_names_are_told_from_private_ones() {
        for (host, expected) in [
            ("example.com", true),
            ("*.example.com", true),
            ("localhost", false),
            ("app.localhost", false),
            ("printer.local", false),
            ("db.internal", false),
            ("nas.home.arpa", false),
            ("127.0.0.1", false),
            ("::1", false),
            ("*.*.example.com", false),
            ("mylocal.com", true),
        ] {
            assert_eq!(is_public(host), expected, "{host}");
        }
    }
}
