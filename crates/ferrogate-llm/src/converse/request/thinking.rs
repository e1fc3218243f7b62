//! What models take beside Converse's own members: how long to think, and Anthropic's other knobs.

use crate::chat::{ChatRequest, Effort, Reasoning, ThinkingMode, ToolChoice};
use crate::converse::family::Family;
use crate::json::{Object, Writer};
use crate::lossy::Field;
use crate::protocol::TargetProfile;
use crate::{Dialect, Lossy, ThinkingStyle};

/// Takes what any family's members say; what is not understood in full stays.
pub(super) fn read<'a>(fields: &mut Object<'a>, request: &mut ChatRequest<'a>) {
    read_switch(fields, &mut request.reasoning);
    read_effort(fields, "reasoning_effort", &mut request.reasoning);
    for (outer, inner) in [
        ("output_config", "effort"),
        ("reasoning", "effort"),
        ("reasoningConfig", "maxReasoningEffort"),
    ] {
        let Some(mut object) = fields.peek(outer).and_then(Object::of) else {
            continue;
        };
        let disabled = match (outer, object.text("type")) {
            (_, Ok(None)) => false,
            ("reasoningConfig", Ok(Some(kind))) if kind == "enabled" => false,
            ("reasoningConfig", Ok(Some(kind))) if kind == "disabled" => true,
            _ => continue,
        };
        let mut found = Reasoning::default();
        read_effort(&mut object, inner, &mut found);
        if object.is_empty() && (found.effort.is_some() || disabled) {
            fields.take(outer);
            if disabled {
                request.reasoning.mode = Some(ThinkingMode::Disabled);
            }
            request.reasoning.effort = found.effort.or(request.reasoning.effort);
        }
    }
    if let Ok(Some(top_k)) = fields.unsigned("top_k") {
        request.sampling.top_k = Some(top_k);
    }
    if let Some(mut config) = fields.peek("inferenceConfig").and_then(Object::of)
        && let Ok(Some(top_k)) = config.unsigned("topK")
        && config.is_empty()
    {
        fields.take("inferenceConfig");
        request.sampling.top_k = Some(top_k);
    }
    read_choice(fields, request);
}

/// Takes an effort that is a word we know; another stays.
pub(super) fn read_effort(
    object: &mut Object<'_>,
    name: &'static str,
    reasoning: &mut Reasoning<'_>,
) {
    let word = object.peek(name).and_then(crate::json::text);
    if let Some(effort) = word.as_deref().and_then(Effort::parse) {
        object.take(name);
        reasoning.effort = Some(effort);
    }
}

/// Anthropic's `thinking`.
fn read_switch<'a>(fields: &mut Object<'a>, reasoning: &mut Reasoning<'a>) {
    let Some(mut thinking) = fields.peek("thinking").and_then(Object::of) else {
        return;
    };
    let mode = match thinking.text("type").ok().flatten().as_deref() {
        Some("enabled") => ThinkingMode::Enabled,
        Some("adaptive") => ThinkingMode::Adaptive,
        Some("disabled") => ThinkingMode::Disabled,
        _ => return,
    };
    let (Ok(budget), Ok(display)) = (thinking.unsigned("budget_tokens"), thinking.text("display"))
    else {
        return;
    };
    if thinking.is_empty() {
        fields.take("thinking");
        reasoning.mode = Some(mode);
        reasoning.budget = budget;
        reasoning.summary = display;
    }
}

/// Anthropic's `tool_choice`, which alone can say that tools are called one at a time.
fn read_choice<'a>(fields: &mut Object<'a>, request: &mut ChatRequest<'a>) {
    let Some(mut choice) = fields.peek("tool_choice").and_then(Object::of) else {
        return;
    };
    let (Ok(kind), Ok(name), Ok(Some(disabled))) = (
        choice.text("type"),
        choice.text("name"),
        choice.flag("disable_parallel_tool_use"),
    ) else {
        return;
    };
    let found = match (kind.as_deref(), name) {
        (Some("auto"), None) => ToolChoice::Auto,
        (Some("any"), None) => ToolChoice::Required,
        (Some("tool"), Some(name)) => ToolChoice::Named(name),
        _ => return,
    };
    if choice.is_empty() {
        fields.take("tool_choice");
        request.parallel_tools = Some(!disabled);
        request.tool_choice.get_or_insert(found);
    }
}

/// Writes how long to think, in the members of the model's family; says whether it will.
pub(super) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    family: Family,
    fields: &mut Writer,
    lossy: &mut Lossy,
) -> bool {
    let reasoning = &request.reasoning;
    let style = target.traits.thinking;
    let claude = match family {
        Family::Claude => true,
        // An ARN of the account's own: the catalog may know what is behind it.
        Family::Unknown => style != ThinkingStyle::Effort,
        _ => false,
    };
    if !claude {
        lossy.lose_if(Field::ReasoningSummary, reasoning.summary.as_ref());
    }
    let always = matches!(style, ThinkingStyle::Always | ThinkingStyle::AdaptiveAlways);
    if reasoning.is_empty() {
        lossy.lose_if(
            Field::ReasoningSummary,
            reasoning.summary.as_ref().filter(|_| claude),
        );
        return always;
    }
    let effort = reasoning.effort();
    let off = effort == Some(Effort::None) || reasoning.mode == Some(ThinkingMode::Disabled);
    if style == ThinkingStyle::None {
        lossy.lose_if(Field::Reasoning, Some(&()).filter(|()| !off));
        return false;
    }
    if claude {
        return Claude {
            request,
            target,
            off,
            effort,
        }
        .write(fields, lossy);
    }
    let wanted = target
        .traits
        .efforts
        .nearest(effort.unwrap_or(Effort::Medium));
    // Words that every model of these families takes.
    let plain = match wanted {
        Effort::None | Effort::Minimal | Effort::Low => Effort::Low,
        Effort::Medium => Effort::Medium,
        Effort::High | Effort::XHigh | Effort::Max => Effort::High,
    };
    match family {
        Family::Nova if off => {
            let config = fields.key("reasoningConfig").open();
            config.text("type", "disabled").close();
        }
        Family::Nova => {
            let config = fields.key("reasoningConfig").open();
            config.text("type", "enabled");
            config.text("maxReasoningEffort", plain.as_str()).close();
        }
        Family::EffortObject => {
            let object = fields.key("reasoning").open();
            object.text("effort", wanted.as_str()).close();
        }
        Family::EffortWord => {
            lossy.lose_if(Field::Reasoning, Some(&()).filter(|()| off));
            fields.text("reasoning_effort", plain.as_str());
        }
        Family::Other | Family::Unknown | Family::Claude if style == ThinkingStyle::Effort => {
            fields.text("reasoning_effort", wanted.as_str());
        }
        Family::Other | Family::Unknown | Family::Claude => {
            lossy.lose(Field::Reasoning);
            return always;
        }
    }
    !off
}

/// Anthropic's members. Source: Anthropic's documentation, "Extended thinking" and "Adaptive thinking".
struct Claude<'r, 'a> {
    request: &'r ChatRequest<'a>,
    target: &'r TargetProfile<'r>,
    off: bool,
    effort: Option<Effort>,
}

impl Claude<'_, '_> {
    fn write(&self, fields: &mut Writer, lossy: &mut Lossy) -> bool {
        let reasoning = &self.request.reasoning;
        let by_budget = match self.target.traits.thinking {
            ThinkingStyle::Budget => true,
            // Nothing is known of the model: what the caller wrote is what it was made for.
            ThinkingStyle::Unknown => reasoning.mode == Some(ThinkingMode::Enabled),
            _ => false,
        };
        if by_budget {
            return self.budget(fields, lossy);
        }
        let traits = self.target.traits;
        let cannot_stop = traits.thinking == ThinkingStyle::AdaptiveAlways || !traits.thinking_off;
        if self.off && !cannot_stop {
            fields
                .key("thinking")
                .open()
                .text("type", "disabled")
                .close();
            return false;
        }
        if self.off {
            lossy.lose(Field::Reasoning);
        }
        // Anthropic's own callers may name an effort and leave thinking to the model's default.
        let silent = reasoning.mode.is_none() && self.request.dialect == Dialect::Anthropic;
        if !self.off && !silent {
            fields.key("thinking").open().text("type", "adaptive");
            fields.text_if("display", self.display()).close();
        }
        let effort = self
            .effort
            .map(|effort| match traits.efforts.nearest(effort) {
                // Claude's words begin with `low`.
                Effort::None | Effort::Minimal => Effort::Low,
                effort => effort,
            });
        if let Some(effort) = effort {
            fields.key("output_config").open();
            fields.text("effort", effort.as_str()).close();
        }
        true
    }

    /// `thinking: {type: enabled}`, which must leave room for an answer below the limit of output, and bars forced
    /// calls and turns with calls whose thoughts are missing.
    fn budget(&self, fields: &mut Writer, lossy: &mut Lossy) -> bool {
        // These models do not think unless they are told to; some platforms refuse `disabled`.
        if self.off {
            return false;
        }
        let reasoning = &self.request.reasoning;
        let least = self.target.traits.min_thinking_budget.unwrap_or(1024);
        let wanted = reasoning
            .budget
            .or_else(|| self.effort.map(Effort::budget))
            .unwrap_or(Effort::Medium.budget())
            .max(least);
        let room = self
            .request
            .max_tokens
            .map_or(u64::MAX, |most| most.saturating_sub(1));
        let forced = matches!(
            self.request.tool_choice,
            Some(
                ToolChoice::Required
                    | ToolChoice::Named(_)
                    | ToolChoice::Allowed { required: true, .. }
            )
        );
        if room < least || forced || super::history::lacks_thoughts(self.request) {
            lossy.lose(Field::Reasoning);
            return false;
        }
        fields.key("thinking").open().text("type", "enabled");
        fields.member("budget_tokens", &wanted.min(room));
        fields.text_if("display", self.display()).close();
        true
    }

    /// Newer models show nothing of their thoughts unless asked to; callers of dialects without such a word expect
    /// to see them.
    fn display(&self) -> Option<&str> {
        match self.request.reasoning.summary.as_deref() {
            Some("omitted") => Some("omitted"),
            None if self.request.dialect == Dialect::Anthropic => None,
            _ => Some("summarized"),
        }
    }
}
