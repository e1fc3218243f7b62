//! The place a request has reached in its site's routes.

use std::ops::Range;

/// Bits that need no allocation.
const INLINE: u32 = 64;

/// How deep named routes may invoke one another.
const MAX_CALLS: usize = 32;

/// Where the walk of one request stands: [`Program::run`](super::Program::run) goes on from here.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// The next instruction.
    pub(super) at: u32,
    /// Whether the routes are those of `handle_errors`.
    pub(super) in_errors: bool,
    /// Where named routes and routes for answers return to, the outermost first.
    calls: Vec<Frame>,
    /// The exclusive groups of which a member ran.
    groups: Bits,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    back: u32,
    depth: u16,
}

#[derive(Clone, Debug)]
enum Bits {
    Inline(u64),
    Heap(Box<[u64]>),
}

impl Cursor {
    /// Stands at an instruction of a program with so many exclusive groups.
    pub(super) fn new(at: u32, groups: u32) -> Self {
        let groups = if groups <= INLINE {
            Bits::Inline(0)
        } else {
            Bits::Heap(vec![0; usize::try_from(groups.div_ceil(64)).unwrap_or(0)].into())
        };
        Self {
            at,
            in_errors: false,
            calls: Vec::new(),
            groups,
        }
    }

    /// Starts anew at another place; what ran is forgotten.
    pub(super) fn restart(&mut self, at: u32) {
        self.at = at;
        self.forget_calls();
        self.words().fill(0);
    }

    /// Goes to `at`, to come `back` from there; `false` when that would be too deep.
    pub(super) fn call(&mut self, at: u32, back: u32, depth: u16) -> bool {
        if self.calls.len() >= MAX_CALLS {
            return false;
        }
        self.calls.push(Frame { back, depth });
        self.at = at;
        true
    }

    /// Comes back from the last call; `false` when there was none.
    pub(super) fn come_back(&mut self) -> bool {
        let frame = self.calls.pop();
        if let Some(frame) = frame {
            self.at = frame.back;
        }
        frame.is_some()
    }

    /// Will come back from nowhere.
    pub(super) fn forget_calls(&mut self) {
        self.calls.clear();
    }

    /// How deep the routes are that run now.
    pub(super) fn depth(&self) -> usize {
        self.calls
            .last()
            .map_or(0, |frame| usize::from(frame.depth))
    }

    /// Whether a member of the group ran.
    pub(super) fn has_run(&self, group: u32) -> bool {
        let words = match &self.groups {
            Bits::Inline(word) => std::slice::from_ref(word),
            Bits::Heap(words) => words,
        };
        let (word, bit) = position(group);
        words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Notes that a member of the group ran.
    pub(super) fn note_run(&mut self, group: u32) {
        let (word, bit) = position(group);
        if let Some(word) = self.words().get_mut(word) {
            *word |= bit;
        }
    }

    /// Forgets what ran of these groups: their list is entered.
    pub(super) fn forget(&mut self, groups: &Range<u32>) {
        for group in groups.clone() {
            let (word, bit) = position(group);
            if let Some(word) = self.words().get_mut(word) {
                *word &= !bit;
            }
        }
    }

    fn words(&mut self) -> &mut [u64] {
        match &mut self.groups {
            Bits::Inline(word) => std::slice::from_mut(word),
            Bits::Heap(words) => words,
        }
    }
}

/// The word a group's bit is in, and the bit.
fn position(group: u32) -> (usize, u64) {
    (
        usize::try_from(group / 64).unwrap_or(usize::MAX),
        1 << (group % 64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_noted_inline_and_on_the_heap() {
        for groups in [64, 65, 1000] {
            let mut cursor = Cursor::new(1, groups);
            for group in 0..groups {
                assert!(!cursor.has_run(group), "{group} of {groups}");
                cursor.note_run(group);
                assert!(cursor.has_run(group), "{group} of {groups}");
            }
            cursor.forget(&(3..5));
            assert!(cursor.has_run(2) && !cursor.has_run(3) && !cursor.has_run(4));
            cursor.restart(7);
            assert!(!(0..groups).any(|group| cursor.has_run(group)));
        }
    }

    #[test]
    fn calls_return_in_order_and_are_not_endless() {
        let mut cursor = Cursor::new(1, 0);
        assert!(!cursor.come_back());
        assert!(cursor.call(10, 2, 1) && cursor.call(20, 11, 3));
        assert_eq!((cursor.at, cursor.depth()), (20, 3));
        assert!(cursor.come_back());
        assert_eq!((cursor.at, cursor.depth()), (11, 1));
        assert!(cursor.come_back() && !cursor.come_back());
        assert_eq!(cursor.at, 2);
        let calls = (0..1000).filter(|_| cursor.call(1, 1, 1)).count();
        assert_eq!(calls, MAX_CALLS);
    }
}
