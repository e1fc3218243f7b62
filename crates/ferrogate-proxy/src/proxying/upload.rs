//! The body of a request on its way to an upstream.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferrogate_types::route::BufferLimit;
use http::Method;
use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use pingora_error::{Error, ErrorType};
use pingora_proxy::Session;

use super::Trouble;
use crate::watch;

/// What is sent upstream as the body, and what of it was sent already.
///
/// What was taken from the client is kept, within bounds, so that another attempt can send it again.
pub(crate) struct Upload {
    /// At most so many bytes are taken.
    limit: Option<u64>,
    taken: u64,
    /// Between two pieces.
    patience: Duration,
    source: Source,
    /// To be sent by this attempt before more is taken.
    ahead: VecDeque<Bytes>,
    tape: Tape,
    /// The client waits for leave to send its body.
    expects: bool,
}

enum Source {
    /// The client sends it.
    Client,
    /// All of it is in `ahead` and on the tape.
    Complete,
}

/// What was sent so far.
struct Tape {
    pieces: Vec<Bytes>,
    length: u64,
    /// So much is kept at most.
    bound: u64,
    torn: bool,
}

/// Whatever of a body is kept for another attempt without being asked to.
const KEPT: u64 = 64 << 10;

impl Upload {
    /// The body of this request. Refuses one that is announced too large; takes nothing in yet.
    pub(crate) fn new(
        session: &mut Session,
        limit: Option<u64>,
        patience: Duration,
    ) -> Result<Self, Trouble> {
        let header = session.req_header();
        let announced = header
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if let (Some(limit), Some(announced)) = (limit, announced)
            && announced > limit
        {
            return Err(too_large(limit));
        }
        let expects = header
            .headers
            .get(EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        let source = if session.as_downstream_mut().is_body_done() {
            Source::Complete
        } else {
            Source::Client
        };
        Ok(Self {
            limit,
            taken: 0,
            patience,
            source,
            ahead: VecDeque::new(),
            tape: Tape {
                pieces: Vec::new(),
                length: 0,
                bound: KEPT,
                torn: false,
            },
            expects,
        })
    }

    /// Puts a body in the place of the client's, which nobody reads then.
    pub(crate) fn replace(&mut self, body: Bytes) {
        self.source = Source::Complete;
        self.expects = false;
        self.tape.pieces = Vec::new();
        self.tape.length = 0;
        self.ahead.clear();
        self.tape.bound = u64::MAX;
        if !body.is_empty() {
            self.tape.put(&body);
            self.ahead.push_back(body);
        }
    }

    /// Reads up to so much before anything is sent.
    pub(crate) async fn buffer(
        &mut self,
        session: &mut Session,
        limit: BufferLimit,
    ) -> Result<(), Trouble> {
        let bound = match limit {
            BufferLimit::Bytes(bytes) => bytes,
            BufferLimit::Unlimited => u64::MAX,
        };
        self.tape.bound = self.tape.bound.max(bound);
        if self.expects {
            self.give_leave(session).await?;
        }
        while self.taken < bound {
            match self.take(session).await? {
                // On the tape, from where every attempt begins.
                Some(_) => {}
                None => break,
            }
        }
        Ok(())
    }

    /// Whether nothing is left to take from the client.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.source, Source::Complete)
    }

    /// Whether all that was taken could be sent again.
    pub(crate) fn is_replayable(&self) -> bool {
        !self.tape.torn
    }

    /// Whether the client waits for leave to send its body.
    pub(crate) fn expects(&self) -> bool {
        self.expects
    }

    /// Begins another attempt: what was sent is sent again.
    pub(crate) fn rewind(&mut self) {
        self.ahead = self.tape.pieces.iter().cloned().collect();
    }

    /// The length of the whole body where it is known: `Some(0)` for none.
    pub(crate) fn length(&self, session: &Session) -> Option<u64> {
        if self.is_complete() {
            return Some(self.tape.length);
        }
        let headers = &session.req_header().headers;
        if headers.contains_key(TRANSFER_ENCODING) {
            return None;
        }
        headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok())
    }

    /// Allows the client to send its body.
    pub(crate) async fn give_leave(&mut self, session: &mut Session) -> Result<(), Trouble> {
        self.expects = false;
        session
            .as_downstream_mut()
            .write_continue_response()
            .await
            .map_err(|_| Trouble::ClientGone)
    }

    /// The next piece; `None` once, at the end of the body. Asked again it waits for the client to leave.
    ///
    /// # Cancel safety
    ///
    /// Safe: no piece is lost.
    pub(crate) async fn next(&mut self, session: &mut Session) -> Result<Option<Bytes>, Trouble> {
        if let Some(piece) = self.ahead.pop_front() {
            return Ok(Some(piece));
        }
        self.take(session).await
    }

    /// Takes the next piece from the client.
    async fn take(&mut self, session: &mut Session) -> Result<Option<Bytes>, Trouble> {
        if self.is_complete() {
            return Ok(None);
        }
        let reading = session.as_downstream_mut().read_body_or_idle(false);
        let piece = match tokio::time::timeout(self.patience, reading).await {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => return Err(broken(&error)),
            Err(_) => {
                return Err(Trouble::fail(
                    408,
                    "the request body did not arrive in time",
                ));
            }
        };
        let Some(piece) = piece else {
            self.source = Source::Complete;
            return Ok(None);
        };
        self.taken += piece.len() as u64;
        if let Some(limit) = self.limit
            && self.taken > limit
        {
            return Err(too_large(limit));
        }
        self.tape.put(&piece);
        if session.as_downstream_mut().is_body_done() {
            self.source = Source::Complete;
        }
        Ok(Some(piece))
    }
}

impl Tape {
    fn put(&mut self, piece: &Bytes) {
        self.length += piece.len() as u64;
        if self.torn || self.length > self.bound {
            self.torn = true;
            self.pieces = Vec::new();
        } else {
            self.pieces.push(piece.clone());
        }
    }
}

/// Waits until the client leaves, or for ever once it has begun its next request.
pub(crate) async fn client_leaves(session: &mut Session) -> Trouble {
    watch::gone(session).await;
    Trouble::ClientGone
}

/// Whether a request of this method has no body when it is sent upstream.
pub(crate) fn drops_body(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Joins pieces without copying a single one.
pub(crate) fn join(pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() == 1 {
        return pieces.into_iter().next().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    for piece in &pieces {
        whole.extend_from_slice(piece);
    }
    whole.freeze()
}

fn too_large(limit: u64) -> Trouble {
    Trouble::fail(
        413,
        format!("the request body is larger than {limit} bytes"),
    )
}

fn broken(error: &Error) -> Trouble {
    match error.etype() {
        ErrorType::ReadTimedout => Trouble::fail(408, "the request body did not arrive in time"),
        ErrorType::ReadError | ErrorType::ConnectionClosed | ErrorType::H2Error => {
            Trouble::ClientGone
        }
        _ => Trouble::fail(400, "the request body is malformed"),
    }
}
