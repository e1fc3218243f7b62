//! The conversation of a request for a provider.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::chat::{Block, ChatRequest, Media, MediaKind, Message, Part, Role, Source};
use crate::json::Writer;
use crate::lossy::Field;
use crate::ollama::message::{own_id, write_call};
use crate::protocol::Untranslatable;
use crate::{Dialect, Lossy};

pub(super) fn write(
    request: &ChatRequest<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) -> Result<(), Untranslatable> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    for part in request.messages.iter().flat_map(|message| &message.parts) {
        if let Block::ToolUse { id, name, .. } = &part.block {
            names.insert(id, name);
        }
    }
    let mut turns = Turns {
        request,
        w,
        lossy,
        names,
    };
    turns.w.open_list();
    for message in &request.messages {
        turns.turn(message)?;
    }
    turns.w.close_list();
    Ok(())
}

struct Turns<'o, 'r, 'a> {
    request: &'r ChatRequest<'a>,
    w: &'o mut Writer,
    lossy: &'o mut Lossy,
    names: HashMap<&'r str, &'r str>,
}

impl Turns<'_, '_, '_> {
    fn own(&self) -> bool {
        self.request.dialect == Dialect::Ollama
    }

    /// One turn: results of tools become messages of their own, in front of what else is said.
    fn turn(&mut self, message: &Message<'_>) -> Result<(), Untranslatable> {
        let mut rest: Vec<&Part<'_>> = Vec::new();
        let mut results = 0;
        for part in &message.parts {
            let Block::ToolResult {
                id,
                name,
                parts,
                is_error,
                ..
            } = &part.block
            else {
                rest.push(part);
                continue;
            };
            results += 1;
            self.beside(part);
            let (pictures, said): (Vec<&Part<'_>>, Vec<&Part<'_>>) = parts
                .iter()
                .partition(|part| matches!(part.block, Block::Media(_)) && !self.own());
            // Results are text: pictures follow in the person's turn.
            rest.extend(pictures);
            self.w.open().text("role", "tool");
            self.said(&said, if *is_error { "Error: " } else { "" })?;
            let name = name
                .as_deref()
                .or_else(|| self.names.get(id.as_ref()).copied().filter(|_| !self.own()));
            self.w.text_if("tool_name", name);
            if self.own() {
                self.w
                    .raw_if("tool_call_id", part.extra.twin("tool_call_id"));
            } else {
                self.w.text_if("tool_call_id", own_id(id));
            }
            self.around(message);
            self.w.close();
        }
        if rest.is_empty() && results > 0 {
            return Ok(());
        }
        let role = match message.role {
            Role::System | Role::Developer => "system",
            Role::Assistant => "assistant",
            Role::User | Role::Tool => "user",
        };
        self.w.open().text("role", role);
        self.said(&rest, "")?;
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

    /// What a part says that has no place.
    fn beside(&mut self, part: &Part<'_>) {
        self.lossy.lose_if(Field::Cache, part.cache.as_ref());
        // Google's mark says nothing to anybody else.
        self.lossy.lose_if(Field::Thinking, part.signature.as_ref());
        if let Block::Media(media) = &part.block {
            self.lossy.lose_if(Field::Detail, media.detail.as_ref());
            self.lossy.lose_if(
                Field::Media,
                media
                    .name
                    .as_ref()
                    .filter(|_| !matches!(media.source, Source::Text(_))),
            );
        }
        if !self.own() {
            let within = Field::Media.name(self.request.dialect);
            self.lossy.lose_members(within, &part.extra);
        }
    }

    /// Content as one text, and beside it thoughts, pictures and calls.
    fn said(&mut self, parts: &[&Part<'_>], lead: &str) -> Result<(), Untranslatable> {
        let mut text = lead.to_owned();
        let mut thoughts = String::new();
        let mut pictures: Vec<&str> = Vec::new();
        let mut called: Vec<&Part<'_>> = Vec::new();
        for part in parts {
            self.beside(part);
            match &part.block {
                Block::Text {
                    text: said,
                    citations,
                } => {
                    self.lossy.lose_if(Field::Citations, citations.first());
                    text.push_str(said);
                }
                Block::Refusal(said) => text.push_str(said),
                Block::Thinking { text: thought, .. } if self.own() => thoughts.push_str(thought),
                // Another vendor's thoughts.
                Block::Thinking { .. } | Block::RedactedThinking { .. } => {
                    self.lossy.lose(Field::Thinking);
                }
                Block::Media(media) => {
                    self.media(media, &mut text, &mut pictures)?;
                }
                Block::ToolUse { .. } => called.push(part),
                Block::Foreign { kind, .. } => {
                    let within = Field::Media.name(self.request.dialect);
                    self.lossy.lose_named(format!("{within}.{kind}"));
                }
                Block::ToolResult { .. } => self.lossy.lose(Field::Media),
            }
        }
        self.w.text("content", &text);
        if !thoughts.is_empty() {
            self.w.text("thinking", &thoughts);
        }
        if !pictures.is_empty() {
            self.w.member("images", &pictures);
        }
        if called.is_empty() {
            return Ok(());
        }
        self.w.key("tool_calls").open_list();
        for part in called {
            if let Block::ToolUse {
                id,
                name,
                arguments,
                custom,
            } = &part.block
            {
                let own = self.own().then_some(&part.extra);
                write_call(id, name, arguments, *custom, own, self.w);
            }
        }
        self.w.close_list();
        Ok(())
    }

    fn media<'m>(
        &self,
        media: &'m Media<'_>,
        text: &mut String,
        pictures: &mut Vec<&'m str>,
    ) -> Result<(), Untranslatable> {
        let message = match (&media.source, media.kind) {
            (Source::Data { base64, .. }, MediaKind::Image) => {
                pictures.push(base64);
                return Ok(());
            }
            (Source::Text(said), _) => {
                // A document that is text is read as text, its title in front.
                if let Some(name) = &media.name {
                    text.push_str(name);
                    text.push_str("\n\n");
                }
                text.push_str(said);
                return Ok(());
            }
            (Source::Url { .. }, MediaKind::Image) => Cow::Borrowed(
                "this provider takes pictures as data, not by URL: send the bytes in base64",
            ),
            (Source::File(_), _) => Cow::Borrowed(
                "a file id is known to the provider that gave it only: send the bytes in base64",
            ),
            _ => Cow::Borrowed("this provider takes text and pictures only"),
        };
        Err(Untranslatable::new(
            Field::Media.name(self.request.dialect),
            message,
        ))
    }
}
