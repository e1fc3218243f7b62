//! The ledger of a node.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ferrogate_types::{AccountId, LedgerEventId};

use crate::journal::{Holding, Journal, Opened, Record};
use crate::reservation::Reservation;
use crate::{
    Adjustment, Attempt, Book, CallFacts, Chain, EventKind, JournalError, JournalHealth,
    JournalSettings, LedgerEvent, NodeId, Posting, Recovery, Refusal, Spend,
};

/// The accounts and the journal. Cloning is one reference count.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    book: Arc<Book>,
    /// Nothing where the ledger lives in memory only.
    pub(crate) journal: Option<Journal>,
    process: u32,
    counter: AtomicU64,
    pub(crate) unrecorded: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) overruns: AtomicU64,
}

/// How the ledger fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerHealth {
    /// Its journal.
    pub journal: Option<JournalHealth>,
    /// Calls served though they could not be recorded before, as their budgets say (`on_store_failure open`).
    pub unrecorded: u64,
    /// Charges that could not be recorded at all: they count in memory until the process ends.
    pub lost: u64,
    /// Calls that used more than they held.
    pub overruns: u64,
}

/// A call under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCall {
    /// The id of the event it will end in.
    pub id: LedgerEventId,
    /// Since when, as the time since 1970.
    pub opened_at: Duration,
    /// Who calls whom.
    pub call: Arc<CallFacts>,
    /// What it holds of the account.
    pub held: Posting,
}

impl Ledger {
    /// A ledger without a journal: its balances end with the process, and its events go nowhere.
    pub fn in_memory() -> Self {
        Self::of(Arc::default(), None, fastrand::u32(..))
    }

    /// The ledger of a folder, as it was left. Calls that were under way when the process ended are charged as uncertain.
    ///
    /// Blocks on files, and for at most `lock_wait` while another process has the journal: not for a worker.
    pub fn open(
        folder: &Path,
        settings: &JournalSettings,
    ) -> Result<(Self, Recovery), JournalError> {
        let book = Arc::default();
        let process = fastrand::u32(..);
        let (journal, recovery) = Journal::open(folder, settings, &book, process)?;
        Ok((Self::of(book, Some(journal), process), recovery))
    }

    fn of(book: Arc<Book>, journal: Option<Journal>, process: u32) -> Self {
        Self(Arc::new(Inner {
            book,
            journal,
            process,
            counter: AtomicU64::new(0),
            unrecorded: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            overruns: AtomicU64::new(0),
        }))
    }

    /// The accounts.
    pub fn book(&self) -> &Arc<Book> {
        &self.0.book
    }

    /// Takes the balances of a store for windows of which the journal knows nothing: a first start with an old
    /// database, or a folder that was lost. What the journal knows is newer than what was drained, and stays.
    pub fn adopt(&self, balances: Vec<Posting>) -> Result<(), JournalError> {
        let adopted = self.0.book.adopt(balances);
        match &self.0.journal {
            Some(journal) if !adopted.is_empty() => adopted
                .chunks(ADOPTED_AT_ONCE)
                .try_for_each(|part| journal.noted(Record::Seeded(part.to_vec())).map(drop)),
            _ => Ok(()),
        }
    }

    /// Holds the worst case of a call in every account of its chain, or in none, and puts that on its way to the
    /// journal. Wait for [`Reservation::recorded`] before the call is sent.
    ///
    /// An empty chain limits nothing; the call is recorded all the same.
    pub fn reserve(
        &self,
        chain: &Arc<Chain>,
        call: Arc<CallFacts>,
        worst: Spend,
        attempt: Attempt,
        now: Duration,
    ) -> Result<Reservation, Refusal> {
        let (hold, exceeded) = chain.reserve(&worst, attempt, now)?;
        let id = self.0.next_id(now);
        let receipt = self.0.journal.as_ref().map(|journal| {
            journal.opened(Opened {
                at: now,
                call: Arc::clone(&call),
                holding: Holding {
                    id,
                    worst: worst.clone(),
                    postings: hold.postings(),
                },
            })
        });
        let receipt = if let Ok(receipt) = receipt.transpose() {
            receipt
        } else {
            if let Some(refusal) = chain.unavailable() {
                hold.close(None);
                return Err(refusal);
            }
            self.served_unrecorded();
            None
        };
        Ok(Reservation::new(
            Arc::clone(&self.0),
            id,
            (hold, exceeded),
            (call, worst),
            receipt,
            now,
        ))
    }

    /// Corrects an earlier charge by differences, in the windows of that charge: a refund, or an uncertain charge
    /// settled by hand ([`LedgerEvent::differences`]). The correction is an event of its own.
    pub fn adjust(
        &self,
        adjustment: Adjustment,
        differences: Vec<Posting>,
        now: Duration,
    ) -> Result<LedgerEvent, JournalError> {
        let event = LedgerEvent {
            id: self.0.next_id(now),
            occurred_at: now,
            postings: differences,
            kind: EventKind::Adjusted(adjustment),
        };
        if let Some(journal) = &self.0.journal {
            drop(journal.noted(Record::Event(event.clone()))?);
        }
        for posting in &event.postings {
            self.0.book.post(posting);
        }
        Ok(event)
    }

    /// Waits until everything that was reserved and settled before is on the disk: for the end of a process, behind
    /// which nothing is written any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping this only stops the waiting.
    pub async fn flush(&self) -> Result<(), JournalError> {
        match &self.0.journal {
            Some(journal) => journal.flush().await,
            None => Ok(()),
        }
    }

    /// Gives the journal to the next process, which waits for it: from now on calls under budgets are refused here (or
    /// served unrecorded, as their budgets say), and those under way end in a file that the next process reads.
    pub fn hand_over(&self) {
        if let Some(journal) = &self.0.journal {
            journal.hand_over();
        }
    }

    /// This node, to those it shares budgets with: a number kept beside the journal. A folder that is copied to another
    /// machine must not take it along.
    pub fn node(&self) -> NodeId {
        let kept = self.0.journal.as_ref().map(|journal| journal.node);
        NodeId(kept.unwrap_or_else(|| u64::from(self.0.process)))
    }

    /// The calls under way that hold something of an account, the oldest first, as far as they are recorded. Calls of a
    /// process that handed over are among them.
    pub async fn reservations(&self, account: &AccountId) -> Vec<OpenCall> {
        let Some(journal) = &self.0.journal else {
            return Vec::new();
        };
        let of_account = |opened: Opened| {
            let mut held = opened.holding.postings.into_iter();
            let held = held.find(|posting| posting.account == *account)?;
            Some(OpenCall {
                id: opened.holding.id,
                opened_at: opened.at,
                call: opened.call,
                held,
            })
        };
        let open = journal.open_calls().await.into_iter();
        let mut found: Vec<_> = open.filter_map(of_account).collect();
        found.sort_by_key(|open| (open.opened_at, open.id));
        found
    }

    /// How it fares.
    pub fn health(&self) -> LedgerHealth {
        LedgerHealth {
            journal: self.0.journal.as_ref().map(Journal::health),
            unrecorded: self.0.unrecorded.load(Ordering::Relaxed),
            lost: self.0.lost.load(Ordering::Relaxed),
            overruns: self.0.overruns.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn served_unrecorded(&self) {
        self.0.unrecorded.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn journal(&self) -> Option<&Journal> {
        self.0.journal.as_ref()
    }
}

impl Inner {
    fn next_id(&self, now: Duration) -> LedgerEventId {
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        LedgerEventId::new(millis, self.process, counter)
    }
}

/// Balances in one record, so that it stays far below what a record may hold.
const ADOPTED_AT_ONCE: usize = 256;

#[cfg(test)]
#[cfg(not(ferrogate_loom))]
pub(crate) mod tests;
