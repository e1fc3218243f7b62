//! A connection that has switched to another protocol: bytes both ways until one side ends.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use pingora_proxy::Session;

use super::answer::UpstreamAnswer;
use super::link::Link;

/// Passes bytes both ways until one side closes, or until `limit` is over.
pub(crate) async fn run(session: &mut Session, answer: UpstreamAnswer, limit: Option<Duration>) {
    let Some((mut link, _lease, _permit)) = answer.into_link() else {
        return;
    };
    link.switch();
    // Silence is part of many of these protocols; their own limits end it.
    link.set_read_timeout(None);
    session.set_read_timeout(None);
    let over = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => pending().await,
        }
    };
    // The limit holds for a side that does not read as well.
    tokio::select! {
        () = pump(session, &mut link) => {}
        () = over => {
            session.set_keepalive(None);
            session.as_downstream_mut().shutdown().await;
            return;
        }
    }
    session.set_keepalive(None);
    if let Err(error) = session.write_response_body(None, true).await {
        tracing::trace!(%error, "ending a tunnel");
    }
}

/// Passes bytes both ways until one side ends.
async fn pump(session: &mut Session, link: &mut Link) {
    loop {
        let (receiving, sending) = link.sides();
        if !sending.takes_body() {
            return;
        }
        let event = tokio::select! {
            down = receiving.read_body() => Event::Down(down.ok().flatten()),
            up = session.as_downstream_mut().read_body_or_idle(false) => Event::Up(up.ok().flatten()),
        };
        match event {
            Event::Down(Some(piece)) => {
                let written = session.write_response_body(Some(piece), false).await;
                if written.is_err() {
                    return;
                }
            }
            Event::Up(Some(piece)) => link.send(Some(piece)).await,
            Event::Down(None) | Event::Up(None) => return,
        }
    }
}

enum Event {
    Down(Option<Bytes>),
    Up(Option<Bytes>),
}
