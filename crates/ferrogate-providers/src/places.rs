//! How many calls may be under way at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// `max_concurrency`: how many calls may be under way at once, and how many may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concurrency {
    /// Calls under way, streams until their end.
    pub limit: u32,
    /// Calls that wait for a place.
    pub queue: u32,
    /// How long one may wait.
    pub wait: Duration,
}

/// The places of a provider; first come, first served.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Option<Arc<Limited>>);

#[derive(Debug)]
struct Limited {
    settings: Concurrency,
    free: Arc<Semaphore>,
    waiting: AtomicU32,
}

/// A place; dropped, it is free for the next.
#[derive(Debug)]
#[must_use]
pub struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

/// There is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Saturated {
    /// As many as may wait do so already.
    #[error("every place is taken, and so is the queue")]
    Full,
    /// None became free in time.
    #[error("no place became free in time")]
    TooLate,
}

impl Places {
    pub(crate) fn new(settings: Option<Concurrency>) -> Self {
        Self(settings.map(|settings| {
            let limit = usize::try_from(settings.limit).unwrap_or(usize::MAX);
            Arc::new(Limited {
                settings,
                free: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))),
                waiting: AtomicU32::new(0),
            })
        }))
    }

    /// What limits them.
    pub(crate) fn settings(&self) -> Option<Concurrency> {
        self.0.as_ref().map(|limited| limited.settings)
    }

    /// Whether somebody who came now would be turned away at once.
    pub(crate) fn is_full(&self) -> bool {
        self.0.as_ref().is_some_and(|limited| {
            limited.free.available_permits() == 0
                && limited.waiting.load(Ordering::Relaxed) >= limited.settings.queue
        })
    }

    /// Takes a place, or waits for one until then.
    ///
    /// # Cancel safety
    ///
    /// A caller that leaves leaves the queue as well, and those behind move up.
    pub(crate) async fn enter(&self, deadline: Instant) -> Result<Place, Saturated> {
        let Some(limited) = &self.0 else {
            return Ok(Place { _permit: None });
        };
        // A place that becomes free goes to the first who waits, so nobody gets past them here.
        match Arc::clone(&limited.free).try_acquire_owned() {
            Ok(permit) => {
                return Ok(Place {
                    _permit: Some(permit),
                });
            }
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {}
        }
        let _waiting = limited.join()?;
        let longest = tokio::time::Instant::now() + limited.settings.wait;
        let until = longest.min(deadline.into());
        let permit = tokio::time::timeout_at(until, Arc::clone(&limited.free).acquire_owned());
        match permit.await {
            Ok(Ok(permit)) => Ok(Place {
                _permit: Some(permit),
            }),
            Ok(Err(_)) | Err(_) => Err(Saturated::TooLate),
        }
    }
}

impl Limited {
    /// Takes a place in the queue.
    fn join(&self) -> Result<Waiting<'_>, Saturated> {
        let more = |waiting: u32| (waiting < self.settings.queue).then(|| waiting + 1);
        self.waiting
            .try_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .map(|_| Waiting(&self.waiting))
            .map_err(|_| Saturated::Full)
    }
}

/// A place in the queue.
struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    const LONG: Duration = Duration::from_secs(60);

    fn places(limit: u32, queue: u32, wait: Duration) -> Places {
        Places::new(Some(Concurrency { limit, queue, wait }))
    }

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn later() -> Instant {
        Instant::now() + LONG
    }

    #[tokio::test]
    async fn without_a_limit_there_is_always_a_place() {
        let places = Places::new(None);
        let taken = [places.enter(later()).await, places.enter(later()).await];
        assert!(taken.iter().all(Result::is_ok) && !places.is_full());
    }

    #[tokio::test]
    async fn first_come_first_served() {
        let places = places(1, 2, LONG);
        let place = places.enter(later()).await.unwrap();
        let mut second = pin!(places.enter(later()));
        let mut third = pin!(places.enter(later()));
        assert!(poll(second.as_mut()).is_pending() && !places.is_full());
        assert!(poll(third.as_mut()).is_pending() && places.is_full());
        assert_eq!(places.enter(later()).await.unwrap_err(), Saturated::Full);
        drop(place);
        assert!(poll(third.as_mut()).is_pending(), "the second is before it");
        let Poll::Ready(Ok(place)) = poll(second.as_mut()) else {
            panic!("the second has its turn");
        };
        assert!(!places.is_full());
        drop(place);
        assert!(poll(third.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn who_leaves_the_queue_makes_room() {
        let places = places(1, 1, LONG);
        let place = places.enter(later()).await.unwrap();
        {
            let mut leaver = pin!(places.enter(later()));
            assert!(poll(leaver.as_mut()).is_pending() && places.is_full());
        }
        assert!(!places.is_full());
        let mut stayer = pin!(places.enter(later()));
        assert!(poll(stayer.as_mut()).is_pending());
        drop(place);
        assert!(poll(stayer.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn who_leaves_with_a_place_in_hand_hands_it_on() {
        let places = places(1, 2, LONG);
        let place = places.enter(later()).await.unwrap();
        let mut stayer = pin!(places.enter(later()));
        {
            let mut leaver = pin!(places.enter(later()));
            assert!(poll(leaver.as_mut()).is_pending());
            assert!(poll(stayer.as_mut()).is_pending());
            // The place is the leaver's now, but it never learns of it.
            drop(place);
        }
        assert!(poll(stayer.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn nobody_waits_past_either_limit() {
        for (wait, deadline) in [(Duration::ZERO, later()), (LONG, Instant::now())] {
            let places = places(1, 1, wait);
            let _place = places.enter(later()).await.unwrap();
            assert_eq!(
                places.enter(deadline).await.unwrap_err(),
                Saturated::TooLate
            );
            assert!(!places.is_full(), "it left the queue");
        }
    }
}
