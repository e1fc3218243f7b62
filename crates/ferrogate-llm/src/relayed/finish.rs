//! The end of a stream's bytes.

use bytes::{Bytes, BytesMut};

use super::{Mode, RelayedStream, Step, write};
use crate::chat::Event;
use crate::{StreamWatch, UpstreamFault};

/// What is known of a stream whose bytes are over.
#[derive(Debug)]
pub enum Finish {
    /// It is whole; what is still to be sent.
    Whole(Bytes),
    /// It is cut: its caller must be told.
    Cut,
    /// Its last words are an error; what tells it.
    Broken(UpstreamFault, Bytes),
}

impl Finish {
    /// What is still to be sent of a whole stream.
    pub fn whole(self) -> Option<Bytes> {
        match self {
            Self::Whole(rest) => Some(rest),
            Self::Cut | Self::Broken(..) => None,
        }
    }
}

impl RelayedStream {
    /// The bytes are over: whether the answer is whole nevertheless.
    pub fn finish(&mut self) -> Finish {
        if self.ended {
            return Finish::Whole(Bytes::new());
        }
        let mut sent = BytesMut::new();
        if let Some(frame) = self.frames.finish() {
            match self.step(&frame) {
                Some(Step::Send(bytes)) => sent.extend_from_slice(&bytes),
                Some(Step::Last(bytes)) => {
                    sent.extend_from_slice(&bytes);
                    return Finish::Whole(sent.freeze());
                }
                Some(Step::Fault(fault, bytes)) => {
                    self.failed = true;
                    return Finish::Broken(fault, bytes);
                }
                None => {}
            }
        }
        let whole = match &mut self.mode {
            Mode::Watch(watch) => {
                let whole = watch.only_sentinel_missing();
                if whole {
                    sent.extend_from_slice(&StreamWatch::sentinel());
                }
                whole
            }
            Mode::Pass { reader, .. } => {
                reader.finish(&mut self.events);
                self.seen.note_all(self.events.drain(..)).end
            }
            Mode::Translate {
                reader,
                marking,
                emulated,
                writer,
            } => {
                reader.finish(&mut self.events);
                let events = self.events.drain(..).map(|event| marking.mark(event));
                let noted = write(
                    events,
                    emulated,
                    writer.as_mut(),
                    &mut self.seen,
                    &mut self.out,
                );
                sent.extend_from_slice(&self.out);
                if let Some(fault) = noted.fault {
                    self.failed = true;
                    return Finish::Broken(fault, sent.freeze());
                }
                noted.end
            }
        };
        self.ended = whole;
        if whole {
            Finish::Whole(sent.freeze())
        } else {
            Finish::Cut
        }
    }

    /// What tells the caller that the stream broke, where only its writer knows how: numbered events, an array.
    /// `None` where the dialect's own error frame will do.
    pub fn fail(&mut self, fault: UpstreamFault) -> Option<Bytes> {
        self.failed = true;
        let Mode::Translate { writer, .. } = &mut self.mode else {
            return None;
        };
        self.ended = true;
        let mut out = Vec::new();
        writer.write(&Event::Fault(fault), &mut out);
        Some(out.into())
    }
}
