//! Pingora's headers, as the edge sees them.

use ferrogate_edge::{HeaderFields, RequestHead};
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use pingora_http::{RequestHeader, ResponseHeader};

/// A request header.
pub(crate) struct Request<'a>(pub(crate) &'a mut RequestHeader);

/// A response header.
pub(crate) struct Response<'a>(pub(crate) &'a mut ResponseHeader);

/// A header could not be written although name and value are valid: Pingora's case map is the only other party.
fn note(result: pingora_error::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "a header field was not written");
    }
}

impl HeaderFields for Request<'_> {
    fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    fn set_header(&mut self, name: &HeaderName, value: HeaderValue) {
        note(self.0.insert_header(name.clone(), value));
    }

    fn append_header(&mut self, name: &HeaderName, value: HeaderValue) {
        note(self.0.append_header(name.clone(), value).map(|_| ()));
    }

    fn remove_header(&mut self, name: &HeaderName) {
        self.0.remove_header(name);
    }
}

impl RequestHead for Request<'_> {
    fn method(&self) -> &Method {
        &self.0.method
    }

    fn set_method(&mut self, method: Method) {
        self.0.set_method(method);
    }

    fn version(&self) -> Version {
        self.0.version
    }

    fn path_and_query(&self) -> &[u8] {
        self.0.raw_path()
    }

    fn set_path_and_query(&mut self, target: &str) {
        note(self.0.set_raw_path(target.as_bytes()));
    }

    fn authority(&self) -> &[u8] {
        authority(self.0)
    }
}

impl HeaderFields for Response<'_> {
    fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    fn set_header(&mut self, name: &HeaderName, value: HeaderValue) {
        note(self.0.insert_header(name.clone(), value));
    }

    fn append_header(&mut self, name: &HeaderName, value: HeaderValue) {
        note(self.0.append_header(name.clone(), value).map(|_| ()));
    }

    fn remove_header(&mut self, name: &HeaderName) {
        self.0.remove_header(name);
    }
}

/// The host a request is for: the `Host` field, or HTTP/2's `:authority`.
pub(crate) fn authority(header: &RequestHeader) -> &[u8] {
    match header.headers.get(HOST) {
        Some(host) => host.as_bytes(),
        None => header
            .uri
            .authority()
            .map_or(b"", |authority| authority.as_str().as_bytes()),
    }
}
