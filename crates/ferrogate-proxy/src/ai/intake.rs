//! The request's body: read within bounds, decoded as far as routing needs.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use ferrogate_llm::{ModelRequest, Surface};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, HeaderValue};
use pingora_error::{Error, ErrorType};
use pingora_proxy::Session;

use super::Stop;
use super::refusal::{Refusal, RefusalCode};

/// Between two pieces of a body over HTTP/2, for which Pingora has no limit of its own.
pub(crate) const PIECE: Duration = Duration::from_secs(60);

/// Reads the whole body, at most `limit` bytes, until the call's `deadline` at the latest.
pub(crate) async fn read_body(
    session: &mut Session,
    limit: usize,
    deadline: Instant,
) -> Result<Bytes, Stop> {
    let headers = &session.req_header().headers;
    let too_large = || {
        Refusal::new(
            RefusalCode::RequestTooLarge,
            format!("the request body is larger than the limit of {limit} bytes"),
        )
    };
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Refusal::new(
            RefusalCode::InvalidRequest,
            "compressed request bodies are not available yet; send it without `Content-Encoding`",
        )
        .into());
    }
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large().into());
    }
    // A client that waits for leave to send its body would wait for its own timeout otherwise.
    let waits = headers
        .get(EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if waits {
        session
            .as_downstream_mut()
            .write_continue_response()
            .await
            .map_err(|_| Stop::ClientGone)?;
    }
    let mut whole: Option<Bytes> = None;
    let mut parts = BytesMut::new();
    loop {
        let patience = deadline.min(Instant::now() + PIECE);
        let piece = tokio::time::timeout_at(
            patience.into(),
            session.as_downstream_mut().read_request_body(),
        )
        .await;
        let piece = match piece {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => return Err(broken(&error)),
            Err(_) => return Err(timed_out().into()),
        };
        let Some(piece) = piece else { break };
        if whole.as_ref().map_or(0, Bytes::len) + parts.len() + piece.len() > limit {
            return Err(too_large().into());
        }
        match whole.take() {
            // The common case, a body in one piece, is not copied.
            None if parts.is_empty() => whole = Some(piece),
            first => {
                if parts.is_empty() {
                    parts.reserve(announced.unwrap_or_default().min(limit));
                }
                parts.extend_from_slice(&first.unwrap_or_default());
                parts.extend_from_slice(&piece);
            }
        }
    }
    Ok(whole.unwrap_or_else(|| parts.freeze()))
}

/// Reads what routing needs; a form where the body is one.
pub(crate) fn decode(
    surface: Surface,
    addressed: Option<&str>,
    content_type: &HeaderValue,
    body: Bytes,
) -> Result<ModelRequest, Refusal> {
    let kind = content_type.to_str().unwrap_or_default();
    let form = kind
        .get(..19)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/form-data"));
    let decoded = if form {
        ModelRequest::decode_form(surface, kind, body)
    } else {
        ModelRequest::decode(surface, addressed, body)
    };
    decoded.map_err(Refusal::from)
}

/// The body's media type, as the caller says; JSON where it says nothing of use.
pub(crate) fn content_type(headers: &HeaderMap) -> HeaderValue {
    let json = HeaderValue::from_static("application/json");
    match headers.get(CONTENT_TYPE) {
        Some(value)
            if value
                .as_bytes()
                .to_ascii_lowercase()
                .starts_with(b"multipart/form-data") =>
        {
            value.clone()
        }
        _ => json,
    }
}

fn timed_out() -> Refusal {
    Refusal::new(
        RefusalCode::RequestTimeout,
        "the request body did not arrive in time",
    )
}

fn broken(error: &Error) -> Stop {
    match error.etype() {
        ErrorType::ReadTimedout => timed_out().into(),
        ErrorType::ReadError | ErrorType::ConnectionClosed | ErrorType::H2Error => Stop::ClientGone,
        _ => Refusal::new(RefusalCode::MalformedBody, "the request body is malformed").into(),
    }
}
