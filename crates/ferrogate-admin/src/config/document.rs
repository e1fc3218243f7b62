//! A configuration as a request carries it.

use axum::extract::Request;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::extract::{bytes, media_type, read as read_value, unsupported};
use crate::node::{ConfigSource, Format};
use crate::refusal::Refusal;

/// A document within JSON; the resolved model itself is JSON without these members.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Wrapper {
    /// A Caddyfile.
    config_caddyfile: Option<String>,
    /// TOML.
    config_toml: Option<String>,
    /// What it is called in diagnostics.
    filename: Option<String>,
    /// `file`: the file the process was started with.
    source: Option<String>,
}

/// The members that make JSON a wrapper.
const WRAPPED: [&str; 3] = ["config_caddyfile", "config_toml", "source"];

/// The document of a request; an empty body means the file.
pub(super) async fn read(request: Request) -> Result<ConfigSource, Refusal> {
    let media_type = media_type(request.headers());
    let body = bytes(request).await?;
    if body.is_empty() {
        return Ok(ConfigSource::File);
    }
    match media_type.as_deref() {
        Some("text/caddyfile") => text(&body, Format::Caddyfile),
        Some("application/toml" | "text/toml") => text(&body, Format::Toml),
        Some("application/json") => json(&body),
        _ => Err(unsupported(
            "`text/caddyfile`, `application/toml` or `application/json`",
        )),
    }
}

fn text(body: &Bytes, format: Format) -> Result<ConfigSource, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| {
        Refusal::malformed(
            "malformed_body",
            "the document is not UTF-8; save it as that",
        )
    })?;
    Ok(ConfigSource::Text {
        text: text.to_owned(),
        format,
        filename: None,
    })
}

fn json(body: &Bytes) -> Result<ConfigSource, Refusal> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Refusal::malformed("invalid_json", format!("the body is not JSON: {error}"))
    })?;
    let Value::Object(members) = &value else {
        return Err(Refusal::unprocessable(
            "invalid_value",
            "a document in JSON is an object",
        ));
    };
    if members.is_empty() {
        return Ok(ConfigSource::File);
    }
    if !WRAPPED.iter().any(|name| members.contains_key(*name)) {
        return text(body, Format::Json);
    }
    let wrapper: Wrapper = read_value(value)?;
    let filename = wrapper.filename;
    match (
        wrapper.config_caddyfile,
        wrapper.config_toml,
        wrapper.source.as_deref(),
    ) {
        (Some(text), None, None) => Ok(ConfigSource::Text {
            text,
            format: Format::Caddyfile,
            filename,
        }),
        (None, Some(text), None) => Ok(ConfigSource::Text {
            text,
            format: Format::Toml,
            filename,
        }),
        (None, None, Some("file")) => Ok(ConfigSource::File),
        (None, None, Some(_)) => Err(Refusal::invalid("source", "`source` is `file`")),
        _ => Err(Refusal::unprocessable(
            "invalid_value",
            "give one of `config_caddyfile`, `config_toml` and `source`",
        )),
    }
}
