//! What a call uses up, held before it is sent.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_auth::Principal;
use ferrogate_billing::{TokenBudget, TokenReservation as Reservation};
use ferrogate_llm::{ModelRequest, Operation, estimate_tokens};
use ferrogate_policy::{Cost, RateState};
use ferrogate_providers::LogicalModel;
use ferrogate_types::{Subject, TokenCount, clock};
use pingora_proxy::Session;

use super::CallRecord;
use super::gateway::ModelGateway;
use super::refusal::Refusal;

/// A call that was let in. Dropped, it uses up nothing.
pub(crate) struct Admission {
    limits: ferrogate_policy::Admission,
    reservations: Vec<Reservation>,
}

impl Admission {
    /// What the rate-limit headers say: of the tightest limit on requests, and of the one on tokens.
    pub(crate) fn rates(&self) -> [Option<RateState>; 2] {
        [self.limits.requests(), self.limits.tokens()]
    }

    /// Spends what the call used and gives the rest back.
    pub(crate) fn settle(self, call: &CallRecord) {
        self.limits.settle(call.tokens(), Instant::now());
        for reservation in self.reservations {
            reservation.settle(call.tokens());
        }
    }

    /// The request is being sent: from now on it counts, however it ends.
    pub(crate) fn sent(&mut self) {
        self.limits.sent();
    }

    /// The call was sent to providers, and none of them answered: it counts as one, without tokens.
    pub(crate) fn in_vain(self) {
        self.limits.settle(0, Instant::now());
    }

    /// Holds what a session has used where that is more than was held; refuses when the budget has no more.
    pub(crate) fn keep_up(&mut self, used: TokenCount) -> Result<(), Refusal> {
        for reservation in &mut self.reservations {
            reservation.raise(used)?;
        }
        Ok(())
    }
}

/// Who is asking, as limits see it.
pub(crate) struct Asker<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) address: Option<IpAddr>,
}

impl Asker<'_> {
    /// Whom the limits of a call are of.
    fn subjects(&self, gateway: &ModelGateway, model: Option<&LogicalModel>) -> Vec<Subject> {
        let mut subjects = self.principal.subjects(&gateway.tenants);
        subjects.extend(self.address.map(Subject::address));
        // Callers make up names that a pattern stands for: the pattern's is what is counted.
        subjects.extend(model.map(|model| Subject::Model(model.spec.name.clone())));
        subjects
    }

    fn budgets<'g>(&self, gateway: &'g ModelGateway) -> &'g [Arc<TokenBudget>] {
        let key = self.principal.key();
        key.and_then(|key| gateway.budgets.get(key.index()))
            .map_or(&[], Vec::as_slice)
    }
}

/// Counts the call against every limit it is under, and holds its worst case against the budget.
pub(crate) fn admit(
    gateway: &ModelGateway,
    asker: &Asker<'_>,
    model: &LogicalModel,
    request: &ModelRequest,
) -> Result<Admission, Refusal> {
    let expected = expected(request);
    hold(gateway, asker, model, expected, || {
        worst_case(model, request)
    })
}

/// Counts a session against every limit and holds one long answer against the budget: what it will use in all nobody
/// knows.
pub(crate) fn admit_session(
    gateway: &ModelGateway,
    asker: &Asker<'_>,
    model: &LogicalModel,
) -> Result<Admission, Refusal> {
    hold(gateway, asker, model, USUAL_OUTPUT, || {
        longest_answer(model)
    })
}

fn hold(
    gateway: &ModelGateway,
    asker: &Asker<'_>,
    model: &LogicalModel,
    expected: TokenCount,
    worst: impl FnOnce() -> TokenCount,
) -> Result<Admission, Refusal> {
    let subjects = asker.subjects(gateway, Some(model));
    let limits = gateway
        .limits
        .admit(&subjects, Cost::call(expected), Instant::now())?;
    let budgets = asker.budgets(gateway);
    let mut reservations = Vec::with_capacity(budgets.len());
    if !budgets.is_empty() {
        let worst = worst();
        for budget in budgets {
            // What one refuses uses up nothing: dropped, the others and the limits give everything back.
            reservations.push(budget.reserve(worst, clock::since_epoch())?);
        }
    }
    Ok(Admission {
        limits,
        reservations,
    })
}

/// Counts a request that is no model call; it holds its place among those under way until it is dropped.
pub(crate) fn count(gateway: &ModelGateway, asker: &Asker<'_>) -> Result<Admission, Refusal> {
    let subjects = asker.subjects(gateway, None);
    let limits = gateway
        .limits
        .admit(&subjects, Cost::REQUEST, Instant::now())?;
    Ok(Admission {
        limits,
        reservations: Vec::new(),
    })
}

/// Output expected of a call that names no maximum, until it is known.
const USUAL_OUTPUT: TokenCount = 256;

/// The tokens a call will use, about: limits on tokens hold them until the truth is known.
fn expected(request: &ModelRequest) -> TokenCount {
    let input = estimate_tokens(request.body().len());
    if !talks(request) {
        return input;
    }
    let output = request.max_output_tokens().unwrap_or(USUAL_OUTPUT);
    input.saturating_add(output.saturating_mul(request.choices()))
}

fn talks(request: &ModelRequest) -> bool {
    matches!(
        request.surface().operation(),
        Operation::Chat(_) | Operation::Completions
    )
}

/// Output held for a call that names no maximum, of a model that has none either: a long answer.
const UNBOUNDED_OUTPUT: TokenCount = 4096;

/// The tokens a call may use at most, as far as can be known before it is made: the body's size as input, and for
/// each answer asked for the caller's maximum, the model's, or a default.
fn worst_case(model: &LogicalModel, request: &ModelRequest) -> TokenCount {
    let input = estimate_tokens(request.body().len());
    if !talks(request) {
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
