//! An upstream's answer, read while the rest of the request may still be on its way up.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use ferrogate_edge::Lease;
use ferrogate_types::route::BufferLimit;
use http::HeaderMap;
use pingora_error::{Error, ErrorType};
use pingora_proxy::Session;
use tokio::sync::OwnedSemaphorePermit;

use super::Trouble;
use super::link::Link;
use super::upload::{Upload, client_leaves, join};
use crate::Shared;

/// An answer whose header is there and whose body is still to be read.
///
/// Dropped before it is complete, it stops the work upstream.
pub(crate) struct UpstreamAnswer {
    shared: Arc<Shared>,
    link: Option<Link>,
    upload: Upload,
    /// The upstream counts the request as its own until the answer is over.
    lease: Lease,
    permit: Option<OwnedSemaphorePermit>,
    trailers: Option<HeaderMap>,
    /// What was read ahead.
    ahead: VecDeque<Bytes>,
}

/// What happened while an answer's body was awaited.
pub(crate) enum BodyTrouble {
    /// The client left.
    ClientGone,
    /// The upstream broke off.
    Cut(Box<Error>),
    /// The client's own body is at fault.
    Client(u16, String),
}

impl BodyTrouble {
    /// A file could not be read on.
    pub(crate) fn disk(error: std::io::Error) -> Self {
        Self::Cut(Error::because(
            ErrorType::FileReadError,
            "reading a file",
            error,
        ))
    }
}

impl From<BodyTrouble> for Trouble {
    fn from(trouble: BodyTrouble) -> Self {
        match trouble {
            BodyTrouble::ClientGone => Self::ClientGone,
            BodyTrouble::Cut(error) => Self::fail(502, error.to_string()),
            BodyTrouble::Client(status, message) => Self::fail(status, message),
        }
    }
}

impl UpstreamAnswer {
    pub(super) fn new(
        shared: Arc<Shared>,
        link: Link,
        upload: Upload,
        lease: Lease,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            shared,
            link: Some(link),
            upload,
            lease,
            permit,
            trailers: None,
            ahead: VecDeque::new(),
        }
    }

    /// Whether the connection now speaks another protocol.
    pub(crate) fn is_upgraded(&self) -> bool {
        self.link.as_ref().is_some_and(Link::is_upgraded)
    }

    /// Whether nothing of the client's body is wanted any more.
    pub(crate) fn has_whole_request(&self) -> bool {
        self.upload.is_complete()
    }

    /// Whether there is no body, without waiting for one.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.ahead.is_empty() && self.link.as_mut().is_none_or(Link::is_answer_done)
    }

    /// The next piece of the body; `None` only after a complete one. Meanwhile the request's body goes on up.
    pub(crate) async fn next(
        &mut self,
        session: &mut Session,
    ) -> Result<Option<Bytes>, BodyTrouble> {
        if let Some(piece) = self.ahead.pop_front() {
            return Ok(Some(piece));
        }
        let Some(link) = &mut self.link else {
            return Ok(None);
        };
        loop {
            let (receiving, sending) = link.sides();
            let takes_body = sending.takes_body();
            let event = tokio::select! {
                biased;
                piece = receiving.read_body() => Event::Piece(piece),
                () = sending.flush() => continue,
                step = upward(takes_body, &mut self.upload, session) => Event::Up(step),
            };
            match event {
                Event::Piece(Ok(Some(piece))) => {
                    // The connection may serve another request while the client still takes this answer.
                    if link.is_exchange_done() {
                        self.finish().await;
                    }
                    return Ok(Some(piece));
                }
                Event::Piece(Ok(None)) => break,
                Event::Piece(Err(error)) => return Err(BodyTrouble::Cut(error)),
                Event::Up(Ok(piece)) => link.send(piece).await,
                Event::Up(Err(Trouble::ClientGone)) => return Err(BodyTrouble::ClientGone),
                Event::Up(Err(Trouble::Fail { status, message })) => {
                    return Err(BodyTrouble::Client(status, message));
                }
            }
        }
        self.finish().await;
        Ok(None)
    }

    /// Reads up to so much ahead; the whole body if that is all of it.
    pub(crate) async fn buffer(
        &mut self,
        session: &mut Session,
        limit: BufferLimit,
    ) -> Result<Option<Bytes>, BodyTrouble> {
        let mut length = 0;
        let mut pieces = Vec::new();
        while match limit {
            BufferLimit::Bytes(limit) => length < limit,
            BufferLimit::Unlimited => true,
        } {
            match self.next(session).await? {
                Some(piece) => {
                    length += piece.len() as u64;
                    pieces.push(piece);
                }
                None => return Ok(Some(join(pieces))),
            }
        }
        self.ahead = pieces.into();
        Ok(None)
    }

    /// Whether fields follow the body; known once it is complete.
    pub(crate) fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    /// The fields behind the body, once it is complete.
    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }

    /// The connection and what it occupies, for a tunnel.
    pub(super) fn into_link(mut self) -> Option<(Link, Lease, Option<OwnedSemaphorePermit>)> {
        let link = self.link.take()?;
        Some((link, self.lease, self.permit))
    }

    /// The body is complete: the connection may serve again.
    async fn finish(&mut self) {
        let Some(mut link) = self.link.take() else {
            return;
        };
        match link.read_trailers().await {
            Ok(trailers) => self.trailers = trailers,
            Err(error) => {
                tracing::debug!(%error, "reading trailers");
                return;
            }
        }
        link.give_back(&self.shared.connector).await;
    }
}

enum Event {
    Piece(pingora_error::Result<Option<Bytes>>),
    Up(Result<Option<Bytes>, Trouble>),
}

/// The next thing to send up; waits for the client to leave when there is nothing more.
pub(super) async fn upward(
    takes_body: bool,
    upload: &mut Upload,
    session: &mut Session,
) -> Result<Option<Bytes>, Trouble> {
    if takes_body {
        return upload.next(session).await;
    }
    if upload.is_complete() {
        return Err(client_leaves(session).await);
    }
    // The upstream takes no more for now, and what the client sends must wait with it.
    std::future::pending().await
}
