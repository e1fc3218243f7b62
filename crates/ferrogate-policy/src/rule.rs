//! Rules on who may call what, when and from where.

mod decision;
mod hours;
mod index;
mod pattern;
mod rank;
mod set;
mod spec;

pub use decision::{Decision, Denial, Explanation, RuleMatch};
pub use hours::{Hours, HoursError};
pub use pattern::Pattern;
pub use rank::Dimension;
pub use set::{RuleError, Rules};
pub use spec::{Effect, Facts, Rule};
