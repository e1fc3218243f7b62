//! The parts of a URL that name a server.

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::dsn::DsnError;

/// `SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/PATH][?PARAMETERS]`, as it was written.
pub(super) struct Url<'a> {
    pub(super) scheme: &'a str,
    /// As written; empty without one.
    pub(super) user: &'a str,
    /// As written.
    pub(super) password: Option<&'a str>,
    /// Host and port, or several of them.
    pub(super) hosts: &'a str,
    /// With its slash; empty without one.
    pub(super) path: &'a str,
    /// Decoded.
    pub(super) parameters: Vec<(String, String)>,
}

impl<'a> Url<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let at = rest.rfind('@').map_or(0, |at| at + 1);
        // A password may have a slash in it that nobody encoded, a host may not.
        let (credentials, place) = rest.split_at_checked(at)?;
        let credentials = credentials.strip_suffix('@').unwrap_or(credentials);
        let slash = place.find('/').unwrap_or(place.len());
        let (hosts, path) = place.split_at_checked(slash)?;
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (credentials, None),
        };
        Some(Self {
            scheme,
            user,
            password,
            hosts,
            path,
            parameters: parameters
                .split('&')
                .filter(|parameter| !parameter.is_empty())
                .map(|parameter| {
                    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                    (decoded_lossy(name), decoded_lossy(value))
                })
                .collect(),
        })
    }
}

/// Without password and parameters.
impl fmt::Display for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.user)?;
        if self.password.is_some() {
            f.write_str(":***")?;
        }
        if self.password.is_some() || !self.user.is_empty() {
            f.write_str("@")?;
        }
        write!(f, "{}{}", self.hosts, self.path)
    }
}

/// What percent-encoding stood for.
pub(super) fn decoded(text: &str, what: &str) -> Result<String, DsnError> {
    percent_decode_str(text)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| DsnError::Form(format!("has a {what} that is not UTF-8")))
}

fn decoded_lossy(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
