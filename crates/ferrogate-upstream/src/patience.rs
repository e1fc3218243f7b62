//! How long a phase may take.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::time::{Sleep, timeout_at};

use crate::call::{Call, Timeouts};
use crate::error::{CallError, CallErrorKind};

/// The limits of one call.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    timeouts: Timeouts,
    deadline: Option<Instant>,
}

impl Patience {
    pub(crate) fn of(call: &Call) -> Self {
        Self {
            timeouts: call.timeouts,
            deadline: call.deadline,
        }
    }

    /// For everything until a connection stands, from now.
    pub(crate) fn connecting(self) -> Limit {
        let limit = Some(self.timeouts.connect);
        Limit::nearest(limit, CallErrorKind::ConnectTimeout, self.deadline)
    }

    /// For the answer head, from now.
    pub(crate) fn answering(self) -> Limit {
        let limit = self.timeouts.first_byte;
        Limit::nearest(limit, CallErrorKind::FirstByteTimeout, self.deadline)
    }

    /// For the next piece of the body, from now.
    pub(crate) fn reading(self) -> Limit {
        let limit = self.timeouts.idle;
        Limit::nearest(limit, CallErrorKind::IdleTimeout, self.deadline)
    }

    /// Whether the deadline has passed.
    pub(crate) fn is_over(self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// A moment after which waiting ends, with the error that says whose limit it was.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    at: Option<Instant>,
    kind: CallErrorKind,
}

impl Limit {
    /// The nearer of `phase`, counted from now, and the deadline of the call.
    fn nearest(phase: Option<Duration>, kind: CallErrorKind, deadline: Option<Instant>) -> Self {
        // A phase beyond the range of the clock is no limit.
        let phase_end = phase.and_then(|phase| Instant::now().checked_add(phase));
        match (phase_end, deadline) {
            (Some(end), Some(deadline)) if deadline < end => Self::deadline(deadline),
            (None, Some(deadline)) => Self::deadline(deadline),
            (at, _) => Self { at, kind },
        }
    }

    /// Runs `work` until it is done or the limit is reached.
    ///
    /// Not an `async fn`, which would keep a second place for `work` in every waiting call.
    pub(crate) fn hold<T, E: From<CallError>>(
        self,
        work: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        let at = self.at.unwrap_or_else(|| Instant::now() + FAR_AWAY);
        timeout_at(at.into(), work)
            .map(move |done| done.unwrap_or_else(|_| Err(CallError::new(self.kind).into())))
    }

    /// Which error to report when the limit is reached.
    pub(crate) fn kind(self) -> CallErrorKind {
        self.kind
    }

    fn deadline(at: Instant) -> Self {
        Self {
            at: Some(at),
            kind: CallErrorKind::Deadline,
        }
    }
}

/// A timer for many short waits in a row.
///
/// A stream of a thousand chunks has a thousand idle limits, nearly all of which are never reached. The timer
/// stays where it is while limits move away from it; only when it fires is it set to the current one.
#[derive(Default)]
pub(crate) struct Watchdog {
    timer: Option<Pin<Box<Sleep>>>,
}

impl Watchdog {
    /// Ready once `limit` is reached; otherwise the task is woken no later than that.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, limit: Limit) -> Poll<()> {
        let Some(at) = limit.at.map(tokio::time::Instant::from) else {
            return Poll::Pending;
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if tokio::time::Instant::now() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
    }
}

/// Where there is no limit.
const FAR_AWAY: Duration = Duration::from_hours(24 * 366);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[test]
    fn the_nearer_limit_names_the_error() {
        let now = Instant::now();
        let second = Some(Duration::from_secs(1));
        let idle = CallErrorKind::IdleTimeout;
        for (phase, deadline, expected) in [
            (second, None, idle),
            (second, Some(now), CallErrorKind::Deadline),
            (second, Some(now + Duration::from_mins(1)), idle),
            (
                None,
                Some(now + Duration::from_mins(1)),
                CallErrorKind::Deadline,
            ),
            (None, None, idle),
        ] {
            assert_eq!(Limit::nearest(phase, idle, deadline).kind(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_timer_serves_limits_that_move() {
        let start = tokio::time::Instant::now();
        let limit = |seconds| Limit {
            at: Some((start + Duration::from_secs(seconds)).into_std()),
            kind: CallErrorKind::IdleTimeout,
        };
        let mut watchdog = Watchdog::default();
        for near in [limit(10), limit(60)] {
            let first = poll_fn(|cx| Poll::Ready(watchdog.poll(cx, near))).await;
            assert!(first.is_pending());
        }
        poll_fn(|cx| watchdog.poll(cx, limit(60))).await;
        assert_eq!(start.elapsed().as_secs(), 60);
        poll_fn(|cx| watchdog.poll(cx, limit(61))).await;
        poll_fn(|cx| watchdog.poll(cx, limit(5))).await;
        assert_eq!(start.elapsed().as_secs(), 61);
    }
}
