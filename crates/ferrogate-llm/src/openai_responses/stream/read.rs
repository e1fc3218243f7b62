//! A provider's stream.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::UpstreamFault;
use crate::chat::{Block, BlockKind, Citation, Delta, Event, FinishReason, Source, Start};
use crate::json::{self, Object};
use crate::openai_responses::request::read_annotation;
use crate::openai_responses::response::{read_image, reason_of};
use crate::openai_responses::{error, usage};
use crate::protocol::{Packet, ReadStream};

/// Reads events. Items are known by their index, parts by theirs within the item; what a server leaves out of the
/// sequence (the beginning of a part, its end) is put in.
#[derive(Debug, Default)]
pub(in crate::openai_responses) struct Reader {
    started: bool,
    next_block: u32,
    open: Vec<Open>,
    calls: bool,
    done: bool,
}

/// A block that is open.
#[derive(Debug)]
struct Open {
    item: u64,
    /// The part of a message; none for thoughts and calls.
    part: Option<u64>,
    block: u32,
    kind: Kind,
    /// Something was said of it.
    filled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
    Thought,
    Call,
}

/// Blocks open at once; a provider that opens more cannot fill the memory with them.
const MOST_OPEN: usize = 1024;

impl ReadStream for Reader {
    fn read(&mut self, packet: Packet<'_>, events: &mut Vec<Event>) {
        // Some servers close as chat does.
        if self.done || packet.data == b"[DONE]" {
            return;
        }
        let Ok(mut object) = Object::parse(packet.data) else {
            self.fault(UpstreamFault::junk(), events);
            return;
        };
        let kind = object.text("type").ok().flatten();
        let kind = kind.as_deref().or(packet.name).unwrap_or_default();
        match kind {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.start(&mut object, events);
            }
            "response.output_item.added" => self.item_added(&mut object, events),
            "response.output_item.done" => self.item_done(&mut object, events),
            "response.content_part.added" => self.part_added(&mut object, events),
            "response.content_part.done" => self.part_done(&mut object, events),
            "response.output_text.delta" => self.said(&mut object, Kind::Text, events),
            "response.refusal.delta" => self.said(&mut object, Kind::Refusal, events),
            "response.output_text.annotation.added" => self.cited(&mut object, events),
            "response.reasoning_summary_part.added" => self.summary_added(&mut object, events),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.thought(&mut object, events);
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.arguments(&mut object, events);
            }
            "response.completed" | "response.incomplete" => self.end(kind, &mut object, events),
            "response.failed" => {
                let mut response = object.object("response").ok().flatten().unwrap_or_default();
                let fault = response.take("error").map_or_else(
                    || UpstreamFault::because("the response failed"),
                    error::read,
                );
                self.fault(fault, events);
            }
            "error" => {
                let fault = UpstreamFault::read(packet.data);
                self.fault(fault, events);
            }
            "" => {
                if let Some(fault) = UpstreamFault::in_answer(packet.data) {
                    self.fault(fault, events);
                }
            }
            // Progress of hosted tools, and whatever next year brings: the items tell it when they are done.
            _ => {}
        }
    }

    fn finish(&mut self, _events: &mut Vec<Event>) {
        // The dialect has ends of its own: what stops without one is cut off.
    }

    fn cut(&mut self, events: &mut Vec<Event>) {
        self.done = true;
        self.close(|_| true, events);
        events.push(Event::Finish {
            choice: 0,
            reason: FinishReason::Length,
            stop_sequence: None,
        });
    }
}

impl Reader {
    fn fault(&mut self, fault: UpstreamFault, events: &mut Vec<Event>) {
        self.done = true;
        events.push(Event::Fault(fault));
    }

    fn start(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let mut response = object.object("response").ok().flatten().unwrap_or_default();
        let mut text = |name| response.text(name).ok().flatten().map(Cow::into_owned);
        events.push(Event::Start(Start {
            id: text("id").unwrap_or_default(),
            model: text("model").unwrap_or_default(),
            // `auto` is what was asked for; which it was is not known yet.
            service_tier: text("service_tier").filter(|tier| tier != "auto"),
            created: response.unsigned("created_at").ok().flatten(),
        }));
    }

    fn push_open(
        &mut self,
        (item, part): (u64, Option<u64>),
        kind: Kind,
        said: BlockKind,
        events: &mut Vec<Event>,
    ) {
        if self.open.len() >= MOST_OPEN {
            return;
        }
        let block = self.next_block;
        self.next_block = self.next_block.saturating_add(1);
        self.open.push(Open {
            item,
            part,
            block,
            kind,
            filled: false,
        });
        events.push(Event::Open {
            choice: 0,
            block,
            kind: said,
        });
    }

    fn find(&mut self, item: u64, part: Option<u64>) -> Option<&mut Open> {
        self.open
            .iter_mut()
            .find(|open| open.item == item && open.part == part)
    }

    fn push(open: &mut Open, delta: Delta, events: &mut Vec<Event>) {
        let (Delta::Text(piece) | Delta::Arguments(piece) | Delta::Signature(piece)) = &delta
        else {
            return;
        };
        if piece.is_empty() {
            return;
        }
        open.filled = true;
        events.push(Event::Delta {
            choice: 0,
            block: open.block,
            delta,
        });
    }

    fn close(&mut self, which: impl Fn(&Open) -> bool, events: &mut Vec<Event>) {
        self.open.retain(|open| {
            let over = which(open);
            if over {
                events.push(Event::Close {
                    choice: 0,
                    block: open.block,
                });
            }
            !over
        });
    }

    fn item_added(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        let index = index(object, "output_index");
        let Ok(Some(mut item)) = object.object("item") else {
            return;
        };
        let kind = item.text("type").ok().flatten().unwrap_or_default();
        let custom = kind == "custom_tool_call";
        if custom || kind == "function_call" {
            let mut text = |name| item.text(name).ok().flatten().unwrap_or_default().into();
            let said = BlockKind::ToolUse {
                id: text("call_id"),
                name: text("name"),
                custom,
            };
            self.calls = true;
            self.push_open((index, None), Kind::Call, said, events);
        }
    }

    fn item_done(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        let index = index(object, "output_index");
        let Some(raw) = object.take("item") else {
            return;
        };
        let mut item = Object::of(raw).unwrap_or_default();
        let kind = item.text("type").ok().flatten().unwrap_or_default();
        match kind.as_ref() {
            "message" => {}
            "function_call" | "custom_tool_call" => {
                let member = if kind == "function_call" {
                    "arguments"
                } else {
                    "input"
                };
                let all = item.text(member).ok().flatten().unwrap_or_default();
                if let Some(open) = self.find(index, None).filter(|open| !open.filled) {
                    // Some servers send no pieces. Nothing to say is said by each writer in its own way.
                    let all = if all == "{}" { Cow::Borrowed("") } else { all };
                    Self::push(open, Delta::Arguments(all.into_owned()), events);
                }
            }
            "reasoning" => self.thought_done(index, &mut item, events),
            "image_generation_call" => self.image(&mut item, raw, events),
            kind => self.foreign(kind, raw, events),
        }
        self.close(|open| open.item == index, events);
    }

    /// A thought is done: its seal comes with the item. Without words it is one that nobody may read.
    fn thought_done(&mut self, index: u64, item: &mut Object<'_>, events: &mut Vec<Event>) {
        let sealed = item.text("encrypted_content").ok().flatten();
        let Some(data) = sealed.map(Cow::into_owned) else {
            return;
        };
        if let Some(open) = self.find(index, None) {
            Self::push(open, Delta::Signature(data), events);
            return;
        }
        let said = BlockKind::RedactedThinking { data };
        self.push_open((index, None), Kind::Thought, said, events);
    }

    fn image(&mut self, item: &mut Object<'_>, raw: &RawValue, events: &mut Vec<Event>) {
        let Some(Block::Media(media)) = read_image(item) else {
            self.foreign("image_generation_call", raw, events);
            return;
        };
        if let Source::Data { media_type, base64 } = media.source {
            let kind = BlockKind::Image {
                media_type: media_type.into_owned(),
                base64: base64.into_owned(),
            };
            self.complete(kind, events);
        }
    }

    fn foreign(&mut self, kind: &str, raw: &RawValue, events: &mut Vec<Event>) {
        let kind = BlockKind::Foreign {
            kind: kind.to_owned(),
            raw: raw.to_owned(),
        };
        self.complete(kind, events);
    }

    /// A block that is complete at once.
    fn complete(&mut self, kind: BlockKind, events: &mut Vec<Event>) {
        let block = self.next_block;
        self.next_block = self.next_block.saturating_add(1);
        events.push(Event::Open {
            choice: 0,
            block,
            kind,
        });
        events.push(Event::Close { choice: 0, block });
    }

    fn part_added(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        let place = (
            index(object, "output_index"),
            Some(index(object, "content_index")),
        );
        let Ok(Some(mut part)) = object.object("part") else {
            return;
        };
        let kind = part.text("type").ok().flatten().unwrap_or_default();
        match kind.as_ref() {
            "output_text" => self.push_open(place, Kind::Text, BlockKind::Text, events),
            "refusal" => self.push_open(place, Kind::Refusal, BlockKind::Refusal, events),
            // A thought opens with its first word.
            _ => return,
        }
        let first = part.text("text").ok().flatten().unwrap_or_default();
        if let Some(open) = self.find(place.0, place.1) {
            Self::push(open, Delta::Text(first.into_owned()), events);
        }
    }

    fn part_done(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        let (item, part) = (
            index(object, "output_index"),
            index(object, "content_index"),
        );
        self.close(|open| open.item == item && open.part == Some(part), events);
    }

    fn said(&mut self, object: &mut Object<'_>, kind: Kind, events: &mut Vec<Event>) {
        let place = (
            index(object, "output_index"),
            Some(index(object, "content_index")),
        );
        let text = object.text("delta").ok().flatten().unwrap_or_default();
        if self.find(place.0, place.1).is_none() {
            let said = match kind {
                Kind::Refusal => BlockKind::Refusal,
                _ => BlockKind::Text,
            };
            self.push_open(place, kind, said, events);
        }
        if let Some(open) = self.find(place.0, place.1) {
            Self::push(open, Delta::Text(text.into_owned()), events);
        }
        let list = object
            .take("logprobs")
            .filter(|raw| !json::compact(raw).eq("[]"));
        if let Some(raw) = list {
            let mut w = json::Writer::default();
            w.open().key("content").raw(raw).close();
            events.extend(json::owned(w.into_text()).map(|raw| Event::Logprobs {
                choice: 0,
                raw: raw.into_owned(),
            }));
        }
    }

    fn cited(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        let (item, part) = (
            index(object, "output_index"),
            index(object, "content_index"),
        );
        let found = object.take("annotation").and_then(|raw| {
            let read = read_annotation(raw)?;
            Some(Citation {
                url: read.url.into_owned().into(),
                title: read.title.into_owned().into(),
                cited_text: Cow::Borrowed(""),
                span: read.span,
                raw: Some(Cow::Owned(raw.to_owned())),
            })
        });
        let open = self.find(item, Some(part));
        if let (Some(citation), Some(open)) = (found, open) {
            events.push(Event::Delta {
                choice: 0,
                block: open.block,
                delta: Delta::Citation(Box::new(citation)),
            });
        }
    }

    /// Parts of a summary are paragraphs of one thought.
    fn summary_added(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        let item = index(object, "output_index");
        if let Some(open) = self.find(item, None).filter(|open| open.filled) {
            Self::push(open, Delta::Text("\n\n".to_owned()), events);
        }
    }

    fn thought(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        let item = index(object, "output_index");
        let text = object.text("delta").ok().flatten().unwrap_or_default();
        if self.find(item, None).is_none() {
            self.push_open((item, None), Kind::Thought, BlockKind::Thinking, events);
        }
        let open = self.find(item, None);
        if let Some(open) = open.filter(|open| open.kind == Kind::Thought) {
            Self::push(open, Delta::Text(text.into_owned()), events);
        }
    }

    fn arguments(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        let item = index(object, "output_index");
        let piece = object.text("delta").ok().flatten().unwrap_or_default();
        let open = self.find(item, None);
        if let Some(open) = open.filter(|open| open.kind == Kind::Call) {
            Self::push(open, Delta::Arguments(piece.into_owned()), events);
        }
    }

    fn end(&mut self, name: &str, object: &mut Object<'_>, events: &mut Vec<Event>) {
        self.done = true;
        self.close(|_| true, events);
        let mut response = object.object("response").ok().flatten().unwrap_or_default();
        let details = response.object("incomplete_details").ok().flatten();
        let reason = details.and_then(|mut details| details.text("reason").ok()?);
        let status = name.strip_prefix("response.");
        events.push(Event::Finish {
            choice: 0,
            reason: reason_of(status, reason.as_deref(), self.calls),
            stop_sequence: None,
        });
        let usage = response.take("usage").and_then(usage::read);
        events.extend(usage.map(Event::Usage));
        events.push(Event::End);
    }
}

fn index(object: &mut Object<'_>, name: &'static str) -> u64 {
    object.unsigned(name).ok().flatten().unwrap_or_default()
}
