//! The filters of a request, in Pingora's order.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ferrogate_edge::{Exchange, client_ip};
use ferrogate_observability::RequestKind;
use ferrogate_types::RequestId;
use http::Uri;
use http::header::HOST;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};

use crate::answer::{self, Reply};
use crate::context::RequestContext;
use crate::downstream::connection_of;
use crate::head::authority;
use crate::snapshot::ListenerState;
use crate::{Shared, ai, flow, record, screen};

/// One listener's view of the gateway: Pingora's application.
#[derive(Clone, Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
    listener: usize,
}

/// How long the rest of a request's body may take after its answer was sent; then the connection ends.
const DRAIN: Duration = Duration::from_secs(5);

/// The label of hosts that no site names; Caddy's.
const OTHER_HOST: &str = "_other";

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
        if !well_escaped(header.raw_path()) {
            return Error::e_explain(
                ErrorType::HTTPStatus(400),
                "the target has a percent sign that begins no escape",
            );
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
        if self
            .listener(context)
            .is_some_and(|listener| listener.trace)
        {
            context.exchange.note_steps();
        }
        context.host_rule = self
            .listener(context)
            .filter(|listener| !listener.metric_hosts.is_empty())
            .and_then(|listener| listener.hosts.find_rule(authority(session.req_header())));
    }

    /// What only some listeners want to know of a request that has ended.
    fn observe(&self, session: &Session, context: &RequestContext) {
        let Some(listener) = self.listener(context) else {
            return;
        };
        if !listener.metric_hosts.is_empty() {
            let label = context
                .host_rule
                .and_then(|rule| listener.metric_hosts.get(rule))
                .map_or(OTHER_HOST, |host| host);
            let status = answer::begun(session).unwrap_or(0);
            let duration = context.started.elapsed();
            self.shared.metrics.host_request(label, status, duration);
        }
        for step in context.exchange.steps() {
            tracing::debug!(
                request_id = context.id.as_str(),
                directive = &*step.origin.directive,
                place = &*step.origin.place,
                ran = step.matched,
                why = step.why,
                "route"
            );
        }
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
            screen::fields(session.req_header_mut(), &listener.expected_fields);
            if listener.strict_sni_host
                && !screen::is_for_its_handshake(&context.connection, session.req_header())
            {
                session.set_keepalive(None);
                return Error::e_explain(
                    ErrorType::HTTPStatus(421),
                    "the host is not the one of the handshake",
                );
            }
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
        flow::run(&self.shared, self.listener, session, context).await?;
        Ok(true)
    }

    /// Every request is answered by [`ProxyHttp::request_filter`]; upstreams are spoken to from there.
    async fn upstream_peer(
        &self,
        _session: &mut Session,
        _context: &mut RequestContext,
    ) -> Result<Box<HttpPeer>> {
        Error::e_explain(
            ErrorType::InternalError,
            "a request went on without an answer",
        )
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
        let credentials = self
            .listener(context)
            .is_some_and(|listener| listener.log_credentials);
        record::finish(&self.shared, session, context, credentials);
        self.observe(session, context);
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

/// Whether every percent sign of a target's path begins an escape: what it means otherwise, each reader decides for himself.
fn well_escaped(target: &[u8]) -> bool {
    let path = target
        .split(|byte| *byte == b'?')
        .next()
        .unwrap_or_default();
    let mut parts = path.split(|byte| *byte == b'%');
    parts.next();
    parts.all(|part| {
        part.get(..2)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_have_two_digits() {
        for (target, well) in [
            ("/a%2Fb?%zz", true),
            ("/%41%e2", true),
            ("/%", false),
            ("/%4", false),
            ("/%zz", false),
            ("/%%41", false),
            ("*", true),
        ] {
            assert_eq!(well_escaped(target.as_bytes()), well, "{target}");
        }
    }

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
