//! The header of a request on its way up, and of an answer on its way down.

use bytes::Bytes;
use ferrogate_edge::{HeaderFields, forward_request_headers, strip_response_headers};
use ferrogate_types::route::UpstreamScheme;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, TE, TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderName, HeaderValue, Method, Uri, Version};
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

use super::Trouble;
use super::upload::{Upload, drops_body};
use crate::context::RequestContext;
use crate::head::{Request, Response, authority};
use ferrogate_edge::{Lease, ProxyRoute};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// The request as all attempts send it, but for what depends on the upstream: rewritten where the directive says so, and
/// without a body where its method takes it away.
pub(super) fn outline(
    session: &mut Session,
    context: &RequestContext,
    route: &ProxyRoute,
    upload: &mut Upload,
) -> Result<RequestHeader, Trouble> {
    let mut header = session.req_header().clone();
    let request = Request(session.req_header_mut());
    let (connection, exchange) = (&context.connection, &context.exchange);
    let target = route.upstream_target(&request, connection, exchange);
    let method = route.upstream_method(&request, connection, exchange);
    if let Some(target) = target {
        header
            .set_raw_path(target.as_bytes())
            .map_err(|error| Trouble::fail(500, error.to_string()))?;
    }
    if let Some(method) = method {
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| Trouble::fail(500, format!("`{method}` is no method")))?;
        if drops_body(&method) && method != header.method {
            upload.replace(Bytes::new());
            header.remove_header(&CONTENT_TYPE);
        }
        header.set_method(method);
    }
    Ok(header)
}

/// The request for this upstream: forwarded and hop-by-hop fields, host, `header_up`, framing.
pub(super) fn for_upstream(
    outline: &RequestHeader,
    session: &mut Session,
    context: &RequestContext,
    lease: &Lease,
    trusted_peer: bool,
    upload: &Upload,
) -> RequestHeader {
    let mut header = outline.clone();
    let authority = authority(session.req_header()).to_vec();
    let mut fields = Request(&mut header);
    forward_request_headers(&mut fields, &context.connection, &authority, trusted_peer);
    fields.append_header(&VIA, HeaderValue::from_static("1.1 Ferrogate"));
    fields.remove_header(&HTTP2_SETTINGS);
    if let Some(trace) = context.exchange.trace() {
        fields.set_header(&TRACEPARENT, trace.header_value());
    }
    if lease.address().scheme == UpstreamScheme::Https
        && let Ok(host) = HeaderValue::from_str(host_of(lease.dial()))
    {
        // Caddy from 2.11 on: an HTTPS upstream is told its own name.
        fields.set_header(&HOST, host);
    }
    if !upload.expects() {
        fields.remove_header(&EXPECT);
    }
    let length = upload.length(session);
    fields.remove_header(&TRANSFER_ENCODING);
    match length {
        // A request without a body says nothing about its length, unless it did when it came.
        Some(0) if !outline.headers.contains_key(CONTENT_LENGTH) || upload.is_complete() => {
            let said = matches!(header.method, Method::POST | Method::PUT | Method::PATCH);
            let mut fields = Request(&mut header);
            fields.remove_header(&CONTENT_LENGTH);
            if said {
                fields.set_header(&CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        }
        Some(length) => fields.set_header(&CONTENT_LENGTH, HeaderValue::from(length)),
        None => {
            fields.remove_header(&CONTENT_LENGTH);
            fields.set_header(&TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
    let request = Request(session.req_header_mut());
    lease.route().apply_header_up(
        &request,
        &context.connection,
        &context.exchange,
        &mut Request(&mut header),
    );
    header
}

/// The header in the form of HTTP/1.1.
pub(super) fn in_http1(header: &mut RequestHeader) -> Result<()> {
    header.set_version(Version::HTTP_11);
    if !header.headers.contains_key(HOST) {
        header.insert_header(HOST, "")?;
    }
    Ok(())
}

/// The header in the form of HTTP/2: the host in `:authority`, nothing about the connection. Source: RFC 9113, sections
/// 8.2.2 and 8.3.1.
pub(super) fn in_http2(header: &mut RequestHeader, peer: &HttpPeer) -> Result<()> {
    let unfit = |what: &'static str| Error::explain(ErrorType::InvalidHTTPHeader, what);
    for name in [&TRANSFER_ENCODING, &CONNECTION, &UPGRADE, &HTTP2_SETTINGS] {
        header.remove_header(name);
    }
    let trailers = header.headers.get(TE).is_some_and(|te| te == "trailers");
    if !trailers {
        header.remove_header(&TE);
    }
    let host = header.remove_header(&HOST);
    let host = host.ok_or_else(|| unfit("no host for an HTTP/2 upstream"))?;
    let authority = Authority::try_from(host.as_bytes())
        .map_err(|_| unfit("the host cannot be sent over HTTP/2"))?;
    if authority.as_str().contains('@') {
        return Err(unfit("the host holds credentials"));
    }
    let target = PathAndQuery::try_from(header.raw_path())
        .map_err(|_| unfit("the target cannot be sent over HTTP/2"))?;
    let uri = Uri::builder()
        .scheme(if peer.is_tls() { "https" } else { "http" })
        .authority(authority)
        .path_and_query(target)
        .build()
        .map_err(|_| unfit("the target cannot be sent over HTTP/2"))?;
    header.set_uri(uri);
    header.set_version(Version::HTTP_2);
    Ok(())
}

/// The host field for an upstream: the port is left out where it is the scheme's own.
fn host_of(dial: &str) -> &str {
    dial.strip_suffix(":443").unwrap_or(dial)
}

/// Takes out of an answer what belongs to the connection it came over; `header_down` follows when it is sent on.
///
/// Lengths that contradict each other are refused by the reader, so that further lines only repeat the first. Source: RFC 9110,
/// section 8.6.
pub(super) fn from_upstream(response: &mut ResponseHeader) {
    let mut lengths = response.headers.get_all(CONTENT_LENGTH).iter();
    if let (Some(length), Some(_)) = (lengths.next().cloned(), lengths.next()) {
        Response(response).set_header(&CONTENT_LENGTH, length);
    }
    strip_response_headers(&mut Response(response));
}
