//! Blocks one behind the other.

use std::collections::VecDeque;

use super::Event;

/// Puts the blocks of an answer in a row, for dialects that write one at a time: what belongs to a block whose turn
/// has not come waits until the one before is closed. Without interleaving nothing waits.
///
/// Only the first answer passes: these dialects have one. What waits is bounded by what the reader lets a stream
/// open at once.
#[derive(Debug, Default)]
pub struct Sequencer {
    /// The block whose turn it is.
    live: Option<u32>,
    waiting: VecDeque<Event>,
}

impl Sequencer {
    /// Takes the next event and hands on, in order, what can be said now.
    pub fn pass(&mut self, event: &Event, mut say: impl FnMut(&Event)) {
        match event {
            Event::Open { choice, .. }
            | Event::Delta { choice, .. }
            | Event::Close { choice, .. }
            | Event::Finish { choice, .. }
            | Event::Logprobs { choice, .. }
                if *choice > 0 => {}
            Event::Open { block, .. } | Event::Delta { block, .. } | Event::Close { block, .. } => {
                if self.live.is_some_and(|live| live != *block) {
                    self.waiting.push_back(event.clone());
                    return;
                }
                self.now(event, &mut say);
                self.settle(&mut say);
            }
            Event::Finish { .. } => {
                self.flush(&mut say);
                say(event);
            }
            other => say(other),
        }
    }

    fn now(&mut self, event: &Event, say: &mut impl FnMut(&Event)) {
        match event {
            Event::Open { block, .. } => self.live = Some(*block),
            Event::Close { .. } => self.live = None,
            _ => {}
        }
        say(event);
    }

    /// Says what waited for the block that was closed just now, and for those behind it.
    fn settle(&mut self, say: &mut impl FnMut(&Event)) {
        while self.live.is_none() && !self.waiting.is_empty() {
            self.next_block(say);
        }
    }

    /// Makes the first waiting block live and says all that waited for it.
    fn next_block(&mut self, say: &mut impl FnMut(&Event)) {
        let first = self.waiting.front().and_then(block_of);
        let (turn, later): (VecDeque<Event>, VecDeque<Event>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|event| block_of(event) == first);
        self.waiting = later;
        for event in turn {
            self.now(&event, say);
        }
    }

    /// The answer is over: whatever still waits is said.
    fn flush(&mut self, say: &mut impl FnMut(&Event)) {
        while !self.waiting.is_empty() {
            self.live = None;
            self.next_block(say);
        }
    }
}

fn block_of(event: &Event) -> Option<u32> {
    match event {
        Event::Open { block, .. } | Event::Delta { block, .. } | Event::Close { block, .. } => {
            Some(*block)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{BlockKind, Delta};

    fn said(events: &[Event]) -> Vec<(char, u32)> {
        let mut sequencer = Sequencer::default();
        let mut said = Vec::new();
        for event in events {
            sequencer.pass(event, |event| {
                said.push(match event {
                    Event::Open { block, .. } => ('o', *block),
                    Event::Delta { block, .. } => ('d', *block),
                    Event::Close { block, .. } => ('c', *block),
                    _ => ('.', 0),
                });
            });
        }
        said
    }

    fn events(text: &str) -> Vec<Event> {
        text.split(' ')
            .map(|word| {
                let block = word
                    .get(1..)
                    .and_then(|n| n.parse().ok())
                    .unwrap_or_default();
                match word.chars().next() {
                    Some('o') => Event::Open {
                        choice: 0,
                        block,
                        kind: BlockKind::Text,
                    },
                    Some('d') => Event::Delta {
                        choice: 0,
                        block,
                        delta: Delta::Text("x".into()),
                    },
                    Some('c') => Event::Close { choice: 0, block },
                    _ => Event::End,
                }
            })
            .collect()
    }

    fn check(given: &str, expected: &str) {
        let words: Vec<String> = said(&events(given))
            .iter()
            .map(|(kind, block)| format!("{kind}{block}"))
            .collect();
        assert_eq!(words.join(" "), expected, "{given}");
    }

    #[test]
    fn what_comes_in_a_row_passes_as_it_comes() {
        check("o0 d0 c0 o1 d1 c1", "o0 d0 c0 o1 d1 c1");
    }

    #[test]
    fn what_interleaves_waits_for_its_turn() {
        check("o0 d0 o1 d1 d0 d1 c0 d1 c1", "o0 d0 d0 c0 o1 d1 d1 d1 c1");
        check("o0 o1 o2 d2 c2 d1 c1 c0", "o0 c0 o1 d1 c1 o2 d2 c2");
    }
}
