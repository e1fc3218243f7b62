//! What a call uses up, held before it is sent.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_auth::Principal;
use ferrogate_billing::{AccountState, Attempt, CallFacts, Charge, OnExceed, Reservation, Spend};
use ferrogate_llm::ModelRequest;
use ferrogate_policy::{Cost, RateState};
use ferrogate_providers::LogicalModel;
use ferrogate_types::{RequestId, Subject, TokenCount, Usage, clock};
use pingora_proxy::Session;

use super::gateway::ModelGateway;
use super::refusal::Refusal;
use super::worst::{self, Worst};
use super::{CallRecord, authorize};
use crate::Books;

/// A call that was let in. Dropped, it uses up nothing but what it is known to owe.
pub(crate) struct Admission {
    limits: ferrogate_policy::Admission,
    held: Option<Held>,
}

/// What a call holds of its budgets.
struct Held {
    reservation: Reservation,
    worst: Spend,
    /// Whether a budget is charged that nobody else holds the answer to: else nothing can be outgrown.
    elastic: bool,
    /// More was asked for, and the budget had no more.
    at_the_end: bool,
    downgraded: bool,
}

impl Held {
    /// The output from which on more is to be held: some time ahead, so that it is asked for before it is produced.
    fn enough(&self) -> TokenCount {
        match self.worst.usage.output {
            all if self.at_the_end => all,
            all => all - all / 16,
        }
    }
}

impl Admission {
    /// What the rate-limit headers say: of the tightest limit on requests, and of the one on tokens.
    pub(crate) fn rates(&self) -> [Option<RateState>; 2] {
        [self.limits.requests(), self.limits.tokens()]
    }

    /// What `x-ferrogate-budget` says of a call that a used up budget let through.
    pub(crate) fn budget(&self) -> Option<&'static str> {
        let held = self.held.as_ref()?;
        let warns = |state: &AccountState| state.spec.on_exceed == OnExceed::Warn;
        if held.downgraded {
            Some("downgraded")
        } else {
            held.reservation
                .exceeded()
                .iter()
                .any(warns)
                .then_some("exceeded")
        }
    }

    /// Spends what the call used and gives the rest back.
    pub(crate) fn settle(self, call: &CallRecord) {
        self.limits.settle(call.tokens(), Instant::now());
        if let Some(held) = self.held {
            held.reservation.settle(call.charge(), clock::since_epoch());
        }
    }

    /// Notes what the call owes by now, should nobody get to settle it.
    pub(crate) fn owe(&mut self, charge: Charge) {
        if let Some(held) = &mut self.held {
            held.reservation.owe(charge, clock::since_epoch());
        }
    }

    /// The request is being sent: from now on it counts, however it ends.
    pub(crate) fn sent(&mut self) {
        self.limits.sent();
    }

    /// The call was sent to providers, and none of them answered: it counts as one, without tokens, and costs nothing.
    pub(crate) fn in_vain(self) {
        self.limits.settle(0, Instant::now());
        if let Some(held) = self.held {
            held.reservation.release();
        }
    }

    /// Whether an answer has almost so much output as is held for it, or more.
    pub(crate) fn is_outgrown(&self, output: TokenCount) -> bool {
        let held = self.held.as_ref().filter(|held| held.elastic);
        held.is_some_and(|held| output >= held.enough())
    }

    /// Holds more for a call that outgrows what it holds: as much output again as it has used, if that is to be had.
    /// Refuses when what is held is used up; the call is to be ended then.
    ///
    /// # Cancel safety
    ///
    /// What is held stays held.
    pub(crate) async fn keep_up(
        &mut self,
        books: &Books,
        used: Usage,
        price: impl Fn(&Usage) -> Spend,
    ) -> Result<(), Refusal> {
        let Some(held) = self.held.as_mut().filter(|held| held.elastic) else {
            return Ok(());
        };
        let twice = price(&Usage {
            output: used.output.saturating_mul(2),
            reasoning: used.reasoning.saturating_mul(2),
            audio_output: used.audio_output.saturating_mul(2),
            image_output: used.image_output.saturating_mul(2),
            ..used
        });
        let exactly = price(&used);
        let covers = |held: &Spend| {
            exactly.usage.total() <= held.usage.total()
                && exactly.cost.unwrap_or_default() <= held.cost.unwrap_or_default()
        };
        if covers(&held.worst) && (held.at_the_end || used.output < held.enough()) {
            return Ok(());
        }
        for total in [twice, exactly.clone()] {
            match books.top_up(&mut held.reservation, &total).await {
                Ok(()) => {
                    held.worst = total;
                    return Ok(());
                }
                Err(_) if covers(&held.worst) => {
                    held.at_the_end = true;
                    return Ok(());
                }
                Err(refusal) if total == exactly => return Err(refusal.into()),
                Err(_) => {}
            }
        }
        Ok(())
    }
}

/// A call that wants in, as limits and budgets see it.
pub(crate) struct Entrant<'a> {
    pub(crate) books: &'a Books,
    pub(crate) gateway: &'a ModelGateway,
    pub(crate) principal: &'a Principal,
    /// Where the caller is.
    pub(crate) address: Option<IpAddr>,
    /// The request's id.
    pub(crate) id: RequestId,
}

/// A model call that was let in.
pub(crate) struct Entered {
    /// The model that serves it: another one than was asked for where a budget says so.
    pub(crate) model: Arc<LogicalModel>,
    pub(crate) admission: Admission,
    /// What targets must have a price for, where a budget of money needs to know.
    pub(crate) priced: Option<Worst>,
}

impl Entrant<'_> {
    /// Counts a call against every limit it is under, and holds its worst case of every budget.
    pub(crate) async fn enter(
        &self,
        model: Arc<LogicalModel>,
        request: &ModelRequest,
    ) -> Result<Entered, Refusal> {
        let expected = worst::expected(request);
        let of = |model: &LogicalModel| Worst::of_call(model, request);
        self.served(model, expected, of).await
    }

    /// Counts a session against every limit and holds one long answer of every budget: what it will use in all nobody
    /// knows.
    pub(crate) async fn enter_session(&self, model: Arc<LogicalModel>) -> Result<Entered, Refusal> {
        self.served(model, worst::USUAL_OUTPUT, Worst::of_session)
            .await
    }

    /// Counts a request that is no model call; it holds its place among those under way until it is dropped.
    pub(crate) async fn count(&self) -> Result<Admission, Refusal> {
        let mut subjects = self.subjects();
        subjects.extend(self.address.map(Subject::address));
        let limits = self.admitted(&subjects, Cost::REQUEST).await?;
        Ok(Admission { limits, held: None })
    }

    /// By the model, or by the one that a budget names instead.
    async fn served(
        &self,
        model: Arc<LogicalModel>,
        expected: TokenCount,
        worst: impl Fn(&LogicalModel) -> Worst,
    ) -> Result<Entered, Refusal> {
        let held = self.hold(model, expected, &worst, Attempt::Asked).await;
        let (cheaper, refusal) = match held {
            Ok(entered) => return Ok(entered),
            Err(Unheld::Refused(refusal)) => return Err(refusal),
            Err(Unheld::Downgrade(cheaper, refusal)) => (cheaper, refusal),
        };
        // One that the caller may not use is no way out.
        let Ok(cheaper) = authorize::model(self.gateway, self.principal, cheaper.as_str()) else {
            return Err(refusal);
        };
        match self
            .hold(cheaper, expected, &worst, Attempt::Downgraded)
            .await
        {
            Ok(entered) => Ok(entered),
            Err(Unheld::Refused(refusal) | Unheld::Downgrade(_, refusal)) => Err(refusal),
        }
    }

    async fn hold(
        &self,
        model: Arc<LogicalModel>,
        expected: TokenCount,
        worst: &impl Fn(&LogicalModel) -> Worst,
        attempt: Attempt,
    ) -> Result<Entered, Unheld> {
        let mut subjects = self.subjects();
        let chain = self.books.ledger.book().chain_of(&subjects);
        subjects.extend(self.address.map(Subject::address));
        // Callers make up names that a pattern stands for: the pattern's is what is counted.
        subjects.push(Subject::Model(model.spec.name.clone()));
        let limits = self.admitted(&subjects, Cost::call(expected)).await?;
        let worst = worst(&model);
        let spend = worst.spend(self.gateway, &model);
        let facts = Arc::new(self.facts(&model, &worst));
        // What it refuses uses up nothing: dropped, the limits give everything back.
        let reserved = self.books.reserve(&chain, &facts, &spend, attempt).await;
        let held = Held {
            reservation: reserved.map_err(Unheld::of)?,
            worst: spend,
            elastic: !worst.bounded && !chain.is_empty(),
            at_the_end: false,
            downgraded: attempt == Attempt::Downgraded,
        };
        Ok(Entered {
            priced: chain.needs_prices().then_some(worst),
            model,
            admission: Admission {
                limits,
                held: Some(held),
            },
        })
    }

    /// Whom limits and budgets of the caller are of, the most particular first.
    fn subjects(&self) -> Vec<Subject> {
        self.principal.subjects(&self.gateway.tenants)
    }

    async fn admitted(
        &self,
        subjects: &[Subject],
        cost: Cost,
    ) -> Result<ferrogate_policy::Admission, Refusal> {
        let limits = &self.gateway.limits;
        let Some(counters) = &self.books.counters else {
            return Ok(limits.admit(subjects, cost, Instant::now())?);
        };
        let (admission, failure) = limits
            .admit_shared(counters, subjects, cost, Instant::now())
            .await?;
        if let Some(failure) = failure {
            tracing::debug!(%failure, "a limit rests on the count of this node");
        }
        Ok(admission)
    }

    fn facts(&self, model: &LogicalModel, worst: &Worst) -> CallFacts {
        let first = model.targets.first();
        CallFacts {
            request_id: self.id,
            key: self.principal.key().map(|key| key.id().clone()),
            tenant: self.principal.tenant().cloned(),
            user: self.principal.user().map(|user| user.as_str().into()),
            model: model.name().clone(),
            provider: first.map(|target| target.provider.id().clone()),
            upstream_model: first.map(|target| target.model.clone()),
            price: first
                .and_then(|target| worst::price_row(&target.prices, worst.tier, worst.usage.input)),
        }
    }
}

/// Why nothing could be held of a call's budgets.
enum Unheld {
    Refused(Refusal),
    /// A budget is used up, and says that this model shall serve the call.
    Downgrade(ferrogate_types::ModelName, Refusal),
}

impl Unheld {
    fn of(refusal: ferrogate_billing::Refusal) -> Self {
        match &refusal {
            ferrogate_billing::Refusal::Downgrade { model, .. } => {
                Self::Downgrade(model.clone(), refusal.into())
            }
            _ => Self::Refused(refusal.into()),
        }
    }
}

impl From<Refusal> for Unheld {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
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
