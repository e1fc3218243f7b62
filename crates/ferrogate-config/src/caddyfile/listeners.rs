//! Sites to sockets: which listener serves which site for which host.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ferrogate_types::ListenAddress;

use super::address::{Address, Scheme};
use super::automatic::{self, Secured};
use super::context::Cx;
use super::global::Settings;
use super::interface::Interface;
use super::servers::protocols::Protocols;
use super::site::ReadSite;
use super::syntax::{Place, Token};
use crate::diagnostic::Diagnostic;
use crate::model::{HostRule, Listener, Site};

pub(crate) use self::overlap::clash;
use self::overlap::{covers, overlaps};

mod overlap;

/// How many sockets one configuration may open.
const MAX_LISTENERS: usize = 4_096;

/// A listener as it grows.
pub(super) struct Draft {
    pub(super) listener: Listener,
    /// The address that opened it.
    at: Place,
    /// What is spoken on its interface, where a `bind` says so.
    protocols: Option<(Protocols, Place)>,
    hosts: HashMap<Option<String>, Place>,
}

impl Draft {
    /// Remembers that a host is served here; `false` when it was already.
    pub(super) fn claim(&mut self, host: Option<String>, at: Place) -> bool {
        match self.hosts.entry(host) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(at);
                true
            }
        }
    }

    /// Leads a host to a site, before the rule for every host.
    pub(super) fn insert(&mut self, host: Option<String>, site: usize) {
        let hosts = &mut self.listener.hosts;
        let catch_all = hosts.iter().rposition(|rule| rule.host.is_none());
        hosts.insert(catch_all.unwrap_or(hosts.len()), HostRule { host, site });
    }
}

/// Listeners by their addresses, in the order in which they were first needed.
#[derive(Default)]
pub(super) struct Drafts {
    drafts: Vec<Draft>,
    by_address: HashMap<ListenAddress, usize>,
}

impl Drafts {
    /// The listener that receives what is sent to an address, or to all addresses with this one among them.
    pub(super) fn receiving(&self, address: SocketAddr) -> ListenAddress {
        let everywhere = [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()];
        let covering = everywhere
            .into_iter()
            .filter(|all| covers(*all, address.ip()))
            .map(|all| ListenAddress::Tcp(SocketAddr::new(all, address.port())))
            .find(|all| self.by_address.contains_key(all));
        covering.unwrap_or(ListenAddress::Tcp(address))
    }

    /// The listener that receives what is sent to all IPv6 addresses.
    pub(super) fn receiving_ipv6(&self, port: u16) -> ListenAddress {
        let all = ListenAddress::Tcp(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port));
        if self.by_address.contains_key(&all) {
            all
        } else {
            ListenAddress::Ipv6Wildcard(port)
        }
    }

    /// The listener at an address, which is opened if it is not there.
    pub(super) fn open(
        &mut self,
        cx: &mut Cx<'_>,
        global: &Settings,
        at: Place,
        address: ListenAddress,
        tls: bool,
    ) -> Option<&mut Draft> {
        let next = self.drafts.len();
        let position = *self.by_address.entry(address.clone()).or_insert(next);
        if position == MAX_LISTENERS {
            self.by_address.remove(&address);
            cx.say(
                at,
                Diagnostic::error(
                    "too-large",
                    format!("there are more than {MAX_LISTENERS} listeners"),
                )
                .label("one too many"),
            );
            return None;
        }
        if position == next {
            let options = global.options_for(&address);
            self.drafts.push(Draft {
                listener: Listener {
                    address,
                    tls,
                    options,
                    hosts: Vec::new(),
                },
                at,
                protocols: None,
                hosts: HashMap::new(),
            });
        }
        self.drafts.get_mut(position)
    }
}

/// The sites, with what automatic HTTPS adds to them, and their listeners.
pub(crate) fn listeners(
    cx: &mut Cx<'_>,
    sites: Vec<ReadSite>,
    global: &Settings,
) -> (Vec<Site>, Vec<Listener>) {
    let mut drafts = Drafts::default();
    let mut secured: Vec<Secured> = Vec::new();
    let mut ranks: Vec<Rank> = Vec::new();
    for (index, site) in sites.iter().enumerate() {
        let mut hosts = Vec::new();
        let addresses: Vec<(&Token, Address)> = site
            .addresses
            .iter()
            .filter_map(|word| cx.address(word).map(|address| (word, address)))
            .collect();
        tls_on_http(cx, site, &addresses);
        for (word, address) in addresses {
            let Some((tls, port)) = protocol(cx, word, &address, site, global) else {
                continue;
            };
            hosts.push(address.host.clone());
            let sockets = sockets(site, global, port);
            for (socket, protocols) in &sockets {
                let Some(draft) = drafts.open(cx, global, word.at, socket.clone(), tls) else {
                    return (Vec::new(), Vec::new());
                };
                add(cx, draft, word, &address, tls, index);
                speak(cx, draft, *protocols);
            }
            if tls {
                secured.push(Secured {
                    site: index,
                    host: address.host,
                    port,
                    sockets: sockets.into_iter().map(|(socket, _)| socket).collect(),
                    shown: cx.shown(word),
                    at: word.at,
                });
            }
        }
        ranks.push(rank(&hosts));
    }
    for draft in &mut drafts.drafts {
        draft
            .listener
            .hosts
            .sort_by_key(|rule| ranks.get(rule.site));
    }
    let mut sites = automatic::policies(cx, sites, &secured, global);
    automatic::redirects(cx, &mut sites, &secured, global, &mut drafts);
    overlaps(cx, &drafts.drafts, global);
    mute(cx, &drafts.drafts);
    global.check_servers(cx, &drafts.by_address);
    let listeners = drafts
        .drafts
        .into_iter()
        .map(|draft| draft.listener)
        .collect();
    (sites, listeners)
}

/// `tls` on a site that speaks no TLS at any of its addresses says something that cannot be.
fn tls_on_http(cx: &mut Cx<'_>, site: &ReadSite, addresses: &[(&Token, Address)]) {
    let http = |address: &Address| address.scheme == Some(Scheme::Http);
    let (Some(tls_at), Some((word, _))) = (site.tls_at, addresses.first()) else {
        return;
    };
    if addresses.iter().all(|(_, address)| http(address)) {
        let shown = cx.shown(word);
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
    }
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

/// The place of a block among the others.
type Rank = (bool, bool, Reverse<usize>);

/// The place of a block with these hosts among the others: with a host of every name last, with a wildcard after those
/// without, and by its longest name otherwise.
fn rank(hosts: &[Option<String>]) -> Rank {
    let names = || hosts.iter().flatten();
    let length = |host: &String| host.chars().filter(|c| *c != '*').count();
    (
        hosts.iter().any(Option::is_none),
        names().any(|host| host.contains('*')),
        Reverse(names().map(length).max().unwrap_or(0)),
    )
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
        (Some(Scheme::Http), _) => false,
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
    Some((tls, port))
}

/// The sockets of a site with this port, each with what is spoken there.
fn sockets(
    site: &ReadSite,
    global: &Settings,
    port: u16,
) -> Vec<(ListenAddress, Option<(Protocols, Place)>)> {
    let bind: &[Interface] = if site.bind.is_empty() {
        &global.default_bind
    } else {
        &site.bind
    };
    if bind.is_empty() {
        let everywhere = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        return vec![(ListenAddress::Tcp(everywhere), None)];
    }
    bind.iter()
        .filter_map(|interface| Some((interface.bind.at(port)?, interface.protocols)))
        .collect()
}

/// Lets a listener speak what one of its sites wants there.
fn speak(cx: &mut Cx<'_>, draft: &mut Draft, protocols: Option<(Protocols, Place)>) {
    let Some((wanted, at)) = protocols else {
        return;
    };
    let (first, first_at) = *draft.protocols.get_or_insert((wanted, at));
    if first != wanted {
        cx.say(
            at,
            Diagnostic::error(
                "contradiction",
                format!(
                    "two sites want other protocols on {}",
                    draft.listener.address
                ),
            )
            .label("these")
            .also(first_at.span, "or these")
            .hint("a socket is one for all of its sites: say the same for both"),
        );
    }
    wanted.apply(&mut draft.listener.options);
}

/// A listener must have something to speak.
fn mute(cx: &mut Cx<'_>, drafts: &[Draft]) {
    for draft in drafts {
        let (listener, options) = (&draft.listener, &draft.listener.options);
        let second = if listener.tls {
            options.h2
        } else {
            options.h2c
        };
        if options.h1 || second {
            continue;
        }
        let (kind, name) = if listener.tls {
            ("over TLS", "h2")
        } else {
            ("in the clear", "h2c")
        };
        cx.say(
            draft.at,
            Diagnostic::error(
                "contradiction",
                format!("{} speaks nothing", listener.address),
            )
            .label("no protocol is left for it")
            .hint(format!(
                "{kind} there are `h1` and `{name}`: add one of them to `protocols`"
            )),
        );
    }
}
