//! A stream for a caller.

use ferrogate_types::Usage;

use crate::ErrorBody;
use crate::anthropic::response::{is_hosted, write_citation, write_image, write_stop, write_tier};
use crate::anthropic::{error, usage};
use crate::chat::{BlockKind, Citation, Delta, Event, FinishReason, Sequencer};
use crate::protocol::{Caller, WriteStream};
use crate::{id, json};

/// Writes events: blocks one behind the other, counts and the reason of the end last, when they are known.
#[derive(Debug)]
pub(in crate::anthropic) struct Writer {
    sequencer: Sequencer,
    state: State,
}

#[derive(Debug)]
struct State {
    id: String,
    fallback: String,
    model: String,
    tier: Option<String>,
    usage: Usage,
    begun: bool,
    over: bool,
    next_index: u32,
    open: Option<Open>,
    calls: bool,
    refused: bool,
    finish: FinishReason,
    stop_sequence: Option<String>,
}

/// The block that is open.
#[derive(Debug)]
struct Open {
    index: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking { signed: bool },
    Call { custom: bool },
    Complete,
}

impl Writer {
    pub(in crate::anthropic) fn new(caller: &Caller<'_>) -> Self {
        Self {
            sequencer: Sequencer::default(),
            state: State {
                id: id::with_prefix("", "msg_", caller.id).into_owned(),
                fallback: caller.id.to_owned(),
                model: caller.model.to_owned(),
                tier: None,
                usage: Usage {
                    input: caller.input_estimate,
                    ..Usage::default()
                },
                begun: false,
                over: false,
                next_index: 0,
                open: None,
                calls: false,
                refused: false,
                finish: FinishReason::Stop,
                stop_sequence: None,
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
        self.sequencer.is_overfull()
    }
}

impl State {
    fn say(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start(start) => {
                self.id = id::with_prefix(&start.id, "msg_", &self.fallback).into_owned();
                self.tier.clone_from(&start.service_tier);
            }
            Event::Open { kind, .. } => self.open(kind, out),
            Event::Delta { delta, .. } => self.delta(delta, out),
            Event::Close { .. } => self.close(out),
            Event::Finish {
                reason,
                stop_sequence,
                ..
            } => {
                self.finish = reason.clone();
                self.stop_sequence.clone_from(stop_sequence);
            }
            // The dialect has none.
            Event::Logprobs { .. } => {}
            Event::Usage(usage) => self.usage = *usage,
            Event::KeepAlive => {
                self.begin(out);
                frame("ping", out, |_| {});
            }
            Event::Fault(fault) => {
                self.over = true;
                out.extend_from_slice(&error::frame(&ErrorBody {
                    message: &fault.message,
                    kind: fault.kind.as_deref().unwrap_or("server_error"),
                    param: fault.param.as_deref(),
                    code: fault.code.as_deref().unwrap_or_default(),
                    request_id: None,
                }));
            }
            Event::End => self.end(out),
        }
    }

    /// Says that the answer begins, as late as possible: a provider that counts first is then quoted.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        frame("message_start", out, |w| {
            w.key("message").open().text("id", &self.id);
            w.text("type", "message").text("role", "assistant");
            w.text("model", &self.model);
            w.key("content").open_list().close_list();
            w.key("stop_reason").literal("null");
            w.key("stop_sequence").literal("null");
            w.key("usage").open();
            usage::write_members(&self.usage, w);
            write_tier(self.tier.as_deref(), w);
            w.close().close();
        });
    }

    fn open(&mut self, kind: &BlockKind, out: &mut Vec<u8>) {
        self.close(out);
        self.begin(out);
        let state = match kind {
            BlockKind::Text | BlockKind::Refusal => Kind::Text,
            BlockKind::Thinking => Kind::Thinking { signed: false },
            BlockKind::ToolUse { custom, .. } => Kind::Call { custom: *custom },
            BlockKind::Foreign { kind, raw } if !is_hosted(kind, raw) => return,
            BlockKind::RedactedThinking { .. }
            | BlockKind::Image { .. }
            | BlockKind::Foreign { .. } => Kind::Complete,
        };
        self.refused |= matches!(kind, BlockKind::Refusal);
        self.calls |= matches!(kind, BlockKind::ToolUse { .. });
        let index = self.next_index;
        self.next_index += 1;
        self.open = Some(Open { index, kind: state });
        frame("content_block_start", out, |w| {
            w.member("index", &index).key("content_block");
            match kind {
                BlockKind::Text | BlockKind::Refusal => {
                    w.open().text("type", "text").text("text", "").close();
                }
                BlockKind::Thinking => {
                    w.open().text("type", "thinking").text("thinking", "");
                    w.text("signature", "").close();
                }
                BlockKind::RedactedThinking { data } => {
                    w.open().text("type", "redacted_thinking");
                    w.text("data", data).close();
                }
                BlockKind::ToolUse { id, name, .. } => {
                    w.open().text("type", "tool_use").text("id", id);
                    w.text("name", name).key("input").open().close().close();
                }
                BlockKind::Image { media_type, base64 } => write_image(media_type, base64, w),
                BlockKind::Foreign { raw, .. } => {
                    w.raw(raw);
                }
            }
        });
        if let BlockKind::ToolUse { custom: true, .. } = kind {
            self.piece(out, |w| {
                w.text("type", "input_json_delta");
                w.text("partial_json", "{\"input\":\"");
            });
        }
    }

    /// One delta of the open block.
    fn piece(&self, out: &mut Vec<u8>, delta: impl FnOnce(&mut json::Writer)) {
        if let Some(open) = &self.open {
            piece(open.index.into(), out, delta);
        }
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        let Some(kind) = self.open.as_ref().map(|open| open.kind) else {
            return;
        };
        match (kind, delta) {
            (Kind::Text, Delta::Text(text)) => self.piece(out, |w| {
                w.text("type", "text_delta").text("text", text);
            }),
            (Kind::Text, Delta::Citation(citation)) => self.cite(citation, out),
            (Kind::Thinking { .. }, Delta::Text(text)) => self.piece(out, |w| {
                w.text("type", "thinking_delta").text("thinking", text);
            }),
            (Kind::Thinking { .. }, Delta::Signature(signature)) => {
                self.signature(signature, out);
            }
            (Kind::Call { custom }, Delta::Arguments(piece)) => {
                let escaped = custom.then(|| escaped(piece));
                self.piece(out, |w| {
                    w.text("type", "input_json_delta");
                    w.text("partial_json", escaped.as_deref().unwrap_or(piece));
                });
            }
            _ => {}
        }
    }

    fn cite(&self, citation: &Citation<'_>, out: &mut Vec<u8>) {
        // Those of other dialects without a page say nothing here.
        let own = citation.raw.as_deref().is_some_and(is_location);
        if own || !citation.url.is_empty() {
            self.piece(out, |w| {
                w.text("type", "citations_delta").key("citation");
                write_citation(citation, own, w);
            });
        }
    }

    fn signature(&mut self, signature: &str, out: &mut Vec<u8>) {
        if let Some(open) = &mut self.open {
            open.kind = Kind::Thinking { signed: true };
        }
        if let Some(open) = &self.open {
            write_signature(open.index.into(), signature, out);
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if let Some(Kind::Call { custom: true }) = self.open.as_ref().map(|open| open.kind) {
            self.piece(out, |w| {
                w.text("type", "input_json_delta");
                w.text("partial_json", "\"}");
            });
        }
        if let Some(Open { index, kind }) = self.open.take() {
            write_close(index.into(), kind == Kind::Thinking { signed: false }, out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        self.begin(out);
        self.close(out);
        let word = match self.finish {
            FinishReason::Stop if self.refused => "refusal",
            ref reason => write_stop(reason, self.calls),
        };
        frame("message_delta", out, |w| {
            w.key("delta").open().text("stop_reason", word);
            match &self.stop_sequence {
                Some(sequence) => w.text("stop_sequence", sequence),
                None => w.key("stop_sequence").literal("null"),
            };
            w.close().key("usage").open();
            usage::write_members(&self.usage, w);
            w.close();
        });
        frame("message_stop", out, |_| {});
    }
}

/// Closes a block. Clients wait for a signature at the end of a thought: one that has none `signs` with nothing.
pub(super) fn write_close(index: u64, signs: bool, out: &mut Vec<u8>) {
    if signs {
        write_signature(index, "", out);
    }
    frame("content_block_stop", out, |w| {
        w.member("index", &index);
    });
}

fn write_signature(index: u64, signature: &str, out: &mut Vec<u8>) {
    piece(index, out, |w| {
        w.text("type", "signature_delta");
        w.text("signature", signature);
    });
}

/// One delta of a block.
fn piece(index: u64, out: &mut Vec<u8>, delta: impl FnOnce(&mut json::Writer)) {
    frame("content_block_delta", out, |w| {
        w.member("index", &index).key("delta").open();
        delta(w);
        w.close();
    });
}

/// One event.
fn frame(name: &str, out: &mut Vec<u8>, members: impl FnOnce(&mut json::Writer)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: {");
    let mut w = json::Writer::continuing(std::mem::take(out));
    w.text("type", name);
    members(&mut w);
    w.close();
    *out = w.into_bytes();
    out.extend_from_slice(b"\n\n");
}

/// Whether a citation is one of this dialect: its kinds all tell a location.
fn is_location(raw: &serde_json::value::RawValue) -> bool {
    json::Object::of(raw)
        .and_then(|mut object| object.text("type").ok()?)
        .is_some_and(|kind| kind.ends_with("_location"))
}

/// Text as it stands within quotes in JSON.
fn escaped(text: &str) -> String {
    let mut w = json::Writer::default();
    w.string(text);
    let quoted = w.into_text();
    let inner = quoted.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}
