//! The provider's side of a session: targets in order until one switches protocols.

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use ferrogate_auth::Principal;
use ferrogate_credentials::OutgoingRequest;
use ferrogate_llm::Operation;
use ferrogate_providers::{LogicalModel, Plan, PlannedTarget, SkipReason, Target};
use ferrogate_types::Scope;
use ferrogate_upstream::{Call, Switch, Timeouts, Upgraded};
use http::header::{HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, USER_AGENT};
use http::{Method, StatusCode};

use super::handshake::Handshake;
use crate::Shared;
use crate::ai::asked::Asking;
use crate::ai::attempt::{self, Again, Fault, FaultKind, Occupied};
use crate::ai::authorize;
use crate::ai::gateway::ModelGateway;
use crate::ai::policy;
use crate::ai::refusal::Refusal;
use crate::ai::trace::{Trace, Turn};
use crate::ai::worst::Worst;

/// What is to be opened, and with what.
pub(super) struct Wish<'a> {
    pub(super) shared: &'a Shared,
    pub(super) gateway: &'a ModelGateway,
    pub(super) principal: &'a Principal,
    /// Where the caller is.
    pub(super) address: Option<IpAddr>,
    pub(super) model: &'a LogicalModel,
    pub(super) handshake: &'a Handshake,
    /// The session as routing sees it.
    pub(super) asked: Asking<'a>,
    /// The only provider that may be asked, where the caller names one.
    pub(super) named: Option<String>,
    /// What targets must have a price for, where a budget of money needs to know.
    pub(super) priced: Option<Worst>,
    /// When it must be open.
    pub(super) deadline: Instant,
    /// The deadline is the caller's own.
    pub(super) impatient: bool,
}

/// What came of it.
pub(super) struct Tried {
    /// Each decision, for the log and the error message.
    pub(super) trace: Trace,
    /// Whether any provider was sent the request.
    pub(super) dispatched: bool,
    pub(super) result: Result<(Target, Upgraded, Occupied), Refusal>,
}

/// Asks each target once: nothing has gone to the caller yet, so the next one may take over from one that failed.
pub(super) async fn run(wish: &Wish<'_>) -> Tried {
    let call = policy::Call {
        principal: wish.principal,
        scope: Scope::RealtimeConnect,
        surface: "realtime",
        address: wish.address,
        priced: wish.priced,
    };
    let judge = policy::Judge::new(wish.gateway, call);
    let allowed = |target: &Target| judge.allows(wish.model, target);
    let mut plan = Plan::new(wish.model, &wish.asked, allowed, Instant::now());
    let mut tried = Tried {
        trace: Trace::new(),
        dispatched: false,
        result: Err(authorize::no_provider(wish.model)),
    };
    if let Some(named) = &wish.named
        && !plan.only(named)
    {
        tried.result = Err(authorize::not_named(wish.model));
        return tried;
    }
    if plan.is_forbidden() {
        tried.result = Err(judge.refusal(wish.model));
        return tried;
    }
    drop(judge);
    tried.trace.left_out(&plan.skipped);
    let mut last: Option<Fault> = None;
    for planned in &plan.targets {
        let provider = &planned.target.provider;
        let begun = Instant::now();
        if begun >= wish.deadline {
            tried.result = Err(attempt::out_of_time(&tried.trace));
            return tried;
        }
        let Some(occupied) = Occupied::enter(&planned.target, wish.deadline).await else {
            let why = SkipReason::Saturated.as_str();
            tried.trace.left(provider.id(), why);
            last = last.or_else(|| Some(Fault::new(FaultKind::Saturated)));
            continue;
        };
        let result = match planned.pass(begun) {
            None => {
                let why = SkipReason::CircuitOpen.as_str();
                tried.trace.left(provider.id(), why);
                continue;
            }
            Some(pass) => match dial(wish, planned, begun).await {
                Ok(upgraded) => {
                    pass.succeeded();
                    Ok(upgraded)
                }
                Err(fault) => {
                    if !(wish.impatient && Instant::now() >= wish.deadline) {
                        fault.judge(pass);
                    }
                    Err(fault.without_secrets(provider.spec()))
                }
            },
        };
        let turn = Turn {
            provider: provider.id(),
            model: &planned.target.model,
            why: planned.why.as_str(),
            label: planned.target.label(),
            begun,
        };
        match result {
            Ok(upgraded) => {
                let metrics = &wish.shared.metrics;
                metrics.attempt(provider.id().as_str(), attempt::SUCCESS);
                tried.trace.answered(&turn);
                tried.dispatched = true;
                tried.result = Ok((planned.target.clone(), upgraded, occupied));
                return tried;
            }
            Err(fault) => {
                let metrics = &wish.shared.metrics;
                metrics.attempt(provider.id().as_str(), fault.label());
                let label = fault.label();
                tried
                    .trace
                    .failed(&turn, &fault, label, fault.status_code());
                tried.dispatched |= fault.was_sent();
                if fault.again(planned.target.retry(), 1) == Again::Never {
                    tried.result = Err(fault.refusal());
                    return tried;
                }
                // That a target has no such sessions is told only where none of them has.
                if last.is_none() || fault.label() != NOT_SERVED {
                    last = Some(fault);
                }
            }
        }
    }
    tried.result = Err(exhausted(&plan, &tried.trace, last.as_ref()));
    tried
}

/// How metrics call a target that does not serve what is asked.
const NOT_SERVED: &str = "unsupported";

/// No target is left: says what was tried and what was not, and why.
fn exhausted(plan: &Plan, trace: &Trace, last: Option<&Fault>) -> Refusal {
    match last {
        Some(fault) if trace.tries() == 1 && plan.skipped.is_empty() => fault.refusal(),
        Some(fault) => fault.refusal_after(&trace.told()),
        None => attempt::untried(&plan.skipped, trace),
    }
}

/// Asks one target to switch protocols.
async fn dial(wish: &Wish<'_>, planned: &PlannedTarget, begun: Instant) -> Result<Upgraded, Fault> {
    let (shared, gateway) = (wish.shared, wish.gateway);
    let target = &planned.target;
    let provider = &target.provider;
    let spec = provider.spec();
    let wire = spec
        .wire(Operation::Realtime, target.model.as_str(), false)
        .ok_or_else(|| Fault::new(FaultKind::NotServed))?;
    let endpoint = gateway
        .endpoints
        .get(provider.id())
        .ok_or_else(|| Fault::new(FaultKind::Unreachable))?;
    let credential = if provider.credentials().is_empty() {
        None
    } else {
        let lent = planned.lend(begun);
        Some(lent.ok_or_else(|| Fault::parked(provider.credentials().wait(begun)))?)
    };
    let path = endpoint.path(&format!("{}{}", wire.path, wish.handshake.query));
    let mut headers = wish.handshake.headers.clone();
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("ferrogate/", env!("CARGO_PKG_VERSION"))),
    );
    spec.dress(
        &mut headers,
        credential.as_ref().map(ferrogate_providers::Lent::secret),
    );
    if credential.is_none() {
        let mut request = OutgoingRequest {
            method: &Method::GET,
            host: attempt::host(endpoint),
            path_and_query: &path,
            headers: &mut headers,
            body: &[],
        };
        attempt::sign(shared, gateway, provider.id(), &mut request).await?;
    }
    let limits = target.timeouts();
    let call = Call {
        method: Method::GET,
        path_and_query: path,
        headers,
        body: Bytes::new(),
        timeouts: Timeouts {
            connect: limits.connect.unwrap_or(attempt::NO_LIMIT),
            first_byte: limits.first_byte,
            idle: limits.idle,
        },
        deadline: Some(wish.deadline),
        replayable: false,
    };
    let switch = shared
        .client
        .upgrade(endpoint, call, "websocket")
        .await
        .map_err(|error| {
            tracing::debug!(provider = %provider.id(), error = &error as &dyn std::error::Error, "a session was not opened");
            Fault::of_call(&error)
        })?;
    let answer = match switch {
        Switch::Upgraded(upgraded) => {
            return match flaw(&upgraded) {
                None => Ok(upgraded),
                Some(flaw) => Err(Fault::new(FaultKind::Nonsense(flaw))),
            };
        }
        Switch::Refused(answer) => answer,
    };
    if answer.status.is_success() {
        return Err(Fault::new(FaultKind::Nonsense(
            "an answer where a WebSocket was asked for",
        )));
    }
    if let (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Some(cloud)) =
        (answer.status, gateway.clouds.get(provider.id()))
    {
        cloud.invalidate();
    }
    Err(attempt::refused(*answer, credential, begun).await)
}

/// Why the caller could not go on with the provider's half of the handshake.
fn flaw(upgraded: &Upgraded) -> Option<&'static str> {
    // The proof belongs to the caller's nonce, so the caller checks it.
    if !upgraded.headers.contains_key(SEC_WEBSOCKET_ACCEPT) {
        return Some("a WebSocket without its proof");
    }
    let extended = upgraded.headers.contains_key(SEC_WEBSOCKET_EXTENSIONS);
    extended.then_some("an extension of WebSocket that was not offered")
}
