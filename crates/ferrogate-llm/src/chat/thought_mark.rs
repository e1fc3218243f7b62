//! Whose model a thought's signature is of.
//!
//! A signature means something to the models that made it and is refused by every other. One that a caller is given
//! in a dialect not its maker's begins with a mark, so that a conversation that later goes to another vendor leaves it
//! out. Between a caller and a vendor of one dialect nothing is marked and no byte changes.

use std::borrow::Cow;

use super::{Answer, Block, BlockKind, ChatRequest, Delta, Event, Message};
use crate::{Dialect, Field, Lossy};

/// What a mark begins with; a letter for the maker follows. Eight letters of base64 are six bytes: SDKs that decode
/// signatures and encode them again keep the mark.
const MARK: &str = "Ferrogt";

/// Who made a signature: the vendors that take each other's. Claude's are the same on Bedrock.
fn maker(dialect: Dialect) -> Option<char> {
    match dialect {
        Dialect::Anthropic | Dialect::Converse => Some('A'),
        Dialect::Gemini => Some('G'),
        Dialect::OpenAiResponses => Some('O'),
        Dialect::OpenAiChat => Some('C'),
        Dialect::OpenAiText | Dialect::Cohere | Dialect::Ollama | Dialect::Replicate => None,
    }
}

fn marked(signature: &str, maker: char) -> String {
    let mut text = String::with_capacity(MARK.len() + 1 + signature.len());
    text.push_str(MARK);
    text.push(maker);
    text.push_str(signature);
    text
}

/// The maker a mark names, and the signature without it.
fn split(signature: &str) -> Option<(char, &str)> {
    let mut rest = signature.strip_prefix(MARK)?.chars();
    let maker = rest.next()?;
    Some((maker, rest.as_str()))
}

/// Whether a body may hold marked signatures: then it must be read although its dialect is the target's.
pub fn may_hold_marks(body: &[u8]) -> bool {
    memchr::memmem::find(body, MARK.as_bytes()).is_some()
}

impl Answer<'_> {
    /// Marks the signatures of thoughts, for a caller of another dialect.
    pub fn mark_thoughts(&mut self) {
        let Some(maker) = maker(self.dialect) else {
            return;
        };
        for part in self.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
            match &mut part.block {
                Block::Thinking {
                    signature: Some(signature),
                    ..
                }
                | Block::RedactedThinking { data: signature } => {
                    *signature = marked(signature, maker).into();
                }
                _ => {}
            }
        }
    }
}

/// Marks the signatures of thoughts in a stream.
#[derive(Debug)]
pub(crate) struct Marking {
    maker: Option<char>,
    /// Thoughts without a signature so far: choice, block.
    open: Vec<(u32, u32)>,
}

impl Marking {
    /// Of a stream from one dialect to another.
    pub(crate) fn new(from: Dialect, to: Dialect) -> Self {
        Self {
            maker: maker(from).filter(|_| from != to),
            open: Vec::new(),
        }
    }

    pub(crate) fn mark(&mut self, mut event: Event) -> Event {
        let Some(maker) = self.maker else {
            return event;
        };
        match &mut event {
            Event::Open {
                choice,
                block,
                kind: BlockKind::Thinking,
            } => self.open.push((*choice, *block)),
            Event::Open {
                kind: BlockKind::RedactedThinking { data },
                ..
            } => *data = marked(data, maker),
            Event::Delta {
                choice,
                block,
                delta: Delta::Signature(signature),
            } => {
                // Pieces that follow belong to the same signature.
                let place = (*choice, *block);
                if let Some(at) = self.open.iter().position(|open| *open == place) {
                    self.open.remove(at);
                    *signature = marked(signature, maker);
                }
            }
            Event::Close { choice, block } => {
                self.open.retain(|open| *open != (*choice, *block));
            }
            _ => {}
        }
        event
    }
}

impl ChatRequest<'_> {
    /// The same request for a target of this dialect: signatures that its models made without their marks, and none
    /// that others made.
    pub fn for_models_of(&self, target: Dialect, lossy: &mut Lossy) -> Cow<'_, Self> {
        let holds = |message: &Message<'_>| {
            message.parts.iter().any(|part| {
                matches!(
                    part.block,
                    Block::Thinking {
                        signature: Some(_),
                        ..
                    } | Block::RedactedThinking { .. }
                )
            })
        };
        if !self.messages.iter().any(holds) {
            return Cow::Borrowed(self);
        }
        // What is not marked was made by the vendor whose dialect this is. In OpenAI's chat signatures are Claude's by
        // custom, or of whoever else speaks it.
        let own = match self.dialect {
            Dialect::OpenAiChat => [Some('A'), Some('C')],
            other => [maker(other); 2],
        };
        let mut request = self.clone();
        for message in &mut request.messages {
            message.parts.retain_mut(|part| {
                let (signature, redacted) = match &mut part.block {
                    Block::Thinking {
                        signature: Some(signature),
                        ..
                    } => (signature, false),
                    Block::RedactedThinking { data } => (data, true),
                    _ => return true,
                };
                let is_the_targets = match split(signature) {
                    Some((maker, bare)) => {
                        *signature = Cow::Owned(bare.to_owned());
                        Some(maker) == self::maker(target)
                    }
                    None => own.contains(&maker(target)),
                };
                if is_the_targets {
                    return true;
                }
                lossy.lose(Field::Thinking);
                if let Block::Thinking { signature, .. } = &mut part.block {
                    *signature = None;
                }
                !redacted
            });
        }
        Cow::Owned(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Role;

    fn request(dialect: Dialect, signature: &str) -> ChatRequest<'static> {
        let thought = Block::Thinking {
            text: "hm".into(),
            signature: Some(signature.to_owned().into()),
        };
        let redacted = Block::RedactedThinking {
            data: signature.to_owned().into(),
        };
        let mut request = ChatRequest::new(dialect);
        request.messages.push(Message::new(
            Role::Assistant,
            vec![thought.into(), redacted.into()],
        ));
        request
    }

    #[test]
    fn a_signature_goes_back_to_who_made_it_and_to_nobody_else() {
        for (caller, signature, target, expected) in [
            // Made by Gemini's models, given to a caller of Anthropic's dialect.
            (
                Dialect::Anthropic,
                "FerrogtGc2ln",
                Dialect::Gemini,
                Some("c2ln"),
            ),
            (Dialect::Anthropic, "FerrogtGc2ln", Dialect::Anthropic, None),
            (
                Dialect::OpenAiChat,
                "FerrogtAc2ln",
                Dialect::Converse,
                Some("c2ln"),
            ),
            (
                Dialect::OpenAiChat,
                "FerrogtAc2ln",
                Dialect::OpenAiChat,
                None,
            ),
            // Not marked: of the caller's own vendor.
            (Dialect::Anthropic, "c2ln", Dialect::Converse, Some("c2ln")),
            (Dialect::Anthropic, "c2ln", Dialect::Gemini, None),
            (Dialect::OpenAiChat, "c2ln", Dialect::Gemini, None),
            (
                Dialect::OpenAiChat,
                "c2ln",
                Dialect::Anthropic,
                Some("c2ln"),
            ),
        ] {
            let mut lossy = Lossy::new(caller);
            let request = request(caller, signature);
            let sent = request.for_models_of(target, &mut lossy);
            let found = sent.messages[0]
                .parts
                .iter()
                .find_map(|part| match &part.block {
                    Block::Thinking { signature, .. } => signature.as_deref(),
                    _ => None,
                });
            let redacted = sent.messages[0].parts.iter().any(|part| {
                matches!(&part.block, Block::RedactedThinking { data } if Some(data.as_ref()) == expected)
            });
            assert_eq!(found, expected, "{caller:?} {signature} {target:?}");
            assert_eq!(
                redacted,
                expected.is_some(),
                "{caller:?} {signature} {target:?}"
            );
            assert_eq!(
                lossy.is_empty(),
                expected.is_some(),
                "{caller:?} {signature} {target:?}"
            );
        }
    }

    #[test]
    fn a_stream_marks_the_first_piece_of_each_signature() {
        let mut marking = Marking::new(Dialect::Gemini, Dialect::Anthropic);
        let mut said = Vec::new();
        let open = |block, kind| Event::Open {
            choice: 0,
            block,
            kind,
        };
        let piece = |block, text: &str| Event::Delta {
            choice: 0,
            block,
            delta: Delta::Signature(text.to_owned()),
        };
        for event in [
            open(0, BlockKind::Thinking),
            piece(0, "ab"),
            piece(0, "cd"),
            Event::Close {
                choice: 0,
                block: 0,
            },
            open(1, BlockKind::Text),
            piece(1, "ef"),
        ] {
            if let Event::Delta {
                delta: Delta::Signature(text),
                ..
            } = marking.mark(event)
            {
                said.push(text);
            }
        }
        assert_eq!(said, ["FerrogtGab", "cd", "ef"]);
    }
}
