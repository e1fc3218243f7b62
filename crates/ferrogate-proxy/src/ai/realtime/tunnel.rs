//! The frames of a session on their way, in both directions.

use std::io;
use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};
use ferrogate_llm::RealtimeMeter;
use ferrogate_upstream::Upgraded;
use pingora_proxy::Session;
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{sleep_until, timeout, timeout_at};

use super::Fare;
use crate::ai::PIECE;

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The caller closed its side.
    Caller,
    /// The provider closed its side.
    Provider,
    /// The caller's connection broke, or takes nothing.
    CallerBroken,
    /// The provider's connection broke, or takes nothing.
    ProviderBroken,
    /// It lasted as long as it may.
    OutOfTime,
    /// What it used is more than the key may use.
    OutOfBudget,
}

impl Ended {
    /// What the caller is told where the gateway ends the session: a code with its reason. RFC 6455, section 7.4.1.
    fn farewell(self) -> Option<(u16, &'static str)> {
        match self {
            Self::OutOfTime => Some((1001, "the session reached its time limit")),
            Self::OutOfBudget => Some((1008, "the key's budget is used up")),
            Self::ProviderBroken => Some((1011, "the provider's session broke off")),
            Self::Caller | Self::Provider | Self::CallerBroken => None,
        }
    }
}

/// How much is taken at once.
const READ: usize = 16 << 10;
/// How long a caller may take to notice the end.
const LINGER: Duration = Duration::from_secs(2);

/// Passes bytes both ways until one side ends, until `limit`, or until it can pay no more.
pub(super) async fn run(
    session: &mut Session,
    upgraded: Upgraded,
    meter: &mut RealtimeMeter,
    limit: Instant,
    fare: &mut Fare<'_>,
) -> Ended {
    // Silence is part of a conversation; its own limits end it.
    session.set_read_timeout(None);
    let mut torn = false;
    // The limit holds for a side that does not read as well.
    let ended = tokio::select! {
        ended = pump(session, upgraded, meter, &mut torn, fare) => ended,
        () = sleep_until(limit.into()) => Ended::OutOfTime,
    };
    if let Some((code, reason)) = ended.farewell()
        && !torn
        && meter.is_between_frames()
    {
        let told = session.write_response_body(Some(close_frame(code, reason)), false);
        if let Ok(Err(error)) = timeout(LINGER, told).await {
            tracing::trace!(%error, "ending a session");
        }
    }
    if !matches!(ended, Ended::Caller | Ended::CallerBroken) {
        // Closed with bytes of the caller unread, the connection would be reset, and what it was told last be lost: our
        // half ends first, and then the caller's.
        let ending = async {
            session.as_downstream_mut().shutdown().await;
            drained(session).await;
        };
        timeout(LINGER, ending).await.unwrap_or_default();
    }
    session.set_keepalive(None);
    if let Err(error) = session.write_response_body(None, true).await {
        tracing::trace!(%error, "ending a session");
    }
    ended
}

/// Passes bytes both ways until one side ends; `torn` says that the caller may have only a part of what was metered.
///
/// What the provider does not take yet does not keep back what it says; nothing more is read from the caller then.
async fn pump(
    session: &mut Session,
    upgraded: Upgraded,
    meter: &mut RealtimeMeter,
    torn: &mut bool,
    fare: &mut Fare<'_>,
) -> Ended {
    let (mut from, mut to) = tokio::io::split(upgraded);
    let mut said = BytesMut::new();
    // What the provider has not taken yet, and until when it has time.
    let mut waiting = Bytes::new();
    let mut patience: Option<Instant> = None;
    let mut spent = false;
    loop {
        said.reserve(READ);
        let mut room = (&mut said).limit(READ);
        tokio::select! {
            read = from.read_buf(&mut room) => match read {
                Ok(0) => return Ended::Provider,
                Ok(_) => {
                    let piece = said.split().freeze();
                    meter.push(&piece);
                    *torn = true;
                    if session.write_response_body(Some(piece), false).await.is_err() {
                        return Ended::CallerBroken;
                    }
                    *torn = false;
                    spent = spent || !fare.affords(meter).await;
                    // In the midst of a frame nobody could be told why.
                    if spent && (meter.is_between_frames() || meter.is_lost()) {
                        return Ended::OutOfBudget;
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "a provider's session broke off");
                    return Ended::ProviderBroken;
                }
            },
            sent = send(&mut to, &mut waiting, patience), if patience.is_some() => match sent {
                Ok(()) => patience = None,
                Err(error) => {
                    tracing::debug!(%error, "a provider takes no more");
                    return Ended::ProviderBroken;
                }
            },
            heard = session.as_downstream_mut().read_body_or_idle(false), if patience.is_none() => match heard {
                Ok(Some(piece)) => {
                    waiting = piece;
                    patience = Some(Instant::now() + PIECE);
                }
                Ok(None) => return Ended::Caller,
                Err(error) => {
                    tracing::debug!(%error, "a caller's session broke off");
                    return Ended::CallerBroken;
                }
            },
        }
    }
}

/// Sends what waits.
///
/// # Cancel safety
///
/// Safe: what was not sent still waits.
async fn send(
    to: &mut (impl AsyncWrite + Unpin),
    waiting: &mut Bytes,
    patience: Option<Instant>,
) -> io::Result<()> {
    let sending = async {
        while !waiting.is_empty() {
            if to.write_buf(waiting).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        to.flush().await
    };
    match patience {
        Some(until) => timeout_at(until.into(), sending)
            .await
            .unwrap_or(Err(io::ErrorKind::TimedOut.into())),
        None => sending.await,
    }
}

/// Reads until the caller closes its side.
async fn drained(session: &mut Session) {
    while let Ok(Some(_)) = session.as_downstream_mut().read_body_or_idle(false).await {}
}

/// A farewell; of the reason so much as fits. RFC 6455, sections 5.5 and 5.5.1.
fn close_frame(code: u16, reason: &str) -> Bytes {
    let mut payload = BytesMut::with_capacity(125);
    payload.put_u16(code);
    payload.extend(reason.bytes().take(123));
    let length = u8::try_from(payload.len()).unwrap_or_default();
    let mut frame = BytesMut::from(&[0x88, length][..]);
    frame.unsplit(payload);
    frame.freeze()
}
