//! The Pingora server: listeners, lowering of the configuration, drain.
//!
//! [`check`] runs the whole boot pipeline on a configuration without opening a socket: routes compile, models
//! resolve, certificates load. What it returns cannot fail later for a reason that was knowable; `validate` stops
//! there. [`run`] opens the sockets, serves, and at a signal drains.
//!
//! Refuses: parsing configuration, and knowing how a request is answered.

mod boot;
mod diff;
mod drain;
mod explain;
mod listener;
mod live;
mod logging;
mod lower;
mod revision;
mod state;

pub use boot::{RunError, run};
pub use explain::{ExplainedRequest, Explanation, explain};
pub use listener::BindError;
pub use live::Origin;
pub use logging::{LoggingGuard, init as init_logging, log_diagnostics};
pub use lower::{LowerError, Prepared, check};
