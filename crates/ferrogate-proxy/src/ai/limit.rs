//! What a call uses up, held before it is sent.

use std::time::{Duration, Instant};

use ferrogate_billing::Reservation;
use ferrogate_llm::{OpenAiRequest, Surface, estimate_tokens};
use ferrogate_policy::{RateState, Verdict};
use ferrogate_providers::LogicalModel;
use ferrogate_types::{TokenCount, clock};
use pingora_proxy::Session;

use super::CallRecord;
use super::authenticate::Principal;
use super::gateway::ModelGateway;
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
            reservation.settle(call.usage.total());
        }
    }
}

/// Counts the call against its key's rate and holds its worst case against the budget.
pub(crate) fn admit(
    gateway: &ModelGateway,
    principal: &Principal,
    model: &LogicalModel,
    request: &OpenAiRequest,
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
        Some(budget) => Some(budget.reserve(worst_case(model, request), clock::since_epoch())?),
        None => None,
    };
    let rate = match limits.rate.as_ref().map(|rate| rate.check(Instant::now())) {
        None => None,
        Some(Verdict::Admitted(state)) => Some(state),
        Some(Verdict::Refused { state, retry_after }) => {
            return Err(Refusal::new(
                RefusalCode::RateLimited,
                format!(
                    "the key's limit of {} requests per minute is used up; try again in {:.1} s",
                    state.limit,
                    retry_after.as_secs_f64()
                ),
            )
            .with_retry_after(retry_after)
            .with_rate(state));
        }
    };
    Ok(Admission { rate, reservation })
}

/// Output held for a call that names no maximum, of a model that has none either: a long answer.
const UNBOUNDED_OUTPUT: TokenCount = 4096;

/// The tokens a call may use at most, as far as can be known before it is made: the body's size as input, and for
/// each answer asked for the caller's maximum, the model's, or a default.
fn worst_case(model: &LogicalModel, request: &OpenAiRequest) -> TokenCount {
    let input = estimate_tokens(request.body().len());
    if request.surface() == Surface::Embeddings {
        return input;
    }
    let output = request
        .max_output_tokens()
        .or(model.spec.max_output_tokens)
        .unwrap_or(UNBOUNDED_OUTPUT);
    input.saturating_add(output.saturating_mul(request.choices()))
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
