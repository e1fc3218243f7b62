//! An answer whose body is read as it comes.

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode, Version};
use hyper::body::{Body, Frame, Incoming};
use tokio::time::timeout;

use crate::coding::Decoder;
use crate::error::{CallError, CallErrorKind};
use crate::http1::H1;
use crate::http2::Place;
use crate::patience::{Limit, Patience, Watchdog};
use crate::pool::Slot;

/// The head of an answer, with its body to come.
///
/// An answer read to its end gives its connection back. One that is dropped earlier closes the HTTP/1.1
/// connection, or resets the HTTP/2 stream, at once.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The protocol in which the answer came.
    pub version: Version,
    /// The headers, as received.
    pub headers: HeaderMap,
    /// The address that answered.
    pub remote: SocketAddr,
    body: State,
    patience: Patience,
    watchdog: Watchdog,
    decoder: Option<Decoder>,
}

enum State {
    H1 {
        incoming: Incoming,
        connection: H1,
        slot: Arc<Slot>,
    },
    H2 {
        incoming: Incoming,
        // Held for its drop, which frees the place on the connection.
        _place: Place,
    },
    Complete,
    // Asked again after an error, the answer must not look complete.
    Broken(CallErrorKind),
}

impl Answer {
    pub(crate) fn over_h1(
        response: Response<Incoming>,
        connection: H1,
        slot: Arc<Slot>,
        patience: Patience,
    ) -> Self {
        let remote = connection.remote();
        Self::new(response, remote, patience, |incoming| State::H1 {
            incoming,
            connection,
            slot,
        })
    }

    pub(crate) fn over_h2(response: Response<Incoming>, place: Place, patience: Patience) -> Self {
        let remote = place.remote();
        Self::new(response, remote, patience, |incoming| State::H2 {
            incoming,
            _place: place,
        })
    }

    fn new(
        response: Response<Incoming>,
        remote: SocketAddr,
        patience: Patience,
        body: impl FnOnce(Incoming) -> State,
    ) -> Self {
        let (head, incoming) = response.into_parts();
        let empty = incoming.is_end_stream();
        let mut answer = Self {
            status: head.status,
            version: head.version,
            headers: head.headers,
            remote,
            body: body(incoming),
            patience,
            watchdog: Watchdog::default(),
            decoder: None,
        };
        if empty {
            answer.complete();
        }
        answer
    }

    /// The next piece of the body, as it arrived; `None` only after a complete body.
    ///
    /// Nothing is read while nobody asks: HTTP/1.1 holds at most one piece of 64 KiB, HTTP/2 its stream window of
    /// 1 MiB, and then the peer has to wait.
    ///
    /// # Errors
    ///
    /// `Truncated`, `Reset`, `Protocol`, `IdleTimeout` and `Deadline`; asked again, the same kind.
    ///
    /// # Cancel safety
    ///
    /// Safe: no piece is lost. The idle limit begins anew with the next call.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, CallError> {
        loop {
            if let Some(decoder) = &mut self.decoder {
                match decoder.next_piece() {
                    Ok(None) => {}
                    Ok(piece) => return Ok(piece),
                    Err(error) => return Err(self.undecodable(error)),
                }
            }
            let piece = self.next_chunk().await?;
            let Some(decoder) = &mut self.decoder else {
                return Ok(piece);
            };
            let Some(piece) = piece else {
                let rest = decoder.finish();
                self.decoder = None;
                return rest.map_err(|error| self.undecodable(error));
            };
            decoder.push(piece);
        }
    }

    /// The answer with its body decoded, where it comes in `gzip`, `deflate`, `br` or `zstd`; its headers no longer speak
    /// of that then.
    ///
    /// # Errors
    ///
    /// `Encoding`, for another coding or several.
    pub fn decoded(mut self) -> Result<Self, CallError> {
        self.decoder = Decoder::of(&mut self.headers)
            .map_err(|error| CallError::because(CallErrorKind::Encoding, error).seen(true))?;
        Ok(self)
    }

    fn undecodable(&mut self, error: std::io::Error) -> CallError {
        self.decoder = None;
        self.fail(CallError::because(CallErrorKind::Encoding, error))
    }

    /// The next piece as it came.
    async fn next_chunk(&mut self) -> Result<Option<Bytes>, CallError> {
        if self.patience.is_over() && !matches!(self.body, State::Complete | State::Broken(_)) {
            return Err(self.fail(CallError::new(CallErrorKind::Deadline)));
        }
        // Taken only when the body is not there yet, because it costs a look at the clock.
        let mut limit: Option<Limit> = None;
        poll_fn(|cx| {
            if let Poll::Ready(piece) = self.poll_piece(cx) {
                return Poll::Ready(piece);
            }
            let limit = *limit.get_or_insert_with(|| self.patience.reading());
            ready!(self.watchdog.poll(cx, limit));
            Poll::Ready(Err(self.fail(CallError::new(limit.kind()))))
        })
        .await
    }

    /// The whole rest of the body, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// Those of [`Answer::chunk`], and `BodyTooLarge`, which closes the connection.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, CallError> {
        let too_large = || CallError::new(CallErrorKind::BodyTooLarge { limit }).seen(true);
        // What is decoded is seldom shorter than what was announced of it.
        if self.announced().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let Some(first) = self.chunk().await? else {
            return Ok(Bytes::new());
        };
        let mut whole = BytesMut::from(first);
        while whole.len() <= limit {
            match self.chunk().await? {
                Some(piece) => whole.extend_from_slice(&piece),
                None => return Ok(whole.freeze()),
            }
        }
        Err(too_large())
    }

    /// Reads and forgets a rest of at most `up_to` bytes, for at most a second, so that the connection can
    /// be used again. A longer or slower rest closes it. For answers whose body nobody wants.
    pub async fn discard(mut self, up_to: usize) {
        if self.announced().is_some_and(|length| length > up_to as u64) {
            return;
        }
        let mut left = up_to;
        let drained = async {
            while let Ok(Some(piece)) = self.chunk().await {
                match left.checked_sub(piece.len()) {
                    Some(rest) => left = rest,
                    None => return,
                }
            }
        };
        // Either way the answer is dropped now; an unfinished one closes its connection.
        timeout(DISCARD_PATIENCE, drained).await.unwrap_or_default();
    }

    /// Bytes still to come, when the peer has said how many.
    fn announced(&self) -> Option<u64> {
        match &self.body {
            State::H1 { incoming, .. } | State::H2 { incoming, .. } => incoming.size_hint().exact(),
            State::Complete | State::Broken(_) => None,
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, CallError>> {
        loop {
            let (frame, ended) = match &mut self.body {
                State::Complete => return Poll::Ready(Ok(None)),
                State::Broken(kind) => return Poll::Ready(Err(CallError::new(*kind).seen(true))),
                State::H1 {
                    incoming,
                    connection,
                    ..
                } => {
                    let frame = ready!(connection.poll_frame(incoming, cx));
                    // hyper ends an HTTP/1.1 body with `None` only where its framing says so.
                    (frame, None)
                }
                State::H2 { incoming, .. } => {
                    let frame = ready!(Pin::new(&mut *incoming).poll_frame(cx));
                    (frame, Some(incoming.is_end_stream()))
                }
            };
            match frame {
                Some(Ok(frame)) => {
                    let last = self.is_last(&frame);
                    if last {
                        self.complete();
                    }
                    // Trailers are dropped; an empty piece says nothing.
                    if let Ok(data) = frame.into_data()
                        && !data.is_empty()
                    {
                        return Poll::Ready(Ok(Some(data)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(self.fail(CallError::in_body(error)))),
                None if ended == Some(false) && !self.may_end_without_end() => {
                    return Poll::Ready(Err(self.fail(CallError::new(CallErrorKind::Truncated))));
                }
                None => self.complete(),
            }
        }
    }

    /// Whether the body is known to end with this frame, so that the connection need not wait for the caller
    /// to ask once more.
    fn is_last(&self, frame: &Frame<Bytes>) -> bool {
        match &self.body {
            State::H1 { incoming, .. } => frame.is_trailers() || incoming.is_end_stream(),
            State::H2 { incoming, .. } => incoming.is_end_stream(),
            State::Complete | State::Broken(_) => false,
        }
    }

    /// Whether a stream that was reset with `NO_ERROR` before its end counts as complete: hyper reports that
    /// as an end. It is one when all announced bytes are there; and a refusal may be cut off that way because
    /// the peer did not want the rest of the request. RFC 9113 section 8.1.
    fn may_end_without_end(&self) -> bool {
        match self.announced() {
            Some(rest) => rest == 0,
            None => self.status.is_client_error() || self.status.is_server_error(),
        }
    }

    fn complete(&mut self) {
        if let State::H1 {
            connection, slot, ..
        } = std::mem::replace(&mut self.body, State::Complete)
        {
            slot.give_back(connection);
        }
    }

    fn fail(&mut self, error: CallError) -> CallError {
        self.body = State::Broken(error.kind());
        error.seen(true)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("version", &self.version)
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}

const DISCARD_PATIENCE: Duration = Duration::from_secs(1);
