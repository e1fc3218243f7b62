//! Listeners that cannot both be opened.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use ferrogate_types::ListenAddress;

use super::Draft;
use crate::caddyfile::context::Cx;
use crate::caddyfile::global::Settings;
use crate::caddyfile::syntax::Place;
use crate::diagnostic::Diagnostic;

/// Two sockets on one port, one of them on all interfaces, cannot both be opened; nor can two with one file.
pub(super) fn overlaps(cx: &mut Cx<'_>, drafts: &[Draft], global: &Settings) {
    let mut taken: HashMap<Door<'_>, Vec<(Interfaces, Place)>> = HashMap::new();
    let admin = global.admin.as_ref().zip(global.admin_at);
    for (address, at) in admin.into_iter().chain(
        drafts
            .iter()
            .map(|draft| (&draft.listener.address, draft.at)),
    ) {
        let Some((door, interfaces)) = door(address) else {
            continue;
        };
        let others = taken.entry(door).or_default();
        let clash = others.iter().find(|(other, _)| interfaces.clash(*other));
        if let Some((_, first)) = clash {
            let (what, hint) = match door {
                Door::Port(port) => (
                    format!("port {port}"),
                    "use another port, or `bind` both to different addresses",
                ),
                Door::File(path) => (
                    format!("`{}`", path.display()),
                    "write the same permissions for both, or use another file",
                ),
            };
            cx.say(
                at,
                Diagnostic::error(
                    "listener-overlap",
                    format!("{what} is already taken by another listener"),
                )
                .label(format!("listens on {address}"))
                .also(first.span, "the other listener")
                .hint(hint),
            );
        }
        others.push((interfaces, at));
    }
}

/// What only one listener can have.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Door<'a> {
    Port(u16),
    File(&'a Path),
}

/// On which interfaces a listener has it.
#[derive(Clone, Copy)]
enum Interfaces {
    At(IpAddr),
    AllIpv6,
    /// It is there once.
    Whole,
}

impl Interfaces {
    fn clash(self, other: Self) -> bool {
        match (self, other) {
            (Self::At(one), Self::At(other)) => clash(one, other),
            (Self::At(ip), Self::AllIpv6) | (Self::AllIpv6, Self::At(ip)) => ip.is_ipv6(),
            _ => true,
        }
    }
}

/// What a listener takes; nothing where the system chooses, or has chosen already.
fn door(address: &ListenAddress) -> Option<(Door<'_>, Interfaces)> {
    Some(match address {
        ListenAddress::Tcp(socket) if socket.port() != 0 => {
            (Door::Port(socket.port()), Interfaces::At(socket.ip()))
        }
        ListenAddress::Ipv6Wildcard(port) if *port != 0 => (Door::Port(*port), Interfaces::AllIpv6),
        ListenAddress::Unix { path, .. } => (Door::File(path), Interfaces::Whole),
        ListenAddress::Tcp(_) | ListenAddress::Ipv6Wildcard(_) | ListenAddress::Inherited(_) => {
            return None;
        }
    })
}

/// Whether two listeners on one port, at these addresses, cannot both be opened.
pub(crate) fn clash(one: IpAddr, other: IpAddr) -> bool {
    one == other || covers(one, other) || covers(other, one)
}

/// Whether a listener on `all` also receives what is sent to `one`.
pub(super) fn covers(all: IpAddr, one: IpAddr) -> bool {
    all.is_unspecified() && (all.is_ipv6() || one.is_ipv4())
}
