//! A site: its addresses, its settings, its routes.

use std::net::IpAddr;
use std::path::PathBuf;

use ferrogate_types::route::Origin;

use super::body::{Body, Level};
use super::context::Cx;
use super::line::Line;
use super::syntax::{Place, SiteBlock, Token};
use crate::diagnostic::Diagnostic;
use crate::model::{CertificateFiles, LogSettings, Site};

/// What belongs to a site as a whole.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) log: Option<LogSettings>,
    pub(crate) log_at: Option<Place>,
    pub(crate) certificate: Option<CertificateFiles>,
    /// Where `tls` stands, even when it was refused.
    pub(crate) tls_at: Option<Place>,
    pub(crate) bind: Vec<Bind>,
}

/// An interface to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bind {
    Ip(IpAddr),
    Unix(PathBuf),
}

/// A site that is read, and what decides about its listeners.
pub(crate) struct ReadSite {
    pub(crate) site: Site,
    pub(crate) addresses: Vec<Token>,
    pub(crate) bind: Vec<Bind>,
    pub(crate) tls_at: Option<Place>,
}

impl Cx<'_> {
    /// Reads a site.
    pub(crate) fn site(&mut self, block: SiteBlock) -> ReadSite {
        let mut body = self.body(&block.body, Level::Site);
        let Settings {
            log,
            log_at: _,
            certificate,
            tls_at,
            bind,
        } = std::mem::take(&mut body.site);
        let name = block.addresses.first();
        let place = name
            .map(|name| self.report.sources().place(name.at.span))
            .unwrap_or_default();
        let site = Site {
            addresses: block
                .addresses
                .iter()
                .map(|address| address.text.to_string())
                .collect(),
            routes: body.into_routes(Level::Site),
            access_log: log,
            certificate,
            origin: Origin {
                directive: "site".into(),
                place: place.into(),
            },
        };
        ReadSite {
            site,
            addresses: block.addresses,
            bind,
            tls_at,
        }
    }

    /// The interface that a word of `bind` or `default_bind` names.
    pub(crate) fn interface(&mut self, word: &Token) -> Option<Bind> {
        let text: &str = &word.text;
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let (label, hint) = if let Ok(ip) = bare.parse() {
            return Some(Bind::Ip(ip));
        } else if text == "localhost" {
            return Some(Bind::Ip(std::net::Ipv4Addr::LOCALHOST.into()));
        } else if let Some(path) = text.strip_prefix("unix/") {
            if path.starts_with('/') && !path.contains('|') {
                return Some(Bind::Unix(path.into()));
            }
            (
                "not an absolute path without a mode",
                "write `unix//run/ferrogate.sock`",
            )
        } else if text.starts_with("fd/") {
            ("inherited sockets are not available yet", "")
        } else if text.contains(':') {
            (
                "an interface has no port",
                "write the port in the address of the site",
            )
        } else {
            ("expected an IP address, `localhost` or `unix//PATH`", "")
        };
        let shown = self.shown(word);
        self.say(
            word.at,
            Diagnostic::error("invalid-bind", format!("`{shown}` is not an interface"))
                .label(label)
                .hint(hint),
        );
        None
    }
}

/// `bind`.
pub(crate) fn bind(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    for word in line.list(cx, 1..=64).unwrap_or_default() {
        body.site.bind.extend(cx.interface(word));
    }
}
