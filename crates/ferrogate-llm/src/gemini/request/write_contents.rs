//! The conversation of a request for a provider.

use std::borrow::Cow;
use std::collections::HashMap;

use super::contents::{self, Content, is_media, results_show_media};
use super::tools::is_object;
use crate::chat::calls;
use crate::chat::{Block, ChatRequest, Media, MediaKind, Part, Source, join};
use crate::gemini::{name, part};
use crate::json::{self, Writer};
use crate::lossy::Field;
use crate::protocol::{TargetProfile, Untranslatable};
use crate::{Dialect, Lossy, ThinkingStyle};

/// Stands for the mark of a call that no Gemini model made: base64 of `skip_thought_signature_validator`. Source:
/// Google's guide on thought signatures, "migrating from other models".
const NO_SIGNATURE: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

/// Writes `systemInstruction` and `contents`.
pub(super) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) -> Result<(), Untranslatable> {
    let (system, contents) = contents::of(request, target, lossy);
    let mut turns = Turns {
        request,
        target,
        w,
        lossy,
        names: names(request),
    };
    if let Some(system) = &system {
        turns.w.key("systemInstruction").open();
        turns.content(system)?;
        turns.w.close();
    }
    turns.w.key("contents").open_list();
    for content in &contents {
        turns.w.open().text("role", content.role);
        turns.content(content)?;
        turns.w.close();
    }
    turns.w.close_list();
    Ok(())
}

/// The tool of each call, which a result may not name.
fn names<'r>(request: &'r ChatRequest<'_>) -> HashMap<&'r str, &'r str> {
    request
        .messages
        .iter()
        .flat_map(|message| &message.parts)
        .filter_map(|part| match &part.block {
            Block::ToolUse { id, name, .. } => Some((id.as_ref(), name.as_ref())),
            _ => None,
        })
        .collect()
}

struct Turns<'o, 'r, 'a> {
    request: &'r ChatRequest<'a>,
    target: &'o TargetProfile<'o>,
    w: &'o mut Writer,
    lossy: &'o mut Lossy,
    names: HashMap<&'r str, &'r str>,
}

impl<'r, 'a> Turns<'_, 'r, 'a> {
    fn own(&self) -> bool {
        self.request.dialect == Dialect::Gemini
    }

    fn content(&mut self, content: &Content<'r, 'a>) -> Result<(), Untranslatable> {
        self.w.key("parts").open_list();
        let mut unsigned =
            content.role == "model" && self.target.traits.thinking == ThinkingStyle::GeminiLevel;
        for part in &content.parts {
            let call = matches!(part.block, Block::ToolUse { .. });
            // Only the first of several calls has a mark, and without one the whole turn is refused.
            let bypass = call && unsigned && part.signature.is_none();
            unsigned &= !call;
            self.part(part, bypass.then_some(NO_SIGNATURE))?;
        }
        self.w.close_list();
        if let Some(message) = content.message {
            self.w.rest(&message.extra);
        }
        Ok(())
    }

    fn part(&mut self, part: &Part<'_>, bypass: Option<&str>) -> Result<(), Untranslatable> {
        self.lossy.lose_if(Field::Cache, part.cache.as_ref());
        let mut signature = part.signature.as_deref().or(bypass);
        self.w.open();
        match &part.block {
            Block::Text { text, citations } => {
                self.w.text("text", text);
                self.lossy.lose_if(Field::Citations, citations.first());
            }
            Block::Refusal(text) => {
                self.w.text("text", text);
            }
            Block::Thinking {
                text,
                signature: own,
            } => {
                self.w.text("text", text).member("thought", &true);
                signature = own.as_deref();
            }
            Block::Media(media) => self.media(media, part)?,
            Block::ToolUse {
                id,
                name,
                arguments,
                custom,
            } => self.call(id, name, arguments, *custom, part),
            Block::ToolResult {
                id,
                name,
                parts,
                is_error,
                ..
            } => {
                let name = name
                    .as_deref()
                    .or_else(|| self.names.get(id.as_ref()).copied())
                    .unwrap_or(id);
                self.result(id, name, parts, *is_error, part)?;
            }
            Block::Foreign { raw, .. } => {
                // The object is open already.
                if let Some(object) = json::Object::of(raw) {
                    self.w.rest(&object);
                }
            }
            Block::RedactedThinking { data } => {
                self.w.text("text", "").member("thought", &true);
                signature = Some(data);
            }
        }
        self.w.text_if("thoughtSignature", signature);
        if self.own() {
            name::rest(&part.extra, self.w);
        } else {
            let within = Field::Media.name(self.request.dialect);
            self.lossy.lose_members(within, &part.extra);
        }
        self.w.close();
        Ok(())
    }

    fn call(&mut self, id: &str, called: &str, arguments: &str, custom: bool, part: &Part<'_>) {
        self.w.key("functionCall").open();
        self.id(id);
        self.w.text("name", called);
        if custom {
            self.w.key("args").open().text("input", arguments).close();
        } else if is_object(arguments) {
            self.w.key("args").literal(arguments);
        } else if !arguments.trim().is_empty() {
            // What the model made is no object; it still reads what it had said.
            self.w
                .key("args")
                .open()
                .text("arguments", arguments)
                .close();
        } else if !self.own() {
            self.w.key("args").open().close();
        }
        if self.own() {
            name::rest_of(&part.extra, "functionCall", self.w);
        }
        self.w.close();
    }

    /// The id where the model takes one; ids made here are for other dialects only.
    fn id(&mut self, id: &str) {
        if self.own() || self.target.traits.call_ids {
            self.w.text_if("id", calls::own_id(id));
        }
    }

    fn result(
        &mut self,
        id: &str,
        called: &str,
        parts: &[Part<'_>],
        is_error: bool,
        part: &Part<'_>,
    ) -> Result<(), Untranslatable> {
        self.w.key("functionResponse").open();
        if self.own() {
            self.w.raw_if("id", part.extra.twin("functionResponse.id"));
        } else {
            self.id(id);
        }
        self.w.text("name", called);
        if !self.own() || parts.iter().any(|part| !is_media(part)) {
            self.w.key("response");
            self.response(parts, is_error);
        }
        let shown: Vec<&Part<'_>> = parts.iter().filter(|part| is_media(part)).collect();
        if !shown.is_empty() && (self.own() || results_show_media(self.target)) {
            self.w.key("parts").open_list();
            for part in shown {
                self.part(part, None)?;
            }
            self.w.close_list();
        }
        if self.own() {
            name::rest_of(&part.extra, "functionResponse", self.w);
        }
        self.w.close();
        Ok(())
    }

    /// What the tool said as an object: an object as it is, anything else under `output`, an error under `error`.
    /// Source: the Gemini API's reference, `FunctionResponse.response`.
    fn response(&mut self, parts: &[Part<'_>], is_error: bool) {
        let within = Field::Media.name(self.request.dialect);
        let own = self.own();
        for part in parts.iter().filter(|_| !own) {
            self.lossy.lose_members(within, &part.extra);
        }
        for part in parts {
            if !self.own() && !is_media(part) {
                let within = Field::Media.name(self.request.dialect);
                self.lossy.lose_members(within, &part.extra);
            }
            match &part.block {
                Block::Text { .. } | Block::Media(_) => {}
                Block::Foreign { kind, .. } => {
                    self.lossy.lose_named(format!("{within}.{kind}"));
                }
                _ => self.lossy.lose(Field::Media),
            }
        }
        let text = join(parts, "\n");
        let object = is_object(&text);
        let told = object
            && (!is_error
                || json::Object::parse(text.as_bytes())
                    .is_ok_and(|told| told.peek("error").is_some()));
        if told {
            self.w.literal(&text);
            return;
        }
        self.w.open().key(if is_error { "error" } else { "output" });
        let is_json = object || text.trim_start().starts_with(['[', '"']);
        if is_json && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() {
            self.w.literal(&text);
        } else {
            self.w.string(&text);
        }
        self.w.close();
    }

    fn media(&mut self, media: &Media<'_>, part: &Part<'_>) -> Result<(), Untranslatable> {
        self.lossy.lose_if(Field::Detail, media.detail.as_ref());
        let outer = match &media.source {
            Source::Data { media_type, base64 } => {
                self.w.key("inlineData").open();
                self.w
                    .text("mimeType", usual(media_type))
                    .text("data", base64);
                "inlineData"
            }
            Source::Url { url, media_type } => {
                self.fetchable(url, media)?;
                let media_type = media_type.as_deref().or_else(|| {
                    // A film on YouTube has none.
                    part::media_type_of(url)
                        .or((media.kind == MediaKind::Image).then_some("image/jpeg"))
                });
                self.w.key("fileData").open();
                self.w.text_if("mimeType", media_type).text("fileUri", url);
                "fileData"
            }
            Source::Text(text) => {
                // A document that is text is read as text, its title in front.
                let text = match &media.name {
                    Some(name) => Cow::Owned(format!("{name}\n\n{text}")),
                    None => Cow::Borrowed(text.as_ref()),
                };
                self.w.text("text", &text);
                return Ok(());
            }
            Source::File(_) | Source::Foreign(_) => {
                return Err(Untranslatable::new(
                    Field::Media.name(self.request.dialect),
                    "a file id is known to the provider that gave it only: send the bytes in base64",
                ));
            }
        };
        if self.own() {
            self.w.text_if("displayName", media.name.as_deref());
            name::rest_of(&part.extra, outer, self.w);
        } else if media.name.is_some() {
            // The Gemini API refuses the name that Vertex AI takes.
            let within = Field::Media.name(self.request.dialect);
            self.lossy.lose_named(format!("{within}.filename"));
        }
        self.w.close();
        Ok(())
    }

    /// Google's own addresses are read by every model, others by some.
    fn fetchable(&self, url: &str, media: &Media<'_>) -> Result<(), Untranslatable> {
        const OWN: [&str; 5] = [
            "gs://",
            "https://generativelanguage.googleapis.com/",
            "https://www.youtube.com/",
            "https://youtube.com/",
            "https://youtu.be/",
        ];
        let fetches = self.own()
            || OWN.iter().any(|own| url.starts_with(own))
            || (self.target.traits.image_urls && (media.kind != MediaKind::Audio));
        if fetches {
            return Ok(());
        }
        Err(Untranslatable::new(
            Field::Media.name(self.request.dialect),
            "this model fetches nothing from the network: send the bytes in base64",
        ))
    }
}

/// Media types under the names Google knows. Source: the Gemini API's guide on audio.
fn usual(media_type: &str) -> &str {
    match media_type {
        "audio/mpeg" => "audio/mp3",
        "audio/x-wav" | "audio/wave" => "audio/wav",
        "image/jpg" => "image/jpeg",
        other => other,
    }
}
