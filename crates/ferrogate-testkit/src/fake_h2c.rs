//! A web server that speaks HTTP/2 in the clear and nothing else.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use h2::server::SendResponse;
use http::{Request, Response};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// A web server that speaks HTTP/2 in the clear and tells what it was asked as JSON.
#[derive(Debug)]
pub struct FakeH2c {
    address: SocketAddr,
    /// Everything of the server ends with it.
    _runtime: Runtime,
}

impl FakeH2c {
    /// Starts one on a loopback port.
    pub fn start() -> Self {
        let runtime = crate::h2_client::runtime();
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("a loopback port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(stream: TcpStream) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(exchange) = connection.accept().await {
        let (request, respond) = exchange?;
        tokio::spawn(answer(request, respond));
    }
    Ok(())
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Result<(), h2::Error> {
    let (head, mut stream) = request.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        stream.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    let told = json!({
        "version": format!("{:?}", head.version),
        "method": head.method.as_str(),
        "target": head.uri.path_and_query().map(ToString::to_string),
        "body": String::from_utf8_lossy(&body),
    });
    let mut sender = respond.send_response(Response::new(()), false)?;
    sender.send_data(told.to_string().into(), true)
}
