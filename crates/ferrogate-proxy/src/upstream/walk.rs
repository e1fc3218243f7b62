//! Connecting to a name with several addresses.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use pingora_core::connectors::l4::Connect;
use pingora_core::protocols::l4::socket::SocketAddr as PeerAddress;
use pingora_core::protocols::l4::stream::Stream;
use pingora_error::{Error, ErrorType, OrErr as _, Result};
use tokio::net::TcpStream;

/// Tries the addresses of one name in order; Pingora itself knows only one.
#[derive(Debug)]
pub(super) struct AddressWalk {
    addresses: Arc<[SocketAddr]>,
}

impl AddressWalk {
    pub(super) fn new(addresses: Arc<[SocketAddr]>) -> Self {
        Self { addresses }
    }
}

#[async_trait]
impl Connect for AddressWalk {
    /// The first address that accepts. The caller bounds the time of the whole walk.
    async fn connect(&self, _first: &PeerAddress) -> Result<Stream> {
        let mut last = None;
        for address in self.addresses.iter() {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream
                        .set_nodelay(true)
                        .or_err(ErrorType::ConnectError, "TCP_NODELAY")?;
                    return Ok(stream.into());
                }
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) => Error::e_because(
                ErrorType::ConnectRefused,
                "every address of the upstream refused",
                error,
            ),
            None => Error::e_explain(ErrorType::ConnectError, "the upstream has no address"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn goes_on_to_the_address_that_accepts() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let closed = {
            let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        let walk = AddressWalk::new([closed, open].into());
        assert!(walk.connect(&PeerAddress::Inet(closed)).await.is_ok());
        let walk = AddressWalk::new([closed].into());
        assert_eq!(
            *walk
                .connect(&PeerAddress::Inet(closed))
                .await
                .unwrap_err()
                .etype(),
            ErrorType::ConnectRefused
        );
    }
}
