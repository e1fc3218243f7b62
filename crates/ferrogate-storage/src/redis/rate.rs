//! Rates that nodes share.

use std::time::Duration;

use ferrogate_policy::{Quota, RateState, SharedCharge, SharedGrant, SharedReceipt, SharedVerdict};

use crate::error::StoreError;
use crate::redis::Redis;
use crate::redis::number::{MOST, argument, count, numbers, unexpected};
use crate::redis::script::{SETTLE, TAKE};

/// What is to be made of a charge.
#[derive(Debug)]
pub(super) struct Settlement {
    counter: String,
    /// How much more was used or, below zero, how much less: microseconds.
    more: i64,
    receipt: SharedReceipt,
}

impl Settlement {
    /// None where what was used is what was charged.
    pub(super) fn new(charge: &SharedCharge, receipt: SharedReceipt, used: u64) -> Option<Self> {
        let more = micros(&charge.quota, used).saturating_sub(micros(&charge.quota, charge.amount));
        (more != 0).then(|| Self {
            counter: counter(charge),
            more,
            receipt,
        })
    }
}

impl Redis {
    /// Takes every charge in one step, or none. Over any stretch of time no more is admitted than the burst and what the
    /// rate grants in that time. The time is Redis' own, in microseconds.
    pub(super) async fn take(
        &self,
        charges: &[SharedCharge],
        patience: Duration,
    ) -> Result<SharedVerdict, StoreError> {
        let keys: Vec<String> = charges
            .iter()
            .map(|charge| self.name("rate", &counter(charge)))
            .collect();
        let arguments: Vec<String> = charges
            .iter()
            .flat_map(|SharedCharge { quota, amount, .. }| {
                [micros(quota, *amount), micros(quota, quota.burst)]
            })
            .map(argument)
            .collect();
        let reply = self.run_within(&TAKE, &keys, &arguments, Some(patience));
        let answer = numbers(&reply.await?)?;
        match answer[..] {
            [1, now, ref taken @ ..] if taken.len() == charges.len() * 2 => {
                let grants = charges
                    .iter()
                    .zip(taken.chunks_exact(2))
                    .map(|(charge, taken)| SharedGrant {
                        state: state(&charge.quota, taken[0], now),
                        receipt: SharedReceipt {
                            arrival: taken[0].unsigned_abs(),
                            refunded: taken[1].unsigned_abs(),
                        },
                    });
                Ok(SharedVerdict::Admitted(grants.collect()))
            }
            [0, now, number, arrival] => {
                let index = usize::try_from(number - 1).map_err(|_| unexpected())?;
                let SharedCharge { quota, amount, .. } =
                    charges.get(index).ok_or_else(unexpected)?;
                let over = (arrival - now)
                    .saturating_add(micros(quota, *amount))
                    .saturating_sub(micros(quota, quota.burst));
                Ok(SharedVerdict::Refused {
                    index,
                    state: state(quota, arrival, now),
                    retry_after: Duration::from_micros(over.max(0).unsigned_abs()),
                })
            }
            _ => Err(unexpected()),
        }
    }

    /// Makes of what was charged what was used. What is given back is worth what of it has not leaked away; what was
    /// used beyond the rate is owed.
    pub(super) async fn settle(&self, settlements: &[Settlement]) -> Result<(), StoreError> {
        let keys: Vec<String> = settlements
            .iter()
            .map(|settlement| self.name("rate", &settlement.counter))
            .collect();
        let arguments: Vec<String> = settlements
            .iter()
            .flat_map(|Settlement { more, receipt, .. }| {
                [
                    argument(*more),
                    count(receipt.arrival),
                    count(receipt.refunded),
                ]
            })
            .collect();
        numbers(&self.run(&SETTLE, &keys, &arguments).await?)?;
        Ok(())
    }
}

/// The counter's name: another limit is another counter. The subject comes last, for it may hold anything.
fn counter(charge: &SharedCharge) -> String {
    let Quota {
        limit,
        window,
        burst,
        ..
    } = charge.quota;
    let (kind, window) = (charge.kind.as_str(), window.as_micros());
    format!("{kind}:{limit}:{window}:{burst}:{}", charge.subject)
}

/// How long so many take to leak away, in microseconds: rounded up, rather a microsecond too strict than too lax.
fn micros(quota: &Quota, amount: u64) -> i64 {
    let micros = quota.window.as_micros().saturating_mul(amount.into());
    let micros = micros.div_ceil(u128::from(quota.limit.max(1)));
    // A tenth of what scripts reckon with: a time of today and three hundred days beside it still fit.
    i64::try_from(micros).map_or(MOST / 10, |micros| micros.min(MOST / 10))
}

fn state(quota: &Quota, arrival: i64, now: i64) -> RateState {
    let level = arrival.saturating_sub(now).max(0);
    let free = micros(quota, quota.burst).saturating_sub(level).max(0);
    let window = quota.window.as_micros().max(1);
    let remaining = u128::from(free.unsigned_abs()) * u128::from(quota.limit) / window;
    RateState {
        limit: quota.burst,
        remaining: u64::try_from(remaining)
            .unwrap_or(u64::MAX)
            .min(quota.burst),
        reset: Duration::from_micros(level.unsigned_abs()),
    }
}

#[cfg(test)]
mod tests {
    use ferrogate_policy::{LimitKind, OnStoreFailure};
    use ferrogate_types::Subject;

    use super::*;

    #[test]
    fn rounds_to_the_strict_side() {
        let micros = |limit, amount| micros(&Quota::per_minute(limit), amount);
        assert_eq!(micros(60, 1), 1_000_000);
        assert_eq!(micros(7, 1), 8_571_429);
        assert_eq!(micros(7, 7), 60_000_000);
        assert_eq!(micros(0, 1), 60_000_000);
        assert_eq!(micros(1, u64::MAX), MOST / 10);
    }

    #[test]
    fn says_how_it_stands() {
        let quota = Quota::per_minute(60).with_burst(10);
        let at = |arrival, now| state(&quota, arrival, now);
        assert_eq!(
            (
                at(5_500_000, 1_000_000).limit,
                at(5_500_000, 1_000_000).remaining
            ),
            (10, 5)
        );
        assert_eq!(
            at(5_500_000, 1_000_000).reset,
            Duration::from_micros(4_500_000)
        );
        assert_eq!(at(0, 9).remaining, 10);
        assert_eq!(at(i64::MAX, 0).remaining, 0);
    }

    #[test]
    fn each_limit_has_a_counter_of_its_own() {
        let charge = SharedCharge {
            subject: Subject::Key("k".parse().unwrap()),
            kind: LimitKind::Tokens,
            quota: Quota::per_minute(60).on_store_failure(OnStoreFailure::Closed),
            amount: 3,
        };
        assert_eq!(counter(&charge), "tokens:60:60000000:60:key:k");
        let receipt = SharedReceipt::default();
        assert!(Settlement::new(&charge, receipt, 3).is_none());
        let less = Settlement::new(&charge, receipt, 1).unwrap();
        assert_eq!(less.more, -2_000_000);
    }
}
