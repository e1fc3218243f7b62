//! Token budgets in integer arithmetic.
//!
//! A request [reserves](TokenBudget::reserve) its worst case before anything is sent and
//! [settles](Reservation::settle) once with what it used; dropped unsettled, a reservation gives everything
//! back. The window is the calendar month in UTC. Kept in memory: a restart begins the month anew, which
//! `validate` says where a budget is configured.
//!
//! Refuses: floating point, and spending what was not reserved without counting it.

#![deny(clippy::float_arithmetic)]

mod budget;
mod month;

pub use budget::{BudgetState, Exhausted, Reservation, TokenBudget};
pub use month::Month;
