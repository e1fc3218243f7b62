//! Items of an answer's output.

use serde_json::value::RawValue;

use crate::chat::Citation;
use crate::json::{Object, Writer};

/// One item of `output`, complete or as it begins.
#[derive(Clone, Copy, Debug)]
pub(in crate::openai_responses) enum Item<'i> {
    /// What is said: its parts as JSON, a comma between each two.
    Message {
        content: &'i str,
        status: &'static str,
    },
    /// A thought.
    Reasoning {
        summary: &'i str,
        sealed: Option<&'i str>,
    },
    /// A call of a tool.
    Call {
        call_id: &'i str,
        name: &'i str,
        arguments: &'i str,
        custom: bool,
        status: &'static str,
    },
    /// A picture.
    Image {
        base64: Option<&'i str>,
        status: &'static str,
    },
}

impl Item<'_> {
    /// What its id begins with.
    pub(in crate::openai_responses) fn prefix(&self) -> &'static str {
        match self {
            Self::Message { .. } => "msg",
            Self::Reasoning { .. } => "rs",
            Self::Call { custom: false, .. } => "fc",
            Self::Call { custom: true, .. } => "ctc",
            Self::Image { .. } => "ig",
        }
    }

    /// Writes it.
    pub(in crate::openai_responses) fn write(&self, id: &str, w: &mut Writer) {
        w.open().text("id", id);
        match self {
            Self::Message { content, status } => {
                w.text("type", "message").text("role", "assistant");
                w.text("status", status).key("content").open_list();
                if !content.is_empty() {
                    w.literal(content);
                }
                w.close_list();
            }
            Self::Reasoning { summary, sealed } => {
                w.text("type", "reasoning").key("summary").open_list();
                if !summary.is_empty() {
                    write_summary_part(summary, w);
                }
                w.close_list();
                w.text_if("encrypted_content", *sealed);
            }
            Self::Call {
                call_id,
                name,
                arguments,
                custom,
                status,
            } => {
                let (kind, member) = if *custom {
                    ("custom_tool_call", "input")
                } else {
                    ("function_call", "arguments")
                };
                w.text("type", kind).text("status", status);
                w.text("call_id", call_id).text("name", name);
                w.text(member, arguments);
            }
            Self::Image { base64, status } => {
                w.text("type", "image_generation_call");
                w.text("status", status);
                match base64 {
                    Some(base64) => w.text("result", base64),
                    None => w.key("result").literal("null"),
                };
            }
        }
        w.close();
    }
}

/// A part of text; annotations and probabilities are JSON, a comma between each two.
pub(in crate::openai_responses) fn write_text_part(
    text: &str,
    annotations: &str,
    logprobs: &str,
    w: &mut Writer,
) {
    w.open().text("type", "output_text").text("text", text);
    for (name, list) in [("annotations", annotations), ("logprobs", logprobs)] {
        w.key(name).open_list();
        if !list.is_empty() {
            w.literal(list);
        }
        w.close_list();
    }
    w.close();
}

fn write_summary_part(text: &str, w: &mut Writer) {
    w.open().text("type", "summary_text").text("text", text);
    w.close();
}

/// An annotation, flat as Responses has it.
pub(in crate::openai_responses) fn write_annotation(
    citation: &Citation<'_>,
    own: bool,
    w: &mut Writer,
) {
    if let (true, Some(raw)) = (own, &citation.raw) {
        w.raw(raw);
        return;
    }
    let (from, to) = citation.span.unwrap_or_default();
    w.open().text("type", "url_citation");
    w.member("start_index", &from).member("end_index", &to);
    w.text("title", &citation.title).text("url", &citation.url);
    w.close();
}

/// Whether a block of some dialect is an item of this one: a call of a hosted tool and its kin.
pub(in crate::openai_responses) fn is_item(kind: &str, raw: &RawValue) -> bool {
    let known = kind.ends_with("_call")
        || kind.ends_with("_call_output")
        || matches!(
            kind,
            "mcp_list_tools" | "mcp_approval_request" | "compaction" | "tool_search_output"
        );
    known && Object::of(raw).is_some_and(|item| item.peek("type").is_some())
}
