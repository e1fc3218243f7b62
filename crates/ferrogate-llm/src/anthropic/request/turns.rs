//! The conversation.

use super::plan::{JsonAnswer, Plan};
use super::write::{Body, instruction};
use crate::chat::{Block, CacheMark, Message, Part, Role};
use crate::json::Object;
use crate::lossy::Field;
use crate::protocol::Untranslatable;
use std::borrow::Cow;

/// A conversation of another dialect in the order of this one.
#[derive(Debug, Default)]
pub(super) struct Turns<'o, 'a> {
    /// Instructions: texts and their marks.
    system: Vec<(Cow<'o, str>, Option<CacheMark>)>,
    turns: Vec<Turn<'o, 'a>>,
}

#[derive(Debug)]
struct Turn<'o, 'a> {
    role: Role,
    parts: Vec<&'o Part<'a>>,
}

/// What stands for a turn that the API insists on and the caller's dialect does not.
const NOTHING: &str = ".";

/// Instructions in front, and what follows.
pub(super) fn split<'m, 'a>(messages: &'m [Message<'a>]) -> (&'m [Message<'a>], &'m [Message<'a>]) {
    let leading = usize::from(
        messages
            .first()
            .is_some_and(|message| message.role == Role::System),
    );
    messages.split_at(leading)
}

/// The word for who speaks.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::System | Role::Developer => "system",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    }
}

impl<'o, 'a> Body<'o, 'a> {
    /// Puts a conversation in order: instructions to the front, what one side says in a row into one turn, results of
    /// tools before everything else in theirs.
    pub(super) fn turns(&mut self, plan: &Plan<'_>) -> Turns<'o, 'a> {
        let mut all = Turns::default();
        let messages: &'o [Message<'a>] = &self.request.messages;
        for message in messages {
            self.lossy.lose_if(Field::Name, message.name.as_ref());
            self.lose_extra(&message.extra);
            match message.role {
                Role::System | Role::Developer => self.instructions(message, &mut all),
                Role::User | Role::Tool => self.said(Role::User, message, &mut all),
                Role::Assistant => self.said(Role::Assistant, message, &mut all),
            }
        }
        if let JsonAnswer::Told(schema) = plan.json {
            all.system.push((Cow::Owned(instruction(schema)), None));
        }
        for turn in &mut all.turns {
            if turn.role == Role::User {
                turn.parts
                    .sort_by_key(|part| !matches!(part.block, Block::ToolResult { .. }));
            }
        }
        all
    }

    fn lose_extra(&mut self, extra: &Object<'_>) {
        let within = match self.request.dialect {
            crate::Dialect::OpenAiResponses => "input",
            _ => "messages",
        };
        self.lossy.lose_members(within, extra);
    }

    fn instructions(&mut self, message: &'o Message<'a>, all: &mut Turns<'o, 'a>) {
        let later = !all.turns.is_empty();
        if later && self.target.traits.system_in_messages {
            self.said(Role::System, message, all);
            return;
        }
        if later {
            self.lossy.lose(Field::SystemPosition);
        }
        for part in &message.parts {
            match &part.block {
                Block::Text { text, .. } if text.trim().is_empty() => {}
                Block::Text { text, .. } => {
                    all.system.push((Cow::Borrowed(text), part.cache));
                    let within = Field::Media.name(self.request.dialect);
                    self.lossy.lose_members(within, &part.extra);
                }
                Block::Foreign { kind, .. } => {
                    let within = Field::Media.name(self.request.dialect);
                    self.lossy.lose_named(format!("{within}.{kind}"));
                }
                _ => self.lossy.lose(Field::Media),
            }
        }
    }

    fn said(&mut self, role: Role, message: &'o Message<'a>, all: &mut Turns<'o, 'a>) {
        for part in &message.parts {
            if !self.carries(part) {
                continue;
            }
            match all.turns.last_mut() {
                Some(turn) if turn.role == role => turn.parts.push(part),
                _ => all.turns.push(Turn {
                    role,
                    parts: vec![part],
                }),
            }
        }
    }

    /// How many marks will be written, tools included.
    pub(super) fn count_marks(&self, all: &Turns<'_, '_>) -> usize {
        let system = all.system.iter().filter(|(_, mark)| mark.is_some());
        let parts = all.turns.iter().flat_map(|turn| &turn.parts);
        let marked = parts.filter(|part| match &part.block {
            Block::ToolResult { parts, .. } => {
                part.cache.is_some() || parts.iter().any(|part| part.cache.is_some())
            }
            Block::Thinking { .. } | Block::RedactedThinking { .. } => false,
            _ => part.cache.is_some(),
        });
        self.tool_marks() + system.count() + marked.count()
    }

    /// Instructions: one text, or one block for each where marks stand between them.
    pub(super) fn system(&mut self, all: &Turns<'_, '_>) {
        if all.system.is_empty() {
            return;
        }
        self.w.key("system");
        if all.system.iter().all(|(_, mark)| mark.is_none()) {
            let texts: Vec<&str> = all.system.iter().map(|(text, _)| text.as_ref()).collect();
            self.w.string(&texts.join("\n\n"));
            return;
        }
        self.w.open_list();
        for (text, mark) in &all.system {
            self.w.open().text("type", "text").text("text", text);
            self.points.write(*mark, &mut self.w, self.lossy);
            self.w.close();
        }
        self.w.close_list();
    }

    /// The turns.
    pub(super) fn conversation(&mut self, all: &Turns<'_, '_>) -> Result<(), Untranslatable> {
        self.w.key("messages").open_list();
        // The first turn must be the person's.
        if all.turns.first().is_none_or(|turn| turn.role != Role::User) {
            self.nothing();
        }
        for (index, turn) in all.turns.iter().enumerate() {
            let last = index + 1 == all.turns.len();
            self.turn(turn, last && turn.role == Role::Assistant)?;
        }
        // OpenAI's models answer a conversation that ends with their own words; here that is the beginning of the
        // answer, which newer models refuse.
        let open = all
            .turns
            .last()
            .is_some_and(|turn| turn.role == Role::Assistant);
        if open && !self.target.traits.prefill {
            self.nothing();
        }
        self.w.close_list();
        Ok(())
    }

    fn nothing(&mut self) {
        self.w.open().text("role", "user").text("content", NOTHING);
        self.w.close();
    }

    fn turn(&mut self, turn: &Turn<'_, '_>, prefill: bool) -> Result<(), Untranslatable> {
        self.w.open().text("role", role(turn.role));
        self.w.key("content");
        let plain = match turn.parts.as_slice() {
            [
                Part {
                    block: Block::Text { text, .. },
                    cache: None,
                    extra,
                    ..
                },
            ] if extra.is_empty() => Some(text),
            _ => None,
        };
        if let Some(text) = plain {
            // The end of a beginning must not be blank.
            self.w.string(if prefill { text.trim_end() } else { text });
            self.w.close();
            return Ok(());
        }
        self.w.open_list();
        for (index, part) in turn.parts.iter().enumerate() {
            match &part.block {
                Block::Text { text, .. } if prefill && index + 1 == turn.parts.len() => {
                    let trimmed = Part {
                        block: Block::text(text.trim_end()),
                        cache: part.cache,
                        signature: None,
                        extra: part.extra.clone(),
                    };
                    self.part(&trimmed)?;
                }
                _ => self.part(part)?,
            }
        }
        self.w.close_list().close();
        Ok(())
    }
}
