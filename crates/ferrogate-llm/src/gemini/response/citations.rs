//! Where a text is from.
//!
//! Source: the Gemini API's reference, `GroundingMetadata`, `Segment` and `CitationMetadata`: places are bytes of a
//! part's text, which other dialects count in characters of the whole text.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::chat::Citation;
use crate::json::{self, Object, Writer};

/// Citations of one answer; more are left out.
const MOST: usize = 4096;
/// Text kept of a stream, in bytes; places behind it are not told.
const MOST_TEXT: usize = 1 << 20;

/// The text of an answer so far, with its parts apart, so that places in it can be told.
#[derive(Debug, Default)]
pub(in crate::gemini) struct Grounding {
    text: String,
    /// Where each part of text begins: its number among all parts, its first byte, its first character.
    parts: Vec<(usize, usize, usize)>,
    characters: usize,
    /// Parts of any kind.
    count: usize,
    full: bool,
    told: HashSet<(String, Option<(usize, usize)>)>,
}

impl Grounding {
    /// Notes the next part, and its text if it is one the reader sees.
    pub(in crate::gemini) fn part(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            self.full |= self.text.len() + text.len() > MOST_TEXT || self.parts.len() >= MOST;
            if !self.full {
                self.parts
                    .push((self.count, self.text.len(), self.characters));
                self.text.push_str(text);
                self.characters += text.chars().count();
            }
        }
        self.count += 1;
    }

    /// The citations of a candidate's metadata that were not told before.
    pub(in crate::gemini) fn read<'a>(&mut self, candidate: &Object<'a>) -> Vec<Citation<'a>> {
        let mut found = Vec::new();
        if let Some(metadata) = candidate.peek("groundingMetadata").and_then(Object::of) {
            self.grounding(metadata, &mut found);
        }
        if let Some(metadata) = candidate.peek("citationMetadata").and_then(Object::of) {
            self.recitation(metadata, &mut found);
        }
        let told = &mut self.told;
        found.retain(|citation: &Citation<'_>| {
            told.len() < MOST && told.insert((citation.url.clone().into_owned(), citation.span))
        });
        found
    }

    fn grounding<'a>(&self, mut metadata: Object<'a>, found: &mut Vec<Citation<'a>>) {
        let list =
            |object: &mut Object<'a>, name| object.array(name).ok().flatten().unwrap_or_default();
        let chunks: Vec<(Cow<'a, str>, Cow<'a, str>)> = list(&mut metadata, "groundingChunks")
            .into_iter()
            .map(|raw| chunk(raw).unwrap_or_default())
            .collect();
        for raw in list(&mut metadata, "groundingSupports")
            .into_iter()
            .take(MOST)
        {
            let Some(mut support) = Object::of(raw) else {
                continue;
            };
            let segment = support.object("segment").ok().flatten().unwrap_or_default();
            let (cited_text, span) = self.segment(segment);
            for index in list(&mut support, "groundingChunkIndices") {
                let index = json::unsigned(index).and_then(|index| usize::try_from(index).ok());
                let Some((url, title)) = index.and_then(|index| chunks.get(index)) else {
                    continue;
                };
                if found.len() >= MOST {
                    return;
                }
                found.push(Citation {
                    url: url.clone(),
                    title: title.clone(),
                    cited_text: cited_text.clone(),
                    span,
                    raw: None,
                });
            }
        }
    }

    fn recitation<'a>(&self, mut metadata: Object<'a>, found: &mut Vec<Citation<'a>>) {
        let list = ["citations", "citationSources"]
            .into_iter()
            .find_map(|name| metadata.array(name).ok().flatten());
        for raw in list.unwrap_or_default().into_iter().take(MOST) {
            let Some(mut source) = Object::of(raw) else {
                continue;
            };
            let url = source.text("uri").ok().flatten().unwrap_or_default();
            let title = source.text("title").ok().flatten().unwrap_or_default();
            let (_, span) = self.segment(source);
            found.push(Citation {
                url,
                title,
                cited_text: Cow::Borrowed(""),
                span,
                raw: None,
            });
        }
    }

    /// What is cited, and from which character up to which.
    fn segment<'a>(&self, mut segment: Object<'a>) -> (Cow<'a, str>, Option<(usize, usize)>) {
        let text = segment.text("text").ok().flatten().unwrap_or_default();
        let mut place = |name| {
            let number = segment.unsigned(name).ok().flatten().unwrap_or_default();
            usize::try_from(number).unwrap_or(usize::MAX)
        };
        let (part, from, to) = (place("partIndex"), place("startIndex"), place("endIndex"));
        let span =
            (to > from).then(|| Some((self.character(part, from)?, self.character(part, to)?)));
        (text, span.flatten())
    }

    /// The character at a byte of a part. A part that is no text is the text as a whole: the index is left out where
    /// it is 0, and thoughts may stand there.
    fn character(&self, part: usize, byte: usize) -> Option<usize> {
        let (_, first_byte, first_character) = self
            .parts
            .iter()
            .find(|(number, ..)| *number == part)
            .copied()
            .unwrap_or_default();
        let until = first_byte.checked_add(byte)?;
        if until > self.text.len() {
            return None;
        }
        let before = self.text.as_bytes().get(first_byte..until)?;
        // Bytes that begin a character, in UTF-8 all but 0b10xxxxxx.
        let characters = before.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        Some(first_character + characters)
    }
}

fn chunk(raw: &RawValue) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let mut outer = Object::of(raw)?;
    let mut source = ["web", "retrievedContext", "maps", "image"]
        .into_iter()
        .find_map(|name| outer.object(name).ok().flatten())?;
    Some((
        source.text("uri").ok()?.unwrap_or_default(),
        source.text("title").ok()?.unwrap_or_default(),
    ))
}

/// Writes `groundingMetadata` of citations in `text`, the answer's whole text.
pub(in crate::gemini) fn write(citations: &[&Citation<'_>], text: &str, w: &mut Writer) {
    w.open().key("groundingChunks").open_list();
    for citation in citations {
        w.open().key("web").open();
        w.text("uri", &citation.url).text_if(
            "title",
            Some(citation.title.as_ref()).filter(|title| !title.is_empty()),
        );
        w.close().close();
    }
    w.close_list().key("groundingSupports").open_list();
    for (place, citation) in citations.iter().enumerate() {
        let Some((from, to)) = citation.span else {
            continue;
        };
        let byte = |character| {
            text.char_indices()
                .nth(character)
                .map_or(text.len(), |(byte, _)| byte)
        };
        let (from, to) = (byte(from), byte(to));
        w.open().key("segment").open();
        w.member("startIndex", &from).member("endIndex", &to);
        w.text_if("text", text.get(from..to)).close();
        w.member("groundingChunkIndices", &[place]).close();
    }
    w.close_list().close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_part_become_characters_of_the_text() {
        let mut grounding = Grounding::default();
        grounding.part(None);
        grounding.part(Some("é is "));
        grounding.part(Some("4 °C"));
        let json = r#"{"groundingMetadata":{"groundingChunks":[{"web":{"uri":"u","title":"t"}},{}],
            "groundingSupports":[{"segment":{"partIndex":2,"startIndex":2,"endIndex":5,"text":"°C"},
            "groundingChunkIndices":[0,9]},{"segment":{"endIndex":2},"groundingChunkIndices":[0]},
            {"segment":{"endIndex":99},"groundingChunkIndices":[0]}]}}"#;
        let candidate = Object::parse(json.as_bytes()).unwrap();
        let spans: Vec<_> = grounding
            .read(&candidate)
            .iter()
            .map(|citation| citation.span)
            .collect();
        assert_eq!(spans, [Some((7, 9)), Some((0, 1)), None]);
        assert!(grounding.read(&candidate).is_empty());
    }

    #[test]
    fn characters_become_bytes_again() {
        let citation = Citation {
            url: "u".into(),
            title: "".into(),
            cited_text: "".into(),
            span: Some((2, 4)),
            raw: None,
        };
        let mut w = Writer::default();
        write(&[&citation], "4 °C", &mut w);
        assert_eq!(
            w.into_text(),
            r#"{"groundingChunks":[{"web":{"uri":"u"}}],"groundingSupports":[{"segment":{"startIndex":2,"endIndex":5,"text":"°C"},"groundingChunkIndices":[0]}]}"#
        );
    }
}
