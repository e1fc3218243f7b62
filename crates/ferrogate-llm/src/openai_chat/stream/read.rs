//! A provider's stream.

use serde_json::value::RawValue;

use crate::UpstreamFault;
use crate::chat::{Block, BlockKind, Delta, Event, Source, Start};
use crate::json::{self, Object};
use crate::openai_chat::response::{read_content, read_finish};
use crate::openai_chat::usage;
use crate::protocol::{Packet, ReadStream};

/// Reads chunks. What servers get wrong is put right here: missing `choices`, indexes and finish reasons, ids sent
/// twice, arguments as objects, content as lists, usage in five places.
#[derive(Debug, Default)]
pub(in crate::openai_chat) struct Reader {
    started: bool,
    choices: Vec<State>,
    done: bool,
}

/// Answers told apart; a provider that makes up more cannot fill the memory with them.
const MOST_CHOICES: usize = 128;
/// Calls of tools in one answer, likewise.
const MOST_CALLS: usize = 1024;

#[derive(Debug, Default)]
struct State {
    next_block: u32,
    /// The block that is text, thoughts or a refusal and still open.
    open: Option<(u32, Kind)>,
    calls: Vec<Call>,
    finished: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Refusal,
}

#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    block: u32,
    open: bool,
    arguments: Nesting,
}

impl ReadStream for Reader {
    fn read(&mut self, packet: Packet<'_>, events: &mut Vec<Event>) {
        if self.done {
            return;
        }
        if packet.data == b"[DONE]" {
            self.end(events);
            return;
        }
        if let Some(fault) = UpstreamFault::in_answer(packet.data) {
            self.done = true;
            events.push(Event::Fault(fault));
            return;
        }
        let Ok(mut chunk) = Object::parse(packet.data) else {
            self.done = true;
            events.push(Event::Fault(UpstreamFault::junk()));
            return;
        };
        let choices = chunk.array("choices").ok().flatten().unwrap_or_default();
        // Azure opens with a chunk of filter results that names neither answer nor model.
        if !self.started && !choices.is_empty() {
            self.started = true;
            let text = |value: Result<Option<std::borrow::Cow<'_, str>>, _>| {
                value.ok().flatten().unwrap_or_default().into_owned()
            };
            events.push(Event::Start(Start {
                id: text(chunk.text("id")),
                model: text(chunk.text("model")),
                created: chunk
                    .unsigned("created")
                    .ok()
                    .flatten()
                    .filter(|at| *at > 0),
                service_tier: chunk.text("service_tier").ok().flatten().map(Into::into),
            }));
        }
        for raw in choices {
            if let Some(choice) = Object::of(raw) {
                self.choice(choice, events);
            }
        }
        let found = chunk.take("usage").and_then(usage::read).or_else(|| {
            // Source: Groq's API reference, `x_groq` of the last chunk.
            chunk
                .object("x_groq")
                .ok()??
                .take("usage")
                .and_then(usage::read)
        });
        events.extend(found.map(Event::Usage));
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        // Some servers close without `[DONE]`; the answer is whole when every choice said why it ended.
        if !self.done
            && !self.choices.is_empty()
            && self.choices.iter().all(|choice| choice.finished)
        {
            self.end(events);
        }
    }

    fn cut(&mut self, events: &mut Vec<Event>) {
        if self.choices.is_empty() {
            self.choices.push(State::default());
        }
        self.ended("length", events);
    }
}

impl Reader {
    fn end(&mut self, events: &mut Vec<Event>) {
        // `[DONE]` without a finish reason: the sentinel says that it is whole.
        self.ended("", events);
        events.push(Event::End);
    }

    /// All is over, for this reason where none was told.
    fn ended(&mut self, untold: &str, events: &mut Vec<Event>) {
        self.done = true;
        for index in 0..self.choices.len() {
            if !self.choices[index].finished {
                self.finished(index, untold, events);
            }
        }
    }

    fn choice(&mut self, mut choice: Object<'_>, events: &mut Vec<Event>) {
        let index = choice.unsigned("index").ok().flatten().unwrap_or_default();
        let Some(index) = usize::try_from(index)
            .ok()
            .filter(|index| *index < MOST_CHOICES)
        else {
            return;
        };
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, State::default);
        }
        let number = u32::try_from(index).unwrap_or_default();
        if let Ok(Some(mut delta)) = choice.object("delta") {
            let state = &mut self.choices[index];
            state.delta(number, &mut delta, events);
        }
        if let Some(raw) = choice.take("logprobs") {
            events.push(Event::Logprobs {
                choice: number,
                raw: raw.to_owned(),
            });
        }
        // Moonshot's older models put it here.
        events.extend(choice.take("usage").and_then(usage::read).map(Event::Usage));
        if let Ok(Some(reason)) = choice.text("finish_reason")
            && !self.choices[index].finished
        {
            self.finished(index, &reason, events);
        }
    }

    fn finished(&mut self, index: usize, reason: &str, events: &mut Vec<Event>) {
        let number = u32::try_from(index).unwrap_or_default();
        let state = &mut self.choices[index];
        state.finished = true;
        state.close_text(number, events);
        state.close_calls(number, |_| true, events);
        events.push(Event::Finish {
            choice: number,
            reason: read_finish(reason, !state.calls.is_empty()),
            stop_sequence: None,
        });
    }
}

impl State {
    fn delta(&mut self, choice: u32, delta: &mut Object<'_>, events: &mut Vec<Event>) {
        for name in ["reasoning_content", "reasoning"] {
            if let Ok(Some(text)) = delta.text(name) {
                self.text(choice, Kind::Thinking, text.into_owned(), events);
            }
        }
        for block in delta.take("content").map(read_content).unwrap_or_default() {
            match block {
                Block::Text { text, .. } => {
                    self.text(choice, Kind::Text, text.into_owned(), events);
                }
                Block::Thinking { text, signature } => {
                    self.text(choice, Kind::Thinking, text.into_owned(), events);
                    if let (Some(signature), Some((block, Kind::Thinking))) = (signature, self.open)
                    {
                        events.push(Event::Delta {
                            choice,
                            block,
                            delta: Delta::Signature(signature.into_owned()),
                        });
                    }
                }
                _ => {}
            }
        }
        if let Ok(Some(text)) = delta.text("refusal") {
            self.text(choice, Kind::Refusal, text.into_owned(), events);
        }
        for raw in delta.array("images").ok().flatten().unwrap_or_default() {
            self.image(choice, raw, events);
        }
        for raw in delta.array("tool_calls").ok().flatten().unwrap_or_default() {
            if let Some(call) = Object::of(raw) {
                self.call(choice, call, events);
            }
        }
    }

    fn take_block(&mut self) -> u32 {
        let block = self.next_block;
        self.next_block = self.next_block.saturating_add(1);
        block
    }

    fn text(&mut self, choice: u32, kind: Kind, text: String, events: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        let block = match self.open {
            Some((block, open)) if open == kind => block,
            _ => {
                self.close_text(choice, events);
                let block = self.take_block();
                self.open = Some((block, kind));
                events.push(Event::Open {
                    choice,
                    block,
                    kind: match kind {
                        Kind::Text => BlockKind::Text,
                        Kind::Thinking => BlockKind::Thinking,
                        Kind::Refusal => BlockKind::Refusal,
                    },
                });
                block
            }
        };
        events.push(Event::Delta {
            choice,
            block,
            delta: Delta::Text(text),
        });
    }

    fn close_text(&mut self, choice: u32, events: &mut Vec<Event>) {
        if let Some((block, _)) = self.open.take() {
            events.push(Event::Close { choice, block });
        }
    }

    fn close_calls(&mut self, choice: u32, which: impl Fn(&Call) -> bool, events: &mut Vec<Event>) {
        for call in self.calls.iter_mut().filter(|call| call.open) {
            if which(call) {
                call.open = false;
                events.push(Event::Close {
                    choice,
                    block: call.block,
                });
            }
        }
    }

    fn image(&mut self, choice: u32, raw: &RawValue, events: &mut Vec<Event>) {
        let url = Object::of(raw)
            .and_then(|mut object| object.object("image_url").ok()?)
            .and_then(|mut inner| inner.text("url").ok()?);
        if let Some(Source::Data { media_type, base64 }) = url.map(Source::of_url) {
            self.close_text(choice, events);
            let block = self.take_block();
            let kind = BlockKind::Image {
                media_type: media_type.into_owned(),
                base64: base64.into_owned(),
            };
            events.push(Event::Open {
                choice,
                block,
                kind,
            });
            events.push(Event::Close { choice, block });
        }
    }

    fn call(&mut self, choice: u32, mut raw: Object<'_>, events: &mut Vec<Event>) {
        let index = raw.unsigned("index").ok().flatten();
        let id = raw.text("id").ok().flatten().unwrap_or_default();
        let custom = raw.object("custom").ok().flatten();
        let is_custom = custom.is_some();
        let mut inner = custom
            .or_else(|| raw.object("function").ok().flatten())
            .unwrap_or_default();
        let name = inner.text("name").ok().flatten().unwrap_or_default();
        let member = if is_custom { "input" } else { "arguments" };
        let arguments = inner
            .take(member)
            .map(|raw| json::text(raw).unwrap_or(std::borrow::Cow::Borrowed(raw.get())))
            .unwrap_or_default();
        let known = self.find_call(index, &id, &name);
        let at = match known {
            Some(at) => at,
            None if self.calls.len() < MOST_CALLS => {
                self.close_text(choice, events);
                // Fragments of different calls may interleave: only a call that is complete is over.
                self.close_calls(choice, Call::is_complete, events);
                let block = self.take_block();
                let id = if id.is_empty() || id == "null" {
                    format!("call_{block}_{:08x}", fastrand_of(&name, block))
                } else {
                    id.clone().into_owned()
                };
                events.push(Event::Open {
                    choice,
                    block,
                    kind: BlockKind::ToolUse {
                        id: id.clone(),
                        name: name.into_owned(),
                        custom: is_custom,
                    },
                });
                self.calls.push(Call {
                    index,
                    id,
                    block,
                    open: true,
                    arguments: Nesting::default(),
                });
                self.calls.len() - 1
            }
            None => return,
        };
        let signature = raw
            .object("extra_content")
            .ok()
            .flatten()
            .and_then(|mut content| content.object("google").ok()?)
            .and_then(|mut google| google.text("thought_signature").ok()?);
        let call = &mut self.calls[at];
        if call.open {
            let block = call.block;
            let mut push = |delta| {
                events.push(Event::Delta {
                    choice,
                    block,
                    delta,
                });
            };
            if let Some(signature) = signature {
                push(Delta::Signature(signature.into_owned()));
            }
            if !arguments.is_empty() {
                call.arguments.follow(&arguments);
                push(Delta::Arguments(arguments.into_owned()));
            }
        }
    }

    /// The call a fragment belongs to: by index; without one, by id; with neither, the last, unless it names a
    /// function, which begins another.
    fn find_call(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        if index.is_some() {
            return self.calls.iter().position(|call| call.index == index);
        }
        if !id.is_empty() && id != "null" {
            return self.calls.iter().position(|call| call.id == id);
        }
        if name.is_empty() {
            self.calls.len().checked_sub(1)
        } else {
            None
        }
    }
}

impl Call {
    fn is_complete(&self) -> bool {
        self.arguments.is_closed()
    }
}

/// How deep in JSON a text in pieces is: enough to see that an object is over, without keeping it.
#[derive(Debug, Default)]
struct Nesting {
    depth: u64,
    in_string: bool,
    escaped: bool,
    begun: bool,
}

impl Nesting {
    fn follow(&mut self, piece: &str) {
        for byte in piece.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.begun = true;
                    self.depth += 1;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn is_closed(&self) -> bool {
        self.begun && self.depth == 0 && !self.in_string
    }
}

/// For an id the server left out: the same for the same call.
fn fastrand_of(name: &str, block: u32) -> u64 {
    crate::echo::fnv1a(format!("{name}/{block}").as_bytes()) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_where_arguments_end() {
        for (pieces, closed) in [
            (&["{\"a\"", ":{\"b\":[1]}", "}"][..], true),
            (&["{\"a\":\"}", "\"}"], true),
            (&["{\"a\":\"\\", "\"}"], false),
            (&["{\"a\":\"\\\\", "\"}"], true),
            (&["{\"a\":{}"], false),
            (&["{}"], true),
            (&[""], false),
            (&["free text"], false),
        ] {
            let mut nesting = Nesting::default();
            for piece in pieces {
                nesting.follow(piece);
            }
            assert_eq!(nesting.is_closed(), closed, "{pieces:?}");
        }
    }
}
