//! What a fake upstream received.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::socket::Socket;
use crate::{Head, PATIENCE};

/// A request as a fake upstream received it.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its head.
    pub head: Head,
    /// Its body, unframed.
    pub body: Vec<u8>,
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the request's body is JSON")
    }
}

/// What happened at a fake upstream, with a bell for those who wait for more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    inner: Arc<(Mutex<Events>, Condvar)>,
}

#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) received: Vec<Received>,
    /// Bodies of answers as sent, unframed.
    pub(crate) sent: Vec<Vec<u8>>,
    /// Answers during which the peer closed the connection.
    pub(crate) hangups: usize,
    /// Bytes written of answers without an end.
    pub(crate) written: usize,
    /// Held answers that may go.
    pub(crate) released: usize,
}

impl Record {
    pub(crate) fn note<T>(&self, change: impl FnOnce(&mut Events) -> T) -> T {
        let result = change(&mut self.inner.0.lock());
        self.inner.1.notify_all();
        result
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&Events) -> T) -> T {
        look(&self.inner.0.lock())
    }

    /// Waits until something holds; `false` when it does not within `limit`.
    pub(crate) fn wait(&self, limit: Duration, mut holds: impl FnMut(&mut Events) -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let mut events = self.inner.0.lock();
        loop {
            if holds(&mut events) {
                return true;
            }
            if self.inner.1.wait_until(&mut events, deadline).timed_out() {
                return holds(&mut events);
            }
        }
    }

    pub(crate) fn wait_for_requests(&self, count: usize) {
        let arrived = self.wait(PATIENCE, |events| events.received.len() >= count);
        assert!(
            arrived,
            "{} of {count} requests arrived",
            self.look(|events| events.received.len())
        );
    }

    /// Waits for the peer to close during an answer; says whether it did within `limit`.
    pub(crate) fn wait_for_hangup(&self, limit: Duration) -> bool {
        self.wait(limit, |events| events.hangups > 0)
    }

    /// Holds an answer until it is released; `false` when the peer closed first, or nobody came. The connection is of no
    /// use for another request afterwards, because what the peer sends meanwhile is dropped.
    pub(crate) fn hold(&self, socket: &Socket) -> io::Result<bool> {
        let mut watched = socket.try_clone()?;
        let ours = self.clone();
        let over = Arc::new(AtomicBool::new(false));
        let gone = Arc::new(AtomicBool::new(false));
        let (answered, left) = (Arc::clone(&over), Arc::clone(&gone));
        std::thread::spawn(move || {
            if watched.closes_within(PATIENCE) && !answered.load(Ordering::SeqCst) {
                left.store(true, Ordering::SeqCst);
                ours.note(|events| events.hangups += 1);
            }
        });
        let mut released = false;
        self.wait(PATIENCE, |events| {
            released = events.released > 0;
            events.released -= usize::from(released);
            released || gone.load(Ordering::SeqCst)
        });
        over.store(true, Ordering::SeqCst);
        Ok(released)
    }
}
