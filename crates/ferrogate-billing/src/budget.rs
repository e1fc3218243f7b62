//! Tokens a month.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::TokenCount;
use parking_lot::Mutex;

use crate::{Period, Window, Zone};

/// A budget of tokens a calendar month.
#[derive(Clone, Debug)]
pub struct TokenBudget {
    limit: TokenCount,
    ledger: Arc<Mutex<Ledger>>,
}

#[derive(Debug)]
struct Ledger {
    month: Window,
    spent: TokenCount,
    reserved: TokenCount,
}

/// Where a budget stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetState {
    /// Tokens a month.
    pub limit: TokenCount,
    /// Spent this month.
    pub spent: TokenCount,
    /// Held by requests under way.
    pub reserved: TokenCount,
    /// When the month ends, as the time since 1970.
    pub resets_at: Duration,
}

/// There is not enough left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the monthly token budget of {} is used up ({} spent, {} reserved)", .0.limit, .0.spent, .0.reserved)]
pub struct Exhausted(pub BudgetState);

/// Tokens held for a request under way.
#[derive(Debug)]
#[must_use = "a reservation that is dropped at once protects nothing"]
pub struct Reservation {
    budget: TokenBudget,
    month: Window,
    tokens: TokenCount,
}

impl TokenBudget {
    /// A budget of which nothing is spent.
    pub fn new(limit: TokenCount) -> Self {
        let month = month_of(Duration::ZERO);
        Self {
            limit,
            ledger: Arc::new(Mutex::new(Ledger {
                month,
                spent: 0,
                reserved: 0,
            })),
        }
    }

    /// Holds `tokens`, or refuses when they do not fit into what is left.
    pub fn reserve(&self, tokens: TokenCount, now: Duration) -> Result<Reservation, Exhausted> {
        let mut ledger = self.ledger.lock();
        ledger.roll(month_of(now));
        let committed = ledger.spent.saturating_add(ledger.reserved);
        if committed.saturating_add(tokens) > self.limit {
            return Err(Exhausted(self.state_of(&ledger)));
        }
        ledger.reserved = ledger.reserved.saturating_add(tokens);
        Ok(Reservation {
            budget: self.clone(),
            month: ledger.month,
            tokens,
        })
    }

    /// Where it stands.
    pub fn state(&self, now: Duration) -> BudgetState {
        let mut ledger = self.ledger.lock();
        ledger.roll(month_of(now));
        self.state_of(&ledger)
    }

    fn state_of(&self, ledger: &Ledger) -> BudgetState {
        BudgetState {
            limit: self.limit,
            spent: ledger.spent,
            reserved: ledger.reserved,
            resets_at: ledger.month.resets_at().unwrap_or_default(),
        }
    }
}

impl Ledger {
    /// Begins a new month. What requests of the old month hold is theirs to settle there, not here.
    fn roll(&mut self, month: Window) {
        if month > self.month {
            *self = Self {
                month,
                spent: 0,
                reserved: 0,
            };
        }
    }
}

impl Reservation {
    /// Holds `tokens` in all where fewer were held: what a session has used by now. An error when that is more than was
    /// left; it is held all the same, for it is spent already, and nobody else may count on it. A new month has no say in
    /// what the old one holds.
    pub fn raise(&mut self, tokens: TokenCount) -> Result<(), Exhausted> {
        let more = tokens.saturating_sub(self.tokens);
        let mut ledger = self.budget.ledger.lock();
        if more == 0 || ledger.month != self.month {
            return Ok(());
        }
        let committed = ledger.spent.saturating_add(ledger.reserved);
        let fits = committed.saturating_add(more) <= self.budget.limit;
        let exhausted = Exhausted(self.budget.state_of(&ledger));
        ledger.reserved = ledger.reserved.saturating_add(more);
        self.tokens = tokens;
        fits.then_some(()).ok_or(exhausted)
    }

    /// Spends what was used, be it more or less than was held, in the month it was held in.
    pub fn settle(mut self, used: TokenCount) {
        self.close(used);
    }

    fn close(&mut self, used: TokenCount) {
        let mut ledger = self.budget.ledger.lock();
        if ledger.month == self.month {
            ledger.reserved = ledger.reserved.saturating_sub(self.tokens);
            ledger.spent = ledger.spent.saturating_add(used);
        }
        self.tokens = 0;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.tokens > 0 {
            self.close(0);
        }
    }
}

fn month_of(now: Duration) -> Window {
    Period::Month.window_at(Zone::UTC, now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_795_132_800);

    #[test]
    fn holds_spends_and_gives_back() {
        let budget = TokenBudget::new(100);
        let first = budget.reserve(60, NOW).unwrap();
        assert_eq!(budget.reserve(41, NOW).unwrap_err().0.reserved, 60);
        first.settle(10);
        drop(budget.reserve(90, NOW).unwrap());
        let state = budget.state(NOW);
        assert_eq!((state.spent, state.reserved), (10, 0));
        budget.reserve(90, NOW).unwrap().settle(95);
        assert!(budget.reserve(1, NOW).is_err(), "an overrun is counted");
    }

    #[test]
    fn holds_more_while_there_is_more() {
        let budget = TokenBudget::new(100);
        let mut held = budget.reserve(10, NOW).unwrap();
        for (asked, reserved) in [(40, 40), (20, 40), (100, 100), (101, 101)] {
            assert_eq!(held.raise(asked).is_ok(), asked <= 100);
            assert_eq!(budget.state(NOW).reserved, reserved);
        }
        held.settle(30);
        let state = budget.state(NOW);
        assert_eq!((state.spent, state.reserved), (30, 0));

        let mut late = budget.reserve(10, NOW).unwrap();
        assert_eq!(budget.state(state.resets_at).reserved, 0);
        assert_eq!(late.raise(1000), Ok(()));
        assert_eq!(budget.state(state.resets_at).reserved, 0);
    }

    #[test]
    fn a_late_settlement_stays_in_its_month() {
        let budget = TokenBudget::new(100);
        let held = budget.reserve(100, NOW).unwrap();
        let next = budget.state(NOW).resets_at;
        assert_eq!(budget.state(next).reserved, 0);
        held.settle(100);
        assert_eq!(budget.state(next).spent, 0);
    }

    #[test]
    fn a_clock_that_steps_back_does_not_refill_it() {
        let budget = TokenBudget::new(10);
        budget.reserve(10, NOW).unwrap().settle(10);
        assert!(budget.reserve(1, Duration::ZERO).is_err());
    }

    proptest! {
        #[test]
        fn reservations_never_exceed_the_limit(asks in proptest::collection::vec((1_u64..50, any::<bool>(), 0_u64..50), 1..100)) {
            let budget = TokenBudget::new(200);
            let mut held = Vec::new();
            let mut spent = 0;
            for (tokens, settle, used) in asks {
                if let Ok(reservation) = budget.reserve(tokens, NOW) {
                    held.push((reservation, tokens));
                }
                if settle && let Some((reservation, tokens)) = held.pop() {
                    let used = used.min(tokens);
                    reservation.settle(used);
                    spent += used;
                }
                let state = budget.state(NOW);
                prop_assert!(state.spent + state.reserved <= state.limit);
                prop_assert_eq!(state.spent, spent);
            }
            held.clear();
            prop_assert_eq!(budget.state(NOW).reserved, 0);
        }
    }
}
