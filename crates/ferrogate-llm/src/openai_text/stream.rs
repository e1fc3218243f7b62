//! Streams.

use ferrogate_types::Usage;

use super::logprobs;
use super::response::{read_finish, write_finish};
use crate::chat::{BlockKind, Delta, Event, FinishReason, Start};
use crate::json::{self, Object};
use crate::openai_chat::{error, usage};
use crate::protocol::{Caller, Packet, ReadStream, WriteStream};
use crate::{ErrorBody, UpstreamFault};

/// Answers told apart; a provider that makes up more cannot fill the memory with them.
const MOST_CHOICES: usize = 128;

/// Reads chunks.
#[derive(Debug, Default)]
pub(super) struct Reader {
    started: bool,
    /// What each answer has come to.
    choices: Vec<State>,
    done: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Unseen,
    Open,
    Finished,
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
        let fault = UpstreamFault::in_answer(packet.data);
        let chunk = Object::parse(packet.data);
        let (None, Ok(mut chunk)) = (&fault, chunk) else {
            self.done = true;
            events.push(Event::Fault(fault.unwrap_or_else(UpstreamFault::junk)));
            return;
        };
        if !std::mem::replace(&mut self.started, true) {
            let text = |value: Option<std::borrow::Cow<'_, str>>| value.unwrap_or_default().into();
            events.push(Event::Start(Start {
                id: text(chunk.text("id").ok().flatten()),
                model: text(chunk.text("model").ok().flatten()),
                created: chunk.unsigned("created").ok().flatten(),
                service_tier: None,
            }));
        }
        let choices = chunk.array("choices").ok().flatten().unwrap_or_default();
        for mut choice in choices.into_iter().filter_map(Object::of) {
            self.choice(&mut choice, events);
        }
        events.extend(chunk.take("usage").and_then(usage::read).map(Event::Usage));
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        let all = self.choices.iter().all(|state| *state == State::Finished);
        if !self.done && !self.choices.is_empty() && all {
            self.end(events);
        }
    }

    fn cut(&mut self, events: &mut Vec<Event>) {
        if self.choices.is_empty() {
            self.choices.push(State::Unseen);
        }
        self.ended(&FinishReason::Length, events);
    }
}

impl Reader {
    fn choice(&mut self, choice: &mut Object<'_>, events: &mut Vec<Event>) {
        let index = choice.unsigned("index").ok().flatten().unwrap_or_default();
        let place = usize::try_from(index).unwrap_or(MOST_CHOICES);
        let (Ok(number), true) = (u32::try_from(index), place < MOST_CHOICES) else {
            return;
        };
        if self.choices.len() <= place {
            self.choices.resize(place + 1, State::Unseen);
        }
        let text = choice.text("text").ok().flatten().unwrap_or_default();
        if !text.is_empty() && self.choices[place] != State::Finished {
            self.open(place, number, events);
            events.push(Event::Delta {
                choice: number,
                block: 0,
                delta: Delta::Text(text.into_owned()),
            });
        }
        if let Some(word) = choice.text("finish_reason").ok().flatten() {
            self.close(place, number, read_finish(&word), events);
        }
    }

    fn open(&mut self, place: usize, choice: u32, events: &mut Vec<Event>) {
        if self.choices[place] == State::Unseen {
            self.choices[place] = State::Open;
            events.push(Event::Open {
                choice,
                block: 0,
                kind: BlockKind::Text,
            });
        }
    }

    fn close(&mut self, place: usize, choice: u32, reason: FinishReason, events: &mut Vec<Event>) {
        match std::mem::replace(&mut self.choices[place], State::Finished) {
            State::Finished => return,
            State::Open => events.push(Event::Close { choice, block: 0 }),
            State::Unseen => {}
        }
        events.push(Event::Finish {
            choice,
            reason,
            stop_sequence: None,
        });
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        self.ended(&FinishReason::Stop, events);
        events.push(Event::End);
    }

    /// All is over, for this reason where none was told.
    fn ended(&mut self, untold: &FinishReason, events: &mut Vec<Event>) {
        self.done = true;
        for place in 0..self.choices.len() {
            let choice = u32::try_from(place).unwrap_or_default();
            self.close(place, choice, untold.clone(), events);
        }
    }
}

/// Writes chunks: usage only where it was asked for, `[DONE]` only behind a whole answer.
#[derive(Debug)]
pub(super) struct Writer {
    id: String,
    model: String,
    created: u64,
    usage_asked: bool,
    usage: Option<Usage>,
    /// Blocks that are text: choice, number.
    texts: Vec<(u32, u32)>,
    /// Where each answer's next token begins, in characters.
    offsets: Vec<usize>,
}

impl Writer {
    pub(super) fn new(caller: &Caller<'_>) -> Self {
        Self {
            id: format!("cmpl-{}", caller.id),
            model: caller.model.to_owned(),
            created: caller.created,
            usage_asked: caller.usage_asked,
            usage: None,
            texts: Vec::new(),
            offsets: Vec::new(),
        }
    }

    fn chunk(&self, out: &mut Vec<u8>, rest: impl FnOnce(&mut json::Writer)) {
        let mut w = json::Writer::default();
        w.open()
            .text("id", &self.id)
            .text("object", "text_completion");
        w.member("created", &self.created)
            .text("model", &self.model);
        rest(&mut w);
        w.close();
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&w.into_bytes());
        out.extend_from_slice(b"\n\n");
    }

    fn choice(
        &mut self,
        choice: u32,
        text: &str,
        logprobs: Option<&serde_json::value::RawValue>,
        finish: Option<&FinishReason>,
        out: &mut Vec<u8>,
    ) {
        let place = usize::try_from(choice)
            .unwrap_or_default()
            .min(MOST_CHOICES - 1);
        if self.offsets.len() <= place {
            self.offsets.resize(place + 1, 0);
        }
        let mut offset = self.offsets[place];
        let usage_asked = self.usage_asked;
        self.chunk(out, |w| {
            w.key("choices").open_list().open();
            w.text("text", text)
                .member("index", &choice)
                .key("logprobs");
            match logprobs {
                Some(raw) => logprobs::write(raw, &mut offset, w),
                None => {
                    w.literal("null");
                }
            }
            match finish {
                Some(finish) => w.text("finish_reason", write_finish(finish)),
                None => w.key("finish_reason").literal("null"),
            };
            w.close().close_list();
            if usage_asked {
                w.key("usage").literal("null");
            }
        });
        self.offsets[place] = offset;
    }

    fn end(&self, out: &mut Vec<u8>) {
        if self.usage_asked {
            let usage = self.usage.unwrap_or_default();
            self.chunk(out, |w| {
                w.key("choices").open_list().close_list().key("usage");
                usage::write(&usage, w);
            });
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

impl WriteStream for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Start(start) => {
                if !start.id.is_empty() {
                    self.id.clone_from(&start.id);
                }
                self.created = start.created.unwrap_or(self.created);
            }
            Event::Open {
                choice,
                block,
                kind: BlockKind::Text | BlockKind::Refusal,
            } => self.texts.push((*choice, *block)),
            Event::Delta {
                choice,
                block,
                delta: Delta::Text(text),
            } if self.texts.contains(&(*choice, *block)) => {
                self.choice(*choice, text, None, None, out);
            }
            Event::Close { choice, block } => {
                self.texts.retain(|text| *text != (*choice, *block));
            }
            Event::Logprobs { choice, raw } => self.choice(*choice, "", Some(raw), None, out),
            Event::Finish { choice, reason, .. } => {
                self.choice(*choice, "", None, Some(reason), out);
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::KeepAlive => out.extend_from_slice(b": keep-alive\n\n"),
            Event::Fault(fault) => {
                let error = ErrorBody {
                    message: &fault.message,
                    kind: fault.kind.as_deref().unwrap_or("server_error"),
                    param: fault.param.as_deref(),
                    code: fault.code.as_deref().unwrap_or("upstream_error"),
                    request_id: None,
                };
                out.extend_from_slice(&error::frame(&error));
            }
            Event::End => self.end(out),
            Event::Open { .. } | Event::Delta { .. } => {}
        }
    }
}
