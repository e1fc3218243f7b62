//! Budgets in integer arithmetic: accounts, reservations, the ledger and its journal.
//!
//! A budget is an account ([`AccountSpec`]) in the [`Book`]; the accounts a call is charged to are a [`Chain`]. Before
//! a call is sent it [reserves](Ledger::reserve) its worst case in all accounts of its chain or in none. The guard it
//! gets, a [`Reservation`], is settled exactly once whatever happens, in the [windows](Window) it was reserved in. A
//! journal records every step, so that a process that is killed owes no less afterwards than it did before; a
//! [`Drainer`] brings the events to a [`LedgerStore`], and a [`GrantKeeper`] shares budgets between nodes.
//!
//! What may be overspent: nothing that was reserved. A call that uses more than it holds is charged all of it and counted
//! ([`LedgerHealth::overruns`]); a budget that says `warn` or `downgrade` runs over by design, and one that says
//! `on_store_failure open` may while the journal or the grants are away, which is counted too.
//!
//! Refuses: floating point, SQL, sockets, clocks read behind the caller's back, and waiting under a lock.
//!
//! ```
//! # use std::{sync::Arc, time::Duration};
//! # use ferrogate_billing::*;
//! # let now = Duration::from_secs(1_795_132_800);
//! # let facts = Arc::new(CallFacts { request_id: ferrogate_types::RequestId::from_random(1), key: None, tenant: None,
//! #     user: None, model: "fast".parse().unwrap(), provider: None, upstream_model: None, price: None });
//! # let spend = |dollars: &str| Spend { usage: ferrogate_types::Usage::default(), cost: dollars.parse().ok() };
//! let ledger = Ledger::in_memory();
//! let budget = AccountSpec {
//!     id: "key_dev/usd/month".parse().unwrap(),
//!     subject: ferrogate_types::Subject::Key("key_dev".parse().unwrap()),
//!     unit: Unit::NanoDollars,
//!     limit: 25_000_000_000,
//!     period: Period::Month,
//!     zone: "Europe/Berlin".parse().unwrap(),
//!     on_exceed: OnExceed::Block,
//!     on_store_failure: OnStoreFailure::Closed,
//!     shared: false,
//! };
//! let id = budget.id.clone();
//! ledger.book().define([budget], now);
//! let chain = ledger.book().chain([&id]);
//!
//! let call = ledger.reserve(&chain, facts.clone(), spend("20"), Attempt::Asked, now).unwrap();
//! assert!(ledger.reserve(&chain, facts, spend("20"), Attempt::Asked, now).is_err());
//! let price = None;
//! call.settle(Charge { spend: spend("0.5"), provider: None, upstream_model: None, price, estimated: false }, now);
//! assert_eq!(ledger.book().state(&id, now).unwrap().left(), 24_500_000_000);
//! ```

#![deny(clippy::float_arithmetic)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

mod account;
mod balance;
mod book;
mod chain;
mod drain;
mod event;
mod grants;
mod holder;
mod journal;
mod ledger;
mod refusal;
mod reservation;
mod store;
mod sync;
mod unit;
mod window;

pub use account::{AccountSpec, AccountState, OnExceed, OnStoreFailure};
pub use book::Book;
pub use chain::{Attempt, Chain};
pub use drain::{Drainer, Progress};
pub use event::{Adjustment, BillingEvent, CallFacts, EventKind, LedgerEvent, Posting, PriceRow};
pub use grants::{Claim, GrantKeeper, GrantStore, Granted, MemoryGrants, NodeId};
pub use holder::{BudgetError, declared_account, holder_accounts};
pub use journal::{Durability, JournalError, JournalHealth, JournalSettings, Recovery};
pub use ledger::{Ledger, LedgerHealth, OpenCall};
pub use refusal::Refusal;
pub use reservation::{Charge, Reservation};
pub use store::{LedgerStore, StoreError};
pub use unit::{Spend, Unit};
pub use window::{Period, UnknownZone, Window, Zone};
