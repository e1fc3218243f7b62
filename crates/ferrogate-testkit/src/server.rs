//! Real servers, started by the tests and ended with them.

mod certificate;
mod postgres;
mod process;
mod redis;

pub use postgres::Postgres;
pub use redis::RedisServer;

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};

/// Whether a program that some tests need is there. In CI it has to be.
pub(crate) fn is_missing(program: &str, found: bool) -> bool {
    if !found {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "{program} is not installed"
        );
        // Past the capture of outputs, for whoever counts these lines.
        let _written = writeln!(
            std::io::stderr().lock(),
            "skipped: {program} is not installed"
        );
    }
    !found
}

/// A port nobody listens on. Somebody else may take it first: whoever starts on it tries again.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
    let bound = listener.local_addr();
    bound.expect("a bound socket has an address").port()
}
