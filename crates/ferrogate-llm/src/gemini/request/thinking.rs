//! How long to think.
//!
//! Source: the Gemini API's guide on thinking: a budget of tokens up to Gemini 2.5, a level from Gemini 3 on, and
//! never both.

use crate::chat::{ChatRequest, Effort, Reasoning, ThinkingMode};
use crate::gemini::name;
use crate::json::{self, Object, Writer};
use crate::lossy::Field;
use crate::protocol::TargetProfile;
use crate::{DecodeError, Dialect, Lossy, ThinkingStyle};

/// The largest budget that all models with one accept, in tokens. Source: the guide on thinking.
const MOST_BUDGET: u64 = 24_576;

/// What `includeThoughts: false` is called in [`Reasoning::summary`].
const HIDDEN: &str = "omitted";

pub(super) fn read<'a>(
    config: &mut Object<'a>,
    reasoning: &mut Reasoning<'a>,
) -> Result<(), DecodeError> {
    reasoning.summary = config
        .flag("includeThoughts")?
        .map(|shown| if shown { "auto" } else { HIDDEN }.into());
    let level = config.peek("thinkingLevel").and_then(json::text);
    if let Some(effort) = level.and_then(|word| Effort::parse(&word.to_ascii_lowercase())) {
        reasoning.effort = Some(effort);
        config.take("thinkingLevel");
    }
    match config.integer("thinkingBudget")? {
        None => {}
        Some(0) => reasoning.mode = Some(ThinkingMode::Disabled),
        Some(tokens) => match u64::try_from(tokens) {
            Ok(tokens) => {
                reasoning.mode = Some(ThinkingMode::Enabled);
                reasoning.budget = Some(tokens);
            }
            // -1: as the model sees fit.
            Err(_) => reasoning.mode = Some(ThinkingMode::Adaptive),
        },
    }
    Ok(())
}

#[derive(Default)]
struct Config {
    level: Option<Effort>,
    budget: Option<i64>,
    shown: Option<bool>,
}

pub(super) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    let reasoning = &request.reasoning;
    let own = request.dialect == Dialect::Gemini;
    let mut config = Config::default();
    let wanted = reasoning.effort();
    let off = wanted == Some(Effort::None);
    let as_written = own
        && (target.traits.thinking == ThinkingStyle::Unknown
            || (target.traits.thinking == ThinkingStyle::GeminiLevel
                && reasoning.effort.is_none()));
    match target.traits.thinking {
        _ if as_written => {
            config.level = reasoning.effort;
            config.budget = budget_of(reasoning);
        }
        // It refuses even the wish to think less.
        ThinkingStyle::None => {
            if !off {
                lossy.lose_if(
                    Field::Reasoning,
                    Some(reasoning).filter(|said| !said.is_empty()),
                );
            }
            lossy.lose_if(Field::ReasoningSummary, reasoning.summary.as_ref());
            return;
        }
        ThinkingStyle::GeminiBudget => budget(reasoning, target, &mut config, lossy),
        _ => level(wanted, target, &mut config, lossy),
    }
    let said = !reasoning.is_empty();
    config.shown = match reasoning.summary.as_deref() {
        Some(summary) => Some(!matches!(summary, HIDDEN | "none")),
        // Thoughts are asked for wherever thinking is: without them a caller sees a pause and nothing else.
        None => (!own && said).then_some(!off),
    };
    let kept = own && name::has_rest_of(&request.extra, "generationConfig.thinkingConfig");
    if config.level.is_none() && config.budget.is_none() && config.shown.is_none() && !kept {
        return;
    }
    w.key("thinkingConfig").open();
    w.member_if("includeThoughts", config.shown.as_ref());
    if let Some(level) = config.level {
        w.text("thinkingLevel", &level.as_str().to_ascii_uppercase());
    }
    w.member_if("thinkingBudget", config.budget.as_ref());
    if kept {
        name::rest_of(&request.extra, "generationConfig.thinkingConfig", w);
    }
    w.close();
}

fn budget_of(reasoning: &Reasoning<'_>) -> Option<i64> {
    match (reasoning.mode, reasoning.budget) {
        (Some(ThinkingMode::Disabled), _) => Some(0),
        (_, Some(tokens)) => i64::try_from(tokens).ok(),
        (Some(ThinkingMode::Adaptive), None) => Some(-1),
        _ => None,
    }
}

fn budget(
    reasoning: &Reasoning<'_>,
    target: &TargetProfile<'_>,
    config: &mut Config,
    lossy: &mut Lossy,
) {
    let least = target.traits.min_thinking_budget.unwrap_or(0);
    let tokens = match (reasoning.budget, reasoning.effort()) {
        (_, Some(Effort::None)) if target.traits.thinking_off => Some(0),
        (_, Some(Effort::None)) => {
            lossy.lose(Field::Reasoning);
            Some(least)
        }
        (Some(tokens), _) => Some(tokens.clamp(least, MOST_BUDGET.max(least))),
        (None, Some(effort)) => Some(effort.budget().clamp(least, MOST_BUDGET.max(least))),
        (None, None) => None,
    };
    config.budget = match (tokens, reasoning.mode) {
        (Some(tokens), _) => i64::try_from(tokens).ok(),
        (None, Some(_)) => Some(-1),
        (None, None) => None,
    };
}

fn level(
    wanted: Option<Effort>,
    target: &TargetProfile<'_>,
    config: &mut Config,
    lossy: &mut Lossy,
) {
    let Some(wanted) = wanted else {
        // Only "think" was said: that is what these models do.
        return;
    };
    let efforts = target.traits.efforts;
    let level = if efforts.is_unknown() {
        // What every model with levels takes.
        wanted.clamp(Effort::Low, Effort::High)
    } else {
        efforts.nearest(wanted)
    };
    if wanted == Effort::None && level != Effort::None {
        lossy.lose(Field::Reasoning);
    }
    // There is no level for "not at all" and none above the fourth word.
    config.level = (level != Effort::None).then_some(level.min(Effort::XHigh));
    if level == Effort::None {
        config.budget = Some(0);
    }
}
