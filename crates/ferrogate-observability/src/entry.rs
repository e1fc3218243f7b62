//! What the access log says of a request.

mod headers;
mod session;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};

use self::headers::fields;
pub use self::session::TlsSession;
use crate::Level;
use crate::event::{Event, Field, FieldSink, FieldValue, Fields};

/// What the access log says of a request that has ended. Names follow Caddy's access log where it has one.
#[derive(Debug)]
pub struct AccessEntry {
    /// The request's id.
    pub request_id: String,
    /// The TCP peer; `None` on Unix sockets.
    pub remote: Option<SocketAddr>,
    /// The client, as trusted proxies tell it.
    pub client_ip: Option<IpAddr>,
    /// `HTTP/1.1`, `HTTP/2.0`.
    pub proto: &'static str,
    /// The method as received.
    pub method: Method,
    /// The host as received.
    pub host: String,
    /// Path and query as received; credentials in the query are taken out before.
    pub uri: String,
    /// The fields as received; `None` when no log wants them.
    pub headers: Option<HeaderMap>,
    /// The TLS session; `None` in the clear.
    pub tls: Option<TlsSession>,
    /// Fields that carry credentials are told as they are.
    pub credentials: bool,
    /// Bytes of the request's body that were read.
    pub bytes_read: u64,
    /// Who was let in; empty when nobody had to be.
    pub user_id: String,
    /// From the first byte of the request's header to the end.
    pub duration: Duration,
    /// Bytes of the answer's body.
    pub size: u64,
    /// The status; 499 when the client left before one was sent.
    pub status: u16,
    /// The fields of the answer; `None` when there is none, or no log wants them.
    pub response_headers: Option<HeaderMap>,
    /// The UUID, where one was used.
    pub uuid: Option<String>,
    /// The ids of trace and span, where `tracing` ran.
    pub trace: Option<(String, String)>,
    /// The upstream that answered, or was tried last.
    pub upstream: String,
    /// What ended it early, if anything did.
    pub error: Cow<'static, str>,
    /// The model call, if it was one.
    pub call: Option<ModelCall>,
    /// What `log_append` adds.
    pub appended: Vec<(Arc<str>, FieldValue)>,
}

/// What the log says of a model call.
#[derive(Clone, Debug)]
pub struct ModelCall {
    /// `chat`, `embeddings`, …
    pub surface: &'static str,
    /// The key's id; empty without one.
    pub key: String,
    /// The model asked for.
    pub model: String,
    /// The provider that answered, or was tried last.
    pub provider: String,
    /// What it was asked for.
    pub upstream_model: String,
    /// The name of the target that answered; empty without one.
    pub label: String,
    /// Each target in the order of the decisions: why it was chosen and what came of it, or why it was not tried.
    pub attempts: Vec<String>,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Produced tokens.
    pub output_tokens: u64,
    /// Whether the tokens are the gateway's estimate.
    pub estimated: bool,
    /// Cost in US dollars as a decimal; empty when unpriced.
    pub cost: String,
    /// Members of the request that the provider had no place for.
    pub lossy: Vec<String>,
    /// From the request to the first event of a stream.
    pub ttft: Option<Duration>,
}

impl AccessEntry {
    /// As an event at this time: `ERROR` for 5xx, else `INFO`.
    pub fn into_event(self, at: Duration) -> Event {
        Event {
            level: level(self.status),
            at,
            message: Cow::Borrowed(MESSAGE),
            fields: Box::new(self),
        }
    }
}

/// The message of every entry.
const MESSAGE: &str = "handled request";

/// How important an entry with this status is.
pub fn level(status: u16) -> Level {
    if status >= 500 {
        Level::Error
    } else {
        Level::Info
    }
}

impl Fields for AccessEntry {
    fn visit(&self, sink: &mut dyn FieldSink) {
        sink.field("request_id", text(&self.request_id));
        sink.open("request");
        let (ip, port) = match self.remote {
            Some(remote) => (
                remote.ip().to_canonical().to_string(),
                remote.port().to_string(),
            ),
            None => (String::new(), String::new()),
        };
        sink.field("remote_ip", text(&ip));
        sink.field("remote_port", text(&port));
        let client_ip = self.client_ip.map(|ip| ip.to_string()).unwrap_or_default();
        sink.field("client_ip", text(&client_ip));
        sink.field("proto", self.proto.into());
        sink.field("method", text(self.method.as_str()));
        sink.field("host", text(&self.host));
        sink.field("uri", text(&self.uri));
        if let Some(headers) = &self.headers {
            fields("headers", headers, self.credentials, sink);
        }
        if let Some(tls) = &self.tls {
            tls.visit(sink);
        }
        sink.close();
        sink.field("bytes_read", Field::Unsigned(self.bytes_read));
        sink.field("user_id", text(&self.user_id));
        sink.field("duration", Field::Duration(self.duration));
        sink.field("size", Field::Unsigned(self.size));
        sink.field("status", Field::Unsigned(self.status.into()));
        if let Some(headers) = &self.response_headers {
            fields("resp_headers", headers, self.credentials, sink);
        }
        if let Some(uuid) = &self.uuid {
            sink.field("uuid", text(uuid));
        }
        if let Some((trace, span)) = &self.trace {
            sink.field("traceID", text(trace));
            sink.field("spanID", text(span));
        }
        unless_empty("upstream", &self.upstream, sink);
        unless_empty("error", &self.error, sink);
        if let Some(call) = &self.call {
            call.visit(sink);
        }
        for (key, value) in &self.appended {
            sink.field(key, value.as_field());
        }
    }
}

impl ModelCall {
    fn visit(&self, sink: &mut dyn FieldSink) {
        sink.field("surface", self.surface.into());
        unless_empty("key", &self.key, sink);
        sink.field("model", text(&self.model));
        sink.field("provider", text(&self.provider));
        sink.field("upstream_model", text(&self.upstream_model));
        unless_empty("label", &self.label, sink);
        let attempts = self.attempts.iter().map(|attempt| attempt.as_str().into());
        sink.field("attempts", Field::List(attempts.collect()));
        sink.field("stream", Field::Bool(self.stream));
        sink.field("input_tokens", Field::Unsigned(self.input_tokens));
        sink.field("output_tokens", Field::Unsigned(self.output_tokens));
        sink.field("estimated", Field::Bool(self.estimated));
        unless_empty("cost", &self.cost, sink);
        if !self.lossy.is_empty() {
            let lossy = self.lossy.iter().map(|field| field.as_str().into());
            sink.field("lossy", Field::List(lossy.collect()));
        }
        if let Some(ttft) = self.ttft {
            sink.field("ttft", Field::Duration(ttft));
        }
    }
}

fn text(text: &str) -> Field<'_> {
    Field::from(text)
}

fn unless_empty(key: &str, value: &str, sink: &mut dyn FieldSink) {
    if !value.is_empty() {
        sink.field(key, text(value));
    }
}

#[cfg(test)]
mod tests;
