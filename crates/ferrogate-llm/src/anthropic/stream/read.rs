//! A provider's stream.

use serde_json::value::RawValue;

use crate::UpstreamFault;
use crate::anthropic::block::read_citation;
use crate::anthropic::error;
use crate::anthropic::response::{explanation, read_stop, read_tier};
use crate::anthropic::stream::write::write_close;
use crate::anthropic::usage::Counts;
use crate::chat::{BlockKind, Citation, Delta, Event, FinishReason, Start};
use crate::json::{self, Object};
use crate::protocol::{Packet, ReadStream};

/// Reads events. Blocks come one behind the other; the finish is said with `message_stop`, without which an answer is
/// not whole.
#[derive(Debug, Default)]
pub(in crate::anthropic) struct Reader {
    counts: Counts,
    next_block: u32,
    open: Option<Open>,
    /// Characters of text in the blocks that are closed.
    said: usize,
    finish: Option<FinishReason>,
    stop_sequence: Option<String>,
    refusal: Option<String>,
    done: bool,
}

/// The block that is open.
#[derive(Debug)]
struct Open {
    index: u64,
    block: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text {
        chars: usize,
        citations: Vec<Citation<'static>>,
    },
    Thinking {
        signed: bool,
    },
    /// A call: the input it began with, while no other came.
    Call {
        initial: Option<String>,
    },
    /// A block of a hosted tool that is told when it is complete: as it began, and its input.
    Hosted {
        kind: String,
        raw: Box<RawValue>,
        input: String,
    },
    /// Complete from the start.
    Complete,
}

/// Citations held of one block and bytes of input of a hosted tool; what is more is left out.
const MOST_CITATIONS: usize = 1024;
const MOST_INPUT: usize = 1 << 20;

impl ReadStream for Reader {
    fn read(&mut self, packet: Packet<'_>, events: &mut Vec<Event>) {
        if self.done {
            return;
        }
        let Ok(mut object) = Object::parse(packet.data) else {
            self.fault(UpstreamFault::junk(), events);
            return;
        };
        let kind = object.text("type").ok().flatten();
        match kind.as_deref().or(packet.name).unwrap_or_default() {
            "message_start" => self.start(&mut object, events),
            "content_block_start" => self.open(&mut object, events),
            "content_block_delta" => self.delta(&mut object, events),
            "content_block_stop" => self.close(events),
            "message_delta" => self.message_delta(&mut object, events),
            "message_stop" => self.end(events),
            "ping" => events.push(Event::KeepAlive),
            "error" => {
                let fault = UpstreamFault::read(packet.data);
                self.fault(error::normal(fault), events);
            }
            _ => {
                // Whatever next year brings is skipped, but an error is one without its name, too.
                if let Some(fault) = UpstreamFault::in_answer(packet.data) {
                    self.fault(error::normal(fault), events);
                }
            }
        }
    }

    fn finish(&mut self, _events: &mut Vec<Event>) {
        // The dialect has an end of its own: what stops without it is cut off.
    }

    fn cut(&mut self, events: &mut Vec<Event>) {
        self.ended(FinishReason::Length, events);
    }

    fn close_passed(&self, out: &mut Vec<u8>) {
        if let Some(open) = &self.open {
            let signs = matches!(open.kind, Kind::Thinking { signed: false });
            write_close(open.index, signs, out);
        }
    }
}

impl Reader {
    fn fault(&mut self, fault: UpstreamFault, events: &mut Vec<Event>) {
        self.done = true;
        events.push(Event::Fault(fault));
    }

    fn start(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        let mut message = object.object("message").ok().flatten().unwrap_or_default();
        let text = |value: Result<Option<std::borrow::Cow<'_, str>>, _>| {
            value.ok().flatten().unwrap_or_default().into_owned()
        };
        let usage = message.take("usage");
        let tier = usage.and_then(|raw| {
            let raw = Object::of(raw)?.take("service_tier")?;
            read_tier(raw).map(std::borrow::Cow::into_owned)
        });
        events.push(Event::Start(Start {
            id: text(message.text("id")),
            model: text(message.text("model")),
            created: None,
            service_tier: tier,
        }));
        self.usage(usage, events);
    }

    fn usage(&mut self, raw: Option<&RawValue>, events: &mut Vec<Event>) {
        if let Some(raw) = raw {
            self.counts.update(raw);
            events.extend(self.counts.usage().map(Event::Usage));
        }
    }

    fn open(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        self.close(events);
        let index = object.unsigned("index").ok().flatten().unwrap_or_default();
        let Some(raw) = object.take("content_block") else {
            return;
        };
        let mut inner = Object::of(raw).unwrap_or_default();
        let mut text = |name| {
            inner
                .text(name)
                .ok()
                .flatten()
                .unwrap_or_default()
                .into_owned()
        };
        let block = self.next_block;
        let mut first = Vec::new();
        let (said, kind) = match text("type").as_str() {
            "text" => {
                first.push(Delta::Text(text("text")));
                let citations = inner.array("citations").ok().flatten().unwrap_or_default();
                let citations = citations.into_iter().filter_map(owned_citation);
                let state = Kind::Text {
                    chars: 0,
                    citations: citations.take(MOST_CITATIONS).collect(),
                };
                (Some(BlockKind::Text), state)
            }
            "thinking" => {
                first.push(Delta::Text(text("thinking")));
                first.push(Delta::Signature(text("signature")));
                (Some(BlockKind::Thinking), Kind::Thinking { signed: false })
            }
            "redacted_thinking" => {
                let data = text("data");
                let kind = BlockKind::RedactedThinking { data };
                (Some(kind), Kind::Complete)
            }
            "tool_use" => {
                let (id, name) = (text("id"), text("name"));
                let initial = inner.take("input").map(json::compact);
                let initial = initial.filter(|input| input != "{}");
                let kind = BlockKind::ToolUse {
                    id,
                    name,
                    custom: false,
                };
                let initial = initial.map(std::borrow::Cow::into_owned);
                (Some(kind), Kind::Call { initial })
            }
            kind => {
                let state = Kind::Hosted {
                    kind: kind.to_owned(),
                    raw: raw.to_owned(),
                    input: String::new(),
                };
                (None, state)
            }
        };
        self.next_block = self.next_block.saturating_add(1);
        self.open = Some(Open { index, block, kind });
        if let Some(kind) = said {
            events.push(Event::Open {
                choice: 0,
                block,
                kind,
            });
        }
        for delta in first {
            self.add(delta, events);
        }
    }

    fn delta(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        let index = object.unsigned("index").ok().flatten().unwrap_or_default();
        if self.open.as_ref().is_none_or(|open| open.index != index) {
            return;
        }
        let Ok(Some(mut inner)) = object.object("delta") else {
            return;
        };
        let kind = inner.text("type").ok().flatten().unwrap_or_default();
        let mut text = |name| {
            inner
                .text(name)
                .ok()
                .flatten()
                .unwrap_or_default()
                .into_owned()
        };
        match kind.as_ref() {
            "text_delta" => self.add(Delta::Text(text("text")), events),
            "thinking_delta" => self.add(Delta::Text(text("thinking")), events),
            "signature_delta" => self.add(Delta::Signature(text("signature")), events),
            "input_json_delta" => self.add(Delta::Arguments(text("partial_json")), events),
            "citations_delta" => {
                let found = inner.take("citation").and_then(owned_citation);
                if let (Some(open), Some(citation)) = (&mut self.open, found)
                    && let Kind::Text { citations, .. } = &mut open.kind
                    && citations.len() < MOST_CITATIONS
                {
                    citations.push(citation);
                }
            }
            _ => {}
        }
    }

    /// Adds to the open block what belongs to its kind.
    fn add(&mut self, delta: Delta, events: &mut Vec<Event>) {
        let Some(open) = &mut self.open else { return };
        match (&mut open.kind, &delta) {
            (_, Delta::Text(piece) | Delta::Signature(piece) | Delta::Arguments(piece))
                if piece.is_empty() =>
            {
                return;
            }
            (Kind::Text { chars, .. }, Delta::Text(piece)) => *chars += piece.chars().count(),
            (Kind::Thinking { .. }, Delta::Text(_)) => {}
            (Kind::Thinking { signed }, Delta::Signature(_)) => *signed = true,
            (Kind::Call { initial }, Delta::Arguments(_)) => *initial = None,
            (Kind::Hosted { input, .. }, Delta::Arguments(piece)) => {
                if input.len() + piece.len() <= MOST_INPUT {
                    input.push_str(piece);
                }
                return;
            }
            _ => return,
        }
        events.push(Event::Delta {
            choice: 0,
            block: open.block,
            delta,
        });
    }

    fn close(&mut self, events: &mut Vec<Event>) {
        let Some(open) = self.open.take() else { return };
        let block = open.block;
        let mut push = |delta| {
            events.push(Event::Delta {
                choice: 0,
                block,
                delta,
            });
        };
        match open.kind {
            Kind::Text { chars, citations } => {
                let span = (self.said, self.said + chars);
                self.said = span.1;
                for mut citation in citations {
                    citation.span = Some(span);
                    push(Delta::Citation(Box::new(citation)));
                }
            }
            Kind::Call {
                initial: Some(initial),
            } => push(Delta::Arguments(initial)),
            Kind::Hosted { kind, raw, input } => events.push(Event::Open {
                choice: 0,
                block,
                kind: BlockKind::Foreign {
                    kind,
                    raw: with_input(raw, input),
                },
            }),
            Kind::Call { initial: None } | Kind::Thinking { .. } | Kind::Complete => {}
        }
        events.push(Event::Close { choice: 0, block });
    }

    fn message_delta(&mut self, object: &mut Object<'_>, events: &mut Vec<Event>) {
        if let Ok(Some(mut delta)) = object.object("delta") {
            if let Ok(Some(word)) = delta.text("stop_reason") {
                self.finish = Some(read_stop(&word));
            }
            if let Ok(Some(sequence)) = delta.text("stop_sequence") {
                self.stop_sequence = Some(sequence.into_owned());
            }
            if let Some(text) = delta.take("stop_details").and_then(explanation) {
                self.refusal = Some(text.into_owned());
            }
        }
        self.usage(object.take("usage"), events);
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        self.ended(FinishReason::Stop, events);
        events.push(Event::End);
    }

    /// The answer is over, for this reason if none was told.
    fn ended(&mut self, untold: FinishReason, events: &mut Vec<Event>) {
        self.done = true;
        self.close(events);
        let reason = self.finish.take().unwrap_or(untold);
        let refusal = self.refusal.take();
        if let Some(text) = refusal.filter(|_| reason == FinishReason::Refusal) {
            let block = self.next_block;
            events.push(Event::Open {
                choice: 0,
                block,
                kind: BlockKind::Refusal,
            });
            events.push(Event::Delta {
                choice: 0,
                block,
                delta: Delta::Text(text),
            });
            events.push(Event::Close { choice: 0, block });
        }
        events.push(Event::Finish {
            choice: 0,
            reason,
            stop_sequence: self.stop_sequence.take(),
        });
    }
}

/// A citation that outlives its event.
fn owned_citation(raw: &RawValue) -> Option<Citation<'static>> {
    let read = read_citation(raw)?;
    Some(Citation {
        url: read.url.into_owned().into(),
        title: read.title.into_owned().into(),
        cited_text: read.cited_text.into_owned().into(),
        span: None,
        raw: Some(std::borrow::Cow::Owned(raw.to_owned())),
    })
}

/// A block with the input that came behind it.
fn with_input(raw: Box<RawValue>, input: String) -> Box<RawValue> {
    let Some(input) = RawValue::from_string(input).ok() else {
        return raw;
    };
    let mut block = Object::of(&raw).unwrap_or_default();
    block.take("input");
    let mut w = json::Writer::default();
    w.open().rest(&block).key("input").raw(&input).close();
    RawValue::from_string(w.into_text()).unwrap_or(raw)
}
