//! A request for a provider.

use serde_json::value::RawValue;

use super::write_messages;
use crate::chat::{ChatRequest, Effort, ResponseFormat, ThinkingMode, Tool, ToolChoice, ToolKind};
use crate::json::Writer;
use crate::lossy::Field;
use crate::protocol::{TargetProfile, Untranslatable};
use crate::{Dialect, Lossy, ThinkingStyle};

/// What a free text is as the one argument of a function.
const CUSTOM: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

pub(in crate::ollama) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let own = request.dialect == Dialect::Ollama;
    let mut w = Writer::with_capacity(request.room());
    w.open().text("model", target.model);
    w.key("messages");
    write_messages::write(request, &mut w, lossy)?;
    tools(request, own, &mut w, lossy);
    format(request, own, &mut w, lossy);
    options(request, own, target, &mut w, lossy);
    think(request, own, target, &mut w, lossy);
    w.member_if("logprobs", request.sampling.logprobs.as_ref());
    w.member_if("top_logprobs", request.sampling.top_logprobs.as_ref());
    // Without it the server streams.
    w.member("stream", &request.stream);
    lossy.lose_if(Field::ParallelTools, request.parallel_tools.as_ref());
    lossy.lose_if(Field::Verbosity, request.verbosity.as_ref());
    lossy.lose_if(Field::User, request.user.as_ref());
    lossy.lose_if(
        Field::ServiceTier,
        request.service_tier.as_ref().filter(|tier| *tier != "auto"),
    );
    lossy.lose_if(Field::Metadata, request.metadata.as_ref());
    if own {
        for (name, raw) in request.extra.members() {
            if !name.starts_with("options.") {
                w.key(name).raw(raw);
            }
        }
    } else {
        lossy.lose_members("", &request.extra);
    }
    w.close();
    Ok(w.into_bytes())
}

/// The dialect has no choice of tools: what must not be called is not told, what must be called cannot be said.
fn tools(request: &ChatRequest<'_>, own: bool, w: &mut Writer, lossy: &mut Lossy) {
    let allowed = |tool: &&Tool<'_>| match (&request.tool_choice, tool.kind.name()) {
        (Some(ToolChoice::None), _) => false,
        (Some(ToolChoice::Named(only)), Some(name)) => only == name,
        (Some(ToolChoice::Allowed { names, .. }), Some(name)) => {
            names.iter().any(|one| one == name)
        }
        _ => true,
    };
    let forced = match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Foreign(_)) => true,
        Some(ToolChoice::Allowed { required, .. }) => *required,
        Some(ToolChoice::Auto | ToolChoice::None) | None => false,
    };
    if forced {
        lossy.lose(Field::ToolChoice);
    }
    let mut begun = false;
    for tool in request.tools.iter().filter(allowed) {
        lossy.lose_if(Field::Cache, tool.cache.as_ref());
        let (name, description, parameters) = match &tool.kind {
            ToolKind::Function {
                name,
                description,
                parameters,
                strict,
            } => {
                lossy.lose_if(Field::ToolStrict, strict.as_ref());
                (name, description, parameters.as_deref().map(RawValue::get))
            }
            ToolKind::Custom {
                name,
                description,
                format,
            } => {
                if format.is_some() {
                    lossy.lose_named(format!("{}.format", Field::Tools.name(lossy.dialect())));
                }
                (name, description, Some(CUSTOM))
            }
            ToolKind::WebSearch { .. } | ToolKind::Foreign { .. } => {
                lossy.lose(Field::Tools);
                continue;
            }
        };
        if !std::mem::replace(&mut begun, true) {
            w.key("tools").open_list();
        }
        w.open().text("type", "function").key("function").open();
        w.text("name", name)
            .text_if("description", description.as_deref());
        if let Some(parameters) = parameters {
            w.key("parameters").literal(parameters);
        }
        if own {
            w.rest(&tool.extra);
        } else {
            lossy.lose_members(Field::Tools.name(lossy.dialect()), &tool.extra);
        }
        w.close().close();
    }
    if begun {
        w.close_list();
    }
}

fn format(request: &ChatRequest<'_>, own: bool, w: &mut Writer, lossy: &mut Lossy) {
    match &request.format {
        // Text is what comes without a format.
        None | Some(ResponseFormat::Text) => {}
        Some(ResponseFormat::JsonObject) => {
            w.text("format", "json");
        }
        Some(ResponseFormat::JsonSchema {
            description,
            schema,
            ..
        }) => {
            w.key("format").raw(schema);
            if description.is_some() {
                lossy.lose_named(format!(
                    "{}.description",
                    Field::Format.name(lossy.dialect())
                ));
            }
        }
        Some(ResponseFormat::Foreign(raw)) if own => {
            w.key("format").raw(raw);
        }
        Some(ResponseFormat::Foreign(_)) => lossy.lose(Field::Format),
    }
}

fn options(
    request: &ChatRequest<'_>,
    own: bool,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    let (sampling, traits) = (&request.sampling, target.traits);
    let mut inner = Writer::default();
    inner.open();
    if traits.sampling {
        inner.member_if("temperature", sampling.temperature.as_ref());
        inner.member_if("top_p", sampling.top_p.as_ref());
        inner.member_if("top_k", sampling.top_k.as_ref());
    } else {
        lossy.lose_if(Field::Temperature, sampling.temperature.as_ref());
        lossy.lose_if(Field::TopP, sampling.top_p.as_ref());
        lossy.lose_if(Field::TopK, sampling.top_k.as_ref());
    }
    inner.member_if("frequency_penalty", sampling.frequency_penalty.as_ref());
    inner.member_if("presence_penalty", sampling.presence_penalty.as_ref());
    inner.member_if("seed", sampling.seed.as_ref());
    inner.member_if("stop", Some(&sampling.stop).filter(|stop| !stop.is_empty()));
    inner.member_if("num_predict", request.max_tokens.as_ref());
    if own {
        for (name, raw) in request.extra.kept("options") {
            inner.key(name).raw(raw);
        }
    }
    inner.close();
    let text = inner.into_text();
    if text != "{}" {
        w.key("options").literal(&text);
    }
    lossy.lose_if(Field::N, sampling.n.as_ref().filter(|n| **n > 1));
}

/// A switch or a word; models that know no words take each for "on".
fn think(
    request: &ChatRequest<'_>,
    own: bool,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    let reasoning = &request.reasoning;
    lossy.lose_if(Field::ReasoningSummary, reasoning.summary.as_ref());
    if reasoning.is_empty() {
        return;
    }
    let effort = reasoning.effort();
    let off = effort == Some(Effort::None);
    if target.traits.thinking == ThinkingStyle::None && !own {
        if !off {
            lossy.lose(Field::Reasoning);
        }
        return;
    }
    let switch = matches!(target.traits.thinking, ThinkingStyle::Toggle)
        || (own && reasoning.mode == Some(ThinkingMode::Enabled));
    match effort {
        Some(Effort::None) => w.member("think", &false),
        Some(effort) if !switch => {
            w.text("think", effort.clamp(Effort::Low, Effort::High).as_str())
        }
        _ => w.member("think", &true),
    };
}
