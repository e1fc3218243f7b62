//! A site: its addresses, its settings, its routes.

use ferrogate_types::route::Origin;

use super::body::{Body, Level};
use super::context::Cx;
use super::errors::{self, ErrorBlock};
use super::interface::{self, Interface};
use super::line::Line;
use super::syntax::{Place, SiteBlock, Token};
use super::tls;
use crate::model::{AccessLog, Site};

/// What belongs to a site as a whole.
#[derive(Default)]
pub(crate) struct Settings {
    /// Its access logs, each with its place.
    pub(crate) logs: Vec<(AccessLog, Place)>,
    pub(crate) tls: Option<tls::Draft>,
    /// Where `tls` stands, even when it was refused.
    pub(crate) tls_at: Option<Place>,
    pub(crate) bind: Vec<Interface>,
    pub(crate) errors: Vec<ErrorBlock>,
}

/// A site that is read, and what decides about its listeners.
pub(crate) struct ReadSite {
    pub(crate) site: Site,
    pub(crate) addresses: Vec<Token>,
    pub(crate) bind: Vec<Interface>,
    /// What `tls` says, and where it stands.
    pub(crate) tls: Option<tls::Draft>,
    pub(crate) tls_at: Option<Place>,
}

impl Cx<'_> {
    /// Reads a site.
    pub(crate) fn site(&mut self, block: SiteBlock) -> ReadSite {
        let mut body = self.body(&block.body, Level::Site);
        let Settings {
            logs,
            tls,
            tls_at,
            bind,
            errors,
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
            errors: errors::settle(errors),
            access_logs: logs.into_iter().map(|(log, _)| log).collect(),
            tls: None,
            origin: Origin {
                directive: "site".into(),
                place: place.into(),
            },
        };
        ReadSite {
            site,
            addresses: block.addresses,
            bind,
            tls,
            tls_at,
        }
    }
}

/// `bind`.
pub(crate) fn bind(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    body.site.bind.extend(interface::read(cx, line));
}
