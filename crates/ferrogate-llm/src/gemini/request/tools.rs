//! Tools, and whether one is to be called.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::chat::{ChatRequest, Tool, ToolChoice, ToolKind};
use crate::gemini::{name, schema};
use crate::json::{self, Object, Writer};
use crate::lossy::Field;
use crate::protocol::TargetProfile;
use crate::{DecodeError, Dialect, Lossy};

/// Where members without a field are kept.
const OUTER: &str = "toolConfig";
const CALLING: &str = "toolConfig.functionCallingConfig";

pub(super) fn read<'a>(
    body: &mut Object<'a>,
    request: &mut ChatRequest<'a>,
) -> Result<(), DecodeError> {
    for (index, raw) in name::list(body, "tools")?.into_iter().enumerate() {
        tool(raw, &mut request.tools)
            .map_err(|error| error.within(format_args!("tools[{index}]")))?;
    }
    let Some(mut config) = name::inner(body, "toolConfig")? else {
        return Ok(());
    };
    if let Some(raw) = config.take("functionCallingConfig") {
        let mut calling = name::object(raw).map_err(|error| error.within(CALLING))?;
        request.tool_choice = choice(raw, &mut calling).map_err(|error| error.within(CALLING))?;
        body.keep(CALLING, &calling);
    }
    body.keep(OUTER, &config);
    Ok(())
}

/// One entry holds any number of functions, and hosted tools under their names.
fn tool<'a>(raw: &'a RawValue, tools: &mut Vec<Tool<'a>>) -> Result<(), DecodeError> {
    let mut object = name::object(raw)?;
    for (index, raw) in name::list(&mut object, "functionDeclarations")?
        .into_iter()
        .enumerate()
    {
        let function = function(raw)
            .map_err(|error| error.within(format_args!("functionDeclarations[{index}]")))?;
        tools.push(function);
    }
    for (name, raw) in object.members() {
        let raw = Cow::Borrowed(raw);
        tools.push(Tool {
            kind: match name {
                "googleSearch" => ToolKind::WebSearch { raw },
                _ => ToolKind::Foreign {
                    kind: Cow::Owned(name.to_owned()),
                    raw,
                },
            },
            cache: None,
            extra: Object::default(),
        });
    }
    Ok(())
}

fn function(raw: &RawValue) -> Result<Tool<'_>, DecodeError> {
    let mut object = name::object(raw)?;
    let name = object
        .text("name")?
        .ok_or_else(|| DecodeError::wrong("name", "a string"))?;
    let parameters = match object.take("parametersJsonSchema") {
        Some(raw) => Some(Cow::Borrowed(raw)),
        None => object.take("parameters").map(|raw| {
            object.keep_twin("parameters", raw);
            schema::from_openapi(raw)
        }),
    };
    Ok(Tool {
        kind: ToolKind::Function {
            name,
            description: object.text("description")?,
            parameters,
            strict: None,
        },
        cache: None,
        extra: object,
    })
}

fn choice<'a>(
    raw: &'a RawValue,
    calling: &mut Object<'a>,
) -> Result<Option<ToolChoice<'a>>, DecodeError> {
    let mode = calling.text("mode")?;
    let mut names = calling.texts("allowedFunctionNames")?;
    Ok(match (mode.as_deref(), names.len()) {
        (None, 0) => None,
        (Some("AUTO"), 0) => Some(ToolChoice::Auto),
        (Some("NONE"), 0) => Some(ToolChoice::None),
        (Some("ANY"), 0) => Some(ToolChoice::Required),
        (Some("ANY"), 1) => names.pop().map(ToolChoice::Named),
        (Some(mode @ ("ANY" | "VALIDATED")), 1..) => Some(ToolChoice::Allowed {
            names,
            required: mode == "ANY",
        }),
        _ => {
            // The whole of it is written as it came.
            *calling = Object::default();
            Some(ToolChoice::Foreign(Cow::Borrowed(raw)))
        }
    })
}

pub(super) fn write(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    let own = request.dialect == Dialect::Gemini;
    let mut functions = Writer::default();
    let mut others = Writer::default();
    for tool in &request.tools {
        lossy.lose_if(Field::Cache, tool.cache.as_ref());
        match &tool.kind {
            ToolKind::Function { .. } | ToolKind::Custom { .. } => {
                declaration(tool, own, target, &mut functions, lossy);
            }
            ToolKind::WebSearch { raw } => {
                others.open().key("googleSearch");
                if own {
                    others.raw(raw);
                } else {
                    others.open().close();
                    // Where to search and how much is said by nobody here.
                    let mut asked = Object::of(raw).unwrap_or_default();
                    asked.take("type");
                    asked.take("name");
                    lossy.lose_members(Field::Tools.name(lossy.dialect()), &asked);
                }
                others.close();
            }
            ToolKind::Foreign { kind, raw } if own => {
                others.open().key(kind).raw(raw).close();
            }
            ToolKind::Foreign { .. } => lossy.lose(Field::Tools),
        }
    }
    search(request, &mut others, lossy);
    let (functions, others) = (functions.into_text(), others.into_text());
    let declared = !functions.is_empty();
    if declared || !others.is_empty() {
        w.key("tools").open_list();
        if declared {
            w.open().key("functionDeclarations").literal("[");
            w.literal(&functions).close_list().close();
        }
        if !others.is_empty() {
            w.literal(&others);
        }
        w.close_list();
    }
    config(request, target, declared, w, lossy);
    lossy.lose_if(Field::ParallelTools, request.parallel_tools.as_ref());
}

/// OpenAI asks for a search beside the tools.
fn search(request: &ChatRequest<'_>, w: &mut Writer, lossy: &mut Lossy) {
    if request.dialect != Dialect::OpenAiChat {
        return;
    }
    if let Some(options) = request.extra.peek("web_search_options") {
        w.open().key("googleSearch").open().close().close();
        if Object::of(options).is_some_and(|options| !options.is_empty()) {
            lossy.lose_named("web_search_options");
        }
    }
}

fn declaration(
    tool: &Tool<'_>,
    own: bool,
    target: &TargetProfile<'_>,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    match &tool.kind {
        ToolKind::Function {
            name,
            description,
            parameters,
            strict,
        } => {
            w.open().text("name", name);
            w.text_if("description", description.as_deref());
            if let Some(raw) = tool.extra.twin("parameters") {
                w.key("parameters").raw(raw);
            } else if let Some(schema) = parameters
                .as_deref()
                .filter(|schema| own || !schema::is_empty(schema))
            {
                self::parameters(schema, target, w, lossy);
            }
            lossy.lose_if(Field::ToolStrict, strict.as_ref());
            if own {
                w.rest(&tool.extra);
            } else {
                lossy.lose_members(Field::Tools.name(lossy.dialect()), &tool.extra);
            }
            w.close();
        }
        ToolKind::Custom {
            name,
            description,
            format,
        } => {
            // Free text is the one argument of a function.
            w.open().text("name", name);
            w.text_if("description", description.as_deref());
            w.key("parametersJsonSchema").literal(
                r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#,
            );
            w.close();
            if format.is_some() {
                lossy.lose_named(format!("{}.format", Field::Tools.name(lossy.dialect())));
            }
        }
        ToolKind::WebSearch { .. } | ToolKind::Foreign { .. } => {}
    }
}

fn parameters(raw: &RawValue, target: &TargetProfile<'_>, w: &mut Writer, lossy: &mut Lossy) {
    if target.traits.json_schema {
        w.key("parametersJsonSchema")
            .raw(&schema::standard(raw, None));
    } else if let Some((schema, complete)) = schema::to_openapi(raw) {
        if !complete {
            lossy.lose_named(format!("{}.parameters", Field::Tools.name(lossy.dialect())));
        }
        w.key("parameters").raw(&schema);
    }
}

fn config(
    request: &ChatRequest<'_>,
    target: &TargetProfile<'_>,
    declared: bool,
    w: &mut Writer,
    lossy: &mut Lossy,
) {
    let own = request.dialect == Dialect::Gemini;
    let mut calling = Writer::default();
    match &request.tool_choice {
        // Google refuses a choice where there is nothing to choose from.
        Some(ToolChoice::Auto | ToolChoice::None) if !declared && !own => {}
        Some(_) if !declared && !own => lossy.lose(Field::ToolChoice),
        Some(ToolChoice::Foreign(raw)) if own => {
            calling.raw(raw);
        }
        Some(choice) => {
            calling.open();
            mode(choice, target, &mut calling, lossy);
            if own {
                name::rest_of(&request.extra, CALLING, &mut calling);
            }
            calling.close();
        }
        None if own && name::has_rest_of(&request.extra, CALLING) => {
            calling.open();
            name::rest_of(&request.extra, CALLING, &mut calling);
            calling.close();
        }
        None => {}
    }
    let calling = calling.into_text();
    let calling = Some(calling.as_str()).filter(|text| !matches!(*text, "" | "{}"));
    let kept = own
        && request
            .extra
            .kept(OUTER)
            .any(|(name, _)| !name.contains('.'));
    if calling.is_none() && !kept {
        return;
    }
    w.key("toolConfig").open();
    if let Some(calling) = calling {
        w.key("functionCallingConfig").literal(calling);
    }
    if kept {
        name::rest_of(&request.extra, OUTER, w);
    }
    w.close();
}

fn mode(choice: &ToolChoice<'_>, target: &TargetProfile<'_>, w: &mut Writer, lossy: &mut Lossy) {
    let forced = match choice {
        ToolChoice::Required | ToolChoice::Named(_) => true,
        ToolChoice::Allowed { required, .. } => *required,
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Foreign(_) => false,
    };
    if forced && !target.traits.forced_tool_choice {
        lossy.lose(Field::ToolChoice);
        w.text("mode", "AUTO");
        return;
    }
    match choice {
        ToolChoice::Auto => {
            w.text("mode", "AUTO");
        }
        ToolChoice::None => {
            w.text("mode", "NONE");
        }
        ToolChoice::Required => {
            w.text("mode", "ANY");
        }
        ToolChoice::Named(name) => {
            w.text("mode", "ANY")
                .member("allowedFunctionNames", &[name]);
        }
        ToolChoice::Allowed { names, required } => {
            // Names are refused with `AUTO`; `VALIDATED` leaves the choice between a call and text.
            let mode = if *required { "ANY" } else { "VALIDATED" };
            w.text("mode", mode).member("allowedFunctionNames", names);
        }
        ToolChoice::Foreign(_) => lossy.lose(Field::ToolChoice),
    }
}

/// Whether a text is one JSON object.
pub(super) fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<json::Object<'_>>(text).is_ok()
}
