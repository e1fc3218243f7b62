//! The dead upstream: takes every connection and every request, and never answers.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, sink};
use tokio::net::TcpListener;

use crate::options::Options;

/// Listens until it is killed; its port stands in the file as soon as it does.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    crate::runtime(options.threads)?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(|error| format!("no port: {error}"))?;
        let port = listener
            .local_addr()
            .map_err(|error| format!("no port: {error}"))?
            .port();
        std::fs::write(&options.port_file, port.to_string())
            .map_err(|error| format!("writing `{}`: {error}", options.port_file.display()))?;
        loop {
            // A connection that breaks while it is accepted is nothing to stop for.
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            tokio::spawn(async move {
                // Until the peer has had enough.
                tokio::io::copy(&mut stream.take(u64::MAX), &mut sink()).await
            });
        }
    })
}
