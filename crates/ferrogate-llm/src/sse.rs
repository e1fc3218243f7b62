//! Server-sent events, cut from a stream of bytes.
//!
//! Source: WHATWG HTML, section 9.2.5 and 9.2.6.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Cuts a byte stream into frames, whatever the split of its bytes.
///
/// Accepts LF, CR and CRLF line ends, comments, several `data` lines, a missing space behind the colon and
/// a byte-order mark. A frame's raw bytes are kept, so that what needs no change passes as it came; where a
/// frame lies within one pushed chunk, no byte is copied.
#[derive(Debug)]
pub struct SseDecoder {
    pending: BytesMut,
    /// How far `pending` has been searched.
    searched: usize,
    /// The line under way has no byte yet.
    line_empty: bool,
    /// The byte before was a CR, so an LF now belongs to it.
    after_cr: bool,
    /// A frame was cut off already, so a byte-order mark is one no longer.
    begun: bool,
    ready: VecDeque<Frame>,
    limit: usize,
}

/// The stream broke a bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// One event is larger than the limit.
    #[error("an event of the stream is larger than {limit} bytes")]
    EventTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

/// One event with the bytes it was written in, its blank line included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    raw: Bytes,
    /// The stream's first frame, in front of which a byte-order mark may stand.
    first: bool,
}

impl SseDecoder {
    /// A decoder that refuses events above `limit` bytes.
    pub fn new(limit: usize) -> Self {
        // A stream begins as if behind a line: an empty first line is an empty frame.
        Self {
            pending: BytesMut::new(),
            searched: 0,
            line_empty: true,
            after_cr: false,
            begun: false,
            ready: VecDeque::new(),
            limit,
        }
    }

    /// Takes the next bytes; frames that became complete are then ready.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), SseError> {
        let mut chunk = chunk;
        if self.pending.is_empty() {
            // The common case: whole frames in one chunk, passed on without a copy.
            while let Some(end) = self.find_end(&chunk) {
                let raw = chunk.split_to(end);
                self.finish_frame(raw)?;
            }
            if !chunk.is_empty() {
                self.pending.extend_from_slice(&chunk);
            }
        } else {
            self.pending.extend_from_slice(&chunk);
            loop {
                let pending = std::mem::take(&mut self.pending);
                let end = self.find_end(&pending);
                self.pending = pending;
                let Some(end) = end else { break };
                let raw = self.pending.split_to(end).freeze();
                self.finish_frame(raw)?;
            }
        }
        if self.pending.len() > self.limit {
            Err(SseError::EventTooLarge { limit: self.limit })
        } else {
            Ok(())
        }
    }

    /// The next complete frame.
    pub fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    /// Bytes of a frame that is not complete: what a truncated stream leaves behind.
    pub fn remainder(&self) -> &[u8] {
        &self.pending
    }

    /// Finds the end of the frame at the start of `bytes`, behind its blank line.
    ///
    /// A frame is complete with its blank line; it is not held back to see whether the LF of a CRLF follows.
    /// Such an LF begins the next frame and is skipped there.
    fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = self.searched;
        while let Some(offset) = memchr::memchr2(b'\n', b'\r', bytes.get(at..).unwrap_or_default())
        {
            let here = at + offset;
            if offset > 0 {
                self.line_empty = false;
                self.after_cr = false;
            }
            let carriage_return = bytes.get(here) == Some(&b'\r');
            at = here + 1;
            if !carriage_return && self.after_cr {
                self.after_cr = false;
                continue;
            }
            self.after_cr = carriage_return;
            if self.line_empty {
                if carriage_return && bytes.get(at) == Some(&b'\n') {
                    self.after_cr = false;
                    at += 1;
                }
                self.searched = 0;
                return Some(at);
            }
            self.line_empty = true;
        }
        if at < bytes.len() {
            self.line_empty = false;
            self.after_cr = false;
        }
        self.searched = bytes.len();
        None
    }

    fn finish_frame(&mut self, raw: Bytes) -> Result<(), SseError> {
        if raw.len() > self.limit {
            return Err(SseError::EventTooLarge { limit: self.limit });
        }
        let first = !std::mem::replace(&mut self.begun, true);
        self.ready.push_back(Frame { raw, first });
        Ok(())
    }
}

impl Frame {
    /// The bytes as they came.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The value of the `event` field, if any.
    pub fn event(&self) -> Option<&str> {
        self.fields()
            .filter(|(name, _)| *name == b"event")
            .last()
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The value of the `data` field, several lines joined with LF; `None` for a comment or an empty event.
    pub fn data(&self) -> Option<Cow<'_, [u8]>> {
        let mut lines = self
            .fields()
            .filter(|(name, _)| *name == b"data")
            .map(|(_, value)| value);
        let first = lines.next()?;
        let mut joined = Cow::Borrowed(first);
        for line in lines {
            let text = joined.to_mut();
            text.push(b'\n');
            text.extend_from_slice(line);
        }
        Some(joined)
    }

    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let marked = self.raw.strip_prefix(b"\xef\xbb\xbf".as_slice());
        let body = marked.filter(|_| self.first).unwrap_or(&self.raw);
        lines(body)
            .filter(|line| !line.is_empty() && !line.starts_with(b":"))
            .map(|line| match memchr::memchr(b':', line) {
                Some(colon) => {
                    let (name, rest) = line.split_at(colon);
                    let value = rest.get(1..).unwrap_or_default();
                    (name, value.strip_prefix(b" ").unwrap_or(value))
                }
                None => (line, [].as_slice()),
            })
    }
}

/// What stands between line ends.
fn lines(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        rest = behind.get(1..).unwrap_or_default();
        Some(line)
    })
}

/// Writes one event; `data` must be one line.
pub fn encode_event(event: Option<&str>, data: &str) -> Bytes {
    let mut text = String::with_capacity(data.len() + 32);
    if let Some(event) = event {
        text.push_str("event: ");
        text.push_str(event);
        text.push('\n');
    }
    text.push_str("data: ");
    text.push_str(data);
    text.push_str("\n\n");
    text.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Event = (Option<String>, Option<String>);

    fn decode(chunks: &[&[u8]]) -> (Vec<Event>, Vec<u8>) {
        let mut decoder = SseDecoder::new(1 << 20);
        let mut events = Vec::new();
        let mut raw = Vec::new();
        for chunk in chunks {
            decoder.push(Bytes::copy_from_slice(chunk)).unwrap();
            while let Some(frame) = decoder.next_frame() {
                raw.extend_from_slice(frame.raw());
                let data = frame
                    .data()
                    .map(|data| String::from_utf8_lossy(&data).into_owned());
                if data.is_some() {
                    events.push((frame.event().map(str::to_owned), data));
                }
            }
        }
        raw.extend_from_slice(decoder.remainder());
        (events, raw)
    }

    fn check(text: &str, expected: &[(&str, &str)]) {
        let (events, raw) = decode(&[text.as_bytes()]);
        let shown: Vec<(&str, &str)> = events
            .iter()
            .map(|(event, data)| {
                (
                    event.as_deref().unwrap_or(""),
                    data.as_deref().unwrap_or(""),
                )
            })
            .collect();
        assert_eq!(shown, expected, "{text:?}");
        assert_eq!(raw, text.as_bytes());
    }

    #[test]
    fn cuts_events_at_blank_lines_of_every_kind() {
        check("data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")]);
        check("data: a\r\n\r\ndata: b\r\n\r\n", &[("", "a"), ("", "b")]);
        check("data: a\r\rdata: b\r\r", &[("", "a"), ("", "b")]);
        check("event: e\ndata:a\ndata: b\n\n", &[("e", "a\nb")]);
        check(": hello\n\ndata: a\n\n", &[("", "a")]);
        check("\u{feff}data: a\n\n", &[("", "a")]);
        check("data: a\n\n\u{feff}data: b\n\n", &[("", "a")]);
        check("data\n\n", &[("", "")]);
        check("id: 7\nretry: 5\ndata: [DONE]\n\n", &[("", "[DONE]")]);
        check("data: unfinished\n", &[]);
    }

    #[test]
    fn a_whole_frame_is_not_copied() {
        let chunk = Bytes::from_static(b"data: a\n\ndata: b\n\n");
        let mut decoder = SseDecoder::new(100);
        decoder.push(chunk.clone()).unwrap();
        let first = decoder.next_frame().unwrap();
        assert_eq!(first.raw().as_ptr(), chunk.as_ptr());
    }

    #[test]
    fn bounds_an_event() {
        let mut decoder = SseDecoder::new(10);
        assert_eq!(
            decoder.push(Bytes::from_static(b"data: 12345")),
            Err(SseError::EventTooLarge { limit: 10 })
        );
        let mut decoder = SseDecoder::new(10);
        assert_eq!(
            decoder.push(Bytes::from_static(b"data: 123456\n\n")),
            Err(SseError::EventTooLarge { limit: 10 })
        );
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(
            lines in proptest::collection::vec(prop_oneof![
                Just("data: x"), Just("data:y"), Just("event: e"), Just(": c"), Just(""), Just("data: é€"), Just("\u{feff}data: z")
            ], 1..20),
            end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let text: String = lines.iter().flat_map(|line| [*line, end]).collect();
            let (whole, _) = decode(&[text.as_bytes()]);
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            at.extend([0, text.len()]);
            at.sort_unstable();
            let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            let (split, raw) = decode(&chunks);
            prop_assert_eq!(split, whole);
            prop_assert_eq!(raw, text.as_bytes());
        }

        #[test]
        fn no_byte_is_lost(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200), cut in any::<prop::sample::Index>()) {
            let at = cut.index(bytes.len() + 1);
            let (_, raw) = decode(&[&bytes[..at], &bytes[at..]]);
            prop_assert_eq!(raw, bytes);
        }
    }
}
