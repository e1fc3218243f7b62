//! The end of a stream that passed.

use ferrogate_types::Usage;

use super::Outline;
use super::item::{Item, Kind, List, Part};
use crate::chat::FinishReason;
use crate::json::{self, Object};
use crate::openai_responses::response::{Envelope, Status};
use crate::openai_responses::stream::write::write_event;
use crate::openai_responses::usage;
use crate::protocol::Caller;

impl Outline {
    /// Whether an event went by.
    pub(crate) fn has_begun(&self) -> bool {
        self.sequence > 0
    }

    /// Appends the events that close what is open, and the last, which says that the most tokens of output were
    /// reached.
    pub(crate) fn end_for_length(&mut self, used: &Usage, caller: &Caller<'_>, out: &mut Vec<u8>) {
        for item in self.items.iter().filter(|item| !item.done) {
            item.end(&mut self.sequence, out);
        }
        let status = Status::of(&FinishReason::Length, false);
        let mut output = json::Writer::default();
        for item in &self.items {
            item.write(&mut output);
        }
        let output = output.into_text();
        let mut object = json::Writer::with_capacity(output.len() + 1024);
        match self.response.as_deref().and_then(Object::of) {
            Some(begun) => write_response(&begun, status, &output, used, caller.model, &mut object),
            None => Envelope::new(caller).write(status, &output, Some(used), &mut object),
        }
        let object = object.into_text();
        write_event("response.incomplete", &mut self.sequence, out, |w| {
            w.key("response").literal(&object);
        });
    }
}

/// The answer as it began, with what has become of it.
fn write_response(
    begun: &Object<'_>,
    status: Status<'_>,
    output: &str,
    used: &Usage,
    model: &str,
    w: &mut json::Writer,
) {
    w.open();
    for (name, raw) in begun.members() {
        match name {
            "status" | "incomplete_details" | "output" | "usage" => {}
            "model" => {
                w.text(name, model);
            }
            _ => {
                w.key(name).raw(raw);
            }
        }
    }
    w.text("status", status.as_str());
    if let Status::Incomplete(reason) = status {
        w.key("incomplete_details").open();
        w.text("reason", reason).close();
    }
    w.key("output").open_list();
    if !output.is_empty() {
        w.literal(output);
    }
    w.close_list().key("usage");
    usage::write(used, w);
    w.close();
}

impl Item {
    fn object(&self) -> Object<'_> {
        Object::of(&self.raw).unwrap_or_default()
    }

    /// The events that close it.
    fn end(&self, sequence: &mut u64, out: &mut Vec<u8>) {
        let object = self.object();
        let text = |name| object.peek(name).and_then(json::text).unwrap_or_default();
        let (id, kind) = (text("id"), text("type"));
        for part in self.parts.iter().filter(|part| !part.done) {
            part.end(&id, self.index, sequence, out);
        }
        if let (false, Some((name, member))) = (self.told, text_of_call(&kind)) {
            write_event(name, sequence, out, |w| {
                w.text("item_id", &id).member("output_index", &self.index);
                if kind == "function_call" {
                    w.text("name", &text("name"));
                }
                w.key(member).literal(&self.pieces(&kind));
            });
        }
        write_event("response.output_item.done", sequence, out, |w| {
            w.member("output_index", &self.index).key("item");
            self.write(w);
        });
    }

    /// The text of a call as a string of JSON.
    fn pieces(&self, kind: &str) -> String {
        // Clients parse arguments; an empty text is no JSON.
        let pieces = match self.pieces.as_str() {
            "" if kind == "function_call" => "{}",
            pieces => pieces,
        };
        format!("\"{pieces}\"")
    }

    /// The item as it is, or as far as it came.
    fn write(&self, w: &mut json::Writer) {
        if self.done {
            w.raw(&self.raw);
            return;
        }
        let object = self.object();
        let kind = object.peek("type").and_then(json::text).unwrap_or_default();
        let call = text_of_call(&kind).map(|(_, member)| member);
        let has = |list| self.parts.iter().any(|part| part.list == list);
        w.open();
        for (name, raw) in object.members() {
            match name {
                "status" => {
                    w.text(name, cut_status(&kind));
                }
                "content" if has(List::Content) => {}
                "summary" if has(List::Summary) => {}
                _ if call == Some(name) => {}
                _ => {
                    w.key(name).raw(raw);
                }
            }
        }
        for (name, list) in [("content", List::Content), ("summary", List::Summary)] {
            if has(list) {
                w.key(name).open_list();
                for part in self.parts.iter().filter(|part| part.list == list) {
                    part.write(w);
                }
                w.close_list();
            }
        }
        if let Some(member) = call {
            w.key(member).literal(&self.pieces(&kind));
        }
        w.close();
    }
}

impl Part {
    /// The events that close it.
    fn end(&self, item: &str, item_index: u64, sequence: &mut u64, out: &mut Vec<u8>) {
        let place = |w: &mut json::Writer| {
            w.text("item_id", item).member("output_index", &item_index);
            let name = match self.list {
                List::Content => "content_index",
                List::Summary => "summary_index",
            };
            w.member(name, &self.index);
        };
        if let (false, Some(name)) = (self.told, self.kind.done()) {
            write_event(name, sequence, out, |w| {
                place(w);
                w.key(self.kind.member()).literal(&self.text());
                if self.kind == Kind::Text {
                    w.key("logprobs").open_list();
                    if !self.logprobs.is_empty() {
                        w.literal(&self.logprobs);
                    }
                    w.close_list();
                }
            });
        }
        if self.raw.is_some() {
            let name = match self.list {
                List::Content => "response.content_part.done",
                List::Summary => "response.reasoning_summary_part.done",
            };
            write_event(name, sequence, out, |w| {
                place(w);
                w.key("part");
                self.write(w);
            });
        }
    }

    /// Its text as a string of JSON.
    fn text(&self) -> String {
        format!("\"{}\"", self.text)
    }

    /// The part as it is, or as far as it came.
    fn write(&self, w: &mut json::Writer) {
        let begun = self.raw.as_deref();
        if let (Some(raw), true) = (begun, self.done || self.kind == Kind::Other) {
            w.raw(raw);
            return;
        }
        let annotations = self.annotations.as_text();
        w.open().text("type", self.kind.as_str());
        w.key(self.kind.member()).literal(&self.text());
        for (name, raw) in begun.and_then(Object::of).iter().flat_map(Object::members) {
            let replaced = match name {
                "type" => true,
                "annotations" => !annotations.is_empty(),
                "logprobs" => !self.logprobs.is_empty(),
                _ => name == self.kind.member(),
            };
            if !replaced {
                w.key(name).raw(raw);
            }
        }
        for (name, list) in [
            ("annotations", annotations),
            ("logprobs", self.logprobs.as_str()),
        ] {
            if !list.is_empty() {
                w.key(name).open_list().literal(list).close_list();
            }
        }
        w.close();
    }
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Text | Self::Other => "output_text",
            Self::Refusal => "refusal",
            Self::Reasoning => "reasoning_text",
            Self::Summary => "summary_text",
        }
    }

    /// The member that is the text.
    fn member(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            _ => "text",
        }
    }

    /// The event that repeats the text.
    fn done(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("response.output_text.done"),
            Self::Refusal => Some("response.refusal.done"),
            Self::Reasoning => Some("response.reasoning_text.done"),
            Self::Summary => Some("response.reasoning_summary_text.done"),
            Self::Other => None,
        }
    }
}

/// For items whose text comes in pieces: the event that repeats it, and the member it is.
fn text_of_call(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "function_call" => ("response.function_call_arguments.done", "arguments"),
        "custom_tool_call" => ("response.custom_tool_call_input.done", "input"),
        "mcp_call" => ("response.mcp_call_arguments.done", "arguments"),
        "code_interpreter_call" => ("response.code_interpreter_call_code.done", "code"),
        _ => return None,
    })
}

/// The status of an item that was cut. Source: OpenAI's OpenAPI document; searches and pictures know no `incomplete`.
fn cut_status(kind: &str) -> &'static str {
    match kind {
        "web_search_call" | "image_generation_call" => "failed",
        _ => "incomplete",
    }
}
