//! A reservation over a chain of accounts: all of them or none.

use std::sync::Arc;
use std::time::Duration;

use crate::balance::{Account, Balance, Balances, Fit};
use crate::sync::MutexGuard;
use crate::{AccountState, OnExceed, OnStoreFailure, Posting, Refusal, Spend, Unit, Window};

/// The accounts a call is charged to: its key's, its tenant's and so on up to everybody's.
///
/// Made once for each key and configuration by [`Book::chain`](crate::Book::chain).
#[derive(Debug, Default)]
pub struct Chain {
    /// In the order of the locks.
    links: Box<[Link]>,
}

#[derive(Debug)]
struct Link {
    account: Arc<Account>,
    /// Its place from the most specific on: which one a refusal names.
    rank: usize,
}

/// What a call holds in each account of its chain.
#[derive(Debug)]
pub(crate) struct Hold {
    chain: Arc<Chain>,
    /// As the chain's links.
    parts: Box<[Part]>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    window: Window,
    amount: i64,
}

/// Whether a call still is the one that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attempt {
    /// It is: a budget that says `downgrade` may turn it away to a cheaper model.
    #[default]
    Asked,
    /// It was turned away once, and its model is the cheaper one.
    Downgraded,
}

impl Chain {
    /// A chain of accounts from the most specific on. Doubles count once.
    pub(crate) fn new(accounts: Vec<Arc<Account>>) -> Self {
        let mut links: Vec<Link> = accounts
            .into_iter()
            .enumerate()
            .map(|(rank, account)| Link { account, rank })
            .collect();
        links.sort_by_key(|link| (link.account.ordinal, link.rank));
        links.dedup_by_key(|link| link.account.ordinal);
        Self {
            links: links.into(),
        }
    }

    /// Whether nothing limits the call.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Whether a budget of money must know what a call costs before it is made: one that blocks.
    pub fn needs_prices(&self) -> bool {
        let hard = |link: &Link| {
            let spec = link.account.lock().spec().cloned();
            spec.is_some_and(|spec| {
                spec.unit == Unit::NanoDollars && spec.on_exceed == OnExceed::Block
            })
        };
        self.links.iter().any(hard)
    }

    /// The most specific account that refuses what cannot be recorded.
    pub(crate) fn unavailable(&self) -> Option<Refusal> {
        let closed = |link: &Link| {
            let mut balances = link.account.lock();
            let current = balances.current().clone();
            let state = balances.state(&current)?;
            let closed = state.spec.on_store_failure == OnStoreFailure::Closed;
            closed.then(|| (link.rank, Refusal::Unavailable(Box::new(state))))
        };
        let found = self.links.iter().filter_map(closed);
        found
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, refusal)| refusal)
    }

    /// Where its accounts stand, from the most specific on.
    pub fn states(&self, now: Duration) -> Vec<AccountState> {
        let mut states: Vec<_> = self
            .links
            .iter()
            .filter_map(|link| {
                let mut balances = link.account.lock();
                balances.roll(now);
                let current = balances.current().clone();
                balances.state(&current).map(|state| (link.rank, state))
            })
            .collect();
        states.sort_by_key(|(rank, _)| *rank);
        states.into_iter().map(|(_, state)| state).collect()
    }

    fn lock(&self) -> Vec<MutexGuard<'_, Balances>> {
        self.links.iter().map(|link| link.account.lock()).collect()
    }

    /// Holds a worst case in every account, or in none. Says also which accounts it runs over, where that is allowed.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        worst: &Spend,
        attempt: Attempt,
        now: Duration,
    ) -> Result<(Hold, Vec<AccountState>), Refusal> {
        let mut locked = self.lock();
        let mut parts = Vec::with_capacity(self.links.len());
        let mut trial = Trial::new(attempt);
        for (link, balances) in self.links.iter().zip(&mut locked) {
            balances.roll(now);
            let measured = link.account.unit.measure(worst);
            let current = balances.current().clone();
            trial.judge(link, balances, &current, measured);
            parts.push(Part {
                window: current.window,
                amount: measured.unwrap_or(0),
            });
        }
        let exceeded = trial.verdict()?;
        for (part, balances) in parts.iter().zip(&mut locked) {
            let current = balances.current();
            current.reserved = current.reserved.saturating_add(part.amount);
            current.holds = current.holds.saturating_add(1);
        }
        drop(locked);
        let hold = Hold {
            chain: Arc::clone(self),
            parts: parts.into(),
        };
        Ok((hold, exceeded))
    }
}

impl Hold {
    /// Holds `total` in all where less was held, in the windows it was reserved in; in every account or in none.
    pub(crate) fn top_up(&mut self, total: &Spend) -> Result<(), Refusal> {
        let mut locked = self.chain.lock();
        let mut trial = Trial::new(Attempt::Downgraded);
        let links = self.chain.links.iter();
        let mut more = Vec::with_capacity(self.parts.len());
        for ((link, balances), part) in links.zip(&mut locked).zip(&self.parts) {
            let measured = link.account.unit.measure(total);
            let missing = measured.map(|total| total.saturating_sub(part.amount).max(0));
            let balance = balances.of(part.window).cloned();
            if let Some(balance) = balance.filter(|_| missing != Some(0)) {
                trial.judge(link, balances, &balance, missing);
            }
            more.push(missing.unwrap_or(0));
        }
        trial.verdict()?;
        for ((more, balances), part) in more.into_iter().zip(&mut locked).zip(&mut self.parts) {
            if let Some(balance) = balances.of(part.window) {
                balance.reserved = balance.reserved.saturating_add(more);
            }
            part.amount = part.amount.saturating_add(more);
        }
        Ok(())
    }

    /// Gives back what is held and books what was used, if anything, in the windows it was reserved in.
    pub(crate) fn close(self, used: Option<&Spend>) {
        for (link, part) in self.chain.links.iter().zip(&self.parts) {
            let used = used.and_then(|used| link.account.unit.measure(used));
            if let Some(balance) = link.account.lock().of(part.window) {
                balance.close(part.amount, used.unwrap_or(0));
            }
        }
    }

    /// What is held, as postings.
    pub(crate) fn postings(&self) -> Vec<Posting> {
        self.postings_with(|_, part| part.amount)
    }

    /// What using this much posts.
    pub(crate) fn postings_of(&self, used: &Spend) -> Vec<Posting> {
        self.postings_with(|link, _| link.account.unit.measure(used).unwrap_or(0))
    }

    fn postings_with(&self, amount: impl Fn(&Link, &Part) -> i64) -> Vec<Posting> {
        let each = self.chain.links.iter().zip(&self.parts);
        each.map(|(link, part)| Posting {
            account: link.account.id.clone(),
            unit: link.account.unit,
            window: part.window,
            amount: amount(link, part),
        })
        .collect()
    }

    pub(crate) fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// What is held in each account, to come [`back_to`](Self::back_to).
    pub(crate) fn amounts(&self) -> Vec<i64> {
        self.parts.iter().map(|part| part.amount).collect()
    }

    /// Gives back what was topped up since.
    pub(crate) fn back_to(&mut self, amounts: &[i64]) {
        let links = self.chain.links.iter().zip(&mut self.parts);
        for ((link, part), &amount) in links.zip(amounts) {
            let surplus = part.amount.saturating_sub(amount);
            if let Some(balance) = link.account.lock().of(part.window) {
                balance.reserved = balance.reserved.saturating_sub(surplus);
            }
            part.amount = amount;
        }
    }
}

/// The verdicts of the accounts of a chain, from which the one that matters most is told.
struct Trial {
    attempt: Attempt,
    /// The refusal that counts, by how much it weighs and whose it is.
    refusal: Option<((Weight, usize), Refusal)>,
    exceeded: Vec<(usize, AccountState)>,
}

/// What is told first: that no model will do, that a grant is to be had, that another model will do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Blocks,
    Waits,
    TurnsAway,
}

impl Trial {
    fn new(attempt: Attempt) -> Self {
        Self {
            attempt,
            refusal: None,
            exceeded: Vec::new(),
        }
    }

    fn judge(&mut self, link: &Link, balances: &Balances, balance: &Balance, more: Option<i64>) {
        let Some(state) = Judged::of(balances, balance, more) else {
            return;
        };
        let (fit, state) = (state.fit, state.state);
        let (weight, refusal) = match (&state.spec.on_exceed, more, fit) {
            (OnExceed::Block, None, _) => (Weight::Blocks, Refusal::Unpriced(Box::new(state))),
            (OnExceed::Block, Some(_), Fit::Exceeds) => {
                (Weight::Blocks, Refusal::Exhausted(Box::new(state)))
            }
            (_, _, Fit::NeedsGrant { total }) => (
                Weight::Waits,
                Refusal::NeedsGrant {
                    total,
                    account: Box::new(state),
                },
            ),
            (OnExceed::Downgrade(model), _, _) if self.attempt == Attempt::Asked => (
                Weight::TurnsAway,
                Refusal::Downgrade {
                    model: model.clone(),
                    account: Box::new(state),
                },
            ),
            _ => {
                self.exceeded.push((link.rank, state));
                return;
            }
        };
        let order = (weight, link.rank);
        if self
            .refusal
            .as_ref()
            .is_none_or(|(known, _)| order < *known)
        {
            self.refusal = Some((order, refusal));
        }
    }

    fn verdict(mut self) -> Result<Vec<AccountState>, Refusal> {
        if let Some((_, refusal)) = self.refusal {
            return Err(refusal);
        }
        self.exceeded.sort_by_key(|(rank, _)| *rank);
        Ok(self.exceeded.into_iter().map(|(_, state)| state).collect())
    }
}

/// An account that has something to say.
struct Judged {
    fit: Fit,
    state: AccountState,
}

impl Judged {
    /// Nothing when the amount fits. What has no price does not fit into a hard budget, and is nothing to another.
    fn of(balances: &Balances, balance: &Balance, more: Option<i64>) -> Option<Self> {
        let fit = balances.fit(balance, more.unwrap_or(0));
        let hard = balances
            .spec()
            .is_some_and(|spec| spec.on_exceed == OnExceed::Block);
        if fit == Fit::Fits && (more.is_some() || !hard) {
            return None;
        }
        balances.state(balance).map(|state| Self { fit, state })
    }
}

#[cfg(test)]
#[cfg(ferrogate_loom)]
mod model;
#[cfg(test)]
#[cfg(not(ferrogate_loom))]
mod tests;
