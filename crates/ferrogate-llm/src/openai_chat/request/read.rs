//! A caller's request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::content::{self, cache_mark};
use crate::chat::{
    Block, ChatRequest, Effort, Message, Part, Reasoning, ResponseFormat, Role, Sampling, Tool,
    ToolChoice, ToolKind,
};
use crate::json::{self, Object};
use crate::openai_chat::response::thoughts;
use crate::{DecodeError, Dialect};

pub(in crate::openai_chat) fn read(body: &[u8]) -> Result<ChatRequest<'_>, DecodeError> {
    let mut object = Object::parse(body)?;
    let model = object.text("model")?.ok_or(DecodeError::Model)?;
    let messages = object
        .array("messages")?
        .ok_or_else(|| DecodeError::wrong("messages", "an array of messages"))?;
    let messages = messages
        .into_iter()
        .enumerate()
        .map(|(index, raw)| {
            message(raw).map_err(|error| error.within(format_args!("messages[{index}]")))
        })
        .collect::<Result<_, _>>()?;
    let mut tools = each(&mut object, "tools", tool)?;
    // Deprecated since 2023, still sent: a function is a tool without its wrapping.
    tools.extend(each(&mut object, "functions", |raw| {
        Object::of(raw)
            .ok_or_else(|| DecodeError::wrong("", "an object"))
            .and_then(function)
    })?);
    let tool_choice = match object.take("tool_choice") {
        Some(raw) => Some(choice(raw)),
        None => object.take("function_call").map(choice),
    };
    let legacy_limit = object.unsigned("max_tokens")?;
    let options = stream_options(&mut object)?;
    let mut twins = Object::default();
    Ok(ChatRequest {
        dialect: Dialect::OpenAiChat,
        model,
        messages,
        tools,
        tool_choice,
        parallel_tools: object.flag("parallel_tool_calls")?,
        sampling: Sampling {
            temperature: object.number("temperature")?,
            top_p: object.number("top_p")?,
            top_k: object.unsigned("top_k")?,
            frequency_penalty: object.number("frequency_penalty")?,
            presence_penalty: object.number("presence_penalty")?,
            seed: object.integer("seed")?,
            stop: object.texts("stop")?,
            n: object.unsigned("n")?,
            logprobs: object.flag("logprobs")?,
            top_logprobs: object.unsigned("top_logprobs")?,
        },
        max_tokens: object.unsigned("max_completion_tokens")?.or(legacy_limit),
        reasoning: Reasoning {
            effort: effort(&mut object)?,
            ..Reasoning::default()
        },
        format: object.take("response_format").map(format),
        verbosity: object.text("verbosity")?,
        user: match object.text("user")? {
            Some(user) => Some(user),
            // Its newer name, which a target of the same dialect is told.
            None => match object.take("safety_identifier") {
                Some(raw) => {
                    twins.put("safety_identifier", raw);
                    json::text(raw)
                }
                None => None,
            },
        },
        service_tier: object.text("service_tier")?,
        metadata: object.take("metadata").map(Cow::Borrowed),
        stream: object.flag("stream")?.unwrap_or(false),
        usage_asked: options,
        extra: object,
        twins,
    })
}

fn each<'a, T>(
    object: &mut Object<'a>,
    name: &'static str,
    read: impl Fn(&'a RawValue) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let list = object.array(name)?.unwrap_or_default();
    let read = list.into_iter().enumerate().map(|(index, raw)| {
        read(raw).map_err(|error| error.within(format_args!("{name}[{index}]")))
    });
    read.collect()
}

/// Whether usage is asked for; other options of a stream stay.
fn stream_options(object: &mut Object<'_>) -> Result<bool, DecodeError> {
    let Some(raw) = object.take("stream_options") else {
        return Ok(false);
    };
    let mut options = Object::of(raw).ok_or(DecodeError::StreamOptions)?;
    let asked = options
        .flag("include_usage")
        .map_err(|error| error.within("stream_options"))?;
    if !options.is_empty() {
        object.put("stream_options", raw);
    }
    Ok(asked.unwrap_or(false))
}

fn effort(object: &mut Object<'_>) -> Result<Option<Effort>, DecodeError> {
    let Some(word) = object.text("reasoning_effort")? else {
        return Ok(None);
    };
    Effort::parse(&word).map(Some).ok_or_else(|| {
        DecodeError::wrong(
            "reasoning_effort",
            "one of none, minimal, low, medium, high, xhigh, max",
        )
    })
}

fn message(raw: &RawValue) -> Result<Message<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let role = object
        .text("role")?
        .ok_or_else(|| DecodeError::wrong("role", "a string"))?;
    let role = match role.as_ref() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _ => {
            return Err(DecodeError::wrong(
                "role",
                "one of system, developer, user, assistant, tool",
            ));
        }
    };
    let cache = cache_mark(&mut object);
    let (parts, plain) = match object.take("content") {
        Some(raw) => content::read(raw)?,
        None => (Vec::new(), true),
    };
    let mut message = Message {
        plain,
        name: object.text("name")?,
        ..Message::new(role, parts)
    };
    match role {
        Role::Tool => tool_result(&mut message, &mut object)?,
        Role::Assistant => assistant(&mut message, &mut object)?,
        Role::System | Role::Developer | Role::User => {}
    }
    if let (Some(mark), Some(last)) = (cache, message.parts.last_mut()) {
        last.cache.get_or_insert(mark);
    }
    message.extra = object;
    Ok(message)
}

/// The whole message is one result. A `function` message, deprecated, names the function and no call.
fn tool_result<'a>(message: &mut Message<'a>, object: &mut Object<'a>) -> Result<(), DecodeError> {
    let name = message.name.take();
    let id = match object.text("tool_call_id")? {
        Some(id) => id,
        None => name
            .clone()
            .ok_or_else(|| DecodeError::wrong("tool_call_id", "a string"))?,
    };
    message.parts = vec![
        Block::ToolResult {
            id,
            name,
            parts: std::mem::take(&mut message.parts),
            plain: message.plain,
            is_error: false,
        }
        .into(),
    ];
    Ok(())
}

fn assistant<'a>(message: &mut Message<'a>, object: &mut Object<'a>) -> Result<(), DecodeError> {
    let thoughts = thoughts::take(object, &mut message.twins);
    message
        .parts
        .splice(0..0, thoughts.into_iter().map(Part::from));
    if let Some(refusal) = object.text("refusal")? {
        message.parts.push(Block::Refusal(refusal).into());
    }
    for (index, raw) in object
        .array("tool_calls")?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let call = call(raw).map_err(|error| error.within(format_args!("tool_calls[{index}]")))?;
        message.parts.push(call);
    }
    if let Some(mut call) = object.object("function_call")? {
        let name = call
            .text("name")?
            .ok_or_else(|| DecodeError::wrong("function_call.name", "a string"))?;
        message.parts.push(
            Block::ToolUse {
                id: name.clone(),
                name,
                arguments: call.text("arguments")?.unwrap_or_default(),
                custom: false,
            }
            .into(),
        );
    }
    Ok(())
}

/// One call of a tool, in a request's history or in an answer.
pub(in crate::openai_chat) fn call(raw: &RawValue) -> Result<Part<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let id = object.text("id")?.unwrap_or_default();
    let custom = object.object("custom")?;
    let is_custom = custom.is_some();
    let mut inner = match custom {
        Some(inner) => inner,
        None => object
            .object("function")?
            .ok_or_else(|| DecodeError::wrong("function", "an object"))?,
    };
    let name = inner
        .text("name")?
        .ok_or_else(|| DecodeError::wrong("function.name", "a string"))?;
    let arguments = inner.take(if is_custom { "input" } else { "arguments" });
    Ok(Part {
        signature: google_signature(&mut object),
        ..Part::from(Block::ToolUse {
            id,
            name,
            // Some vendors put the object itself where its text belongs.
            arguments: arguments
                .map(|raw| json::text(raw).unwrap_or(Cow::Borrowed(raw.get())))
                .unwrap_or_default(),
            custom: is_custom,
        })
    })
}

/// Google's mark on a call, where Google's own OpenAI-compatible API puts it.
fn google_signature<'a>(call: &mut Object<'a>) -> Option<Cow<'a, str>> {
    let mut content = call.object("extra_content").ok()??;
    let mut google = content.object("google").ok()??;
    google.text("thought_signature").ok()?
}

fn tool(raw: &RawValue) -> Result<Tool<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let kind = object.text("type")?.unwrap_or_else(|| "function".into());
    let cache = cache_mark(&mut object);
    let mut tool = match kind.as_ref() {
        "function" => {
            let inner = object
                .object("function")?
                .ok_or_else(|| DecodeError::wrong("function", "an object"))?;
            function(inner).map_err(|error| error.within("function"))?
        }
        "custom" => {
            let mut inner = object
                .object("custom")?
                .ok_or_else(|| DecodeError::wrong("custom", "an object"))?;
            let name = inner
                .text("name")?
                .ok_or_else(|| DecodeError::wrong("custom.name", "a string"))?;
            Tool {
                kind: ToolKind::Custom {
                    name,
                    description: inner.text("description")?,
                    format: inner.take("format").map(Cow::Borrowed),
                },
                cache: None,
                extra: inner,
            }
        }
        _ => Tool {
            kind: ToolKind::Foreign {
                kind,
                raw: Cow::Borrowed(raw),
            },
            cache: None,
            extra: Object::default(),
        },
    };
    tool.cache = cache.or(tool.cache);
    Ok(tool)
}

fn function(mut object: Object<'_>) -> Result<Tool<'_>, DecodeError> {
    let name = object
        .text("name")?
        .ok_or_else(|| DecodeError::wrong("name", "a string"))?;
    Ok(Tool {
        kind: ToolKind::Function {
            name,
            description: object.text("description")?,
            parameters: object.take("parameters").map(Cow::Borrowed),
            strict: object.flag("strict")?,
        },
        cache: cache_mark(&mut object),
        extra: object,
    })
}

fn choice(raw: &RawValue) -> ToolChoice<'_> {
    let foreign = || ToolChoice::Foreign(Cow::Borrowed(raw));
    if let Some(word) = json::text(raw) {
        return match word.as_ref() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" | "any" => ToolChoice::Required,
            _ => foreign(),
        };
    }
    let Some(mut object) = Object::of(raw) else {
        return foreign();
    };
    for wrapping in ["function", "custom"] {
        if let Ok(Some(mut inner)) = object.object(wrapping)
            && let Ok(Some(name)) = inner.text("name")
        {
            return ToolChoice::Named(name);
        }
    }
    if let Ok(Some(name)) = object.text("name") {
        return ToolChoice::Named(name);
    }
    let Ok(Some(mut allowed)) = object.object("allowed_tools") else {
        return foreign();
    };
    let required = allowed.text("mode").ok().flatten().as_deref() == Some("required");
    let names = allowed.array("tools").ok().flatten().and_then(|tools| {
        tools
            .into_iter()
            .map(|raw| {
                let mut tool = Object::of(raw)?;
                let mut inner = tool.object("function").ok()??;
                inner.text("name").ok()?
            })
            .collect::<Option<Vec<_>>>()
    });
    match names {
        Some(names) => ToolChoice::Allowed { names, required },
        None => foreign(),
    }
}

fn format(raw: &RawValue) -> ResponseFormat<'_> {
    let foreign = || ResponseFormat::Foreign(Cow::Borrowed(raw));
    let Some(mut object) = Object::of(raw) else {
        return foreign();
    };
    match object.text("type").ok().flatten().as_deref() {
        Some("text") => ResponseFormat::Text,
        Some("json_object") => ResponseFormat::JsonObject,
        Some("json_schema") => {
            let schema = object
                .object("json_schema")
                .ok()
                .flatten()
                .and_then(|mut inner| {
                    Some(ResponseFormat::JsonSchema {
                        name: inner.text("name").ok()?,
                        description: inner.text("description").ok()?,
                        schema: Cow::Borrowed(inner.take("schema")?),
                        strict: inner.flag("strict").ok()?,
                    })
                });
            schema.unwrap_or_else(foreign)
        }
        _ => foreign(),
    }
}
