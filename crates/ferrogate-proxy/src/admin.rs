//! The way of the admin API: who asks, the request as a whole, and its answer as it comes.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use ferrogate_auth::Principal;
use ferrogate_observability::RequestKind;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use http_body::Body as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Collected};
use pingora_error::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use crate::ai::{Refusal, RefusalCode, Stop, authenticate, intake};
use crate::answer::{self, Reply};
use crate::context::RequestContext;
use crate::{ModelGateway, Shared, deliver, watch};

/// What answers requests of the admin API. It works on threads of its own.
#[async_trait]
pub trait AdminApi: fmt::Debug + Send + Sync {
    /// Whether it answers at a path.
    fn serves(&self, path: &str) -> bool;

    /// Answers a request. The body of the answer may go on for as long as its caller listens; dropped, it ends.
    async fn answer(
        &self,
        caller: AdminCaller,
        request: http::Request<Bytes>,
    ) -> http::Response<AdminBody>;
}

/// The body of an answer.
pub type AdminBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Who asks.
#[derive(Clone, Debug)]
pub struct AdminCaller {
    /// Who showed a credential; nobody where none was shown, for a cookie to tell.
    pub principal: Option<Principal>,
    /// Where the caller is.
    pub address: Option<IpAddr>,
    /// Whether the request came over TLS.
    pub secure: bool,
}

/// Bytes of a body that are read at most: a configuration.
const LARGEST: usize = 4 << 20;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers a request at one of the admin API's paths.
pub(crate) async fn handle(
    shared: &Shared,
    gateways: &[Arc<ModelGateway>],
    api: &dyn AdminApi,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<()> {
    context.kind = RequestKind::Builtin;
    match whole(shared, gateways, api, session, context).await {
        Ok(answer) => relay(answer, session, context).await,
        Err(Stop::Refused(refusal)) => refusal.send(session, context).await,
        Err(Stop::ClientGone) => {
            context.client_gone = true;
            session.set_keepalive(None);
            Ok(())
        }
    }
}

async fn whole(
    shared: &Shared,
    gateways: &[Arc<ModelGateway>],
    api: &dyn AdminApi,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<http::Response<AdminBody>, Stop> {
    let principal = authenticate::shown(shared, gateways, session, context).await?;
    let body = intake::read_body(session, LARGEST, Instant::now() + PATIENCE).await?;
    let header = session.req_header();
    let mut request = http::Request::builder()
        .method(header.method.clone())
        .uri(header.uri.clone())
        .body(body)
        .map_err(|_| Refusal::new(RefusalCode::InvalidRequest, "the target is no URL"))?;
    request.headers_mut().clone_from(&header.headers);
    let caller = AdminCaller {
        principal,
        address: context.exchange.client_ip(),
        secure: context.connection.tls.is_some(),
    };
    let answering = std::pin::pin!(api.answer(caller, request));
    watch::unless_gone(session, answering)
        .await
        .ok_or(Stop::ClientGone)
}

/// Sends the answer: at once where it is whole, piece by piece where it goes on.
async fn relay(
    answer: http::Response<AdminBody>,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<()> {
    let (parts, mut body) = answer.into_parts();
    if body.size_hint().exact().is_some() {
        let body = body.collect().await.map(Collected::to_bytes);
        let reply = Reply {
            status: parts.status.as_u16(),
            headers: pairs(&parts.headers),
            body: body.unwrap_or_default(),
            close: false,
        };
        return answer::send(session, context, reply).await;
    }
    let mut header = ResponseHeader::build_no_case(parts.status, Some(parts.headers.len() + 4))?;
    for (name, value) in pairs(&parts.headers) {
        header.append_header(name, value)?;
    }
    if session.req_header().version == Version::HTTP_11 {
        header.insert_header(TRANSFER_ENCODING, "chunked")?;
    }
    deliver::finish_header(session, context, &mut header, None)?;
    session
        .write_response_header(Box::new(header), false)
        .await?;
    loop {
        let next = std::pin::pin!(body.frame());
        let Some(next) = watch::unless_gone(session, next).await else {
            context.client_gone = true;
            session.set_keepalive(None);
            return Ok(());
        };
        let Some(Ok(frame)) = next else { break };
        if let Ok(piece) = frame.into_data() {
            session.write_response_body(Some(piece), false).await?;
        }
    }
    session.write_response_body(None, true).await
}

/// The fields of an answer, but for those that say how it is framed.
fn pairs(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let told = headers
        .iter()
        .filter(|(name, _)| **name != CONTENT_LENGTH && **name != TRANSFER_ENCODING);
    told.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
