//! When a request is sent again.

use std::time::{Duration, Instant};

use ferrogate_types::route::{LoadBalancing, Matcher, MatcherSet};
use http::Method;

use crate::compile::Compiler;
use crate::matcher::{Conditions, Facts, FoldedPath};
use crate::placeholder::View;

/// The retries of a proxy.
#[derive(Debug)]
pub(super) struct Retries {
    count: u32,
    duration: Duration,
    interval: Duration,
    matching: Box<[RetryMatch]>,
}

#[derive(Debug)]
struct RetryMatch {
    conditions: Conditions,
    /// It asks for the upstream's answer, and is therefore asked when there is one.
    of_answers: bool,
}

impl Retries {
    pub(super) fn compile(balancing: &LoadBalancing, compiler: &mut Compiler<'_>) -> Self {
        let matching = balancing.retry_match.iter().map(|set| RetryMatch {
            conditions: Conditions::compile(set, compiler),
            of_answers: asks_for_answer(set),
        });
        Self {
            count: balancing.retries,
            duration: balancing.try_duration,
            interval: balancing.try_interval,
            matching: matching.collect(),
        }
    }

    /// Whether another attempt may follow, and after which pause.
    pub(super) fn next(&self, attempts: u32, started: Instant, now: Instant) -> Option<Duration> {
        let by_count = if self.count > 0 {
            attempts <= self.count
        } else {
            !self.duration.is_zero()
        };
        let in_time =
            self.duration.is_zero() || now.saturating_duration_since(started) < self.duration;
        (by_count && in_time).then_some(self.interval)
    }

    /// Whether a request that an upstream may have seen may be sent again.
    pub(super) fn repeats(&self, view: View<'_>) -> bool {
        if self.matching.is_empty() {
            return *view.head.method() == Method::GET;
        }
        self.any(view, |_| true)
    }

    /// Whether an answer is to be replaced by another attempt's.
    pub(super) fn refuses_answer(&self, view: View<'_>) -> bool {
        self.any(view, |it| it.of_answers)
    }

    /// Whether answers are asked about at all.
    pub(super) fn look_at_answers(&self) -> bool {
        self.matching.iter().any(|it| it.of_answers)
    }

    fn any(&self, view: View<'_>, applies: impl Fn(&RetryMatch) -> bool) -> bool {
        let folded = FoldedPath::new();
        let facts = Facts {
            view,
            folded: &folded,
        };
        self.matching
            .iter()
            .any(|it| applies(it) && it.conditions.hold(&facts).unwrap_or(false))
    }
}

fn asks_for_answer(set: &MatcherSet) -> bool {
    set.matchers.iter().any(|matcher| match matcher {
        Matcher::Expression(text) => text.contains("{rp.") || text.contains("{http.reverse_proxy."),
        Matcher::Not(set) => asks_for_answer(set),
        _ => false,
    })
}
