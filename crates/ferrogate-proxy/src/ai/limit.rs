//! What a call uses up, held before it is sent.

use std::time::{Duration, Instant};

use ferrogate_billing::Reservation;
use ferrogate_llm::{ModelRequest, Operation, estimate_tokens};
use ferrogate_policy::{RateState, Verdict};
use ferrogate_providers::LogicalModel;
use ferrogate_types::{TokenCount, clock};
use pingora_proxy::Session;

use super::CallRecord;
use super::authenticate::Principal;
use super::gateway::{KeyLimits, ModelGateway};
use super::refusal::{Refusal, RefusalCode};

/// A call that was let in.
pub(crate) struct Admission {
    /// What the rate-limit headers say.
    pub(crate) rate: Option<RateState>,
    reservation: Option<Reservation>,
}

impl Admission {
    /// Spends what the call used and gives the rest back. Dropped instead, everything is given back.
    pub(crate) fn settle(self, call: &CallRecord) {
        if let Some(reservation) = self.reservation {
            reservation.settle(call.tokens());
        }
    }

    /// Holds what a session has used where that is more than was held; refuses when the budget has no more.
    pub(crate) fn keep_up(&mut self, used: TokenCount) -> Result<(), Refusal> {
        match &mut self.reservation {
            Some(reservation) => Ok(reservation.raise(used)?),
            None => Ok(()),
        }
    }
}

/// Counts the call against its key's rate and holds its worst case against the budget.
pub(crate) fn admit(
    gateway: &ModelGateway,
    principal: &Principal,
    model: &LogicalModel,
    request: &ModelRequest,
) -> Result<Admission, Refusal> {
    hold(gateway, principal, || worst_case(model, request))
}

/// Counts a session against its key's rate and holds one long answer against the budget: what it will use in all nobody
/// knows.
pub(crate) fn admit_session(
    gateway: &ModelGateway,
    principal: &Principal,
    model: &LogicalModel,
) -> Result<Admission, Refusal> {
    hold(gateway, principal, || longest_answer(model))
}

fn hold(
    gateway: &ModelGateway,
    principal: &Principal,
    tokens: impl FnOnce() -> TokenCount,
) -> Result<Admission, Refusal> {
    let limits = principal
        .key()
        .and_then(|key| gateway.limits.get(key.index()));
    let Some(limits) = limits else {
        return Ok(Admission {
            rate: None,
            reservation: None,
        });
    };
    // The budget first: what it refuses must not use up the rate, and a reservation can be given back.
    let reservation = match &limits.budget {
        Some(budget) => Some(budget.reserve(tokens(), clock::since_epoch())?),
        None => None,
    };
    let rate = count_against(limits)?;
    Ok(Admission { rate, reservation })
}

/// Counts a request that is no model call against its key's rate.
pub(crate) fn count(
    gateway: &ModelGateway,
    principal: &Principal,
) -> Result<Option<RateState>, Refusal> {
    principal
        .key()
        .and_then(|key| gateway.limits.get(key.index()))
        .map_or(Ok(None), count_against)
}

fn count_against(limits: &KeyLimits) -> Result<Option<RateState>, Refusal> {
    match limits.rate.as_ref().map(|rate| rate.check(Instant::now())) {
        None => Ok(None),
        Some(Verdict::Admitted(state)) => Ok(Some(state)),
        Some(Verdict::Refused { state, retry_after }) => Err(Refusal::new(
            RefusalCode::RateLimited,
            format!(
                "the key's limit of {} requests per minute is used up; try again in {:.1} s",
                state.limit,
                retry_after.as_secs_f64()
            ),
        )
        .with_retry_after(retry_after)
        .with_rate(state)),
    }
}

/// Output held for a call that names no maximum, of a model that has none either: a long answer.
const UNBOUNDED_OUTPUT: TokenCount = 4096;

/// The tokens a call may use at most, as far as can be known before it is made: the body's size as input, and for
/// each answer asked for the caller's maximum, the model's, or a default.
fn worst_case(model: &LogicalModel, request: &ModelRequest) -> TokenCount {
    let input = estimate_tokens(request.body().len());
    let talks = matches!(
        request.surface().operation(),
        Operation::Chat(_) | Operation::Completions
    );
    if !talks {
        return input;
    }
    let output = request
        .max_output_tokens()
        .unwrap_or_else(|| longest_answer(model));
    input.saturating_add(output.saturating_mul(request.choices()))
}

/// The tokens of the longest answer of a model, or of one that is long enough.
fn longest_answer(model: &LogicalModel) -> TokenCount {
    model.max_output_tokens().unwrap_or(UNBOUNDED_OUTPUT)
}

/// When the call must be over: the gateway's limit, or the caller's own (`x-ferrogate-timeout`, in seconds or as a
/// duration) where that is shorter; says whether it is the caller's.
pub(crate) fn deadline(
    gateway: &ModelGateway,
    session: &Session,
    started: Instant,
) -> (Instant, bool) {
    let asked = session
        .req_header()
        .headers
        .get("x-ferrogate-timeout")
        .and_then(|value| value.to_str().ok());
    let asked = asked.and_then(|text| match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => ferrogate_types::parse_duration(text).ok(),
    });
    let own = asked.filter(|limit| !limit.is_zero() && *limit < gateway.request_timeout);
    (
        started + own.unwrap_or(gateway.request_timeout),
        own.is_some(),
    )
}
