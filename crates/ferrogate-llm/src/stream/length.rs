//! The end of a watched stream that is no longer paid for.

use ferrogate_types::Usage;

use super::{StreamEnd, StreamWatch};
use crate::chat::{Event, FinishReason, Start};
use crate::json;
use crate::protocol::Caller;
use crate::relayed::Passed;

impl StreamWatch {
    /// Appends what ends the stream where it stands, as if the most tokens of output were reached.
    pub(crate) fn end_for_length(&mut self, usage: Usage, caller: &Caller<'_>, out: &mut Vec<u8>) {
        self.end = Some(StreamEnd::Complete);
        self.usage = Some(usage);
        self.unreported = false;
        if let Some(outline) = self.outline.as_mut().filter(|outline| outline.has_begun()) {
            outline.end_for_length(&usage, caller, out);
            return;
        }
        let finish = |reason: FinishReason| {
            move |index: &u64| {
                Some(Event::Finish {
                    choice: u32::try_from(*index).ok()?,
                    reason: reason.clone(),
                    stop_sequence: None,
                })
            }
        };
        if self.finished.is_empty() && self.unfinished.is_empty() {
            self.unfinished.insert(0);
        }
        let passed = Passed {
            start: self.start.take(),
            // Their reasons went by; which they were matters no more.
            told: self
                .finished
                .iter()
                .filter_map(finish(FinishReason::Stop))
                .collect(),
        };
        let rest: Vec<Event> = self
            .unfinished
            .iter()
            .filter_map(finish(FinishReason::Length))
            .collect();
        let caller = Caller {
            usage_asked: !self.hide_usage,
            ..*caller
        };
        passed.finish(self.dialect(), &rest, usage, &caller, out);
    }
}

/// How the answer begins, by its first chunk.
pub(super) fn start_of(data: &[u8]) -> Start {
    let [id, created] = json::peek(data, ["id", "created"]).unwrap_or_default();
    Start {
        id: id.and_then(json::text).unwrap_or_default().into_owned(),
        created: created.and_then(json::unsigned).filter(|at| *at > 0),
        ..Start::default()
    }
}
