//! The client against real listeners.

#![expect(
    clippy::unwrap_used,
    reason = "a script that fails has to fail its test"
)]

mod cancel;
mod faults;
mod http2;
mod reuse;
mod support;
mod tls;
mod upgrade;
