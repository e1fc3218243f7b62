//! The conversation of a request for Bedrock.

use std::borrow::Cow;
use std::collections::HashSet;

use super::history::{is_system, replays};
use crate::chat::{Block, CacheMark, ChatRequest, MediaKind, Message, Part, Role};
use crate::converse::content::{self, DocumentNames};
use crate::converse::family::Family;
use crate::json::Writer;
use crate::lossy::Field;
use crate::protocol::Untranslatable;
use crate::{Dialect, Lossy};

/// Writes turns. Those of a Converse caller stand as they came; of others, turns of one speaker become one, results
/// of tools stand first, and what Bedrock refuses to see blank is left out or filled.
pub(super) struct Turns<'o, 'a> {
    request: &'o ChatRequest<'a>,
    family: Family,
    own: bool,
    w: &'o mut Writer,
    lossy: &'o mut Lossy,
    names: DocumentNames,
    /// Blocks of the turn that is written.
    blocks: usize,
}

/// What stands where nothing was said: blocks of text must not be blank.
const BLANK: &str = ".";

impl<'o, 'a> Turns<'o, 'a> {
    pub(super) fn new(
        request: &'o ChatRequest<'a>,
        family: Family,
        w: &'o mut Writer,
        lossy: &'o mut Lossy,
    ) -> Self {
        Self {
            request,
            family,
            own: request.dialect == Dialect::Converse,
            w,
            lossy,
            names: DocumentNames::default(),
            blocks: 0,
        }
    }

    /// Writes `system`: every message of instructions, wherever it stood, with one of our own behind them.
    pub(super) fn system(&mut self, instruction: Option<&str>) {
        let leading = self.leading();
        let request = self.request;
        let hoisted = request
            .messages
            .iter()
            .enumerate()
            .filter(|(index, message)| is_system(message) && (*index < leading || !self.own));
        let hoisted: Vec<(usize, &Message<'_>)> = hoisted.collect();
        if hoisted.is_empty() && instruction.is_none() {
            return;
        }
        self.w.key("system").open_list();
        for (index, message) in hoisted {
            if index >= leading {
                self.lossy.lose(Field::SystemPosition);
            }
            for part in &message.parts {
                self.instruction(part);
            }
            self.members(message);
        }
        if let Some(text) = instruction {
            content::text(text, self.w);
        }
        self.w.close_list();
    }

    /// Messages of instructions in front of all others. Of a Converse caller only the first is one that stood
    /// outside of the conversation.
    fn leading(&self) -> usize {
        let messages = &self.request.messages;
        let count = messages
            .iter()
            .take_while(|message| is_system(message))
            .count();
        if self.own { count.min(1) } else { count }
    }

    fn instruction(&mut self, part: &Part<'_>) {
        if !self.own {
            self.lossy.lose_members("messages.content", &part.extra);
        }
        match &part.block {
            Block::Text { text, .. } if self.own || !text.trim().is_empty() => {
                content::text(text, self.w);
            }
            Block::Text { .. } => return,
            Block::Foreign { raw, .. } if self.own => {
                self.w.raw(raw);
            }
            Block::Foreign { kind, .. } => {
                return self.lossy.lose_named(format!("messages.content.{kind}"));
            }
            _ => return self.lossy.lose(Field::Media),
        }
        self.mark(part);
    }

    fn mark(&mut self, part: &Part<'_>) {
        if let Some(mark) = part.cache {
            cache_point(mark, self.own, self.family, self.w, self.lossy);
        }
    }

    /// Notes what a message has beside its content; a Converse caller's members are written by the turn.
    fn members(&mut self, message: &Message<'_>) {
        if !self.own {
            self.lossy.lose_if(Field::Name, message.name.as_ref());
            self.lossy.lose_members("messages", &message.extra);
        }
    }

    /// Writes `messages`.
    pub(super) fn messages(&mut self) -> Result<(), Untranslatable> {
        let leading = self.leading();
        let request = self.request;
        let spoken: Vec<&Message<'_>> = request
            .messages
            .iter()
            .enumerate()
            .filter(|(index, message)| !is_system(message) || (self.own && *index >= leading))
            .map(|(_, message)| message)
            .collect();
        self.w.key("messages").open_list();
        if self.own {
            for message in spoken {
                self.own_turn(message)?;
            }
        } else {
            if spoken
                .first()
                .is_none_or(|first| first.role == Role::Assistant)
            {
                // The first turn must be the person's.
                self.w.open().text("role", "user");
                self.w.key("content").open_list();
                content::text(BLANK, self.w);
                self.w.close_list().close();
            }
            let speaker = |message: &Message<'_>| message.role == Role::Assistant;
            let turns: Vec<&[&Message<'_>]> = spoken
                .chunk_by(|one, next| speaker(one) == speaker(next))
                .collect();
            for (place, turn) in turns.iter().enumerate() {
                self.turn(turn, place + 1 == turns.len())?;
            }
        }
        self.w.close_list();
        Ok(())
    }

    fn own_turn(&mut self, message: &Message<'_>) -> Result<(), Untranslatable> {
        let role = match message.role {
            Role::Assistant => "assistant",
            Role::System | Role::Developer => "system",
            Role::User | Role::Tool => "user",
        };
        self.w.open().text("role", role);
        self.w.key("content").open_list();
        let twins: HashSet<&str> = message.twins.members().map(|(name, _)| name).collect();
        for part in &message.parts {
            self.part(part, &twins)?;
        }
        self.w.close_list().rest(&message.extra).close();
        Ok(())
    }

    fn turn(&mut self, messages: &[&Message<'_>], last: bool) -> Result<(), Untranslatable> {
        let assistant = messages
            .first()
            .is_some_and(|message| message.role == Role::Assistant);
        let role = if assistant { "assistant" } else { "user" };
        self.w.open().text("role", role);
        self.w.key("content").open_list();
        self.blocks = 0;
        let is_result = |part: &&Part<'_>| matches!(part.block, Block::ToolResult { .. });
        let none = HashSet::new();
        let parts = || messages.iter().flat_map(|message| &message.parts);
        for part in parts().filter(is_result) {
            self.part(part, &none)?;
        }
        let others: Vec<&Part<'_>> = parts().filter(|part| !is_result(part)).collect();
        for (place, part) in others.iter().enumerate() {
            match &part.block {
                // Claude refuses an answer that was begun and ends in white space.
                Block::Text { text, .. } if assistant && last && place + 1 == others.len() => {
                    self.spoken(text.trim_end(), part);
                }
                _ => self.part(part, &none)?,
            }
        }
        let documents = parts().any(|part| is_document(&part.block));
        let texts = parts()
            .any(|part| matches!(&part.block, Block::Text { text, .. } if !text.trim().is_empty()));
        if self.blocks == 0 || (documents && !texts) {
            content::text(BLANK, self.w);
        }
        for message in messages {
            self.members(message);
        }
        self.w.close_list().close();
        Ok(())
    }

    /// Text of a caller that speaks another dialect.
    fn spoken(&mut self, text: &str, part: &Part<'_>) {
        if let Block::Text { citations, .. } = &part.block {
            self.lossy.lose_if(Field::Citations, citations.first());
        }
        self.lossy.lose_members("messages.content", &part.extra);
        self.lossy.lose_if(Field::Thinking, part.signature.as_ref());
        if text.trim().is_empty() {
            return;
        }
        content::text(text, self.w);
        self.blocks += 1;
        self.mark(part);
    }

    fn part(&mut self, part: &Part<'_>, twins: &HashSet<&str>) -> Result<(), Untranslatable> {
        let before = self.blocks;
        self.blocks += 1;
        match &part.block {
            Block::Text { text, citations } if self.own => {
                if citations.is_empty() {
                    content::text(text, self.w);
                } else {
                    content::cited(text, citations, true, self.w);
                    self.w.rest(&part.extra).close().close();
                }
            }
            Block::Text { text, .. } => {
                self.blocks = before;
                self.spoken(text, part);
                return Ok(());
            }
            Block::Refusal(text) if !text.trim().is_empty() => content::text(text, self.w),
            Block::Refusal(_) => self.blocks = before,
            Block::Media(media) => {
                self.media(media)?;
                self.end(part);
            }
            Block::ToolUse {
                id,
                name,
                arguments,
                custom,
            } => {
                let id = self.call_id(id);
                if !content::tool_use(&id, name, arguments, *custom, self.w) {
                    // Not JSON, which Bedrock would refuse.
                    self.lossy.lose_named("messages.tool_calls.arguments");
                }
                self.end(part);
            }
            Block::ToolResult {
                id,
                parts,
                is_error,
                ..
            } => {
                self.result(id, parts, *is_error, twins)?;
                self.end(part);
            }
            Block::Thinking { .. } | Block::RedactedThinking { .. } => {
                if !self.thought(part) {
                    self.blocks = before;
                    self.lossy.lose(Field::Thinking);
                }
            }
            Block::Foreign { raw, .. } if self.own => {
                self.w.raw(raw);
            }
            Block::Foreign { kind, .. } => {
                self.blocks = before;
                self.lossy.lose_named(format!("messages.content.{kind}"));
            }
        }
        self.lossy.lose_if(Field::Thinking, part.signature.as_ref());
        if self.blocks > before {
            self.mark(part);
        }
        Ok(())
    }

    /// Ends a block and its inner object, which may have members of its own dialect.
    fn end(&mut self, part: &Part<'_>) {
        if self.own {
            self.w.rest(&part.extra);
        } else {
            self.lossy.lose_members("messages.content", &part.extra);
        }
        self.w.close().close();
    }

    /// Writes a thought that the model behind Bedrock made itself, as far as one can tell: signed, for Claude.
    fn thought(&mut self, part: &Part<'_>) -> bool {
        let signs = self.family.may_be_claude() && replays(self.request.dialect);
        match &part.block {
            Block::Thinking { text, signature } if self.own || (signs && signature.is_some()) => {
                content::thinking(text, signature.as_deref(), self.w);
                self.w.rest(&part.extra).close().close().close();
                true
            }
            Block::RedactedThinking { data } if self.own || signs => {
                let mut inner = Writer::default();
                inner.open();
                let kept = content::redacted(data, &mut inner);
                inner.close();
                if kept {
                    self.w.open().key("reasoningContent");
                    self.w.literal(&inner.into_text()).close();
                }
                kept
            }
            _ => false,
        }
    }

    fn media(&mut self, media: &crate::chat::Media<'_>) -> Result<(), Untranslatable> {
        let param = Field::Media.name(self.request.dialect);
        let name = match (media.kind, self.own) {
            (MediaKind::Document, true) => media.name.as_deref().map(Cow::Borrowed),
            (MediaKind::Document, false) => {
                Some(Cow::Owned(self.names.next(media.name.as_deref())))
            }
            _ => None,
        };
        if !self.own {
            self.lossy.lose_if(Field::Detail, media.detail.as_ref());
        }
        content::write_media(media, name.as_deref(), param, self.w)
    }

    /// A result, up to the end of its inner object, which stays open.
    fn result(
        &mut self,
        id: &str,
        parts: &[Part<'_>],
        is_error: bool,
        twins: &HashSet<&str>,
    ) -> Result<(), Untranslatable> {
        let call = self.call_id(id).into_owned();
        self.w.open().key("toolResult").open();
        self.w.text("toolUseId", &call);
        self.w.key("content").open_list();
        for (index, part) in parts.iter().enumerate() {
            self.result_part(part, &format!("{id}.{index}.text"), twins)?;
        }
        self.w.close_list();
        if is_error {
            self.w.text("status", "error");
        } else if !self.own || twins.contains(format!("{id}.status").as_str()) {
            self.w.text("status", "success");
        }
        Ok(())
    }

    fn result_part(
        &mut self,
        part: &Part<'_>,
        twin: &str,
        twins: &HashSet<&str>,
    ) -> Result<(), Untranslatable> {
        match &part.block {
            Block::Text { text, .. } => match content::object_text(text) {
                Some(json) if !twins.contains(twin) => {
                    self.w.open().key("json").raw(json).close();
                }
                _ if self.own || !text.trim().is_empty() => content::text(text, self.w),
                _ => {}
            },
            Block::Media(media) if media.kind == MediaKind::Audio => {
                return Err(Untranslatable::new(
                    Field::Media.name(self.request.dialect),
                    "Amazon Bedrock takes no recordings in results of tools",
                ));
            }
            Block::Media(media) => {
                self.media(media)?;
                self.end(part);
                return Ok(());
            }
            Block::Foreign { raw, .. } if self.own => {
                self.w.raw(raw);
            }
            Block::Foreign { kind, .. } => {
                self.lossy.lose_named(format!("messages.content.{kind}"));
            }
            _ => self.lossy.lose(Field::Media),
        }
        if !self.own {
            self.lossy.lose_members("messages.content", &part.extra);
            self.lossy.lose_if(Field::Cache, part.cache.as_ref());
        }
        Ok(())
    }

    /// The id of a call in the form Bedrock accepts, the same for call and result: `[a-zA-Z0-9_.:-]{1,64}`.
    fn call_id<'i>(&self, id: &'i str) -> Cow<'i, str> {
        let fits = (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte));
        if self.own || fits {
            return Cow::Borrowed(id);
        }
        // Deterministic, so that no state has to be kept between turns.
        Cow::Owned(format!("call_{:016x}", crate::echo::fnv1a(id.as_bytes())))
    }
}

fn is_document(block: &Block<'_>) -> bool {
    matches!(block, Block::Media(media) if media.kind == MediaKind::Document)
}

/// Writes a cache point behind what is to be cached, where the model may know of them. There are two ages: five
/// minutes, which is the default, and an hour.
pub(super) fn cache_point(
    mark: CacheMark,
    own: bool,
    family: Family,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    if !own && !family.may_cache() {
        lossy.lose(Field::Cache);
        return;
    }
    let ttl = match mark.seconds {
        None => None,
        Some(_) if own => mark.ttl(),
        Some(seconds) if seconds > 300 => Some("1h".to_owned()),
        Some(_) => Some("5m".to_owned()),
    };
    w.open().key("cachePoint").open().text("type", "default");
    w.text_if("ttl", ttl.as_deref()).close().close();
}
