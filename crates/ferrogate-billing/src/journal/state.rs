//! What the records add up to.
//!
//! The writer keeps it beside the file, so that a checkpoint is exact without stopping anybody; recovery adds it up
//! again from the file. One function for both is why they agree.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ferrogate_types::{AccountId, LedgerEventId};

use super::record::{Opened, Record};
use crate::{EventKind, Posting, Unit, Window};

#[derive(Debug, Default)]
pub(crate) struct State {
    balances: HashMap<(AccountId, Window), (Unit, i64)>,
    open: HashMap<LedgerEventId, Opened>,
    /// The latest time a record told.
    last_at: Duration,
}

/// How long a window's balance stays in checkpoints after it is over: a clock may be wrong by this much. What is
/// corrected later than that is the store's to add up.
const AFTERLIFE: i64 = 7 * 86_400;

impl State {
    /// Adds a record. One that ends what is not open, or opens what is, changes only what is new in it.
    pub(crate) fn apply(&mut self, record: &Record) {
        match record {
            Record::Opened(opened) | Record::Standing(opened) => {
                self.last_at = self.last_at.max(opened.at);
                self.open.insert(opened.holding.id, opened.clone());
            }
            Record::ToppedUp(holding) => {
                if let Some(opened) = self.open.get_mut(&holding.id) {
                    opened.holding.clone_from(holding);
                }
            }
            Record::Event(event) => {
                self.last_at = self.last_at.max(event.occurred_at);
                if matches!(event.kind, EventKind::Charged(_)) {
                    self.open.remove(&event.id);
                }
                for posting in &event.postings {
                    self.add(posting);
                }
            }
            Record::Released(id) => {
                self.open.remove(id);
            }
            Record::Seeded(postings) => {
                for posting in postings {
                    let key = (posting.account.clone(), posting.window);
                    self.balances
                        .entry(key)
                        .or_insert((posting.unit, posting.amount));
                }
            }
            Record::Balance(posting) => self.add(posting),
            Record::Checkpoint { .. } => {}
        }
    }

    fn add(&mut self, posting: &Posting) {
        let key = (posting.account.clone(), posting.window);
        let (unit, spent) = self.balances.entry(key).or_insert((posting.unit, 0));
        if *unit == posting.unit {
            *spent = spent.saturating_add(posting.amount);
        } else {
            (*unit, *spent) = (posting.unit, posting.amount);
        }
    }

    /// Forgets the balances of windows that are long over and in which nothing is under way.
    pub(crate) fn prune(&mut self) {
        let now = i64::try_from(self.last_at.as_secs()).unwrap_or(i64::MAX);
        let open = self
            .open
            .values()
            .flat_map(|opened| &opened.holding.postings);
        let used: HashSet<_> = open
            .map(|posting| (&posting.account, posting.window))
            .collect();
        self.balances.retain(|(account, window), _| {
            window.end().saturating_add(AFTERLIFE) > now || used.contains(&(account, *window))
        });
    }

    /// The records that say all this, for the beginning of a file.
    pub(crate) fn checkpoint(&self) -> impl Iterator<Item = Record> {
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        let head = Record::Checkpoint {
            balances: count(self.balances.len()),
            open: count(self.open.len()),
        };
        let balances = self.balances().map(Record::Balance);
        let open = self.open.values().cloned().map(Record::Standing);
        std::iter::once(head).chain(balances).chain(open)
    }

    pub(crate) fn balances(&self) -> impl Iterator<Item = Posting> {
        let each = self.balances.iter();
        each.map(|((account, window), (unit, amount))| Posting {
            account: account.clone(),
            unit: *unit,
            window: *window,
            amount: *amount,
        })
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Opened> {
        self.open.values()
    }

    pub(crate) fn opened(&self, id: LedgerEventId) -> Option<&Opened> {
        self.open.get(&id)
    }
}
