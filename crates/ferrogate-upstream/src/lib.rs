//! The client for calls to model providers: JSON answers, event streams, HTTP/1.1 and HTTP/2.
//!
//! A [`Call`] for an [`Endpoint`] goes into [`Client::call`]. The pool lends a connection: an idle
//! HTTP/1.1 connection, or a stream on a shared HTTP/2 connection; when there is none, the [`Resolver`]
//! finds the addresses, the dialler walks them, TLS negotiates the protocol. The [`Answer`] hands out the
//! body chunk by chunk, under an idle limit and a deadline, and reads nothing ahead of its reader. A
//! finished answer gives its connection back; a dropped one stops the work upstream at once.
//!
//! An HTTP/1.1 connection has no task of its own: whoever waits for the answer drives it, so that a drop
//! closes the socket on the spot and a chunk costs no hop between tasks. An HTTP/2 connection is shared
//! and therefore has one.
//!
//! A body that comes compressed all the same is decoded on demand ([`Answer::decoded`]).
//!
//! [`Client::upgrade`] asks to go on in another protocol, over a connection of its own, and hands out the bare stream.
//!
//! Refuses: following redirects, asking for compressed bodies, sending a caller's hop-by-hop headers, upgrading unasked, repeating a call whose answer has begun, and reporting a truncated body as a complete one.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ferrogate_upstream::{Call, Client, ClientSettings, Endpoint};
//!
//! let client = Client::new(ClientSettings::default())?;
//! let endpoint = Endpoint::parse("https://api.openai.com/v1")?;
//! let call = Call::post(endpoint.path("/chat/completions"), r#"{"model":"m"}"#);
//! let mut answer = client.call(&endpoint, call).await?;
//! while let Some(chunk) = answer.chunk().await? {
//!     drop(chunk);
//! }
//! # Ok(()) }
//! ```

mod answer;
mod call;
mod client;
mod coding;
mod connector;
mod dial;
mod dns;
mod endpoint;
mod error;
mod http1;
mod http2;
mod patience;
mod pool;
mod resolver;
mod tls;
mod transport;
mod upgrade;

pub use answer::Answer;
pub use call::{Call, Timeouts};
pub use client::{Client, ClientSettings, SettingsError};
pub use dial::{DialError, dial};
pub use dns::{Dns, DnsError, Service};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{CallError, CallErrorKind};
pub use resolver::{Lookup, ResolveError, Resolver};
pub use tls::{ClientIdentity, TlsOptions, TlsOptionsError};
pub use upgrade::{Switch, Upgraded};
