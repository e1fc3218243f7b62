//! What a session of OpenAI's Realtime API uses, read from what its server says.
//!
//! The frames pass through untouched; the meter is shown the same bytes. It reads the two events that tell usage and
//! skips the others by their first member, most of which are sound. Source: OpenAI's API reference, "Realtime server
//! events": `response.done`, `conversation.item.input_audio_transcription.completed`.

mod frames;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use ferrogate_types::{TokenCount, Units, Usage};
use serde::Deserialize;

use self::frames::{Message, Messages};
use crate::{read_usage, units};

/// Adds up what a Realtime session uses. Sans-IO: the bytes from server to client go in, however they are cut.
///
/// Holds at most one message of 1 MiB. A larger one that tells usage is not read, nor is anything once the bytes are no
/// WebSocket frames; the sum is an estimate then.
#[derive(Debug, Default)]
pub struct RealtimeMeter {
    messages: Messages,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    usage: Usage,
    unread: u64,
    /// Responses that have begun and are not done.
    open: u32,
    /// Output tokens of the open responses, estimated.
    begun: TokenCount,
    /// Input and output of the last response: what the next one reads at least.
    conversation: TokenCount,
}

impl RealtimeMeter {
    /// Takes the next bytes of the server.
    pub fn push(&mut self, bytes: &[u8]) {
        let Self { messages, tally } = self;
        if messages.push(bytes, worth_keeping, |message| tally.read(&message)) == Err(frames::Lost)
        {
            tally.unread += 1;
        }
    }

    /// What was used so far, and whether any of it is an estimate: for a response that was not done, or for a message
    /// that was not read.
    pub fn usage(&self) -> (Usage, bool) {
        let tally = &self.tally;
        if tally.open == 0 {
            return (tally.usage, tally.unread > 0);
        }
        let begun = Usage {
            input: tally.conversation,
            output: tally.begun,
            ..Usage::default()
        };
        (tally.usage.plus(&begun), true)
    }

    /// Whether a frame of its own could follow what was taken so far.
    pub fn is_between_frames(&self) -> bool {
        self.messages.is_between_frames()
    }

    /// Whether the bytes stopped being frames: nothing is read any more.
    pub fn is_lost(&self) -> bool {
        self.messages.is_lost()
    }

    /// Messages that told usage and were not read, and whether the bytes stopped being frames.
    pub fn unread(&self) -> u64 {
        self.tally.unread
    }
}

const CREATED: &str = "response.created";
const DONE: &str = "response.done";
const TRANSCRIBED: &str = "conversation.item.input_audio_transcription.completed";

/// Characters of base64 for one token of spoken output, which is 50 ms: 16 bits at 24 kHz.
/// Source: OpenAI's guide "Managing costs" of the Realtime API.
const SOUND_TOKEN: u64 = 3200;

/// Whether the rest of a message with this beginning may be needed.
fn worth_keeping(start: &[u8]) -> bool {
    type_within(start).is_none_or(|name| matches!(name, DONE | TRANSCRIBED))
}

impl Tally {
    fn read(&mut self, message: &Message<'_>) {
        let bytes = message.bytes;
        let name = type_within(bytes).map(Cow::Borrowed);
        let name = name.or_else(|| message.is_whole().then(|| type_of(bytes))?);
        match name.as_deref() {
            Some(CREATED) => self.open = self.open.saturating_add(1),
            Some(DONE) => {
                let told = message.is_whole().then(|| read_usage(bytes)).flatten();
                if let Some(usage) = &told {
                    self.conversation = usage.total();
                    self.usage = self.usage.plus(usage);
                }
                self.unread += u64::from(!message.is_whole());
                self.open = self.open.saturating_sub(1);
                if self.open == 0 {
                    self.begun = 0;
                }
            }
            Some(TRANSCRIBED) => {
                if message.is_whole() {
                    self.usage = self.usage.plus(&transcription(bytes));
                } else {
                    self.unread += 1;
                }
            }
            Some(name) if self.open > 0 => self.begun += delta(name, message.length),
            // Of a message too large to be searched for its type it is not known that it told nothing.
            None if !message.is_whole() => self.unread += 1,
            _ => {}
        }
    }
}

/// The tokens in a piece of output, estimated: a piece of text is about one.
fn delta(name: &str, length: u64) -> TokenCount {
    match name
        .strip_prefix("response.")
        .and_then(|name| name.strip_suffix(".delta"))
    {
        Some("audio" | "output_audio") => length.div_ceil(SOUND_TOKEN),
        Some(_) => 1,
        None => 0,
    }
}

/// What a transcription of the caller's speech used: tokens, or seconds with models that are billed by time.
fn transcription(event: &[u8]) -> Usage {
    read_usage(event).unwrap_or_else(|| Usage {
        units: Units {
            audio_seconds: units::seconds(event).unwrap_or_default(),
            ..Units::default()
        },
        ..Usage::default()
    })
}

/// The type of an event that has it as its first or second member, without reading the rest.
fn type_within(start: &[u8]) -> Option<&str> {
    let mut rest = start.trim_ascii_start().strip_prefix(b"{")?;
    for _ in 0..2 {
        let (name, behind) = plain_string(rest)?;
        let (value, behind) = plain_string(behind.trim_ascii_start().strip_prefix(b":")?)?;
        if name == "type" {
            return Some(value);
        }
        rest = behind.trim_ascii_start().strip_prefix(b",")?;
    }
    None
}

/// A string without escapes, with what is behind it.
fn plain_string(json: &[u8]) -> Option<(&str, &[u8])> {
    let inner = json.trim_ascii_start().strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', inner)?;
    let (text, behind) = inner.split_at_checked(end)?;
    Some((std::str::from_utf8(text).ok()?, behind.strip_prefix(b"\"")?))
}

/// The type of an event, wherever it is.
fn type_of(event: &[u8]) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, rename = "type")]
        name: Cow<'a, str>,
    }
    serde_json::from_slice::<Typed<'_>>(event)
        .ok()
        .map(|typed| typed.name)
}
