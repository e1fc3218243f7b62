//! Clients of real servers.

use std::time::Duration;

use ferrogate_storage::{Dsn, Redis, RedisSettings};
use ferrogate_testkit::RedisServer;

/// A client of this server, with names of its own.
pub(crate) fn redis_client(server: &RedisServer, prefix: &str) -> Redis {
    open_redis(&server.dsn(), prefix)
}

/// A client of a server somewhere.
pub(crate) fn open_redis(dsn: &str, prefix: &str) -> Redis {
    let Dsn::Redis(dsn) = dsn.parse().unwrap() else {
        panic!("{dsn} is not Redis");
    };
    // What is measured here is not how fast a busy machine answers.
    let settings = RedisSettings {
        timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(5),
        prefix: prefix.to_owned(),
        ..RedisSettings::default()
    };
    Redis::open(&dsn, settings).unwrap()
}
