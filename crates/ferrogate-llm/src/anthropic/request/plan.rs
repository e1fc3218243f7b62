//! What a request of another dialect becomes for a model, decided before it is written.

use serde_json::value::RawValue;

use crate::chat::{
    Block, ChatRequest, Effort, Part, ResponseFormat, Role, ThinkingMode, ToolChoice,
};
use crate::emulation::JSON_TOOL;
use crate::lossy::Field;
use crate::protocol::TargetProfile;
use crate::{Dialect, Emulation, Lossy, ModelTraits, ThinkingStyle};

/// The members that depend on each other and on the model.
///
/// Source: Anthropic's documentation, "Extended thinking", "Adaptive thinking", "Effort" and "Tool use".
#[derive(Debug)]
pub(super) struct Plan<'r> {
    pub(super) max_tokens: u64,
    pub(super) thinking: Thinking,
    pub(super) display: Option<&'static str>,
    pub(super) effort: Option<Effort>,
    pub(super) choice: Choice<'r>,
    pub(super) json: JsonAnswer<'r>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// The member is left out.
    Unsaid,
    /// Switched off.
    Off,
    /// With a budget in tokens.
    Budget(u64),
    /// As the model sees fit.
    Adaptive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice<'r> {
    /// The member is left out.
    Unsaid,
    /// As the model likes.
    Auto,
    /// At least one tool.
    Any,
    /// This tool.
    Tool(&'r str),
    /// No tool.
    None,
}

/// How an answer comes to be JSON.
#[derive(Clone, Copy, Debug)]
pub(super) enum JsonAnswer<'r> {
    /// It need not be.
    Free,
    /// The provider sees to the schema.
    Native(Schema<'r>),
    /// A tool that must be called has the schema for its arguments.
    Tool(Schema<'r>),
    /// The model is told so; with a schema, if there is one.
    Told(Option<Schema<'r>>),
}

/// A schema for the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schema<'r> {
    pub(super) schema: &'r RawValue,
    pub(super) description: Option<&'r str>,
}

/// The limit where neither caller nor catalog knows one; the API has no default.
const LIMIT: u64 = 4096;
/// The least budget of thoughts in tokens, where the catalog knows none.
const LEAST_BUDGET: u64 = 1024;

/// What has to be undone in the answer.
pub(in crate::anthropic) fn emulation(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
) -> Emulation {
    if request.dialect == Dialect::Anthropic {
        return Emulation::default();
    }
    let plan = Plan::of(request, target, &mut Lossy::new(request.dialect));
    Emulation::of(request, matches!(plan.json, JsonAnswer::Tool(_)))
}

impl<'r> Plan<'r> {
    pub(super) fn of(
        request: &'r ChatRequest<'_>,
        target: &TargetProfile<'_>,
        lossy: &mut Lossy,
    ) -> Self {
        let traits = target.traits;
        let max_tokens = limit(request, traits, lossy);
        let (thinking, effort) = thinking(request, traits, max_tokens, lossy);
        // With a budget of thoughts no tool may be forced.
        let forces = traits.forced_tool_choice && !matches!(thinking, Thinking::Budget(_));
        let json = json(request, traits, forces, lossy);
        let choice = match json {
            JsonAnswer::Tool(_) => Choice::Tool(JSON_TOOL),
            _ => choice(request, forces, lossy),
        };
        Self {
            max_tokens,
            thinking,
            display: display(request, thinking),
            effort,
            choice,
            json,
        }
    }
}

fn limit(request: &ChatRequest<'_>, traits: &ModelTraits, lossy: &mut Lossy) -> u64 {
    let Some(asked) = request.max_tokens else {
        let thoughts = match traits.thinking {
            ThinkingStyle::None => 0,
            _ => budget(request),
        };
        return traits
            .max_output_tokens
            .unwrap_or_else(|| LIMIT.saturating_add(thoughts));
    };
    match traits.max_output_tokens {
        // More than the model can is refused, where OpenAI takes it for all there is.
        Some(most) if asked > most => {
            lossy.lose(Field::MaxTokens);
            most
        }
        _ => asked,
    }
}

/// The budget of thoughts that was asked for in tokens or in words; 0 when none was.
fn budget(request: &ChatRequest<'_>) -> u64 {
    let reasoning = &request.reasoning;
    let word = match reasoning.mode {
        None | Some(ThinkingMode::Disabled) => Effort::None,
        Some(_) => Effort::Medium,
    };
    reasoning
        .budget
        .unwrap_or_else(|| reasoning.effort().unwrap_or(word).budget())
}

fn thinking(
    request: &ChatRequest<'_>,
    traits: &ModelTraits,
    max_tokens: u64,
    lossy: &mut Lossy,
) -> (Thinking, Option<Effort>) {
    let effort = request.reasoning.effort();
    let on = match (effort, request.reasoning.mode) {
        (Some(effort), _) => effort != Effort::None,
        (None, Some(mode)) => mode != ThinkingMode::Disabled,
        (None, None) => return (Thinking::Unsaid, None),
    };
    // The dialect has no word for less than `low`.
    let word = effort
        .filter(|_| on)
        .map(|effort| traits.efforts.nearest(effort.max(Effort::Low)));
    let least = traits.min_thinking_budget.unwrap_or(LEAST_BUDGET);
    let budget = budget(request).max(least);
    match traits.thinking {
        // A model nobody described is asked as current ones are.
        ThinkingStyle::Unknown | ThinkingStyle::Adaptive | ThinkingStyle::AdaptiveAlways if on => {
            (Thinking::Adaptive, word)
        }
        ThinkingStyle::Adaptive if traits.thinking_off => (Thinking::Off, None),
        ThinkingStyle::Adaptive | ThinkingStyle::AdaptiveAlways => {
            // It cannot be switched off.
            lossy.lose(Field::Reasoning);
            let least = traits.efforts.nearest(Effort::Low);
            (Thinking::Unsaid, Some(least))
        }
        ThinkingStyle::Budget if on => {
            // A limit that leaves no room, or a call whose thought the caller did not send back, which is refused.
            if max_tokens <= least || lacks_thought(request) {
                lossy.lose(Field::Reasoning);
                return (Thinking::Unsaid, None);
            }
            // The answer comes out of the same limit: half of it stays.
            let most = (max_tokens / 2).max(least);
            (Thinking::Budget(budget.min(most)), None)
        }
        // Off is what these are when nothing is said.
        ThinkingStyle::Unknown | ThinkingStyle::Budget => (Thinking::Unsaid, None),
        ThinkingStyle::Toggle if on => (Thinking::Budget(budget), None),
        ThinkingStyle::Toggle => (Thinking::Off, None),
        ThinkingStyle::Effort => (Thinking::Unsaid, Some(word.unwrap_or(Effort::Low))),
        ThinkingStyle::Always
        | ThinkingStyle::None
        | ThinkingStyle::GeminiBudget
        | ThinkingStyle::GeminiLevel => {
            if on != (traits.thinking == ThinkingStyle::Always) {
                lossy.lose(Field::Reasoning);
            }
            (Thinking::Unsaid, None)
        }
    }
}

/// What of the thoughts is shown. Newer models show nothing unless told.
fn display(request: &ChatRequest<'_>, thinking: Thinking) -> Option<&'static str> {
    let hidden = match request.reasoning.summary.as_deref() {
        Some(word) => matches!(word, "omitted" | "none"),
        // Responses shows no thoughts that were not asked for.
        None => request.dialect == Dialect::OpenAiResponses,
    };
    match thinking {
        Thinking::Adaptive if !hidden => Some("summarized"),
        Thinking::Adaptive | Thinking::Budget(_) if hidden => Some("omitted"),
        _ => None,
    }
}

/// Whether the turn with the last call of a tool, when its results are all that came since, begins without a thought
/// that can be sent back.
fn lacks_thought(request: &ChatRequest<'_>) -> bool {
    let mut turn: Vec<&[Part<'_>]> = request
        .messages
        .iter()
        .rev()
        .skip_while(|message| message.role != Role::Assistant)
        .take_while(|message| message.role == Role::Assistant)
        .map(|message| message.parts.as_slice())
        .collect();
    turn.reverse();
    let mut parts = turn.into_iter().flatten();
    let calls = parts
        .clone()
        .any(|part| matches!(part.block, Block::ToolUse { .. }));
    let begins_with_thought = parts.next().is_some_and(|part| {
        matches!(
            part.block,
            Block::Thinking {
                signature: Some(_),
                ..
            } | Block::RedactedThinking { .. }
        )
    });
    calls && !begins_with_thought
}

fn json<'r>(
    request: &'r ChatRequest<'_>,
    traits: &ModelTraits,
    forces: bool,
    lossy: &mut Lossy,
) -> JsonAnswer<'r> {
    match &request.format {
        None | Some(ResponseFormat::Text) => JsonAnswer::Free,
        Some(ResponseFormat::JsonObject) => JsonAnswer::Told(None),
        Some(ResponseFormat::JsonSchema {
            schema,
            description,
            ..
        }) => {
            let found = Schema {
                schema,
                description: description.as_deref(),
            };
            if traits.json_schema {
                JsonAnswer::Native(found)
            } else if forces && request.tools.is_empty() {
                JsonAnswer::Tool(found)
            } else {
                // Forced, it would keep the caller's own tools from being called.
                lossy.lose(Field::Format);
                JsonAnswer::Told(Some(found))
            }
        }
        Some(ResponseFormat::Foreign(_)) => {
            lossy.lose(Field::Format);
            JsonAnswer::Free
        }
    }
}

fn choice<'r>(request: &'r ChatRequest<'_>, forces: bool, lossy: &mut Lossy) -> Choice<'r> {
    let forced = match &request.tool_choice {
        Some(
            ToolChoice::Auto
            | ToolChoice::Allowed {
                required: false, ..
            },
        ) => return Choice::Auto,
        Some(ToolChoice::None) => return Choice::None,
        // The wish for one call at a time needs a place.
        None if request.parallel_tools == Some(false) => return Choice::Auto,
        None => return Choice::Unsaid,
        Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => Choice::Any,
        Some(ToolChoice::Named(name)) => Choice::Tool(name),
        Some(ToolChoice::Foreign(_)) => {
            lossy.lose(Field::ToolChoice);
            return Choice::Unsaid;
        }
    };
    if forces {
        return forced;
    }
    lossy.lose(Field::ToolChoice);
    Choice::Auto
}
