//! Where a store is, in one line.

mod postgres;
mod redis;
mod url;
mod variables;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use postgres::PostgresDsn;
pub use redis::RedisDsn;
pub use variables::{StoreVariables, VariableError};

/// Where a store is: `memory`, `sqlite:PATH`, `postgres://...`, `redis://...` or `rediss://...`.
///
/// Shown without passwords and without parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dsn {
    /// In the memory of this process, for as long as that lives.
    Memory,
    /// In a file.
    Sqlite(PathBuf),
    /// On a PostgreSQL server.
    Postgres(Box<PostgresDsn>),
    /// On a Redis server, which can share counters but is no store.
    Redis(Box<RedisDsn>),
}

/// Why a DSN was refused. Carries no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DsnError {
    /// It begins with nothing that is known.
    #[error(
        "is no place for a store (write `memory`, `sqlite:PATH`, `postgres://USER:PASSWORD@HOST/DATABASE` or \
         `redis://HOST`)"
    )]
    Scheme,
    /// `sqlite:` without a path.
    #[error("names no file")]
    NoFile,
    /// Something in it is not of its form.
    #[error("{0}")]
    Form(String),
    /// A parameter nobody knows.
    #[error("has the parameter `{0}`, which is not known here")]
    Parameter(String),
    /// A parameter with a value it does not take.
    #[error("has `{value}` as `{name}`, which takes {takes}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// What it has.
        value: String,
        /// What it takes.
        takes: &'static str,
    },
    /// Certificates that cannot be used.
    #[error("cannot speak TLS: {0}")]
    Tls(String),
    /// Redis, where a store is wanted.
    #[error(
        "is Redis, which shares counters but keeps no state (use `sqlite:PATH` or `postgres://...`)"
    )]
    NotAStore,
    /// A store, where Redis is wanted.
    #[error("is not Redis (write `redis://HOST` or `rediss://HOST`)")]
    NotRedis,
}

impl FromStr for Dsn {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        let text = text.trim();
        if matches!(text, "memory" | ":memory:" | "sqlite::memory:") {
            return Ok(Self::Memory);
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(DsnError::Scheme);
        };
        match scheme {
            "sqlite" => sqlite(rest),
            "postgres" | "postgresql" => Ok(Self::Postgres(Box::new(text.parse()?))),
            "redis" | "rediss" => Ok(Self::Redis(Box::new(text.parse()?))),
            _ => Err(DsnError::Scheme),
        }
    }
}

/// `sqlite:PATH`, `sqlite://PATH` and, with an absolute path, `sqlite:///PATH`.
fn sqlite(rest: &str) -> Result<Dsn, DsnError> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    match path.split_once('?') {
        Some((_, parameters)) => {
            let name = parameters.split(['=', '&']).next().unwrap_or_default();
            Err(DsnError::Parameter(name.to_owned()))
        }
        None if path.is_empty() || path.ends_with('/') => Err(DsnError::NoFile),
        None => Ok(Dsn::Sqlite(path.into())),
    }
}

impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(dsn) => dsn.fmt(f),
            Self::Redis(dsn) => dsn.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_documented() {
        for (text, shown) in [
            ("memory", "memory"),
            (" :memory: ", "memory"),
            ("sqlite:state.db", "sqlite:state.db"),
            ("sqlite://state.db", "sqlite:state.db"),
            ("sqlite:///var/lib/f.db", "sqlite:/var/lib/f.db"),
            (
                "postgres://ferrogate:s3cr3t@db.example.com:5433/state?sslmode=verify-full",
                "postgres://ferrogate:***@db.example.com:5433/state",
            ),
            (
                "postgresql://u@%2Ftmp%2Fpg/x",
                "postgresql://u@%2Ftmp%2Fpg/x",
            ),
            (
                "rediss://:s3cr3t@cache.example.com",
                "rediss://:***@cache.example.com",
            ),
            ("redis://[::1]:6380/2", "redis://[::1]:6380/2"),
        ] {
            let dsn: Dsn = text.parse().unwrap();
            assert_eq!(dsn.to_string(), shown, "{text}");
            assert!(!format!("{dsn:?}").contains("s3cr3t"), "{dsn:?}");
        }
    }

    #[test]
    fn refuses_with_a_reason_and_without_the_password() {
        for (text, reason) in [
            ("", "is no place for a store"),
            ("mysql://u:s3cr3t@h/d", "is no place for a store"),
            ("sqlite:", "names no file"),
            ("sqlite:///var/lib/", "names no file"),
            ("sqlite:f.db?mode=ro", "parameter `mode`"),
            (
                "postgres://u:s3cr3t@h/d?sslmode=allow",
                "`allow` as `sslmode`",
            ),
            ("postgres://u:s3cr3t@h/d?sslcrl=f", "parameter `sslcrl`"),
            ("postgres://u:s3cr3t@h/d?nonsense=1", "nonsense"),
            ("postgres://u:s3cr3t@h:x/d", "port"),
            ("postgres:host=h password=s3cr3t", "`postgres://"),
            (
                "postgres://u:s3cr3t@h/d?sslcert=a.pem",
                "`sslcert` and `sslkey` go together",
            ),
            ("redis://h/x", "`x`"),
            ("redis://h:99999", "port"),
            ("redis://", "names no host"),
            ("redis://:s3cr3t@h?ssl_ca_certs=a.pem", "rediss://"),
            ("rediss://:s3cr3t@h?what=1", "parameter `what`"),
        ] {
            let error = text.parse::<Dsn>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }
}
