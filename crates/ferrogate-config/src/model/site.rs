//! A site.

use ferrogate_types::route::{ErrorRoutes, Origin, Route};
use serde::Serialize;

use super::{AccessLog, TlsPolicy};

/// A site.
#[derive(Clone, Debug, Serialize)]
pub struct Site {
    /// The addresses as written.
    pub addresses: Vec<String>,
    /// The directives, sorted.
    pub routes: Vec<Route>,
    /// `handle_errors`: those with codes first, then in the order written.
    pub errors: Vec<ErrorRoutes>,
    /// Its access logs; empty = none. An entry goes to every one whose hosts it fits.
    pub access_logs: Vec<AccessLog>,
    /// Its certificates and TLS settings; `None` = none of its addresses speaks TLS.
    pub tls: Option<TlsPolicy>,
    /// Where it was written.
    pub origin: Origin,
}
