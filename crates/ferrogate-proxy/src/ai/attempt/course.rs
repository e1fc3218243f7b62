//! The way of a request through the targets: in the order of the plan until one answers, and then through the models
//! that take over.
//!
//! It moves on for transport errors, timeouts, 408, 429, 5xx, and a body or first event that is the provider's error;
//! it stops for what another target would refuse as well: 400, 401, 403, 404, 422 and their like. A conversation that
//! is too long for the model, or not wanted, goes to the models that take over and to no other target.

use std::sync::Arc;
use std::time::Instant;

use ferrogate_catalog::Prices;
use ferrogate_llm::Surface;
use ferrogate_providers::{Hedge, LogicalModel, Plan, PlannedTarget, Skip, SkipReason, Target};
use ferrogate_types::{ModelName, ProviderId};
use http::HeaderMap;

use super::fault::{Fault, UNTOLD_WAIT};
use super::leg::{Leg, Progress};
use super::{Job, Won, race};
use crate::ai::refusal::{Refusal, RefusalCode};
use crate::ai::trace::Trace;
use crate::ai::{Stop, authorize, policy};

/// What came of a request's tries.
pub(crate) struct Tried {
    /// Each decision, for the log, the headers and the error message.
    pub(crate) trace: Trace,
    /// Whether any provider was sent the request.
    pub(crate) dispatched: bool,
    /// Who was sent the request in vain, because another one was faster.
    pub(crate) owed: Vec<Owed>,
    pub(crate) result: Result<Won, Stop>,
}

/// A provider that was called off, and what it costs there.
pub(crate) type Owed = (ProviderId, Arc<Prices>);

/// Tries targets until one answers.
pub(crate) async fn run(job: &Job<'_>, forwarded: HeaderMap) -> Tried {
    let mut course = Course {
        job,
        forwarded: &forwarded,
        trace: Trace::new(),
        dispatched: false,
        faults: Vec::new(),
        skipped: Vec::new(),
        owed: Vec::new(),
    };
    let result = course.run().await;
    Tried {
        trace: course.trace,
        dispatched: course.dispatched,
        owed: course.owed,
        result,
    }
}

/// A request on its way.
struct Course<'c, 'a> {
    job: &'c Job<'a>,
    forwarded: &'c HeaderMap,
    trace: Trace,
    dispatched: bool,
    faults: Vec<Fault>,
    skipped: Vec<Skip>,
    owed: Vec<Owed>,
}

impl Course<'_, '_> {
    async fn run(&mut self) -> Result<Won, Stop> {
        let job = self.job;
        let mut others = job.model.spec.routing.fallback_models.iter();
        let mut other: Option<Arc<LogicalModel>> = None;
        let mut plan = self.plan(job.model)?;
        loop {
            let model = other.as_deref().unwrap_or(job.model);
            let told = match self.targets(model, &plan).await {
                Progress::Done(result) => return *result,
                Progress::Late => return Err(out_of_time(&self.trace).into()),
                Progress::Model(refusal) => Some(refusal),
                Progress::Next => None,
            };
            (other, plan) = match others.find_map(|name| self.takes_over(name)) {
                Some((model, plan)) => (Some(model), plan),
                None => return Err(told.map_or_else(|| self.exhausted(), |told| *told).into()),
            };
        }
    }

    /// A model that takes over with its targets, if the caller may use it.
    fn takes_over(&mut self, name: &ModelName) -> Option<(Arc<LogicalModel>, Plan)> {
        let job = self.job;
        let model = authorize::model(job.gateway, job.principal, name.as_str());
        let planned = model.and_then(|model| Ok((Arc::clone(&model), self.plan(&model)?)));
        planned
            .inspect_err(|refusal| self.trace.passed_over(name.as_str(), refusal.code_name()))
            .ok()
    }

    /// The targets of a model, in order; nothing where the caller may use none.
    fn plan(&mut self, model: &LogicalModel) -> Result<Plan, Refusal> {
        let job = self.job;
        let surface = job.request.surface();
        let call = policy::Call {
            principal: job.principal,
            scope: surface.scope(),
            surface: surface.as_str(),
            address: job.address,
            priced: job.priced,
        };
        let judge = policy::Judge::new(job.gateway, call);
        let allowed = |target: &Target| judge.allows(model, target);
        let mut plan = Plan::new(model, &job.asked, allowed, Instant::now());
        if job.request.surface() == Surface::RESPONSES
            && let Some(issuer) = job.shared.issued.of_body(job.request.body())
        {
            // What the request refers to is nowhere else.
            plan.only(issuer.as_str());
        }
        if let Some(named) = &job.named
            && !plan.only(named)
        {
            return Err(authorize::not_named(model));
        }
        if plan.is_forbidden() {
            return Err(judge.refusal(model));
        }
        self.trace.left_out(&plan.skipped);
        self.skipped.extend(plan.skipped.iter().cloned());
        Ok(plan)
    }

    /// Tries the targets of one model.
    async fn targets(&mut self, model: &LogicalModel, plan: &Plan) -> Progress {
        let mut hedge = model.hedge();
        let mut left = plan.targets.iter();
        while let Some(planned) = left.next() {
            let progress = match hedge.take().zip(left.as_slice().first()) {
                None => {
                    let mut leg = Leg::new(planned, self.trace.branch());
                    let progress = leg.run(self.job, self.forwarded).await;
                    self.take(leg);
                    progress
                }
                // On the heap, so that requests without a race do not carry its room.
                Some((hedge, second)) => {
                    let finish = Box::pin(self.race(planned, second, &hedge)).await;
                    if finish.ran {
                        left.next();
                    }
                    finish.progress
                }
            };
            if !matches!(progress, Progress::Next) {
                return progress;
            }
        }
        Progress::Next
    }

    /// Tries one target, and a second one beside it while the first is silent.
    async fn race(
        &mut self,
        first: &PlannedTarget,
        second: &PlannedTarget,
        hedge: &Hedge<'_>,
    ) -> race::Finish {
        let mut first = Leg::new(first, self.trace.branch());
        let mut second = Leg::beside(second, self.trace.branch());
        let legs = (&mut first, &mut second);
        let finish = race::run(self.job, self.forwarded, legs, hedge).await;
        self.take(first);
        self.take(second);
        finish
    }

    /// Notes what happened on a leg.
    fn take(&mut self, mut leg: Leg<'_>) {
        if leg.call_off(self.job) {
            let target = &leg.planned().target;
            self.owed
                .push((target.provider.id().clone(), Arc::clone(&target.prices)));
        }
        self.dispatched |= leg.dispatched;
        self.faults.extend(leg.faults);
        self.trace.join(leg.trace);
    }

    /// No target is left: says what was tried and what was not, and why.
    fn exhausted(&self) -> Refusal {
        let Some(last) = self.faults.last() else {
            return untried(&self.skipped, &self.trace);
        };
        // A rate limit is told as one only when nothing else is wrong: then waiting is what helps.
        let told = self
            .faults
            .iter()
            .rfind(|fault| !fault.is_rate_limit())
            .unwrap_or(last);
        if self.faults.len() == 1 && self.skipped.is_empty() {
            told.refusal()
        } else {
            told.refusal_after(&self.trace.told())
        }
    }
}

/// Nothing could even be tried.
pub(in crate::ai) fn untried(skipped: &[Skip], trace: &Trace) -> Refusal {
    let tried = trace.told();
    let full = |skip: &Skip| skip.reason == SkipReason::Saturated;
    if skipped.iter().any(full) {
        return Refusal::new(
            RefusalCode::ProviderSaturated,
            format!("every provider has as many calls under way as it may have: {tried}"),
        )
        .with_retry_after(UNTOLD_WAIT);
    }
    // What is parked is asked all the same where nothing else is left.
    Refusal::new(
        RefusalCode::ProviderUnavailable,
        format!("no provider can be called: {tried}"),
    )
}

/// No time is left: says what was tried.
pub(in crate::ai) fn out_of_time(trace: &Trace) -> Refusal {
    Refusal::new(
        RefusalCode::GatewayTimeout,
        format!("the request took too long; tried {}", trace.told()),
    )
}
