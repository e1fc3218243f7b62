//! The end of a stream that is no longer paid for.

use bytes::Bytes;
use ferrogate_types::Usage;

use super::{Mode, RelayedStream, write};
use crate::Dialect;
use crate::chat::{BlockKind, Delta, Event, Start};
use crate::protocol::{Caller, ReadStream};

impl RelayedStream {
    /// Ends the stream where it stands, as its dialect does when the most tokens of output were reached: what is open
    /// is closed, arguments of calls stay cut, and `usage` is what the caller is told. Returns what is to be sent;
    /// nothing comes behind it.
    ///
    /// It may be called between any two steps, before the first as well. Frames that wait are dropped. A choice of
    /// which the provider told why it finished keeps that reason. Of a stream that is over or failed nothing is left to say.
    /// `caller` names what the provider has not, if nothing has passed yet; a stream that is translated knows it.
    pub fn end_for_length(&mut self, usage: Usage, caller: &Caller<'_>) -> Bytes {
        if self.ended || self.failed {
            return Bytes::new();
        }
        self.ended = true;
        let mut out = Vec::new();
        match &mut self.mode {
            Mode::Watch(watch) => watch.end_for_length(usage, caller, &mut out),
            Mode::Pass {
                outline: Some(outline),
                ..
            } if outline.has_begun() => outline.end_for_length(&usage, caller, &mut out),
            Mode::Pass {
                dialect, reader, ..
            } => {
                let passed = Passed {
                    start: self.seen.start.take(),
                    told: std::mem::take(&mut self.seen.told),
                };
                passed.end(*dialect, reader.as_mut(), usage, caller, &mut out);
            }
            Mode::Translate {
                reader,
                marking,
                emulated,
                writer,
            } => {
                reader.cut(&mut self.events);
                self.events.extend([Event::Usage(usage), Event::End]);
                let events = self.events.drain(..).map(|event| marking.mark(event));
                let noted = write(events, emulated, writer.as_mut(), &mut self.seen, &mut out);
                self.failed = noted.fault.is_some();
            }
        }
        self.seen.settle(usage);
        out.into()
    }
}

/// What a caller has been told by frames that passed as they came.
#[derive(Default)]
pub(crate) struct Passed {
    /// How the answer began; none if it has not.
    pub(crate) start: Option<Start>,
    /// Choices that finished, each as its own event.
    pub(crate) told: Vec<Event>,
}

impl Passed {
    fn end(
        self,
        dialect: Dialect,
        reader: &mut dyn ReadStream,
        usage: Usage,
        caller: &Caller<'_>,
        out: &mut Vec<u8>,
    ) {
        reader.close_passed(out);
        let mut rest = Vec::new();
        reader.cut(&mut rest);
        rest.retain(|event| matches!(event, Event::Finish { .. }));
        self.finish(dialect, &rest, usage, caller, out);
    }

    /// Appends how the choices finish that have not, and the end: by a writer of the dialect that is brought to where
    /// the stream stands, which nobody is sent.
    pub(crate) fn finish(
        self,
        dialect: Dialect,
        rest: &[Event],
        usage: Usage,
        caller: &Caller<'_>,
        out: &mut Vec<u8>,
    ) {
        // What passes is never an array: that is made of events.
        let caller = Caller {
            array: false,
            ..*caller
        };
        let mut writer = dialect.protocol().stream_writer(&caller);
        if let Some(start) = self.start {
            let mut sent = Vec::new();
            writer.write(&Event::Start(start), &mut sent);
            for event in self.told.iter().chain(rest) {
                for event in begun(event).into_iter().flatten() {
                    writer.write(&event, &mut sent);
                }
            }
            for event in &self.told {
                writer.write(event, &mut sent);
            }
        }
        for event in rest {
            writer.write(event, out);
        }
        writer.write(&Event::Usage(usage), out);
        writer.write(&Event::End, out);
    }
}

/// What makes a writer take the choice that finishes for begun.
fn begun(finish: &Event) -> Option<[Event; 3]> {
    let Event::Finish { choice, .. } = finish else {
        return None;
    };
    let (choice, block) = (*choice, 0);
    Some([
        Event::Open {
            choice,
            block,
            kind: BlockKind::Text,
        },
        Event::Delta {
            choice,
            block,
            delta: Delta::Text(String::new()),
        },
        Event::Close { choice, block },
    ])
}
