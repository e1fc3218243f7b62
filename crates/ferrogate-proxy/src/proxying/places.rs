//! Limits on the connections to one upstream.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for connections (`max_conns_per_host`), by upstream. An upstream nobody uses is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Places {
    by_upstream: Mutex<HashMap<(String, u32), Weak<Semaphore>>>,
}

impl Places {
    /// Waits for one of `limit` places at an upstream.
    ///
    /// # Cancel safety
    ///
    /// Safe: the turn in the queue is lost.
    pub(crate) async fn take(&self, upstream: &str, limit: u32) -> Option<OwnedSemaphorePermit> {
        let places = self.of(upstream, limit);
        // Never closed.
        places.acquire_owned().await.ok()
    }

    fn of(&self, upstream: &str, limit: u32) -> Arc<Semaphore> {
        let mut by_upstream = self.by_upstream.lock();
        let key = (upstream.to_owned(), limit);
        if let Some(places) = by_upstream.get(&key).and_then(Weak::upgrade) {
            return places;
        }
        by_upstream.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(usize::try_from(limit).unwrap_or(1).max(1)));
        by_upstream.insert(key, Arc::downgrade(&places));
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_limited_and_forgotten() {
        let places = Places::default();
        let first = places.take("a", 1).await.unwrap();
        assert_eq!(places.of("a", 1).available_permits(), 0);
        assert!(places.take("b", 1).await.is_some());
        drop(first);
        assert!(places.take("a", 1).await.is_some());
        let _other = places.of("c", 1);
        assert_eq!(places.by_upstream.lock().len(), 1);
    }
}
