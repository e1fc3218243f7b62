//! Where a Redis server is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use ferrogate_types::Secret;

use crate::dsn::DsnError;
use crate::dsn::url::{Url, decoded};
use crate::tls::{Check, TlsSettings};

/// `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, or `rediss://` for TLS.
///
/// TLS checks the certificate's chain and name. `ssl_ca_certs=FILE` says whom to trust in place of the system's list,
/// and `ssl_cert_reqs=none` checks nothing: the names of redis-py.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisDsn {
    shown: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: u32,
    pub(crate) tls: Option<TlsSettings>,
}

/// Where Redis listens. Source: IANA, and Redis' own configuration.
const PORT: u16 = 6379;

impl FromStr for RedisDsn {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        let url = Url::parse(text).ok_or(DsnError::NotRedis)?;
        let secure = match url.scheme {
            "redis" => false,
            "rediss" => true,
            _ => return Err(DsnError::NotRedis),
        };
        let (host, port) = place(url.hosts)?;
        let database = match url.path.trim_matches('/') {
            "" => 0,
            number => number.parse().map_err(|_| {
                DsnError::Form(format!("has `{number}` as its database, which is a number"))
            })?,
        };
        let mut tls = secure.then_some(TlsSettings {
            check: Check::ChainAndName,
            roots: None,
            identity: None,
        });
        for (name, value) in &url.parameters {
            let Some(tls) = &mut tls else {
                return Err(if name.starts_with("ssl_") {
                    DsnError::Form(format!("has `{name}`, which takes `rediss://`"))
                } else {
                    DsnError::Parameter(name.clone())
                });
            };
            match (name.as_str(), value.as_str()) {
                ("ssl_ca_certs", file) => tls.roots = Some(PathBuf::from(file)),
                ("ssl_cert_reqs", "required") => tls.check = Check::ChainAndName,
                ("ssl_cert_reqs", "none") => tls.check = Check::Nothing,
                ("ssl_cert_reqs", _) => {
                    return Err(DsnError::Value {
                        name: "ssl_cert_reqs",
                        value: value.clone(),
                        takes: "`required` or `none`",
                    });
                }
                _ => return Err(DsnError::Parameter(name.clone())),
            }
        }
        let user = decoded(url.user, "user")?;
        let password = url
            .password
            .map(|password| decoded(password, "password"))
            .transpose()?;
        Ok(Self {
            shown: url.to_string(),
            host,
            port,
            user: Some(user).filter(|user| !user.is_empty()),
            password: password.map(Secret::literal),
            database,
            tls,
        })
    }
}

fn place(text: &str) -> Result<(String, u16), DsnError> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err(DsnError::Form("names no host".to_owned()));
    }
    let port = match port {
        None => PORT,
        Some(port) => port
            .parse()
            .map_err(|_| DsnError::Form(format!("has `{port}` as its port")))?,
    };
    Ok((host.to_owned(), port))
}

impl fmt::Display for RedisDsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_part() {
        let dsn: RedisDsn = "rediss://app:p%40ss@cache.example.com:6380/3?ssl_ca_certs=/etc/ca.pem"
            .parse()
            .unwrap();
        assert_eq!((dsn.host.as_str(), dsn.port), ("cache.example.com", 6380));
        assert_eq!(dsn.user.as_deref(), Some("app"));
        assert_eq!(dsn.password, Some(Secret::literal("p@ss")));
        assert_eq!(dsn.database, 3);
        let tls = dsn.tls.unwrap();
        assert_eq!(tls.check, Check::ChainAndName);
        assert_eq!(tls.roots, Some(PathBuf::from("/etc/ca.pem")));
    }

    #[test]
    fn fills_in_what_is_usual() {
        let dsn: RedisDsn = "redis://:pass@[::1]".parse().unwrap();
        assert_eq!((dsn.host.as_str(), dsn.port), ("::1", PORT));
        assert_eq!((dsn.user, dsn.database, dsn.tls), (None, 0, None));
        let unchecked: RedisDsn = "rediss://h?ssl_cert_reqs=none".parse().unwrap();
        assert_eq!(unchecked.tls.unwrap().check, Check::Nothing);
    }
}
