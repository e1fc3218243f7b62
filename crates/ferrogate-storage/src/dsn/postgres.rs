//! Where a PostgreSQL database is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use ferrogate_types::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::dsn::DsnError;
use crate::dsn::url::Url;
use crate::tls::{Check, TlsSettings};

/// A URL as libpq takes it. Source: PostgreSQL documentation, 34.1.1.2 (connection URIs) and 34.19 (SSL support).
///
/// `sslmode` is `disable`, `prefer` (the default), `require`, `verify-ca` or `verify-full`, with libpq's meanings:
/// `require` with an `sslrootcert` is `verify-ca`. Without one, `verify-ca` and `verify-full` trust whom the system
/// trusts. On a Unix socket there is no TLS, whatever the mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresDsn {
    shown: String,
    /// Without the parameters that are read here.
    url: Secret,
    required: bool,
    tls: Option<TlsSettings>,
}

const MODES: &str = "`disable`, `prefer`, `require`, `verify-ca` or `verify-full`";

impl PostgresDsn {
    /// What the client is to do.
    pub(crate) fn config(&self) -> Result<Config, DsnError> {
        let mut config = parse(self.url.expose())?;
        let local = config
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Unix(_)));
        config.ssl_mode(match self.tls {
            None => SslMode::Disable,
            Some(_) if local => SslMode::Disable,
            Some(_) if self.required => SslMode::Require,
            Some(_) => SslMode::Prefer,
        });
        if config.get_application_name().is_none() {
            config.application_name("ferrogate");
        }
        Ok(config)
    }

    /// How to speak TLS, unless it is not to.
    pub(crate) fn tls(&self) -> Option<&TlsSettings> {
        self.tls.as_ref()
    }
}

fn parse(url: &str) -> Result<Config, DsnError> {
    // Its errors name parameters, never what they hold.
    url.parse().map_err(|error: tokio_postgres::Error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        DsnError::Form(format!(
            "is no URL of PostgreSQL: {}",
            cause.unwrap_or_else(|| error.to_string())
        ))
    })
}

impl FromStr for PostgresDsn {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        let url = Url::parse(text).ok_or_else(|| {
            DsnError::Form("must be written `postgres://USER:PASSWORD@HOST/DATABASE`".to_owned())
        })?;
        let mut mode = "prefer".to_owned();
        let (mut roots, mut certificate, mut key) = (None, None, None);
        let mut others = Vec::new();
        for (name, value) in &url.parameters {
            match name.as_str() {
                "sslmode" => mode.clone_from(value),
                "sslrootcert" => roots = Some(value.clone()),
                "sslcert" => certificate = Some(PathBuf::from(value)),
                "sslkey" => key = Some(PathBuf::from(value)),
                "sslcrl"
                | "sslcrldir"
                | "sslpassword"
                | "sslcompression"
                | "sslsni"
                | "ssl_min_protocol_version"
                | "ssl_max_protocol_version"
                | "gssencmode"
                | "krbsrvname"
                | "service"
                | "passfile" => {
                    return Err(DsnError::Parameter(name.clone()));
                }
                _ => others.push(format!(
                    "{}={}",
                    utf8_percent_encode(name, NON_ALPHANUMERIC),
                    utf8_percent_encode(value, NON_ALPHANUMERIC)
                )),
            }
        }
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                return Err(DsnError::Form(
                    "has one of a pair: `sslcert` and `sslkey` go together".to_owned(),
                ));
            }
        };
        let check = match (mode.as_str(), &roots) {
            ("disable", _) => None,
            ("require", None) | ("prefer", _) => Some(Check::Nothing),
            ("require", Some(_)) | ("verify-ca", _) => Some(Check::Chain),
            ("verify-full", _) => Some(Check::ChainAndName),
            _ => {
                return Err(DsnError::Value {
                    name: "sslmode",
                    value: mode,
                    takes: MODES,
                });
            }
        };
        let credentials_end = text.find('?').unwrap_or(text.len());
        let plain = text
            .split_at_checked(credentials_end)
            .map_or(text, |(plain, _)| plain);
        let dsn = Self {
            shown: url.to_string(),
            url: Secret::literal(format!("{plain}?{}", others.join("&"))),
            required: mode != "prefer",
            tls: check.map(|check| TlsSettings {
                check,
                // libpq's word for the system's list.
                roots: roots.filter(|roots| roots != "system").map(PathBuf::from),
                identity,
            }),
        };
        dsn.config()?;
        Ok(dsn)
    }
}

impl fmt::Display for PostgresDsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_modes_as_libpq_does() {
        let tls = |parameters: &str| {
            let dsn: PostgresDsn = format!("postgres://u@h/d{parameters}").parse().unwrap();
            let mode = dsn.config().unwrap().get_ssl_mode();
            (mode, dsn.tls().map(|tls| (tls.check, tls.roots.is_some())))
        };
        for (parameters, expected) in [
            ("", (SslMode::Prefer, Some((Check::Nothing, false)))),
            ("?sslmode=disable", (SslMode::Disable, None)),
            (
                "?sslmode=require",
                (SslMode::Require, Some((Check::Nothing, false))),
            ),
            (
                "?sslmode=require&sslrootcert=ca.pem",
                (SslMode::Require, Some((Check::Chain, true))),
            ),
            (
                "?sslmode=verify-ca&sslrootcert=ca.pem",
                (SslMode::Require, Some((Check::Chain, true))),
            ),
            (
                "?sslrootcert=system&sslmode=verify-full",
                (SslMode::Require, Some((Check::ChainAndName, false))),
            ),
        ] {
            assert_eq!(tls(parameters), expected, "{parameters}");
        }
    }

    #[test]
    fn keeps_what_the_client_reads() {
        let dsn: PostgresDsn =
            "postgres://u:p%40ss@h1,h2:5433/d?sslmode=disable&connect_timeout=3&options=-c%20a%3Db"
                .parse()
                .unwrap();
        let config = dsn.config().unwrap();
        assert_eq!(config.get_password(), Some(b"p@ss".as_slice()));
        assert_eq!(config.get_hosts().len(), 2);
        assert_eq!(config.get_options(), Some("-c a=b"));
        assert_eq!(config.get_application_name(), Some("ferrogate"));
    }

    #[test]
    fn a_socket_has_no_tls() {
        let dsn: PostgresDsn = "postgres://u@%2Frun%2Fpg/d?sslmode=require"
            .parse()
            .unwrap();
        assert_eq!(dsn.config().unwrap().get_ssl_mode(), SslMode::Disable);
    }
}
