//! Sites to sockets: which listener serves which site for which host.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ferrogate_types::ListenAddress;

use super::address::{Address, Scheme};
use super::context::Cx;
use super::global::Settings;
use super::site::{Bind, ReadSite};
use super::syntax::{Place, Token};
use crate::diagnostic::Diagnostic;
use crate::model::{HostRule, Listener};

/// How many sockets one configuration may open.
const MAX_LISTENERS: usize = 4_096;

/// A listener as it grows.
struct Draft {
    listener: Listener,
    /// The address that opened it.
    at: Place,
    hosts: HashMap<Option<String>, Place>,
}

/// The listeners of all sites.
pub(crate) fn listeners(cx: &mut Cx<'_>, sites: &[ReadSite], global: &Settings) -> Vec<Listener> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut by_address: HashMap<ListenAddress, usize> = HashMap::new();
    for (index, site) in sites.iter().enumerate() {
        for word in &site.addresses {
            let Some(address) = cx.address(word) else {
                continue;
            };
            let Some((tls, port)) = protocol(cx, word, &address, site, global) else {
                continue;
            };
            for socket in sockets(site, global, port) {
                if drafts.len() == MAX_LISTENERS {
                    cx.say(
                        word.at,
                        Diagnostic::error(
                            "too-large",
                            format!("there are more than {MAX_LISTENERS} listeners"),
                        )
                        .label("one too many"),
                    );
                    return Vec::new();
                }
                let position = *by_address.entry(socket.clone()).or_insert_with(|| {
                    let options = global.options_for(&socket);
                    let listener = Listener {
                        address: socket,
                        tls,
                        options,
                        hosts: Vec::new(),
                    };
                    drafts.push(Draft {
                        listener,
                        at: word.at,
                        hosts: HashMap::new(),
                    });
                    drafts.len() - 1
                });
                if let Some(draft) = drafts.get_mut(position) {
                    add(cx, draft, word, &address, tls, index);
                }
            }
        }
    }
    overlaps(cx, &drafts, global);
    global.check_servers(cx, &by_address);
    drafts
        .into_iter()
        .map(|mut draft| {
            draft.listener.hosts.sort_by_key(rank);
            draft.listener
        })
        .collect()
}

fn add(
    cx: &mut Cx<'_>,
    draft: &mut Draft,
    word: &Token,
    address: &Address,
    tls: bool,
    site: usize,
) {
    let shown = cx.shown(word);
    if draft.listener.tls != tls {
        let (this, other) = if tls {
            ("HTTPS", "HTTP")
        } else {
            ("HTTP", "HTTPS")
        };
        cx.say(
            word.at,
            Diagnostic::error(
                "mixed-protocols",
                format!(
                    "`{shown}` needs {this} on {}, which speaks {other}",
                    draft.listener.address
                ),
            )
            .label(format!("{this} here"))
            .also(draft.at.span, format!("{other} here"))
            .hint("give one of them another port"),
        );
        return;
    }
    if let Some(first) = draft.hosts.get(&address.host) {
        cx.say(
            word.at,
            Diagnostic::error(
                "ambiguous-site",
                format!("`{shown}` is the address of two sites"),
            )
            .label("second site")
            .also(first.span, "first site"),
        );
        return;
    }
    draft.hosts.insert(address.host.clone(), word.at);
    draft.listener.hosts.push(HostRule {
        host: address.host.clone(),
        site,
    });
}

/// Exact hosts before wildcards before every host; longer names first.
fn rank(rule: &HostRule) -> (u8, std::cmp::Reverse<usize>) {
    match &rule.host {
        None => (2, std::cmp::Reverse(0)),
        Some(host) => (
            u8::from(host.contains('*')),
            std::cmp::Reverse(host.chars().filter(|c| *c != '*').count()),
        ),
    }
}

/// Whether an address speaks TLS, and its port.
fn protocol(
    cx: &mut Cx<'_>,
    word: &Token,
    address: &Address,
    site: &ReadSite,
    global: &Settings,
) -> Option<(bool, u16)> {
    let (http, https) = (global.http_port, global.https_port);
    let shown = cx.shown(word);
    let tls = match (address.scheme, site.tls_at) {
        (Some(Scheme::Http), Some(tls_at)) => {
            cx.say(
                tls_at,
                Diagnostic::error(
                    "tls-on-http",
                    format!("`tls` contradicts the address `{shown}`"),
                )
                .label("a certificate here")
                .also(word.at.span, "no TLS here")
                .hint("write the address without `http://`"),
            );
            return None;
        }
        (Some(Scheme::Http), None) => false,
        (Some(Scheme::Https), _) | (None, Some(_)) => true,
        // A host name without anything else asks for HTTPS, a port alone does not.
        (None, None) if address.port == Some(http) => false,
        (None, None) => address.host.is_some() || address.port == Some(https),
    };
    let port = address.port.unwrap_or(if tls { https } else { http });
    if (tls && port == http) || (!tls && port == https) {
        let (protocol, other) = if tls {
            ("HTTPS", "HTTP")
        } else {
            ("HTTP", "HTTPS")
        };
        cx.say(
            word.at,
            Diagnostic::error(
                "port-protocol",
                format!("`{shown}` speaks {protocol} on the port of {other}"),
            )
            .label(format!("port {port} is for {other}"))
            .hint("choose another port, or change `http_port` or `https_port`"),
        );
        return None;
    }
    if tls && site.tls_at.is_none() {
        let instead = match (&address.host, address.port) {
            (Some(host), Some(port)) => {
                format!("write `http://{}:{port}`, `:{port}`, or", bracketed(host))
            }
            (Some(host), None) => format!(
                "write `http://{}`, a port such as `:8080`, or",
                bracketed(host)
            ),
            (None, _) => "write a port such as `:8080`, or".to_owned(),
        };
        cx.say(
            word.at,
            Diagnostic::error(
                "not-available",
                format!("automatic certificates are not available yet, and `{shown}` needs one"),
            )
            .label("an address without `http://` is served with HTTPS")
            .hint(format!("{instead} add `tls CERTIFICATE KEY` to the site")),
        );
        return None;
    }
    Some((tls, port))
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

fn sockets(site: &ReadSite, global: &Settings, port: u16) -> Vec<ListenAddress> {
    let bind = if site.bind.is_empty() {
        &global.default_bind
    } else {
        &site.bind
    };
    if bind.is_empty() {
        return vec![ListenAddress::Tcp(SocketAddr::new(
            Ipv6Addr::UNSPECIFIED.into(),
            port,
        ))];
    }
    bind.iter()
        .map(|bind| match bind {
            Bind::Ip(ip) => ListenAddress::Tcp(SocketAddr::new(*ip, port)),
            Bind::Unix(path) => ListenAddress::Unix(path.clone()),
        })
        .collect()
}

/// Two sockets on one port, one of them on all interfaces, cannot both be opened.
fn overlaps(cx: &mut Cx<'_>, drafts: &[Draft], global: &Settings) {
    let mut taken: HashMap<u16, Vec<(IpAddr, Place)>> = HashMap::new();
    let admin = global.admin.as_ref().zip(global.admin_at);
    for (address, at) in admin.into_iter().chain(
        drafts
            .iter()
            .map(|draft| (&draft.listener.address, draft.at)),
    ) {
        let ListenAddress::Tcp(socket) = address else {
            continue;
        };
        if socket.port() == 0 {
            continue;
        }
        let others = taken.entry(socket.port()).or_default();
        let clash = others.iter().find(|(ip, _)| clash(*ip, socket.ip()));
        if let Some((_, first)) = clash {
            cx.say(
                at,
                Diagnostic::error(
                    "listener-overlap",
                    format!(
                        "port {} is already taken by another listener",
                        socket.port()
                    ),
                )
                .label(format!("listens on {socket}"))
                .also(first.span, "the other listener")
                .hint("use another port, or `bind` both to different addresses"),
            );
        }
        others.push((socket.ip(), at));
    }
}

/// Whether two listeners on one port, at these addresses, cannot both be opened.
pub(crate) fn clash(one: IpAddr, other: IpAddr) -> bool {
    one == other || covers(one, other) || covers(other, one)
}

/// Whether a listener on `all` also receives what is sent to `one`.
fn covers(all: IpAddr, one: IpAddr) -> bool {
    all.is_unspecified() && (all.is_ipv6() || one.is_ipv4())
}
