//! The retry budget of a provider.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Limits retries to a share of the first tries, so that a provider in trouble does not get more trouble by being asked
/// again and again.
///
/// A bucket of tokens: each first try pays in a part of a retry, each retry takes out a whole one. A limit by count and
/// not by time: it holds at one call an hour and at ten thousand a second. The reserve lets a few early failures be
/// retried, and the cap keeps a quiet week from paying for a storm.
#[derive(Clone, Debug)]
pub(crate) struct RetryBudget {
    percent: u8,
    /// In hundredths of a retry.
    balance: Arc<AtomicU32>,
}

/// A whole retry, in hundredths.
const RETRY: u32 = 100;
/// What there is at first.
const RESERVE: u32 = 5 * RETRY;
/// What there is at most.
const CAP: u32 = 10 * RETRY;

impl RetryBudget {
    /// A budget of so many retries for each hundred first tries; 0 allows none at all.
    pub(crate) fn new(percent: u8) -> Self {
        let reserve = if percent == 0 { 0 } else { RESERVE };
        Self {
            percent,
            balance: Arc::new(AtomicU32::new(reserve)),
        }
    }

    /// Retries for each hundred first tries.
    pub(crate) fn percent(&self) -> u8 {
        self.percent
    }

    /// Pays in for a first try.
    pub(crate) fn deposit(&self) {
        let more = |balance: u32| (balance + u32::from(self.percent)).min(CAP);
        self.balance
            .update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Takes out one retry; false, and nothing taken, when there is none.
    pub(crate) fn withdraw(&self) -> bool {
        let less = |balance: u32| balance.checked_sub(RETRY);
        self.balance
            .try_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_of_nothing() {
        let budget = RetryBudget::new(0);
        budget.deposit();
        assert!(!budget.withdraw());
    }

    #[test]
    fn a_quiet_week_does_not_pay_for_a_storm() {
        let budget = RetryBudget::new(20);
        for _ in 0..100_000 {
            budget.deposit();
        }
        let retries = (0..100).filter(|_| budget.withdraw()).count();
        assert_eq!(retries, (CAP / RETRY) as usize);
    }

    proptest! {
        #[test]
        fn retries_stay_below_their_share(
            percent in 0..=100_u8,
            tries in prop::collection::vec(any::<bool>(), 0..2_000),
        ) {
            let budget = RetryBudget::new(percent);
            let (mut first, mut retries) = (0_u32, 0_u32);
            for is_first in tries {
                if is_first {
                    budget.deposit();
                    first += 1;
                } else {
                    retries += u32::from(budget.withdraw());
                }
                prop_assert!(retries * RETRY <= first * u32::from(percent) + RESERVE);
            }
        }

        #[test]
        fn a_storm_gets_a_fifth_and_no_less(callers in 100..2_000_u32) {
            let budget = RetryBudget::new(20);
            let retries = (0..callers).filter(|_| {
                budget.deposit();
                budget.withdraw()
            });
            let retries = u32::try_from(retries.count()).unwrap();
            prop_assert!(retries <= callers / 5 + RESERVE / RETRY);
            prop_assert!(retries >= callers / 5);
        }
    }
}
