//! What a stream that passes has said, as far as its end has to repeat it.

mod end;
mod item;

use serde_json::value::RawValue;

use self::item::{Item, Kind, List, Part};
use crate::{Dialect, json};

/// Follows events that pass as they came, so that the stream can be ended in the middle.
///
/// In this dialect the end of a part, of an item and of the answer each repeat what was said, so that text is kept:
/// as it stands in the events, without reading it. Nothing else of a delta is.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// The answer as it began.
    response: Option<Box<RawValue>>,
    /// The number of the next event.
    sequence: u64,
    /// In the order they began.
    items: Vec<Item>,
    /// Bytes kept of them.
    kept: usize,
}

/// Bytes kept of one answer. What is longer passes all the same; its end then repeats what there was room for.
const MOST_KEPT: usize = 16 << 20;
/// Items of one answer and parts of one item; more of them pass, but are not in the last event.
const MOST_ITEMS: usize = 1024;
const MOST_PARTS: usize = 1024;

/// Members of events that matter here.
const NAMES: [&str; 11] = [
    "type",
    "sequence_number",
    "output_index",
    "content_index",
    "summary_index",
    "delta",
    "logprobs",
    "item",
    "part",
    "annotation",
    "response",
];

impl Outline {
    /// One for a stream of this dialect; the others have no need of it.
    pub(crate) fn of(dialect: Dialect) -> Option<Box<Self>> {
        (dialect == Dialect::OpenAiResponses).then(Box::default)
    }

    /// Looks at the next event, named by itself or by its frame. `false` when its data is no JSON object.
    pub(crate) fn see(&mut self, name: Option<&str>, data: &[u8]) -> bool {
        let Ok(found) = json::peek(data, NAMES) else {
            return false;
        };
        let [
            kind,
            sequence,
            item_index,
            content_index,
            summary_index,
            delta,
            logprobs,
            item,
            part,
            annotation,
            response,
        ] = found;
        let number = |raw: Option<&RawValue>| raw.and_then(json::unsigned);
        self.sequence = number(sequence).unwrap_or(self.sequence).saturating_add(1);
        let index = number(item_index).unwrap_or_default();
        let place = match number(summary_index) {
            Some(index) => (List::Summary, index),
            None => (List::Content, number(content_index).unwrap_or_default()),
        };
        let kind = kind.and_then(json::text);
        let kind = kind.as_deref().or(name).unwrap_or_default();
        match kind.strip_prefix("response.").unwrap_or_default() {
            "created" | "in_progress" | "queued" => {
                self.response = response.map(ToOwned::to_owned).or(self.response.take());
            }
            "output_item.added" => self.item_added(index, item),
            "output_item.done" => self.item_done(index, item),
            "content_part.added" | "reasoning_summary_part.added" => {
                self.part_added(index, place, part);
            }
            "content_part.done" | "reasoning_summary_part.done" => {
                self.part_done(index, place, part);
            }
            "output_text.delta" => self.said(index, place, Kind::Text, delta, logprobs),
            "refusal.delta" => self.said(index, place, Kind::Refusal, delta, None),
            "reasoning_text.delta" => self.said(index, place, Kind::Reasoning, delta, None),
            "reasoning_summary_text.delta" => {
                self.said(index, place, Kind::Summary, delta, None);
            }
            "output_text.done"
            | "refusal.done"
            | "reasoning_text.done"
            | "reasoning_summary_text.done" => {
                if let Some(part) = self.item(index).and_then(|item| item.part(place)) {
                    part.told = true;
                }
            }
            "output_text.annotation.added" => self.annotated(index, place, annotation),
            "function_call_arguments.delta"
            | "custom_tool_call_input.delta"
            | "mcp_call_arguments.delta"
            | "code_interpreter_call_code.delta" => self.piece(index, delta),
            "function_call_arguments.done"
            | "custom_tool_call_input.done"
            | "mcp_call_arguments.done"
            | "code_interpreter_call_code.done" => self.call_told(index, data),
            _ => {}
        }
        true
    }

    /// The item of that number that is not done.
    fn item(&mut self, index: u64) -> Option<&mut Item> {
        self.items
            .iter_mut()
            .rev()
            .find(|item| item.index == index && !item.done)
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        let fits = self.kept.saturating_add(bytes) <= MOST_KEPT;
        self.kept += if fits { bytes } else { 0 };
        fits
    }

    fn item_added(&mut self, index: u64, raw: Option<&RawValue>) {
        let Some(raw) = raw else { return };
        if self.items.len() < MOST_ITEMS && self.has_room(raw.get().len()) {
            self.items.push(Item::new(index, raw));
        }
    }

    /// What was kept of the item in pieces gives way to the whole.
    fn item_done(&mut self, index: u64, raw: Option<&RawValue>) {
        let open = |item: &Item| item.index == index && !item.done;
        let at = match self.items.iter().rposition(open) {
            Some(at) => {
                let begun = self.items.remove(at);
                self.kept = self.kept.saturating_sub(begun.len());
                at
            }
            None => self.items.len(),
        };
        if let Some(raw) = raw
            && self.items.len() < MOST_ITEMS
            && self.has_room(raw.get().len())
        {
            let mut item = Item::new(index, raw);
            item.done = true;
            self.items.insert(at, item);
        }
    }

    fn part_added(&mut self, index: u64, place: (List, u64), raw: Option<&RawValue>) {
        let Some(raw) = raw else { return };
        if !self.has_room(raw.get().len()) {
            return;
        }
        let Some(item) = self.item(index) else { return };
        if item.parts.len() < MOST_PARTS && item.part(place).is_none() {
            item.parts.push(Part::announced(place, raw));
        }
    }

    fn part_done(&mut self, index: u64, place: (List, u64), raw: Option<&RawValue>) {
        let kept = raw.is_some_and(|raw| self.has_room(raw.get().len()));
        let Some(part) = self.item(index).and_then(|item| item.part(place)) else {
            return;
        };
        part.done = true;
        if let (true, Some(raw)) = (kept, raw) {
            let text = std::mem::take(&mut part.text);
            part.raw = Some(raw.to_owned());
            self.kept = self.kept.saturating_sub(text.len());
        }
    }

    fn said(
        &mut self,
        index: u64,
        place: (List, u64),
        kind: Kind,
        delta: Option<&RawValue>,
        logprobs: Option<&RawValue>,
    ) {
        let piece = delta.and_then(escaped).unwrap_or_default();
        let scores = logprobs.map(elements).unwrap_or_default();
        if !self.has_room(piece.len() + scores.len()) {
            return;
        }
        let Some(item) = self.item(index) else { return };
        if item.part(place).is_none() && item.parts.len() < MOST_PARTS {
            item.parts.push(Part::new(place, kind));
        }
        let Some(part) = item.part(place) else { return };
        part.text.push_str(piece);
        if !scores.is_empty() {
            if !part.logprobs.is_empty() {
                part.logprobs.push(',');
            }
            part.logprobs.push_str(scores);
        }
    }

    fn annotated(&mut self, index: u64, place: (List, u64), raw: Option<&RawValue>) {
        let Some(raw) = raw.filter(|raw| self.has_room(raw.get().len())) else {
            return;
        };
        if let Some(part) = self.item(index).and_then(|item| item.part(place)) {
            part.annotations.raw(raw);
        }
    }

    fn piece(&mut self, index: u64, delta: Option<&RawValue>) {
        let piece = delta.and_then(escaped).unwrap_or_default();
        if self.has_room(piece.len())
            && let Some(item) = self.item(index)
        {
            item.pieces.push_str(piece);
        }
    }

    /// The whole text of a call went by, which some servers send at once.
    fn call_told(&mut self, index: u64, data: &[u8]) {
        let found = json::peek(data, ["arguments", "input", "code"]).unwrap_or_default();
        let whole = found.into_iter().flatten().find_map(escaped);
        let whole = whole.unwrap_or_default();
        let fits = self.has_room(whole.len());
        let Some(item) = self.item(index) else { return };
        item.told = true;
        if item.pieces.is_empty() && fits {
            whole.clone_into(&mut item.pieces);
        }
    }
}

/// A string as it is written within its quotes: pieces of it put together are a string again.
fn escaped(raw: &RawValue) -> Option<&str> {
    raw.get().strip_prefix('"')?.strip_suffix('"')
}

/// What is in a list.
fn elements(raw: &RawValue) -> &str {
    let list = raw.get().strip_prefix('[');
    list.and_then(|list| list.strip_suffix(']'))
        .unwrap_or_default()
        .trim()
}

#[cfg(test)]
mod tests;
