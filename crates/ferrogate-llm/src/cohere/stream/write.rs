//! A stream for a caller.

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use crate::chat::{BlockKind, Citation, Delta, Event, FinishReason, Sequencer};
use crate::cohere::{citation, error, finish, logprobs, usage};
use crate::json;
use crate::protocol::{Caller, WriteStream};

/// Writes events, one block at a time. Why the answer ended is told with what it used, at the very end.
#[derive(Debug)]
pub(in crate::cohere) struct Writer {
    sequencer: Sequencer,
    state: State,
}

#[derive(Debug)]
struct State {
    id: String,
    begun: bool,
    open: Open,
    items: u64,
    calls: u64,
    citations: u64,
    /// Characters of text in the items before the open one, and in it.
    before: usize,
    within: usize,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    over: bool,
}

/// The block whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    None,
    Text,
    Thinking,
    Call { empty: bool },
}

impl Writer {
    pub(in crate::cohere) fn new(caller: &Caller<'_>) -> Self {
        Self {
            sequencer: Sequencer::default(),
            state: State {
                id: caller.id.to_owned(),
                begun: false,
                open: Open::None,
                items: 0,
                calls: 0,
                citations: 0,
                before: 0,
                within: 0,
                finish: None,
                usage: None,
                over: false,
            },
        }
    }
}

impl WriteStream for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        let state = &mut self.state;
        if !state.over {
            self.sequencer.pass(event, |event| state.say(event, out));
        }
    }
    fn is_overfull(&self) -> bool {
        self.sequencer.is_overfull()
    }
}

impl State {
    fn say(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Start(start) => {
                if !start.id.is_empty() {
                    self.id.clone_from(&start.id);
                }
                self.begin(out);
            }
            Event::Open { kind, .. } => self.open(kind, out),
            Event::Delta { delta, .. } => self.delta(delta, out),
            Event::Close { .. } => self.close(out),
            Event::Finish { reason, .. } => self.finish = Some(reason.clone()),
            Event::Logprobs { raw, .. } => self.logprobs(raw, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::KeepAlive => out.extend_from_slice(b": keep-alive\n\n"),
            Event::Fault(fault) => {
                out.extend_from_slice(&error::frame(&fault.message));
                self.over = true;
            }
            Event::End => self.end(out),
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        frame("message-start", None, out, |w| {
            w.text("id", &self.id)
                .key("delta")
                .open()
                .key("message")
                .open();
            w.text("role", "assistant");
            w.key("content")
                .open_list()
                .close_list()
                .text("tool_plan", "");
            w.key("tool_calls").open_list().close_list();
            w.key("citations").open_list().close_list().close().close();
        });
    }

    fn open(&mut self, kind: &BlockKind, out: &mut Vec<u8>) {
        self.begin(out);
        match kind {
            BlockKind::Text | BlockKind::Refusal => {
                self.open = Open::Text;
                self.within = 0;
                self.item("content-start", "text", "", out);
            }
            BlockKind::Thinking => {
                self.open = Open::Thinking;
                self.item("content-start", "thinking", "", out);
            }
            BlockKind::ToolUse { id, name, .. } => {
                self.open = Open::Call { empty: true };
                frame("tool-call-start", Some(self.calls), out, |w| {
                    w.key("delta")
                        .open()
                        .key("message")
                        .open()
                        .key("tool_calls")
                        .open();
                    w.text("id", id).text("type", "function");
                    w.key("function")
                        .open()
                        .text("name", name)
                        .text("arguments", "");
                    w.close().close().close().close();
                });
            }
            // Nothing in this dialect says it.
            BlockKind::RedactedThinking { .. }
            | BlockKind::Image { .. }
            | BlockKind::Foreign { .. } => self.open = Open::None,
        }
    }

    /// An event of an item of the content: its start tells what it is.
    fn item(&self, event: &str, kind: &str, text: &str, out: &mut Vec<u8>) {
        frame(event, Some(self.items), out, |w| {
            w.key("delta")
                .open()
                .key("message")
                .open()
                .key("content")
                .open();
            if event == "content-start" {
                w.text("type", kind);
            }
            w.text(kind, text).close().close().close();
        });
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        match (&mut self.open, delta) {
            (Open::Text, Delta::Text(text)) => {
                self.within += text.chars().count();
                self.item("content-delta", "text", text, out);
            }
            (Open::Thinking, Delta::Text(text)) => {
                self.item("content-delta", "thinking", text, out);
            }
            (Open::Call { empty }, Delta::Arguments(piece)) => {
                *empty = false;
                self.arguments(piece, out);
            }
            (Open::Text, Delta::Citation(citation)) => self.cite(citation, out),
            _ => {}
        }
    }

    fn arguments(&self, piece: &str, out: &mut Vec<u8>) {
        frame("tool-call-delta", Some(self.calls), out, |w| {
            w.key("delta")
                .open()
                .key("message")
                .open()
                .key("tool_calls")
                .open();
            w.key("function").open().text("arguments", piece);
            w.close().close().close().close();
        });
    }

    fn cite(&mut self, citation: &Citation<'_>, out: &mut Vec<u8>) {
        let number = self.citations;
        self.citations += 1;
        frame("citation-start", Some(number), out, |w| {
            w.key("delta").open().key("message").open().key("citations");
            citation::write(citation, self.items, self.before, number, w);
            w.close().close();
        });
        frame("citation-end", Some(number), out, |_| {});
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.open, Open::None) {
            Open::None => {}
            Open::Text | Open::Thinking => {
                frame("content-end", Some(self.items), out, |_| {});
                self.items += 1;
                self.before += std::mem::take(&mut self.within);
            }
            Open::Call { empty } => {
                // Clients parse the arguments; an empty text is no JSON.
                if empty {
                    self.arguments("{}", out);
                }
                frame("tool-call-end", Some(self.calls), out, |_| {});
                self.calls += 1;
            }
        }
    }

    fn logprobs(&mut self, raw: &RawValue, out: &mut Vec<u8>) {
        if self.open != Open::Text {
            return;
        }
        for raw in logprobs::items(raw) {
            frame("content-delta", Some(self.items), out, |w| {
                w.key("delta")
                    .open()
                    .key("message")
                    .open()
                    .key("content")
                    .open();
                w.text("text", "").close().close().close();
                w.key("logprobs");
                logprobs::item(raw, w);
            });
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        self.over = true;
        let finish = self.finish.as_ref().unwrap_or(&FinishReason::Stop);
        frame("message-end", None, out, |w| {
            w.text("id", &self.id).key("delta").open();
            w.text("finish_reason", finish::write(finish)).key("usage");
            usage::write(&self.usage.unwrap_or_default(), w);
            w.close();
        });
    }
}

/// The end of something numbered, in the provider's numbers.
pub(super) fn write_end(kind: &str, index: u64, out: &mut Vec<u8>) {
    frame(kind, Some(index), out, |_| {});
}

/// One event: its type, its number where it has one, and what it says.
fn frame(
    kind: &str,
    index: Option<u64>,
    out: &mut Vec<u8>,
    members: impl FnOnce(&mut json::Writer),
) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let mut w = json::Writer::behind(std::mem::take(out));
    w.open()
        .text("type", kind)
        .member_if("index", index.as_ref());
    members(&mut w);
    w.close();
    *out = w.into_bytes();
    out.extend_from_slice(b"\n\n");
}
