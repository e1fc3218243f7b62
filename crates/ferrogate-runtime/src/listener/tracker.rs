//! How many connections are open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus::IntGauge;
use tokio::sync::Notify;

/// Counts open connections, so that a stop can wait for them.
#[derive(Debug)]
pub(crate) struct Tracker {
    open: AtomicUsize,
    changed: Notify,
    gauge: IntGauge,
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct Tracked(Held);

/// Keeps a stop waiting, as an open connection does.
#[derive(Debug)]
pub(crate) struct Held(Arc<Tracker>);

impl Tracker {
    pub(crate) fn new(gauge: IntGauge) -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(0),
            changed: Notify::new(),
            gauge,
        })
    }

    pub(crate) fn enter(self: &Arc<Self>) -> Tracked {
        self.gauge.inc();
        Tracked(self.hold())
    }

    /// For a listener: what still waits in its queue at a stop is not counted yet.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        self.open.fetch_add(1, Ordering::AcqRel);
        Held(Arc::clone(self))
    }

    /// How many connections are open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Waits until no connection is open.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only watches.
    pub(crate) async fn idle(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.open() == 0 {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.0.0.gauge.dec();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_the_last_one() {
        let tracker = Tracker::new(IntGauge::new("open", "help").unwrap());
        tracker.idle().await;
        let (first, second) = (tracker.enter(), tracker.enter());
        let waiting = {
            let tracker = Arc::clone(&tracker);
            tokio::spawn(async move { tracker.idle().await })
        };
        drop(first);
        assert_eq!(tracker.open(), 1);
        drop(second);
        waiting.await.unwrap();
    }
}
