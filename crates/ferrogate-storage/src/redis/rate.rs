//! Rates that nodes share.

use std::time::Duration;

use crate::error::StoreError;
use crate::redis::Redis;
use crate::redis::number::{MOST, argument, number, numbers, unexpected};
use crate::redis::script::{SETTLE, TAKE};

/// What is taken from one rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The counter, by a name that no other has: whose it is, what it counts, and the rate itself, so that another
    /// rate is another counter.
    pub name: String,
    /// So many ...
    pub limit: u64,
    /// ... in this time.
    pub window: Duration,
    /// So many may come at once.
    pub burst: u64,
    /// How many are taken.
    pub amount: u64,
}

/// What shared rates say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateVerdict {
    /// Everything was taken, in the order it was asked for.
    Admitted(Vec<RateTaken>),
    /// Nothing was taken.
    Refused {
        /// The first that has not enough.
        index: usize,
        /// How it stands.
        level: RateLevel,
        /// Until it would have; for more than ever come at once, that is not enough.
        retry_after: Duration,
    },
}

/// What was taken from one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateTaken {
    /// How it stands now.
    pub level: RateLevel,
    /// For [`Redis::settle_rate`]: when the bucket would have been empty, in microseconds of Redis' clock.
    pub arrival: u64,
    /// For [`Redis::settle_rate`]: how much was ever given back, in microseconds.
    pub refunded: u64,
}

/// How a rate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLevel {
    /// So many could come at once.
    pub remaining: u64,
    /// Until the whole burst could.
    pub reset: Duration,
}

impl Rate {
    /// How long so many take to leak away, in microseconds: rounded up, rather a microsecond too strict than too lax.
    fn micros(&self, amount: u64) -> i64 {
        let micros = self.window.as_micros().saturating_mul(amount.into());
        let micros = micros.div_ceil(u128::from(self.limit.max(1)));
        // A tenth of what scripts reckon with: a time of today and three hundred days beside it still fit.
        i64::try_from(micros).map_or(MOST / 10, |micros| micros.min(MOST / 10))
    }

    fn level(&self, arrival: i64, now: i64) -> RateLevel {
        let level = arrival.saturating_sub(now).max(0);
        let free = self.micros(self.burst).saturating_sub(level).max(0);
        let window = self.window.as_micros().max(1);
        let remaining = u128::from(free.unsigned_abs()) * u128::from(self.limit) / window;
        RateLevel {
            remaining: u64::try_from(remaining).unwrap_or(u64::MAX).min(self.burst),
            reset: Duration::from_micros(level.unsigned_abs()),
        }
    }
}

impl Redis {
    /// Takes from every rate in one step, or from none. Over any stretch of time no more is admitted than the burst
    /// and what the rate grants in that time. The time is Redis' own.
    ///
    /// # Cancel safety
    ///
    /// Dropped, everything may have been taken or nothing; what was leaks away by itself.
    pub async fn take_rates(&self, rates: &[Rate]) -> Result<RateVerdict, StoreError> {
        let keys: Vec<String> = rates
            .iter()
            .map(|rate| self.name("rate", &rate.name))
            .collect();
        let arguments: Vec<String> = rates
            .iter()
            .flat_map(|rate| [rate.micros(rate.amount), rate.micros(rate.burst)])
            .map(argument)
            .collect();
        let answer = numbers(&self.run(&TAKE, &keys, &arguments).await?)?;
        match answer[..] {
            [1, now, ref taken @ ..] if taken.len() == rates.len() * 2 => {
                let taken = rates
                    .iter()
                    .zip(taken.chunks_exact(2))
                    .map(|(rate, taken)| {
                        let (arrival, refunded) = (taken[0], taken[1]);
                        RateTaken {
                            level: rate.level(arrival, now),
                            arrival: arrival.unsigned_abs(),
                            refunded: refunded.unsigned_abs(),
                        }
                    });
                Ok(RateVerdict::Admitted(taken.collect()))
            }
            [0, now, number, arrival] => {
                let index = usize::try_from(number - 1).map_err(|_| unexpected())?;
                let rate = rates.get(index).ok_or_else(unexpected)?;
                let over = (arrival - now)
                    .saturating_add(rate.micros(rate.amount))
                    .saturating_sub(rate.micros(rate.burst));
                Ok(RateVerdict::Refused {
                    index,
                    level: rate.level(arrival, now),
                    retry_after: Duration::from_micros(over.max(0).unsigned_abs()),
                })
            }
            _ => Err(unexpected()),
        }
    }

    /// Makes of what was taken what was used, more or less. What is given back is worth what of it has not leaked
    /// away; what was used beyond the rate is owed.
    pub async fn settle_rate(
        &self,
        rate: &Rate,
        taken: &RateTaken,
        used: u64,
    ) -> Result<(), StoreError> {
        if used == rate.amount {
            return Ok(());
        }
        let more = rate.micros(used).saturating_sub(rate.micros(rate.amount));
        let count = |number: u64| argument(i64::try_from(number).unwrap_or(MOST));
        let keys = [self.name("rate", &rate.name)];
        let arguments = [argument(more), count(taken.arrival), count(taken.refunded)];
        number(&self.run(&SETTLE, &keys, &arguments).await?)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(limit: u64, burst: u64) -> Rate {
        Rate {
            name: String::new(),
            limit,
            window: Duration::from_secs(60),
            burst,
            amount: 1,
        }
    }

    #[test]
    fn rounds_to_the_strict_side() {
        assert_eq!(rate(60, 60).micros(1), 1_000_000);
        assert_eq!(rate(7, 7).micros(1), 8_571_429);
        assert_eq!(rate(7, 7).micros(7), 60_000_000);
        assert_eq!(rate(0, 0).micros(1), 60_000_000);
        assert_eq!(rate(1, 1).micros(u64::MAX), MOST / 10);
    }

    #[test]
    fn says_how_it_stands() {
        let level = rate(60, 10).level(5_500_000, 1_000_000);
        assert_eq!(level.remaining, 5);
        assert_eq!(level.reset, Duration::from_micros(4_500_000));
        assert_eq!(rate(60, 10).level(0, 9).remaining, 10);
        assert_eq!(rate(60, 10).level(i64::MAX, 0).remaining, 0);
    }
}
