//! What a request says: its parameters, its id and its body.

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::request::Parts;
use http::{StatusCode, header};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::refusal::Refusal;

/// The parameters of the query. An unknown one is refused: a misspelt filter must not let everything through.
pub(crate) struct Params<T>(pub(crate) T);

/// The id in the path.
pub(crate) struct Id(pub(crate) String);

/// The JSON body.
pub(crate) struct Json<T>(pub(crate) T);

/// The JSON body as it was sent, for partial changes.
pub(crate) struct Patch(pub(crate) Value);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Query(params) = Query::try_from_uri(&parts.uri).map_err(|rejection| {
            let text = rejection.body_text();
            let text = text
                .strip_prefix("Failed to deserialize query string: ")
                .unwrap_or(&text);
            let (code, param) = blame(text);
            let code = match code {
                "unknown_field" => "unknown_parameter",
                _ => "invalid_parameter",
            };
            let refusal = Refusal::malformed(code, format!("the query is not right: {text}"));
            match param {
                Some(param) => refusal.about(param),
                None => refusal,
            }
        })?;
        Ok(Self(params))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(Refusal::malformed(
                "invalid_path",
                "the id in the path is not valid UTF-8; write it with percent-encoding",
            )),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        read(value(request).await?).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Patch {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        match value(request).await? {
            patch @ Value::Object(_) => Ok(Self(patch)),
            _ => Err(Refusal::unprocessable(
                "invalid_value",
                "a partial change is a JSON object with the members to change",
            )),
        }
    }
}

/// The bytes of a body that is bounded already.
pub(crate) async fn bytes(request: Request) -> Result<bytes::Bytes, Refusal> {
    let body = request.into_body().collect().await;
    body.map(http_body_util::Collected::to_bytes)
        .map_err(|_| Refusal::malformed("malformed_body", "the body did not arrive; send it again"))
}

/// The media type of the body, without parameters.
pub(crate) fn media_type(headers: &http::HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let name = value.split(';').next().unwrap_or_default();
    Some(name.trim().to_ascii_lowercase())
}

async fn value(request: Request) -> Result<Value, Refusal> {
    let media_type = media_type(request.headers());
    let is_json = media_type.as_deref().is_some_and(|name| {
        name == "application/json" || (name.starts_with("application/") && name.ends_with("+json"))
    });
    if !is_json {
        return Err(unsupported("`application/json`"));
    }
    let bytes = bytes(request).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Refusal::malformed("invalid_json", format!("the body is not JSON: {error}"))
    })
}

/// A JSON body that may be left out.
pub(crate) async fn optional<T: DeserializeOwned + Default>(
    request: Request,
) -> Result<T, Refusal> {
    let (parts, body) = request.into_parts();
    let bytes = bytes(Request::from_parts(parts.clone(), body)).await?;
    if bytes.is_empty() {
        return Ok(T::default());
    }
    read(value(Request::from_parts(parts, axum::body::Body::from(bytes))).await?)
}

pub(crate) fn unsupported(expected: &str) -> Refusal {
    Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        format!("send the body as {expected} and name that in `Content-Type`"),
    )
}

/// Reads a body that is JSON.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    // serde would take an array for the members in their order.
    if !value.is_object() {
        return Err(Refusal::invalid(".", "the body is a JSON object"));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let text = error.inner().to_string();
        let (code, named) = blame(&text);
        // An unknown member is part of the path already, a missing one is not.
        let param = match named {
            Some(named) if path == "." => named,
            Some(named) if code == "missing_field" => format!("{path}.{named}"),
            _ => path,
        };
        Refusal::unprocessable(code, format!("`{param}` is not right: {text}")).about(param)
    })
}

/// What serde complains about, and the name it gives.
fn blame(text: &str) -> (&'static str, Option<String>) {
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    if text.contains("unknown field `") {
        (
            "unknown_field",
            text.split_once("unknown field")
                .and_then(|(_, rest)| quoted(rest)),
        )
    } else if text.contains("missing field `") {
        (
            "missing_field",
            text.split_once("missing field")
                .and_then(|(_, rest)| quoted(rest)),
        )
    } else {
        let param = text.split_once(": ").map(|(param, _)| param.to_owned());
        ("invalid_value", param.filter(|param| !param.contains(' ')))
    }
}
