//! A connection to Redis.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::dsn::RedisDsn;
use crate::error::StoreError;
use crate::redis::reply::{Reply, take_reply, write_command};

/// A connection on which one command at a time is answered.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    read: BytesMut,
}

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

impl Connection {
    pub(super) async fn open(
        dsn: &RedisDsn,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<Self, StoreError> {
        let stream = connect(dsn, tls).await.map_err(|error| failed(&error))?;
        let mut connection = Self {
            stream,
            read: BytesMut::new(),
        };
        if let Some(password) = &dsn.password {
            let user = dsn.user.as_deref().unwrap_or("default");
            let arguments = [b"AUTH", user.as_bytes(), password.expose().as_bytes()];
            // Redis before version 6 knows no users, and takes the password alone.
            let arguments: &[&[u8]] = match dsn.user {
                Some(_) => &arguments,
                None => &[b"AUTH", password.expose().as_bytes()],
            };
            connection.expect_ok(arguments).await?;
        }
        if dsn.database != 0 {
            let database = dsn.database.to_string();
            connection
                .expect_ok(&[b"SELECT", database.as_bytes()])
                .await?;
        }
        Ok(connection)
    }

    async fn expect_ok(&mut self, arguments: &[&[u8]]) -> Result<(), StoreError> {
        match self.command(arguments).await? {
            Reply::Error(error) => Err(refused(&error)),
            _ => Ok(()),
        }
    }

    /// Sends a command and reads its answer.
    ///
    /// Not cancel safe: the connection of a command that was dropped is of no more use.
    pub(super) async fn command(&mut self, arguments: &[&[u8]]) -> Result<Reply, StoreError> {
        let mut out = BytesMut::new();
        write_command(&mut out, arguments);
        let exchange = async {
            self.stream.write_all(&out).await?;
            self.stream.flush().await?;
            loop {
                let reply = take_reply(&mut self.read)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                if let Some(reply) = reply {
                    return Ok(reply);
                }
                if self.stream.read_buf(&mut self.read).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        };
        exchange.await.map_err(|error: io::Error| failed(&error))
    }
}

async fn connect(dsn: &RedisDsn, tls: Option<&Arc<ClientConfig>>) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect((dsn.host.as_str(), dsn.port)).await?;
    stream.set_nodelay(true)?;
    let Some(tls) = tls else {
        return Ok(Box::new(stream));
    };
    let name = ServerName::try_from(dsn.host.clone())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let connector = TlsConnector::from(Arc::clone(tls));
    Ok(Box::new(connector.connect(name, stream).await?))
}

fn failed(error: &io::Error) -> StoreError {
    StoreError::Unavailable(match error.kind() {
        io::ErrorKind::UnexpectedEof => "Redis closed the connection".to_owned(),
        _ => error.to_string(),
    })
}

/// What an error of Redis means, by its first word.
pub(super) fn refused(error: &str) -> StoreError {
    let text = error.to_owned();
    match error.split(' ').next() {
        Some("OOM" | "MISCONF") => StoreError::Full(text),
        Some("BUSY" | "TRYAGAIN") => StoreError::Busy(text),
        Some(
            "NOAUTH" | "WRONGPASS" | "NOPERM" | "LOADING" | "READONLY" | "MASTERDOWN"
            | "CLUSTERDOWN" | "NOREPLICAS",
        ) => StoreError::Unavailable(text),
        // A server without a password does not take one.
        _ if error.starts_with("ERR AUTH") || error.contains("max number of clients") => {
            StoreError::Unavailable(text)
        }
        _ => StoreError::Refused(text),
    }
}
