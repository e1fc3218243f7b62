//! The conversation of a request as a provider's contents.

use std::collections::HashMap;

use crate::chat::{Block, ChatRequest, Message, Part, Role};
use crate::lossy::Field;
use crate::protocol::TargetProfile;
use crate::{Dialect, Lossy, ThinkingStyle};

/// One content: who speaks, and what.
pub(super) struct Content<'r, 'a> {
    pub(super) role: &'static str,
    pub(super) parts: Vec<&'r Part<'a>>,
    /// Whose other members are written, too.
    pub(super) message: Option<&'r Message<'a>>,
}

/// The instructions, and the contents.
pub(super) fn of<'r, 'a>(
    request: &'r ChatRequest<'a>,
    target: &TargetProfile<'_>,
    lossy: &mut Lossy,
) -> (Option<Content<'r, 'a>>, Vec<Content<'r, 'a>>) {
    if request.dialect == Dialect::Gemini {
        return as_written(request);
    }
    let mut order = Order {
        request,
        target,
        lossy,
    };
    order.contents()
}

/// A request of the same dialect: each message is a content.
fn as_written<'r, 'a>(
    request: &'r ChatRequest<'a>,
) -> (Option<Content<'r, 'a>>, Vec<Content<'r, 'a>>) {
    let mut system = None;
    let mut contents = Vec::new();
    for message in &request.messages {
        let content = |role| Content {
            role,
            parts: message.parts.iter().collect(),
            message: Some(message),
        };
        match message.role {
            Role::System | Role::Developer => system = Some(content("")),
            // An empty list of parts is refused.
            _ if message.parts.is_empty() => {}
            Role::Assistant => contents.push(content("model")),
            Role::User | Role::Tool => contents.push(content("user")),
        }
    }
    (system, contents)
}

/// Puts a conversation of another dialect in Google's order.
struct Order<'o, 'r, 'a> {
    request: &'r ChatRequest<'a>,
    target: &'o TargetProfile<'o>,
    lossy: &'o mut Lossy,
}

impl<'r, 'a> Order<'_, 'r, 'a> {
    /// Instructions in front, turns that alternate, and the results of one turn together, in the order of its calls.
    fn contents(&mut self) -> (Option<Content<'r, 'a>>, Vec<Content<'r, 'a>>) {
        let mut system: Vec<&'r Part<'a>> = Vec::new();
        let mut contents: Vec<Content<'r, 'a>> = Vec::new();
        let mut results: Vec<&'r Part<'a>> = Vec::new();
        let mut said: Vec<&'r Part<'a>> = Vec::new();
        for message in &self.request.messages {
            self.around(message);
            let parts = message.parts.iter().filter(|part| has_form(part));
            match message.role {
                Role::System | Role::Developer => {
                    if !contents.is_empty() || !said.is_empty() || !results.is_empty() {
                        self.lossy.lose(Field::SystemPosition);
                    }
                    system.extend(parts);
                }
                Role::Assistant => {
                    flush(&mut results, &mut said, &mut contents);
                    match contents.last_mut() {
                        Some(last) if last.role == "model" => last.parts.extend(parts),
                        _ => contents.push(Content {
                            role: "model",
                            parts: parts.collect(),
                            message: None,
                        }),
                    }
                }
                Role::User | Role::Tool => {
                    for part in parts {
                        let Block::ToolResult { parts: inner, .. } = &part.block else {
                            said.push(part);
                            continue;
                        };
                        results.push(part);
                        if !results_show_media(self.target) {
                            said.extend(inner.iter().filter(|part| is_media(part)));
                        }
                    }
                }
            }
        }
        flush(&mut results, &mut said, &mut contents);
        for content in &mut contents {
            self.without_what_is_lost(content);
        }
        contents.retain(|content| !content.parts.is_empty());
        if contents.is_empty() && !system.is_empty() {
            // Nothing but instructions: a request needs a content.
            contents.push(Content {
                role: "user",
                parts: std::mem::take(&mut system),
                message: None,
            });
        }
        let system = (!system.is_empty()).then_some(Content {
            role: "",
            parts: system,
            message: None,
        });
        (system, contents)
    }

    /// What a message says beside its parts.
    fn around(&mut self, message: &Message<'_>) {
        self.lossy.lose_if(Field::Name, message.name.as_ref());
        let within = Field::Name.name(self.request.dialect);
        let within = within.rsplit_once('.').map_or(within, |(within, _)| within);
        self.lossy.lose_members(within, &message.extra);
    }

    /// Thoughts without a signature, which Google's models make nothing of, and parts of other vendors are left out.
    fn without_what_is_lost(&mut self, content: &mut Content<'_, '_>) {
        content.parts.retain(|part| match &part.block {
            Block::Thinking {
                signature: None, ..
            }
            | Block::RedactedThinking { .. } => {
                self.lossy.lose(Field::Thinking);
                false
            }
            Block::Foreign { kind, .. } => {
                let within = Field::Media.name(self.request.dialect);
                self.lossy.lose_named(format!("{within}.{kind}"));
                false
            }
            _ => true,
        });
    }
}

/// From Gemini 3 on a result may show pictures and documents.
pub(super) fn results_show_media(target: &TargetProfile<'_>) -> bool {
    target.traits.thinking == ThinkingStyle::GeminiLevel
}

/// Results first, in the order of the calls they answer; then what the person says.
fn flush<'r, 'a>(
    results: &mut Vec<&'r Part<'a>>,
    said: &mut Vec<&'r Part<'a>>,
    contents: &mut Vec<Content<'r, 'a>>,
) {
    let order: HashMap<&str, usize> = contents
        .last()
        .into_iter()
        .flat_map(|turn| &turn.parts)
        .enumerate()
        .filter_map(|(place, part)| match &part.block {
            Block::ToolUse { id, .. } => Some((id.as_ref(), place)),
            _ => None,
        })
        .collect();
    results.sort_by_key(|part| match &part.block {
        Block::ToolResult { id, .. } => order.get(id.as_ref()).copied(),
        _ => None,
    });
    for parts in [results, said] {
        if !parts.is_empty() {
            contents.push(Content {
                role: "user",
                parts: std::mem::take(parts),
                message: None,
            });
        }
    }
}

/// Empty texts are refused.
fn has_form(part: &Part<'_>) -> bool {
    !matches!(&part.block, Block::Text { text, .. } if text.is_empty() && part.signature.is_none())
}

pub(super) fn is_media(part: &Part<'_>) -> bool {
    matches!(part.block, Block::Media(_))
}
