//! Bedrock's stream.

use crate::UpstreamFault;
use crate::chat::{BlockKind, Citation, Delta, Event, FinishReason, Start};
use crate::converse::response::{read_finish, stop_sequence};
use crate::converse::stream::write::write_stop;
use crate::converse::{content, usage};
use crate::json::{self, Object};
use crate::protocol::{Packet, ReadStream};

/// Reads events. Text and thoughts begin without a word of it, usage comes behind the end of the message, and a
/// stream that ends between the two is whole but for its usage.
#[derive(Debug, Default)]
pub(in crate::converse) struct Reader {
    started: bool,
    next_block: u32,
    open: Vec<Open>,
    stopped: bool,
    done: bool,
}

/// Blocks open at once; Bedrock has one.
const MOST_OPEN: usize = 64;

#[derive(Debug)]
struct Open {
    /// Bedrock's number.
    index: u64,
    /// Ours.
    block: u32,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Call,
    /// A picture, of which only the format was told.
    Image(String),
    /// The vendor's own tools, which nobody else is to call, and their results.
    Ignored,
    /// Announced without a word of what it is, or said and closed in one piece: nothing is open of it but on the
    /// wire.
    Silent,
}

impl ReadStream for Reader {
    fn read(&mut self, packet: Packet<'_>, events: &mut Vec<Event>) {
        if self.done {
            return;
        }
        let Ok(mut object) = Object::parse(packet.data) else {
            let fault = UpstreamFault::junk();
            self.fail(fault, events);
            return;
        };
        let name = packet.name.unwrap_or_default();
        if packet.exception {
            self.fail(exception(name, object), events);
            return;
        }
        match name {
            "messageStart" => self.start(events),
            "contentBlockStart" => self.begin(object, events),
            "contentBlockDelta" => self.delta(object, events),
            "contentBlockStop" => {
                let index = object.unsigned("contentBlockIndex").ok().flatten();
                self.close(|open| Some(open.index) == index, events);
            }
            "messageStop" => self.message_stop(object, events),
            "metadata" => {
                events.extend(object.take("usage").and_then(usage::read).map(Event::Usage));
                self.finish(events);
            }
            _ => {}
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        if self.stopped && !self.done {
            self.done = true;
            events.push(Event::End);
        }
    }

    fn cut(&mut self, events: &mut Vec<Event>) {
        self.done = true;
        self.stop(FinishReason::Length, None, events);
    }

    fn close_passed(&self, out: &mut Vec<u8>) {
        for open in &self.open {
            write_stop(open.index, out);
        }
    }
}

/// What an exception says. Source: the service model; `modelStreamErrorException` tells of the model's own error.
fn exception(name: &str, mut object: Object<'_>) -> UpstreamFault {
    let mut text = |member| object.text(member).ok().flatten().map(Into::into);
    UpstreamFault {
        message: text("message")
            .or_else(|| text("originalMessage"))
            .unwrap_or_else(|| format!("the provider broke off: {name}")),
        kind: Some(name.to_owned()),
        param: None,
        code: object
            .unsigned("originalStatusCode")
            .ok()
            .flatten()
            .map(|status| status.to_string()),
    }
}

impl Reader {
    fn fail(&mut self, fault: UpstreamFault, events: &mut Vec<Event>) {
        self.done = true;
        events.push(Event::Fault(fault));
    }

    fn start(&mut self, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            events.push(Event::Start(Start::default()));
        }
    }

    fn message_stop(&mut self, mut object: Object<'_>, events: &mut Vec<Event>) {
        let word = object.text("stopReason").ok().flatten().unwrap_or_default();
        let fields = object.take("additionalModelResponseFields");
        let reason = read_finish(&word);
        let sequence = fields
            .and_then(stop_sequence)
            .filter(|_| reason == FinishReason::StopSequence)
            .map(Into::into);
        self.stop(reason, sequence, events);
    }

    /// The message is over, unless it was before.
    fn stop(
        &mut self,
        reason: FinishReason,
        stop_sequence: Option<String>,
        events: &mut Vec<Event>,
    ) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        self.start(events);
        self.close(|_| true, events);
        events.push(Event::Finish {
            choice: 0,
            reason,
            stop_sequence,
        });
    }

    fn close(&mut self, which: impl Fn(&Open) -> bool, events: &mut Vec<Event>) {
        self.open.retain(|open| {
            let closes = which(open);
            if closes && open.is_shown() {
                events.push(Event::Close {
                    choice: 0,
                    block: open.block,
                });
            }
            !closes
        });
    }

    fn begin(&mut self, mut object: Object<'_>, events: &mut Vec<Event>) {
        let index = object.unsigned("contentBlockIndex").ok().flatten();
        let (Some(index), Ok(Some(mut start))) = (index, object.object("start")) else {
            return;
        };
        self.close(|open| open.index == index, events);
        if let Ok(Some(mut call)) = start.object("toolUse")
            && call.peek("type").is_none()
        {
            let mut text = |name| call.text(name).ok().flatten().unwrap_or_default();
            let kind = BlockKind::ToolUse {
                id: text("toolUseId").into_owned(),
                name: text("name").into_owned(),
                custom: false,
            };
            self.begin_as(index, Kind::Call, Some(kind), events);
        } else if let Ok(Some(mut image)) = start.object("image") {
            let format = image.text("format").ok().flatten().unwrap_or_default();
            self.begin_as(index, Kind::Image(format.into_owned()), None, events);
        } else if start.is_empty() {
            // It leaves it to the first delta, as no start does.
            self.begin_as(index, Kind::Silent, None, events);
        } else {
            self.begin_as(index, Kind::Ignored, None, events);
        }
    }

    /// Begins a block; `None` when there are too many, or the message is over.
    fn begin_as(
        &mut self,
        index: u64,
        kind: Kind,
        shown: Option<BlockKind>,
        events: &mut Vec<Event>,
    ) -> Option<u32> {
        if self.open.len() >= MOST_OPEN || self.stopped {
            return None;
        }
        self.start(events);
        let block = self.next_block;
        if let Some(kind) = shown {
            self.next_block = block.checked_add(1)?;
            events.push(Event::Open {
                choice: 0,
                block,
                kind,
            });
        }
        self.open.push(Open { index, block, kind });
        Some(block)
    }

    /// The block of a delta, begun if need be: a text or a thought is not announced.
    fn block(&mut self, index: u64, kind: &Kind, events: &mut Vec<Event>) -> Option<u32> {
        if let Some(open) = self.open.iter().find(|open| open.index == index) {
            if open.kind == *kind {
                return Some(open.block);
            }
            if open.kind == Kind::Ignored {
                return None;
            }
            self.close(|open| open.index == index, events);
        }
        let shown = match kind {
            Kind::Text => BlockKind::Text,
            Kind::Thinking => BlockKind::Thinking,
            // Arguments without a call.
            Kind::Call | Kind::Image(_) | Kind::Ignored | Kind::Silent => return None,
        };
        self.begin_as(index, kind.clone(), Some(shown), events)
    }

    fn delta(&mut self, mut object: Object<'_>, events: &mut Vec<Event>) {
        let index = object.unsigned("contentBlockIndex").ok().flatten();
        let (Some(index), Ok(Some(mut delta))) = (index, object.object("delta")) else {
            return;
        };
        if let Ok(Some(text)) = delta.text("text") {
            self.add(index, &Kind::Text, Delta::Text(text.into_owned()), events);
        } else if let Ok(Some(mut call)) = delta.object("toolUse") {
            let piece = call
                .take("input")
                .and_then(json::text)
                .filter(|piece| !piece.is_empty());
            if let Some(piece) = piece {
                let piece = Delta::Arguments(piece.into_owned());
                self.add(index, &Kind::Call, piece, events);
            }
        } else if let Ok(Some(thought)) = delta.object("reasoningContent") {
            self.thought(index, thought, events);
        } else if let Some(raw) = delta.take("citation") {
            let found = content::citation(raw);
            let citation = Citation {
                url: found.url.into_owned().into(),
                title: found.title.into_owned().into(),
                cited_text: found.cited_text.into_owned().into(),
                span: None,
                raw: Some(std::borrow::Cow::Owned(raw.to_owned())),
            };
            let delta = Delta::Citation(Box::new(citation));
            self.add(index, &Kind::Text, delta, events);
        } else if let Ok(Some(image)) = delta.object("image") {
            self.image(index, image, events);
        }
    }

    fn add(&mut self, index: u64, kind: &Kind, delta: Delta, events: &mut Vec<Event>) {
        if let Some(block) = self.block(index, kind, events) {
            events.push(Event::Delta {
                choice: 0,
                block,
                delta,
            });
        }
    }

    fn thought(&mut self, index: u64, mut thought: Object<'_>, events: &mut Vec<Event>) {
        if let Ok(Some(text)) = thought.text("text") {
            let delta = Delta::Text(text.into_owned());
            self.add(index, &Kind::Thinking, delta, events);
        } else if let Ok(Some(signature)) = thought.text("signature") {
            let delta = Delta::Signature(signature.into_owned());
            self.add(index, &Kind::Thinking, delta, events);
        } else if let Ok(Some(data)) = thought.text("redactedContent") {
            let kind = BlockKind::RedactedThinking {
                data: data.into_owned(),
            };
            self.whole(index, kind, events);
        }
    }

    fn image(&mut self, index: u64, mut image: Object<'_>, events: &mut Vec<Event>) {
        let format = self.open.iter().find_map(|open| match &open.kind {
            Kind::Image(format) if open.index == index => Some(format.clone()),
            _ => None,
        });
        let bytes = image
            .object("source")
            .ok()
            .flatten()
            .and_then(|mut source| source.text("bytes").ok()?);
        if let (Some(format), Some(bytes)) = (format, bytes) {
            let kind = BlockKind::Image {
                media_type: format!("image/{format}"),
                base64: bytes.into_owned(),
            };
            self.whole(index, kind, events);
        }
    }

    /// A block that comes in one piece.
    fn whole(&mut self, index: u64, kind: BlockKind, events: &mut Vec<Event>) {
        self.close(|open| open.index == index, events);
        if let Some(block) = self.begin_as(index, Kind::Silent, Some(kind), events) {
            events.push(Event::Close { choice: 0, block });
        }
    }
}

impl Open {
    /// Whether a block of ours was opened for it.
    fn is_shown(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Thinking | Kind::Call)
    }
}
