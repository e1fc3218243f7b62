//! Metric families and the access log.
//!
//! [`Metrics`] holds every family and renders the page; [`AccessLog`] takes one [`AccessEntry`] a request and
//! writes it on a thread of its own behind a bounded queue. A full queue or a full disk loses entries, never
//! requests, and counts each loss.
//!
//! Refuses: unbounded labels, and writing on a worker.

mod access_log;
mod entry;
mod metrics;

pub use access_log::{AccessLog, AccessLogError, Destination, Format};
pub use entry::{AccessEntry, ModelCall};
pub use metrics::{CallOutcome, InFlight, Metrics, RequestKind};
