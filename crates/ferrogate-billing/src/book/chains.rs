//! Chains that were put together before.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use ferrogate_types::Subject;
use parking_lot::RwLock;

use crate::Chain;

/// The chain of each holder, kept until a budget is defined, changed or taken away.
///
/// Bounded: a piece that is full is forgotten, and its chains are put together anew.
#[derive(Debug)]
pub(super) struct Chains {
    hasher: RandomState,
    pieces: Box<[RwLock<Piece>]>,
}

#[derive(Debug, Default)]
struct Piece {
    /// Grows whenever the piece is forgotten, so that what was put together before that is not kept after it.
    edition: u64,
    known: HashMap<Box<[Subject]>, Arc<Chain>>,
}

/// One for each value of a byte.
const PIECES: usize = 256;
/// A quarter of a million holders in all, some 60 MiB at worst.
const PER_PIECE: usize = 1_024;

impl Default for Chains {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            pieces: (0..PIECES).map(|_| RwLock::default()).collect(),
        }
    }
}

impl Chains {
    /// The chain of a holder; `make` puts it together where it is not known.
    pub(super) fn of(&self, holder: &[Subject], make: impl FnOnce() -> Arc<Chain>) -> Arc<Chain> {
        let [first, ..] = self.hasher.hash_one(holder).to_le_bytes();
        let piece = &self.pieces[usize::from(first)];
        let edition = {
            let piece = piece.read();
            if let Some(chain) = piece.known.get(holder) {
                return Arc::clone(chain);
            }
            piece.edition
        };
        let made = make();
        let mut piece = piece.write();
        if piece.edition == edition {
            if piece.known.len() >= PER_PIECE {
                piece.known.clear();
            }
            piece.known.insert(holder.into(), Arc::clone(&made));
        }
        made
    }

    /// Forgets all: budgets have changed.
    pub(super) fn forget(&self) {
        for piece in &self.pieces {
            let mut piece = piece.write();
            piece.edition = piece.edition.wrapping_add(1);
            piece.known.clear();
        }
    }
}
