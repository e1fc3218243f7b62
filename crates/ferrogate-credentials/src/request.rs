//! The request that is about to be sent.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};

/// The request that is about to be sent. What it says here must be what goes over the wire, byte for byte:
/// a signature covers it.
#[derive(Debug)]
pub struct OutgoingRequest<'a> {
    /// The method.
    pub method: &'a Method,
    /// The value of the `host` header: with the port when it is not the scheme's own.
    pub host: &'a str,
    /// The percent-encoded path with its query.
    pub path_and_query: &'a str,
    /// The headers, to which those of the credential are added.
    pub headers: &'a mut HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

impl OutgoingRequest<'_> {
    /// Sets the `authorization` header, which is kept out of debug output.
    pub(crate) fn set_authorization(&mut self, mut value: HeaderValue) {
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
    }
}
