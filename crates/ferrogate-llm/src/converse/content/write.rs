//! Content blocks as they are written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use crate::chat::Citation;
use crate::json::Writer;

/// A block of text.
pub(in crate::converse) fn text(text: &str, w: &mut Writer) {
    w.open().text("text", text).close();
}

/// Text with where it is from; the block stays open for further members of its inner object.
pub(in crate::converse) fn cited(
    text: &str,
    citations: &[Citation<'_>],
    own: bool,
    w: &mut Writer,
) {
    w.open().key("citationsContent").open();
    w.key("content").open_list();
    self::text(text, w);
    w.close_list().key("citations").open_list();
    for citation in citations {
        self::citation(citation, own, w);
    }
    w.close_list();
}

/// One citation: as it came where it came from Bedrock, else what everybody's have in common.
pub(in crate::converse) fn citation(citation: &Citation<'_>, own: bool, w: &mut Writer) {
    if let (true, Some(raw)) = (own, &citation.raw) {
        w.raw(raw);
        return;
    }
    w.open().text("title", &citation.title);
    if !citation.cited_text.is_empty() {
        w.key("sourceContent").open_list();
        text(&citation.cited_text, w);
        w.close_list();
    }
    if !citation.url.is_empty() {
        w.key("location").open().key("web").open();
        w.text("url", &citation.url).close().close();
    }
    w.close();
}

/// A call, up to the end of its inner object, which stays open. Input must be an object: free text becomes one, and
/// what is none becomes an empty one; says whether it was carried.
pub(in crate::converse) fn tool_use(
    id: &str,
    name: &str,
    arguments: &str,
    custom: bool,
    w: &mut Writer,
) -> bool {
    w.open().key("toolUse").open();
    w.text("toolUseId", id).text("name", name).key("input");
    if custom {
        w.open().text("input", arguments).close();
        return true;
    }
    match object_text(arguments) {
        Some(json) => {
            w.raw(json);
        }
        None => {
            w.open().close();
        }
    }
    arguments.is_empty() || object_text(arguments).is_some()
}

/// Text that is one JSON object.
pub(in crate::converse) fn object_text(text: &str) -> Option<&RawValue> {
    text.trim_ascii_start()
        .starts_with('{')
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

/// A thought; the block stays open for further members of its text.
pub(in crate::converse) fn thinking(text: &str, signature: Option<&str>, w: &mut Writer) {
    w.open().key("reasoningContent").open();
    w.key("reasoningText").open().text("text", text);
    w.text_if("signature", signature);
}

/// The member of a redacted thought, and whether there is one: SDKs decode it, so it must be base64.
pub(in crate::converse) fn redacted(data: &str, w: &mut Writer) -> bool {
    let decodable = STANDARD.decode(data).is_ok();
    if decodable {
        w.text("redactedContent", data);
    }
    decodable
}
