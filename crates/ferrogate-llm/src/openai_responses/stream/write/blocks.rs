//! Blocks of an answer as they open, grow and close.

use serde_json::value::RawValue;

use super::{Block, State};
use crate::chat::{BlockKind, Citation, Delta};
use crate::json;
use crate::openai_responses::response::{Item, is_item, write_annotation, write_text_part};

impl State {
    pub(super) fn open(&mut self, kind: &BlockKind, out: &mut Vec<u8>) {
        self.begin(out);
        self.close(out);
        if matches!(kind, BlockKind::Text | BlockKind::Refusal) {
            self.open_part(matches!(kind, BlockKind::Refusal), out);
            return;
        }
        match kind {
            BlockKind::Thinking => {
                self.close_message("completed", out);
                let item = Item::Reasoning {
                    summary: "",
                    sealed: None,
                };
                self.add(item, out);
                self.block = Some(Block::Thought {
                    text: String::new(),
                    sealed: None,
                });
            }
            BlockKind::RedactedThinking { data } => {
                self.close_message("completed", out);
                let begun = Item::Reasoning {
                    summary: "",
                    sealed: None,
                };
                let done = Item::Reasoning {
                    summary: "",
                    sealed: Some(data),
                };
                self.add(begun, out);
                self.done(done, out);
            }
            BlockKind::ToolUse { id, name, custom } => {
                self.close_message("completed", out);
                let item = Item::Call {
                    call_id: id,
                    name,
                    arguments: "",
                    custom: *custom,
                    status: "in_progress",
                };
                self.add(item, out);
                self.block = Some(Block::Call {
                    call_id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                    custom: *custom,
                });
            }
            BlockKind::Image { base64, .. } => {
                self.close_message("completed", out);
                let begun = Item::Image {
                    base64: None,
                    status: "in_progress",
                };
                let done = Item::Image {
                    base64: Some(base64),
                    status: "completed",
                };
                self.add(begun, out);
                self.done(done, out);
            }
            BlockKind::Foreign { kind, raw } if is_item(kind, raw) => self.hosted(raw, out),
            BlockKind::Foreign { .. } | BlockKind::Text | BlockKind::Refusal => {}
        }
    }

    /// An item of a tool that OpenAI runs, complete.
    fn hosted(&mut self, raw: &RawValue, out: &mut Vec<u8>) {
        self.close_message("completed", out);
        let index = self.index;
        for name in ["response.output_item.added", "response.output_item.done"] {
            self.event(name, out, |w| {
                w.member("output_index", &index).key("item").raw(raw);
            });
        }
        self.items.raw(raw);
        self.index += 1;
    }

    /// A part of a message begins, and the message if none is open.
    fn open_part(&mut self, refusal: bool, out: &mut Vec<u8>) {
        if self.message.is_none() {
            let item = Item::Message {
                content: "",
                status: "in_progress",
            };
            self.add(item, out);
            self.message = Some((json::Writer::default(), 0));
        }
        self.refused |= refusal;
        self.in_part("response.content_part.added", out, |w| {
            w.key("part");
            if refusal {
                write_refusal_part("", w);
            } else {
                write_text_part("", "", "", w);
            }
        });
        self.block = Some(if refusal {
            Block::Refusal {
                text: String::new(),
            }
        } else {
            Block::Text {
                text: String::new(),
                annotations: json::Writer::default(),
                annotated: 0,
                logprobs: String::new(),
            }
        });
    }

    pub(super) fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        let Some(mut block) = self.block.take() else {
            return;
        };
        match (&mut block, delta) {
            (Block::Text { text, .. }, Delta::Text(piece)) => {
                text.push_str(piece);
                self.in_part("response.output_text.delta", out, |w| {
                    w.text("delta", piece);
                    w.key("logprobs").open_list().close_list();
                });
            }
            (
                Block::Text {
                    annotations,
                    annotated,
                    ..
                },
                Delta::Citation(citation),
            ) => self.annotate(citation, annotations, annotated, out),
            (Block::Refusal { text }, Delta::Text(piece)) => {
                text.push_str(piece);
                self.in_part("response.refusal.delta", out, |w| {
                    w.text("delta", piece);
                });
            }
            (Block::Thought { text, .. }, Delta::Text(piece)) => {
                if text.is_empty() {
                    self.summary("response.reasoning_summary_part.added", out, |w| {
                        write_summary_part("", w);
                    });
                }
                text.push_str(piece);
                self.summary("response.reasoning_summary_text.delta", out, |w| {
                    w.text("delta", piece);
                });
            }
            (Block::Thought { sealed, .. }, Delta::Signature(signature)) => {
                sealed.get_or_insert_default().push_str(signature);
            }
            (
                Block::Call {
                    arguments, custom, ..
                },
                Delta::Arguments(piece),
            ) => {
                arguments.push_str(piece);
                let (name, prefix) = if *custom {
                    ("response.custom_tool_call_input.delta", "ctc")
                } else {
                    ("response.function_call_arguments.delta", "fc")
                };
                self.within(name, prefix, out, |w| {
                    w.text("delta", piece);
                });
            }
            _ => {}
        }
        self.block = Some(block);
    }

    fn annotate(
        &mut self,
        citation: &Citation<'_>,
        annotations: &mut json::Writer,
        annotated: &mut u32,
        out: &mut Vec<u8>,
    ) {
        let own = citation.raw.as_deref().is_some_and(is_annotation);
        if !own && citation.url.is_empty() {
            return;
        }
        self.in_part("response.output_text.annotation.added", out, |w| {
            w.member("annotation_index", annotated).key("annotation");
            write_annotation(citation, own, w);
        });
        write_annotation(citation, own, annotations);
        *annotated += 1;
    }

    fn summary(&mut self, name: &str, out: &mut Vec<u8>, members: impl FnOnce(&mut json::Writer)) {
        self.within(name, "rs", out, |w| {
            w.member("summary_index", &0);
            members(w);
        });
    }

    pub(super) fn logprobs(&mut self, raw: &RawValue) {
        if let Some(Block::Text { logprobs, .. }) = &mut self.block {
            let more = json::inner_list(raw);
            if !logprobs.is_empty() && !more.is_empty() {
                logprobs.push(',');
            }
            logprobs.push_str(&more);
        }
    }

    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        match self.block.take() {
            None => {}
            Some(Block::Text {
                text,
                annotations,
                logprobs,
                ..
            }) => {
                let annotations = annotations.into_text();
                self.in_part("response.output_text.done", out, |w| {
                    w.text("text", &text).key("logprobs").open_list();
                    if !logprobs.is_empty() {
                        w.literal(&logprobs);
                    }
                    w.close_list();
                });
                self.close_part(out, |w| write_text_part(&text, &annotations, &logprobs, w));
            }
            Some(Block::Refusal { text }) => {
                self.in_part("response.refusal.done", out, |w| {
                    w.text("refusal", &text);
                });
                self.close_part(out, |w| write_refusal_part(&text, w));
            }
            Some(Block::Thought { text, sealed }) => {
                if !text.is_empty() {
                    self.summary("response.reasoning_summary_text.done", out, |w| {
                        w.text("text", &text);
                    });
                    self.summary("response.reasoning_summary_part.done", out, |w| {
                        write_summary_part(&text, w);
                    });
                }
                let item = Item::Reasoning {
                    summary: &text,
                    sealed: sealed.as_deref(),
                };
                self.done(item, out);
            }
            Some(Block::Call {
                call_id,
                name,
                mut arguments,
                custom,
            }) => {
                if arguments.is_empty() && !custom {
                    // Clients parse it; an empty text is no JSON.
                    arguments.push_str("{}");
                }
                if custom {
                    self.within("response.custom_tool_call_input.done", "ctc", out, |w| {
                        w.text("input", &arguments);
                    });
                } else {
                    self.within("response.function_call_arguments.done", "fc", out, |w| {
                        w.text("name", &name).text("arguments", &arguments);
                    });
                }
                let item = Item::Call {
                    call_id: &call_id,
                    name: &name,
                    arguments: &arguments,
                    custom,
                    status: "completed",
                };
                self.done(item, out);
            }
        }
    }

    /// A part of the open message is done; the message goes on.
    fn close_part(&mut self, out: &mut Vec<u8>, part: impl Fn(&mut json::Writer)) {
        self.in_part("response.content_part.done", out, |w| {
            w.key("part");
            part(w);
        });
        if let Some((content, parts)) = &mut self.message {
            part(content);
            *parts += 1;
        }
    }

    pub(super) fn close_message(&mut self, status: &'static str, out: &mut Vec<u8>) {
        if let Some((content, _)) = self.message.take() {
            let content = content.into_text();
            let item = Item::Message {
                content: &content,
                status,
            };
            self.done(item, out);
        }
    }
}

fn write_refusal_part(text: &str, w: &mut json::Writer) {
    w.open().text("type", "refusal").text("refusal", text);
    w.close();
}

fn write_summary_part(text: &str, w: &mut json::Writer) {
    w.key("part").open().text("type", "summary_text");
    w.text("text", text).close();
}

/// Whether a citation is one of this dialect and flat, as Responses has it.
fn is_annotation(raw: &RawValue) -> bool {
    let object = json::Object::of(raw);
    object.is_some_and(|object| {
        let kind = object.peek("type").and_then(json::text);
        object.peek("url_citation").is_none()
            && matches!(
                kind.as_deref(),
                Some("url_citation" | "file_citation" | "container_file_citation" | "file_path")
            )
    })
}
