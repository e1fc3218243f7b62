//! From the signal to the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ferrogate_types::format_duration;
use pingora_core::server::{ShutdownSignal, ShutdownSignalWatch};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::listener::Tracker;

/// Waits for SIGTERM or SIGINT and drains before Pingora is told anything.
///
/// Pingora's own stop sleeps for the whole grace period and swallows further signals; this one ends as soon as the
/// last connection has, and a second signal ends it at once.
pub(crate) struct Drain {
    pub(crate) draining: Arc<AtomicBool>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) tracker: Arc<Tracker>,
    /// Becomes true when signals are handled: before that one would end the process without a drain.
    pub(crate) armed: watch::Sender<bool>,
    /// How long to go on serving before the drain, so that a load balancer can notice.
    pub(crate) delay: Duration,
    /// How long requests may take to end; `None` = as long as they need.
    pub(crate) grace: Option<Duration>,
}

#[async_trait]
impl ShutdownSignalWatch for Drain {
    async fn recv(&self) -> ShutdownSignal {
        let (mut terminate, mut interrupt) = (
            listen(SignalKind::terminate()),
            listen(SignalKind::interrupt()),
        );
        self.armed.send_replace(true);
        let name = either(&mut terminate, &mut interrupt).await;
        self.draining.store(true, Ordering::Release);
        let grace = self
            .grace
            .map_or_else(|| "none".to_owned(), format_duration);
        tracing::info!(
            signal = name,
            delay = format_duration(self.delay),
            grace,
            "stopping"
        );
        tokio::select! {
            () = self.drain() => {}
            again = either(&mut terminate, &mut interrupt) => {
                tracing::warn!(signal = again, open = self.tracker.open(), "stopping at once");
            }
        }
        ShutdownSignal::FastShutdown
    }
}

impl Drain {
    async fn drain(&self) {
        tokio::time::sleep(self.delay).await;
        self.stop.send_replace(true);
        let ended = match self.grace {
            None => {
                self.tracker.idle().await;
                true
            }
            Some(grace) => tokio::time::timeout(grace, self.tracker.idle())
                .await
                .is_ok(),
        };
        if ended {
            tracing::info!("every connection has ended");
        } else {
            tracing::warn!(
                open = self.tracker.open(),
                "the grace period is over; connections are cut"
            );
        }
    }
}

fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind)
        .inspect_err(|error| tracing::error!(%error, "a signal cannot be handled"))
        .ok()
}

async fn either(terminate: &mut Option<Signal>, interrupt: &mut Option<Signal>) -> &'static str {
    tokio::select! {
        () = next(terminate) => "SIGTERM",
        () = next(interrupt) => "SIGINT",
    }
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
