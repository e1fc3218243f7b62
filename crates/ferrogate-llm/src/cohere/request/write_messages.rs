//! The conversation of a request for a provider.

use std::borrow::Cow;

use crate::chat::{Block, ChatRequest, Media, MediaKind, Message, Part, Role, Source};
use crate::json::Writer;
use crate::lossy::Field;
use crate::protocol::Untranslatable;
use crate::{Dialect, Lossy};

pub(super) fn write(
    request: &ChatRequest<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) -> Result<(), Untranslatable> {
    let mut turns = Turns { request, w, lossy };
    turns.w.open_list();
    for message in &request.messages {
        match message.role {
            Role::Assistant => turns.assistant(message)?,
            Role::System | Role::Developer | Role::User | Role::Tool => turns.turn(message)?,
        }
    }
    turns.w.close_list();
    Ok(())
}

struct Turns<'o, 'a> {
    request: &'o ChatRequest<'a>,
    w: &'o mut Writer,
    lossy: &'o mut Lossy,
}

impl Turns<'_, '_> {
    fn own(&self) -> bool {
        self.request.dialect == Dialect::Cohere
    }

    /// A turn of anybody but the model: results of tools become messages of their own, in front of what else is said.
    fn turn(&mut self, message: &Message<'_>) -> Result<(), Untranslatable> {
        let mut rest: Vec<&Part<'_>> = Vec::new();
        let mut results = 0;
        for part in &message.parts {
            let Block::ToolResult {
                id,
                parts,
                plain,
                is_error,
                ..
            } = &part.block
            else {
                rest.push(part);
                continue;
            };
            results += 1;
            self.beside(part);
            // Results are text: pictures follow in the person's turn.
            let (pictures, said): (Vec<&Part<'_>>, Vec<&Part<'_>>) = parts
                .iter()
                .partition(|part| matches!(part.block, Block::Media(_)));
            rest.extend(pictures);
            self.w.open().text("role", "tool").text("tool_call_id", id);
            self.w.key("content");
            self.content(&said, *plain, *is_error)?;
            if results == 1 {
                self.around(message);
            }
            self.w.close();
        }
        if rest.is_empty() && results > 0 {
            return Ok(());
        }
        let role = match message.role {
            Role::Developer if self.own() => "developer",
            Role::System | Role::Developer => "system",
            _ => "user",
        };
        self.w.open().text("role", role);
        self.w.key("content");
        self.content(&rest, message.plain, false)?;
        if results == 0 {
            self.around(message);
        }
        self.w.close();
        Ok(())
    }

    /// What a message says beside its content.
    fn around(&mut self, message: &Message<'_>) {
        self.lossy.lose_if(Field::Name, message.name.as_ref());
        if self.own() {
            self.w.rest(&message.extra);
        } else {
            let within = Field::Name.name(self.request.dialect);
            let within = within.rsplit_once('.').map_or(within, |(within, _)| within);
            self.lossy.lose_members(within, &message.extra);
        }
    }

    fn assistant(&mut self, message: &Message<'_>) -> Result<(), Untranslatable> {
        self.w.open().text("role", "assistant");
        let mut said: Vec<&Part<'_>> = Vec::new();
        let mut calls: Vec<&Part<'_>> = Vec::new();
        for part in &message.parts {
            match &part.block {
                Block::ToolUse { .. } => calls.push(part),
                Block::Thinking { .. } if self.own() => match part.extra.twin("tool_plan") {
                    Some(plan) => {
                        self.w.key("tool_plan").raw(plan);
                    }
                    None => said.push(part),
                },
                // Another vendor's thoughts.
                Block::Thinking { .. } | Block::RedactedThinking { .. } => {
                    self.lossy.lose(Field::Thinking);
                }
                _ => said.push(part),
            }
        }
        if !said.is_empty() || calls.is_empty() {
            self.w.key("content");
            self.content(&said, message.plain, false)?;
        }
        if !calls.is_empty() {
            self.w.key("tool_calls").open_list();
            for part in calls {
                self.call(part);
            }
            self.w.close_list();
        }
        self.around(message);
        self.w.close();
        Ok(())
    }

    fn call(&mut self, part: &Part<'_>) {
        let Block::ToolUse {
            id,
            name,
            arguments,
            custom,
        } = &part.block
        else {
            return;
        };
        self.w.open().text("id", id).text("type", "function");
        self.w.key("function").open().text("name", name);
        let arguments = match (custom, arguments.is_empty()) {
            (true, _) => {
                let mut w = Writer::default();
                w.open().text("input", arguments).close();
                Cow::Owned(w.into_text())
            }
            (false, true) => Cow::Borrowed("{}"),
            (false, false) => Cow::Borrowed(arguments.as_ref()),
        };
        self.w.text("arguments", &arguments).close();
        if self.own() {
            self.w.rest(&part.extra);
        } else {
            let within = Field::Media.name(self.request.dialect);
            self.lossy.lose_members(within, &part.extra);
        }
        self.w.close();
        self.lossy.lose_if(Field::Cache, part.cache.as_ref());
        // Google's mark on a call says nothing to anybody else.
        self.lossy.lose_if(Field::Thinking, part.signature.as_ref());
    }

    /// Content as a string where it can be, else as a list of parts.
    fn content(
        &mut self,
        parts: &[&Part<'_>],
        plain: bool,
        is_error: bool,
    ) -> Result<(), Untranslatable> {
        let only_text = parts.iter().all(|part| {
            matches!(part.block, Block::Text { .. } | Block::Refusal(_))
                && part.extra.twin("document").is_none()
        });
        if only_text && (plain || is_error || (!self.own() && parts.len() <= 1)) {
            // The dialect has no place for a failure; the model reads it all the same.
            let mut text = String::from(if is_error { "Error: " } else { "" });
            for part in parts {
                self.beside(part);
                if let Block::Text { text: said, .. } | Block::Refusal(said) = &part.block {
                    text.push_str(said);
                }
            }
            self.w.string(&text);
            return Ok(());
        }
        self.w.open_list();
        if is_error {
            self.w
                .open()
                .text("type", "text")
                .text("text", "Error: ")
                .close();
        }
        for part in parts {
            self.part(part)?;
        }
        self.w.close_list();
        Ok(())
    }

    /// What a part says that has no place.
    fn beside(&mut self, part: &Part<'_>) {
        self.lossy.lose_if(Field::Cache, part.cache.as_ref());
        self.lossy.lose_if(Field::Thinking, part.signature.as_ref());
        if let Block::Text { citations, .. } = &part.block {
            self.lossy.lose_if(Field::Citations, citations.first());
        }
        if !self.own() {
            let within = Field::Media.name(self.request.dialect);
            self.lossy.lose_members(within, &part.extra);
        }
    }

    fn part(&mut self, part: &Part<'_>) -> Result<(), Untranslatable> {
        self.beside(part);
        let own = self.own();
        match &part.block {
            Block::Text { .. } if part.extra.twin("document").is_some() => {
                self.w.open().text("type", "document");
                self.w.raw_if("document", part.extra.twin("document"));
                for (name, raw) in part.extra.members() {
                    if !name.starts_with("document.") {
                        self.w.key(name).raw(raw);
                    }
                }
                self.w.close();
                return Ok(());
            }
            Block::Text { text, .. } | Block::Refusal(text) => {
                // An empty item is refused.
                if text.is_empty() && !own {
                    return Ok(());
                }
                self.w.open().text("type", "text").text("text", text);
            }
            Block::Thinking { text, .. } => {
                self.w
                    .open()
                    .text("type", "thinking")
                    .text("thinking", text);
            }
            Block::Media(media) => self.media(media)?,
            Block::Foreign { raw, .. } if own => {
                self.w.raw(raw);
                return Ok(());
            }
            Block::Foreign { kind, .. } => {
                let within = Field::Media.name(self.request.dialect);
                self.lossy.lose_named(format!("{within}.{kind}"));
                return Ok(());
            }
            Block::RedactedThinking { .. } => {
                self.lossy.lose(Field::Thinking);
                return Ok(());
            }
            Block::ToolUse { .. } | Block::ToolResult { .. } => return Ok(()),
        }
        if own {
            self.w.rest(&part.extra);
        }
        self.w.close();
        Ok(())
    }

    /// Opens a part of media: pictures, and documents that are text.
    fn media(&mut self, media: &Media<'_>) -> Result<(), Untranslatable> {
        let refuse = |message: &str| {
            Err(Untranslatable::new(
                Field::Media.name(self.request.dialect),
                message,
            ))
        };
        match (&media.source, media.source.url_pieces()) {
            (Source::Text(text), _) => {
                // A document that is text is read as text, its title in front.
                let text = match &media.name {
                    Some(name) => Cow::Owned(format!("{name}\n\n{text}")),
                    None => Cow::Borrowed(text.as_ref()),
                };
                self.w.open().text("type", "text").text("text", &text);
                Ok(())
            }
            (source, Some(url)) if media.kind == MediaKind::Image => {
                if media.name.is_some()
                    || matches!(
                        source,
                        Source::Url {
                            media_type: Some(_),
                            ..
                        }
                    )
                {
                    self.lossy.lose(Field::Media);
                }
                self.w
                    .open()
                    .text("type", "image_url")
                    .key("image_url")
                    .open();
                self.w
                    .text_of("url", &url)
                    .text_if("detail", media.detail.as_deref());
                self.w.close();
                Ok(())
            }
            (Source::File(_), _) => refuse(
                "a file id is known to the provider that gave it only: send the bytes in base64",
            ),
            _ => refuse("this provider takes text and pictures only"),
        }
    }
}
