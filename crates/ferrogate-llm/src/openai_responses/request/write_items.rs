//! The conversation as items.

use std::borrow::Cow;
use std::collections::HashSet;

use super::items::{PLAIN, WHOLE};
use super::write::Body;
use crate::chat::{Block, Message, Part, Role};
use crate::json::Object;
use crate::lossy::Field;
use crate::protocol::Untranslatable;

impl Body<'_, '_> {
    /// Writes `instructions` and `input`.
    pub(super) fn input(&mut self) -> Result<(), Untranslatable> {
        let messages = self.request.messages.as_slice();
        let leading = messages
            .iter()
            .take_while(|message| self.is_instruction(message))
            .count();
        let (instructions, rest) =
            messages.split_at(if self.own { leading.min(1) } else { leading });
        if !instructions.is_empty() {
            let texts: Vec<Cow<'_, str>> = instructions
                .iter()
                .map(|message| message.text("\n\n"))
                .collect();
            self.w.text("instructions", &texts.join("\n\n"));
        }
        for message in instructions {
            self.lose_extra(message);
        }
        self.w.key("input");
        if let ([only], true) = (rest, self.own)
            && only.plain
            && only.role == Role::User
            && only.twins.is_empty()
        {
            self.w.string(&only.text(""));
            return Ok(());
        }
        let custom: HashSet<&str> = messages
            .iter()
            .flat_map(|message| &message.parts)
            .filter_map(|part| match &part.block {
                Block::ToolUse {
                    id, custom: true, ..
                } => Some(id.as_ref()),
                _ => None,
            })
            .collect();
        self.w.open_list();
        for message in rest {
            self.lose_extra(message);
            self.items(message, &custom)?;
        }
        self.w.close_list();
        Ok(())
    }

    /// Whether a message says what `instructions` can say: text, without marks between.
    fn is_instruction(&self, message: &Message<'_>) -> bool {
        matches!(message.role, Role::System | Role::Developer)
            && message.twins.is_empty()
            && message.parts.iter().all(|part| {
                matches!(part.block, Block::Text { .. }) && !self.carries_mark(part.cache)
            })
    }

    fn lose_extra(&mut self, message: &Message<'_>) {
        if !self.own {
            self.lossy.lose_if(Field::Name, message.name.as_ref());
            self.lossy.lose_members("messages", &message.extra);
        }
    }

    fn items(
        &mut self,
        message: &Message<'_>,
        custom: &HashSet<&str>,
    ) -> Result<(), Untranslatable> {
        let nothing = Object::default();
        let twins = if self.own { &message.twins } else { &nothing };
        // The message item that is open.
        let mut open: Option<Open> = None;
        if message.parts.is_empty() {
            open = Some(self.open(message, "0", twins));
        }
        for (place, part) in message.parts.iter().enumerate() {
            let place = place.to_string();
            let begins = twins.kept(&place).any(|(name, _)| name == "role");
            let whole = twins.kept(&place).any(|(name, _)| name == WHOLE);
            if is_content(&part.block) && !whole {
                if begins || open.is_none() {
                    self.close(open.take().as_ref());
                    open = Some(self.open(message, &place, twins));
                }
                match open {
                    Some(Open::Plain) => self.plain(&part.block),
                    _ => self.part(part, message.role)?,
                }
                continue;
            }
            self.close(open.take().as_ref());
            match &part.block {
                Block::Foreign { raw, .. } if self.own => {
                    self.w.raw(raw);
                }
                Block::Foreign { kind, .. } => {
                    let within = Field::Media.name(self.request.dialect);
                    self.lossy.lose_named(format!("{within}.{kind}"));
                }
                Block::ToolUse { .. } => self.call(&part.block, &place, twins),
                Block::ToolResult { .. } => self.output(&part.block, &place, twins, custom)?,
                _ => self.thought(&part.block, &place, twins),
            }
            if !self.own {
                self.lossy.lose_if(Field::Thinking, part.signature.as_ref());
                self.lossy.lose_if(Field::Cache, part.cache.as_ref());
                let within = Field::Media.name(self.request.dialect);
                self.lossy.lose_members(within, &part.extra);
            }
        }
        self.close(open.as_ref());
        Ok(())
    }

    /// Opens a message up to its content.
    fn open(&mut self, message: &Message<'_>, place: &str, twins: &Object<'_>) -> Open {
        let role = match message.role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        self.w.open();
        let mut plain = !self.own && message.plain;
        for (name, raw) in twins.kept(place) {
            match name {
                PLAIN => plain = true,
                "role" => {}
                _ => {
                    self.w.key(name).raw(raw);
                }
            }
        }
        self.w.text("role", role).key("content");
        if plain && message.parts.len() == 1 && self.part_is_bare(&message.parts) {
            return Open::Plain;
        }
        if plain && self.own {
            return Open::Plain;
        }
        self.w.open_list();
        Open::List
    }

    fn part_is_bare(&self, parts: &[Part<'_>]) -> bool {
        parts
            .iter()
            .all(|part| matches!(part.block, Block::Text { .. }) && !self.carries_mark(part.cache))
    }

    fn plain(&mut self, block: &Block<'_>) {
        let text = match block {
            Block::Text { text, .. } => text,
            _ => "",
        };
        self.w.string(text);
    }

    fn close(&mut self, open: Option<&Open>) {
        match open {
            Some(Open::List) => {
                self.w.close_list().close();
            }
            Some(Open::Plain) => {
                self.w.close();
            }
            None => {}
        }
    }

    fn call(&mut self, block: &Block<'_>, place: &str, twins: &Object<'_>) {
        let Block::ToolUse {
            id,
            name,
            arguments,
            custom,
        } = block
        else {
            return;
        };
        let (kind, member) = call_kind(*custom);
        self.w.open().text("type", kind).text("call_id", id);
        self.w.text("name", name);
        let arguments = if arguments.is_empty() && !custom && !self.own {
            "{}"
        } else {
            arguments
        };
        self.w.text(member, arguments);
        self.w.rest_of(twins, place).close();
    }

    fn output(
        &mut self,
        block: &Block<'_>,
        place: &str,
        twins: &Object<'_>,
        custom: &HashSet<&str>,
    ) -> Result<(), Untranslatable> {
        let Block::ToolResult {
            id,
            parts,
            plain,
            is_error,
            ..
        } = block
        else {
            return Ok(());
        };
        self.w.open();
        if !twins.kept(place).any(|(name, _)| name == "type") {
            let kind = if custom.contains(id.as_ref()) && !self.own {
                "custom_tool_call_output"
            } else {
                "function_call_output"
            };
            self.w.text("type", kind);
        }
        self.w.text("call_id", id);
        let only_text = parts
            .iter()
            .all(|part| matches!(part.block, Block::Text { .. }));
        if only_text && (*plain || !self.own) {
            let text = crate::chat::join(parts, "");
            if !self.own {
                let within = Field::Media.name(self.request.dialect);
                for part in parts {
                    self.lossy.lose_members(within, &part.extra);
                }
            }
            // The dialect has no place for a failure; the model reads it all the same.
            let failed = if *is_error { "Error: " } else { "" };
            self.w.text("output", &format!("{failed}{text}"));
        } else {
            self.w.key("output").open_list();
            if *is_error {
                self.w.open().text("type", "input_text");
                self.w.text("text", "Error:").close();
            }
            for part in parts {
                self.part(part, Role::Tool)?;
            }
            self.w.close_list();
        }
        self.w.rest_of(twins, place).close();
        Ok(())
    }

    /// A thought, which goes back only sealed as it came.
    fn thought(&mut self, block: &Block<'_>, place: &str, twins: &Object<'_>) {
        let (text, sealed) = match block {
            Block::Thinking { text, signature } => (text.as_ref(), signature.as_deref()),
            Block::RedactedThinking { data } => ("", Some(data.as_ref())),
            _ => return,
        };
        if !self.own && sealed.is_none() {
            self.lossy.lose(Field::Thinking);
            return;
        }
        self.w.open().text("type", "reasoning");
        if !self.own {
            let id = crate::echo::fnv1a(sealed.unwrap_or_default().as_bytes());
            self.w.text("id", &format!("rs_{id:016x}"));
        }
        if !twins.kept(place).any(|(name, _)| name == "summary") {
            self.w.key("summary").open_list();
            if !text.is_empty() {
                self.w.open().text("type", "summary_text");
                self.w.text("text", text).close();
            }
            self.w.close_list();
        }
        self.w.text_if("encrypted_content", sealed);
        self.w.rest_of(twins, place).close();
    }
}

/// A message item that is open: its content is a string or a list.
enum Open {
    Plain,
    List,
}

/// Whether a block is content of a message, and not an item of its own.
fn is_content(block: &Block<'_>) -> bool {
    match block {
        Block::Text { .. } | Block::Media(_) | Block::Refusal(_) | Block::Foreign { .. } => true,
        Block::ToolUse { .. }
        | Block::ToolResult { .. }
        | Block::Thinking { .. }
        | Block::RedactedThinking { .. } => false,
    }
}

/// The type of a call and the member with its arguments.
fn call_kind(custom: bool) -> (&'static str, &'static str) {
    if custom {
        ("custom_tool_call", "input")
    } else {
        ("function_call", "arguments")
    }
}
