//! A caller's request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::anthropic::block;
use crate::chat::{
    CacheMark, ChatRequest, Effort, Message, Reasoning, ResponseFormat, Role, Sampling,
    ThinkingMode, Tool, ToolChoice, ToolKind,
};
use crate::json::{self, Object};
use crate::protocol::Address;
use crate::{DecodeError, Dialect};

pub(in crate::anthropic) fn read<'a>(
    body: &'a [u8],
    address: Address<'a>,
) -> Result<ChatRequest<'a>, DecodeError> {
    let mut object = Object::parse(body)?;
    let written = object.text("model")?;
    let model = address.model.or(written).ok_or(DecodeError::Model)?;
    let mut messages = Vec::new();
    if let Some(raw) = object.take("system") {
        messages.push(system(raw).map_err(|error| error.within("system"))?);
    }
    let turns = object
        .array("messages")?
        .ok_or_else(|| DecodeError::wrong("messages", "an array of messages"))?;
    for (index, raw) in turns.into_iter().enumerate() {
        let read = message(raw).map_err(|error| error.within(format_args!("messages[{index}]")))?;
        messages.push(read);
    }
    let mut reasoning = Reasoning::default();
    thinking(&mut object, &mut reasoning)?;
    let format = output_config(&mut object, &mut reasoning)?;
    let tools = object.array("tools")?.unwrap_or_default();
    let tools = tools
        .into_iter()
        .enumerate()
        .map(|(index, raw)| tool(raw).map_err(|error| error.within(format_args!("tools[{index}]"))))
        .collect::<Result<_, _>>()?;
    let (tool_choice, parallel_tools) = tool_choice(&mut object)?;
    let user = match object.object("metadata")? {
        Some(mut inner) => {
            let user = inner
                .text("user_id")
                .map_err(|error| error.within("metadata"))?;
            object.keep("metadata", &inner);
            user
        }
        None => None,
    };
    Ok(ChatRequest {
        dialect: Dialect::Anthropic,
        model,
        messages,
        tools,
        tool_choice,
        parallel_tools,
        sampling: Sampling {
            temperature: object.number("temperature")?,
            top_p: object.number("top_p")?,
            top_k: object.unsigned("top_k")?,
            stop: object.texts("stop_sequences")?,
            ..Sampling::default()
        },
        max_tokens: object.unsigned("max_tokens")?,
        reasoning,
        format,
        verbosity: None,
        user,
        service_tier: service_tier(&mut object),
        metadata: None,
        stream: object.flag("stream")?.unwrap_or(address.stream),
        // Its streams always tell.
        usage_asked: true,
        twins: Object::default(),
        extra: object,
    })
}

fn system(raw: &RawValue) -> Result<Message<'_>, DecodeError> {
    let (parts, plain) = block::read_content(raw)?;
    Ok(Message {
        plain,
        ..Message::new(Role::System, parts)
    })
}

fn message(raw: &RawValue) -> Result<Message<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let role = match object.text("role")?.as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system") => Role::System,
        _ => return Err(DecodeError::wrong("role", "one of user, assistant, system")),
    };
    let content = object
        .take("content")
        .ok_or_else(|| DecodeError::wrong("content", "a string or an array of blocks"))?;
    let (parts, plain) = block::read_content(content)?;
    Ok(Message {
        plain,
        extra: object,
        ..Message::new(role, parts)
    })
}

/// Kinds of thinking that only this dialect knows, such as `between_tools`, stay as they are.
fn thinking<'a>(object: &mut Object<'a>, reasoning: &mut Reasoning<'a>) -> Result<(), DecodeError> {
    let Some(raw) = object.take("thinking") else {
        return Ok(());
    };
    let mut inner = Object::of(raw).ok_or_else(|| DecodeError::wrong("thinking", "an object"))?;
    let within = |error: DecodeError| error.within("thinking");
    reasoning.mode = match inner.text("type").map_err(within)?.as_deref() {
        Some("enabled") => Some(ThinkingMode::Enabled),
        Some("adaptive") => Some(ThinkingMode::Adaptive),
        Some("disabled") => Some(ThinkingMode::Disabled),
        _ => {
            object.put("thinking", raw);
            return Ok(());
        }
    };
    reasoning.budget = inner.unsigned("budget_tokens").map_err(within)?;
    reasoning.summary = inner.text("display").map_err(within)?;
    object.keep("thinking", &inner);
    Ok(())
}

fn output_config<'a>(
    object: &mut Object<'a>,
    reasoning: &mut Reasoning<'a>,
) -> Result<Option<ResponseFormat<'a>>, DecodeError> {
    // The name it had before it was released, with a beta header.
    let older = object.take("output_format");
    let Some(mut inner) = object.object("output_config")? else {
        return Ok(older.map(format));
    };
    if let Some(raw) = inner.take("effort") {
        reasoning.effort = json::text(raw).and_then(|word| Effort::parse(&word));
        if reasoning.effort.is_none() {
            inner.put("effort", raw);
        }
    }
    let written = inner.take("format").or(older);
    object.keep("output_config", &inner);
    Ok(written.map(format))
}

fn format(raw: &RawValue) -> ResponseFormat<'_> {
    let read = || {
        let mut object = Object::of(raw)?;
        let kind = object.text("type").ok()??;
        let schema = object.take("schema")?;
        (kind == "json_schema" && object.is_empty()).then_some(schema)
    };
    match read() {
        Some(schema) => ResponseFormat::JsonSchema {
            name: None,
            description: None,
            schema: Cow::Borrowed(schema),
            strict: None,
        },
        None => ResponseFormat::Foreign(Cow::Borrowed(raw)),
    }
}

fn tool(raw: &RawValue) -> Result<Tool<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let kind = object.text("type")?;
    match kind {
        // What has no type is the caller's own, which may also be said.
        Some(kind) if kind != "custom" => {
            let raw = Cow::Borrowed(raw);
            let kind = if kind.starts_with("web_search") {
                ToolKind::WebSearch { raw }
            } else {
                ToolKind::Foreign { kind, raw }
            };
            Ok(Tool {
                kind,
                cache: None,
                extra: Object::default(),
            })
        }
        _ => {
            let name = object
                .text("name")?
                .ok_or_else(|| DecodeError::wrong("name", "a string"))?;
            Ok(Tool {
                kind: ToolKind::Function {
                    name,
                    description: object.text("description")?,
                    parameters: object.take("input_schema").map(Cow::Borrowed),
                    strict: object.flag("strict")?,
                },
                cache: object.take("cache_control").and_then(CacheMark::read),
                extra: object,
            })
        }
    }
}

fn tool_choice<'a>(
    object: &mut Object<'a>,
) -> Result<(Option<ToolChoice<'a>>, Option<bool>), DecodeError> {
    let Some(raw) = object.take("tool_choice") else {
        return Ok((None, None));
    };
    let mut inner =
        Object::of(raw).ok_or_else(|| DecodeError::wrong("tool_choice", "an object"))?;
    let within = |error: DecodeError| error.within("tool_choice");
    let choice = match inner.text("type").map_err(within)?.as_deref() {
        Some("auto") => ToolChoice::Auto,
        Some("any") => ToolChoice::Required,
        Some("none") => ToolChoice::None,
        Some("tool") => ToolChoice::Named(
            inner
                .text("name")
                .map_err(within)?
                .ok_or_else(|| DecodeError::wrong("tool_choice.name", "a string"))?,
        ),
        _ => return Ok((Some(ToolChoice::Foreign(Cow::Borrowed(raw))), None)),
    };
    let single = inner.flag("disable_parallel_tool_use").map_err(within)?;
    object.keep("tool_choice", &inner);
    Ok((Some(choice), single.map(|single| !single)))
}

/// In OpenAI's words; others stay as they are.
fn service_tier<'a>(object: &mut Object<'a>) -> Option<Cow<'a, str>> {
    let raw = object.take("service_tier")?;
    match json::text(raw).as_deref() {
        Some("auto") => Some(Cow::Borrowed("auto")),
        Some("standard_only") => Some(Cow::Borrowed("default")),
        _ => {
            object.put("service_tier", raw);
            None
        }
    }
}
