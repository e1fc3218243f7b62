//! Items of an answer that passes, as far as they came.

use serde_json::value::RawValue;

use super::escaped;
use crate::json;

#[derive(Debug)]
pub(super) struct Item {
    pub(super) index: u64,
    /// As it began or, once it is done, as it is.
    pub(super) raw: Box<RawValue>,
    pub(super) done: bool,
    pub(super) parts: Vec<Part>,
    /// The text of a call, escaped as it came, and whether its whole went by.
    pub(super) pieces: String,
    pub(super) told: bool,
}

#[derive(Debug)]
pub(super) struct Part {
    pub(super) list: List,
    pub(super) index: u64,
    /// As it began or, once it is done, as it is; none where only its text came.
    pub(super) raw: Option<Box<RawValue>>,
    pub(super) done: bool,
    pub(super) kind: Kind,
    /// Its text, escaped as it came, and whether its whole went by.
    pub(super) text: String,
    pub(super) told: bool,
    /// JSON, a comma between each two.
    pub(super) annotations: json::Writer,
    pub(super) logprobs: String,
}

/// Where in its item a part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Content,
    Summary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Refusal,
    Reasoning,
    Summary,
    Other,
}

impl Item {
    pub(super) fn new(index: u64, raw: &RawValue) -> Self {
        Self {
            index,
            raw: raw.to_owned(),
            done: false,
            parts: Vec::new(),
            pieces: String::new(),
            told: false,
        }
    }

    pub(super) fn part(&mut self, (list, index): (List, u64)) -> Option<&mut Part> {
        self.parts
            .iter_mut()
            .find(|part| part.list == list && part.index == index)
    }

    /// Bytes kept of it.
    pub(super) fn len(&self) -> usize {
        let parts: usize = self.parts.iter().map(Part::len).sum();
        self.raw.get().len() + self.pieces.len() + parts
    }
}

impl Part {
    pub(super) fn new((list, index): (List, u64), kind: Kind) -> Self {
        Self {
            list,
            index,
            raw: None,
            done: false,
            kind,
            text: String::new(),
            told: false,
            annotations: json::Writer::default(),
            logprobs: String::new(),
        }
    }

    pub(super) fn announced(place: (List, u64), raw: &RawValue) -> Self {
        let found = json::peek(raw.get().as_bytes(), ["type", "text", "refusal"]);
        let [kind, text, refusal] = found.unwrap_or_default();
        let kind = match kind.and_then(json::text).as_deref() {
            Some("output_text") => Kind::Text,
            Some("refusal") => Kind::Refusal,
            Some("reasoning_text") => Kind::Reasoning,
            Some("summary_text") => Kind::Summary,
            _ => Kind::Other,
        };
        let text = text.or(refusal).and_then(escaped).unwrap_or_default();
        Self {
            raw: Some(raw.to_owned()),
            text: text.to_owned(),
            ..Self::new(place, kind)
        }
    }

    pub(super) fn len(&self) -> usize {
        let raw = self.raw.as_ref().map_or(0, |raw| raw.get().len());
        raw + self.text.len() + self.annotations.as_text().len() + self.logprobs.len()
    }
}
