//! Connections waiting for their next call.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;

use crate::endpoint::Target;
use crate::http1::H1;
use crate::http2::{H2, Place};

/// The slots of all targets. There is no timer: every so often, one who returns a connection tidies up.
pub(crate) struct Pool {
    slots: RwLock<HashMap<Target, Arc<Slot>>>,
    rules: Rules,
    start: Instant,
    swept_ms: AtomicU64,
}

/// How long, and how many, connections are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) idle: Duration,
    pub(crate) max_idle: usize,
}

/// The connections of one target.
pub(crate) struct Slot {
    state: Mutex<State>,
    rules: Rules,
    /// Held while a connection that may turn out to be HTTP/2 is made, so that calls which come at once
    /// share it instead of making one each.
    pub(crate) dialling: Semaphore,
}

#[derive(Default)]
struct State {
    // The latest used stands last and is lent first, so that a falling load lets the others grow old.
    idle: VecDeque<Idle>,
    shared: Vec<Arc<H2>>,
    speaks: Speaks,
}

struct Idle {
    connection: H1,
    since: Instant,
}

/// What the target chose in its last handshake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Speaks {
    #[default]
    Unknown,
    H1,
    H2,
}

/// A connection, or a place on one, for one call.
pub(crate) enum Lent {
    H1(H1),
    H2(Place),
}

impl Pool {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            slots: RwLock::default(),
            rules,
            start: Instant::now(),
            swept_ms: AtomicU64::new(0),
        }
    }

    /// The slot of `target`, made on first use.
    pub(crate) fn slot(&self, target: Target) -> Arc<Slot> {
        if let Some(slot) = self.slots.read().get(&target) {
            return Arc::clone(slot);
        }
        let mut slots = self.slots.write();
        let slot = slots.entry(target).or_insert_with(|| {
            Arc::new(Slot {
                state: Mutex::default(),
                rules: self.rules,
                dialling: Semaphore::new(1),
            })
        });
        Arc::clone(slot)
    }

    /// Sweeps when the last time is long enough ago.
    pub(crate) fn tidy(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.swept_ms.load(Ordering::Relaxed);
        let mine = now.saturating_sub(last) >= SWEEP_INTERVAL_MS
            && self
                .swept_ms
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            self.sweep();
        }
    }

    /// Closes what is too old or was closed by its peer, and forgets targets nobody uses.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        let slots: Vec<_> = self.slots.read().values().map(Arc::clone).collect();
        for slot in &slots {
            slot.sweep(now);
        }
        drop(slots);
        self.slots
            .write()
            .retain(|_, slot| Arc::strong_count(slot) > 1 || !slot.is_empty());
    }

    /// Idle HTTP/1.1 connections and open HTTP/2 connections.
    pub(crate) fn len(&self) -> usize {
        let slots = self.slots.read();
        slots.values().map(|slot| slot.len()).sum()
    }
}

impl Slot {
    /// Lends a connection that was alive a moment ago.
    pub(crate) fn checkout(&self) -> Option<Lent> {
        let now = Instant::now();
        if let Some(place) = self.shared_place(now) {
            return Some(Lent::H2(place));
        }
        loop {
            // Looked at outside the lock: a dead one is closed here, which is a system call.
            let mut entry = self.state.lock().idle.pop_back()?;
            if entry.is_fresh(now, self.rules.idle) && entry.connection.is_ready() {
                return Some(Lent::H1(entry.connection));
            }
        }
    }

    /// Takes an HTTP/1.1 connection back, if it can carry another call.
    pub(crate) fn give_back(&self, mut connection: H1) {
        let now = Instant::now();
        if now >= connection.expires() || !connection.is_ready() {
            return;
        }
        let mut state = self.state.lock();
        let oldest = if state.idle.len() < self.rules.max_idle {
            None
        } else {
            state.idle.pop_front()
        };
        if state.idle.len() < self.rules.max_idle {
            state.idle.push_back(Idle {
                connection,
                since: now,
            });
        }
        drop(state);
        drop(oldest);
    }

    /// Puts a new HTTP/2 connection up for sharing.
    pub(crate) fn share(&self, connection: &Arc<H2>) {
        let mut state = self.state.lock();
        state.speaks = Speaks::H2;
        state.shared.push(Arc::clone(connection));
    }

    pub(crate) fn speaks(&self) -> Speaks {
        self.state.lock().speaks
    }

    pub(crate) fn learned_h1(&self) {
        self.state.lock().speaks = Speaks::H1;
    }

    fn shared_place(&self, now: Instant) -> Option<Place> {
        let mut state = self.state.lock();
        if state.shared.is_empty() {
            return None;
        }
        // Calls that still run on a closed one hold it themselves.
        state.shared.retain(|connection| connection.is_open(now));
        state
            .shared
            .iter()
            .find_map(|connection| connection.reserve(now))
    }

    fn sweep(&self, now: Instant) {
        let mut dead_idle = Vec::new();
        let mut state = self.state.lock();
        for mut entry in std::mem::take(&mut state.idle) {
            if entry.is_fresh(now, self.rules.idle) && entry.connection.is_ready() {
                state.idle.push_back(entry);
            } else {
                dead_idle.push(entry);
            }
        }
        let dead_shared: Vec<_> = state
            .shared
            .extract_if(.., |connection| {
                !connection.is_open(now) || connection.is_idle(now, self.rules.idle)
            })
            .collect();
        drop(state);
        // Closed after the lock is free.
        drop((dead_idle, dead_shared));
    }

    fn len(&self) -> usize {
        let state = self.state.lock();
        state.idle.len() + state.shared.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Idle {
    fn is_fresh(&self, now: Instant, limit: Duration) -> bool {
        now < self.connection.expires() && now.saturating_duration_since(self.since) < limit
    }
}

const SWEEP_INTERVAL_MS: u64 = 5_000;
