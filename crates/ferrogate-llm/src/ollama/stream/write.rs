//! A stream for a caller.

use ferrogate_types::Usage;

use crate::chat::{BlockKind, Delta, Event, FinishReason};
use crate::json;
use crate::ollama::message::write_call;
use crate::ollama::response::{head, write_logprobs};
use crate::ollama::{error, finish, usage};
use crate::protocol::{Caller, WriteStream};

/// Writes lines. A call is written whole; why the answer ended and what it used is the last line. The dialect has one
/// answer: others are left out.
#[derive(Debug)]
pub(in crate::ollama) struct Writer {
    model: String,
    created: u64,
    open: Vec<(u32, Open)>,
    /// Bytes of calls held back.
    held: usize,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    over: bool,
}

/// Bytes of calls held back until they are whole; more is an error.
const MOST_HELD: usize = 16 << 20;

#[derive(Debug)]
enum Open {
    Text,
    Thinking,
    Call {
        id: String,
        name: String,
        custom: bool,
        arguments: String,
    },
    Other,
}

impl Writer {
    pub(in crate::ollama) fn new(caller: &Caller<'_>) -> Self {
        Self {
            model: caller.model.to_owned(),
            created: caller.created,
            open: Vec::new(),
            held: 0,
            finish: None,
            usage: None,
            over: false,
        }
    }

    /// One line, not the last.
    fn line(&self, out: &mut Vec<u8>, content: &str, message: impl FnOnce(&mut json::Writer)) {
        let mut w = json::Writer::behind(std::mem::take(out));
        head(&self.model, self.created, &mut w);
        w.key("message")
            .open()
            .text("role", "assistant")
            .text("content", content);
        message(&mut w);
        w.close().member("done", &false).close();
        *out = w.into_bytes();
        out.push(b'\n');
    }

    fn open(&mut self, block: u32, kind: &BlockKind, out: &mut Vec<u8>) {
        let open = match kind {
            BlockKind::Text | BlockKind::Refusal => Open::Text,
            BlockKind::Thinking => Open::Thinking,
            BlockKind::ToolUse { id, name, custom } => Open::Call {
                id: id.clone(),
                name: name.clone(),
                custom: *custom,
                arguments: String::new(),
            },
            BlockKind::Image { base64, .. } => {
                self.line(out, "", |w| {
                    w.member("images", &[base64]);
                });
                Open::Other
            }
            // Nothing in this dialect says it.
            BlockKind::RedactedThinking { .. } | BlockKind::Foreign { .. } => Open::Other,
        };
        self.open.push((block, open));
    }

    fn delta(&mut self, block: u32, delta: &Delta, out: &mut Vec<u8>) {
        let held = self.held;
        let Some((_, open)) = self.open.iter_mut().find(|(number, _)| *number == block) else {
            return;
        };
        match (open, delta) {
            (Open::Text, Delta::Text(text)) => self.line(out, text, |_| {}),
            (Open::Thinking, Delta::Text(text)) => self.line(out, "", |w| {
                w.text("thinking", text);
            }),
            (Open::Call { .. }, Delta::Arguments(piece)) if held + piece.len() > MOST_HELD => {
                let message = "the arguments of the calls are larger than this gateway holds back";
                out.extend_from_slice(&error::line(message));
                self.over = true;
            }
            (Open::Call { arguments, .. }, Delta::Arguments(piece)) => {
                arguments.push_str(piece);
                self.held += piece.len();
            }
            _ => {}
        }
    }

    fn close(&mut self, block: u32, out: &mut Vec<u8>) {
        let Some(at) = self.open.iter().position(|(number, _)| *number == block) else {
            return;
        };
        if let (
            _,
            Open::Call {
                id,
                name,
                custom,
                arguments,
            },
        ) = self.open.remove(at)
        {
            self.held = self.held.saturating_sub(arguments.len());
            self.line(out, "", |w| {
                w.key("tool_calls").open_list();
                write_call(&id, &name, &arguments, custom, None, w);
                w.close_list();
            });
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        let finish = self.finish.as_ref().unwrap_or(&FinishReason::Stop);
        let mut w = json::Writer::behind(std::mem::take(out));
        head(&self.model, self.created, &mut w);
        w.key("message")
            .open()
            .text("role", "assistant")
            .text("content", "")
            .close();
        w.member("done", &true)
            .text("done_reason", finish::write(finish));
        usage::write(&self.usage.unwrap_or_default(), &mut w);
        w.close();
        *out = w.into_bytes();
        out.push(b'\n');
    }
}

impl WriteStream for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start(start) => self.created = start.created.unwrap_or(self.created),
            Event::Open {
                choice: 0,
                block,
                kind,
            } => self.open(*block, kind, out),
            Event::Delta {
                choice: 0,
                block,
                delta,
            } => self.delta(*block, delta, out),
            Event::Close { choice: 0, block } => self.close(*block, out),
            Event::Finish {
                choice: 0, reason, ..
            } => self.finish = Some(reason.clone()),
            Event::Logprobs { choice: 0, raw } => {
                let mut w = json::Writer::behind(std::mem::take(out));
                head(&self.model, self.created, &mut w);
                w.key("message")
                    .open()
                    .text("role", "assistant")
                    .text("content", "")
                    .close();
                write_logprobs(raw, &mut w);
                w.member("done", &false).close();
                *out = w.into_bytes();
                out.push(b'\n');
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Fault(fault) => {
                out.extend_from_slice(&error::line(&fault.message));
                self.over = true;
            }
            Event::End => self.end(out),
            // Blank lines are no JSON, and clients parse every line.
            Event::KeepAlive
            | Event::Open { .. }
            | Event::Delta { .. }
            | Event::Close { .. }
            | Event::Finish { .. }
            | Event::Logprobs { .. } => {}
        }
    }
}
