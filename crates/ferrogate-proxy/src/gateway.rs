//! The filters of a request, in Pingora's order.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ferrogate_edge::{Connection, Exchange, TlsInfo, Verdict, client_ip};
use ferrogate_observability::RequestKind;
use ferrogate_types::RequestId;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{Method, StatusCode, Uri, Version};
use pingora_core::protocols::Digest;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};

use crate::answer::{self, Reply};
use crate::builtin::Builtin;
use crate::context::RequestContext;
use crate::head::{Request, authority};
use crate::snapshot::ListenerState;
use crate::upstream::{self, ProxyRun};
use crate::{Shared, ai, record};

/// One listener's view of the gateway: Pingora's application.
#[derive(Clone, Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
    listener: usize,
}

/// How long the rest of a request's body may take after its answer was sent; then the connection ends.
const DRAIN: Duration = Duration::from_secs(5);

impl Gateway {
    /// The application of the listener with this index in the snapshot.
    pub fn new(shared: Arc<Shared>, listener: usize) -> Self {
        Self { shared, listener }
    }

    fn listener<'a>(&self, context: &'a RequestContext) -> Option<&'a ListenerState> {
        context.snapshot.listeners.get(self.listener)
    }

    /// Brings the target into origin form and the host into its field, whatever the protocol: routes look there.
    ///
    /// HTTP/2 has the host in `:authority`, which a rewrite of the target would lose; HTTP/1.1 allows the whole URL
    /// as the target, of which Pingora keeps the path in the URI and the rest nowhere but in the raw target. A path
    /// matcher would not see the path in there, and the upstream would. Source: RFC 9113, section 8.3.1; RFC 9112,
    /// section 3.2.2.
    fn normalise(session: &mut Session) -> Result<()> {
        let header = session.req_header_mut();
        let raw = header.raw_path();
        let whole = (!raw.starts_with(b"/") && raw != b"*").then(|| Uri::try_from(raw));
        let authority = match &whole {
            Some(Ok(url)) => url.authority(),
            Some(Err(_)) => {
                return Error::e_explain(ErrorType::HTTPStatus(400), "the target is malformed");
            }
            None => header.uri.authority(),
        };
        let authority = authority.map(|authority| authority.as_str().to_owned());
        if let Some(Ok(url)) = whole {
            let target = url.path_and_query().map_or("", |target| target.as_str());
            let root = if target.starts_with('/') { "" } else { "/" };
            header.set_raw_path(format!("{root}{target}").as_bytes())?;
        }
        if let Some(authority) = authority
            && !header.headers.contains_key(HOST)
        {
            header.insert_header(HOST, authority)?;
        }
        Ok(())
    }

    /// Notes who is calling and under which id.
    fn identify(&self, session: &mut Session, context: &mut RequestContext) {
        context.connection = connection_of(session);
        let headers = &session.req_header().headers;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let chosen = text("traceparent")
            .and_then(RequestId::from_traceparent)
            .or_else(|| text("x-request-id").and_then(RequestId::from_hex));
        if let Some(id) = chosen {
            context.id = id;
        }
        let client = self.listener(context).and_then(|listener| {
            client_ip(
                context.connection.peer_ip(),
                headers,
                &listener.trusted_proxies,
                &listener.client_ip_headers,
            )
        });
        context.exchange = Exchange::new(context.started, client);
    }

    /// Finds the site and runs its routes.
    fn route(&self, session: &mut Session, context: &mut RequestContext) -> Verdict {
        let snapshot = Arc::clone(&context.snapshot);
        let site = self
            .listener(context)
            .and_then(|listener| listener.hosts.find(authority(session.req_header())))
            .and_then(|index| Some((index, snapshot.sites.get(index)?)));
        let Some((index, site)) = site else {
            return Verdict::Unhandled;
        };
        context.site = Some(index);
        let serves = |gateway: usize, method: &Method, path: &str| {
            snapshot
                .gateways
                .get(gateway)
                .is_some_and(|gateway| gateway.serves(method, path))
        };
        let mut request = Request(session.req_header_mut());
        site.program.run(
            &mut request,
            &context.connection,
            &mut context.exchange,
            &serves,
        )
    }

    /// Does what the routes decided; `true` when the request is answered.
    async fn act(
        &self,
        verdict: Verdict,
        session: &mut Session,
        context: &mut RequestContext,
    ) -> Result<bool> {
        match verdict {
            Verdict::Respond(answer) => answer::send(session, context, answer.into()).await?,
            Verdict::Abort => {
                context.error = Cow::Borrowed("aborted by the site");
                session.set_keepalive(None);
                session.as_downstream_mut().shutdown().await;
            }
            Verdict::Fail { status, message } => {
                context.error = Cow::Owned(message);
                answer::send(session, context, Reply::bare(status)).await?;
            }
            Verdict::Proxy(route) => {
                context.kind = RequestKind::Proxy;
                let trusted = self
                    .listener(context)
                    .map(|listener| &listener.trusted_proxies);
                let trusted =
                    trusted.is_some_and(|ranges| route.trusts(&context.connection, ranges));
                context.proxy = Some(ProxyRun::new(route, trusted));
                return Ok(false);
            }
            Verdict::AiGateway(index) => {
                let gateway = context.snapshot.gateways.get(index).map(Arc::clone);
                if let Some(gateway) = gateway {
                    // On the heap, so that requests of other kinds do not carry its room.
                    Box::pin(ai::handle(&self.shared, &gateway, session, context)).await?;
                }
            }
            Verdict::Unhandled => {
                let probe = Builtin::at(session.req_header().uri.path())
                    .filter(|builtin| builtin.is_public());
                let reply = match probe {
                    Some(probe) => {
                        context.kind = RequestKind::Builtin;
                        probe.answer(
                            &session.req_header().method,
                            &self.shared,
                            &context.snapshot,
                        )
                    }
                    // Caddy's answer to what nobody handles; see docs/caddyfile.md.
                    None => Reply::bare(200),
                };
                answer::send(session, context, reply).await?;
            }
        }
        Ok(true)
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = RequestContext;

    fn new_ctx(&self) -> RequestContext {
        RequestContext::new(self.shared.snapshot(), &self.shared.metrics)
    }

    /// No module runs by default: compression is a directive of its own.
    fn init_downstream_modules(&self, _modules: &mut pingora_core::modules::http::HttpModules) {}

    async fn early_request_filter(
        &self,
        session: &mut Session,
        context: &mut RequestContext,
    ) -> Result<()> {
        Self::normalise(session)?;
        self.identify(session, context);
        if let Some(listener) = self.listener(context) {
            session.set_read_timeout(Some(listener.read_timeout));
            session.set_write_timeout(Some(listener.write_timeout));
            session.set_total_drain_timeout(Some(DRAIN));
        }
        Ok(())
    }

    async fn request_filter(
        &self,
        session: &mut Session,
        context: &mut RequestContext,
    ) -> Result<bool> {
        if self
            .listener(context)
            .is_some_and(|listener| listener.admin)
        {
            context.kind = RequestKind::Builtin;
            ai::handle_admin(&self.shared, session, context).await?;
            return Ok(true);
        }
        let verdict = self.route(session, context);
        self.act(verdict, session, context).await
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        context: &mut RequestContext,
    ) -> Result<Box<HttpPeer>> {
        upstream::choose(&self.shared, session, context).await
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        context: &mut RequestContext,
        error: Box<Error>,
    ) -> Box<Error> {
        upstream::connect_failed(context, error)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        upstream_request: &mut RequestHeader,
        context: &mut RequestContext,
    ) -> Result<()> {
        upstream::prepare_request(session, upstream_request, context);
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        upstream_response: &mut ResponseHeader,
        context: &mut RequestContext,
    ) -> Result<()> {
        upstream::prepare_response(session, upstream_response, context);
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        context: &mut RequestContext,
    ) -> Result<()> {
        // A client of HTTP/1.0 would read the chunks' sizes as content. Source: RFC 9112, section 6.1.
        if session.req_header().version == Version::HTTP_10
            && response.headers.contains_key(TRANSFER_ENCODING)
        {
            response.remove_header(&TRANSFER_ENCODING);
            session.set_keepalive(None);
        }
        // It has no body to have a length of. Source: RFC 9110, section 8.6.
        if response.status == StatusCode::NO_CONTENT {
            response.remove_header(&CONTENT_LENGTH);
        }
        answer::finish_header(session, context, response)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        context: &mut RequestContext,
        client_reused: bool,
    ) -> Box<Error> {
        upstream::exchange_failed(session, context, error, client_reused)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        context: &mut RequestContext,
    ) -> FailToProxy {
        let status = status_of(error);
        if context.error.is_empty() {
            context.error = Cow::Owned(error.to_string());
        }
        context.client_gone = status.is_none() && *error.esource() == ErrorSource::Downstream;
        // The header is out: ending the connection is the only way left to say that the answer is cut.
        let Some(status) = status.filter(|_| answer::begun(session).is_none()) else {
            return FailToProxy {
                error_code: 0,
                can_reuse_downstream: false,
            };
        };
        // An upload nobody reads on would be taken for the next request.
        let reusable = session.as_downstream_mut().is_body_done();
        if !reusable {
            session.set_keepalive(None);
        }
        let sent = answer::send(session, context, Reply::bare(status)).await;
        if let Err(error) = &sent {
            tracing::debug!(%error, "sending an error");
        }
        FailToProxy {
            error_code: status,
            can_reuse_downstream: reusable && sent.is_ok(),
        }
    }

    async fn logging(
        &self,
        session: &mut Session,
        error: Option<&Error>,
        context: &mut RequestContext,
    ) {
        if let Some(error) = error
            && context.error.is_empty()
        {
            context.error = Cow::Owned(error.to_string());
        }
        record::finish(&self.shared, session, context);
    }

    /// The access log tells what happened to a request; Pingora's own line would say it twice.
    fn suppress_error_log(
        &self,
        _session: &Session,
        _context: &RequestContext,
        _error: &Error,
    ) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _context: &RequestContext,
        _error: &Error,
        _at: ProxyWarnLogContext,
    ) -> bool {
        true
    }
}

/// The status an error is answered with; `None` when nobody is there to answer.
pub(crate) fn status_of(error: &Error) -> Option<u16> {
    use ErrorType::{
        ConnectTimedout, ConnectionClosed, HTTPStatus, ReadError, ReadTimedout,
        TLSHandshakeTimedout, WriteError, WriteTimedout,
    };
    match (error.etype(), error.esource()) {
        (HTTPStatus(status), _) => Some(*status),
        (
            ConnectTimedout | ReadTimedout | WriteTimedout | TLSHandshakeTimedout,
            ErrorSource::Upstream,
        ) => Some(504),
        (_, ErrorSource::Upstream) => Some(502),
        (ReadTimedout, ErrorSource::Downstream) => Some(408),
        (
            ReadError | WriteError | WriteTimedout | ConnectionClosed | ErrorType::H2Error,
            ErrorSource::Downstream,
        ) => None,
        (_, ErrorSource::Downstream) => Some(400),
        (_, ErrorSource::Internal | ErrorSource::Unset) => Some(500),
    }
}

fn connection_of(session: &Session) -> Connection {
    let inet = |address: Option<&pingora_core::protocols::l4::socket::SocketAddr>| {
        address.and_then(|address| address.as_inet()).copied()
    };
    let tls = session
        .digest()
        .and_then(|digest: &Digest| digest.ssl_digest.as_ref())
        .map(|tls| TlsInfo {
            version: tls.version.to_string(),
            cipher: tls.cipher.to_string(),
            server_name: None,
        });
    Connection {
        peer: inet(session.client_addr()),
        local: inet(session.server_addr()),
        tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_status_of_whose_fault_they_are() {
        let check = |etype: ErrorType, source: ErrorSource, expected: Option<u16>| {
            let mut error = Error::new(etype.clone());
            error.esource = source.clone();
            assert_eq!(status_of(&error), expected, "{etype:?} {source:?}");
        };
        check(ErrorType::ConnectTimedout, ErrorSource::Upstream, Some(504));
        check(ErrorType::ReadTimedout, ErrorSource::Upstream, Some(504));
        check(ErrorType::ConnectRefused, ErrorSource::Upstream, Some(502));
        check(ErrorType::HTTPStatus(503), ErrorSource::Upstream, Some(503));
        check(ErrorType::ReadTimedout, ErrorSource::Downstream, Some(408));
        check(ErrorType::ConnectionClosed, ErrorSource::Downstream, None);
        check(
            ErrorType::InvalidHTTPHeader,
            ErrorSource::Downstream,
            Some(400),
        );
        check(ErrorType::InternalError, ErrorSource::Internal, Some(500));
    }
}
