//! The wall clock: the one place that reads it.

use std::time::{Duration, SystemTime};

/// The time since 1970 in UTC; zero on a machine whose clock is before that.
///
/// Durations are measured with `std::time::Instant`; this is for calendars, expiry and log entries.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place the ban points to"
)]
pub fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
