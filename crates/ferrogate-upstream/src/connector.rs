//! Making connections: name, TCP, TLS, protocol.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_rustls::TlsConnector;

use crate::dial::{HEAD_START, dial};
use crate::endpoint::Endpoint;
use crate::error::{CallError, CallErrorKind};
use crate::http1::H1;
use crate::http2::H2;
use crate::pool::{Lent, Slot, Speaks};
use crate::resolver::Resolver;
use crate::tls::TlsConfigs;
use crate::transport::Transport;

/// Makes connections of every kind.
pub(crate) struct Connector {
    resolver: Resolver,
    tls: TlsConfigs,
    max_lifetime: Duration,
}

impl Connector {
    pub(crate) fn new(resolver: Resolver, max_lifetime: Duration) -> Self {
        Self {
            resolver,
            tls: TlsConfigs::default(),
            max_lifetime,
        }
    }

    /// Makes a connection, or waits for the one that is being made. Tells whether it was there already.
    pub(crate) async fn acquire(
        &self,
        endpoint: &Endpoint,
        slot: &Slot,
    ) -> Result<(Lent, bool), CallError> {
        if !endpoint.is_https() || slot.speaks() == Speaks::H1 {
            return Ok((self.connect(endpoint, slot).await?, false));
        }
        // Never closed; without a permit the worst is a connection more.
        let _turn = slot.dialling.acquire().await.ok();
        if let Some(lent) = slot.checkout() {
            return Ok((lent, true));
        }
        Ok((self.connect(endpoint, slot).await?, false))
    }

    /// Makes a connection. One that can be shared goes to the slot as well.
    pub(crate) async fn connect(
        &self,
        endpoint: &Endpoint,
        slot: &Slot,
    ) -> Result<Lent, CallError> {
        let (transport, remote) = self.open(endpoint, None).await?;
        let expires = Instant::now() + self.lifetime();
        if transport.is_h2() {
            let connection = H2::start(transport, remote, expires).await?;
            slot.share(&connection);
            Ok(Lent::H2(connection.occupy()))
        } else {
            slot.learned_h1();
            Ok(Lent::H1(H1::start(transport, remote, expires).await?))
        }
    }

    /// Makes an HTTP/1.1 connection for a single exchange: it is nobody else's, before or after.
    pub(crate) async fn connect_once(&self, endpoint: &Endpoint) -> Result<H1, CallError> {
        let (transport, remote) = self.open(endpoint, Some(b"http/1.1")).await?;
        H1::start(transport, remote, Instant::now()).await
    }

    /// Name, TCP, TLS. Offers the protocol `only` in the handshake, or all there are.
    async fn open(
        &self,
        endpoint: &Endpoint,
        only: Option<&[u8]>,
    ) -> Result<(Transport, SocketAddr), CallError> {
        let addresses = self
            .resolver
            .resolve(endpoint.host(), endpoint.port())
            .await
            .map_err(|error| CallError::because(CallErrorKind::Dns, error))?;
        let (stream, remote) = dial(&addresses, Some(HEAD_START), None)
            .await
            .map_err(|error| CallError::because(CallErrorKind::Connect, error))?;
        let transport = if endpoint.is_https() {
            let mut config = self
                .tls
                .get(endpoint.tls())
                .await
                .map_err(|error| CallError::because(CallErrorKind::Tls, error))?;
            if let Some(protocol) = only {
                Arc::make_mut(&mut config).alpn_protocols = vec![protocol.to_vec()];
            }
            let stream = TlsConnector::from(config)
                .connect(endpoint.server_name().clone(), stream)
                .await
                .map_err(|error| CallError::because(CallErrorKind::Tls, error))?;
            Transport::tls(stream)
        } else {
            Transport::plain(stream)
        };
        Ok((transport, remote))
    }

    /// A draw, so that connections made together do not end together.
    fn lifetime(&self) -> Duration {
        let share = 1.0 - LIFETIME_JITTER * fastrand::f64();
        self.max_lifetime.mul_f64(share)
    }
}

/// The largest share of its lifetime that a connection may lose to the draw.
const LIFETIME_JITTER: f64 = 0.2;
