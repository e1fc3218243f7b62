//! A stream for a caller.

mod blocks;

use ferrogate_types::Usage;

use crate::chat::{Delta, Event, FinishReason, Sequencer};
use crate::json;
use crate::openai_responses::error;
use crate::openai_responses::response::{Envelope, Item, Status};
use crate::protocol::{Caller, WriteStream};
use crate::{ErrorBody, UpstreamFault};

/// Writes events: every item added, filled and done, and all of them once more in the last event. SDKs rebuild their
/// state from the numbers.
#[derive(Debug)]
pub(in crate::openai_responses) struct Writer {
    sequencer: Sequencer,
    state: State,
}

#[derive(Debug)]
struct State {
    envelope: Envelope,
    sequence: u64,
    begun: bool,
    over: bool,
    /// Items that are done.
    items: json::Writer,
    /// The number of the item that is open, or of the next.
    index: u32,
    /// The message that is open: its parts that are done, and how many.
    message: Option<(json::Writer, u32)>,
    block: Option<Block>,
    usage: Usage,
    finish: FinishReason,
    refused: bool,
    /// Bytes that the last event has to repeat, and whether they became too many.
    kept: usize,
    overfull: bool,
}

/// The most bytes of an answer that are kept to be repeated. No model answers at such length; a provider that does
/// not stop must not fill the memory.
const MOST_KEPT: usize = 64 << 20;

/// The block that is open.
#[derive(Debug)]
enum Block {
    Text {
        text: String,
        annotations: json::Writer,
        annotated: u32,
        logprobs: String,
    },
    Refusal {
        text: String,
    },
    Thought {
        text: String,
        sealed: Option<String>,
    },
    Call {
        call_id: String,
        name: String,
        arguments: String,
        custom: bool,
    },
}

impl Writer {
    pub(in crate::openai_responses) fn new(caller: &Caller<'_>) -> Self {
        Self {
            sequencer: Sequencer::default(),
            state: State {
                envelope: Envelope::new(caller),
                sequence: 0,
                begun: false,
                over: false,
                items: json::Writer::default(),
                index: 0,
                message: None,
                block: None,
                usage: Usage::default(),
                finish: FinishReason::Stop,
                refused: false,
                kept: 0,
                overfull: false,
            },
        }
    }
}

impl WriteStream for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        let state = &mut self.state;
        self.sequencer.pass(event, |event| state.say(event, out));
    }
    fn is_overfull(&self) -> bool {
        self.sequencer.is_overfull() || self.state.overfull
    }
}

impl State {
    fn say(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start(start) => {
                self.envelope.name(&start.id);
                if let Some(created) = start.created {
                    self.envelope.created = created;
                }
                self.envelope.service_tier.clone_from(&start.service_tier);
                self.begin(out);
            }
            Event::Open { kind, .. } => self.open(kind, out),
            Event::Delta { delta, .. } if self.has_room(delta) => self.delta(delta, out),
            Event::Delta { .. } => {
                self.overfull = true;
                let fault = UpstreamFault::because("the answer is longer than can be repeated");
                self.end(Status::Failed(&fault), out);
            }
            Event::Close { .. } => self.close(out),
            Event::Finish { reason, .. } => self.finish = reason.clone(),
            Event::Logprobs { raw, .. } => self.logprobs(raw),
            Event::Usage(usage) => self.usage = *usage,
            Event::KeepAlive => out.extend_from_slice(b": keep-alive\n\n"),
            Event::Fault(fault) if !self.begun => {
                self.over = true;
                out.extend_from_slice(&error::frame(&ErrorBody {
                    message: &fault.message,
                    kind: fault.kind.as_deref().unwrap_or("server_error"),
                    param: fault.param.as_deref(),
                    code: fault.code.as_deref().unwrap_or("upstream_error"),
                    request_id: None,
                }));
            }
            Event::Fault(fault) => self.end(Status::Failed(fault), out),
            Event::End => {
                let finish = self.finish.clone();
                self.begin(out);
                self.close(out);
                let status = Status::of(&finish, self.refused);
                self.close_message(status.as_str(), out);
                self.end(status, out);
            }
        }
    }

    fn has_room(&mut self, delta: &Delta) -> bool {
        self.kept = self.kept.saturating_add(match delta {
            Delta::Text(piece) | Delta::Signature(piece) | Delta::Arguments(piece) => piece.len(),
            Delta::Citation(citation) => citation.url.len() + citation.title.len(),
        });
        self.kept <= MOST_KEPT
    }

    fn event(&mut self, name: &str, out: &mut Vec<u8>, members: impl FnOnce(&mut json::Writer)) {
        write_event(name, &mut self.sequence, out, members);
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let mut w = json::Writer::default();
        self.envelope.write(Status::InProgress, "", None, &mut w);
        let object = w.into_text();
        for name in ["response.created", "response.in_progress"] {
            self.event(name, out, |w| {
                w.key("response").literal(&object);
            });
        }
    }

    fn end(&mut self, status: Status<'_>, out: &mut Vec<u8>) {
        self.over = true;
        let items = std::mem::take(&mut self.items).into_text();
        let mut object = json::Writer::with_capacity(items.len() + 1024);
        self.envelope
            .write(status, &items, Some(&self.usage), &mut object);
        let object = object.into_text();
        let name = match status {
            Status::Failed(_) => "response.failed",
            Status::Incomplete(_) => "response.incomplete",
            Status::Completed | Status::InProgress => "response.completed",
        };
        self.event(name, out, |w| {
            w.key("response").literal(&object);
        });
    }

    /// An item begins or is done.
    fn item(&mut self, name: &str, item: Item<'_>, out: &mut Vec<u8>) {
        let id = self.envelope.item_id(item.prefix(), self.index);
        let index = self.index;
        self.event(name, out, |w| {
            w.member("output_index", &index).key("item");
            item.write(&id, w);
        });
    }

    fn add(&mut self, item: Item<'_>, out: &mut Vec<u8>) {
        self.item("response.output_item.added", item, out);
    }

    fn done(&mut self, item: Item<'_>, out: &mut Vec<u8>) {
        self.item("response.output_item.done", item, out);
        let id = self.envelope.item_id(item.prefix(), self.index);
        item.write(&id, &mut self.items);
        self.index += 1;
    }

    /// An event within the open item, whose ids begin so.
    fn within(
        &mut self,
        name: &str,
        prefix: &str,
        out: &mut Vec<u8>,
        members: impl FnOnce(&mut json::Writer),
    ) {
        let id = self.envelope.item_id(prefix, self.index);
        let index = self.index;
        self.event(name, out, |w| {
            w.text("item_id", &id).member("output_index", &index);
            members(w);
        });
    }

    /// An event within the open part of the open message.
    fn in_part(&mut self, name: &str, out: &mut Vec<u8>, members: impl FnOnce(&mut json::Writer)) {
        let part = self.message.as_ref().map_or(0, |(_, parts)| *parts);
        self.within(name, "msg", out, |w| {
            w.member("content_index", &part);
            members(w);
        });
    }
}

/// One event: its name, its number, its members.
pub(super) fn write_event(
    name: &str,
    sequence: &mut u64,
    out: &mut Vec<u8>,
    members: impl FnOnce(&mut json::Writer),
) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: {");
    let mut w = json::Writer::continuing(std::mem::take(out));
    w.text("type", name);
    w.member("sequence_number", sequence);
    *sequence += 1;
    members(&mut w);
    w.close();
    *out = w.into_bytes();
    out.extend_from_slice(b"\n\n");
}
