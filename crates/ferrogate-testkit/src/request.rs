//! A well-formed request in the making.

use std::net::SocketAddr;

use serde_json::Value;

use crate::{Client, Response};

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    host: String,
    fields: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request with this method.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            host: "localhost".to_owned(),
            fields: Vec::new(),
            body: None,
        }
    }

    /// A `GET`.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A `POST` of JSON.
    pub fn post(target: &str, body: &Value) -> Self {
        Self::new("POST", target)
            .body(body.to_string())
            .header("Content-Type", "application/json")
    }

    /// Sets the host; `localhost` without.
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Adds a field.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Shows a key.
    pub fn bearer(self, key: &str) -> Self {
        self.header("Authorization", &format!("Bearer {key}"))
    }

    /// Sets the body and its length; with a `Transfer-Encoding` field it is sent as it is, chunks and all.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut lines = vec![
            format!("{} {} HTTP/1.1", self.method, self.target),
            format!("Host: {}", self.host),
        ];
        lines.extend(
            self.fields
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        );
        let chunked = |(name, _): &(String, String)| name.eq_ignore_ascii_case("transfer-encoding");
        let whole = !self.fields.iter().any(chunked);
        lines.extend(
            self.body
                .iter()
                .filter(|_| whole)
                .map(|body| format!("Content-Length: {}", body.len())),
        );
        let mut bytes = format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }

    /// Sends it on a connection of its own and reads the answer.
    pub fn send(&self, address: SocketAddr) -> Response {
        self.send_on(&mut Client::connect(address))
    }

    /// Sends it on a connection and reads the answer.
    pub fn send_on(&self, client: &mut Client) -> Response {
        client.send(self.bytes());
        client.response_to(&self.method)
    }

    /// Sends it on a connection of its own, from which the answer can be read piece by piece.
    pub fn open(&self, address: SocketAddr) -> Client {
        let mut client = Client::connect(address);
        client.send(self.bytes());
        client
    }
}
