//! A caller's request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{items, tools};
use crate::chat::{Block, ChatRequest, Effort, Message, Reasoning, ResponseFormat, Role, Sampling};
use crate::json::{self, Object};
use crate::{DecodeError, Dialect};

pub(in crate::openai_responses) fn read(body: &[u8]) -> Result<ChatRequest<'_>, DecodeError> {
    let mut object = Object::parse(body)?;
    let model = object.text("model")?.ok_or(DecodeError::Model)?;
    let mut messages = Vec::new();
    if let Some(text) = object.text("instructions")? {
        messages.push(plain(Role::System, text));
    }
    if let Some(raw) = object.take("input") {
        match json::text(raw) {
            Some(text) => messages.push(plain(Role::User, text)),
            None => items::read(raw, &mut messages)?,
        }
    }
    let (format, verbosity) = text(&mut object)?;
    let logprobs = object
        .peek("include")
        .is_some_and(|raw| raw.get().contains("\"message.output_text.logprobs\""));
    let tools = object.array("tools")?.unwrap_or_default();
    let tools = tools
        .into_iter()
        .enumerate()
        .map(|(index, raw)| {
            tools::read(raw).map_err(|error| error.within(format_args!("tools[{index}]")))
        })
        .collect::<Result<_, _>>()?;
    let mut twins = Object::default();
    let user = match object.text("user")? {
        Some(user) => Some(user),
        // Its newer name, which a target of the same dialect is told.
        None => match object.take("safety_identifier") {
            Some(raw) => {
                twins.put("safety_identifier", raw);
                json::text(raw)
            }
            None => None,
        },
    };
    Ok(ChatRequest {
        dialect: Dialect::OpenAiResponses,
        model,
        messages,
        tools,
        tool_choice: object.take("tool_choice").map(tools::read_choice),
        parallel_tools: object.flag("parallel_tool_calls")?,
        sampling: Sampling {
            temperature: object.number("temperature")?,
            top_p: object.number("top_p")?,
            logprobs: logprobs.then_some(true),
            top_logprobs: object.unsigned("top_logprobs")?,
            ..Sampling::default()
        },
        max_tokens: object.unsigned("max_output_tokens")?,
        reasoning: reasoning(&mut object)?,
        format,
        verbosity,
        user,
        service_tier: object.text("service_tier")?,
        metadata: object.take("metadata").map(Cow::Borrowed),
        stream: object.flag("stream")?.unwrap_or(false),
        // Its streams always tell.
        usage_asked: true,
        extra: object,
        twins,
    })
}

fn plain(role: Role, text: Cow<'_, str>) -> Message<'_> {
    Message {
        plain: true,
        ..Message::new(role, vec![Block::text(text).into()])
    }
}

fn reasoning<'a>(object: &mut Object<'a>) -> Result<Reasoning<'a>, DecodeError> {
    let Some(mut inner) = object.object("reasoning")? else {
        return Ok(Reasoning::default());
    };
    let within = |error: DecodeError| error.within("reasoning");
    let effort = match inner.text("effort").map_err(within)? {
        None => None,
        Some(word) => Some(Effort::parse(&word).ok_or_else(|| {
            DecodeError::wrong(
                "reasoning.effort",
                "one of none, minimal, low, medium, high, xhigh, max",
            )
        })?),
    };
    let summary = inner.text("summary").map_err(within)?;
    object.keep("reasoning", &inner);
    Ok(Reasoning {
        effort,
        summary,
        ..Reasoning::default()
    })
}

type Text<'a> = (Option<ResponseFormat<'a>>, Option<Cow<'a, str>>);

fn text<'a>(object: &mut Object<'a>) -> Result<Text<'a>, DecodeError> {
    let Some(mut inner) = object.object("text")? else {
        return Ok((None, None));
    };
    let verbosity = inner
        .text("verbosity")
        .map_err(|error| error.within("text"))?;
    let format = inner.take("format").map(format);
    object.keep("text", &inner);
    Ok((format, verbosity))
}

fn format(raw: &RawValue) -> ResponseFormat<'_> {
    let schema = || {
        let mut object = Object::of(raw)?;
        Some(ResponseFormat::JsonSchema {
            name: object.text("name").ok()?,
            description: object.text("description").ok()?,
            schema: Cow::Borrowed(object.take("schema")?),
            strict: object.flag("strict").ok()?,
        })
    };
    let kind = Object::of(raw).and_then(|mut object| object.text("type").ok()?);
    match kind.as_deref() {
        Some("text") => Some(ResponseFormat::Text),
        Some("json_object") => Some(ResponseFormat::JsonObject),
        Some("json_schema") => schema(),
        _ => None,
    }
    .unwrap_or(ResponseFormat::Foreign(Cow::Borrowed(raw)))
}
