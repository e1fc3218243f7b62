//! Budgets in integer arithmetic.

#![deny(clippy::float_arithmetic)]

mod account;
mod balance;
mod book;
mod budget;
mod chain;
mod drain;
mod event;
mod grants;
mod journal;
mod ledger;
mod month;
mod refusal;
mod reservation;
mod store;
mod sync;
mod unit;
mod window;

pub use account::{AccountScope, AccountSpec, AccountState, OnExceed, OnStoreFailure};
pub use book::Book;
pub use budget::{BudgetState, Exhausted, Reservation as TokenReservation, TokenBudget};
pub use chain::{Attempt, Chain};
pub use drain::{Drainer, Progress};
pub use event::{Adjustment, BillingEvent, CallFacts, EventKind, LedgerEvent, Posting, PriceRow};
pub use grants::{Claim, GrantKeeper, GrantStore, Granted, MemoryGrants, NodeId};
pub use journal::{Durability, JournalError, JournalHealth, JournalSettings, Recovery};
pub use ledger::{Ledger, LedgerHealth};
pub use month::Month;
pub use refusal::Refusal;
pub use reservation::{Charge, Reservation};
pub use store::{LedgerStore, StoreError};
pub use unit::{Spend, Unit};
pub use window::{Period, UnknownZone, Window, Zone};
