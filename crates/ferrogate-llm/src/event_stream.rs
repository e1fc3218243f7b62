//! AWS event-stream messages, cut from a stream of bytes.
//!
//! A message is a prelude (its length, the length of its headers, a checksum of the two), headers, a
//! payload, a checksum of it all; integers are big-endian. Source: `application/vnd.amazon.eventstream` in
//! the Smithy specification, <https://smithy.io/2.0/aws/amazon-eventstream.html>.

use std::collections::VecDeque;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// Cuts a byte stream into messages, whatever the split of its bytes.
///
/// A message is refused as soon as its prelude is there, before a byte of it is set aside. Where a message
/// lies within one pushed chunk, its payload is not copied. An error is final: the stream has no mark from
/// which reading could resume.
#[derive(Debug)]
pub struct EventStreamDecoder {
    pending: BytesMut,
    ready: VecDeque<EventMessage>,
    limit: usize,
    broken: Option<EventStreamError>,
}

/// One message of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventMessage {
    /// What it is.
    pub kind: MessageKind,
    /// The event type, the exception type or the error code, by `kind`.
    pub name: String,
    /// The text of an [`Error`](MessageKind::Error), whose payload is empty.
    pub error_message: Option<String>,
    /// The payload, with Bedrock a JSON document.
    pub payload: Bytes,
    /// The message as it came, checksums included: what is passed on.
    pub raw: Bytes,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// An event of the stream.
    Event,
    /// A failure that the service models: it has a type and a payload.
    Exception,
    /// A failure that it does not: a code and a text.
    Error,
}

/// Why a stream cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventStreamError {
    /// The payload of a message is larger than the limit.
    #[error("a message of the event stream has {announced} bytes of payload, the limit is {limit}")]
    PayloadTooLarge {
        /// What the prelude says, in bytes.
        announced: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The headers of a message are larger than the format allows.
    #[error("a message of the event stream has {announced} bytes of headers, the limit is 131072")]
    HeadersTooLarge {
        /// What the prelude says, in bytes.
        announced: usize,
    },
    /// The lengths of the prelude contradict each other.
    #[error("a message of the event stream has impossible lengths")]
    Lengths,
    /// A checksum does not fit its bytes.
    #[error("the {part} of the event stream does not match its checksum")]
    Checksum {
        /// `prelude` or `message`.
        part: &'static str,
    },
    /// The headers cannot be read.
    #[error("the headers of an event stream message are malformed")]
    Headers,
    /// A message does not say what it is.
    #[error("an event stream message has no usable `{header}` header")]
    Untyped {
        /// The header that is missing or has an unknown value.
        header: &'static str,
    },
}

impl EventStreamDecoder {
    /// A decoder that refuses payloads above `limit` bytes; the format itself allows 24 MiB.
    pub fn new(limit: usize) -> Self {
        Self {
            pending: BytesMut::new(),
            ready: VecDeque::new(),
            limit,
            broken: None,
        }
    }

    /// Takes the next bytes; messages that became complete are then ready, also those in front of an error.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), EventStreamError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        self.cut(chunk).inspect_err(|error| {
            self.broken = Some(error.clone());
            self.pending.clear();
        })
    }

    /// The next complete message.
    pub fn next_message(&mut self) -> Option<EventMessage> {
        self.ready.pop_front()
    }

    /// Bytes of a message that is not complete: what a truncated stream leaves behind.
    pub fn remainder(&self) -> &[u8] {
        &self.pending
    }

    fn cut(&mut self, mut chunk: Bytes) -> Result<(), EventStreamError> {
        while !chunk.is_empty() {
            if self.pending.is_empty() {
                if let Some(length) = message_length(&chunk, self.limit)?
                    && length <= chunk.len()
                {
                    // The common case: the message is a slice of the chunk.
                    let message = chunk.split_to(length);
                    self.ready.push_back(read_message(message)?);
                    continue;
                }
                self.pending.extend_from_slice(&chunk);
                return Ok(());
            }
            // Only as many bytes as the message under way still needs are copied.
            let missing = match message_length(&self.pending, self.limit)? {
                Some(length) => length - self.pending.len(),
                None => PRELUDE - self.pending.len(),
            };
            let taken = chunk.split_to(missing.min(chunk.len()));
            self.pending.extend_from_slice(&taken);
            if message_length(&self.pending, self.limit)? == Some(self.pending.len()) {
                let message = self.pending.split().freeze();
                self.ready.push_back(read_message(message)?);
            }
        }
        Ok(())
    }
}

/// Writes one event with a JSON payload.
///
/// # Panics
///
/// When the type has 64 KiB or more, or the payload 4 GiB: the format has no room for them.
pub fn encode_message(event_type: &str, payload: &[u8]) -> Bytes {
    encode(":event-type", event_type, "event", payload)
}

/// Writes one exception with a JSON payload, `{"message":…}` with Bedrock.
///
/// # Panics
///
/// As [`encode_message`].
pub fn encode_exception(exception_type: &str, payload: &[u8]) -> Bytes {
    encode(":exception-type", exception_type, "exception", payload)
}

fn encode(name_header: &str, name: &str, message_type: &str, payload: &[u8]) -> Bytes {
    // The order in which Bedrock writes them.
    let headers = [
        (name_header, name),
        (":content-type", "application/json"),
        (":message-type", message_type),
    ];
    let headers_length: usize = headers
        .iter()
        .map(|(name, value)| 4 + name.len() + value.len())
        .sum();
    let total = PRELUDE + headers_length + payload.len() + CHECKSUM;
    let mut message = BytesMut::with_capacity(total);
    message.put_u32(u32::try_from(total).expect("a message is smaller than 4 GiB"));
    message.put_u32(u32::try_from(headers_length).expect("three short headers"));
    let prelude_crc = crc32fast::hash(&message);
    message.put_u32(prelude_crc);
    for (name, value) in headers {
        message.put_u8(u8::try_from(name.len()).expect("our own short names"));
        message.put_slice(name.as_bytes());
        message.put_u8(STRING);
        message.put_u16(u16::try_from(value.len()).expect("a type is shorter than 64 KiB"));
        message.put_slice(value.as_bytes());
    }
    message.put_slice(payload);
    let message_crc = crc32fast::hash(&message);
    message.put_u32(message_crc);
    message.freeze()
}

/// The length of the message at the start of `bytes`, once its prelude is there.
fn message_length(mut bytes: &[u8], limit: usize) -> Result<Option<usize>, EventStreamError> {
    let Some(lengths) = bytes.get(..PRELUDE - CHECKSUM) else {
        return Ok(None);
    };
    if bytes.len() < PRELUDE {
        return Ok(None);
    }
    let expected = crc32fast::hash(lengths);
    let (total, headers) = (length(bytes.get_u32()), length(bytes.get_u32()));
    if bytes.get_u32() != expected {
        return Err(EventStreamError::Checksum { part: "prelude" });
    }
    if headers > MAX_HEADERS {
        return Err(EventStreamError::HeadersTooLarge { announced: headers });
    }
    let payload = total
        .checked_sub(PRELUDE + CHECKSUM + headers)
        .ok_or(EventStreamError::Lengths)?;
    if payload > limit {
        return Err(EventStreamError::PayloadTooLarge {
            announced: payload,
            limit,
        });
    }
    Ok(Some(total))
}

/// Reads a whole message whose lengths were checked.
fn read_message(mut message: Bytes) -> Result<EventMessage, EventStreamError> {
    let raw = message.clone();
    let mut crc = message.split_off(message.len() - CHECKSUM);
    if crc32fast::hash(&message) != crc.get_u32() {
        return Err(EventStreamError::Checksum { part: "message" });
    }
    message.advance(4);
    let headers_length = length(message.get_u32());
    message.advance(CHECKSUM);
    let headers = message.split_to(headers_length);
    Headers::read(&headers)?.into_message(message, raw)
}

/// The headers that say what a message is.
#[derive(Default)]
struct Headers<'a> {
    message_type: Option<&'a str>,
    event_type: Option<&'a str>,
    exception_type: Option<&'a str>,
    error_code: Option<&'a str>,
    error_message: Option<&'a str>,
}

impl<'a> Headers<'a> {
    fn read(mut bytes: &'a [u8]) -> Result<Self, EventStreamError> {
        let mut headers = Self::default();
        while let Some((&name_length, rest)) = bytes.split_first() {
            let (name, rest) = split(rest, usize::from(name_length))?;
            let (&kind, rest) = rest.split_first().ok_or(EventStreamError::Headers)?;
            let (value_length, rest) = match kind {
                0 | 1 => (0, rest),
                2 => (1, rest),
                3 => (2, rest),
                4 => (4, rest),
                5 | 8 => (8, rest),
                6 | STRING => {
                    let (mut announced, rest) = split(rest, 2)?;
                    (usize::from(announced.get_u16()), rest)
                }
                9 => (16, rest),
                _ => return Err(EventStreamError::Headers),
            };
            let (value, rest) = split(rest, value_length)?;
            bytes = rest;
            let place = match name {
                b":message-type" => &mut headers.message_type,
                b":event-type" => &mut headers.event_type,
                b":exception-type" => &mut headers.exception_type,
                b":error-code" => &mut headers.error_code,
                b":error-message" => &mut headers.error_message,
                _ => continue,
            };
            if kind == STRING {
                *place = Some(std::str::from_utf8(value).map_err(|_| EventStreamError::Headers)?);
            }
        }
        Ok(headers)
    }

    fn into_message(self, payload: Bytes, raw: Bytes) -> Result<EventMessage, EventStreamError> {
        let (kind, name, header) = match self.message_type {
            Some("event") => (MessageKind::Event, self.event_type, ":event-type"),
            Some("exception") => (
                MessageKind::Exception,
                self.exception_type,
                ":exception-type",
            ),
            Some("error") => (MessageKind::Error, self.error_code, ":error-code"),
            _ => {
                return Err(EventStreamError::Untyped {
                    header: ":message-type",
                });
            }
        };
        Ok(EventMessage {
            kind,
            name: name.ok_or(EventStreamError::Untyped { header })?.to_owned(),
            error_message: self.error_message.map(str::to_owned),
            payload,
            raw,
        })
    }
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8]), EventStreamError> {
    bytes.split_at_checked(at).ok_or(EventStreamError::Headers)
}

/// A length of the wire; where `usize` is too small for it, too large in any case.
fn length(wire: u32) -> usize {
    usize::try_from(wire).unwrap_or(usize::MAX)
}

/// Two lengths with their checksum.
const PRELUDE: usize = 12;

const CHECKSUM: usize = 4;

/// The format's own bound of the headers of a message.
const MAX_HEADERS: usize = 128 * 1024;

/// The type of a header whose value is a string.
const STRING: u8 = 7;

#[cfg(test)]
mod tests;
