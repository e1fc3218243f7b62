//! A provider's stream.

use serde_json::value::RawValue;

use crate::UpstreamFault;
use crate::chat::{BlockKind, Citation, Delta, Event, FinishReason, Start};
use crate::cohere::response::error_of;
use crate::cohere::stream::write::write_end;
use crate::cohere::{citation, finish, logprobs, usage};
use crate::json::{self, Object};
use crate::protocol::{Packet, ReadStream};

/// Reads events. Items of the content and calls of tools are numbered each on their own; blocks are numbered in the
/// order they begin.
#[derive(Debug, Default)]
pub(in crate::cohere) struct Reader {
    started: bool,
    next_block: u32,
    open: Vec<Open>,
    /// Where items of text begin in the whole text, in characters: their number and the place.
    begins: Vec<(u64, usize)>,
    characters: usize,
    /// The citation whose end has not come.
    cited: Option<u64>,
    called: bool,
    done: bool,
}

#[derive(Debug)]
struct Open {
    key: Key,
    block: u32,
    thought: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Item(u64),
    Plan,
    Call(u64),
}

/// Blocks of one answer; a provider that makes up more cannot fill the memory with them.
const MOST_BLOCKS: u32 = 4096;

impl ReadStream for Reader {
    fn read(&mut self, packet: Packet<'_>, events: &mut Vec<Event>) {
        // Some deployments add OpenAI's sentinel behind their own end.
        if self.done || packet.data == b"[DONE]" {
            return;
        }
        let Ok(mut event) = Object::parse(packet.data) else {
            self.done = true;
            events.push(Event::Fault(UpstreamFault::junk()));
            return;
        };
        let kind = event.text("type").ok().flatten();
        let Some(kind) = kind.as_deref().or(packet.name) else {
            let fault = UpstreamFault::read(packet.data);
            self.fault(fault.message, events);
            return;
        };
        if !std::mem::replace(&mut self.started, true) {
            events.push(Event::Start(Start {
                id: event
                    .text("id")
                    .ok()
                    .flatten()
                    .unwrap_or_default()
                    .into_owned(),
                ..Start::default()
            }));
        }
        let index = event.unsigned("index").ok().flatten().unwrap_or_default();
        let mut delta = event.object("delta").ok().flatten().unwrap_or_default();
        let mut message = delta.object("message").ok().flatten().unwrap_or_default();
        match kind {
            "content-start" | "content-delta" => {
                self.content(index, &mut message, events);
                let raw = event.take("logprobs").and_then(logprobs::read);
                events.extend(raw.map(|raw| Event::Logprobs {
                    choice: 0,
                    raw: raw.into_owned(),
                }));
            }
            "content-end" => self.close(Key::Item(index), events),
            "tool-plan-delta" => {
                if let Ok(Some(text)) = message.text("tool_plan") {
                    self.text(Key::Plan, true, text.into_owned(), events);
                }
            }
            "tool-call-start" => self.call(index, &mut message, events),
            "tool-call-delta" => self.arguments(index, &mut message, events),
            "tool-call-end" => self.close(Key::Call(index), events),
            "citation-end" => self.cited = None,
            "citation-start" => {
                self.cited = Some(index);
                if let Some(raw) = message.take("citations") {
                    self.cite(raw, events);
                }
            }
            "message-end" => self.end(&mut delta, events),
            "error" => {
                let fault = UpstreamFault::read(packet.data);
                self.fault(fault.message, events);
            }
            _ => {}
        }
    }

    /// The dialect has an end of its own: without it the answer is cut.
    fn finish(&mut self, _events: &mut Vec<Event>) {}

    fn cut(&mut self, events: &mut Vec<Event>) {
        self.done = true;
        self.close_all(events);
        events.push(Event::Finish {
            choice: 0,
            reason: FinishReason::Length,
            stop_sequence: None,
        });
    }

    fn close_passed(&self, out: &mut Vec<u8>) {
        if let Some(index) = self.cited {
            write_end("citation-end", index, out);
        }
        for open in &self.open {
            match open.key {
                Key::Item(index) => write_end("content-end", index, out),
                Key::Call(index) => write_end("tool-call-end", index, out),
                // Its pieces are all there is of it.
                Key::Plan => {}
            }
        }
    }
}

impl Reader {
    fn fault(&mut self, message: String, events: &mut Vec<Event>) {
        self.done = true;
        events.push(Event::Fault(UpstreamFault::because(message)));
    }

    fn content(&mut self, index: u64, message: &mut Object<'_>, events: &mut Vec<Event>) {
        let mut item = message.object("content").ok().flatten().unwrap_or_default();
        let key = Key::Item(index);
        let kind = item.text("type").ok().flatten();
        for (member, thought) in [("thinking", true), ("text", false)] {
            if let Ok(Some(text)) = item.text(member) {
                if text.is_empty() && kind.as_deref() == Some(member) {
                    self.open(key, thought, events);
                }
                self.text(key, thought, text.into_owned(), events);
            }
        }
    }

    fn text(&mut self, key: Key, thought: bool, text: String, events: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        let Some(block) = self.open(key, thought, events) else {
            return;
        };
        if !thought {
            self.characters += text.chars().count();
        }
        events.push(Event::Delta {
            choice: 0,
            block,
            delta: Delta::Text(text),
        });
    }

    /// The block of that key; opened, and the plan before it closed, when there is none.
    fn open(&mut self, key: Key, thought: bool, events: &mut Vec<Event>) -> Option<u32> {
        let known = self.open.iter().find(|open| open.key == key);
        if let Some(open) = known.filter(|open| open.thought == thought) {
            return Some(open.block);
        }
        self.close(key, events);
        let kind = if thought {
            BlockKind::Thinking
        } else {
            BlockKind::Text
        };
        let block = self.begin(key, thought, kind, events)?;
        if let (Key::Item(index), false) = (key, thought) {
            self.begins.push((index, self.characters));
        }
        Some(block)
    }

    fn begin(
        &mut self,
        key: Key,
        thought: bool,
        kind: BlockKind,
        events: &mut Vec<Event>,
    ) -> Option<u32> {
        if key != Key::Plan {
            self.close(Key::Plan, events);
        }
        if self.next_block >= MOST_BLOCKS {
            return None;
        }
        let block = self.next_block;
        self.next_block += 1;
        self.open.push(Open {
            key,
            block,
            thought,
        });
        events.push(Event::Open {
            choice: 0,
            block,
            kind,
        });
        Some(block)
    }

    fn close(&mut self, key: Key, events: &mut Vec<Event>) {
        if let Some(at) = self.open.iter().position(|open| open.key == key) {
            let Open { block, .. } = self.open.remove(at);
            events.push(Event::Close { choice: 0, block });
        }
    }

    fn close_all(&mut self, events: &mut Vec<Event>) {
        for Open { block, .. } in std::mem::take(&mut self.open) {
            events.push(Event::Close { choice: 0, block });
        }
    }

    fn call(&mut self, index: u64, message: &mut Object<'_>, events: &mut Vec<Event>) {
        // An object, and no list as in a whole answer.
        let mut call = message
            .object("tool_calls")
            .ok()
            .flatten()
            .unwrap_or_default();
        let mut function = call.object("function").ok().flatten().unwrap_or_default();
        self.called = true;
        self.close(Key::Call(index), events);
        let kind = BlockKind::ToolUse {
            id: call
                .text("id")
                .ok()
                .flatten()
                .unwrap_or_default()
                .into_owned(),
            name: function
                .text("name")
                .ok()
                .flatten()
                .unwrap_or_default()
                .into_owned(),
            custom: false,
        };
        let block = self.begin(Key::Call(index), false, kind, events);
        let arguments = function
            .text("arguments")
            .ok()
            .flatten()
            .unwrap_or_default();
        if let Some(block) = block.filter(|_| !arguments.is_empty()) {
            events.push(Event::Delta {
                choice: 0,
                block,
                delta: Delta::Arguments(arguments.into_owned()),
            });
        }
    }

    fn arguments(&mut self, index: u64, message: &mut Object<'_>, events: &mut Vec<Event>) {
        let piece = message
            .object("tool_calls")
            .ok()
            .flatten()
            .and_then(|mut call| call.object("function").ok()?)
            .and_then(|mut function| function.text("arguments").ok()?);
        let open = self.open.iter().find(|open| open.key == Key::Call(index));
        if let (Some(piece), Some(open)) = (piece, open) {
            events.push(Event::Delta {
                choice: 0,
                block: open.block,
                delta: Delta::Arguments(piece.into_owned()),
            });
        }
    }

    fn cite(&mut self, raw: &RawValue, events: &mut Vec<Event>) {
        let begins = &self.begins;
        let begin_of = |number| {
            let found = begins.iter().rev().find(|(known, _)| *known == number);
            found.map_or(0, |(_, begin)| *begin)
        };
        let Some((number, citation)) = citation::read(raw, begin_of) else {
            return;
        };
        let text = |open: &&Open| !open.thought && matches!(open.key, Key::Item(_));
        let block = self
            .open
            .iter()
            .filter(text)
            .find(|open| open.key == Key::Item(number))
            .or_else(|| self.open.iter().rev().find(text))
            .map(|open| open.block)
            .or_else(|| self.open(Key::Item(number), false, events));
        let Some(block) = block else { return };
        let citation = Citation {
            url: citation.url.into_owned().into(),
            title: citation.title.into_owned().into(),
            cited_text: citation.cited_text.into_owned().into(),
            span: citation.span,
            raw: json::owned(raw.get().to_owned()),
        };
        events.push(Event::Delta {
            choice: 0,
            block,
            delta: Delta::Citation(Box::new(citation)),
        });
    }

    fn end(&mut self, delta: &mut Object<'_>, events: &mut Vec<Event>) {
        self.close_all(events);
        events.extend(delta.take("usage").and_then(usage::read).map(Event::Usage));
        let word = delta
            .text("finish_reason")
            .ok()
            .flatten()
            .unwrap_or_default();
        let error = error_of(delta);
        if error.is_some() || word == "ERROR" {
            let message = error.unwrap_or_else(|| "the provider gave up".to_owned());
            self.fault(message, events);
            return;
        }
        self.done = true;
        let reason = match finish::read(&word) {
            FinishReason::Stop if self.called => FinishReason::ToolUse,
            reason => reason,
        };
        events.push(Event::Finish {
            choice: 0,
            reason,
            stop_sequence: None,
        });
        events.push(Event::End);
    }
}
