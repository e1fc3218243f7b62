//! A stream for a caller.

use ferrogate_types::Usage;

use crate::chat::{BlockKind, Delta, Event, FinishReason, Sequencer};
use crate::converse::response::write_finish;
use crate::converse::{content, error, usage};
use crate::encode_message;
use crate::json;
use crate::protocol::{Caller, WriteStream};

/// Writes events: one block at a time, `messageStop` when the answer ends, `metadata` with the usage when all does.
#[derive(Debug)]
pub(in crate::converse) struct Writer {
    sequencer: Sequencer,
    blocks: Blocks,
}

#[derive(Debug)]
struct Blocks {
    /// For the ids of calls that have none.
    id: String,
    started: bool,
    stopped: bool,
    /// The number of the block that is written, or comes next.
    index: u32,
    open: Open,
    usage: Usage,
}

/// The block that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    None,
    /// A text, and whether any of it was written.
    Text {
        begun: bool,
    },
    /// A thought, likewise.
    Thinking {
        begun: bool,
    },
    Call {
        custom: bool,
        begun: bool,
    },
    /// Nothing to write.
    Hidden,
}

impl Writer {
    pub(in crate::converse) fn new(caller: &Caller<'_>) -> Self {
        Self {
            sequencer: Sequencer::default(),
            blocks: Blocks {
                id: caller.id.to_owned(),
                started: false,
                stopped: false,
                index: 0,
                open: Open::None,
                usage: Usage::default(),
            },
        }
    }
}

impl WriteStream for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        let blocks = &mut self.blocks;
        self.sequencer.pass(event, |event| blocks.write(event, out));
    }
    fn is_overfull(&self) -> bool {
        self.sequencer.is_overfull()
    }
}

/// A block is over.
pub(super) fn write_stop(index: u64, out: &mut Vec<u8>) {
    frame(
        "contentBlockStop",
        |w| {
            w.member("contentBlockIndex", &index);
        },
        out,
    );
}

/// Appends one event with what `payload` writes into its object.
fn frame(name: &str, payload: impl FnOnce(&mut json::Writer), out: &mut Vec<u8>) {
    let mut w = json::Writer::default();
    w.open();
    payload(&mut w);
    w.close();
    out.extend_from_slice(&encode_message(name, &w.into_bytes()));
}

impl Blocks {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Start(_) => self.start(out),
            Event::Open { kind, .. } => self.open(kind, out),
            Event::Delta { delta, .. } => self.delta(delta, out),
            Event::Close { .. } => self.close(out),
            Event::Finish { reason, .. } => self.finish(reason, out),
            Event::Usage(usage) => self.usage = *usage,
            Event::Fault(fault) => {
                let kind = fault.kind.as_deref().unwrap_or_default();
                let code = fault.code.as_deref().unwrap_or("upstream_error");
                out.extend_from_slice(&error::exception(kind, code, &fault.message));
            }
            Event::End => self.end(out),
            // Event streams have no comments, and Converse has no such numbers.
            Event::KeepAlive | Event::Logprobs { .. } => {}
        }
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.started, true) {
            frame(
                "messageStart",
                |w| {
                    w.text("role", "assistant");
                },
                out,
            );
        }
    }

    fn open(&mut self, kind: &BlockKind, out: &mut Vec<u8>) {
        self.start(out);
        let index = self.index;
        self.open = match kind {
            BlockKind::Text | BlockKind::Refusal => Open::Text { begun: false },
            BlockKind::Thinking => Open::Thinking { begun: false },
            BlockKind::ToolUse { id, name, custom } => {
                let made;
                let id = if id.is_empty() {
                    made = format!("tooluse_{}_{index}", self.id);
                    &made
                } else {
                    id
                };
                self.announce(
                    |w| {
                        w.key("toolUse").open();
                        w.text("toolUseId", id).text("name", name).close();
                    },
                    out,
                );
                Open::Call {
                    custom: *custom,
                    begun: false,
                }
            }
            BlockKind::RedactedThinking { data } => {
                let mut inner = json::Writer::default();
                inner.open();
                if content::redacted(data, &mut inner) {
                    inner.close();
                    let inner = inner.into_text();
                    self.added(
                        "reasoningContent",
                        |w| {
                            w.literal(&inner);
                        },
                        out,
                    );
                    self.stop(out);
                }
                Open::Hidden
            }
            BlockKind::Image { media_type, base64 } => {
                self.image(media_type, base64, out);
                Open::Hidden
            }
            BlockKind::Foreign { .. } => Open::Hidden,
        };
    }

    fn image(&mut self, media_type: &str, base64: &str, out: &mut Vec<u8>) {
        let format = media_type.strip_prefix("image/").unwrap_or(media_type);
        self.announce(
            |w| {
                w.key("image").open().text("format", format).close();
            },
            out,
        );
        self.added(
            "image",
            |w| {
                w.open().key("source").open().text("bytes", base64);
                w.close().close();
            },
            out,
        );
        self.stop(out);
    }

    /// Calls and pictures are announced; text and thoughts are not.
    fn announce(&self, start: impl FnOnce(&mut json::Writer), out: &mut Vec<u8>) {
        frame(
            "contentBlockStart",
            |w| {
                w.member("contentBlockIndex", &self.index);
                w.key("start").open();
                start(w);
                w.close();
            },
            out,
        );
    }

    /// A delta of one member.
    fn added(&self, member: &str, value: impl FnOnce(&mut json::Writer), out: &mut Vec<u8>) {
        frame(
            "contentBlockDelta",
            |w| {
                w.member("contentBlockIndex", &self.index);
                w.key("delta").open().key(member);
                value(w);
                w.close();
            },
            out,
        );
    }

    /// A delta of one member that is an object with one text.
    fn added_text(&self, member: &str, inner: &str, text: &str, out: &mut Vec<u8>) {
        self.added(
            member,
            |w| {
                w.open().text(inner, text).close();
            },
            out,
        );
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        write_stop(self.index.into(), out);
        self.index = self.index.saturating_add(1);
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        match (self.open, delta) {
            (Open::Text { .. }, Delta::Text(text)) => {
                self.open = Open::Text { begun: true };
                self.added(
                    "text",
                    |w| {
                        w.string(text);
                    },
                    out,
                );
            }
            (Open::Text { .. }, Delta::Citation(citation)) => {
                self.open = Open::Text { begun: true };
                // What came from Bedrock has its shape, what came from elsewhere has a URL.
                self.added(
                    "citation",
                    |w| content::write_citation(citation, false, w),
                    out,
                );
            }
            (Open::Thinking { .. }, Delta::Text(text)) => {
                self.open = Open::Thinking { begun: true };
                self.added_text("reasoningContent", "text", text, out);
            }
            (Open::Thinking { .. }, Delta::Signature(signature)) => {
                self.open = Open::Thinking { begun: true };
                self.added_text("reasoningContent", "signature", signature, out);
            }
            (Open::Call { custom, begun }, Delta::Arguments(piece)) => {
                self.open = Open::Call {
                    custom,
                    begun: true,
                };
                if custom {
                    // Input is an object: the text of a custom tool becomes its only member.
                    let head = if begun { "" } else { "{\"input\":\"" };
                    let piece = format!("{head}{}", escaped(piece));
                    self.added_text("toolUse", "input", &piece, out);
                } else {
                    self.added_text("toolUse", "input", piece, out);
                }
            }
            // Marks of other vendors on calls and texts.
            _ => {}
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let rest = match self.open {
            Open::Call {
                custom: true,
                begun: true,
            } => Some("\"}"),
            Open::Call {
                custom: true,
                begun: false,
            } => Some("{\"input\":\"\"}"),
            // Clients parse the input; an empty text is no JSON.
            Open::Call {
                custom: false,
                begun: false,
            } => Some("{}"),
            _ => None,
        };
        if let Some(rest) = rest {
            self.added_text("toolUse", "input", rest, out);
        }
        let written = match self.open {
            Open::Text { begun } | Open::Thinking { begun } => begun,
            Open::Call { .. } => true,
            Open::None | Open::Hidden => false,
        };
        if written {
            self.stop(out);
        }
        self.open = Open::None;
    }

    fn finish(&mut self, reason: &FinishReason, out: &mut Vec<u8>) {
        self.start(out);
        if !std::mem::replace(&mut self.stopped, true) {
            frame(
                "messageStop",
                |w| {
                    w.text("stopReason", write_finish(reason));
                },
                out,
            );
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.finish(&FinishReason::Stop, out);
        frame(
            "metadata",
            |w| {
                w.key("usage");
                usage::write(&self.usage, w);
                // Typed SDKs require it; the time is the provider's to know, and it does not tell.
                w.key("metrics").open().member("latencyMs", &0).close();
            },
            out,
        );
    }
}

/// Text as it stands within the quotes of a JSON string.
fn escaped(text: &str) -> String {
    let mut w = json::Writer::default();
    w.string(text);
    let quoted = w.into_text();
    let inner = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}
