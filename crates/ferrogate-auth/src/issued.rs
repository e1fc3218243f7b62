//! Keys of the state store.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use ferrogate_types::{KeyId, Scope};
use parking_lot::{Mutex, RwLock};

use crate::activity::KeyActivity;
use crate::key::{Key, KeyCredential, KeySpec};
use crate::{KeyDigest, generated};

/// A key as the state store has it.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// What is said of it. Its credential is a generated one; any other fits nobody.
    pub spec: Arc<KeySpec>,
    /// Limits and budgets declared with it, as JSON text of whoever enforces them; opaque here.
    pub limits: String,
    /// Seconds since 1970.
    pub created_at: u64,
    /// Seconds since 1970.
    pub updated_at: u64,
    /// When its secret was changed, in seconds since 1970.
    pub rotated_at: Option<u64>,
    /// When it was revoked, in seconds since 1970. A revoked key stays for the records.
    pub revoked_at: Option<u64>,
    /// When it was used last, in seconds since 1970.
    pub last_used_at: Option<u64>,
    /// How often it was used.
    pub usage_count: u64,
    /// Grows with each change, from 1, as the store says: what an `ETag` is made of.
    pub version: u64,
}

/// Keys of the state store, held in memory: found by id in one lookup, and changed while they are used. A change takes
/// effect on the next request.
#[derive(Debug)]
pub struct IssuedKeys {
    hasher: RandomState,
    pieces: Vec<RwLock<HashMap<KeyId, Arc<Issued>>>>,
    count: AtomicUsize,
    /// Goes up with every change.
    revision: AtomicU64,
    /// Whether there ever was a key, here or in the store's memory.
    ever: AtomicBool,
    /// Whether the store has not told yet what it has.
    untold: AtomicBool,
    /// Keys with `admin.write`, usable or not: few, so that guards need not look at all.
    admins: Mutex<HashSet<KeyId>>,
}

/// A key of the state store with its record.
#[derive(Debug)]
pub struct Issued {
    record: KeyRecord,
    key: Arc<Key>,
}

const PIECES: usize = 64;

impl Default for IssuedKeys {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            pieces: (0..PIECES).map(|_| RwLock::default()).collect(),
            count: AtomicUsize::new(0),
            revision: AtomicU64::new(0),
            ever: AtomicBool::new(false),
            untold: AtomicBool::new(false),
            admins: Mutex::default(),
        }
    }
}

impl Issued {
    fn new(record: KeyRecord, before: Option<&Self>) -> Self {
        let activity = before.map_or_else(
            || {
                Arc::new(KeyActivity::remembered(
                    record.last_used_at,
                    record.usage_count,
                ))
            },
            |before| Arc::clone(before.key.activity()),
        );
        let key = Key::issued(Arc::clone(&record.spec), record.revoked_at, activity);
        Self {
            record,
            key: Arc::new(key),
        }
    }

    /// Its record; when it was used is known better by [`Key::activity`].
    pub fn record(&self) -> &KeyRecord {
        &self.record
    }

    /// The key.
    pub fn key(&self) -> &Arc<Key> {
        &self.key
    }
}

impl IssuedKeys {
    /// Takes over what the store has: records that are newer than what is here, and whether there ever was a key.
    /// Records that are gone from the store go here, too, unless something changed here while the store was read;
    /// `before` is the [`revision`](Self::revision) from before that.
    pub fn replace_all(&self, records: Vec<KeyRecord>, ever_issued: bool, before: u64) {
        if self.revision() == before {
            let kept: HashSet<&KeyId> = records.iter().map(|record| &record.spec.id).collect();
            for issued in self.list() {
                if !kept.contains(issued.key.id()) {
                    self.remove(issued.key.id());
                }
            }
        }
        for record in records {
            self.upsert(record);
        }
        if ever_issued {
            self.ever.store(true, Ordering::Release);
        }
        self.untold.store(false, Ordering::Release);
    }

    /// Notes that the store does not tell what it has: until it [does](Self::replace_all), it counts as if it had keys.
    pub fn await_store(&self) {
        self.untold.store(true, Ordering::Release);
    }

    /// Puts a key in, unless a newer version of it is here already: writers may overtake one another.
    pub fn upsert(&self, record: KeyRecord) -> bool {
        let Some(piece) = self.piece(record.spec.id.as_str()) else {
            return false;
        };
        let id = record.spec.id.clone();
        let mut piece = piece.write();
        let before = piece.get(&id);
        if before.is_some_and(|before| before.record.version >= record.version) {
            return false;
        }
        let admin = record.spec.scopes.contains(Scope::AdminWrite);
        let issued = Arc::new(Issued::new(record, before.map(Arc::as_ref)));
        if piece.insert(id.clone(), issued).is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        if admin {
            self.admins.lock().insert(id);
        } else {
            self.admins.lock().remove(&id);
        }
        self.ever.store(true, Ordering::Release);
        self.revision.fetch_add(1, Ordering::Release);
        true
    }

    /// Takes a key out; says whether it was there.
    pub fn remove(&self, id: &KeyId) -> bool {
        let Some(piece) = self.piece(id.as_str()) else {
            return false;
        };
        let mut piece = piece.write();
        let was_there = piece.remove(id).is_some();
        if was_there {
            self.count.fetch_sub(1, Ordering::Relaxed);
            self.admins.lock().remove(id);
            self.revision.fetch_add(1, Ordering::Release);
        }
        was_there
    }

    /// The key with this id.
    pub fn get(&self, id: &str) -> Option<Arc<Issued>> {
        self.piece(id)?.read().get(id).cloned()
    }

    /// Everything, sorted by id.
    pub fn list(&self) -> Vec<Arc<Issued>> {
        let mut all: Vec<_> = self
            .pieces
            .iter()
            .flat_map(|piece| piece.read().values().cloned().collect::<Vec<_>>())
            .collect();
        all.sort_unstable_by(|left, right| left.key.id().cmp(right.key.id()));
        all
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there ever was one, or may have been: then nothing is open any more, even when all are gone.
    pub fn ever_issued(&self) -> bool {
        self.ever.load(Ordering::Acquire) || self.untold.load(Ordering::Acquire)
    }

    /// Goes up with every change.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// The key that a generated secret belongs to. Its usability is not looked at.
    pub(crate) fn find(&self, secret: &str, digest: &KeyDigest, now: u64) -> Option<Arc<Key>> {
        let id = generated::id_in(secret)?;
        let piece = self.piece(id)?.read();
        let key = &piece.get(id)?.key;
        match &key.spec().credential {
            KeyCredential::Generated(hashes) if hashes.fit(digest, now) => Some(Arc::clone(key)),
            _ => None,
        }
    }

    /// Keys with `admin.write`, usable or not.
    pub(crate) fn admins(&self) -> Vec<Arc<Key>> {
        let ids: Vec<KeyId> = self.admins.lock().iter().cloned().collect();
        ids.iter()
            .filter_map(|id| Some(Arc::clone(self.get(id.as_str())?.key())))
            .collect()
    }

    fn piece(&self, id: &str) -> Option<&RwLock<HashMap<KeyId, Arc<Issued>>>> {
        let index = self.hasher.hash_one(id) % PIECES as u64;
        self.pieces.get(usize::try_from(index).unwrap_or_default())
    }
}
