//! Places at which a test can end the process.
//!
//! Each step of the journal that changes a file has one before it and one after it. With the feature `crash-points`
//! and `FERROGATE_CRASH_AT=N` in the environment, the N-th of them that is passed aborts the process: no destructor
//! runs, nothing buffered is written. A test counts N up until a run ends by itself, and has then died at every step.

/// A place to die at.
#[cfg(feature = "crash-points")]
pub(crate) fn point(step: &'static str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    static DIE_AT: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("FERROGATE_CRASH_AT").ok()?.parse().ok());
    let Some(die_at) = *DIE_AT else { return };
    let passed = PASSED.fetch_add(1, Ordering::SeqCst).saturating_add(1);
    if passed == die_at {
        tracing::error!(step, "crash point");
        std::process::abort();
    }
}

/// Nothing, in a build that is not for tests.
#[cfg(not(feature = "crash-points"))]
pub(crate) fn point(_step: &'static str) {}
