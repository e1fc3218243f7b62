//! Listeners: sockets, connections, and the head of each request, read by ourselves.
//!
//! Pingora's stock listeners read a request's head without a deadline for the whole of it, answer an oversized
//! one with 400, and drop parked connections at a stop; this one feeds the same `HttpProxy` and does not.

mod accept;
mod head;
mod socket;
mod stream;
mod tracker;

pub(crate) use accept::{Acceptor, serve};
pub(crate) use head::HeadLimits;
pub use socket::BindError;
pub(crate) use socket::{BoundSocket, bind};
pub(crate) use tracker::Tracker;
