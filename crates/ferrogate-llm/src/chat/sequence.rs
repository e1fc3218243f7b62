//! Blocks one behind the other.

use std::collections::BTreeMap;

use super::{BlockKind, Delta, Event};
use crate::UpstreamFault;

/// Bytes that may wait for their turn; a provider that never closes a block must not fill the memory with the others.
const MOST_WAITING: usize = 16 << 20;
/// What an event takes besides its text, about.
const EVENT: usize = 128;

/// What a caller is told whose dialect would need more held back than there is room for.
pub(crate) const OVERFULL: &str = "the stream needs more held back than this gateway has room for";

/// Puts the blocks of an answer in a row, for dialects that write one at a time: what belongs to a block whose turn
/// has not come waits until the one before is closed. Without interleaving nothing waits.
///
/// Only the first answer passes: these dialects have one. When too much waits, an error is handed on and nothing
/// behind it.
#[derive(Debug, Default)]
pub struct Sequencer {
    /// The block whose turn it is.
    live: Option<u32>,
    /// What waits, by block: they are numbered in the order they open.
    waiting: BTreeMap<u32, Vec<Event>>,
    /// Bytes of what waits.
    held: usize,
    overfull: bool,
}

impl Sequencer {
    /// Takes the next event and hands on, in order, what can be said now.
    pub fn pass(&mut self, event: &Event, mut say: impl FnMut(&Event)) {
        if self.overfull {
            return;
        }
        match event {
            Event::Open { choice, .. }
            | Event::Delta { choice, .. }
            | Event::Close { choice, .. }
            | Event::Finish { choice, .. }
            | Event::Logprobs { choice, .. }
                if *choice > 0 => {}
            Event::Open { block, .. } | Event::Delta { block, .. } | Event::Close { block, .. } => {
                if self.live.is_some_and(|live| live != *block) {
                    self.wait(*block, event, &mut say);
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

    /// Whether too much had to wait.
    pub fn is_overfull(&self) -> bool {
        self.overfull
    }

    fn wait(&mut self, block: u32, event: &Event, say: &mut impl FnMut(&Event)) {
        self.held += EVENT + size(event);
        if self.held > MOST_WAITING {
            self.overfull = true;
            self.waiting = BTreeMap::new();
            say(&Event::Fault(UpstreamFault::because(OVERFULL)));
            return;
        }
        self.waiting.entry(block).or_default().push(event.clone());
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
        for event in self
            .waiting
            .pop_first()
            .map(|(_, turn)| turn)
            .unwrap_or_default()
        {
            self.held = self.held.saturating_sub(EVENT + size(&event));
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

/// Bytes of text in an event.
fn size(event: &Event) -> usize {
    match event {
        Event::Open { kind, .. } => match kind {
            BlockKind::Image { base64, .. } => base64.len(),
            BlockKind::Foreign { raw, .. } => raw.get().len(),
            kind => kind.len(),
        },
        Event::Delta { delta, .. } => match delta {
            Delta::Signature(text) => text.len(),
            Delta::Citation(citation) => citation.raw.as_ref().map_or(0, |raw| raw.get().len()),
            delta => delta.len(),
        },
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_waits_is_bounded_and_an_error_tells() {
        let mut sequencer = Sequencer::default();
        let mut said = Vec::new();
        let piece = Event::Delta {
            choice: 0,
            block: 1,
            delta: Delta::Arguments("x".repeat(1 << 20)),
        };
        let mut given = events("o0 d0 o1");
        given.extend(std::iter::repeat_n(piece, 32));
        given.extend(events("c0 c1 e"));
        for event in &given {
            sequencer.pass(event, |event| said.push(event.clone()));
        }
        assert!(sequencer.is_overfull() && sequencer.waiting.is_empty());
        assert!(matches!(
            said.as_slice(),
            [Event::Open { .. }, Event::Delta { .. }, Event::Fault(_)]
        ));
    }

    #[test]
    fn what_interleaves_waits_for_its_turn() {
        check("o0 d0 o1 d1 d0 d1 c0 d1 c1", "o0 d0 d0 c0 o1 d1 d1 d1 c1");
        check("o0 o1 o2 d2 c2 d1 c1 c0", "o0 c0 o1 d1 c1 o2 d2 c2");
    }
}
