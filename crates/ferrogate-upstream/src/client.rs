//! The client: a call goes in, an answer comes out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Request, StatusCode};
use http_body_util::Full;

use crate::answer::Answer;
use crate::call::Call;
use crate::connector::Connector;
use crate::endpoint::Endpoint;
use crate::error::{CallError, CallErrorKind};
use crate::http1::Failed;
use crate::patience::Patience;
use crate::pool::{Lent, Pool, Rules, Slot};
use crate::resolver::Resolver;
use crate::upgrade::{Switch, Upgraded};

/// Settings of a [`Client`].
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// How long an unused connection is kept.
    pub pool_idle: Duration,
    /// Idle HTTP/1.1 connections kept per endpoint; the oldest go first. Zero keeps none.
    pub pool_max_idle_per_endpoint: usize,
    /// How long a connection takes new calls. Each gets between 80 and 100 percent of it, so that those
    /// made together do not end together.
    pub max_lifetime: Duration,
    /// Where names become addresses.
    pub resolver: Resolver,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            pool_idle: Duration::from_secs(90),
            pool_max_idle_per_endpoint: 1024,
            max_lifetime: Duration::from_mins(10),
            resolver: Resolver::default(),
        }
    }
}

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A connection that may not live cannot carry a call.
    #[error("`{field}` is {value:?}, which is not between a millisecond and a year")]
    Duration {
        /// The name of the setting.
        field: &'static str,
        /// Its value.
        value: Duration,
    },
}

/// The upstream client. Cheap to clone; clones share connections.
///
/// It may be used on several runtimes at once. An HTTP/2 connection lives on the runtime whose call made it,
/// and a call on another runtime makes a new one when that runtime is gone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    connector: Connector,
}

impl Client {
    /// A client without connections. Makes no system call; needs no runtime.
    pub fn new(settings: ClientSettings) -> Result<Self, SettingsError> {
        for (field, value) in [
            ("pool_idle", settings.pool_idle),
            ("max_lifetime", settings.max_lifetime),
        ] {
            if value < Duration::from_millis(1) || value > Duration::from_hours(24 * 366) {
                return Err(SettingsError::Duration { field, value });
            }
        }
        Ok(Self {
            inner: Arc::new(Inner {
                pool: Pool::new(Rules {
                    idle: settings.pool_idle,
                    max_idle: settings.pool_max_idle_per_endpoint,
                }),
                connector: Connector::new(settings.resolver, settings.max_lifetime),
            }),
        })
    }

    /// Sends `call` and waits for the head of the answer.
    ///
    /// A reused connection that turns out to be dead costs one repetition on a fresh one, provided that no
    /// byte of an answer was seen, and that the call is replayable or was not sent. Nothing else is repeated.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call upstream: the HTTP/1.1 connection closes, the HTTP/2 stream is
    /// reset.
    pub async fn call(&self, endpoint: &Endpoint, call: Call) -> Result<Answer, CallError> {
        self.inner.pool.tidy();
        let slot = self.inner.pool.slot(endpoint.target());
        let patience = Patience::of(&call);
        let replayable = call.replayable;
        if patience.is_over() {
            return Err(CallError::new(CallErrorKind::Deadline));
        }
        let request = call.into_request()?;

        let (lent, reused) = if let Some(lent) = slot.checkout() {
            (lent, true)
        } else {
            // Boxed, like the repetition below: rare, and large enough to weigh on every call that waits.
            let connecting = self.inner.connector.acquire(endpoint, &slot);
            Box::pin(patience.connecting().hold(connecting)).await?
        };
        // A copy only where it can be of use: an HTTP/1.1 connection gives unsent requests back itself.
        let copy = (reused && (replayable || matches!(lent, Lent::H2(_)))).then(|| request.clone());
        let failed = match exchange(endpoint, &slot, lent, request, patience).await {
            Ok(answer) => return Ok(answer),
            Err(failed) => failed,
        };
        let stale = reused
            && matches!(
                failed.error.kind(),
                CallErrorKind::Reset { answered: false }
            )
            && !failed.error.bytes_seen();
        let copy = copy.filter(|_| replayable || failed.refused);
        let Some(again) = failed.unsent.or(copy).filter(|_| stale) else {
            return Err(failed.error);
        };
        tracing::debug!(
            origin = endpoint.origin(),
            "a reused connection was dead, the call is repeated"
        );
        let repetition = async {
            let connecting = self.inner.connector.connect(endpoint, &slot);
            let lent = patience.connecting().hold(connecting).await?;
            exchange(endpoint, &slot, lent, again, patience).await
        };
        Box::pin(repetition)
            .await
            .map_err(|failed: Failed| failed.error)
    }

    /// Sends `call` over an HTTP/1.1 connection of its own and asks to go on in `protocol`, such as `websocket`.
    ///
    /// The fields that ask for it are set here; those of the protocol itself, `Sec-WebSocket-Key` and its like, are the
    /// caller's, and so is checking what the upstream says to them. The limits of `call` hold until the head of the
    /// answer; what follows an upgrade has the limits its reader gives it. Nothing is repeated, and the connection
    /// serves no other call.
    ///
    /// # Errors
    ///
    /// Those of [`Client::call`]; an upgrade to another protocol than `protocol` is a `Protocol` error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn upgrade(
        &self,
        endpoint: &Endpoint,
        call: Call,
        protocol: &'static str,
    ) -> Result<Switch, CallError> {
        let patience = Patience::of(&call);
        if patience.is_over() {
            return Err(CallError::new(CallErrorKind::Deadline));
        }
        let mut request = call.into_request()?;
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(protocol));
        endpoint.dress_h1(&mut request);
        let connecting = self.inner.connector.connect_once(endpoint);
        let mut connection = Box::pin(patience.connecting().hold(connecting)).await?;
        let exchange = connection.exchange_upgrade(request);
        let response = match patience.answering().hold(exchange).await {
            Ok(response) => response,
            Err(failed) => return Err(failed.error.seen(connection.has_seen_bytes())),
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Upgraded::over(response, connection, protocol)
                .await
                .map(Switch::Upgraded);
        }
        let slot = self.inner.pool.slot(endpoint.target());
        let answer = Answer::over_h1(response, connection, slot, patience);
        Ok(Switch::Refused(Box::new(answer)))
    }

    /// Closes connections that are too old or were closed by their peers. Traffic does it along the way; a
    /// timer of the owner may do it for a client that nobody uses.
    pub fn sweep(&self) {
        self.inner.pool.sweep();
    }

    /// Connections that wait for calls or are shared by calls, for a gauge.
    pub fn pooled(&self) -> usize {
        self.inner.pool.len()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("pooled", &self.pooled())
            .finish_non_exhaustive()
    }
}

/// Sends the request over a connection and waits for the head of the answer.
async fn exchange(
    endpoint: &Endpoint,
    slot: &Arc<Slot>,
    lent: Lent,
    mut request: Request<Full<Bytes>>,
    patience: Patience,
) -> Result<Answer, Failed> {
    let limit = patience.answering();
    let answer = match lent {
        Lent::H1(mut connection) => {
            endpoint.dress_h1(&mut request);
            let response = match limit.hold(connection.exchange(request)).await {
                Ok(response) => response,
                Err(mut failed) => {
                    failed.error = failed.error.seen(connection.has_seen_bytes());
                    return Err(failed);
                }
            };
            Answer::over_h1(response, connection, Arc::clone(slot), patience)
        }
        Lent::H2(place) => {
            endpoint.dress_h2(&mut request);
            let response = limit.hold(place.exchange(request)).await?;
            Answer::over_h2(response, place, patience)
        }
    };
    if answer.status == StatusCode::SWITCHING_PROTOCOLS {
        let cause = "the upstream switches protocols, which nobody asked for";
        return Err(CallError::because(CallErrorKind::Protocol, cause)
            .seen(true)
            .into());
    }
    Ok(answer)
}
