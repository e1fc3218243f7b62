//! When keys were used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ferrogate_types::KeyId;
use parking_lot::Mutex;

/// When a key was used, and how often: counted without a lock.
#[derive(Debug, Default)]
pub struct KeyActivity {
    last_used: AtomicU64,
    uses: AtomicU64,
    /// Uses that were handed on already.
    told: AtomicU64,
    /// Whether it stands among the [`UsedKeys`].
    pending: AtomicBool,
}

/// What is stored of a key's use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub id: KeyId,
    /// Seconds since 1970.
    pub last_used: u64,
    /// How often since this was asked the last time: to be added.
    pub uses: u64,
}

/// Keys that were used since somebody asked: each at most once, so there are never more than keys.
#[derive(Debug, Default)]
pub(crate) struct UsedKeys {
    pending: Mutex<Vec<(KeyId, Arc<KeyActivity>)>>,
}

impl KeyActivity {
    /// What a store remembers from before.
    pub(crate) fn remembered(last_used: Option<u64>, uses: u64) -> Self {
        Self {
            last_used: AtomicU64::new(last_used.unwrap_or(0)),
            uses: AtomicU64::new(uses),
            told: AtomicU64::new(uses),
            pending: AtomicBool::new(false),
        }
    }

    /// Seconds since 1970 at which it was used last.
    pub fn last_used(&self) -> Option<u64> {
        Some(self.last_used.load(Ordering::Relaxed)).filter(|&at| at > 0)
    }

    /// How often it was used.
    pub fn uses(&self) -> u64 {
        self.uses.load(Ordering::Relaxed)
    }
}

impl UsedKeys {
    /// Notes a use.
    pub(crate) fn note(&self, id: &KeyId, activity: &Arc<KeyActivity>, now: u64) {
        activity.last_used.fetch_max(now, Ordering::Relaxed);
        // First the use and then the mark, here; the other way round there, all in one order: one of the two sees
        // the other, so that no use stays untold.
        activity.uses.fetch_add(1, Ordering::SeqCst);
        let first = !activity.pending.load(Ordering::SeqCst)
            && !activity.pending.swap(true, Ordering::SeqCst);
        if first {
            self.pending.lock().push((id.clone(), Arc::clone(activity)));
        }
    }

    /// Everything since the last time.
    pub(crate) fn drain(&self) -> Vec<KeyUse> {
        let pending = std::mem::take(&mut *self.pending.lock());
        let told = |(id, activity): (KeyId, Arc<KeyActivity>)| {
            activity.pending.store(false, Ordering::SeqCst);
            let uses = activity.uses.load(Ordering::SeqCst);
            let before = activity.told.swap(uses, Ordering::Relaxed);
            KeyUse {
                id,
                last_used: activity.last_used.load(Ordering::Relaxed),
                uses: uses.saturating_sub(before),
            }
        };
        pending
            .into_iter()
            .map(told)
            .filter(|used| used.uses > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_use_is_told_exactly_once() {
        let used = UsedKeys::default();
        let activity = Arc::new(KeyActivity::remembered(Some(5), 10));
        let id: KeyId = "k".parse().unwrap();
        let told = AtomicU64::new(0);
        let tell = || {
            let sum: u64 = used.drain().iter().map(|used| used.uses).sum();
            told.fetch_add(sum, Ordering::Relaxed);
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..1_000).for_each(|now| used.note(&id, &activity, now)));
            }
            scope.spawn(|| (0..200).for_each(|_| tell()));
        });
        tell();
        assert_eq!(told.load(Ordering::Relaxed), 3_000);
        assert_eq!((activity.uses(), activity.last_used()), (3_010, Some(999)));
    }
}
