//! What a request asked for by other means, undone in its answer.

use std::borrow::Cow;

use crate::chat::{
    Answer, Block, BlockKind, ChatRequest, Delta, Event, FinishReason, Part, ToolKind,
};
use crate::json::{self, Object};
use crate::sound::SoundForm;

/// What stands in for features the target does not have: known when the request is written, applied to what is read
/// of the answer before it is written for the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emulation {
    /// Custom tools, which went out as functions with the one argument `input`.
    custom_tools: Vec<String>,
    /// The answer's schema went out as the tool [`JSON_TOOL`], which the model was made to call.
    json_tool: bool,
    /// Sound comes as samples, and is wanted like this.
    sound: Option<SoundForm>,
}

/// The tool that stands in for a schema of the answer.
pub(crate) const JSON_TOOL: &str = "json_output";

/// Arguments held back until they are complete, in bytes of all calls; those of a call that has no room are handed on
/// as they are.
const MOST_HELD: usize = 4 << 20;

impl Emulation {
    /// Custom tools sent as functions, and maybe a schema sent as a tool.
    pub(crate) fn of(request: &ChatRequest<'_>, json_tool: bool) -> Self {
        let custom = request.tools.iter().filter_map(|tool| match &tool.kind {
            ToolKind::Custom { name, .. } => Some(name.clone().into_owned()),
            _ => None,
        });
        Self {
            custom_tools: custom.collect(),
            json_tool,
            sound: None,
        }
    }

    /// Sound, which comes as samples, given as it is wanted.
    pub(crate) fn with_sound(self, sound: Option<SoundForm>) -> Self {
        Self { sound, ..self }
    }

    /// Whether there is nothing to undo.
    pub fn is_empty(&self) -> bool {
        self.custom_tools.is_empty() && !self.json_tool && self.sound.is_none()
    }

    /// Undoes it in a whole answer.
    pub fn undo(&self, answer: &mut Answer<'_>) {
        if self.is_empty() {
            return;
        }
        for choice in &mut answer.choices {
            for part in &mut choice.parts {
                self.part(part);
            }
            if let Some(form) = self.sound {
                form.gather(&mut choice.parts);
            }
            let calls = choice
                .parts
                .iter()
                .any(|part| matches!(part.block, Block::ToolUse { .. }));
            if self.json_tool && !calls && choice.finish == FinishReason::ToolUse {
                choice.finish = FinishReason::Stop;
            }
        }
    }

    fn part(&self, part: &mut Part<'_>) {
        let Block::ToolUse {
            name,
            arguments,
            custom,
            ..
        } = &mut part.block
        else {
            return;
        };
        if self.is_json(name) {
            let text = std::mem::take(arguments);
            part.block = Block::text(text);
        } else if self.is_custom(name) {
            *custom = true;
            *arguments = Cow::Owned(input_of(arguments));
        }
    }

    /// Undoes it in a stream.
    pub fn stream(&self) -> EmulatedStream {
        EmulatedStream {
            emulation: self.clone(),
            json: Vec::new(),
            held: Vec::new(),
            calls: false,
        }
    }

    fn is_json(&self, name: &str) -> bool {
        self.json_tool && name == JSON_TOOL
    }

    fn is_custom(&self, name: &str) -> bool {
        self.custom_tools.iter().any(|custom| custom == name)
    }
}

/// Undoes an [`Emulation`] event by event.
#[derive(Debug)]
pub struct EmulatedStream {
    emulation: Emulation,
    /// Blocks that are the answer in disguise.
    json: Vec<(u32, u32)>,
    /// Calls of custom tools: what came of their arguments so far.
    held: Vec<((u32, u32), String)>,
    /// A tool of the caller's own was called.
    calls: bool,
}

impl EmulatedStream {
    /// Takes what was read and hands on what is to be written.
    pub fn pass(&mut self, event: Event, mut hand_on: impl FnMut(Event)) {
        match event {
            Event::Open {
                choice,
                block,
                kind: BlockKind::ToolUse { id, name, custom },
            } => {
                let kind = if self.emulation.is_json(&name) {
                    self.json.push((choice, block));
                    BlockKind::Text
                } else {
                    self.calls = true;
                    let wrapped = self.emulation.is_custom(&name);
                    if wrapped {
                        self.held.push(((choice, block), String::new()));
                    }
                    let custom = custom || wrapped;
                    BlockKind::ToolUse { id, name, custom }
                };
                hand_on(Event::Open {
                    choice,
                    block,
                    kind,
                });
            }
            Event::Delta {
                choice,
                block,
                delta: Delta::Arguments(piece),
            } => {
                let delta = if self.json.contains(&(choice, block)) {
                    Delta::Text(piece)
                } else if let Some(at) = self.held_at(choice, block) {
                    let (_, held) = &mut self.held[at];
                    held.push_str(&piece);
                    if self.held.iter().map(|(_, held)| held.len()).sum::<usize>() <= MOST_HELD {
                        return;
                    }
                    Delta::Arguments(self.held.swap_remove(at).1)
                } else {
                    Delta::Arguments(piece)
                };
                hand_on(Event::Delta {
                    choice,
                    block,
                    delta,
                });
            }
            Event::Close { choice, block } => {
                self.json.retain(|json| *json != (choice, block));
                if let Some(at) = self.held_at(choice, block) {
                    let (_, held) = self.held.swap_remove(at);
                    hand_on(Event::Delta {
                        choice,
                        block,
                        delta: Delta::Arguments(input_of(&held)),
                    });
                }
                hand_on(event);
            }
            Event::Finish {
                choice,
                reason: FinishReason::ToolUse,
                stop_sequence,
            } if self.emulation.json_tool && !self.calls => hand_on(Event::Finish {
                choice,
                reason: FinishReason::Stop,
                stop_sequence,
            }),
            other => hand_on(other),
        }
    }

    fn held_at(&self, choice: u32, block: u32) -> Option<usize> {
        self.held.iter().position(|(of, _)| *of == (choice, block))
    }
}

/// The one argument of a custom tool that went out as a function, as far as it came; whatever else the model made is
/// handed on as it is.
fn input_of(arguments: &str) -> String {
    let whole = |text: &str| {
        let mut object: Object<'_> = serde_json::from_str(text).ok()?;
        json::text(object.take("input")?).map(Cow::into_owned)
    };
    // Where it is cut, its last escape may be as well; of a pair, the half that stands alone is read as `\u{fffd}`.
    let cut = || {
        let ends = arguments.char_indices().rev().map(|(at, _)| at);
        let mut text = std::iter::once(arguments.len())
            .chain(ends.take(LONGEST_ESCAPE))
            .find_map(|end| whole(&format!("{}\"}}", arguments.get(..end)?)))?;
        if text.ends_with('\u{fffd}') {
            text.pop();
        }
        Some(text)
    };
    whole(arguments)
        .or_else(cut)
        .unwrap_or_else(|| arguments.to_owned())
}

/// Characters of an escape without its last: `\u123`.
const LONGEST_ESCAPE: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;
    use crate::chat::Choice;

    fn call(name: &'static str, arguments: &'static str) -> Part<'static> {
        Block::ToolUse {
            id: "1".into(),
            name: name.into(),
            arguments: arguments.into(),
            custom: false,
        }
        .into()
    }

    fn emulation() -> Emulation {
        Emulation {
            custom_tools: vec!["sql".into()],
            json_tool: true,
            sound: None,
        }
    }

    #[test]
    fn an_answer_is_what_the_caller_asked_for() {
        let mut answer = Answer::new(Dialect::Anthropic);
        answer.choices = vec![
            Choice::new(vec![call(JSON_TOOL, r#"{"a":1}"#)], FinishReason::ToolUse),
            Choice::new(
                vec![call("sql", r#"{"input":"a\nb"}"#)],
                FinishReason::ToolUse,
            ),
        ];
        emulation().undo(&mut answer);
        let [json, custom] = answer.choices.as_slice() else {
            panic!("two choices")
        };
        assert_eq!(json.finish, FinishReason::Stop);
        assert!(matches!(&json.parts[0].block, Block::Text { text, .. } if text == r#"{"a":1}"#));
        assert_eq!(custom.finish, FinishReason::ToolUse);
        assert!(matches!(
            &custom.parts[0].block,
            Block::ToolUse { arguments, custom: true, .. } if arguments == "a\nb"
        ));
    }

    #[test]
    fn a_stream_is_what_the_caller_asked_for() {
        for (name, pieces, expected) in [
            (JSON_TOOL, ["{\"a\"", ":1}"], "text:{\"a\" text::1} Stop"),
            ("sql", ["{\"input\":", "\"x\"}"], "arguments:x ToolUse"),
            ("sql", ["broken", " one"], "arguments:broken one ToolUse"),
            ("sql", ["{\"input\":", "\"x y"], "arguments:x y ToolUse"),
            ("sql", ["{\"input\":", "\"x\\"], "arguments:x ToolUse"),
            ("sql", ["{\"input\":\"x", "\\u26"], "arguments:x ToolUse"),
            (
                "sql",
                ["{\"input\":\"x\\ud83c", "\\udf2"],
                "arguments:x ToolUse",
            ),
            ("sql", ["{\"in", "p"], "arguments:{\"inp ToolUse"),
            ("other", ["{", "}"], "arguments:{ arguments:} ToolUse"),
        ] {
            let mut stream = emulation().stream();
            let mut events = vec![Event::Open {
                choice: 0,
                block: 0,
                kind: BlockKind::ToolUse {
                    id: "1".into(),
                    name: name.into(),
                    custom: false,
                },
            }];
            events.extend(pieces.map(|piece| Event::Delta {
                choice: 0,
                block: 0,
                delta: Delta::Arguments(piece.into()),
            }));
            events.push(Event::Close {
                choice: 0,
                block: 0,
            });
            events.push(Event::Finish {
                choice: 0,
                reason: FinishReason::ToolUse,
                stop_sequence: None,
            });
            let mut said = Vec::new();
            for event in events {
                stream.pass(event, |event| match event {
                    Event::Delta {
                        delta: Delta::Text(text),
                        ..
                    } => said.push(format!("text:{text}")),
                    Event::Delta {
                        delta: Delta::Arguments(text),
                        ..
                    } => said.push(format!("arguments:{text}")),
                    Event::Finish { reason, .. } => said.push(format!("{reason:?}")),
                    _ => {}
                });
            }
            assert_eq!(said.join(" "), expected);
        }
    }
}
