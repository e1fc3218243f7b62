//! The accounts of a node.

mod chains;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::{AccountId, Subject};

use chains::Chains;

use crate::balance::{Account, Balance};
use crate::sync::Mutex;
use crate::{AccountSpec, AccountState, Chain, Posting, Unit};

/// Every account this node knows, by id: those the configuration names, and those a journal remembers.
///
/// Built once and kept over reloads, so that a new configuration finds the balances of the old one.
#[derive(Debug, Default)]
pub struct Book {
    shelf: Mutex<Shelf>,
    chains: Chains,
}

#[derive(Debug, Default)]
struct Shelf {
    accounts: HashMap<AccountId, Arc<Account>>,
    /// The budgets of each subject, in the order they were named in.
    budgets: HashMap<Subject, Vec<AccountId>>,
    last_ordinal: u64,
}

impl Book {
    /// Takes the budgets of a configuration: new ones begin with what is remembered of them, changed ones keep their
    /// balance, and those that are not named any more limit nothing.
    pub fn define(&self, specs: impl IntoIterator<Item = AccountSpec>, now: Duration) {
        let mut shelf = self.shelf.lock();
        shelf.budgets.clear();
        let mut named = HashSet::new();
        for spec in specs {
            named.insert(spec.id.clone());
            shelf.define(spec, now);
        }
        // Chains of before hold accounts that nothing else may.
        self.chains.forget();
        shelf.accounts.retain(|id, account| {
            if named.contains(id) {
                return true;
            }
            let mut balances = account.lock();
            balances.undefine();
            !balances.is_forgettable(now) || Arc::strong_count(account) > 1
        });
    }

    /// Takes one budget beside the others: one that was made or changed while running.
    pub fn put(&self, spec: AccountSpec, now: Duration) {
        self.shelf.lock().define(spec, now);
        self.chains.forget();
    }

    /// Lets one budget limit nothing any more.
    pub fn remove(&self, id: &AccountId) {
        let mut shelf = self.shelf.lock();
        shelf.take_off(id);
        if let Some(account) = shelf.accounts.get(id) {
            account.lock().undefine();
        }
        drop(shelf);
        self.chains.forget();
    }

    /// Takes the budgets of one subject in the place of those it had.
    pub fn replace(&self, subject: &Subject, specs: Vec<AccountSpec>, now: Duration) {
        let mut shelf = self.shelf.lock();
        let before = shelf.budgets.remove(subject).unwrap_or_default();
        if before.is_empty() && specs.is_empty() {
            return;
        }
        for id in before {
            if let Some(account) = shelf.accounts.get(&id) {
                account.lock().undefine();
            }
        }
        for spec in specs {
            shelf.define(spec, now);
        }
        drop(shelf);
        self.chains.forget();
    }

    /// The chain of some accounts, from the most specific on. One that is not defined limits nothing.
    pub fn chain<'a>(&self, ids: impl IntoIterator<Item = &'a AccountId>) -> Arc<Chain> {
        let shelf = self.shelf.lock();
        let accounts = ids
            .into_iter()
            .filter_map(|id| shelf.accounts.get(id).cloned());
        Arc::new(Chain::new(accounts.collect()))
    }

    /// The chain of a call's subjects, from the most specific on: every budget of each. One lookup, however many
    /// budgets there are.
    pub fn chain_of(&self, subjects: &[Subject]) -> Arc<Chain> {
        self.chains.of(subjects, || {
            let shelf = self.shelf.lock();
            let ids = subjects
                .iter()
                .filter_map(|subject| shelf.budgets.get(subject))
                .flatten();
            let accounts = ids.filter_map(|id| shelf.accounts.get(id).cloned());
            Arc::new(Chain::new(accounts.collect()))
        })
    }

    /// Where a budget stands.
    pub fn state(&self, id: &AccountId, now: Duration) -> Option<AccountState> {
        let account = self.account(id)?;
        let mut balances = account.lock();
        balances.roll(now);
        let current = balances.current().clone();
        balances.state(&current)
    }

    /// Where every budget stands, by id.
    pub fn states(&self, now: Duration) -> Vec<AccountState> {
        let accounts: Vec<_> = self.shelf.lock().accounts.keys().cloned().collect();
        let mut states: Vec<_> = accounts
            .iter()
            .filter_map(|id| self.state(id, now))
            .collect();
        states.sort_by(|a, b| a.spec.id.cmp(&b.spec.id));
        states
    }

    /// Takes balances that a store remembers, for windows of which this node knows nothing. Says which those were.
    pub fn adopt(&self, balances: Vec<Posting>) -> Vec<Posting> {
        let adopt = |posting: &Posting| {
            let account = self.restored(&posting.account, posting.unit);
            let mut balances = account.lock();
            let unknown = balances
                .of(posting.window)
                .is_none_or(|balance| *balance == Balance::new(posting.window));
            if unknown {
                balances.restore(posting.window).spent = posting.amount;
            }
            unknown
        };
        balances.into_iter().filter(adopt).collect()
    }

    /// Adds to a balance, in a window that is still kept.
    pub(crate) fn post(&self, posting: &Posting) {
        if let Some(account) = self.account(&posting.account)
            && let Some(balance) = account.lock().of(posting.window)
        {
            balance.spent = balance.spent.saturating_add(posting.amount);
        }
    }

    /// Changes a balance that a journal remembers.
    pub(crate) fn restore(&self, of: &Posting, change: impl FnOnce(&mut Balance)) {
        let account = self.restored(&of.account, of.unit);
        change(account.lock().restore(of.window));
    }

    pub(crate) fn accounts(&self) -> Vec<Arc<Account>> {
        self.shelf.lock().accounts.values().cloned().collect()
    }

    pub(crate) fn account(&self, id: &AccountId) -> Option<Arc<Account>> {
        self.shelf.lock().accounts.get(id).cloned()
    }

    fn restored(&self, id: &AccountId, unit: Unit) -> Arc<Account> {
        self.shelf.lock().account(id, unit)
    }
}

impl Shelf {
    fn define(&mut self, spec: AccountSpec, now: Duration) {
        let account = self.account(&spec.id, spec.unit);
        self.take_off(&spec.id);
        let budgets = self.budgets.entry(spec.subject.clone()).or_default();
        budgets.push(spec.id.clone());
        account.lock().define(Arc::new(spec), now);
    }

    /// Takes a budget off its subject.
    fn take_off(&mut self, id: &AccountId) {
        let spec = self
            .accounts
            .get(id)
            .and_then(|account| account.lock().spec().cloned());
        if let Some(spec) = spec
            && let Some(budgets) = self.budgets.get_mut(&spec.subject)
        {
            budgets.retain(|budget| budget != id);
            if budgets.is_empty() {
                self.budgets.remove(&spec.subject);
            }
        }
    }

    /// The account of that id; a new one when there is none, or when it counted something else.
    fn account(&mut self, id: &AccountId, unit: Unit) -> Arc<Account> {
        if let Some(account) = self.accounts.get(id)
            && account.unit == unit
        {
            return Arc::clone(account);
        }
        self.last_ordinal = self.last_ordinal.saturating_add(1);
        let account = Arc::new(Account::new(self.last_ordinal, id.clone(), unit));
        self.accounts.insert(id.clone(), Arc::clone(&account));
        account
    }
}
