//! A caller's request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::message;
use crate::chat::{
    ChatRequest, Reasoning, ResponseFormat, Sampling, ThinkingMode, Tool, ToolChoice, ToolKind,
};
use crate::json::{self, Object};
use crate::{DecodeError, Dialect};

pub(in crate::cohere) fn read(body: &[u8]) -> Result<ChatRequest<'_>, DecodeError> {
    let mut object = Object::parse(body)?;
    let model = object.text("model")?.ok_or(DecodeError::Model)?;
    let messages = object
        .array("messages")?
        .ok_or_else(|| DecodeError::wrong("messages", "an array of messages"))?
        .into_iter()
        .enumerate()
        .map(|(index, raw)| {
            message::read(raw).map_err(|error| error.within(format_args!("messages[{index}]")))
        })
        .collect::<Result<_, _>>()?;
    let tools = tools(&mut object)?;
    let reasoning = reasoning(&mut object)?;
    Ok(ChatRequest {
        model,
        messages,
        tools,
        tool_choice: object.take("tool_choice").map(choice),
        sampling: Sampling {
            temperature: object.number("temperature")?,
            top_p: object.number("p")?,
            top_k: object.unsigned("k")?,
            frequency_penalty: object.number("frequency_penalty")?,
            presence_penalty: object.number("presence_penalty")?,
            seed: object.integer("seed")?,
            stop: object.texts("stop_sequences")?,
            n: None,
            logprobs: object.flag("logprobs")?,
            top_logprobs: None,
        },
        max_tokens: object.unsigned("max_tokens")?,
        reasoning,
        format: object.take("response_format").map(format),
        stream: object.flag("stream")?.unwrap_or(false),
        usage_asked: true,
        extra: object,
        ..ChatRequest::new(Dialect::Cohere)
    })
}

/// Functions, each bound to its schema or none. Without a tool the member says nothing, and stays.
fn tools<'a>(object: &mut Object<'a>) -> Result<Vec<Tool<'a>>, DecodeError> {
    let list = object.array("tools")?.unwrap_or_default();
    let strict = if list.is_empty() {
        None
    } else {
        object.flag("strict_tools")?
    };
    let read = list.into_iter().enumerate().map(|(index, raw)| {
        tool(raw, strict).map_err(|error| error.within(format_args!("tools[{index}]")))
    });
    read.collect()
}

fn tool(raw: &RawValue, strict: Option<bool>) -> Result<Tool<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let kind = object.text("type")?.unwrap_or(Cow::Borrowed("function"));
    if kind != "function" {
        return Ok(Tool {
            kind: ToolKind::Foreign {
                kind,
                raw: Cow::Borrowed(raw),
            },
            cache: None,
            extra: Object::default(),
        });
    }
    let mut function = object
        .object("function")?
        .ok_or_else(|| DecodeError::wrong("function", "an object"))?;
    let name = function
        .text("name")?
        .ok_or_else(|| DecodeError::wrong("function.name", "a string"))?;
    Ok(Tool {
        kind: ToolKind::Function {
            name,
            description: function.text("description")?,
            parameters: function.take("parameters").map(Cow::Borrowed),
            strict,
        },
        cache: None,
        extra: function,
    })
}

fn choice(raw: &RawValue) -> ToolChoice<'_> {
    match json::text(raw).as_deref() {
        Some("REQUIRED") => ToolChoice::Required,
        Some("NONE") => ToolChoice::None,
        _ => ToolChoice::Foreign(Cow::Borrowed(raw)),
    }
}

fn reasoning<'a>(object: &mut Object<'a>) -> Result<Reasoning<'a>, DecodeError> {
    let mut reasoning = Reasoning::default();
    let Some(mut inner) = object.object("thinking")? else {
        return Ok(reasoning);
    };
    reasoning.mode = match inner.text("type")?.as_deref() {
        Some("enabled") => Some(ThinkingMode::Enabled),
        Some("disabled") => Some(ThinkingMode::Disabled),
        _ => {
            return Err(DecodeError::wrong(
                "thinking.type",
                "one of enabled, disabled",
            ));
        }
    };
    reasoning.budget = inner.unsigned("token_budget")?;
    object.keep("thinking", &inner);
    Ok(reasoning)
}

fn format(raw: &RawValue) -> ResponseFormat<'_> {
    let foreign = || ResponseFormat::Foreign(Cow::Borrowed(raw));
    let Some(mut object) = Object::of(raw) else {
        return foreign();
    };
    let kind = object.text("type").ok().flatten();
    let schema = object.take("json_schema");
    match (kind.as_deref(), schema) {
        _ if !object.is_empty() => foreign(),
        (Some("text"), None) => ResponseFormat::Text,
        (Some("json_object"), None) => ResponseFormat::JsonObject,
        (Some("json_object"), Some(schema)) => ResponseFormat::JsonSchema {
            name: None,
            description: None,
            schema: Cow::Borrowed(schema),
            strict: None,
        },
        _ => foreign(),
    }
}
