//! What the admin API answers when it did what was asked.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What the audit trail is told beyond what the request says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted {
    /// What it was done to, where the path does not say.
    pub(crate) target: Option<String>,
    /// What else is worth keeping; no secrets.
    pub(crate) detail: Option<Value>,
}

/// Something that was deleted.
#[derive(Serialize, ToSchema)]
pub(crate) struct Deleted {
    /// What kind of thing it was.
    pub(crate) object: &'static str,
    /// Its id.
    pub(crate) id: String,
    /// Always true.
    pub(crate) deleted: bool,
}

impl Deleted {
    pub(crate) fn new(object: &'static str, id: impl Into<String>) -> Self {
        Self {
            object,
            id: id.into(),
            deleted: true,
        }
    }
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // What is served here is made of maps with string keys and of numbers JSON has: writing it cannot fail.
    let text = serde_json::to_vec(body).unwrap_or_default();
    with_type(status, text, "application/json")
}

/// An answer of that media type.
pub(crate) fn with_type(status: StatusCode, body: Vec<u8>, media_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Adds the version of what is shown.
pub(crate) fn tagged(mut response: Response, tag: impl std::fmt::Display) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// Tells the audit trail more.
pub(crate) fn noted(
    mut response: Response,
    target: Option<String>,
    detail: Option<Value>,
) -> Response {
    response.extensions_mut().insert(Noted { target, detail });
    response
}
