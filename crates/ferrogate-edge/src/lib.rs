//! What a site does with a request: matchers, rewrites, header edits, static answers, upstream selection.
//!
//! At load a list of routes is compiled into a [`Program`]: placeholders, patterns, expressions and header
//! values are parsed once, environment variables and files are read once. Per request, [`HostIndex`] finds
//! the site, [`Program::run`] walks its routes and returns a [`Verdict`]; what must outlive the walk (variables,
//! response header edits, the original target) stands in the [`Exchange`]. A verdict to proxy carries a
//! [`ProxyRoute`], which picks upstreams ([`Lease`]) by policy and health and edits headers on both ways.
//! Health and load live in the [`UpstreamRegistry`], which outlives reloads.
//!
//! Refuses: sockets, DNS, TLS, bodies, async, and any server framework. It reads a request through
//! [`RequestHead`], edits headers through [`HeaderFields`], and leaves the sending to its caller. Message framing
//! (`Content-Length`, `Transfer-Encoding`) cannot be edited through it, and no value of a request can put a
//! line break into a header.
//!
//! ```
//! # use std::{io, sync::Arc, time::{Instant, SystemTime}};
//! # use ferrogate_edge::{CompileContext, Connection, Exchange, OwnedHead, Program, UpstreamRegistry, Verdict};
//! # use ferrogate_types::route::{Handler, Origin, Route};
//! let context = CompileContext {
//!     env: &|_| None,
//!     file: &|_| Err(io::ErrorKind::NotFound.into()),
//!     hostname: "edge-1",
//!     now: || SystemTime::UNIX_EPOCH,
//!     shutting_down: Arc::default(),
//!     upstreams: &UpstreamRegistry::default(),
//! };
//! let handler = Handler::Respond { status: None, body: Some("{method} {path}".into()), close: false };
//! let origin = Origin { directive: "respond".into(), place: "Caddyfile:2".into() };
//! let program = Program::compile(&[Route { matcher: None, handler, origin }], &context)?;
//!
//! let mut head = OwnedHead::new(http::Method::GET, "/a%20b");
//! let mut exchange = Exchange::new(Instant::now(), None);
//! let verdict = program.run(&mut head, &Connection::default(), &mut exchange, &|_, _, _| false);
//! assert!(matches!(verdict, Verdict::Respond(answer) if answer.body == "GET /a b"));
//! # Ok::<(), Vec<ferrogate_edge::CompileError>>(())
//! ```

mod address;
mod answer;
mod compile;
mod connection;
mod edit;
mod escape;
mod exchange;
mod forwarded;
mod glob;
mod head;
mod host;
mod hostindex;
mod matcher;
mod path;
mod pattern;
mod placeholder;
mod program;
mod query;
mod rewrite;
#[cfg(test)]
mod testing;
mod text;
mod time;
mod trust;
mod upstream;
mod uri;

pub use address::IpSet;
pub use answer::Answer;
pub use compile::{CompileContext, CompileError};
pub use connection::{Connection, TlsInfo};
pub use exchange::Exchange;
pub use forwarded::{forward_request_headers, strip_response_headers};
pub use head::{HeaderFields, OwnedHead, RequestHead};
pub use hostindex::HostIndex;
pub use placeholder::status_text;
pub use program::{Program, Step, Verdict};
pub use trust::client_ip;
pub use upstream::{Lease, ProxyRoute, UpstreamRegistry, UpstreamState};
