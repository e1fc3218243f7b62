//! An answer for a caller.

use super::item::{Item, is_item, write_annotation, write_text_part};
use super::object::{Envelope, Status};
use crate::Dialect;
use crate::chat::{Answer, Block, Choice, Part, Source};
use crate::json::{self, Writer};
use crate::protocol::Caller;

pub(in crate::openai_responses) fn write(answer: &Answer<'_>, caller: &Caller<'_>) -> Vec<u8> {
    let mut envelope = Envelope::new(caller);
    envelope.name(&answer.id);
    envelope.created = answer.created.unwrap_or(caller.created);
    envelope.service_tier = answer.service_tier.as_deref().map(str::to_owned);
    let mut output = Output {
        envelope: &envelope,
        own: answer.dialect == Dialect::OpenAiResponses,
        items: Writer::with_capacity(answer.room()),
        count: 0,
        message: None,
    };
    let mut status = Status::Completed;
    if let Some(choice) = answer.choices.first() {
        let refused = choice
            .parts
            .iter()
            .any(|part| matches!(part.block, Block::Refusal(_)));
        status = Status::of(&choice.finish, refused);
        output.choice(choice, status);
    }
    let items = output.items.into_text();
    let mut w = Writer::with_capacity(items.len() + 1024);
    envelope.write(
        status,
        &items,
        Some(&answer.usage.unwrap_or_default()),
        &mut w,
    );
    w.into_bytes()
}

/// The items as they are written.
struct Output<'o> {
    envelope: &'o Envelope,
    own: bool,
    items: Writer,
    count: u32,
    /// The content of the message that is open.
    message: Option<Writer>,
}

impl Output<'_> {
    fn choice(&mut self, choice: &Choice<'_>, status: Status<'_>) {
        // Probabilities come for all the text at once: they are told with its first part.
        let mut logprobs = choice.logprobs.as_deref().map(json::inner_list);
        for part in &choice.parts {
            self.part(part, &mut logprobs);
        }
        self.close_message(status.as_str());
    }

    fn part(&mut self, part: &Part<'_>, logprobs: &mut Option<String>) {
        match &part.block {
            Block::Text { text, citations } => {
                let mut annotations = Writer::default();
                for citation in citations {
                    if self.own || !citation.url.is_empty() {
                        write_annotation(citation, self.own, &mut annotations);
                    }
                }
                let annotations = annotations.into_text();
                let logprobs = logprobs.take().unwrap_or_default();
                let content = self.message.get_or_insert_default();
                write_text_part(text, &annotations, &logprobs, content);
            }
            Block::Refusal(text) => {
                let content = self.message.get_or_insert_default();
                content.open().text("type", "refusal");
                content.text("refusal", text).close();
            }
            Block::Thinking { text, signature } => self.item(Item::Reasoning {
                summary: text,
                sealed: signature.as_deref(),
            }),
            Block::RedactedThinking { data } => self.item(Item::Reasoning {
                summary: "",
                sealed: Some(data),
            }),
            Block::ToolUse {
                id,
                name,
                arguments,
                custom,
            } => {
                let empty = arguments.is_empty() && !custom;
                self.item(Item::Call {
                    call_id: id,
                    name,
                    // Clients parse it; an empty text is no JSON.
                    arguments: if empty { "{}" } else { arguments },
                    custom: *custom,
                    status: "completed",
                });
            }
            Block::Media(media) => {
                if let Source::Data { base64, .. } = &media.source {
                    self.item(Item::Image {
                        base64: Some(base64),
                        status: "completed",
                    });
                }
            }
            Block::Foreign { kind, raw } => {
                if self.own || is_item(kind, raw) {
                    self.close_message("completed");
                    self.items.raw(raw);
                    self.count += 1;
                }
            }
            Block::ToolResult { .. } => {}
        }
    }

    fn item(&mut self, item: Item<'_>) {
        self.close_message("completed");
        self.put(item);
    }

    fn put(&mut self, item: Item<'_>) {
        let id = self.envelope.item_id(item.prefix(), self.count);
        item.write(&id, &mut self.items);
        self.count += 1;
    }

    fn close_message(&mut self, status: &'static str) {
        if let Some(content) = self.message.take() {
            let content = content.into_text();
            self.put(Item::Message {
                content: &content,
                status,
            });
        }
    }
}
