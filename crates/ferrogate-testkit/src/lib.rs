//! Real processes, fake upstreams and faults for the tests.
//!
//! A test starts the binary with [`Launch`] on ports the system chooses, reads the addresses from its log and waits
//! until it is ready. Upstreams are real listeners: [`FakeOpenAi`] speaks OpenAI's API and misbehaves by a list of
//! [`Fault`]s, a [`FakeFleet`] is many of them behind one listener, [`FakeHttp`] is a plain web server. Requests go out byte for byte through [`Client`], which checks
//! every answer for its id; [`TlsClient`] and [`H2Client`] speak TLS and HTTP/2. Everything has a deadline, everything
//! is gone when it is dropped, and a failed test shows the gateway's log.
//!
//! Refuses: fixed ports, sleeping until something has probably happened, and returning errors. A harness that fails
//! panics, with what it was waiting for.
//!
//! ```no_run
//! use ferrogate_testkit::{Launch, Request};
//!
//! let gateway = Launch::site("target/debug/ferrogate", "respond /hello world").start();
//! assert_eq!(Request::get("/hello").send(gateway.address()).text(), "world");
//! ```
#![expect(
    clippy::missing_panics_doc,
    reason = "panicking is how a harness tells a test that it failed"
)]

mod certificate;
mod client;
mod fake_h2c;
mod fake_http;
mod fake_openai;
mod fake_provider;
mod fake_realtime;
mod gateway;
mod h2_client;
mod head;
mod launch;
mod lines;
mod listening;
mod record;
mod request;
mod response;
mod socket;
mod tls_client;
mod websocket;
mod wire;

pub use certificate::Certificate;
pub use client::Client;
pub use fake_h2c::FakeH2c;
pub use fake_http::FakeHttp;
pub use fake_openai::{FakeFleet, FakeOpenAi, Fault};
pub use fake_provider::{FakeProvider, Reply};
pub use fake_realtime::FakeRealtime;
pub use gateway::{Finished, Gateway};
pub use h2_client::{H2Client, H2Response};
pub use head::Head;
pub use launch::Launch;
pub use listening::ClosedPort;
pub use record::Received;
pub use request::Request;
pub use response::Response;
pub use tls_client::TlsClient;
pub use websocket::WebSocket;

use std::time::Duration;

/// How long anything may take before a test gives it up; a slow machine needs a fraction of it.
pub const PATIENCE: Duration = Duration::from_secs(20);
