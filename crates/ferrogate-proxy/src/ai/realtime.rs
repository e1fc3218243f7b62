//! Sessions of OpenAI's Realtime API: a WebSocket to a provider, passed through and metered.
//!
//! The order is that of every call, and so are the refusals, until the provider has switched protocols. From there on
//! bytes pass both ways untouched; what the provider says is metered on the way. Whatever ends the session, what it
//! used is settled.

mod handshake;
mod open;
mod tunnel;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_llm::RealtimeMeter;
use ferrogate_observability::CallOutcome;
use ferrogate_types::Scope;
use ferrogate_upstream::Upgraded;
use http::StatusCode;
use http::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use self::handshake::Handshake;
use self::tunnel::Ended;
use super::asked::Asking;
use super::gateway::{ModelGateway, OnUnsupported};
use super::limit::Admission;
use super::refusal::{Refusal, RefusalCode};
use super::{CallRecord, Stop, authenticate, authorize, limit, relay};
use crate::context::RequestContext;
use crate::{Books, Shared};
use crate::{deliver, watch};

/// Opens a session, passes it through, and says how it ended.
pub(super) async fn run(
    shared: &Arc<Shared>,
    gateway: &Arc<ModelGateway>,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<CallOutcome, Stop> {
    let principal = authenticate::caller(gateway, session, context).await?;
    if let Some(call) = &mut context.call {
        call.called_by(&principal, &session.req_header().headers);
        call.stream = true;
    }
    authorize::scope(gateway, &principal, Scope::RealtimeConnect)?;
    let handshake = Handshake::read(session.req_header())?;
    if let Some(call) = &mut context.call {
        call.asked_for(&handshake.model);
    }
    let model = authorize::model(gateway, &principal, &handshake.model)?;
    if let (OnUnsupported::Reject, Some(first)) = (gateway.on_unsupported, handshake.lost.first()) {
        let lost = handshake.lost.join("`, `");
        let message = format!("no provider is sent `{lost}` of a session's query");
        return Err(Refusal::new(RefusalCode::UnsupportedParameter, message)
            .with_param(first)
            .into());
    }
    let entrant = limit::Entrant {
        books: &shared.books,
        gateway,
        principal: &principal,
        address: context.exchange.client_ip(),
        id: context.id,
    };
    let limit::Entered {
        model,
        admission,
        priced,
    } = entrant.enter_session(model).await?;
    if let Some(call) = &mut context.call {
        call.resolved(&model);
    }
    let key = principal.key().map(|key| key.id().as_str());
    let headers = &session.req_header().headers;
    let asked = Asking::session(&handshake.model, &model, headers, key)?;
    let (deadline, impatient) = limit::deadline(gateway, session, context.started);
    let wish = open::Wish {
        shared,
        gateway,
        principal: &principal,
        address: context.exchange.client_ip(),
        model: &model,
        handshake: &handshake,
        priced,
        asked,
        named: authorize::named(&session.req_header().headers),
        deadline,
        impatient,
    };
    let waited = Instant::now();
    // On the heap, so that the tunnel that follows does not carry its room.
    let opening = Box::pin(open::run(&wish));
    let opened = watch::unless_gone(session, opening).await;
    let Some(call) = &mut context.call else {
        return Err(Stop::ClientGone);
    };
    call.upstream_wait += waited.elapsed();
    let tried = opened.ok_or(Stop::ClientGone)?;
    call.tried(tried.trace);
    // Until the session is over.
    let (target, upgraded, _occupied) = tried
        .result
        .inspect_err(|_| call.attempted = tried.dispatched)?;
    call.served_by(target.provider.id(), &target.model, &target.prices);
    call.label = target.label().map(str::to_owned);
    call.lossy = handshake.lost;
    call.quiet = gateway.on_unsupported == OnUnsupported::Drop;
    let total = target.provider.spec().timeouts.total.unwrap_or_default();
    let limit = if impatient {
        deadline
    } else {
        deadline.max(context.started + total.min(LONGEST_SESSION))
    };
    let books = &shared.books;
    pass(books, upgraded, limit, admission, session, context).await
}

/// Beyond the range of any clock is no limit either.
const LONGEST_SESSION: Duration = Duration::from_hours(24 * 366);

/// Passes the session through until it ends, and settles what it used.
async fn pass(
    books: &Books,
    upgraded: Upgraded,
    limit: Instant,
    mut admission: Admission,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<CallOutcome, Stop> {
    let mut meter = RealtimeMeter::default();
    let ended = match switch(&upgraded, &admission, session, context).await {
        Ok(()) => {
            let mut fare = Fare {
                books,
                admission: &mut admission,
                call: context.call.as_ref(),
            };
            tunnel::run(session, upgraded, &mut meter, limit, &mut fare).await
        }
        Err(error) => {
            tracing::debug!(%error, "switching protocols");
            Ended::CallerBroken
        }
    };
    if let Some(call) = &mut context.call {
        settle(call, &meter, admission);
    }
    let (outcome, why) = match ended {
        Ended::Caller | Ended::Provider => (CallOutcome::Success, ""),
        Ended::CallerBroken => return Err(Stop::ClientGone),
        Ended::ProviderBroken => (CallOutcome::Failed, "the provider's session broke off"),
        Ended::OutOfTime => (CallOutcome::Refused, "the session reached its time limit"),
        Ended::OutOfBudget => (CallOutcome::Refused, "the key's budget is used up"),
    };
    context.error = why.into();
    Ok(outcome)
}

/// What a session pays with.
struct Fare<'a> {
    books: &'a Books,
    admission: &'a mut Admission,
    call: Option<&'a CallRecord>,
}

impl Fare<'_> {
    /// Whether its budgets have room for what was used.
    async fn affords(&mut self, meter: &RealtimeMeter) -> bool {
        let Some(call) = self.call else { return true };
        let (used, _) = meter.usage();
        let kept = self
            .admission
            .keep_up(self.books, used, |usage| call.priced(usage));
        kept.await.is_ok()
    }
}

fn settle(call: &mut CallRecord, meter: &RealtimeMeter, admission: Admission) {
    let (usage, estimated) = meter.usage();
    if meter.unread() > 0 {
        tracing::warn!(
            provider = call.provider,
            unread = meter.unread(),
            "usage of a realtime session could not be read"
        );
    }
    call.used(usage, estimated);
    admission.settle(call);
}

/// Tells the caller that the provider has switched.
async fn switch(
    upgraded: &Upgraded,
    admission: &Admission,
    session: &mut Session,
    context: &mut RequestContext,
) -> pingora_error::Result<()> {
    let mut header = ResponseHeader::build_no_case(StatusCode::SWITCHING_PROTOCOLS, Some(24))?;
    header.insert_header(CONNECTION, HeaderValue::from_static("Upgrade"))?;
    header.insert_header(UPGRADE, HeaderValue::from_static("websocket"))?;
    for name in [SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL] {
        if let Some(value) = upgraded.headers.get(&name) {
            header.insert_header(name, value.clone())?;
        }
    }
    if let Some(call) = &context.call {
        for (name, value) in call.headers() {
            header.insert_header(name, value)?;
        }
    }
    for (name, value) in relay::common_headers(admission, context) {
        header.insert_header(name, value)?;
    }
    deliver::finish_header(session, context, &mut header, None)?;
    session.write_response_header(Box::new(header), false).await
}
