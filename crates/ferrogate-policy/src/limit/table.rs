//! All limits of a gateway.

use std::time::Instant;

use ferrogate_types::{Subject, SubjectKind};

use super::admission::Admission;
use super::bucket::{Bucket, Full, Held};
use super::exceeded::{Exceeded, LimitKind};
use super::quota::{Cost, LimitSpec};
use super::shards::Shards;
use crate::RateState;
use crate::gcra::{self, Ticks};

/// All limits of a gateway, with their state.
///
/// Two sorts: those declared for one subject (a key, a tenant, a model, everybody), of which there are as many as
/// were declared; and those of each subject of a kind (every address, every user), whose state is bounded and
/// forgotten when it means nothing any more.
#[derive(Debug)]
pub struct Limits {
    base: Instant,
    each: Vec<(SubjectKind, LimitSpec)>,
    declared: Shards,
    individual: Shards,
    capacity: usize,
}

/// How much the limits remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitCounts {
    /// Subjects with limits of their own.
    pub declared: usize,
    /// Subjects that are counted because every one of their kind is.
    pub individual: usize,
    /// Individual subjects forgotten for want of room while they still meant something, since the start.
    pub evicted: u64,
}

/// Individual subjects that are remembered at once; some 30 MiB at worst.
const INDIVIDUALS: usize = 100_000;

impl Limits {
    /// Limits of each subject of a kind, and of single subjects. `base` is before every time that will be asked about.
    pub fn new(
        each: impl IntoIterator<Item = (SubjectKind, LimitSpec)>,
        declared: impl IntoIterator<Item = (Subject, LimitSpec)>,
        base: Instant,
    ) -> Self {
        Self::with_capacity(each, declared, base, INDIVIDUALS)
    }

    /// As [`Limits::new`], remembering so many individual subjects at once.
    pub fn with_capacity(
        each: impl IntoIterator<Item = (SubjectKind, LimitSpec)>,
        declared: impl IntoIterator<Item = (Subject, LimitSpec)>,
        base: Instant,
        capacity: usize,
    ) -> Self {
        let limits = Self {
            base,
            each: each
                .into_iter()
                .filter(|(_, spec)| !spec.is_empty())
                .collect(),
            declared: Shards::new(usize::MAX),
            individual: Shards::new(capacity),
            capacity,
        };
        for (subject, spec) in declared {
            limits.declare(&subject, spec);
        }
        limits
    }

    /// Limits in the place of these: those that did not change keep their state, and what is under way stays counted.
    pub fn succeeding(
        &self,
        each: impl IntoIterator<Item = (SubjectKind, LimitSpec)>,
        declared: impl IntoIterator<Item = (Subject, LimitSpec)>,
    ) -> Self {
        let new = Self::with_capacity(each, [], self.base, self.capacity);
        for (subject, spec) in declared {
            new.declared.replace(&subject, |_| {
                self.declared
                    .get(&subject)
                    .map_or_else(|| Bucket::new(spec), |old| old.succeeding(spec))
            });
        }
        self.individual.for_each(|subject, old| {
            if let Some(spec) = new.each_of(subject.kind()) {
                new.individual.replace(subject, |_| old.succeeding(*spec));
            }
        });
        new
    }

    /// Gives a subject these limits from the next request on; empty ones are none.
    pub fn declare(&self, subject: &Subject, spec: LimitSpec) {
        if spec.is_empty() {
            self.declared.remove(subject);
        } else {
            self.declared.replace(subject, |old| {
                old.map_or_else(|| Bucket::new(spec), |old| old.succeeding(spec))
            });
        }
    }

    /// Takes the limits of its own from a subject; says whether it had any.
    pub fn withdraw(&self, subject: &Subject) -> bool {
        self.declared.remove(subject)
    }

    /// What a subject's own limits are.
    pub fn declared(&self, subject: &Subject) -> Option<LimitSpec> {
        self.declared.get(subject).map(|bucket| *bucket.spec())
    }

    /// How the limits of these subjects stand, in their order; nothing of those who have none. Of limits that nodes share,
    /// what this node knows.
    pub fn states(
        &self,
        subjects: &[Subject],
        now: Instant,
    ) -> Vec<(Subject, LimitKind, RateState)> {
        let ticks = gcra::ticks(self.base, now);
        let mut states = Vec::new();
        for subject in subjects {
            let buckets = [self.declared.get(subject), self.individual.get(subject)];
            for bucket in buckets.into_iter().flatten() {
                let of = |(kind, state)| (subject.clone(), kind, state);
                states.extend(bucket.states(ticks).map(of));
            }
        }
        states
    }

    /// Lets a request in if every limit of every subject does, or takes nothing.
    pub fn admit(
        &self,
        subjects: &[Subject],
        cost: Cost,
        now: Instant,
    ) -> Result<Admission, Exceeded> {
        let ticks = gcra::ticks(self.base, now);
        let mut held = Vec::with_capacity(subjects.len());
        for (index, subject) in subjects.iter().enumerate() {
            if let Err(full) = self.take(subject, index, cost, ticks, &mut held) {
                // The youngest first, so that each finds the bucket as it left it.
                for (_, held) in held.iter_mut().rev() {
                    held.give_back(ticks);
                }
                return Err(full.of(subject.clone()));
            }
        }
        Ok(Admission::new(held, self.base, ticks))
    }

    fn take(
        &self,
        subject: &Subject,
        index: usize,
        cost: Cost,
        now: Ticks,
        held: &mut Vec<(usize, Held)>,
    ) -> Result<(), Full> {
        if let Some(bucket) = self.declared.get(subject) {
            held.push((index, bucket.take(cost, now)?));
        }
        if let Some(spec) = self.each_of(subject.kind()) {
            let bucket = self
                .individual
                .get_or_insert(subject, now, || Bucket::new(*spec));
            if let Some(bucket) = bucket {
                held.push((index, bucket.take(cost, now)?));
            }
        }
        Ok(())
    }

    fn each_of(&self, kind: SubjectKind) -> Option<&LimitSpec> {
        let (_, spec) = self.each.iter().find(|(of, _)| *of == kind)?;
        Some(spec)
    }

    /// Forgets individual subjects that mean nothing any more: once a minute is often enough.
    pub fn sweep(&self, now: Instant) {
        self.individual.sweep(gcra::ticks(self.base, now));
    }

    /// How much is remembered.
    pub fn counts(&self) -> LimitCounts {
        LimitCounts {
            declared: self.declared.len(),
            individual: self.individual.len(),
            evicted: self.individual.evicted(),
        }
    }
}

impl Full {
    pub(super) fn of(self, subject: Subject) -> Exceeded {
        Exceeded {
            subject,
            kind: self.kind,
            window: self.window,
            state: self.state,
            reason: self.reason,
            retry_after: self.retry_after,
        }
    }
}

#[cfg(test)]
mod tests;
