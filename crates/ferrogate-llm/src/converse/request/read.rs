//! A caller's request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::thinking;
use crate::chat::{ChatRequest, Message, ResponseFormat, Role, Tool, ToolChoice, ToolKind};
use crate::converse::content;
use crate::json::{self, Object};
use crate::protocol::Address;
use crate::{DecodeError, Dialect};

pub(in crate::converse) fn read<'a>(
    body: &'a [u8],
    address: Address<'a>,
) -> Result<ChatRequest<'a>, DecodeError> {
    let mut object = Object::parse(body)?;
    let mut request = ChatRequest::new(Dialect::Converse);
    request.model = address.model.ok_or(DecodeError::Model)?;
    request.stream = address.stream;
    // Every stream of Converse ends with its usage.
    request.usage_asked = true;
    if let Some(system) = object.array("system")? {
        let mut message = Message::new(Role::System, Vec::new());
        message.parts =
            content::read(system, &mut message.twins).map_err(|error| error.within("system"))?;
        request.messages.push(message);
    }
    for (index, raw) in object
        .array("messages")?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let message = message(raw);
        request
            .messages
            .push(message.map_err(|error| error.within(format_args!("messages[{index}]")))?);
    }
    let mut extra = Object::default();
    within(&mut object, "inferenceConfig", &mut extra, |config| {
        request.max_tokens = config.unsigned("maxTokens")?;
        request.sampling.temperature = config.number("temperature")?;
        request.sampling.top_p = config.number("topP")?;
        request.sampling.stop = config.texts("stopSequences")?;
        Ok(())
    })?;
    within(&mut object, "toolConfig", &mut extra, |config| {
        request.tools = tools(config.array("tools")?.unwrap_or_default())?;
        request.tool_choice = config.take("toolChoice").map(choice);
        Ok(())
    })?;
    keep_whole(&mut object, "outputConfig", &mut request.twins);
    within(&mut object, "outputConfig", &mut extra, |config| {
        request.format = config.take("textFormat").map(format);
        thinking::read_effort(config, "effort", &mut request.reasoning);
        Ok(())
    })?;
    keep_whole(
        &mut object,
        "additionalModelRequestFields",
        &mut request.twins,
    );
    within(
        &mut object,
        "additionalModelRequestFields",
        &mut extra,
        |fields| {
            thinking::read(fields, &mut request);
            Ok(())
        },
    )?;
    within(&mut object, "serviceTier", &mut extra, |tier| {
        request.service_tier = tier.text("type")?;
        Ok(())
    })?;
    request.metadata = object.take("requestMetadata").map(Cow::Borrowed);
    for (name, raw) in object.members() {
        extra.put(name.to_owned(), raw);
    }
    request.extra = extra;
    Ok(request)
}

/// Keeps a member beside what is read of it.
fn keep_whole<'a>(object: &mut Object<'a>, name: &'static str, twins: &mut Object<'a>) {
    if let Some(raw) = object.peek(name).filter(|raw| raw.get() != "null") {
        twins.put(name, raw);
    }
}

/// Reads a nested object; what is left of it stands in `extra` under its path.
fn within<'a>(
    object: &mut Object<'a>,
    name: &'static str,
    extra: &mut Object<'a>,
    read: impl FnOnce(&mut Object<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let Some(mut inner) = object.object(name)? else {
        return Ok(());
    };
    read(&mut inner).map_err(|error| error.within(name))?;
    for (member, raw) in inner.members() {
        extra.put(format!("{name}.{member}"), raw);
    }
    Ok(())
}

fn message(raw: &RawValue) -> Result<Message<'_>, DecodeError> {
    let mut object = Object::of(raw).ok_or_else(|| DecodeError::wrong("", "an object"))?;
    let role = object.text("role")?.unwrap_or_default();
    let role = match role.as_ref() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(DecodeError::wrong("role", "one of user, assistant, system")),
    };
    let blocks = object
        .array("content")?
        .ok_or_else(|| DecodeError::wrong("content", "an array of content blocks"))?;
    let mut message = Message::new(role, Vec::new());
    message.parts = content::read(blocks, &mut message.twins)?;
    message.extra = object;
    Ok(message)
}

fn tools(list: Vec<&RawValue>) -> Result<Vec<Tool<'_>>, DecodeError> {
    let mut tools: Vec<Tool<'_>> = Vec::with_capacity(list.len());
    for (index, raw) in list.into_iter().enumerate() {
        if let (Some(mark), Some(last)) = (content::cache_point(raw), tools.last_mut())
            && last.cache.is_none()
        {
            last.cache = Some(mark);
            continue;
        }
        let tool = tool(raw);
        tools.push(tool.map_err(|error| error.within(format_args!("tools[{index}]")))?);
    }
    Ok(tools)
}

fn tool(raw: &RawValue) -> Result<Tool<'_>, DecodeError> {
    let wrong = || DecodeError::wrong("", "a tool");
    let mut object = Object::of(raw).ok_or_else(wrong)?;
    let first = object.members().next().map(|(name, _)| name.to_owned());
    let Some(mut spec) = object.object("toolSpec")? else {
        return Ok(Tool {
            kind: ToolKind::Foreign {
                kind: first.ok_or_else(wrong)?.into(),
                raw: Cow::Borrowed(raw),
            },
            cache: None,
            extra: Object::default(),
        });
    };
    let name = spec
        .text("name")?
        .ok_or_else(|| DecodeError::wrong("toolSpec.name", "a string"))?;
    let schema = spec.object("inputSchema")?;
    Ok(Tool {
        kind: ToolKind::Function {
            name,
            description: spec.text("description")?,
            parameters: schema
                .and_then(|mut schema| schema.take("json"))
                .map(Cow::Borrowed),
            strict: spec.flag("strict")?,
        },
        cache: None,
        extra: spec,
    })
}

fn choice(raw: &RawValue) -> ToolChoice<'_> {
    let foreign = || ToolChoice::Foreign(Cow::Borrowed(raw));
    let Some(mut object) = Object::of(raw) else {
        return foreign();
    };
    if object.take("auto").is_some() {
        ToolChoice::Auto
    } else if object.take("any").is_some() {
        ToolChoice::Required
    } else if let Ok(Some(mut tool)) = object.object("tool")
        && let Ok(Some(name)) = tool.text("name")
    {
        ToolChoice::Named(name)
    } else {
        foreign()
    }
}

/// `textFormat`, whose schema is JSON within a string.
fn format(raw: &RawValue) -> ResponseFormat<'_> {
    let read = || {
        let mut object = Object::of(raw)?;
        if object.text("type").ok()?? != "json_schema" {
            return None;
        }
        let mut structure = object.object("structure").ok()??;
        let mut schema = structure.object("jsonSchema").ok()??;
        Some(ResponseFormat::JsonSchema {
            name: schema.text("name").ok()?,
            description: schema.text("description").ok()?,
            schema: json::owned(schema.text("schema").ok()??.into_owned())?,
            strict: None,
        })
    };
    read().unwrap_or(ResponseFormat::Foreign(Cow::Borrowed(raw)))
}
