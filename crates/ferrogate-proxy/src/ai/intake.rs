//! The request's body: read within bounds, decoded as far as routing needs.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use ferrogate_llm::{OpenAiRequest, Surface};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
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

/// Reads what routing needs.
pub(crate) fn decode(surface: Surface, body: Bytes) -> Result<OpenAiRequest, Refusal> {
    OpenAiRequest::decode(surface, body).map_err(Refusal::from)
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
