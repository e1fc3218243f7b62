//! A caller's request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{settings, tools};
use crate::chat::calls::Calls;
use crate::chat::{ChatRequest, Message, Role};
use crate::gemini::{name, part};
use crate::json::Object;
use crate::protocol::Address;
use crate::{DecodeError, Dialect};

pub(in crate::gemini) fn read<'a>(
    body: &'a [u8],
    address: Address<'a>,
) -> Result<ChatRequest<'a>, DecodeError> {
    read_object(Object::parse(body)?, address)
}

/// Reads a request that is an object already.
pub(in crate::gemini) fn read_object<'a>(
    object: Object<'a>,
    address: Address<'a>,
) -> Result<ChatRequest<'a>, DecodeError> {
    let mut object = name::camel(object)?;
    // The path names the model; a body may repeat it with its collection in front.
    let repeated = object.text("model")?;
    let mut request = ChatRequest {
        model: address
            .model
            .or_else(|| repeated.map(bare))
            .ok_or(DecodeError::Model)?,
        stream: address.stream,
        usage_asked: true,
        ..ChatRequest::new(Dialect::Gemini)
    };
    let mut calls = Calls::default();
    if let Some(raw) = object.take("systemInstruction") {
        let message = content(raw, &mut calls, Some(Role::System))
            .map_err(|error| error.within("systemInstruction"))?;
        request.messages.push(message);
    }
    for (index, raw) in name::list(&mut object, "contents")?.into_iter().enumerate() {
        let message = content(raw, &mut calls, None)
            .map_err(|error| error.within(format_args!("contents[{index}]")))?;
        request.messages.push(message);
    }
    tools::read(&mut object, &mut request)?;
    if let Some(inner) = name::inner(&mut object, "generationConfig")? {
        settings::read(inner, &mut object, &mut request)
            .map_err(|error| error.within("generationConfig"))?;
    }
    request.service_tier = object.text("serviceTier")?.map(|tier| match tier.as_ref() {
        "standard" => Cow::Borrowed("default"),
        _ => tier,
    });
    request.metadata = object.take("labels").map(Cow::Borrowed);
    request.extra = object;
    Ok(request)
}

fn bare(model: Cow<'_, str>) -> Cow<'_, str> {
    match model {
        Cow::Borrowed(model) => model.strip_prefix("models/").unwrap_or(model).into(),
        Cow::Owned(model) => match model.strip_prefix("models/") {
            Some(bare) => bare.to_owned().into(),
            None => model.into(),
        },
    }
}

/// One turn. A content without a role is the person's.
fn content<'a>(
    raw: &'a RawValue,
    calls: &mut Calls,
    role: Option<Role>,
) -> Result<Message<'a>, DecodeError> {
    let mut object = name::object(raw)?;
    let role = match role {
        Some(role) => role,
        None => match object.text("role")?.as_deref() {
            None | Some("user" | "") => Role::User,
            Some("model") => Role::Assistant,
            Some("function") => Role::Tool,
            Some(_) => return Err(DecodeError::wrong("role", "one of user, model")),
        },
    };
    let parts = name::list(&mut object, "parts")?
        .into_iter()
        .enumerate()
        .map(|(index, raw)| {
            part::read(raw, calls).map_err(|error| error.within(format_args!("parts[{index}]")))
        })
        .collect::<Result<_, _>>()?;
    Ok(Message {
        extra: object,
        ..Message::new(role, parts)
    })
}
