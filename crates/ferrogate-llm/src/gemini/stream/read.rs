//! A provider's stream.

use crate::UpstreamFault;
use crate::chat::calls::Calls;
use crate::chat::{
    Block, BlockKind, Citation, Delta, Event, FinishReason, MediaKind, Part, Source,
};
use crate::gemini::response::{Grounding, Native, fault, read_finish, start_of};
use crate::gemini::{logprobs, part, usage};
use crate::json::{self, Object};
use crate::protocol::{Packet, ReadStream};

/// Reads partial answers. Each has the new parts only; usage is the whole so far. There is no event for the end: the
/// stream is whole when every answer has its reason.
#[derive(Debug, Default)]
pub(in crate::gemini) struct Reader {
    started: bool,
    id: String,
    choices: Vec<State>,
    blocked: bool,
    done: bool,
}

/// Answers told apart; a provider that makes up more cannot fill the memory with them.
const MOST_CHOICES: usize = 128;

#[derive(Debug)]
struct State {
    next_block: u32,
    /// The block that is text or thoughts and still open.
    open: Option<(u32, bool)>,
    calls: Calls,
    called: bool,
    grounding: Grounding,
    finished: bool,
}

impl ReadStream for Reader {
    fn read(&mut self, packet: Packet<'_>, events: &mut Vec<Event>) {
        if self.done {
            return;
        }
        if let Some(fault) = fault(packet.data) {
            self.fault(fault, events);
            return;
        }
        let Ok(mut chunk) = Object::parse(packet.data) else {
            self.fault(UpstreamFault::junk(), events);
            return;
        };
        if !std::mem::replace(&mut self.started, true) {
            let start = start_of(&mut chunk);
            self.id.clone_from(&start.id);
            events.push(Event::Start(start));
        }
        events.extend(
            chunk
                .take("usageMetadata")
                .and_then(usage::read)
                .map(Event::Usage),
        );
        for raw in chunk.array("candidates").ok().flatten().unwrap_or_default() {
            if let Some(candidate) = Object::of(raw)
                && let Err(fault) = self.candidate(candidate, events)
            {
                self.fault(fault, events);
                return;
            }
        }
        let feedback = chunk.object("promptFeedback").ok().flatten();
        let refused = feedback.is_some_and(|feedback| feedback.peek("blockReason").is_some());
        if refused && self.choices.is_empty() && !std::mem::replace(&mut self.blocked, true) {
            events.push(Event::Finish {
                choice: 0,
                reason: FinishReason::ContentFilter,
                stop_sequence: None,
            });
        }
    }

    fn finish(&mut self, events: &mut Vec<Event>) {
        let whole = if self.choices.is_empty() {
            self.blocked
        } else {
            self.choices.iter().all(|choice| choice.finished)
        };
        if whole && !std::mem::replace(&mut self.done, true) {
            events.push(Event::End);
        }
    }

    fn cut(&mut self, events: &mut Vec<Event>) {
        self.done = true;
        if self.choices.is_empty() && !self.blocked {
            self.choices.push(State::new(&self.id));
        }
        for (choice, state) in (0..).zip(&mut self.choices) {
            if !std::mem::replace(&mut state.finished, true) {
                state.close(choice, events);
                events.push(Event::Finish {
                    choice,
                    reason: FinishReason::Length,
                    stop_sequence: None,
                });
            }
        }
    }
}

impl Reader {
    fn fault(&mut self, fault: UpstreamFault, events: &mut Vec<Event>) {
        self.done = true;
        events.push(Event::Fault(fault));
    }

    fn candidate(
        &mut self,
        mut candidate: Object<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), UpstreamFault> {
        let index = candidate
            .unsigned("index")
            .ok()
            .flatten()
            .unwrap_or_default();
        let Some(index) = usize::try_from(index)
            .ok()
            .filter(|index| *index < MOST_CHOICES)
        else {
            return Ok(());
        };
        while self.choices.len() <= index {
            self.choices.push(State::new(&self.id));
        }
        let number = u32::try_from(index).unwrap_or_default();
        let state = &mut self.choices[index];
        if state.finished {
            return Ok(());
        }
        if let Ok(Some(mut content)) = candidate.object("content") {
            for raw in content.array("parts").ok().flatten().unwrap_or_default() {
                match part::read(raw, &mut state.calls) {
                    Ok(part) => state.part(number, part, raw, events),
                    Err(_) => state.grounding.part(None),
                }
            }
        }
        let citations = state.grounding.read(&candidate);
        state.cite(number, citations, events);
        if let Some(raw) = candidate.take("logprobsResult").and_then(logprobs::read) {
            events.push(Event::Logprobs {
                choice: number,
                raw: raw.into_owned(),
            });
        }
        let word = candidate.peek("finishReason").and_then(json::text);
        let Some(word) = word.filter(|word| !word.is_empty()) else {
            return Ok(());
        };
        let reason = match read_finish(&word, state.called) {
            Native::Ended(reason) => reason,
            Native::Failed if state.next_block == 0 => {
                let message = candidate.text("finishMessage").ok().flatten();
                return Err(UpstreamFault {
                    kind: Some("server_error".to_owned()),
                    code: Some(word.to_ascii_lowercase()),
                    ..UpstreamFault::because(message.map_or_else(
                        || format!("the model's answer could not be read: {word}"),
                        Into::into,
                    ))
                });
            }
            Native::Failed => FinishReason::Other(word.into_owned()),
        };
        state.close(number, events);
        state.finished = true;
        events.push(Event::Finish {
            choice: number,
            reason,
            stop_sequence: None,
        });
        Ok(())
    }
}

impl State {
    fn new(id: &str) -> Self {
        Self {
            next_block: 0,
            open: None,
            calls: Calls::of_answer(id),
            called: false,
            grounding: Grounding::default(),
            finished: false,
        }
    }

    fn part(
        &mut self,
        choice: u32,
        part: Part<'_>,
        raw: &serde_json::value::RawValue,
        events: &mut Vec<Event>,
    ) {
        let seen = match &part.block {
            Block::Text { text, .. } => Some(text.as_ref()),
            _ => None,
        };
        self.grounding.part(seen);
        match part.block {
            Block::Text { text, .. } => {
                self.text(choice, false, text.into_owned(), events);
                self.mark(choice, part.signature.map(Into::into), events);
            }
            Block::Thinking { text, signature } => {
                self.text(choice, true, text.into_owned(), events);
                self.mark(choice, signature.map(Into::into), events);
            }
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
                let signature = part
                    .signature
                    .map(|signature| Delta::Signature(signature.into()));
                let arguments = Some(arguments).filter(|text| !text.is_empty());
                let arguments = arguments.map(|text| Delta::Arguments(text.into()));
                self.whole(choice, kind, signature.into_iter().chain(arguments), events);
            }
            Block::Media(media) if media.kind == MediaKind::Image => {
                if let Source::Data { media_type, base64 } = media.source {
                    let kind = BlockKind::Image {
                        media_type: media_type.into_owned(),
                        base64: base64.into_owned(),
                    };
                    self.whole(choice, kind, None, events);
                }
            }
            block => {
                let kind = match block {
                    Block::Foreign { kind, .. } => kind.into_owned(),
                    Block::Media(_) => "inlineData".to_owned(),
                    _ => "functionResponse".to_owned(),
                };
                let raw = raw.to_owned();
                self.whole(choice, BlockKind::Foreign { kind, raw }, None, events);
            }
        }
    }

    fn take_block(&mut self) -> u32 {
        let block = self.next_block;
        self.next_block = self.next_block.saturating_add(1);
        block
    }

    fn text(&mut self, choice: u32, thought: bool, text: String, events: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        let block = self.open(choice, thought, events);
        events.push(Event::Delta {
            choice,
            block,
            delta: Delta::Text(text),
        });
    }

    /// The open block of that kind; another one is closed and a new one opened.
    fn open(&mut self, choice: u32, thought: bool, events: &mut Vec<Event>) -> u32 {
        if let Some((block, open)) = self.open
            && open == thought
        {
            return block;
        }
        self.close(choice, events);
        let block = self.take_block();
        self.open = Some((block, thought));
        let kind = if thought {
            BlockKind::Thinking
        } else {
            BlockKind::Text
        };
        events.push(Event::Open {
            choice,
            block,
            kind,
        });
        block
    }

    /// A mark belongs to the words before it; behind anything else it need not come back.
    fn mark(&mut self, choice: u32, signature: Option<String>, events: &mut Vec<Event>) {
        if let (Some(signature), Some((block, _))) = (signature, self.open) {
            events.push(Event::Delta {
                choice,
                block,
                delta: Delta::Signature(signature),
            });
        }
    }

    fn cite(&mut self, choice: u32, citations: Vec<Citation<'_>>, events: &mut Vec<Event>) {
        if citations.is_empty() {
            return;
        }
        let block = self.open(choice, false, events);
        for citation in citations {
            let citation = Citation {
                url: citation.url.into_owned().into(),
                title: citation.title.into_owned().into(),
                cited_text: citation.cited_text.into_owned().into(),
                span: citation.span,
                raw: None,
            };
            events.push(Event::Delta {
                choice,
                block,
                delta: Delta::Citation(Box::new(citation)),
            });
        }
    }

    /// A block that is complete.
    fn whole(
        &mut self,
        choice: u32,
        kind: BlockKind,
        deltas: impl IntoIterator<Item = Delta>,
        events: &mut Vec<Event>,
    ) {
        self.close(choice, events);
        let block = self.take_block();
        events.push(Event::Open {
            choice,
            block,
            kind,
        });
        events.extend(deltas.into_iter().map(|delta| Event::Delta {
            choice,
            block,
            delta,
        }));
        events.push(Event::Close { choice, block });
    }

    fn close(&mut self, choice: u32, events: &mut Vec<Event>) {
        if let Some((block, _)) = self.open.take() {
            events.push(Event::Close { choice, block });
        }
    }
}
