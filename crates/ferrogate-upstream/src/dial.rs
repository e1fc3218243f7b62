//! A TCP connection to the first address that accepts one.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

/// Why one address could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("{address} could not be reached")]
pub struct DialError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Walks the addresses, families in turn: the next one starts `head_start` after the last (`None`: never beside it) or
/// when one fails; the first to connect wins and the others are dropped. After RFC 8305, without its sorting by history.
/// Connects from `from` where it is given and of the address's family.
///
/// Reports the last failure when all fail, and `AddrNotAvailable` when there is no address.
///
/// # Cancel safety
///
/// Safe: dropping the future closes what was begun.
pub async fn dial(
    addresses: &[SocketAddr],
    head_start: Option<Duration>,
    from: Option<IpAddr>,
) -> Result<(TcpStream, SocketAddr), DialError> {
    let attempt = |address| attempt(address, from);
    let mut waiting = interleave(addresses).into_iter();
    let mut attempts = FuturesUnordered::new();
    attempts.extend(waiting.next().map(attempt));
    loop {
        let pause = head_start.unwrap_or_default();
        let ended = tokio::select! {
            biased;
            ended = attempts.next() => ended,
            () = sleep(pause), if head_start.is_some() && waiting.len() > 0 => {
                attempts.extend(waiting.next().map(attempt));
                continue;
            }
        };
        match ended {
            Some(Ok(connected)) => return Ok(connected),
            Some(Err(error)) => {
                attempts.extend(waiting.next().map(attempt));
                if attempts.is_empty() {
                    return Err(error);
                }
            }
            None => {
                return Err(DialError {
                    address: SocketAddr::from(([0, 0, 0, 0], 0)),
                    source: io::Error::new(io::ErrorKind::AddrNotAvailable, "no address"),
                });
            }
        }
    }
}

async fn attempt(
    address: SocketAddr,
    from: Option<IpAddr>,
) -> Result<(TcpStream, SocketAddr), DialError> {
    async {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if let Some(from) = from.filter(|from| from.is_ipv4() == address.is_ipv4()) {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok((stream, address))
    }
    .await
    .map_err(|source| DialError { address, source })
}

/// Alternates the families, beginning with that of the first address, which the resolver preferred.
fn interleave(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut one, mut other): (Vec<SocketAddr>, Vec<SocketAddr>) = addresses
        .iter()
        .copied()
        .partition(|address| address.is_ipv6() == first_is_v6);
    one.reverse();
    other.reverse();
    let mut order = Vec::with_capacity(addresses.len());
    while order.len() < addresses.len() {
        order.extend(one.pop());
        order.extend(other.pop());
    }
    order
}

/// What RFC 8305 recommends.
pub(crate) const HEAD_START: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |list: &str| -> Vec<SocketAddr> {
            list.split_whitespace()
                .map(|a| a.parse().unwrap())
                .collect()
        };
        for (given, expected) in [
            ("[::1]:1 [::2]:1 1.1.1.1:1", "[::1]:1 1.1.1.1:1 [::2]:1"),
            ("1.1.1.1:1 1.1.1.2:1 [::1]:1", "1.1.1.1:1 [::1]:1 1.1.1.2:1"),
            ("1.1.1.1:1 1.1.1.2:1", "1.1.1.1:1 1.1.1.2:1"),
            ("", ""),
        ] {
            assert_eq!(interleave(&parse(given)), parse(expected));
        }
    }

    #[tokio::test]
    async fn a_refusal_moves_on_at_once() {
        let refused = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = refused.local_addr().unwrap();
        drop(refused);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = listener.local_addr().unwrap();
        let (_, reached) = dial(&[dead, live], Some(HEAD_START), None).await.unwrap();
        assert_eq!(reached, live);
        assert_eq!(dial(&[dead], None, None).await.unwrap_err().address, dead);
    }

    #[tokio::test]
    async fn silence_moves_on_as_well() {
        let full = TcpSocket::new_v4().unwrap();
        full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let silent = full.local_addr().unwrap();
        let _full = full.listen(1).unwrap();
        // Nobody accepts: once the queue is full, further attempts get no reply.
        let mut queue = JoinSet::new();
        for _ in 0..8 {
            queue.spawn(TcpStream::connect(silent));
        }
        while timeout(HEAD_START, queue.join_next())
            .await
            .is_ok_and(|ended| ended.is_some())
        {}
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = listener.local_addr().unwrap();
        let dialled = timeout(
            20 * HEAD_START,
            dial(&[silent, live], Some(HEAD_START), None),
        )
        .await;
        assert_eq!(dialled.unwrap().unwrap().1, live);
    }
}
