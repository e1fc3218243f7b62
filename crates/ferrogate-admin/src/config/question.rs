//! What would become of a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::admin::App;
use crate::answer::json;
use crate::extract::Json;
use crate::node::Question;
use crate::refusal::Refusal;

/// A request to explain.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QuestionForm {
    /// The method; `POST` where there is a body, else `GET`.
    #[serde(default)]
    method: Option<String>,
    /// Where to.
    #[schema(example = "https://api.example.com/v1/chat/completions")]
    url: String,
    /// Header fields.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body: a text as it is, anything else as JSON.
    #[serde(default)]
    body: Option<Value>,
    /// The id of the key it would show.
    #[serde(default)]
    key: Option<String>,
}

/// Says which site, handlers, model and targets a request would meet, and why. Nothing is sent.
#[utoipa::path(post, path = "/admin/v1/config/explain", tag = "Configuration", request_body = QuestionForm,
    responses((status = 200, description = "What would become of it", body = Value)))]
pub(super) async fn explain(
    State(app): State<Arc<App>>,
    Json(form): Json<QuestionForm>,
) -> Result<Response, Refusal> {
    let uri: Uri = form
        .url
        .parse()
        .map_err(|error| Refusal::invalid("url", format!("`url` is not one: {error}")))?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    if !is_http || uri.host().is_none_or(str::is_empty) {
        return Err(Refusal::invalid(
            "url",
            "`url` is absolute: `https://host/path`",
        ));
    }
    let body = form.body.map(|body| match body {
        Value::String(text) => text.into_bytes(),
        body => body.to_string().into_bytes(),
    });
    let method = form
        .method
        .as_deref()
        .unwrap_or(if body.is_some() { "POST" } else { "GET" });
    if Method::from_bytes(method.as_bytes()).is_err() {
        return Err(Refusal::invalid(
            "method",
            "`method` is not the name of a method",
        ));
    }
    let good = |(name, value): (&String, &String)| {
        HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok()
    };
    if !form.headers.iter().all(good) {
        return Err(Refusal::invalid(
            "headers",
            "`headers` has a name or a value that no header has",
        ));
    }
    let key = form.key.as_deref().map(str::parse).transpose();
    let question = Question {
        method: method.to_owned(),
        url: form.url.clone(),
        headers: form.headers.into_iter().collect(),
        body,
        key: key.map_err(|error| Refusal::invalid("key", format!("`key` {error}")))?,
    };
    match app.node.explain(question).await {
        Ok(explanation) => Ok(json(StatusCode::OK, &explanation)),
        Err(reason) => Err(Refusal::unprocessable("invalid_question", reason)),
    }
}
