//! A connection to an upstream for one exchange, whatever its protocol.

use std::future::{pending, poll_fn};
use std::time::Duration;

use bytes::Bytes;
use h2::SendStream;
use http::HeaderMap;
use pingora_core::connectors::http::Connector;
use pingora_core::protocols::http::client::HttpSession;
use pingora_core::upstreams::peer::{HttpPeer, Peer as _};
use pingora_error::{Error, ErrorSource, ErrorType, OrErr as _, Result};
use pingora_http::{RequestHeader, ResponseHeader};

use super::head;

/// A connection to an upstream. Dropped before its answer is complete, it closes (HTTP/1.1) or resets its stream (HTTP/2).
pub(super) struct Link {
    receiving: Receiving,
    sending: Sending,
    peer: Box<HttpPeer>,
    reused: bool,
}

/// The answer's side of an exchange; over HTTP/1.1 the request goes the same way.
pub(super) struct Receiving {
    session: HttpSession<()>,
}

/// The request's side of an exchange.
pub(super) struct Sending {
    /// The sending half of an HTTP/2 stream.
    stream: Option<SendStream<Bytes>>,
    /// A piece that waits for the upstream's window.
    waiting: Bytes,
    /// The last piece is on its way.
    ended: bool,
    /// The upstream has said that it takes no more of the body.
    deaf: bool,
    /// Between two pieces.
    patience: Option<Duration>,
}

impl Link {
    /// Connects, or takes a connection that is idle.
    pub(super) async fn open(connector: &Connector, peer: Box<HttpPeer>) -> Result<Self> {
        let (session, reused) = connector.get_http_session(&*peer).await?;
        let sending = Sending {
            stream: None,
            waiting: Bytes::new(),
            ended: false,
            deaf: false,
            patience: peer.options.write_timeout,
        };
        Ok(Self {
            receiving: Receiving { session },
            sending,
            peer,
            reused,
        })
    }

    /// Sends what waits, and the end of the body behind it.
    pub(super) async fn finish(&mut self) {
        while !self.sending.ended && !self.sending.waiting.is_empty() {
            self.sending.flush().await;
        }
        if !self.sending.ended {
            self.send(None).await;
        }
    }

    /// Both sides, to be waited for at the same time.
    pub(super) fn sides(&mut self) -> (&mut Receiving, &mut Sending) {
        (&mut self.receiving, &mut self.sending)
    }

    /// Whether the connection had served before.
    pub(super) fn is_reused(&self) -> bool {
        self.reused
    }

    /// Sends the request's header; `bodiless` says that nothing follows.
    pub(super) async fn send_header(
        &mut self,
        mut header: RequestHeader,
        bodiless: bool,
    ) -> Result<()> {
        let session = &mut self.receiving.session;
        session.set_read_timeout(self.peer.options.read_timeout);
        session.set_write_timeout(self.peer.options.write_timeout);
        match session {
            HttpSession::H1(h1) => {
                head::in_http1(&mut header)?;
                h1.write_request_header(Box::new(header)).await?;
                if bodiless {
                    h1.finish_body().await?;
                }
            }
            HttpSession::H2(h2) => {
                head::in_http2(&mut header, &self.peer)?;
                h2.write_request_header(Box::new(header), bodiless)?;
                if !bodiless {
                    self.sending.stream = h2.take_request_body_writer();
                }
            }
            HttpSession::Custom(()) => return Err(unknown_protocol()),
        }
        self.sending.ended = bodiless;
        Ok(())
    }

    /// Sends a piece of the body, or its end. Over HTTP/2 a piece waits for the window: [`Sending::flush`] sends it.
    ///
    /// An upstream that no longer listens may still answer, so a failure to write only ends the sending.
    pub(super) async fn send(&mut self, piece: Option<Bytes>) {
        let result = match (&mut self.receiving.session, piece) {
            (HttpSession::H1(h1), Some(piece)) if !piece.is_empty() => {
                h1.write_body(&piece).await.map(drop)
            }
            (HttpSession::H1(h1), None) => {
                self.sending.ended = true;
                h1.finish_body().await.map(drop)
            }
            (_, Some(piece)) => {
                self.sending.waiting = piece;
                Ok(())
            }
            (_, None) => {
                self.sending.ended = true;
                match &mut self.sending.stream {
                    Some(stream) => stream
                        .send_data(Bytes::new(), true)
                        .or_err(ErrorType::WriteError, "ending the body"),
                    None => Ok(()),
                }
            }
        };
        if let Err(error) = result {
            self.sending.stop(&error);
        }
    }

    /// From now on reads wait so long.
    pub(super) fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.receiving.session.set_read_timeout(timeout);
    }

    /// Whether the answer has no more body, without reading.
    pub(super) fn is_answer_done(&mut self) -> bool {
        self.receiving.session.response_done()
    }

    /// Whether the whole request was sent and the whole answer read.
    pub(super) fn is_exchange_done(&mut self) -> bool {
        self.sending.ended && self.sending.waiting.is_empty() && self.is_answer_done()
    }

    /// The fields behind the body; HTTP/2 only.
    pub(super) async fn read_trailers(&mut self) -> Result<Option<HeaderMap>> {
        match &mut self.receiving.session {
            HttpSession::H2(h2) => h2.read_trailers().await,
            _ => Ok(None),
        }
    }

    /// Whether the upstream has switched to another protocol.
    pub(super) fn is_upgraded(&self) -> bool {
        match &self.receiving.session {
            HttpSession::H1(h1) => h1.was_upgraded(),
            _ => false,
        }
    }

    /// Makes what is sent from now on raw bytes of the new protocol.
    pub(super) fn switch(&mut self) {
        if let HttpSession::H1(h1) = &mut self.receiving.session {
            h1.maybe_upgrade_body_writer();
        }
        self.sending.ended = false;
    }

    /// Gives the connection back for the next exchange, if this one is complete.
    pub(super) async fn give_back(mut self, connector: &Connector) {
        // Nobody must read a next answer behind a request that was not sent whole.
        let Sending {
            ended,
            deaf,
            waiting,
            ..
        } = &self.sending;
        let whole = *ended && !deaf && waiting.is_empty();
        if let HttpSession::H1(h1) = &mut self.receiving.session {
            if !whole {
                return;
            }
            h1.respect_keepalive();
        }
        let idle = self.peer.idle_timeout();
        if idle.is_some_and(|idle| idle.is_zero()) {
            return;
        }
        connector
            .release_http_session(self.receiving.session, &*self.peer, idle)
            .await;
    }
}

impl Receiving {
    /// Waits for the answer's next header: interim ones come one by one over HTTP/1.1.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(super) async fn read_header(&mut self) -> Result<ResponseHeader> {
        self.session.read_response_header().await?;
        let header = self.session.response_header();
        let header = header.ok_or_else(|| {
            Error::explain(ErrorType::InvalidHTTPHeader, "the answer has no header")
        })?;
        Ok(header.clone())
    }

    /// The next piece of the answer's body; `None` only after a complete one.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(super) async fn read_body(&mut self) -> Result<Option<Bytes>> {
        loop {
            if matches!(self.session, HttpSession::H1(_)) && self.session.response_done() {
                return Ok(None);
            }
            match self.session.read_response_body().await? {
                // An empty piece would end a chunked answer downstream.
                Some(piece) if piece.is_empty() => {}
                Some(piece) => return Ok(Some(piece)),
                None => {
                    if let HttpSession::H2(h2) = &mut self.session {
                        h2.check_response_end_or_error()?;
                    }
                    return Ok(None);
                }
            }
        }
    }
}

impl Sending {
    /// Whether another piece of the body may be given to [`Link::send`].
    pub(super) fn takes_body(&self) -> bool {
        !self.ended && self.waiting.is_empty()
    }

    /// Sends what waits for the upstream's window, as far as it goes. Waits for ever when nothing waits.
    ///
    /// # Cancel safety
    ///
    /// Safe: what was not sent still waits.
    pub(super) async fn flush(&mut self) {
        let Self {
            stream: Some(stream),
            waiting,
            patience,
            ..
        } = self
        else {
            return pending().await;
        };
        if waiting.is_empty() {
            return pending().await;
        }
        stream.reserve_capacity(waiting.len());
        let capacity = poll_fn(|cx| stream.poll_capacity(cx));
        let capacity = match patience {
            Some(limit) => tokio::time::timeout(*limit, capacity)
                .await
                .unwrap_or_default(),
            None => capacity.await,
        };
        let sent = match capacity {
            Some(Ok(capacity)) => {
                let part = waiting.split_to(capacity.min(waiting.len()));
                stream
                    .send_data(part, false)
                    .or_err(ErrorType::WriteError, "sending the body")
            }
            _ => Error::e_explain(ErrorType::WriteError, "the upstream takes no more"),
        };
        if let Err(error) = sent {
            self.stop(&error);
        }
    }

    fn stop(&mut self, error: &Error) {
        tracing::debug!(%error, "the upstream takes no more of the body");
        self.ended = true;
        self.deaf = true;
        self.waiting = Bytes::new();
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        // Unfinished, the stream ends here, and the upstream is told that nobody wants it any more.
        if let Some(stream) = self.stream.as_mut().filter(|_| !self.ended) {
            stream.send_reset(h2::Reason::CANCEL);
        }
    }
}

fn unknown_protocol() -> Box<Error> {
    let mut error = Error::explain(ErrorType::InternalError, "an unknown protocol");
    error.esource = ErrorSource::Internal;
    error
}
