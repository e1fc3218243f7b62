//! A stream for a caller.

use ferrogate_types::Usage;

use crate::ErrorBody;
use crate::chat::{BlockKind, Delta, Event, FinishReason};
use crate::json;
use crate::openai_chat::response::{write_annotation, write_finish};
use crate::openai_chat::{error, usage};
use crate::protocol::{Caller, WriteStream};

/// Writes chunks: the role first, one finish for each choice, usage only where it was asked for, `[DONE]` only
/// behind a whole answer.
#[derive(Debug)]
pub(in crate::openai_chat) struct Writer {
    /// What every chunk begins with.
    head: String,
    id: String,
    model: String,
    created: u64,
    usage_asked: bool,
    usage: Option<Usage>,
    choices: Vec<Choice>,
}

#[derive(Debug, Default)]
struct Choice {
    begun: bool,
    /// The blocks that are open: number, what they are.
    open: Vec<(u32, Open)>,
    calls: u32,
    /// Entries of other lists so far: the official SDKs put lists of deltas together by `index` and refuse entries
    /// without one.
    thoughts: u32,
    citations: u32,
    images: u32,
    /// The signature of a thought belongs to it whole: one that became too long goes without.
    thought: String,
    thought_too_long: bool,
}

/// Bytes of a thought that are kept for its signature.
const MOST_THOUGHT: usize = 4 << 20;

#[derive(Debug)]
enum Open {
    Text,
    Thinking,
    Refusal,
    Call {
        index: u32,
        custom: bool,
        empty: bool,
    },
    Other,
}

impl Choice {
    fn keep_thought(&mut self, text: &str) {
        self.thought_too_long |= self.thought.len() + text.len() > MOST_THOUGHT;
        if self.thought_too_long {
            self.thought = String::new();
        } else {
            self.thought.push_str(text);
        }
    }
}

impl Writer {
    pub(in crate::openai_chat) fn new(caller: &Caller<'_>) -> Self {
        Self {
            head: String::new(),
            id: format!("chatcmpl-{}", caller.id),
            model: caller.model.to_owned(),
            created: caller.created,
            usage_asked: caller.usage_asked,
            usage: None,
            choices: Vec::new(),
        }
    }

    fn head(&mut self) {
        let mut w = json::Writer::default();
        w.open()
            .text("id", &self.id)
            .text("object", "chat.completion.chunk");
        w.member("created", &self.created)
            .text("model", &self.model);
        self.head = w.into_text();
    }

    fn choice(&mut self, choice: u32) -> &mut Choice {
        let index = usize::try_from(choice).unwrap_or_default().min(127);
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, Choice::default);
        }
        &mut self.choices[index]
    }

    /// One chunk of one choice.
    fn chunk(
        &mut self,
        choice: u32,
        finish: Option<&FinishReason>,
        delta: impl FnOnce(&mut json::Writer),
        out: &mut Vec<u8>,
    ) {
        if self.head.is_empty() {
            self.head();
        }
        let begun = std::mem::replace(&mut self.choice(choice).begun, true);
        if !begun {
            self.frame(
                choice,
                None,
                None,
                |w| {
                    w.text("role", "assistant").text("content", "");
                },
                out,
            );
        }
        self.frame(choice, finish, None, delta, out);
    }

    fn frame(
        &self,
        choice: u32,
        finish: Option<&FinishReason>,
        logprobs: Option<&serde_json::value::RawValue>,
        delta: impl FnOnce(&mut json::Writer),
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(self.head.as_bytes());
        let mut w = json::Writer::continuing(std::mem::take(out));
        w.key("choices").open_list().open().member("index", &choice);
        w.key("delta").open();
        delta(&mut w);
        w.close();
        w.raw_if("logprobs", logprobs);
        match finish {
            Some(finish) => w.text("finish_reason", write_finish(finish)),
            None => w.key("finish_reason").literal("null"),
        };
        w.close().close_list();
        if self.usage_asked {
            w.key("usage").literal("null");
        }
        w.close();
        *out = w.into_bytes();
        out.extend_from_slice(b"\n\n");
    }

    fn open(&mut self, choice: u32, block: u32, kind: &BlockKind, out: &mut Vec<u8>) {
        let state = self.choice(choice);
        let open = match kind {
            BlockKind::Text => Open::Text,
            BlockKind::Thinking => {
                state.thought.clear();
                state.thought_too_long = false;
                Open::Thinking
            }
            BlockKind::Refusal => Open::Refusal,
            BlockKind::ToolUse { custom, .. } => {
                let index = state.calls;
                state.calls += 1;
                Open::Call {
                    index,
                    custom: *custom,
                    empty: true,
                }
            }
            BlockKind::RedactedThinking { .. }
            | BlockKind::Image { .. }
            | BlockKind::Foreign { .. } => Open::Other,
        };
        let call = match &open {
            Open::Call { index, .. } => Some(*index),
            _ => None,
        };
        state.open.push((block, open));
        let (thought, image) = (state.thoughts, state.images);
        match kind {
            BlockKind::RedactedThinking { .. } => state.thoughts += 1,
            BlockKind::Image { .. } => state.images += 1,
            _ => {}
        }
        match kind {
            BlockKind::ToolUse { id, name, custom } => {
                let index = call.unwrap_or_default();
                self.chunk(
                    choice,
                    None,
                    |w| {
                        let (kind, member) = if *custom {
                            ("custom", "input")
                        } else {
                            ("function", "arguments")
                        };
                        w.key("tool_calls")
                            .open_list()
                            .open()
                            .member("index", &index);
                        w.text("id", id).text("type", kind);
                        w.key(kind)
                            .open()
                            .text("name", name)
                            .text(member, "")
                            .close();
                        w.close().close_list();
                    },
                    out,
                );
            }
            BlockKind::RedactedThinking { data } => self.chunk(
                choice,
                None,
                |w| {
                    w.key("thinking_blocks").open_list().open();
                    w.member("index", &thought);
                    w.text("type", "redacted_thinking").text("data", data);
                    w.close().close_list();
                },
                out,
            ),
            BlockKind::Image { media_type, base64 } => self.chunk(
                choice,
                None,
                |w| {
                    w.key("images").open_list().open();
                    w.member("index", &image).text("type", "image_url");
                    w.key("image_url")
                        .open()
                        .text_of("url", &["data:", media_type, ";base64,", base64]);
                    w.close().close().close_list();
                },
                out,
            ),
            _ => {}
        }
    }

    fn delta(&mut self, choice: u32, block: u32, delta: &Delta, out: &mut Vec<u8>) {
        let state = self.choice(choice);
        let Some((_, open)) = state.open.iter_mut().find(|(number, _)| *number == block) else {
            return;
        };
        match (open, delta) {
            (Open::Text, Delta::Text(text)) => self.chunk(
                choice,
                None,
                |w| {
                    w.text("content", text);
                },
                out,
            ),
            (Open::Thinking, Delta::Text(text)) => {
                state.keep_thought(text);
                self.chunk(
                    choice,
                    None,
                    |w| {
                        w.text("reasoning_content", text);
                    },
                    out,
                );
            }
            (Open::Refusal, Delta::Text(text)) => self.chunk(
                choice,
                None,
                |w| {
                    w.text("refusal", text);
                },
                out,
            ),
            (Open::Thinking, Delta::Signature(_)) if state.thought_too_long => {}
            (Open::Thinking, Delta::Signature(signature)) => {
                let thought = std::mem::take(&mut state.thought);
                let place = state.thoughts;
                state.thoughts += 1;
                self.chunk(
                    choice,
                    None,
                    |w| {
                        w.key("thinking_blocks").open_list().open();
                        w.member("index", &place)
                            .text("type", "thinking")
                            .text("thinking", &thought)
                            .text("signature", signature);
                        w.close().close_list();
                    },
                    out,
                );
            }
            (Open::Call { index, .. }, Delta::Signature(signature)) => {
                let index = *index;
                self.chunk(
                    choice,
                    None,
                    |w| {
                        w.key("tool_calls")
                            .open_list()
                            .open()
                            .member("index", &index);
                        w.key("extra_content").open().key("google").open();
                        w.text("thought_signature", signature).close().close();
                        w.close().close_list();
                    },
                    out,
                );
            }
            (
                Open::Call {
                    index,
                    custom,
                    empty,
                },
                Delta::Arguments(piece),
            ) => {
                *empty = false;
                let (index, custom) = (*index, *custom);
                self.arguments(choice, index, custom, piece, out);
            }
            (Open::Text, Delta::Citation(citation)) if !citation.url.is_empty() => {
                let place = state.citations;
                state.citations += 1;
                self.chunk(
                    choice,
                    None,
                    |w| {
                        w.key("annotations").open_list();
                        write_annotation(citation, Some(place), w);
                        w.close_list();
                    },
                    out,
                );
            }
            _ => {}
        }
    }

    fn arguments(&mut self, choice: u32, index: u32, custom: bool, piece: &str, out: &mut Vec<u8>) {
        let (kind, member) = if custom {
            ("custom", "input")
        } else {
            ("function", "arguments")
        };
        self.chunk(
            choice,
            None,
            |w| {
                w.key("tool_calls")
                    .open_list()
                    .open()
                    .member("index", &index);
                w.key(kind).open().text(member, piece).close();
                w.close().close_list();
            },
            out,
        );
    }

    fn close(&mut self, choice: u32, block: u32, out: &mut Vec<u8>) {
        let state = self.choice(choice);
        let Some(at) = state.open.iter().position(|(number, _)| *number == block) else {
            return;
        };
        let (_, open) = state.open.remove(at);
        // Clients parse the arguments; an empty text is no JSON.
        if let Open::Call {
            index,
            custom: false,
            empty: true,
        } = open
        {
            self.arguments(choice, index, false, "{}", out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.usage_asked {
            if self.head.is_empty() {
                self.head();
            }
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(self.head.as_bytes());
            let mut w = json::Writer::continuing(std::mem::take(out));
            w.key("choices").open_list().close_list().key("usage");
            usage::write(&self.usage.unwrap_or_default(), &mut w);
            w.close();
            *out = w.into_bytes();
            out.extend_from_slice(b"\n\n");
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
                self.head();
            }
            Event::Open {
                choice,
                block,
                kind,
            } => self.open(*choice, *block, kind, out),
            Event::Delta {
                choice,
                block,
                delta,
            } => self.delta(*choice, *block, delta, out),
            Event::Close { choice, block } => self.close(*choice, *block, out),
            Event::Finish { choice, reason, .. } => self.chunk(*choice, Some(reason), |_| {}, out),
            Event::Logprobs { choice, raw } => {
                if self.head.is_empty() {
                    self.head();
                }
                self.frame(*choice, None, Some(raw), |_| {}, out);
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
        }
    }
}
