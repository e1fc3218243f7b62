//! Writes that may be repeated: `Idempotency-Key`.
//!
//! The answer to a write that was done is kept, without its secret, and repeated to whoever sends the same request with
//! the same key. What was refused is not kept: it changed nothing and may be corrected under the same key.

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use ferrogate_storage::{AnswerStore as _, KeptAnswer, Store};
use ferrogate_types::{Timestamp, clock};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::hex::hex;
use crate::refusal::Refusal;

/// The name of the header.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Marks an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Bytes of a key.
const LONGEST: usize = 255;

/// Writes under way with a key, by actor: at most one each.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay(Arc<Mutex<HashSet<(String, String)>>>);

/// A write with a key.
#[derive(Debug)]
pub(crate) struct Repeatable {
    actor: String,
    key: String,
    fingerprint: String,
    under_way: UnderWay,
}

impl UnderWay {
    /// The write a request is; nothing without a key.
    pub(crate) fn begin(
        &self,
        actor: String,
        method: &Method,
        target: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Option<Repeatable>, Refusal> {
        let Some(key) = headers.get(HEADER) else {
            return Ok(None);
        };
        let key = key.to_str().ok().map(str::trim);
        let Some(key) = key.filter(|key| !key.is_empty() && key.len() <= LONGEST) else {
            return Err(Refusal::malformed(
                "invalid_idempotency_key",
                "an `Idempotency-Key` is 1 to 255 characters of ASCII; send a random one",
            ));
        };
        let fingerprint = Sha256::new()
            .chain_update(method.as_str())
            .chain_update([0])
            .chain_update(target)
            .chain_update([0])
            .chain_update(body)
            .finalize();
        let key = key.to_owned();
        if !self.0.lock().insert((actor.clone(), key.clone())) {
            return Err(Refusal::conflict(
                "idempotency_in_progress",
                "a request with this `Idempotency-Key` is under way; send it again in a moment",
            ));
        }
        Ok(Some(Repeatable {
            actor,
            key,
            fingerprint: hex(&fingerprint),
            under_way: self.clone(),
        }))
    }
}

impl Repeatable {
    /// What was answered before.
    pub(crate) async fn answered(&self, store: &Store) -> Result<Option<Response>, Refusal> {
        let Some(kept) = store.kept_answer(&self.actor, &self.key).await? else {
            return Ok(None);
        };
        if kept.fingerprint != self.fingerprint {
            return Err(Refusal::unprocessable(
                "idempotency_key_reused",
                "this `Idempotency-Key` belongs to another request; send a new one",
            ));
        }
        Ok(Some(repeat(&kept)))
    }

    /// Keeps an answer for the next time.
    pub(crate) async fn keep(&self, store: &Store, response: Response) -> Response {
        if !response.status().is_success() {
            return response;
        }
        let (parts, body) = response.into_parts();
        let Ok(body) = body.collect().await else {
            return Response::from_parts(parts, Body::empty());
        };
        let body = body.to_bytes();
        let etag = parts.headers.get(header::ETAG);
        let kept = KeptAnswer {
            actor: self.actor.clone(),
            key: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
            status: parts.status.as_u16(),
            etag: etag.and_then(|tag| tag.to_str().ok()).map(str::to_owned),
            body: without_secret(&body),
            created_at: Timestamp::from_epoch(clock::since_epoch()),
        };
        if let Err(error) = store.keep_answer(&kept).await {
            tracing::warn!(%error, "an answer could not be kept for its idempotency key");
        }
        Response::from_parts(parts, Body::from(body))
    }
}

impl Drop for Repeatable {
    fn drop(&mut self) {
        let key = (
            std::mem::take(&mut self.actor),
            std::mem::take(&mut self.key),
        );
        self.under_way.0.lock().remove(&key);
    }
}

fn without_secret(body: &[u8]) -> String {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else {
        return String::new();
    };
    if let Some(secret) = members.get_mut("secret") {
        *secret = Value::Null;
    }
    Value::Object(members).to_string()
}

fn repeat(kept: &KeptAnswer) -> Response {
    let body = match serde_json::from_str(&kept.body) {
        Ok(Value::Object(mut members)) => {
            members.insert("replayed".to_owned(), true.into());
            Value::Object(members).to_string()
        }
        _ => String::new(),
    };
    let is_json = !body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    if is_json {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
    let etag = kept.etag.as_deref().map(HeaderValue::from_str);
    if let Some(Ok(etag)) = etag {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
