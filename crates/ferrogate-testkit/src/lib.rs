//! Real processes, fake upstreams and faults for the tests.
//!
//! A test starts the binary with [`Launch`] on ports the system chooses, reads the addresses from its log and waits
//! until it is ready. Upstreams are real listeners: [`FakeOpenAi`] speaks OpenAI's API and misbehaves by a list of
//! [`Fault`]s, a [`FakeFleet`] is many of them behind one listener, [`FakeHttp`] is a plain web server. [`Postgres`] and
//! [`RedisServer`] are the real ones, where they are installed. Requests go out byte for byte through [`Client`], which
//! checks every answer for its id; [`TlsClient`] and [`H2Client`] speak TLS and HTTP/2, and an [`Operator`] asks the
//! admin API. Everything has a deadline, everything is gone when it is dropped, and a failed test shows the gateway's
//! log.
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
mod operator;
mod record;
mod request;
mod response;
mod server;
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
pub use operator::Operator;
pub use record::Received;
pub use request::Request;
pub use response::Response;
pub use server::{Postgres, RedisServer};
pub use tls_client::TlsClient;
pub use websocket::WebSocket;

use std::time::{Duration, Instant};

/// How long anything may take before a test gives it up; a slow machine needs a fraction of it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Looks again and again until there is something to see; fails the test, with what was waited for, when that takes too
/// long.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's thread has nothing else to do"
)]
pub fn until<T>(awaited: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain for {awaited}");
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

/// So that looking does not take the time of what is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
