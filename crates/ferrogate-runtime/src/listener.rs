//! Listeners: sockets, connections, and the head of each request, read by ourselves.
//!
//! Pingora's stock listeners read a request's head without a deadline for the whole of it, answer an oversized
//! one with 400, and drop parked connections at a stop; this one feeds the same `HttpProxy` and does not.

mod accept;
mod head;
mod proxy_protocol;
mod session;
mod socket;
mod stream;
mod tracker;
mod wire;

pub(crate) use accept::{Acceptor, serve};
pub(crate) use head::HeadLimits;
pub(crate) use proxy_protocol::ProxyProtocol;
pub use socket::BindError;
pub(crate) use socket::{BoundSocket, Inherited, bind, keepalive};
pub(crate) use tracker::Tracker;
