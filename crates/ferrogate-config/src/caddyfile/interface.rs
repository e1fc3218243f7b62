//! Interfaces to listen on: `bind` and `default_bind`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use ferrogate_types::{AddressError, Family, ListenAddress, UnixMode};

use super::context::Cx;
use super::line::Line;
use super::servers::protocols::{self, Protocols};
use super::syntax::{Place, Token};
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

/// An interface to listen on, as one word names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) bind: Bind,
    /// What is spoken there, where it was said for this interface, and where.
    pub(crate) protocols: Option<(Protocols, Place)>,
}

/// What a listener is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bind {
    /// An address of this family, or all of them; the port comes from the site.
    Ip(Family, Option<IpAddr>),
    Unix {
        path: PathBuf,
        mode: Option<UnixMode>,
    },
    /// A socket that this process was given.
    Inherited(u16),
}

impl Bind {
    /// Where to listen for a site with this port.
    pub(crate) fn at(&self, port: u16) -> Option<ListenAddress> {
        match self {
            Self::Ip(family, ip) => family.address(*ip, port),
            Self::Unix { path, mode } => Some(ListenAddress::Unix {
                path: path.clone(),
                mode: *mode,
            }),
            Self::Inherited(number) => Some(ListenAddress::Inherited(*number)),
        }
    }

    /// Reads an interface: an IP address or `localhost`, perhaps after `tcp/`, `tcp4/` or `tcp6/`, which may stand alone;
    /// `unix//PATH[|MODE]`; `fd/NUMBER`.
    fn parse(text: &str) -> Result<Self, Problem> {
        let (family, host) = Family::split(text);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let ip = if host.is_empty() && family != Family::Any {
            Some(None)
        } else if host == "localhost" {
            Some(Some(Ipv4Addr::LOCALHOST.into()))
        } else {
            bare.parse().ok().map(Some)
        };
        if let Some(ip) = ip {
            let fits = family.address(ip, 0).is_some();
            return fits.then_some(Self::Ip(family, ip)).ok_or(Problem::Family);
        }
        if text.starts_with("unix/") || text.starts_with("fd/") || text.starts_with("fdgram/") {
            return match text.parse() {
                Ok(ListenAddress::Unix { path, mode }) => Ok(Self::Unix { path, mode }),
                Ok(ListenAddress::Inherited(number)) => Ok(Self::Inherited(number)),
                Err(AddressError::Mode) => Err(Problem::Mode),
                Err(AddressError::Datagram) => Err(Problem::Datagram),
                _ if text.starts_with("fd/") => Err(Problem::Descriptor),
                _ => Err(Problem::Path),
            };
        }
        Err(if text.contains(':') {
            Problem::Port
        } else {
            Problem::Unknown
        })
    }
}

/// Why a word is no interface.
#[derive(Clone, Copy)]
enum Problem {
    Family,
    Path,
    Mode,
    Datagram,
    Descriptor,
    Port,
    Unknown,
}

impl Problem {
    /// What is wrong with the word, and what to write.
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Family => (
                "an address of the other family",
                "write `tcp4/` before IPv4 addresses and `tcp6/` before IPv6 addresses",
            ),
            Self::Path => (
                "not an absolute path, perhaps with a mode",
                "write `unix//run/ferrogate.sock`",
            ),
            Self::Mode => (
                "not octal permissions that let the owner write",
                "write `unix//run/ferrogate.sock|0220`",
            ),
            Self::Datagram => (
                "a socket for datagrams, which only HTTP/3 needs",
                "give a stream socket: `fd/NUMBER`",
            ),
            Self::Descriptor => ("not a descriptor", "write `fd/3`"),
            Self::Port => (
                "an interface has no port",
                "write the port in the address of the site",
            ),
            Self::Unknown => ("expected an IP address, `localhost` or `unix//PATH`", ""),
        }
    }
}

const KIND: Kind = Kind {
    noun: "option",
    place: "in `bind`",
};

/// Every option of `bind` and `default_bind`.
pub(crate) const OPTIONS: &[Row<Option<(Protocols, Place)>>] = &[Row::new(
    "protocols",
    "protocols [h1] [h2] [h2c] [h3]",
    "HTTP versions on these interfaces.",
    |cx, line, protocols| *protocols = protocols::read(cx, line).map(|read| (read, line.at())),
)];

/// The interfaces on a line.
pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>) -> Vec<Interface> {
    let Some((words, block)) = line.with_block(cx, 1..=64) else {
        return Vec::new();
    };
    let mut protocols = None;
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut protocols);
    }
    words
        .iter()
        .filter_map(|word| interface(cx, word))
        .map(|bind| Interface { bind, protocols })
        .collect()
}

fn interface(cx: &mut Cx<'_>, word: &Token) -> Option<Bind> {
    let problem = match Bind::parse(&word.text) {
        Ok(bind) => return Some(bind),
        Err(problem) => problem,
    };
    let (label, hint) = problem.texts();
    let shown = cx.shown(word);
    cx.say(
        word.at,
        Diagnostic::error("invalid-bind", format!("`{shown}` is not an interface"))
            .label(label)
            .hint(hint),
    );
    None
}
