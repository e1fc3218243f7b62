//! What went by of a stream.

use ferrogate_types::Usage;

use crate::UpstreamFault;
use crate::chat::{Event, Start};

/// What went by so far.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) usage: Option<Usage>,
    pub(super) content: bool,
    pub(super) output_bytes: usize,
    /// Content went by behind the last report of usage.
    pub(super) unreported: bool,
    /// How the answer began, and which choices finished: what of a stream that passes its end rests on.
    pub(super) start: Option<Start>,
    pub(super) told: Vec<Event>,
}

/// What the events of one frame say about the stream itself.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) end: bool,
    pub(super) usage: bool,
    pub(super) fault: Option<UpstreamFault>,
}

impl Seen {
    pub(super) fn note_all(&mut self, events: impl Iterator<Item = Event>) -> Noted {
        let mut noted = Noted::default();
        for event in events {
            self.note(event, &mut noted);
        }
        self.frame_over(&noted);
        noted
    }

    /// A report of usage covers what came with it in one frame, whichever stands first.
    pub(super) fn frame_over(&mut self, noted: &Noted) {
        self.unreported &= !noted.usage;
    }

    /// The stream is over, and this is what it used.
    pub(super) fn settle(&mut self, usage: Usage) {
        self.usage = Some(usage);
        self.unreported = false;
    }

    pub(super) fn note(&mut self, event: Event, noted: &mut Noted) {
        match event {
            Event::Usage(usage) => {
                self.usage = Some(usage);
                noted.usage = true;
            }
            Event::Open { kind, .. } => {
                self.content = true;
                self.unreported = true;
                self.output_bytes += kind.len();
            }
            Event::Delta { delta, .. } => {
                self.content = true;
                self.unreported = true;
                self.output_bytes += delta.len();
            }
            Event::Finish { .. } => {
                self.content = true;
                self.told.push(event);
            }
            Event::Fault(fault) => noted.fault = Some(fault),
            Event::End => noted.end = true,
            Event::Start(start) => self.start = Some(start),
            Event::Close { .. } | Event::Logprobs { .. } | Event::KeepAlive => {}
        }
    }
}
