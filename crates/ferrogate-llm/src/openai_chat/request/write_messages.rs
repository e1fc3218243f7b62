//! The conversation of a request for a provider.

use std::borrow::Cow;
use std::collections::HashSet;

use super::write::cache_mark;
use crate::chat::{Block, ChatRequest, Media, MediaKind, Message, Part, Role, Source};
use crate::json::{Object, Writer};
use crate::lossy::Field;
use crate::protocol::{TargetProfile, Untranslatable};
use crate::{Dialect, Lossy, Quirk};

pub(super) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) -> Result<(), Untranslatable> {
    let mut turns = Turns {
        request,
        target,
        w,
        lossy,
        answered: HashSet::new(),
        held: Vec::new(),
    };
    turns.w.open_list();
    for (index, message) in request.messages.iter().enumerate() {
        let next = request.messages.get(index + 1);
        match message.role {
            Role::System | Role::Developer | Role::User | Role::Tool => {
                turns.turn(message, next)?;
            }
            Role::Assistant => turns.assistant(
                message,
                request.messages.get(index + 1..).unwrap_or_default(),
            )?,
        }
    }
    turns.w.close_list();
    Ok(())
}

struct Turns<'o, 'a> {
    request: &'o ChatRequest<'a>,
    target: &'o TargetProfile<'o>,
    w: &'o mut Writer,
    lossy: &'o mut Lossy,
    /// Results that were written ahead of their turn.
    answered: HashSet<&'o str>,
    /// Pictures of results, until no other result follows: results must stand side by side.
    held: Vec<&'o Part<'o>>,
}

impl<'o> Turns<'o, '_> {
    fn own(&self) -> bool {
        self.request.dialect == Dialect::OpenAiChat
    }

    /// A turn of anybody but the model: results of tools become messages of their own, in front of what else is said.
    fn turn(
        &mut self,
        message: &'o Message<'_>,
        next: Option<&Message<'_>>,
    ) -> Result<(), Untranslatable> {
        for part in &message.parts {
            if let Block::ToolResult { id, parts, .. } = &part.block {
                if !self.answered.contains(id.as_ref()) {
                    self.result(part, &message.extra)?;
                }
                self.held.extend(
                    parts
                        .iter()
                        .filter(|part| matches!(part.block, Block::Media(_))),
                );
            }
        }
        let mut rest: Vec<&Part<'_>> = message
            .parts
            .iter()
            .filter(|part| !matches!(part.block, Block::ToolResult { .. }))
            .collect();
        if rest.is_empty() && next.is_some_and(|next| next.role == Role::Tool) {
            return Ok(());
        }
        rest.append(&mut self.held);
        if rest.is_empty() && !message.parts.is_empty() {
            return Ok(());
        }
        let role = match message.role {
            Role::Developer if !self.target.has(Quirk::NoDeveloperRole) => "developer",
            Role::System | Role::Developer => "system",
            _ => "user",
        };
        self.w.open().text("role", role);
        self.w.key("content");
        self.content(&rest, message.plain)?;
        self.name(message);
        self.extra(message);
        self.w.close();
        Ok(())
    }

    fn name(&mut self, message: &Message<'_>) {
        if self.target.has(Quirk::NoMessageNames) {
            self.lossy.lose_if(Field::Name, message.name.as_ref());
        } else {
            self.w.text_if("name", message.name.as_deref());
        }
    }

    fn extra(&mut self, message: &Message<'_>) {
        if self.own() {
            self.w.rest(&message.extra);
        } else {
            self.lossy.lose_members("messages", &message.extra);
        }
    }

    /// A tool's result. Chat has text there and nothing else: pictures follow in the person's turn.
    fn result(&mut self, result: &Part<'_>, extra: &Object<'_>) -> Result<(), Untranslatable> {
        let Block::ToolResult {
            id,
            parts,
            plain,
            is_error,
            ..
        } = &result.block
        else {
            return Ok(());
        };
        self.w.open().text("role", "tool");
        let id = self.call_id(id);
        self.w.text("tool_call_id", &id);
        self.lose_of(result);
        if self.own() && !plain && !self.target.has(Quirk::TextToolResults) {
            let parts: Vec<&Part<'_>> = parts.iter().collect();
            self.w.key("content");
            self.content(&parts, false)?;
            self.w.rest(extra).close();
            return Ok(());
        }
        let mut text = String::new();
        if *is_error {
            // The dialect has no place for it; the model reads it all the same.
            text.push_str("Error: ");
        }
        for part in parts {
            if !self.own() {
                self.lossy.lose_members("messages.content", &part.extra);
            }
            match &part.block {
                Block::Text { text: said, .. } => {
                    text.push_str(said);
                    self.lose_of(part);
                }
                Block::Media(_) => text.push_str("[see the attachment in the next message]"),
                Block::Foreign { raw, .. } => text.push_str(raw.get()),
                _ => self.lossy.lose(Field::Media),
            }
        }
        self.w.text("content", &text);
        if self.own() {
            self.w.rest(extra);
        }
        self.w.close();
        Ok(())
    }

    fn assistant(
        &mut self,
        message: &'o Message<'_>,
        later: &'o [Message<'_>],
    ) -> Result<(), Untranslatable> {
        let calls: Vec<&Part<'_>> = message
            .parts
            .iter()
            .filter(|part| matches!(part.block, Block::ToolUse { .. }))
            .collect();
        if self.target.has(Quirk::PairedToolResults) && calls.len() > 1 {
            for (place, call) in calls.iter().enumerate() {
                self.said(message, &[*call], place == 0)?;
                let Block::ToolUse { id, .. } = &call.block else {
                    continue;
                };
                let found = later.iter().flat_map(|message| &message.parts).find(
                    |part| matches!(&part.block, Block::ToolResult { id: of, .. } if of == id),
                );
                if let Some(found) = found {
                    self.result(found, &Object::default())?;
                    self.answered.insert(id.as_ref());
                }
            }
            return Ok(());
        }
        self.said(message, &calls, true)
    }

    fn said(
        &mut self,
        message: &Message<'_>,
        calls: &[&Part<'_>],
        with_text: bool,
    ) -> Result<(), Untranslatable> {
        self.w.open().text("role", "assistant");
        let said: Vec<&Part<'_>> = message
            .parts
            .iter()
            .filter(|part| {
                matches!(
                    part.block,
                    Block::Text { .. } | Block::Media(_) | Block::Foreign { .. }
                )
            })
            .filter(|_| with_text)
            .collect();
        if !said.is_empty() {
            self.w.key("content");
            self.content(&said, message.plain)?;
        } else if !calls.is_empty() {
            self.w.key("content").literal("null");
        } else if !message
            .parts
            .iter()
            .any(|part| matches!(part.block, Block::Refusal(_)))
        {
            self.w.text("content", "");
        }
        if with_text {
            let refusal = message.parts.iter().find_map(|part| match &part.block {
                Block::Refusal(refusal) => Some(refusal.as_ref()),
                _ => None,
            });
            self.w.text_if("refusal", refusal);
        }
        self.thoughts(message, !calls.is_empty());
        if !calls.is_empty() {
            self.w.key("tool_calls").open_list();
            for call in calls {
                // Google's mark on a call says nothing to anybody else.
                self.lossy.lose_if(Field::Thinking, call.signature.as_ref());
                self.lose_of(call);
                self.call(&call.block);
            }
            self.w.close_list();
        }
        if with_text {
            self.name(message);
            self.extra(message);
        }
        self.w.close();
        Ok(())
    }

    fn call(&mut self, block: &Block<'_>) {
        let Block::ToolUse {
            id,
            name,
            arguments,
            custom,
        } = block
        else {
            return;
        };
        let (kind, member) = if *custom {
            ("custom", "input")
        } else {
            ("function", "arguments")
        };
        let id = self.call_id(id);
        self.w.open().text("id", &id).text("type", kind);
        self.w.key(kind).open().text("name", name);
        let arguments = if arguments.is_empty() && !custom {
            "{}"
        } else {
            arguments
        };
        self.w.text(member, arguments).close().close();
    }

    /// Thoughts go back as they came, or as text where the provider wants its own back.
    fn thoughts(&mut self, message: &Message<'_>, calls: bool) {
        if self.own() && !message.twins.is_empty() {
            self.w.rest(&message.twins);
            return;
        }
        let mut text = String::new();
        let mut any = false;
        for part in &message.parts {
            match &part.block {
                Block::Thinking { text: thought, .. } => {
                    any = true;
                    text.push_str(thought);
                }
                Block::RedactedThinking { .. } => any = true,
                _ => {}
            }
        }
        if self.target.has(Quirk::ReplaysReasoning) && (any || calls) {
            // The provider refuses a turn with calls that has none; a blank one is accepted when it was lost.
            self.w.text(
                "reasoning_content",
                if text.is_empty() { " " } else { &text },
            );
        } else if any {
            self.lossy.lose(Field::Thinking);
        }
    }

    /// Content as a string where it can be, else as a list of parts.
    fn content(&mut self, parts: &[&Part<'_>], plain: bool) -> Result<(), Untranslatable> {
        let only_text = parts
            .iter()
            .all(|part| matches!(part.block, Block::Text { .. }));
        let marked =
            parts.iter().any(|part| part.cache.is_some()) && self.target.has(Quirk::CacheControl);
        let flat = only_text
            && !marked
            && (plain || self.target.has(Quirk::TextContent) || (!self.own() && parts.len() == 1));
        if flat || parts.is_empty() {
            let mut texts = parts.iter().filter_map(|part| match &part.block {
                Block::Text { text, .. } => Some(text.as_ref()),
                _ => None,
            });
            let first = texts.next().unwrap_or_default();
            let mut joined = Cow::Borrowed(first);
            for text in texts {
                joined.to_mut().push_str(text);
            }
            self.w.string(&joined);
            for part in parts {
                self.lossy.lose_if(Field::Cache, part.cache.as_ref());
                self.lose_citations(part);
                if !self.own() {
                    let within = Field::Media.name(self.request.dialect);
                    self.lossy.lose_members(within, &part.extra);
                }
            }
            return Ok(());
        }
        self.w.open_list();
        for part in parts {
            self.part(part)?;
        }
        self.w.close_list();
        Ok(())
    }

    /// Notes what a part has that chat has no place for.
    fn lose_of(&mut self, part: &Part<'_>) {
        self.lossy.lose_if(Field::Cache, part.cache.as_ref());
        if !self.own() {
            self.lose_citations(part);
            let within = Field::Media.name(self.request.dialect);
            self.lossy.lose_members(within, &part.extra);
        }
    }

    /// A text that is sent back cannot say where it is from.
    fn lose_citations(&mut self, part: &Part<'_>) {
        if let Block::Text { citations, .. } = &part.block {
            self.lossy.lose_if(Field::Citations, citations.first());
        }
    }

    fn part(&mut self, part: &Part<'_>) -> Result<(), Untranslatable> {
        self.lose_citations(part);
        match &part.block {
            Block::Text { text, .. } => {
                self.w.open().text("type", "text").text("text", text);
            }
            Block::Media(media) => {
                if !self.media(media)? {
                    return Ok(());
                }
            }
            Block::Refusal(text) => {
                self.w.open().text("type", "refusal").text("refusal", text);
            }
            Block::Foreign { raw, .. } if self.own() => {
                self.w.raw(raw);
                return Ok(());
            }
            Block::Foreign { kind, .. } => {
                self.lossy.lose_named(format!("messages.content.{kind}"));
                return Ok(());
            }
            Block::Thinking { .. } | Block::RedactedThinking { .. } => {
                self.lossy.lose(Field::Thinking);
                return Ok(());
            }
            Block::ToolUse { .. } | Block::ToolResult { .. } => return Ok(()),
        }
        cache_mark(part.cache, self.request, self.target, self.w, self.lossy);
        if self.own() {
            self.w.rest(&part.extra);
        } else {
            let within = Field::Media.name(self.request.dialect);
            self.lossy.lose_members(within, &part.extra);
        }
        self.w.close();
        Ok(())
    }

    /// Opens a part of media; says whether there was a form for it.
    fn media(&mut self, media: &Media<'_>) -> Result<bool, Untranslatable> {
        match (media.kind, &media.source) {
            (MediaKind::Image | MediaKind::Video, Source::Data { .. } | Source::Url { .. }) => {
                if media.name.is_some()
                    || matches!(&media.source, Source::Url { media_type, .. } if media_type.is_some())
                {
                    self.lossy.lose(Field::Media);
                }
                let url = media.source.url_pieces().unwrap_or_default();
                let member = if media.kind == MediaKind::Image {
                    "image_url"
                } else {
                    "video_url"
                };
                self.w
                    .open()
                    .text("type", member)
                    .key(member)
                    .open()
                    .text_of("url", &url);
                self.w.text_if("detail", media.detail.as_deref()).close();
            }
            (MediaKind::Audio, Source::Data { media_type, base64 }) => {
                let format = media_type.strip_prefix("audio/").unwrap_or(media_type);
                let format = match format {
                    "mpeg" => "mp3",
                    "x-wav" | "wave" => "wav",
                    other => other,
                };
                self.w
                    .open()
                    .text("type", "input_audio")
                    .key("input_audio")
                    .open();
                self.w.text("data", base64).text("format", format).close();
            }
            (MediaKind::Document, Source::Data { .. }) => {
                let url = media.source.url_pieces().unwrap_or_default();
                self.w
                    .open()
                    .text("type", "file")
                    .key("file")
                    .open()
                    .text_of("file_data", &url);
                self.w
                    .text("filename", media.name.as_deref().unwrap_or("document.pdf"))
                    .close();
            }
            (_, Source::File(id)) if self.own() => {
                self.w
                    .open()
                    .text("type", "file")
                    .key("file")
                    .open()
                    .text("file_id", id);
                self.w.text_if("filename", media.name.as_deref()).close();
            }
            (_, Source::Text(text)) => {
                // A document that is text is read as text, its title in front.
                let text = match &media.name {
                    Some(name) => Cow::Owned(format!("{name}\n\n{text}")),
                    None => Cow::Borrowed(text.as_ref()),
                };
                self.w.open().text("type", "text").text("text", &text);
            }
            (MediaKind::Document | MediaKind::Audio, Source::Url { .. }) => {
                return Err(Untranslatable::new(
                    Field::Media.name(self.request.dialect),
                    "this provider takes documents and recordings as data, not by URL: send the bytes in base64",
                ));
            }
            (_, Source::File(_)) => {
                return Err(Untranslatable::new(
                    Field::Media.name(self.request.dialect),
                    "a file id is known to the provider that gave it only: send the bytes in base64",
                ));
            }
            (_, Source::Foreign(_)) => {
                self.lossy.lose(Field::Media);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The id of a call in the form the provider accepts, the same for call and result.
    fn call_id<'i>(&self, id: &'i str) -> Cow<'i, str> {
        let fits = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !self.target.has(Quirk::NineCharacterIds) || fits {
            return Cow::Borrowed(id);
        }
        // FNV-1a in base 36: deterministic, so that no state has to be kept between turns.
        let mut hash = crate::echo::fnv1a(id.as_bytes());
        let digits = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let nine = (0..9).map(|_| {
            let digit = usize::try_from(hash % 36).unwrap_or_default();
            hash /= 36;
            char::from(digits[digit])
        });
        Cow::Owned(nine.collect())
    }
}
