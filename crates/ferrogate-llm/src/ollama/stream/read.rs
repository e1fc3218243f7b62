//! A provider's stream.

use crate::chat::calls::Calls;
use crate::chat::{Block, BlockKind, Delta, Event, FinishReason, Source, Start};
use crate::json::Object;
use crate::ollama::{finish, message, response, usage};
use crate::protocol::{Packet, ReadStream};
use crate::{UpstreamFault, date};

/// Reads lines. Calls arrive whole, and the last line says that it is.
#[derive(Debug, Default)]
pub(in crate::ollama) struct Reader {
    started: bool,
    next_block: u32,
    /// The block that is text or thoughts and still open.
    open: Option<(u32, bool)>,
    calls: Calls,
    called: bool,
    done: bool,
}

impl ReadStream for Reader {
    fn read(&mut self, packet: Packet<'_>, events: &mut Vec<Event>) {
        if self.done {
            return;
        }
        if let Some(fault) = UpstreamFault::in_answer(packet.data) {
            self.fault(fault, events);
            return;
        }
        let Ok(mut line) = Object::parse(packet.data) else {
            let fault = UpstreamFault::junk();
            self.fault(fault, events);
            return;
        };
        if !std::mem::replace(&mut self.started, true) {
            let created = line.text("created_at").ok().flatten().unwrap_or_default();
            self.calls = Calls::of_answer(&created);
            events.push(Event::Start(Start {
                model: line
                    .text("model")
                    .ok()
                    .flatten()
                    .unwrap_or_default()
                    .into_owned(),
                created: date::seconds(&created),
                ..Start::default()
            }));
        }
        if let Ok(Some(mut said)) = line.object("message") {
            for part in message::take(&mut said, &mut self.calls).unwrap_or_default() {
                self.part(part.block, events);
            }
        }
        let logprobs = line.take("logprobs").and_then(response::logprobs);
        events.extend(logprobs.map(|raw| Event::Logprobs {
            choice: 0,
            raw: raw.into_owned(),
        }));
        if line.flag("done").ok().flatten() == Some(true) {
            self.end(&mut line, events);
        }
    }

    /// The dialect has an end of its own: without it the answer is cut.
    fn finish(&mut self, _events: &mut Vec<Event>) {}

    fn cut(&mut self, events: &mut Vec<Event>) {
        self.done = true;
        self.close(events);
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

    fn part(&mut self, block: Block<'_>, events: &mut Vec<Event>) {
        match block {
            Block::Text { text, .. } => self.text(false, text.into_owned(), events),
            Block::Thinking { text, .. } => self.text(true, text.into_owned(), events),
            Block::ToolUse {
                id,
                name,
                arguments,
                custom,
            } => {
                self.called = true;
                let kind = BlockKind::ToolUse {
                    id: id.into_owned(),
                    name: name.into_owned(),
                    custom,
                };
                let arguments = Some(arguments.into_owned()).filter(|text| !text.is_empty());
                self.whole(kind, arguments.map(Delta::Arguments), events);
            }
            Block::Media(media) => {
                if let Source::Data { media_type, base64 } = media.source {
                    let kind = BlockKind::Image {
                        media_type: media_type.into_owned(),
                        base64: base64.into_owned(),
                    };
                    self.whole(kind, None, events);
                }
            }
            Block::RedactedThinking { .. }
            | Block::ToolResult { .. }
            | Block::Refusal(_)
            | Block::Foreign { .. } => {}
        }
    }

    fn begin(&mut self, kind: BlockKind, events: &mut Vec<Event>) -> u32 {
        self.close(events);
        let block = self.next_block;
        self.next_block = self.next_block.saturating_add(1);
        events.push(Event::Open {
            choice: 0,
            block,
            kind,
        });
        block
    }

    fn text(&mut self, thought: bool, text: String, events: &mut Vec<Event>) {
        let block = match self.open {
            Some((block, open)) if open == thought => block,
            _ => {
                let kind = if thought {
                    BlockKind::Thinking
                } else {
                    BlockKind::Text
                };
                let block = self.begin(kind, events);
                self.open = Some((block, thought));
                block
            }
        };
        events.push(Event::Delta {
            choice: 0,
            block,
            delta: Delta::Text(text),
        });
    }

    /// A block that is complete.
    fn whole(&mut self, kind: BlockKind, delta: Option<Delta>, events: &mut Vec<Event>) {
        let block = self.begin(kind, events);
        events.extend(delta.map(|delta| Event::Delta {
            choice: 0,
            block,
            delta,
        }));
        events.push(Event::Close { choice: 0, block });
    }

    fn close(&mut self, events: &mut Vec<Event>) {
        if let Some((block, _)) = self.open.take() {
            events.push(Event::Close { choice: 0, block });
        }
    }

    fn end(&mut self, line: &mut Object<'_>, events: &mut Vec<Event>) {
        self.close(events);
        self.done = true;
        events.extend(usage::take(line).map(Event::Usage));
        let word = line.text("done_reason").ok().flatten().unwrap_or_default();
        events.push(Event::Finish {
            choice: 0,
            reason: finish::read(&word, self.called),
            stop_sequence: None,
        });
        events.push(Event::End);
    }
}
