//! A request for a provider.

use std::borrow::Cow;

use super::write_messages;
use crate::chat::{
    CacheMark, ChatRequest, Effort, ResponseFormat, Sampling, ThinkingMode, Tool, ToolChoice,
    ToolKind, unusual,
};
use crate::json::{self, Writer};
use crate::lossy::Field;
use crate::protocol::{TargetProfile, Untranslatable};
use crate::{Dialect, Lossy, Quirk, ThinkingStyle};

pub(in crate::openai_chat) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    request.check_portable(Dialect::OpenAiChat)?;
    let mut out = Members {
        w: Writer::with_capacity(request.room()),
        target,
        lossy,
    };
    out.w.open();
    out.w.text("model", target.model);
    out.w.key("messages");
    write_messages::write(request, target, &mut out.w, out.lossy)?;
    tools(request, &mut out);
    sampling(&request.sampling, request, &mut out);
    limit(request, &mut out);
    reasoning(request, &mut out);
    format(request, &mut out);
    out.text("verbosity", Field::Verbosity, request.verbosity.as_deref());
    // Who refuses the older name knows no newer one.
    let newer = request.dialect == Dialect::OpenAiChat
        && request.twins.peek(SAFETY).is_some()
        && !out.has(Quirk::Drop("user"));
    let name = if newer { SAFETY } else { "user" };
    out.text(name, Field::User, request.user.as_deref());
    out.text(
        "service_tier",
        Field::ServiceTier,
        request.service_tier.as_deref(),
    );
    if let Some(metadata) = &request.metadata
        && let Some(name) = out.name("metadata", Field::Metadata)
    {
        out.w.key(name).raw(metadata);
    }
    stream(request, &mut out);
    extra(request, &mut out);
    out.w.close();
    Ok(out.w.into_bytes())
}

/// The newer name of `user`.
const SAFETY: &str = "safety_identifier";

/// Members as they are written, each under the name the provider knows or not at all.
struct Members<'o, 't> {
    w: Writer,
    target: &'o TargetProfile<'t>,
    lossy: &'o mut Lossy,
}

impl Members<'_, '_> {
    /// The name a member goes by; `None`, and noted, when the provider refuses it.
    fn name(&mut self, name: &'static str, field: Field) -> Option<&'static str> {
        let found = self.target_name(name);
        if found.is_none() {
            self.lossy.lose(field);
        }
        found
    }

    fn target_name(&self, name: &'static str) -> Option<&'static str> {
        for quirk in self.target.quirks {
            match *quirk {
                Quirk::Drop(dropped) if dropped == name => return None,
                Quirk::Rename(from, to) if from == name => return Some(to),
                _ => {}
            }
        }
        Some(name)
    }

    fn put<T: serde::Serialize>(&mut self, name: &'static str, field: Field, value: Option<T>) {
        if let Some(value) = value
            && let Some(name) = self.name(name, field)
        {
            self.w.member(name, &value);
        }
    }

    fn text(&mut self, name: &'static str, field: Field, value: Option<&str>) {
        self.put(name, field, value);
    }

    fn has(&self, quirk: Quirk) -> bool {
        self.target.has(quirk)
    }
}

fn tools(request: &ChatRequest<'_>, out: &mut Members<'_, '_>) {
    let written: Vec<&Tool<'_>> = request
        .tools
        .iter()
        .filter(|tool| {
            let foreign = matches!(
                tool.kind,
                ToolKind::Foreign { .. } | ToolKind::WebSearch { .. }
            );
            let kept = !foreign || request.dialect == Dialect::OpenAiChat;
            if !kept {
                out.lossy.lose(Field::Tools);
            }
            kept
        })
        .collect();
    if written.is_empty() {
        out.lossy.lose_if(
            Field::ToolChoice,
            request
                .tool_choice
                .as_ref()
                .filter(|choice| !matches!(choice, ToolChoice::Auto | ToolChoice::None)),
        );
        return;
    }
    out.w.key("tools").open_list();
    for tool in written {
        self::tool(tool, request, out);
    }
    out.w.close_list();
    if let Some(choice) = &request.tool_choice {
        self::choice(choice, request, out);
    }
    out.put(
        "parallel_tool_calls",
        Field::ParallelTools,
        request.parallel_tools,
    );
}

fn tool(tool: &Tool<'_>, request: &ChatRequest<'_>, out: &mut Members<'_, '_>) {
    match &tool.kind {
        ToolKind::Function {
            name,
            description,
            parameters,
            strict,
        } => {
            out.w.open().text("type", "function").key("function").open();
            out.w.text("name", name);
            out.w.text_if("description", description.as_deref());
            out.w.raw_if("parameters", parameters.as_deref());
            if out.has(Quirk::NoStrictTools) {
                out.lossy.lose_if(Field::ToolStrict, strict.as_ref());
            } else {
                out.w.member_if("strict", strict.as_ref());
            }
            if request.dialect == Dialect::OpenAiChat {
                out.w.rest(&tool.extra);
            } else {
                out.lossy.lose_members("tools", &tool.extra);
            }
            out.w.close();
        }
        ToolKind::Custom {
            name,
            description,
            format,
        } => {
            out.w.open().text("type", "custom").key("custom").open();
            out.w.text("name", name);
            out.w.text_if("description", description.as_deref());
            out.w.raw_if("format", format.as_deref());
            out.w.close();
        }
        ToolKind::WebSearch { raw } | ToolKind::Foreign { raw, .. } => {
            out.w.raw(raw);
            return;
        }
    }
    cache_mark(tool.cache, request, out.target, &mut out.w, out.lossy);
    out.w.close();
}

/// Writes a mark where the provider understands one.
pub(super) fn cache_mark(
    mark: Option<CacheMark>,
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    let Some(mark) = mark else { return };
    let (member, kind) = if target.has(Quirk::CacheControl) {
        ("cache_control", "ephemeral")
    } else if matches!(
        request.dialect,
        Dialect::OpenAiChat | Dialect::OpenAiResponses
    ) {
        ("prompt_cache_breakpoint", "explicit")
    } else {
        lossy.lose(Field::Cache);
        return;
    };
    w.key(member).open();
    w.text(if kind == "explicit" { "mode" } else { "type" }, kind);
    w.text_if("ttl", mark.ttl().as_deref());
    w.close();
}

fn choice(choice: &ToolChoice<'_>, request: &ChatRequest<'_>, out: &mut Members<'_, '_>) {
    let forced = !matches!(choice, ToolChoice::Auto | ToolChoice::None);
    if out.has(Quirk::NoToolChoice) || (forced && out.has(Quirk::NoForcedTools)) {
        out.lossy.lose(Field::ToolChoice);
        return;
    }
    let required = if out.has(Quirk::AnyForRequired) {
        "any"
    } else {
        "required"
    };
    match choice {
        ToolChoice::Auto => {
            out.w.text("tool_choice", "auto");
        }
        ToolChoice::None => {
            out.w.text("tool_choice", "none");
        }
        ToolChoice::Required => {
            out.w.text("tool_choice", required);
        }
        ToolChoice::Named(name) => {
            let custom = request.tools.iter().any(
                |tool| matches!(&tool.kind, ToolKind::Custom { name: known, .. } if known == name),
            );
            let kind = if custom { "custom" } else { "function" };
            out.w.key("tool_choice").open().text("type", kind);
            out.w.key(kind).open().text("name", name).close().close();
        }
        ToolChoice::Allowed { names, required } => {
            out.w
                .key("tool_choice")
                .open()
                .text("type", "allowed_tools");
            out.w.key("allowed_tools").open();
            out.w
                .text("mode", if *required { "required" } else { "auto" });
            out.w.key("tools").open_list();
            for name in names {
                out.w.open().text("type", "function");
                out.w
                    .key("function")
                    .open()
                    .text("name", name)
                    .close()
                    .close();
            }
            out.w.close_list().close().close();
        }
        ToolChoice::Foreign(raw) if request.dialect == Dialect::OpenAiChat => {
            out.w.key("tool_choice").raw(raw);
        }
        ToolChoice::Foreign(_) => out.lossy.lose(Field::ToolChoice),
    }
}

fn sampling(sampling: &Sampling<'_>, request: &ChatRequest<'_>, out: &mut Members<'_, '_>) {
    let traits = out.target.traits;
    let thinks = !matches!(
        traits.thinking,
        ThinkingStyle::Unknown | ThinkingStyle::None
    ) && request.reasoning.effort() != Some(Effort::None);
    // Reasoning models refuse these while they think. Source: OpenAI's guide on reasoning models.
    let draws = traits.sampling && (!thinks || traits.sampling_while_thinking);
    let penalties = traits.penalties && !out.has(Quirk::NoPenalties);
    let stops = traits.stop;
    if draws {
        let highest = if out.has(Quirk::TemperatureToOne) {
            1.0
        } else {
            2.0
        };
        let temperature = sampling.temperature.map(|t| t.clamp(0.0, highest));
        if temperature != sampling.temperature {
            out.lossy.lose(Field::Temperature);
        }
        out.put("temperature", Field::Temperature, temperature);
        out.put("top_p", Field::TopP, sampling.top_p);
        logprobs(sampling, out);
    } else {
        out.lossy.lose_if(
            Field::Temperature,
            unusual(sampling.temperature, 1.0).as_ref(),
        );
        out.lossy
            .lose_if(Field::TopP, unusual(sampling.top_p, 1.0).as_ref());
        out.lossy.lose_if(
            Field::Logprobs,
            sampling.logprobs.as_ref().filter(|on| **on),
        );
        out.lossy
            .lose_if(Field::TopLogprobs, sampling.top_logprobs.as_ref());
    }
    let own = request.dialect == Dialect::OpenAiChat;
    if own {
        out.put("top_k", Field::TopK, sampling.top_k);
    } else {
        // OpenAI has none; its servers that do are asked for it in their own dialect.
        out.lossy.lose_if(Field::TopK, sampling.top_k.as_ref());
    }
    if penalties {
        out.put(
            "frequency_penalty",
            Field::FrequencyPenalty,
            sampling.frequency_penalty,
        );
        out.put(
            "presence_penalty",
            Field::PresencePenalty,
            sampling.presence_penalty,
        );
    } else {
        out.lossy.lose_if(
            Field::FrequencyPenalty,
            unusual(sampling.frequency_penalty, 0.0).as_ref(),
        );
        out.lossy.lose_if(
            Field::PresencePenalty,
            unusual(sampling.presence_penalty, 0.0).as_ref(),
        );
    }
    out.put("seed", Field::Seed, sampling.seed);
    if stops {
        // OpenAI's limit; a fifth is refused. Compatible servers have the same or none.
        let most = 4;
        if sampling.stop.len() > most && !own {
            out.lossy.lose(Field::Stop);
        }
        let kept = if own { sampling.stop.len() } else { most };
        let stop: Vec<&str> = sampling.stop.iter().take(kept).map(AsRef::as_ref).collect();
        out.put("stop", Field::Stop, (!stop.is_empty()).then_some(stop));
    } else {
        out.lossy.lose_if(Field::Stop, sampling.stop.first());
    }
    match sampling.n {
        Some(n) if out.has(Quirk::OneChoice) => {
            out.lossy.lose_if(Field::N, Some(&n).filter(|n| **n > 1));
        }
        n => out.put("n", Field::N, n),
    }
}

fn logprobs(sampling: &Sampling<'_>, out: &mut Members<'_, '_>) {
    if out.has(Quirk::NumericLogprobs) {
        let asked = sampling.logprobs == Some(true);
        out.put(
            "logprobs",
            Field::Logprobs,
            asked.then(|| sampling.top_logprobs.unwrap_or(1)),
        );
        return;
    }
    out.put("logprobs", Field::Logprobs, sampling.logprobs);
    out.put("top_logprobs", Field::TopLogprobs, sampling.top_logprobs);
}

fn limit(request: &ChatRequest<'_>, out: &mut Members<'_, '_>) {
    let newer = (out.target.traits.max_completion_tokens || out.has(Quirk::MaxCompletionTokens))
        && !out.has(Quirk::MaxTokens);
    let name = if newer {
        "max_completion_tokens"
    } else {
        "max_tokens"
    };
    out.put(name, Field::MaxTokens, request.max_tokens);
}

/// Effort as the provider wants it: OpenAI's word, or a switch.
fn reasoning(request: &ChatRequest<'_>, out: &mut Members<'_, '_>) {
    let reasoning = &request.reasoning;
    if request.dialect != Dialect::OpenAiChat {
        out.lossy
            .lose_if(Field::ReasoningSummary, reasoning.summary.as_ref());
    }
    let effort = reasoning.effort();
    let on = match (effort, reasoning.mode) {
        (Some(effort), _) => effort != Effort::None,
        (None, Some(mode)) => mode != ThinkingMode::Disabled,
        (None, None) => return,
    };
    if out.has(Quirk::ThinkingSwitch) {
        let kind = if on { "enabled" } else { "disabled" };
        out.w.key("thinking").open().text("type", kind).close();
        return;
    }
    if out.has(Quirk::EnableThinking) {
        out.w.member("enable_thinking", &on);
        let budget = reasoning.budget.or_else(|| effort.map(Effort::budget));
        if on {
            out.w.member_if("thinking_budget", budget.as_ref());
        }
        return;
    }
    if !on && out.has(Quirk::ReasoningEnabled) {
        out.w
            .key("reasoning")
            .open()
            .member("enabled", &false)
            .close();
        return;
    }
    // Only "think" was said, without how much: OpenAI's own default is what `medium` names.
    let effort = effort.unwrap_or(Effort::Medium);
    let effort = out.target.traits.efforts.nearest(effort);
    let effort = if out.has(Quirk::EffortToXHigh) {
        effort.min(Effort::XHigh)
    } else {
        effort
    };
    out.text("reasoning_effort", Field::Reasoning, Some(effort.as_str()));
}

fn format(request: &ChatRequest<'_>, out: &mut Members<'_, '_>) {
    let Some(format) = &request.format else {
        return;
    };
    let Some(name) = out.name("response_format", Field::Format) else {
        return;
    };
    match format {
        ResponseFormat::Text => {
            out.w.key(name).open().text("type", "text").close();
        }
        ResponseFormat::JsonObject => {
            out.w.key(name).open().text("type", "json_object").close();
        }
        ResponseFormat::JsonSchema {
            name: schema_name,
            description,
            schema,
            strict,
        } => {
            out.w.key(name).open().text("type", "json_schema");
            out.w.key("json_schema").open();
            out.w
                .text("name", schema_name.as_deref().unwrap_or("response"));
            out.w.text_if("description", description.as_deref());
            out.w.key("schema").raw(schema);
            // Elsewhere a schema is always binding.
            let strict = if request.dialect == Dialect::OpenAiChat {
                *strict
            } else {
                Some(strict.unwrap_or(true))
            };
            out.w.member_if("strict", strict.as_ref());
            out.w.close().close();
        }
        ResponseFormat::Foreign(raw) if request.dialect == Dialect::OpenAiChat => {
            out.w.key(name).raw(raw);
        }
        ResponseFormat::Foreign(_) => out.lossy.lose(Field::Format),
    }
}

/// Usage is always asked for: what is not counted cannot be billed.
fn stream(request: &ChatRequest<'_>, out: &mut Members<'_, '_>) {
    if !request.stream {
        return;
    }
    out.w.member("stream", &true);
    if out.has(Quirk::NoStreamOptions) {
        return;
    }
    out.w
        .key("stream_options")
        .open()
        .member("include_usage", &true);
    if let Some(raw) = request.extra.peek("stream_options")
        && let Some(mut options) = json::Object::of(raw)
    {
        options.take("include_usage");
        out.w.rest(&options);
    }
    out.w.close();
}

fn extra(request: &ChatRequest<'_>, out: &mut Members<'_, '_>) {
    if request.dialect != Dialect::OpenAiChat {
        out.lossy.lose_members("", &request.extra);
        return;
    }
    for (name, raw) in request.extra.members() {
        let known: Option<Cow<'_, str>> = out
            .target
            .quirks
            .iter()
            .find_map(|quirk| match *quirk {
                Quirk::Drop(dropped) if dropped == name => Some(None),
                Quirk::Rename(from, to) if from == name => Some(Some(Cow::Borrowed(to))),
                _ => None,
            })
            .unwrap_or(Some(Cow::Borrowed(name)));
        match known {
            _ if name == "stream_options" => {}
            Some(known) => {
                out.w.key(&known).raw(raw);
            }
            None => out.lossy.lose_named(name.to_owned()),
        }
    }
}
