//! Where a text is from.
//!
//! Source: Cohere's `Citation` and `Source`; places are characters of one item of the content.

use serde_json::value::RawValue;

use crate::chat::Citation;
use crate::json::{Object, Writer};

/// Reads one citation of an item that begins at the character `offset` of the whole text; with it, the number of its
/// item.
pub(super) fn read(raw: &RawValue, offset: impl Fn(u64) -> usize) -> Option<(u64, Citation<'_>)> {
    let mut object = Object::of(raw)?;
    let item = object
        .unsigned("content_index")
        .ok()
        .flatten()
        .unwrap_or_default();
    let mut place = |name| {
        let number = object.unsigned(name).ok().flatten()?;
        offset(item).checked_add(usize::try_from(number).ok()?)
    };
    let span = place("start").zip(place("end"));
    let cited_text = object.text("text").ok().flatten().unwrap_or_default();
    let (mut url, mut title) = Default::default();
    for raw in object.array("sources").ok().flatten().unwrap_or_default() {
        let Some(mut source) = Object::of(raw) else {
            continue;
        };
        let told = ["document", "tool_output"]
            .into_iter()
            .find_map(|name| source.object(name).ok().flatten());
        let Some(mut told) = told else { continue };
        url = told.text("url").ok().flatten().unwrap_or_default();
        title = told.text("title").ok().flatten().unwrap_or_default();
        break;
    }
    let citation = Citation {
        url,
        title,
        cited_text,
        span,
        raw: Some(std::borrow::Cow::Borrowed(raw)),
    };
    Some((item, citation))
}

/// Writes one citation of the item `number`, which begins at the character `offset` of the whole text.
pub(super) fn write(
    citation: &Citation<'_>,
    number: u64,
    offset: usize,
    place: u64,
    w: &mut Writer,
) {
    let (from, to) = citation.span.unwrap_or((offset, offset));
    w.open();
    w.member("start", &from.saturating_sub(offset));
    w.member("end", &to.saturating_sub(offset));
    w.text("text", &citation.cited_text);
    w.key("sources").open_list().open().text("type", "document");
    w.text("id", &format!("doc:{place}")).key("document").open();
    w.text("title", &citation.title).text("url", &citation.url);
    w.close().close().close_list();
    w.member("content_index", &number)
        .text("type", "TEXT_CONTENT")
        .close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_in_the_whole_text_and_back() {
        let json = r#"{"start":6,"end":10,"text":"4 °C","content_index":1,
            "sources":[{"type":"tool","id":"a"},{"type":"document","document":{"url":"u","title":"t"}}]}"#;
        let (item, citation) = read(serde_json::from_str(json).unwrap(), |_| 100).unwrap();
        assert_eq!((item, citation.span), (1, Some((106, 110))));
        assert_eq!((citation.url.as_ref(), citation.title.as_ref()), ("u", "t"));
        let mut w = Writer::default();
        write(&citation, 1, 100, 0, &mut w);
        assert!(
            w.into_text()
                .starts_with(r#"{"start":6,"end":10,"text":"4 °C","#)
        );
    }
}
