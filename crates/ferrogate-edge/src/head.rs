//! The request header, as the edge needs it.

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

/// Header fields that can be edited: a request's or a response's.
pub trait HeaderFields {
    /// The fields as they are now.
    fn headers(&self) -> &HeaderMap;
    /// Replaces every line of the field by one.
    fn set_header(&mut self, name: &HeaderName, value: HeaderValue);
    /// Adds a line.
    fn append_header(&mut self, name: &HeaderName, value: HeaderValue);
    /// Removes every line of the field.
    fn remove_header(&mut self, name: &HeaderName);
}

/// The header of a request, read and rewritten in place.
pub trait RequestHead: HeaderFields {
    /// The method.
    fn method(&self) -> &Method;
    /// Puts another method in place.
    fn set_method(&mut self, method: Method);
    /// The protocol version the client spoke.
    fn version(&self) -> Version;
    /// The target as received or last rewritten: raw path and query, in origin form.
    fn path_and_query(&self) -> &[u8];
    /// Puts another target in place; it is printable ASCII without spaces.
    fn set_path_and_query(&mut self, target: &str);

    /// Host and port as sent, empty if absent.
    ///
    /// Override it where HTTP/2 keeps `:authority` apart from the fields; a `Host` field, if there is one, comes first.
    fn authority(&self) -> &[u8] {
        self.headers().get(HOST).map_or(&[], HeaderValue::as_bytes)
    }
}

/// A request header that stands on its own: for explanations, tests and benches.
#[derive(Clone, Debug)]
pub struct OwnedHead {
    /// The method.
    pub method: Method,
    /// The protocol version.
    pub version: Version,
    /// Raw path and query.
    pub target: Vec<u8>,
    /// The fields.
    pub headers: HeaderMap,
}

impl OwnedHead {
    /// An HTTP/1.1 request without fields.
    pub fn new(method: Method, target: impl Into<Vec<u8>>) -> Self {
        Self {
            method,
            version: Version::HTTP_11,
            target: target.into(),
            headers: HeaderMap::new(),
        }
    }
}

impl HeaderFields for HeaderMap {
    fn headers(&self) -> &HeaderMap {
        self
    }

    fn set_header(&mut self, name: &HeaderName, value: HeaderValue) {
        self.insert(name, value);
    }

    fn append_header(&mut self, name: &HeaderName, value: HeaderValue) {
        self.append(name, value);
    }

    fn remove_header(&mut self, name: &HeaderName) {
        self.remove(name);
    }
}

impl HeaderFields for OwnedHead {
    fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn set_header(&mut self, name: &HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    fn append_header(&mut self, name: &HeaderName, value: HeaderValue) {
        self.headers.append(name, value);
    }

    fn remove_header(&mut self, name: &HeaderName) {
        self.headers.remove(name);
    }
}

impl RequestHead for OwnedHead {
    fn method(&self) -> &Method {
        &self.method
    }

    fn set_method(&mut self, method: Method) {
        self.method = method;
    }

    fn version(&self) -> Version {
        self.version
    }

    fn path_and_query(&self) -> &[u8] {
        &self.target
    }

    fn set_path_and_query(&mut self, target: &str) {
        self.target = target.as_bytes().to_vec();
    }
}
