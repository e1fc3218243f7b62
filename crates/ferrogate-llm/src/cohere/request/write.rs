//! A request for a provider.

use super::write_messages;
use crate::chat::{ChatRequest, Effort, ResponseFormat, ThinkingMode, Tool, ToolChoice, ToolKind};
use crate::json::Writer;
use crate::lossy::Field;
use crate::protocol::{TargetProfile, Untranslatable};
use crate::{Dialect, Lossy, ThinkingStyle};

/// Stop sequences that are accepted. Source: Cohere's API reference, `stop_sequences`.
const MOST_STOPS: usize = 5;

/// What a free text is as the one argument of a function.
const CUSTOM: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

pub(in crate::cohere) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let own = request.dialect == Dialect::Cohere;
    let mut w = Writer::with_capacity(request.room());
    w.open().text("model", target.model);
    w.key("messages");
    write_messages::write(request, &mut w, lossy)?;
    let tools = tools(request, target, &mut w, lossy);
    sampling(request, target, &mut w, lossy);
    w.member_if("max_tokens", request.max_tokens.as_ref());
    thinking(request, target, &mut w, lossy);
    format(request, tools, &mut w, lossy);
    if request.stream {
        w.member("stream", &true);
    }
    lossy.lose_if(Field::Verbosity, request.verbosity.as_ref());
    lossy.lose_if(Field::User, request.user.as_ref());
    lossy.lose_if(
        Field::ServiceTier,
        request.service_tier.as_ref().filter(|tier| *tier != "auto"),
    );
    lossy.lose_if(Field::Metadata, request.metadata.as_ref());
    if own {
        for (name, raw) in request.extra.members() {
            if !name.starts_with("thinking.") {
                w.key(name).raw(raw);
            }
        }
    } else {
        lossy.lose_members("", &request.extra);
    }
    w.close();
    Ok(w.into_bytes())
}

/// Writes the tools; says whether there are any. One that must be called is the only one that is told, because the
/// dialect names none.
fn tools(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) -> bool {
    let own = request.dialect == Dialect::Cohere;
    lossy.lose_if(Field::ParallelTools, request.parallel_tools.as_ref());
    let allowed = |tool: &&Tool<'_>| match (&request.tool_choice, tool.kind.name()) {
        (Some(ToolChoice::Named(only)), Some(name)) => only == name,
        (Some(ToolChoice::Allowed { names, .. }), Some(name)) => {
            names.iter().any(|one| one == name)
        }
        _ => true,
    };
    let mut written = 0_usize;
    let mut strict: Vec<bool> = Vec::new();
    for tool in request.tools.iter().filter(allowed) {
        lossy.lose_if(Field::Cache, tool.cache.as_ref());
        let hosted = matches!(
            tool.kind,
            ToolKind::Foreign { .. } | ToolKind::WebSearch { .. }
        );
        if hosted && !own {
            lossy.lose(Field::Tools);
            continue;
        }
        if written == 0 {
            w.key("tools").open_list();
        }
        written += 1;
        if let ToolKind::Function {
            strict: Some(bound),
            ..
        } = &tool.kind
        {
            strict.push(*bound);
        }
        self::tool(tool, own, w, lossy);
    }
    if written == 0 {
        lossy.lose_if(
            Field::ToolChoice,
            request.tool_choice.as_ref().filter(|choice| forces(choice)),
        );
        return false;
    }
    w.close_list();
    match strict.first() {
        // One member for all tools: it is said when they agree.
        Some(bound) if strict.len() == written && strict.iter().all(|one| one == bound) => {
            w.member("strict_tools", bound);
        }
        Some(_) => lossy.lose(Field::ToolStrict),
        None => {}
    }
    match &request.tool_choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => {
            w.text("tool_choice", "NONE");
        }
        Some(ToolChoice::Foreign(raw)) if own => {
            w.key("tool_choice").raw(raw);
        }
        Some(ToolChoice::Foreign(_)) => lossy.lose(Field::ToolChoice),
        Some(choice) if forces(choice) => {
            if target.traits.forced_tool_choice {
                w.text("tool_choice", "REQUIRED");
            } else {
                lossy.lose(Field::ToolChoice);
            }
        }
        Some(_) => {}
    }
    true
}

fn forces(choice: &ToolChoice<'_>) -> bool {
    match choice {
        ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Foreign(_) => true,
        ToolChoice::Allowed { required, .. } => *required,
        ToolChoice::Auto | ToolChoice::None => false,
    }
}

fn tool(tool: &Tool<'_>, own: bool, w: &mut Writer, lossy: &mut Lossy) {
    match &tool.kind {
        ToolKind::Function {
            name,
            description,
            parameters,
            ..
        } => {
            w.open().text("type", "function").key("function").open();
            w.text("name", name);
            w.text_if("description", description.as_deref());
            w.raw_if("parameters", parameters.as_deref());
            if own {
                w.rest(&tool.extra);
            } else {
                lossy.lose_members(Field::Tools.name(lossy.dialect()), &tool.extra);
            }
            w.close().close();
        }
        ToolKind::Custom {
            name,
            description,
            format,
        } => {
            w.open().text("type", "function").key("function").open();
            w.text("name", name);
            w.text_if("description", description.as_deref());
            w.key("parameters").literal(CUSTOM).close().close();
            if format.is_some() {
                lossy.lose_named(format!("{}.format", Field::Tools.name(lossy.dialect())));
            }
        }
        ToolKind::WebSearch { raw } | ToolKind::Foreign { raw, .. } => {
            w.raw(raw);
        }
    }
}

fn sampling(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    let (sampling, traits) = (&request.sampling, target.traits);
    // Ranges: Cohere's API reference, "Chat".
    let numbers = [
        (
            "temperature",
            Field::Temperature,
            sampling.temperature,
            traits.sampling,
            0.0,
            1.0,
        ),
        (
            "p",
            Field::TopP,
            sampling.top_p,
            traits.sampling,
            0.01,
            0.99,
        ),
        (
            "frequency_penalty",
            Field::FrequencyPenalty,
            sampling.frequency_penalty,
            traits.penalties,
            0.0,
            1.0,
        ),
        (
            "presence_penalty",
            Field::PresencePenalty,
            sampling.presence_penalty,
            traits.penalties,
            0.0,
            1.0,
        ),
    ];
    for (name, field, value, taken, least, most) in numbers {
        let fitting = value
            .map(|value| value.clamp(least, most))
            .filter(|_| taken);
        if fitting != value {
            lossy.lose(field);
        }
        w.member_if(name, fitting.as_ref());
    }
    let k = sampling
        .top_k
        .map(|k| k.min(500))
        .filter(|_| traits.sampling);
    if k != sampling.top_k {
        lossy.lose(Field::TopK);
    }
    w.member_if("k", k.as_ref());
    match sampling.seed.map(u64::try_from) {
        Some(Ok(seed)) => {
            w.member("seed", &seed);
        }
        Some(Err(_)) => lossy.lose(Field::Seed),
        None => {}
    }
    let stop = if traits.stop { MOST_STOPS } else { 0 };
    if sampling.stop.len() > stop {
        lossy.lose(Field::Stop);
    }
    let stop: Vec<&str> = sampling.stop.iter().take(stop).map(AsRef::as_ref).collect();
    w.member_if(
        "stop_sequences",
        Some(&stop).filter(|stop| !stop.is_empty()),
    );
    w.member_if("logprobs", sampling.logprobs.as_ref());
    lossy.lose_if(Field::TopLogprobs, sampling.top_logprobs.as_ref());
    lossy.lose_if(Field::N, sampling.n.as_ref().filter(|n| **n > 1));
}

fn thinking(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    let reasoning = &request.reasoning;
    let own = request.dialect == Dialect::Cohere;
    lossy.lose_if(Field::ReasoningSummary, reasoning.summary.as_ref());
    if reasoning.is_empty() {
        return;
    }
    let off =
        reasoning.effort() == Some(Effort::None) || reasoning.mode == Some(ThinkingMode::Disabled);
    if target.traits.thinking == ThinkingStyle::None && !own {
        if !off {
            lossy.lose(Field::Reasoning);
        }
        return;
    }
    w.key("thinking").open();
    w.text("type", if off { "disabled" } else { "enabled" });
    let budget = reasoning
        .budget
        .or_else(|| reasoning.effort.map(Effort::budget));
    // Own requests keep a budget beside the switch, whatever it says.
    w.member_if("token_budget", budget.as_ref().filter(|_| own || !off));
    if own {
        for (name, raw) in request.extra.kept("thinking") {
            w.key(name).raw(raw);
        }
    }
    w.close();
}

fn format(request: &ChatRequest<'_>, tools: bool, w: &mut Writer, lossy: &mut Lossy) {
    let own = request.dialect == Dialect::Cohere;
    match &request.format {
        None => {}
        Some(ResponseFormat::Text) => {
            w.key("response_format").open().text("type", "text").close();
        }
        // Source: Cohere's guide on structured output: not together with tools.
        Some(_) if tools && !own => lossy.lose(Field::Format),
        Some(ResponseFormat::JsonObject) => {
            w.key("response_format")
                .open()
                .text("type", "json_object")
                .close();
        }
        Some(ResponseFormat::JsonSchema {
            description,
            schema,
            ..
        }) => {
            w.key("response_format").open().text("type", "json_object");
            w.key("json_schema").raw(schema).close();
            if description.is_some() {
                lossy.lose_named(format!(
                    "{}.description",
                    Field::Format.name(lossy.dialect())
                ));
            }
        }
        Some(ResponseFormat::Foreign(raw)) if own => {
            w.key("response_format").raw(raw);
        }
        Some(ResponseFormat::Foreign(_)) => lossy.lose(Field::Format),
    }
}
