//! One target, tried as often as its rule says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_providers::{PlannedTarget, Provider, SkipReason};
use http::HeaderMap;

use super::fault::{Again, Fault, FaultKind};
use super::{Job, Occupied, SUCCESS, Won, once};
use crate::ai::Stop;
use crate::ai::refusal::Refusal;
use crate::ai::trace::{Trace, Turn};

/// The tries of one target.
pub(super) struct Leg<'p> {
    planned: &'p PlannedTarget,
    why: &'static str,
    /// What happened on it.
    pub(super) trace: Trace,
    pub(super) faults: Vec<Fault>,
    /// Whether the provider was sent the request.
    pub(super) dispatched: bool,
    /// Since when a try is under way.
    under_way: Option<Instant>,
}

/// What to do after a leg.
pub(super) enum Progress {
    /// It is decided.
    Done(Box<Result<Won, Stop>>),
    /// The next target may do better.
    Next,
    /// No time is left.
    Late,
    /// No target of this model would do better; what is told when there is no other model.
    Model(Box<Refusal>),
}

impl<'p> Leg<'p> {
    pub(super) fn new(planned: &'p PlannedTarget, trace: Trace) -> Self {
        Self {
            planned,
            why: planned.why.as_str(),
            trace,
            faults: Vec::new(),
            dispatched: false,
            under_way: None,
        }
    }

    /// A leg that begins while another one is under way.
    pub(super) fn beside(planned: &'p PlannedTarget, trace: Trace) -> Self {
        Self {
            why: "hedge",
            ..Self::new(planned, trace)
        }
    }

    pub(super) fn planned(&self) -> &'p PlannedTarget {
        self.planned
    }

    /// Tries the target. Dropped, it calls off the try under way; [`Self::call_off`] notes that.
    pub(super) async fn run(&mut self, job: &Job<'_>, forwarded: &HeaderMap) -> Progress {
        let target = &self.planned.target;
        let provider: &Arc<Provider> = &target.provider;
        let Some(occupied) = Occupied::enter(target, job.deadline).await else {
            self.note(job, Instant::now(), Fault::new(FaultKind::Saturated));
            return Progress::Next;
        };
        provider.first_try();
        let rule = target.retry();
        for number in 1..=rule.attempts.max(1) {
            let begun = Instant::now();
            if begun >= job.deadline {
                return Progress::Late;
            }
            // It may have opened since the plan was made, by this request or another.
            let Some(pass) = self.planned.pass(begun) else {
                self.trace
                    .left(provider.id(), SkipReason::CircuitOpen.as_str());
                return Progress::Next;
            };
            self.under_way = Some(begun);
            let result = once::run(job, self.planned, forwarded, pass).await;
            self.under_way = None;
            let fault = match result {
                Ok(mut won) => {
                    job.shared.metrics.attempt(provider.id().as_str(), SUCCESS);
                    target.observe(won.first_token.unwrap_or(begun.elapsed()), Instant::now());
                    self.trace.answered(&self.turn(begun));
                    self.dispatched = true;
                    won.occupied = Some(occupied);
                    return Progress::Done(Box::new(Ok(won)));
                }
                Err(fault) => fault,
            };
            // The rate was that key's; another one need not wait for it, and is asked once.
            let other_key = fault.is_rate_limit() && provider.credentials().is_free(Instant::now());
            let again = fault.again(rule, number);
            let refusal = fault.refusal();
            self.note(job, begun, fault);
            let pause = match again {
                Again::Model => return Progress::Model(Box::new(refusal)),
                Again::Never => return Progress::Done(Box::new(Err(refusal.into()))),
                _ if number >= rule.attempts => return Progress::Next,
                _ if other_key => Duration::ZERO,
                Again::Same(pause) if provider.may_retry() => pause,
                Again::Same(_) | Again::Next => return Progress::Next,
            };
            if Instant::now() + pause >= job.deadline {
                return Progress::Next;
            }
            tokio::time::sleep(pause).await;
        }
        Progress::Next
    }

    /// Notes that a try that was still under way is no longer wanted; whether there was one.
    pub(super) fn call_off(&mut self, job: &Job<'_>) -> bool {
        const CALLED_OFF: &str = "called_off";
        let Some(begun) = self.under_way.take() else {
            return false;
        };
        let provider = self.planned.target.provider.id();
        job.shared.metrics.attempt(provider.as_str(), CALLED_OFF);
        let turn = turn(self.planned, self.why, begun);
        self.trace.failed(&turn, &"called off", CALLED_OFF, None);
        self.dispatched = true;
        true
    }

    /// Notes a try that failed.
    fn note(&mut self, job: &Job<'_>, begun: Instant, fault: Fault) {
        let provider = self.planned.target.provider.id();
        job.shared.metrics.attempt(provider.as_str(), fault.label());
        self.dispatched |= fault.was_sent();
        let turn = turn(self.planned, self.why, begun);
        self.trace
            .failed(&turn, &fault, fault.label(), fault.status_code());
        self.faults.push(fault);
    }

    fn turn(&self, begun: Instant) -> Turn<'p> {
        turn(self.planned, self.why, begun)
    }
}

fn turn<'p>(planned: &'p PlannedTarget, why: &'static str, begun: Instant) -> Turn<'p> {
    Turn {
        provider: planned.target.provider.id(),
        model: &planned.target.model,
        why,
        label: planned.target.label(),
        begun,
    }
}
