//! The tools of a request for Bedrock.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::history::calls_tools;
use super::write::{Members, nested, rest_of};
use super::write_messages::cache_point;
use crate::chat::{Tool, ToolChoice, ToolKind};
use crate::json::{Json, Object, Writer};
use crate::lossy::Field;

pub(super) fn write(out: &mut Members<'_, '_>, fields: &mut Writer) {
    let mut config = Writer::default();
    config.open();
    let sent = tools(out, &mut config);
    if sent {
        choice(out, &mut config, fields);
    } else {
        let demanded = out.request.tool_choice.as_ref();
        let demanded =
            demanded.filter(|choice| !matches!(choice, ToolChoice::Auto | ToolChoice::None));
        out.lossy.lose_if(Field::ToolChoice, demanded);
    }
    if out.own {
        rest_of("toolConfig", &out.request.extra, &mut config);
    }
    nested("toolConfig", config, &mut out.w);
}

/// Writes the list; says whether there is one that the caller asked for.
fn tools(out: &mut Members<'_, '_>, config: &mut Writer) -> bool {
    let request = out.request;
    let history = calls_tools(request);
    let dropped = match &request.tool_choice {
        // There is no `none`: without tools there are no calls. A history with calls must have some.
        Some(ToolChoice::None) if history && !request.tools.is_empty() => {
            out.lossy.lose(Field::ToolChoice);
            false
        }
        Some(ToolChoice::None) => true,
        _ => false,
    };
    let allowed: Option<HashSet<&str>> = match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => Some(names.iter().map(AsRef::as_ref).collect()),
        _ => None,
    };
    let written: Vec<&Tool<'_>> = request
        .tools
        .iter()
        .filter(|tool| !dropped && offered(tool, allowed.as_ref(), out))
        .collect();
    if written.is_empty() {
        if history && !out.own {
            placeholder(config);
        }
        return false;
    }
    config.key("tools").open_list();
    for tool in written {
        self::tool(tool, out, config);
    }
    config.close_list();
    true
}

/// Whether a tool goes along; one that Bedrock has no form for is noted.
fn offered(tool: &Tool<'_>, allowed: Option<&HashSet<&str>>, out: &mut Members<'_, '_>) -> bool {
    if out.own {
        return true;
    }
    let Some(name) = tool.kind.name() else {
        out.lossy.lose(Field::Tools);
        return false;
    };
    allowed.is_none_or(|names| names.contains(name))
}

/// Bedrock refuses a history with calls without any tool.
fn placeholder(config: &mut Writer) {
    config.key("tools").open_list();
    config.open().key("toolSpec").open();
    config.text("name", "no_tools");
    config.text("description", "Does nothing. Never call it.");
    schema(None, config);
    config.close().close().close_list();
}

fn tool(tool: &Tool<'_>, out: &mut Members<'_, '_>, config: &mut Writer) {
    match &tool.kind {
        ToolKind::Function {
            name,
            description,
            parameters,
            strict,
        } => {
            config.open().key("toolSpec").open().text("name", name);
            if out.own {
                config.text_if("description", description.as_deref());
                if let Some(parameters) = parameters {
                    config.key("inputSchema").open();
                    config.key("json").raw(parameters).close();
                }
                config.member_if("strict", strict.as_ref());
                config.rest(&tool.extra);
            } else {
                described(name, description.as_deref(), config);
                schema(parameters.as_ref(), config);
                config.member_if("strict", strict.as_ref().filter(|strict| **strict));
                out.lossy.lose_members("tools", &tool.extra);
            }
            config.close().close();
        }
        ToolKind::Custom {
            name, description, ..
        } => {
            // A function of one text. Its calls come back as calls of a function.
            out.lossy.lose(Field::Tools);
            config.open().key("toolSpec").open().text("name", name);
            described(name, description.as_deref(), config);
            config.key("inputSchema").open().key("json").literal(
                r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#,
            );
            config.close().close().close();
        }
        ToolKind::WebSearch { raw } | ToolKind::Foreign { raw, .. } => {
            config.raw(raw);
        }
    }
    if let Some(mark) = tool.cache {
        cache_point(mark, out.own, out.family, config, out.lossy);
    }
}

/// A description must have a character at least.
fn described(name: &str, description: Option<&str>, config: &mut Writer) {
    let given = description.filter(|text| !text.trim().is_empty());
    config.text("description", given.unwrap_or(name));
}

/// A schema, whose root must be said to be an object.
fn schema(parameters: Option<&Json<'_>>, config: &mut Writer) {
    config.key("inputSchema").open().key("json");
    match parameters.and_then(|raw| Some((raw, Object::of(raw)?))) {
        Some((raw, object)) if object.peek("type").is_some() => {
            config.raw(raw);
        }
        Some((_, object)) => {
            config.open().text("type", "object").rest(&object).close();
        }
        None => {
            config.literal(r#"{"type":"object","properties":{}}"#);
        }
    }
    config.close();
}

fn choice(out: &mut Members<'_, '_>, config: &mut Writer, fields: &mut Writer) {
    let mut choice = out.request.tool_choice.as_ref();
    if out.own {
        own_choice(choice, &out.request.twins, config);
        return;
    }
    let demanded = matches!(
        choice,
        Some(
            ToolChoice::Required
                | ToolChoice::Named(_)
                | ToolChoice::Allowed { required: true, .. }
        )
    );
    if demanded && !out.target.traits.forced_tool_choice {
        out.lossy.lose(Field::ToolChoice);
        choice = Some(&ToolChoice::Auto);
    }
    let word = match choice {
        None | Some(ToolChoice::None) => None,
        Some(
            ToolChoice::Auto
            | ToolChoice::Allowed {
                required: false, ..
            },
        ) => Some("auto"),
        Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => Some("any"),
        Some(ToolChoice::Named(_)) => Some("tool"),
        Some(ToolChoice::Foreign(_)) => {
            out.lossy.lose(Field::ToolChoice);
            None
        }
    };
    let name = match choice {
        Some(ToolChoice::Named(name)) => Some(name.as_ref()),
        _ => None,
    };
    if out.request.parallel_tools == Some(false) {
        if out.family.may_be_claude() {
            // Converse has no word for it; Anthropic's has, and then stands alone.
            fields.key("tool_choice").open();
            fields.text("type", word.unwrap_or("auto"));
            fields.text_if("name", name);
            fields.member("disable_parallel_tool_use", &true).close();
            return;
        }
        out.lossy.lose(Field::ParallelTools);
    }
    if let Some(word) = word {
        config.key("toolChoice").open().key(word).open();
        config.text_if("name", name).close().close();
    }
}

/// A Converse caller's choice, which may stand with Anthropic's members.
fn own_choice(choice: Option<&ToolChoice<'_>>, twins: &Object<'_>, config: &mut Writer) {
    let elsewhere = twins
        .peek("additionalModelRequestFields")
        .and_then(Object::of)
        .is_some_and(|fields| fields.peek("tool_choice").is_some());
    let (word, name): (&str, Option<&str>) = match choice {
        _ if elsewhere => return,
        Some(ToolChoice::Auto) => ("auto", None),
        Some(ToolChoice::Required) => ("any", None),
        Some(ToolChoice::Named(name)) => ("tool", Some(name)),
        Some(ToolChoice::Foreign(raw)) => {
            let raw: &RawValue = raw;
            config.key("toolChoice").raw(raw);
            return;
        }
        None | Some(ToolChoice::None | ToolChoice::Allowed { .. }) => return,
    };
    config.key("toolChoice").open().key(word).open();
    config.text_if("name", name).close().close();
}
