//! What a site does with a request: matchers, rewrites, header edits, static answers, upstream selection.
//!
//! At load a list of routes is compiled into a [`Program`]: placeholders, patterns, expressions and header
//! values are parsed once, environment variables and files are read once. Per request, [`HostIndex`] finds
//! the site, and [`Program::run`] walks its routes to a [`Verdict`]. A verdict that needs work by the caller (a password to
//! check, a file to serve, an upstream to ask) is no end: the walk goes on from its [`Cursor`], behind the directive, in the
//! routes for an answer, or in those for a failure. What must outlive the walk (variables, the original target, notes for
//! the log, and the layers an answer passes on its way back) stands in the [`Exchange`], whose
//! [`finish_response`](Exchange::finish_response) applies those layers. A verdict to proxy carries a
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
//! # use ferrogate_edge::{CompileContext, Connection, Exchange, FileInfo, FileSystem, OwnedHead, Program, ProgramSource};
//! # use ferrogate_edge::{UpstreamRegistry, Verdict};
//! # use ferrogate_types::route::{Handler, Origin, Route};
//! # #[derive(Debug)]
//! # struct NoFiles;
//! # impl FileSystem for NoFiles {
//! #     fn stat(&self, _: &std::path::Path) -> Option<FileInfo> { None }
//! # }
//! let context = CompileContext {
//!     env: &|_| None,
//!     file: &|_| Err(io::ErrorKind::NotFound.into()),
//!     hostname: "edge-1",
//!     now: || SystemTime::UNIX_EPOCH,
//!     directory: "/",
//!     shutting_down: Arc::default(),
//!     files: Arc::new(NoFiles),
//!     upstreams: &Arc::new(UpstreamRegistry::default()),
//! };
//! let handler = Handler::Respond { status: None, body: Some("{method} {path}".into()), close: false };
//! let origin = Origin { directive: "respond".into(), place: "Caddyfile:2".into() };
//! let routes = [Route { matcher: None, handler, origin }];
//! let program = Program::compile(&ProgramSource { routes: &routes, ..ProgramSource::default() }, &context)?;
//!
//! let mut head = OwnedHead::new(http::Method::GET, "/a%20b");
//! let mut exchange = Exchange::new(Instant::now(), None);
//! let mut cursor = program.start();
//! let verdict = program.run(&mut cursor, &mut head, &Connection::default(), &mut exchange, &|_, _| false);
//! assert!(matches!(verdict, Verdict::Respond(answer) if answer.body == "GET /a b"));
//! # Ok::<(), Vec<ferrogate_edge::CompileError>>(())
//! ```

mod address;
mod answer;
mod auth;
mod compile;
mod connection;
mod edit;
mod escape;
mod exchange;
mod files;
mod forwarded;
mod glob;
mod head;
mod host;
mod hostindex;
mod map;
mod matcher;
mod path;
mod pathindex;
mod pattern;
mod placeholder;
mod program;
mod query;
mod response;
mod rewrite;
#[cfg(test)]
mod testing;
mod text;
mod time;
mod trace;
mod trust;
mod upstream;
mod uri;
mod value;

pub use address::IpSet;
pub use answer::Answer;
pub use auth::BasicAuth;
pub use compile::{CompileContext, CompileError};
pub use connection::{ClientCertificate, Connection, TlsInfo};
pub use exchange::{Exchange, UpstreamNotes};
pub use files::{FileInfo, FileSystem, FilesRoute, FilesSettings};
pub use forwarded::{forward_request_headers, strip_response_headers};
pub use head::{HeaderFields, OwnedHead, RequestHead};
pub use hostindex::HostIndex;
pub use placeholder::status_text;
pub use program::{Cursor, Program, ProgramSource, ResponseRoutes, Serves, Step, Verdict};
pub use response::{Finish, Handled};
pub use trace::Trace;
pub use trust::{TrustedProxies, client_ip};
pub use upstream::{
    Candidate, Candidates, Lease, Lookup, Probe, Probes, ProxyRoute, Question, UpstreamRegistry,
    UpstreamState,
};
pub use value::Scalar;
