//! One request to an upstream, as the caller describes it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::Full;

use crate::error::{CallError, CallErrorKind};

/// A request with its limits of time.
#[derive(Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path with query, beginning with `/`; [`Endpoint::path`](crate::Endpoint::path) builds it.
    pub path_and_query: String,
    /// Headers, sent as given except hop-by-hop headers, `host` and `content-length`, which the client sets.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// Limits for the phases of the call.
    pub timeouts: Timeouts,
    /// When the call has to be over, body included.
    pub deadline: Option<Instant>,
    /// Whether the call may be sent again on a fresh connection after a reused one broke without a byte of
    /// an answer. Calls that provably were not sent are repeated in any case.
    pub replayable: bool,
}

impl Call {
    /// A POST of a JSON body, not replayable, with the default limits.
    pub fn post(path_and_query: impl Into<String>, json: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self {
            method: Method::POST,
            path_and_query: path_and_query.into(),
            headers,
            body: json.into(),
            timeouts: Timeouts::default(),
            deadline: None,
            replayable: false,
        }
    }

    /// A replayable GET with the default limits.
    pub fn get(path_and_query: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path_and_query: path_and_query.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeouts: Timeouts::default(),
            deadline: None,
            replayable: true,
        }
    }

    /// Turns the call into a request with a bare path; the connection adds what its protocol needs.
    pub(crate) fn into_request(self) -> Result<Request<Full<Bytes>>, CallError> {
        let path = PathAndQuery::try_from(self.path_and_query)
            .map_err(|error| CallError::because(CallErrorKind::Protocol, error))?;
        if !path.as_str().starts_with('/') {
            return Err(CallError::because(
                CallErrorKind::Protocol,
                "the path does not begin with a slash",
            ));
        }
        let mut headers = self.headers;
        strip_hop_by_hop(&mut headers);
        if !self.body.is_empty() || self.method == Method::POST || self.method == Method::PUT {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        }
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::from(path);
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// Limits for the phases of a call. `None` means that only the deadline limits the phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For resolving, connecting and the TLS handshake together.
    pub connect: Duration,
    /// From handing the request over until the answer head.
    pub first_byte: Option<Duration>,
    /// For each pause inside the body, counted only while somebody waits for the next chunk.
    pub idle: Option<Duration>,
}

impl Default for Timeouts {
    /// Ten seconds to connect, ten minutes to begin, two minutes between chunks.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Some(Duration::from_mins(10)),
            idle: Some(Duration::from_mins(2)),
        }
    }
}

/// Removes what describes the connection rather than the message. RFC 9110 section 7.6.1.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| HeaderName::try_from(name.trim()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Hop-by-hop headers, then the two which the client computes itself.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HOST,
    CONTENT_LENGTH,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_what_belongs_to_a_hop() {
        let mut call = Call::post("/v1/x?y=1", "{}");
        for (name, value) in [
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("content-length", "99"),
            ("host", "elsewhere"),
            ("x-kept", "1"),
        ] {
            call.headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let request = call.into_request().unwrap();
        let mut names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "content-type", "x-kept"]);
        assert_eq!(request.headers()[CONTENT_LENGTH], "2");
    }

    #[test]
    fn refuses_paths_that_are_none() {
        for path in ["v1", "/a b", "http://elsewhere/", "/a\r\nx: y"] {
            let error = Call::get(path).into_request().err();
            assert_eq!(
                error.map(|error| error.kind()),
                Some(CallErrorKind::Protocol),
                "{path:?}"
            );
        }
    }
}
