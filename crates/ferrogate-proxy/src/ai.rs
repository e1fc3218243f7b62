//! Model calls: one pipeline for every surface.
//!
//! The order, each step a room of its own, with the reason for its place:
//!
//! 1. [`authenticate`]: nothing of a stranger's is read or answered.
//! 2. [`intake`]: the body, bounded, decoded only as far as routing needs; authorising needs the model's name.
//! 3. [`authorize`]: scope, model, address; before anything is counted, so that a refusal uses up nothing.
//! 4. [`limit`]: the rate and the budget, reserved before anything is sent.
//! 5. [`attempt`]: the plan's targets in order until one answers; nothing has gone downstream yet.
//! 6. [`relay`]: from the first byte on there is no way back.
//! 7. settling and recording: at the end, whatever the end.
//!
//! Every refusal, from any step, becomes an answer in [`refusal`].

mod asked;
mod attempt;
pub(crate) mod authenticate;
mod authorize;
mod call;
pub mod explain;
mod facts;
mod gateway;
pub(crate) mod intake;
mod issued;
mod limit;
mod listing;
mod policy;
pub mod probe;
mod realtime;
mod refusal;
mod relay;
mod resource;
mod trace;
mod usage;
mod worst;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use ferrogate_llm::{Dialect, Operation, Surface};
use ferrogate_observability::{CallOutcome, RequestKind};
use ferrogate_types::clock;
use http::Method;
use pingora_error::Result;
use pingora_proxy::Session;

pub(crate) use self::call::CallRecord;
pub use self::gateway::{ModelGateway, OnUnsupported};
pub(crate) use self::intake::PIECE;
pub(crate) use self::issued::Issued;
pub use self::probe::HealthProbe;
pub(crate) use self::refusal::{Refusal, RefusalCode};
use self::resource::Resource;
use crate::builtin::Builtin;
use crate::context::RequestContext;
use crate::{Shared, admin, answer};

/// Why a call ended before its answer was relayed.
pub(crate) enum Stop {
    /// It is refused, and the caller is told.
    Refused(Refusal),
    /// The caller left; nobody is told.
    ClientGone,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Whether a request names the provider it is for.
pub fn names_provider(headers: &http::HeaderMap) -> bool {
    headers.contains_key("x-provider")
}

/// Answers a request that an `ai_gateway` route took.
pub(crate) async fn handle(
    shared: &Arc<Shared>,
    gateway: &Arc<ModelGateway>,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<()> {
    let path = session.req_header().uri.path().to_owned();
    if let Some(builtin) = Builtin::at(&path) {
        context.kind = RequestKind::Builtin;
        return builtin_path(
            shared,
            std::slice::from_ref(gateway),
            builtin,
            session,
            context,
        )
        .await;
    }
    if let Some(api) = shared.admin().filter(|api| api.serves(&path)) {
        let gateways = std::slice::from_ref(gateway);
        return admin::handle(shared, gateways, &**api, session, context).await;
    }
    context.kind = RequestKind::Model;
    let result = match Surface::at(&path) {
        Some((surface, _)) if surface.operation() == Operation::Realtime => {
            context.call = Some(CallRecord::new(surface));
            let result = realtime::run(shared, gateway, session, context).await;
            counted(shared, context, result)
        }
        Some((surface, model)) => {
            model_call(shared, gateway, surface, model.as_deref(), session, context).await
        }
        None if path == usage::PATH => usage::answer(shared, gateway, session, context).await,
        None if listing::is_at(&path) => listing::answer(gateway, &path, session, context).await,
        None => resource::pass(shared, gateway, Resource::at(&path), session, context).await,
    };
    match result {
        Ok(()) => Ok(()),
        Err(Stop::ClientGone) => {
            context.client_gone = true;
            context.error = "the client left".into();
            session.set_keepalive(None);
            Ok(())
        }
        Err(Stop::Refused(refusal)) => refusal.send(session, context).await,
    }
}

/// Answers a request on the admin listener: the gateway's own paths and nothing else.
pub(crate) async fn handle_admin(
    shared: &Arc<Shared>,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<()> {
    let snapshot = Arc::clone(&context.snapshot);
    let path = session.req_header().uri.path();
    let api = shared.admin().filter(|api| api.serves(path));
    match (Builtin::at(path), api) {
        (Some(builtin), _) => {
            builtin_path(shared, &snapshot.gateways, builtin, session, context).await
        }
        (None, Some(api)) => {
            admin::handle(shared, &snapshot.gateways, &**api, session, context).await
        }
        (None, None) => {
            Refusal::new(RefusalCode::NotFound, "there is nothing at this path")
                .send(session, context)
                .await
        }
    }
}

/// Answers one of the gateway's own paths, to whom it may concern.
async fn builtin_path(
    shared: &Arc<Shared>,
    gateways: &[Arc<ModelGateway>],
    builtin: Builtin,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<()> {
    if !builtin.is_public()
        && let Err(refusal) = authenticate::administrator(shared, gateways, session, context).await
    {
        return refusal.send(session, context).await;
    }
    let reply = builtin.answer(&session.req_header().method, shared, &context.snapshot);
    answer::send(session, context, reply).await
}

async fn model_call(
    shared: &Arc<Shared>,
    gateway: &Arc<ModelGateway>,
    surface: Surface,
    addressed: Option<&str>,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<(), Stop> {
    context.call = Some(CallRecord::new(surface));
    if session.req_header().method != Method::POST {
        return Err(Refusal::new(
            RefusalCode::MethodNotAllowed,
            "only POST is answered at this path",
        )
        .into());
    }
    let result = run(shared, gateway, surface, addressed, session, context).await;
    counted(shared, context, result)
}

/// Counts a call that has ended.
fn counted(
    shared: &Shared,
    context: &mut RequestContext,
    result: Result<CallOutcome, Stop>,
) -> Result<(), Stop> {
    let outcome = match &result {
        Ok(outcome) => *outcome,
        Err(Stop::ClientGone) => CallOutcome::Cancelled,
        Err(Stop::Refused(refusal)) => refusal.outcome(),
    };
    if let Some(call) = &mut context.call {
        call.count(shared, outcome);
    }
    result.map(|_| ())
}

/// The pipeline.
async fn run(
    shared: &Arc<Shared>,
    gateway: &Arc<ModelGateway>,
    surface: Surface,
    addressed: Option<&str>,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<CallOutcome, Stop> {
    let principal = authenticate::caller(gateway, session, context).await?;
    if let Some(call) = &mut context.call {
        call.called_by(&principal, &session.req_header().headers);
    }
    authorize::scope(gateway, &principal, surface.scope())?;
    let (deadline, impatient) = limit::deadline(gateway, session, context.started);
    let body = intake::read_body(session, gateway.max_request_bytes, deadline).await?;
    let content_type = intake::content_type(&session.req_header().headers);
    let request = intake::decode(surface, addressed, &content_type, body)?;
    if let Some(call) = &mut context.call {
        call.asked(&request);
    }
    let model = authorize::model(gateway, &principal, request.model())?;
    let address = context.exchange.client_ip();
    let entrant = limit::Entrant {
        books: &shared.books,
        gateway,
        principal: &principal,
        address,
        id: context.id,
    };
    let limit::Entered {
        model,
        mut admission,
        priced,
    } = entrant.enter(model, &request).await?;
    let key = principal.key().map(|key| key.id().as_str());
    let asked = asked::Asking::new(&request, &model, &session.req_header().headers, key)?;
    if let Some(call) = &mut context.call {
        call.resolved(&model);
        // What a provider was sent is owed, should this never get to its end.
        admission.owe(call.charge_of_input(&request));
    }
    let job = attempt::Job {
        shared,
        gateway,
        principal: &principal,
        address,
        model: &model,
        request: &request,
        priced,
        deadline,
        impatient,
        content_type,
        id: context.id.to_string(),
        array: surface.dialect() == Dialect::Gemini
            && request.stream()
            && !asks_for_events(session),
        named: authorize::named(&session.req_header().headers),
        created: clock::since_epoch().as_secs(),
        asked,
        echo: OnceLock::new(),
    };
    let waited = Instant::now();
    // On the heap: a connection that waits for its next request does not carry the many kilobytes of this one.
    let mut attempts = Box::pin(attempt::run(&job, session_facts(session)));
    let waiting = relay::wait(&job, &admission, attempts.as_mut(), session, context);
    let (won, begun) = waiting.await.unzip();
    drop(attempts);
    let begun = begun.unwrap_or(false);
    let record = context.call.get_or_insert_with(|| CallRecord::new(surface));
    record.upstream_wait += waited.elapsed();
    let won = if let Some(tried) = won {
        record.tried(tried.trace);
        record.called_off(tried.owed, &request);
        match tried.result {
            Ok(won) => won,
            Err(stop) => {
                if tried.dispatched && job.callers_time_is_over() {
                    // One that gave it too little time is no better than one that left.
                    record.owe_input(&request);
                    admission.settle(record);
                } else if tried.dispatched {
                    record.attempted = true;
                    admission.in_vain();
                }
                return match stop {
                    Stop::Refused(refusal) if begun => {
                        relay::refuse(&job, &refusal, session, context).await
                    }
                    stop => Err(stop),
                };
            }
        }
    } else {
        // What the provider was sent is owed, although nobody heard the answer.
        record.owe_input(&request);
        admission.settle(record);
        return Err(Stop::ClientGone);
    };
    record.won(&won);
    record.quiet = gateway.on_unsupported == OnUnsupported::Drop;
    relay::run(&job, won, admission, begun, session, context).await
}

/// Whether a caller of Gemini's dialect wants its stream as events: without `alt=sse` it is one JSON array. Source:
/// Gemini API reference, `streamGenerateContent`.
fn asks_for_events(session: &Session) -> bool {
    let query = session.req_header().uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair == "alt=sse")
}

/// What of the caller's headers goes on to a provider.
fn session_facts(session: &Session) -> http::HeaderMap {
    const FORWARDED: [&str; 6] = [
        "openai-beta",
        "anthropic-beta",
        "anthropic-version",
        "idempotency-key",
        "traceparent",
        "tracestate",
    ];
    let headers = &session.req_header().headers;
    FORWARDED
        .iter()
        .filter_map(|name| {
            Some((
                http::HeaderName::from_static(name),
                headers.get(*name)?.clone(),
            ))
        })
        .collect()
}
