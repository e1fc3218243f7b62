//! Parts of a message's content for a provider.

use std::borrow::Cow;

use super::write::Body;
use crate::Dialect;
use crate::chat::{Block, CacheMark, Citation, Media, MediaKind, Part, Role, Source};
use crate::lossy::Field;
use crate::openai_responses::response::write_annotation;
use crate::protocol::Untranslatable;

impl Body<'_, '_> {
    /// Marks of OpenAI's own have a place here.
    pub(super) fn carries_mark(&self, mark: Option<CacheMark>) -> bool {
        mark.is_some()
            && matches!(
                self.request.dialect,
                Dialect::OpenAiChat | Dialect::OpenAiResponses
            )
    }

    /// One part of a message's content, or of what a tool said.
    pub(super) fn part(&mut self, part: &Part<'_>, role: Role) -> Result<(), Untranslatable> {
        let kind = match role {
            Role::Assistant => "output_text",
            _ => "input_text",
        };
        match &part.block {
            Block::Text { text, citations } => {
                self.w.open().text("type", kind).text("text", text);
                self.annotations(citations, role);
            }
            Block::Refusal(text) => {
                self.w.open().text("type", "refusal").text("refusal", text);
            }
            Block::Media(media) => {
                if !self.media(media)? {
                    return Ok(());
                }
            }
            Block::Foreign { raw, .. } if self.own => {
                self.w.raw(raw);
                return Ok(());
            }
            Block::Foreign { kind, .. } => {
                let within = Field::Media.name(self.request.dialect);
                self.lossy.lose_named(format!("{within}.{kind}"));
                return Ok(());
            }
            _ => return Ok(()),
        }
        if let Some(mark) = part.cache {
            if self.carries_mark(part.cache) {
                self.w.key("prompt_cache_breakpoint").open();
                self.w.text("mode", "explicit");
                self.w.text_if("ttl", mark.ttl().as_deref()).close();
            } else {
                self.lossy.lose(Field::Cache);
            }
        }
        if self.own {
            self.w.rest(&part.extra);
        } else {
            self.lossy.lose_if(Field::Thinking, part.signature.as_ref());
            let within = Field::Media.name(self.request.dialect);
            self.lossy.lose_members(within, &part.extra);
        }
        self.w.close();
        Ok(())
    }

    /// Where a text is from, which only texts of the model tell.
    fn annotations(&mut self, citations: &[Citation<'_>], role: Role) {
        let kept: Vec<&Citation<'_>> = citations
            .iter()
            .filter(|citation| self.own || !citation.url.is_empty())
            .collect();
        // A quotation has no place either.
        let whole = citations
            .iter()
            .all(|citation| citation.cited_text.is_empty());
        if role != Role::Assistant || kept.len() < citations.len() || !whole {
            self.lossy.lose_if(Field::Citations, citations.first());
        }
        if role != Role::Assistant || kept.is_empty() {
            return;
        }
        self.w.key("annotations").open_list();
        for citation in kept {
            write_annotation(citation, self.own, &mut self.w);
        }
        self.w.close_list();
    }

    /// Opens a part of media; says whether there was a form for it.
    fn media(&mut self, media: &Media<'_>) -> Result<bool, Untranslatable> {
        let param = Field::Media.name(self.request.dialect);
        match (media.kind, &media.source) {
            (_, Source::Text(text)) => {
                // A document that is text is read as text, its title in front.
                let text = match &media.name {
                    Some(name) => Cow::Owned(format!("{name}\n\n{text}")),
                    None => Cow::Borrowed(text.as_ref()),
                };
                self.w.open().text("type", "input_text").text("text", &text);
            }
            (_, Source::Foreign(_)) => {
                self.lossy.lose(Field::Media);
                return Ok(false);
            }
            (_, Source::File(_))
                if !matches!(self.request.dialect, Dialect::OpenAiChat) && !self.own =>
            {
                return Err(Untranslatable::new(
                    param,
                    "a file id is known to the provider that gave it only: send the bytes in base64",
                ));
            }
            (MediaKind::Image, source) => {
                self.w.open().text("type", "input_image");
                match source {
                    Source::File(id) => self.w.text("file_id", id),
                    source => self
                        .w
                        .text_of("image_url", &source.url_pieces().unwrap_or_default()),
                };
                // The member is required; what is meant without it is `auto`.
                match &media.detail {
                    None if self.own => {}
                    detail => {
                        self.w.text("detail", detail.as_deref().unwrap_or("auto"));
                    }
                }
            }
            (MediaKind::Document, source) => {
                self.w.open().text("type", "input_file");
                match source {
                    Source::File(id) => self.w.text("file_id", id),
                    Source::Url { url, .. } => self.w.text("file_url", url),
                    source => self
                        .w
                        .text_of("file_data", &source.url_pieces().unwrap_or_default()),
                };
                let named = matches!(source, Source::Data { .. }) && !self.own;
                let name = media.name.as_deref().or(named.then_some("document.pdf"));
                self.w.text_if("filename", name);
            }
            (MediaKind::Audio, Source::Data { media_type, base64 }) => {
                let format = match media_type.strip_prefix("audio/").unwrap_or(media_type) {
                    "mpeg" => "mp3",
                    "x-wav" | "wave" => "wav",
                    other => other,
                };
                self.w.open().text("type", "input_audio");
                self.w.key("input_audio").open();
                self.w.text("data", base64).text("format", format).close();
            }
            (MediaKind::Audio | MediaKind::Video, _) => {
                return Err(Untranslatable::new(
                    param,
                    "this provider takes recordings in base64 and no films",
                ));
            }
        }
        Ok(true)
    }
}
