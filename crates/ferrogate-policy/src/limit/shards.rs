//! A bounded map of buckets that many threads use at once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferrogate_types::Subject;
use parking_lot::RwLock;

use super::bucket::Bucket;
use crate::gcra::Ticks;

/// A map of buckets in pieces, so that threads seldom meet.
///
/// At most `capacity` entries: a full piece first forgets whom forgetting changes nothing for, then an eighth of
/// the others, those nearest to that first; they are counted.
#[derive(Debug)]
pub(super) struct Shards {
    hasher: RandomState,
    pieces: Vec<RwLock<HashMap<Subject, Arc<Bucket>>>>,
    per_piece: usize,
    evicted: AtomicU64,
}

const PIECES: usize = 64;

impl Shards {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            pieces: (0..PIECES).map(|_| RwLock::default()).collect(),
            per_piece: capacity.div_ceil(PIECES).max(1),
            evicted: AtomicU64::new(0),
        }
    }

    pub(super) fn get(&self, subject: &Subject) -> Option<Arc<Bucket>> {
        self.piece(subject)?.read().get(subject).cloned()
    }

    /// The bucket of a subject, made if there is none.
    pub(super) fn get_or_insert(
        &self,
        subject: &Subject,
        now: Ticks,
        make: impl FnOnce() -> Bucket,
    ) -> Option<Arc<Bucket>> {
        let piece = self.piece(subject)?;
        if let Some(bucket) = piece.read().get(subject) {
            return Some(Arc::clone(bucket));
        }
        let mut piece = piece.write();
        if piece.len() >= self.per_piece && !piece.contains_key(subject) {
            self.evict(&mut piece, now);
        }
        let bucket = piece
            .entry(subject.clone())
            .or_insert_with(|| Arc::new(make()));
        Some(Arc::clone(bucket))
    }

    /// Puts a bucket in, made of the one that was there.
    pub(super) fn replace(&self, subject: &Subject, make: impl FnOnce(Option<&Bucket>) -> Bucket) {
        if let Some(piece) = self.piece(subject) {
            let mut piece = piece.write();
            let bucket = Arc::new(make(piece.get(subject).map(Arc::as_ref)));
            piece.insert(subject.clone(), bucket);
        }
    }

    pub(super) fn remove(&self, subject: &Subject) -> bool {
        self.piece(subject)
            .is_some_and(|piece| piece.write().remove(subject).is_some())
    }

    /// Forgets everybody whom forgetting changes nothing for.
    pub(super) fn sweep(&self, now: Ticks) {
        for piece in &self.pieces {
            piece.write().retain(|_, bucket| !is_idle(bucket, now));
        }
    }

    /// Every entry, piece by piece.
    pub(super) fn for_each(&self, mut each: impl FnMut(&Subject, &Arc<Bucket>)) {
        for piece in &self.pieces {
            for (subject, bucket) in piece.read().iter() {
                each(subject, bucket);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.read().len()).sum()
    }

    /// Entries forgotten for want of room that still meant something.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    fn piece(&self, subject: &Subject) -> Option<&RwLock<HashMap<Subject, Arc<Bucket>>>> {
        let hash = self.hasher.hash_one(subject);
        // The low bits are enough to choose among so few; there is always one.
        let index = usize::try_from(hash % PIECES as u64).unwrap_or_default();
        self.pieces.get(index)
    }

    fn evict(&self, piece: &mut HashMap<Subject, Arc<Bucket>>, now: Ticks) {
        piece.retain(|_, bucket| !is_idle(bucket, now));
        let room = self.per_piece.div_ceil(8);
        let excess = (piece.len() + room).saturating_sub(self.per_piece);
        if excess == 0 {
            return;
        }
        let mut weights: Vec<_> = piece.values().map(|bucket| bucket.weight(now)).collect();
        let last = excess.min(weights.len()).saturating_sub(1);
        let (_, &mut limit, _) = weights.select_nth_unstable(last);
        let before = piece.len();
        piece.retain(|_, bucket| bucket.weight(now) > limit);
        let gone = u64::try_from(before - piece.len()).unwrap_or(u64::MAX);
        self.evicted.fetch_add(gone, Ordering::Relaxed);
    }
}

fn is_idle(bucket: &Bucket, now: Ticks) -> bool {
    bucket.weight(now) == (false, 0)
}
