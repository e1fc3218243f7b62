//! A caller's request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::chat::calls::Calls;
use crate::chat::{
    Block, ChatRequest, Effort, Message, Part, Reasoning, ResponseFormat, Role, ThinkingMode, Tool,
    ToolKind,
};
use crate::json::{self, Object};
use crate::ollama::message;
use crate::{DecodeError, Dialect};

pub(in crate::ollama) fn read(body: &[u8]) -> Result<ChatRequest<'_>, DecodeError> {
    let mut object = Object::parse(body)?;
    let model = object.text("model")?.ok_or(DecodeError::Model)?;
    let mut calls = Calls::default();
    let mut messages = Vec::new();
    for (index, raw) in object
        .array("messages")?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let message = self::message(raw, &mut calls)
            .map_err(|error| error.within(format_args!("messages[{index}]")))?;
        messages.push(message);
    }
    let mut tools = Vec::new();
    for (index, raw) in object
        .array("tools")?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let tool = tool(raw).map_err(|error| error.within(format_args!("tools[{index}]")))?;
        tools.push(tool);
    }
    let mut request = ChatRequest {
        model,
        messages,
        tools,
        reasoning: reasoning(&mut object)?,
        format: format(&mut object),
        // Unlike everywhere else.
        stream: object.flag("stream")?.unwrap_or(true),
        usage_asked: true,
        ..ChatRequest::new(Dialect::Ollama)
    };
    request.sampling.logprobs = object.flag("logprobs")?;
    request.sampling.top_logprobs = object.unsigned("top_logprobs")?;
    if let Some(mut options) = object.object("options")? {
        self::options(&mut options, &mut request).map_err(|error| error.within("options"))?;
        object.keep("options", &options);
    }
    request.extra = object;
    Ok(request)
}

fn options<'a>(options: &mut Object<'a>, request: &mut ChatRequest<'a>) -> Result<(), DecodeError> {
    let sampling = &mut request.sampling;
    sampling.temperature = options.number("temperature")?;
    sampling.top_p = options.number("top_p")?;
    sampling.top_k = options.unsigned("top_k")?;
    sampling.frequency_penalty = options.number("frequency_penalty")?;
    sampling.presence_penalty = options.number("presence_penalty")?;
    sampling.seed = options.integer("seed")?;
    sampling.stop = options.texts("stop")?;
    // Below zero it is no limit, and stays.
    let limit = options.peek("num_predict").and_then(json::unsigned);
    if limit.is_some() {
        request.max_tokens = limit;
        options.take("num_predict");
    }
    Ok(())
}

fn message<'a>(raw: &'a RawValue, calls: &mut Calls) -> Result<Message<'a>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let role = match object.text("role")?.as_deref() {
        Some("system") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        _ => {
            return Err(DecodeError::wrong(
                "role",
                "one of system, user, assistant, tool",
            ));
        }
    };
    let mut parts = message::take(&mut object, calls)?;
    if role == Role::Tool {
        let written = object.peek("tool_call_id");
        let given = object.text("tool_call_id")?;
        let name = object.text("tool_name")?;
        let id = calls.result(given, name.as_deref().unwrap_or_default());
        let result = Block::ToolResult {
            id,
            name,
            parts,
            plain: true,
            is_error: false,
        };
        let mut part = Part::from(result);
        if let Some(raw) = written {
            part.extra.keep_twin("tool_call_id", raw);
        }
        parts = vec![part];
    }
    Ok(Message {
        plain: true,
        extra: object,
        ..Message::new(role, parts)
    })
}

fn tool(raw: &RawValue) -> Result<Tool<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
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
            strict: None,
        },
        cache: None,
        extra: function,
    })
}

/// `think`: on or off, or how long in a word.
fn reasoning<'a>(object: &mut Object<'a>) -> Result<Reasoning<'a>, DecodeError> {
    let Some(raw) = object.take("think") else {
        return Ok(Reasoning::default());
    };
    let mode = match raw.get() {
        "true" => Some(ThinkingMode::Enabled),
        "false" => Some(ThinkingMode::Disabled),
        _ => None,
    };
    let effort = json::text(raw).and_then(|word| Effort::parse(&word));
    if mode.is_none() && effort.is_none() {
        return Err(DecodeError::wrong(
            "think",
            "true, false or one of low, medium, high",
        ));
    }
    Ok(Reasoning {
        effort,
        mode,
        ..Reasoning::default()
    })
}

/// `format`: `"json"`, or a schema.
fn format<'a>(object: &mut Object<'a>) -> Option<ResponseFormat<'a>> {
    let raw = object.take("format")?;
    match json::text(raw).as_deref() {
        Some("") => None,
        Some("json") => Some(ResponseFormat::JsonObject),
        Some(_) => Some(ResponseFormat::Foreign(Cow::Borrowed(raw))),
        None => Some(ResponseFormat::JsonSchema {
            name: None,
            description: None,
            schema: Cow::Borrowed(raw),
            strict: None,
        }),
    }
}
