//! A stream for a caller.

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use crate::ErrorBody;
use crate::chat::{BlockKind, Citation, Delta, Event, FinishReason, thought_id};
use crate::gemini::response::{write_call, write_finish, write_grounding};
use crate::gemini::{error, logprobs, usage};
use crate::json::{self, Object};
use crate::protocol::{Caller, WriteStream};

/// Writes partial answers. A call is written whole, and the reasons why answers ended with the last event: usage,
/// which callers read from the last one, may come behind them.
#[derive(Debug)]
pub(in crate::gemini) struct Writer {
    frames: Frames,
    id: String,
    model: String,
    created: Option<u64>,
    usage: Option<Usage>,
    choices: Vec<Choice>,
    /// Bytes held back, of calls and of the text that citations count in.
    held: usize,
    overfull: bool,
    over: bool,
}

/// Bytes of calls held back until they are whole; more is an error.
const MOST_HELD: usize = 16 << 20;
/// Bytes of text kept to count citations in; places behind them are not told.
const MOST_TEXT: usize = 1 << 20;
/// Citations of one answer.
const MOST_CITATIONS: usize = 4096;

/// How events stand in the stream.
#[derive(Debug)]
struct Frames {
    array: bool,
    begun: bool,
}

#[derive(Debug, Default)]
struct Choice {
    open: Vec<(u32, Open)>,
    finish: Option<FinishReason>,
    text: String,
    citations: Vec<Citation<'static>>,
}

#[derive(Debug)]
enum Open {
    Text,
    Thinking,
    Call(Call),
    Other,
}

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    custom: bool,
    arguments: String,
    signature: Option<String>,
}

impl Frames {
    /// One event, or one element of the array.
    fn frame(&mut self, out: &mut Vec<u8>, json: impl FnOnce(&mut json::Writer)) {
        let begun = std::mem::replace(&mut self.begun, true);
        let lead: &[u8] = match (self.array, begun) {
            (false, _) => b"data: ",
            (true, false) => b"[",
            (true, true) => b",\r\n",
        };
        out.extend_from_slice(lead);
        let mut w = json::Writer::behind(std::mem::take(out));
        json(&mut w);
        *out = w.into_bytes();
        if !self.array {
            out.extend_from_slice(b"\r\n\r\n");
        }
    }
}

impl Writer {
    /// Server-sent events.
    pub(in crate::gemini) fn events(caller: &Caller<'_>) -> Self {
        Self {
            frames: Frames {
                array: false,
                begun: false,
            },
            id: caller.id.to_owned(),
            model: caller.model.to_owned(),
            created: None,
            usage: None,
            choices: Vec::new(),
            held: 0,
            overfull: false,
            over: false,
        }
    }

    /// One JSON array.
    pub(in crate::gemini) fn array(caller: &Caller<'_>) -> Self {
        let mut writer = Self::events(caller);
        writer.frames.array = true;
        writer
    }

    fn choice(&mut self, choice: u32) -> &mut Choice {
        let index = usize::try_from(choice).unwrap_or_default().min(127);
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, Choice::default);
        }
        &mut self.choices[index]
    }

    /// The members behind the candidates.
    fn tail(
        id: &str,
        model: &str,
        created: Option<u64>,
        usage: Option<&Usage>,
        w: &mut json::Writer,
    ) {
        if let Some(usage) = usage {
            w.key("usageMetadata");
            usage::write(usage, w);
        }
        w.text("modelVersion", model);
        if let Some(created) = created {
            w.text("createTime", &crate::date::text(created));
        }
        w.text("responseId", id);
    }

    /// An event with one part of one answer.
    fn part(&mut self, choice: u32, out: &mut Vec<u8>, part: impl FnOnce(&mut json::Writer)) {
        let usage = self.usage.as_ref();
        self.frames.frame(out, |w| {
            w.open().key("candidates").open_list().open();
            w.key("content").open().key("parts").open_list().open();
            part(w);
            w.close().close_list().text("role", "model").close();
            w.member("index", &choice).close().close_list();
            Self::tail(&self.id, &self.model, self.created, usage, w);
            w.close();
        });
    }

    fn open(&mut self, choice: u32, block: u32, kind: &BlockKind, out: &mut Vec<u8>) {
        let open = match kind {
            BlockKind::Text | BlockKind::Refusal => Open::Text,
            BlockKind::Thinking => Open::Thinking,
            BlockKind::ToolUse { id, name, custom } => Open::Call(Call {
                id: id.clone(),
                name: name.clone(),
                custom: *custom,
                arguments: String::new(),
                signature: None,
            }),
            BlockKind::RedactedThinking { .. }
            | BlockKind::Image { .. }
            | BlockKind::Foreign { .. } => Open::Other,
        };
        self.choice(choice).open.push((block, open));
        match kind {
            BlockKind::RedactedThinking { data } => self.part(choice, out, |w| {
                w.text("text", "")
                    .member("thought", &true)
                    .text("thoughtSignature", data);
            }),
            BlockKind::Image { media_type, base64 } => self.part(choice, out, |w| {
                w.key("inlineData").open();
                w.text("mimeType", media_type).text("data", base64).close();
            }),
            BlockKind::Foreign { kind, raw } => {
                // A part of Google's has its kind as a member; others say it otherwise.
                if let Some(own) = Object::of(raw).filter(|object| object.peek(kind).is_some()) {
                    self.part(choice, out, |w| {
                        w.rest(&own);
                    });
                }
            }
            _ => {}
        }
    }

    fn delta(&mut self, choice: u32, block: u32, delta: &Delta, out: &mut Vec<u8>) {
        let held = self.held;
        let state = self.choice(choice);
        let Some((_, open)) = state.open.iter_mut().find(|(number, _)| *number == block) else {
            return;
        };
        match (open, delta) {
            (Open::Text, Delta::Text(text)) => {
                if state.text.len() + text.len() <= MOST_TEXT {
                    state.text.push_str(text);
                }
                self.part(choice, out, |w| {
                    w.text("text", text);
                });
            }
            (Open::Thinking, Delta::Text(text)) => self.part(choice, out, |w| {
                w.text("text", text).member("thought", &true);
            }),
            (Open::Text, Delta::Signature(signature)) => self.part(choice, out, |w| {
                w.text("text", "").text("thoughtSignature", signature);
            }),
            (Open::Thinking, Delta::Signature(signature)) => self.part(choice, out, |w| {
                w.text("text", "")
                    .member("thought", &true)
                    .text("thoughtSignature", signature);
            }),
            (Open::Call(call), Delta::Signature(signature)) => {
                call.signature = Some(signature.clone());
            }
            (Open::Call(call), Delta::Arguments(piece)) => {
                if held + piece.len() > MOST_HELD {
                    self.fail(out);
                    return;
                }
                call.arguments.push_str(piece);
                self.held += piece.len();
            }
            (Open::Text, Delta::Citation(citation))
                if !citation.url.is_empty() && state.citations.len() < MOST_CITATIONS =>
            {
                state.citations.push(citation.as_ref().clone());
            }
            _ => {}
        }
    }

    fn close(&mut self, choice: u32, block: u32, out: &mut Vec<u8>) {
        let state = self.choice(choice);
        let Some(at) = state.open.iter().position(|(number, _)| *number == block) else {
            return;
        };
        let (_, open) = state.open.remove(at);
        if let Open::Call(call) = open {
            self.held = self.held.saturating_sub(call.arguments.len());
            let signature = call.signature.or_else(|| thought_id::split(&call.id).1);
            self.part(choice, out, |w| {
                write_call(&call.id, &call.name, &call.arguments, call.custom, w);
                w.text_if("thoughtSignature", signature.as_deref());
            });
        }
    }

    fn logprobs(&mut self, choice: u32, raw: &RawValue, out: &mut Vec<u8>) {
        self.frames.frame(out, |w| {
            w.open().key("candidates").open_list().open();
            w.member("index", &choice).key("logprobsResult");
            logprobs::write(raw, w);
            w.close().close_list();
            Self::tail(&self.id, &self.model, self.created, None, w);
            w.close();
        });
    }

    /// The last event: why each answer ended, where its text is from, and what it used.
    fn end(&mut self, out: &mut Vec<u8>) {
        let choices = std::mem::take(&mut self.choices);
        let usage = self.usage.unwrap_or_default();
        self.frames.frame(out, |w| {
            w.open().key("candidates").open_list();
            for (index, choice) in choices.iter().enumerate() {
                w.open().key("content").open().key("parts").open_list();
                w.open().text("text", "").close();
                w.close_list().text("role", "model").close();
                let finish = choice.finish.as_ref().unwrap_or(&FinishReason::Stop);
                w.text("finishReason", write_finish(finish));
                if !choice.citations.is_empty() {
                    let citations: Vec<&Citation<'_>> = choice.citations.iter().collect();
                    w.key("groundingMetadata");
                    write_grounding(&citations, &choice.text, w);
                }
                w.member("index", &index).close();
            }
            w.close_list();
            Self::tail(&self.id, &self.model, self.created, Some(&usage), w);
            w.close();
        });
        if self.frames.array {
            out.extend_from_slice(b"]");
        }
        self.over = true;
    }

    fn fail(&mut self, out: &mut Vec<u8>) {
        self.overfull = true;
        self.error(
            &ErrorBody {
                message: "the arguments of the calls are larger than this gateway holds back",
                kind: "server_error",
                param: None,
                code: "upstream_error",
                request_id: None,
            },
            out,
        );
    }

    fn error(&mut self, error: &ErrorBody<'_>, out: &mut Vec<u8>) {
        let body = String::from_utf8_lossy(&error::body(error)).into_owned();
        self.frames.frame(out, |w| {
            w.literal(&body);
        });
        if self.frames.array {
            out.extend_from_slice(b"]");
        }
        self.over = true;
    }
}

impl WriteStream for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start(start) => {
                if !start.id.is_empty() {
                    self.id.clone_from(&start.id);
                }
                self.created = start.created;
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
            Event::Finish { choice, reason, .. } => {
                self.choice(*choice).finish = Some(reason.clone());
            }
            Event::Logprobs { choice, raw } => self.logprobs(*choice, raw, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            // Google's SDKs take every line for JSON: a comment would break them.
            Event::KeepAlive => {}
            Event::Fault(fault) => {
                let error = ErrorBody {
                    message: &fault.message,
                    kind: fault.kind.as_deref().unwrap_or("server_error"),
                    param: fault.param.as_deref(),
                    code: fault.code.as_deref().unwrap_or("upstream_error"),
                    request_id: None,
                };
                self.error(&error, out);
            }
            Event::End => self.end(out),
        }
    }

    fn is_overfull(&self) -> bool {
        self.overfull
    }
}
