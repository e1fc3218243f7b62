//! One part of a turn.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::write::Body;
use crate::Dialect;
use crate::chat::{Block, Media, MediaKind, Part, Source};
use crate::json::{Object, Writer};
use crate::lossy::Field;
use crate::protocol::Untranslatable;

impl Body<'_, '_> {
    /// Whether a part of another dialect has a form here; notes what has none.
    pub(super) fn carries(&mut self, part: &Part<'_>) -> bool {
        self.lossy.lose_if(Field::Thinking, part.signature.as_ref());
        match &part.block {
            Block::Text { text, citations } => {
                self.lossy.lose_if(Field::Citations, citations.first());
                // Blank text is refused.
                !text.trim().is_empty()
            }
            Block::Refusal(text) => !text.trim().is_empty(),
            // What has no signature cannot be sent back.
            Block::Thinking {
                signature: None, ..
            } => {
                self.lossy.lose(Field::Thinking);
                false
            }
            Block::Media(Media {
                source: Source::Foreign(_),
                ..
            }) => {
                self.lossy.lose(Field::Media);
                false
            }
            Block::Foreign { kind, .. } => {
                let within = Field::Media.name(self.request.dialect);
                self.lossy.lose_named(format!("{within}.{kind}"));
                false
            }
            _ => true,
        }
    }

    /// Writes a part.
    pub(super) fn part(&mut self, part: &Part<'_>) -> Result<(), Untranslatable> {
        let mut mark = part.cache;
        match &part.block {
            Block::Foreign { raw, .. } => {
                self.w.raw(raw);
                return Ok(());
            }
            Block::Text { text, citations } => {
                self.w.open().text("type", "text").text("text", text);
                if self.own && !citations.is_empty() {
                    self.w.key("citations").open_list();
                    for raw in citations.iter().filter_map(|one| one.raw.as_deref()) {
                        self.w.raw(raw);
                    }
                    self.w.close_list();
                }
            }
            Block::Refusal(text) => {
                self.w.open().text("type", "text").text("text", text);
            }
            Block::Media(media) => self.media(media, &part.extra)?,
            Block::ToolUse {
                id,
                name,
                arguments,
                custom,
            } => {
                self.w.open().text("type", "tool_use");
                let id = self.call_id(id);
                self.w.text("id", &id).text("name", name).key("input");
                if !write_input(arguments, *custom, &mut self.w) {
                    let name = match self.request.dialect {
                        Dialect::OpenAiResponses => "input.arguments",
                        _ => "messages.tool_calls.function.arguments",
                    };
                    self.lossy.lose_named(name);
                }
            }
            Block::ToolResult {
                id,
                parts,
                plain,
                is_error,
                ..
            } => {
                self.w.open().text("type", "tool_result");
                let id = self.call_id(id);
                self.w.text("tool_use_id", &id);
                self.result(parts, *plain)?;
                if *is_error {
                    self.w.member("is_error", &true);
                }
                if !self.own {
                    mark = mark.or_else(|| parts.iter().rev().find_map(|part| part.cache));
                }
            }
            Block::Thinking { text, signature } => {
                self.w.open().text("type", "thinking");
                self.w.text("thinking", text);
                self.w
                    .text("signature", signature.as_deref().unwrap_or_default());
                mark = mark.filter(|_| self.own);
            }
            Block::RedactedThinking { data } => {
                self.w.open().text("type", "redacted_thinking");
                self.w.text("data", data);
                mark = mark.filter(|_| self.own);
            }
        }
        self.points.write(mark, &mut self.w, self.lossy);
        if self.own {
            self.w.rest_outside(&part.extra, &["source"]);
        } else {
            let within = Field::Media.name(self.request.dialect);
            self.lossy.lose_members(within, &part.extra);
        }
        self.w.close();
        Ok(())
    }

    /// What a tool said: text as a string, or text, pictures and documents.
    fn result(&mut self, parts: &[Part<'_>], plain: bool) -> Result<(), Untranslatable> {
        if parts.is_empty() {
            if self.own && !plain {
                self.w.key("content").open_list().close_list();
            }
            return Ok(());
        }
        let only_text = parts
            .iter()
            .all(|part| matches!(part.block, Block::Text { .. }));
        if only_text && (plain || !self.own) {
            self.w.text("content", &crate::chat::join(parts, ""));
            if !self.own {
                let within = Field::Media.name(self.request.dialect);
                for part in parts {
                    self.lossy.lose_members(within, &part.extra);
                }
            }
            return Ok(());
        }
        self.w.key("content").open_list();
        for part in parts {
            if self.own {
                self.part(part)?;
            } else if self.carries(part) {
                // The result has the mark for all of it.
                let bare = Part {
                    cache: None,
                    ..part.clone()
                };
                self.part(&bare)?;
            }
        }
        self.w.close_list();
        Ok(())
    }

    /// Opens a block of media.
    fn media(&mut self, media: &Media<'_>, extra: &Object<'_>) -> Result<(), Untranslatable> {
        let kind = match media.kind {
            MediaKind::Image => "image",
            MediaKind::Document => "document",
            MediaKind::Audio | MediaKind::Video => {
                return Err(self.untranslatable("this model takes no recordings and no films"));
            }
        };
        if !self.own {
            let detail = media.detail.as_ref().filter(|detail| *detail != "auto");
            self.lossy.lose_if(Field::Detail, detail);
        }
        self.w.open().text("type", kind);
        self.w.key("source");
        self.source(media)?;
        if self.own {
            self.w.rest_of(extra, "source");
        }
        if !matches!(media.source, Source::Foreign(_)) {
            self.w.close();
        }
        if media.kind == MediaKind::Document {
            self.w.text_if("title", media.name.as_deref());
        }
        Ok(())
    }

    /// Writes a source and leaves its object open, but for one of a foreign form.
    fn source(&mut self, media: &Media<'_>) -> Result<(), Untranslatable> {
        match &media.source {
            Source::Data { media_type, base64 } if self.fits(media.kind, media_type) => {
                self.w.open().text("type", "base64");
                self.w.text("media_type", media_type).text("data", base64);
            }
            Source::Data { media_type, base64 } => {
                let text = is_text(media_type)
                    .then(|| STANDARD.decode(base64.as_bytes()).ok())
                    .flatten()
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or_else(|| {
                        self.untranslatable(&format!(
                            "this provider takes pictures, PDF and text, not `{media_type}`"
                        ))
                    })?;
                self.text_source(&text);
            }
            Source::Text(text) => self.text_source(text),
            Source::Url { url, .. } => {
                if !self.own {
                    self.check_url(url)?;
                }
                self.w.open().text("type", "url").text("url", url);
            }
            Source::File(id) if self.own => {
                self.w.open().text("type", "file").text("file_id", id);
            }
            Source::File(_) => {
                return Err(self.untranslatable(
                    "a file id is known to the provider that gave it only: send the bytes in base64",
                ));
            }
            Source::Foreign(raw) => {
                self.w.raw(raw);
            }
        }
        Ok(())
    }

    fn text_source(&mut self, text: &str) {
        self.w.open().text("type", "text");
        self.w.text("media_type", "text/plain").text("data", text);
    }

    fn fits(&self, kind: MediaKind, media_type: &str) -> bool {
        self.own || kind == MediaKind::Image || media_type == "application/pdf"
    }

    fn check_url(&self, url: &str) -> Result<(), Untranslatable> {
        let web = url.starts_with("https://") || url.starts_with("http://");
        if !web || !self.target.traits.image_urls {
            return Err(self.untranslatable(
                "this provider does not fetch from that URL: send the bytes in base64",
            ));
        }
        Ok(())
    }

    fn untranslatable(&self, message: &str) -> Untranslatable {
        Untranslatable::new(Field::Media.name(self.request.dialect), message)
    }

    /// The id of a call in the letters that are accepted, the same for call and result.
    fn call_id<'i>(&self, id: &'i str) -> Cow<'i, str> {
        let fits = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '-';
        if self.own || (!id.is_empty() && id.chars().all(fits)) {
            return Cow::Borrowed(id);
        }
        if id.is_empty() {
            return Cow::Borrowed("_");
        }
        let fitted = id.chars().map(|char| if fits(char) { char } else { '_' });
        Cow::Owned(fitted.collect())
    }
}

/// Media types that are text under another name.
fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || matches!(
            media_type,
            "application/json" | "application/xml" | "application/x-yaml" | "application/toml"
        )
}

/// Writes the arguments of a call, which must be an object; says whether they were one.
pub(in crate::anthropic) fn write_input(arguments: &str, custom: bool, w: &mut Writer) -> bool {
    if custom {
        w.open().text("input", arguments).close();
        return true;
    }
    let object = serde_json::from_str::<&RawValue>(arguments)
        .ok()
        .filter(|raw| raw.get().starts_with('{'));
    match object {
        Some(raw) => w.raw(raw),
        // Nothing means no arguments. What a model got wrong cannot be sent: a string is refused.
        None => w.literal("{}"),
    };
    object.is_some() || arguments.trim().is_empty()
}
