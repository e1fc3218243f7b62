//! A provider's stream, cut into frames whatever its framing.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::json::Writer;
use crate::protocol::{Framing, Packet};
use crate::{EventMessage, EventStreamDecoder, EventStreamError, Frame, MessageKind, SseDecoder};

/// The stream cannot be cut into frames.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// One event is larger than the limit.
    #[error("an event of the stream is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// An event stream breaks its own format.
    #[error(transparent)]
    EventStream(#[from] EventStreamError),
}

/// Cuts a stream of any framing.
#[derive(Debug)]
pub(crate) enum Frames {
    Sse(SseDecoder),
    Lines(Lines),
    EventStream(EventStreamDecoder),
}

/// One frame with the bytes it came in.
#[derive(Debug)]
pub(crate) enum AnyFrame {
    Sse(Frame),
    Line(Bytes),
    Message(EventMessage),
}

impl Frames {
    /// A decoder that refuses frames above `limit` bytes.
    pub(crate) fn new(framing: Framing, limit: usize) -> Self {
        match framing {
            Framing::Sse => Self::Sse(SseDecoder::new(limit)),
            Framing::EventStream => Self::EventStream(EventStreamDecoder::new(limit)),
            Framing::Lines => Self::Lines(Lines::new(limit)),
        }
    }

    pub(crate) fn push(&mut self, chunk: Bytes) -> Result<(), FrameError> {
        match self {
            Self::Sse(decoder) => decoder.push(chunk).map_err(|error| match error {
                crate::SseError::EventTooLarge { limit } => FrameError::TooLarge { limit },
            }),
            Self::Lines(lines) => lines.push(&chunk),
            Self::EventStream(decoder) => Ok(decoder.push(chunk)?),
        }
    }

    pub(crate) fn next_frame(&mut self) -> Option<AnyFrame> {
        match self {
            Self::Sse(decoder) => decoder.next_frame().map(AnyFrame::Sse),
            Self::Lines(lines) => lines.ready.pop_front().map(AnyFrame::Line),
            Self::EventStream(decoder) => decoder.next_message().map(AnyFrame::Message),
        }
    }

    /// The bytes are over: a last line needs no line end.
    pub(crate) fn finish(&mut self) -> Option<AnyFrame> {
        match self {
            Self::Sse(_) | Self::EventStream(_) => None,
            Self::Lines(lines) => {
                let rest = std::mem::take(&mut lines.pending).freeze();
                (!rest.trim_ascii().is_empty()).then_some(AnyFrame::Line(rest))
            }
        }
    }

    /// Bytes of a frame that is not complete.
    pub(crate) fn remainder(&self) -> &[u8] {
        match self {
            Self::Sse(decoder) => decoder.remainder(),
            Self::Lines(lines) => &lines.pending,
            Self::EventStream(decoder) => decoder.remainder(),
        }
    }
}

impl AnyFrame {
    /// The bytes as they came.
    pub(crate) fn raw(&self) -> &Bytes {
        match self {
            Self::Sse(frame) => frame.raw(),
            Self::Line(raw) => raw,
            Self::Message(message) => &message.raw,
        }
    }

    /// The payload; `None` for a comment.
    pub(crate) fn data(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Sse(frame) => frame.data(),
            Self::Line(raw) => Some(Cow::Borrowed(raw.trim_ascii())),
            // An unmodelled error has its text in a header: it is shown like that of an exception.
            Self::Message(message) => Some(match &message.error_message {
                Some(text) => {
                    let mut w = Writer::default();
                    w.open().text("message", text).close();
                    Cow::Owned(w.into_bytes())
                }
                None => Cow::Borrowed(&message.payload),
            }),
        }
    }

    /// Shows the frame to a reader.
    pub(crate) fn packet<'f>(&'f self, data: &'f [u8]) -> Packet<'f> {
        match self {
            Self::Sse(frame) => Packet {
                name: frame.event(),
                exception: false,
                data,
            },
            Self::Line(_) => Packet {
                name: None,
                exception: false,
                data,
            },
            Self::Message(message) => Packet {
                name: Some(&message.name),
                exception: message.kind != MessageKind::Event,
                data,
            },
        }
    }
}

/// Cuts lines; blank ones are none.
#[derive(Debug)]
pub(crate) struct Lines {
    pending: BytesMut,
    searched: usize,
    ready: VecDeque<Bytes>,
    limit: usize,
}

impl Lines {
    fn new(limit: usize) -> Self {
        Self {
            pending: BytesMut::new(),
            searched: 0,
            ready: VecDeque::new(),
            limit,
        }
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), FrameError> {
        self.pending.extend_from_slice(chunk);
        while let Some(offset) =
            memchr::memchr(b'\n', self.pending.get(self.searched..).unwrap_or_default())
        {
            let line = self.pending.split_to(self.searched + offset + 1).freeze();
            self.searched = 0;
            if line.len() > self.limit {
                return Err(FrameError::TooLarge { limit: self.limit });
            }
            if !line.trim_ascii().is_empty() {
                self.ready.push_back(line);
            }
        }
        self.searched = self.pending.len();
        if self.pending.len() > self.limit {
            return Err(FrameError::TooLarge { limit: self.limit });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_whatever_the_split() {
        let text = b"{\"a\":1}\r\n\n{\"b\":2}\n{\"c\":3}";
        for at in 0..text.len() {
            let mut frames = Frames::new(Framing::Lines, 64);
            for piece in [&text[..at], &text[at..]] {
                frames.push(Bytes::copy_from_slice(piece)).unwrap();
            }
            let mut found = Vec::new();
            while let Some(frame) = frames.next_frame() {
                found.push(frame.data().unwrap().into_owned());
            }
            found.extend(
                frames
                    .finish()
                    .map(|frame| frame.data().unwrap().into_owned()),
            );
            assert_eq!(found, [b"{\"a\":1}", b"{\"b\":2}", b"{\"c\":3}"], "{at}");
        }
        assert!(
            Frames::new(Framing::Lines, 4)
                .push(Bytes::from_static(b"12345"))
                .is_err()
        );
    }
}
