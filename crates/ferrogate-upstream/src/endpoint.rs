//! Where calls go: scheme, host, port, base path, TLS options.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use http::header::HeaderValue;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Request, Uri, header};
use rustls_pki_types::ServerName;

use crate::tls::TlsOptions;

/// A place that answers calls. Cheap to clone; equal endpoints share connections.
#[derive(Clone)]
pub struct Endpoint {
    inner: Arc<Inner>,
}

struct Inner {
    scheme: Scheme,
    authority: Authority,
    host: String,
    port: u16,
    base: String,
    origin: String,
    host_header: HeaderValue,
    server_name: ServerName<'static>,
    tls: Arc<TlsOptions>,
}

impl Endpoint {
    /// Reads `https://api.openai.com/v1`: `http` or `https`, a host, maybe a port, maybe a base path.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        let syntax = || EndpointError::Syntax {
            url: url.to_owned(),
        };
        if url.contains('@') {
            // The text is not repeated: it may hold a password.
            return Err(EndpointError::Credentials);
        }
        if url.contains(['?', '#']) {
            return Err(EndpointError::Query);
        }
        let uri: Uri = url.parse().map_err(|_| syntax())?;
        let scheme = uri.scheme().ok_or_else(syntax)?.clone();
        let https = if scheme == Scheme::HTTPS {
            true
        } else if scheme == Scheme::HTTP {
            false
        } else {
            return Err(EndpointError::Scheme {
                scheme: scheme.to_string(),
            });
        };
        let given = uri.authority().ok_or_else(syntax)?;
        let default_port = if https { 443 } else { 80 };
        // `port_u16` is `None` for a port that is not a number as well as for none at all.
        let port = match given.port() {
            Some(port) => port.as_u16(),
            None if given.as_str().len() == given.host().len() => default_port,
            None => return Err(syntax()),
        };
        if port == 0 {
            return Err(syntax());
        }
        let name = given.host().to_ascii_lowercase();
        let host = name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(&name)
            .to_owned();
        let server_name = ServerName::try_from(host.clone()).map_err(|_| syntax())?;
        let written = if port == default_port {
            name
        } else {
            format!("{name}:{port}")
        };
        Ok(Self {
            inner: Arc::new(Inner {
                origin: format!("{scheme}://{written}"),
                authority: written.parse().map_err(|_| syntax())?,
                host_header: HeaderValue::from_str(&written).map_err(|_| syntax())?,
                base: uri.path().trim_end_matches('/').to_owned(),
                tls: Arc::default(),
                scheme,
                host,
                port,
                server_name,
            }),
        })
    }

    /// The same place with other TLS options. Endpoints with different options never share a connection.
    #[must_use]
    pub fn with_tls(self, tls: TlsOptions) -> Self {
        let inner = &*self.inner;
        Self {
            inner: Arc::new(Inner {
                scheme: inner.scheme.clone(),
                authority: inner.authority.clone(),
                host: inner.host.clone(),
                port: inner.port,
                base: inner.base.clone(),
                origin: inner.origin.clone(),
                host_header: inner.host_header.clone(),
                server_name: inner.server_name.clone(),
                tls: Arc::new(tls),
            }),
        }
    }

    /// Scheme, host, and the port unless it is the scheme's own: `https://api.openai.com`.
    pub fn origin(&self) -> &str {
        &self.inner.origin
    }

    /// The host without brackets, in lower case.
    pub fn host(&self) -> &str {
        &self.inner.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.inner.port
    }

    /// Whether calls go through TLS.
    pub fn is_https(&self) -> bool {
        self.inner.scheme == Scheme::HTTPS
    }

    /// The base path followed by `suffix`, with exactly one slash between them.
    pub fn path(&self, suffix: &str) -> String {
        let base = &self.inner.base;
        match suffix.strip_prefix('/') {
            Some(rest) => format!("{base}/{rest}"),
            None if suffix.is_empty() && !base.is_empty() => base.clone(),
            None => format!("{base}/{suffix}"),
        }
    }

    /// The base path without `end`, if it ends so, followed by `suffix`: `https://h/v1/openai` without `/openai`.
    pub fn path_outside(&self, end: &str, suffix: &str) -> String {
        let base = &self.inner.base;
        let root = base.strip_suffix(end).unwrap_or(base);
        format!("{root}/{}", suffix.trim_start_matches('/'))
    }

    pub(crate) fn server_name(&self) -> &ServerName<'static> {
        &self.inner.server_name
    }

    pub(crate) fn tls(&self) -> &Arc<TlsOptions> {
        &self.inner.tls
    }

    /// What a connection is good for: everything but the base path.
    pub(crate) fn target(&self) -> Target {
        Target(self.clone())
    }

    /// Gives a request the form of HTTP/1.1: bare path, `host` header. RFC 9112 section 3.2.1.
    pub(crate) fn dress_h1<B>(&self, request: &mut Request<B>) {
        let path = bare_path(request.uri());
        *request.uri_mut() = Uri::from(path);
        let headers: &mut HeaderMap = request.headers_mut();
        headers.insert(header::HOST, self.inner.host_header.clone());
        *request.version_mut() = http::Version::HTTP_11;
    }

    /// Gives a request the form of HTTP/2: `:scheme` with `:authority`. RFC 9113 section 8.3.1.
    pub(crate) fn dress_h2<B>(&self, request: &mut Request<B>) {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.inner.scheme.clone());
        parts.authority = Some(self.inner.authority.clone());
        parts.path_and_query = Some(bare_path(request.uri()));
        *request.uri_mut() =
            Uri::from_parts(parts).expect("scheme, authority and path together are a URI");
        request.headers_mut().remove(header::HOST);
        *request.version_mut() = http::Version::HTTP_2;
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}{})", self.inner.origin, self.inner.base)
    }
}

/// The key of the pool.
#[derive(Clone, Debug)]
pub(crate) struct Target(Endpoint);

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.inner, &other.0.inner)
            || (self.0.inner.origin == other.0.inner.origin
                && self.0.inner.tls == other.0.inner.tls)
    }
}

impl Eq for Target {}

impl Hash for Target {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The options are left to `eq`: hashing certificates on every call would cost more than the rare
        // collision of one origin with two option sets.
        self.0.inner.origin.hash(state);
    }
}

/// Why a text is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The text is not `http(s)://host[:port][/path]`.
    #[error("`{url}` is not a URL of the form `https://host/path`")]
    Syntax {
        /// The text as given.
        url: String,
    },
    /// Only two schemes are spoken.
    #[error("the scheme `{scheme}` is not `http` or `https`")]
    Scheme {
        /// The scheme as given.
        scheme: String,
    },
    /// A user or password in the URL would end up in logs.
    #[error("an endpoint URL has no user or password")]
    Credentials,
    /// Queries belong to calls.
    #[error("an endpoint URL has no query or fragment")]
    Query,
}

fn bare_path(uri: &Uri) -> PathAndQuery {
    uri.path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_places() {
        for (url, origin, host, port, path) in [
            (
                "https://API.openai.com/v1/",
                "https://api.openai.com",
                "api.openai.com",
                443,
                "/v1/x",
            ),
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080",
                "127.0.0.1",
                8080,
                "/x",
            ),
            (
                "http://[::1]:81/a/b",
                "http://[::1]:81",
                "::1",
                81,
                "/a/b/x",
            ),
            ("https://h:443", "https://h", "h", 443, "/x"),
            (
                "http://my_service:9",
                "http://my_service:9",
                "my_service",
                9,
                "/x",
            ),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(endpoint.origin(), origin);
            assert_eq!((endpoint.host(), endpoint.port()), (host, port));
            assert_eq!(endpoint.path("/x"), path);
            assert_eq!(endpoint.path("x"), path);
        }
    }

    #[test]
    fn what_is_beside_the_root_leaves_its_end_out() {
        for (url, expected) in [
            ("https://h/v1/openai", "/v1/inference/m"),
            ("https://h/openai/", "/inference/m"),
            ("https://h/other", "/other/inference/m"),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            let path = endpoint.path_outside("/openai", "/inference/m");
            assert_eq!(path, expected, "{url}");
        }
    }

    #[test]
    fn refuses_other_texts() {
        for (url, error) in [
            ("", "Syntax"),
            ("api.openai.com", "Syntax"),
            ("/v1", "Syntax"),
            ("https://", "Syntax"),
            ("https://h:99999", "Syntax"),
            ("https://h:0", "Syntax"),
            ("https://a_b c", "Syntax"),
            ("ftp://h", "Scheme"),
            ("https://user:secret@h", "Credentials"),
            ("https://h/?key=secret", "Query"),
        ] {
            let found = Endpoint::parse(url).unwrap_err();
            assert!(format!("{found:?}").starts_with(error), "{url}: {found:?}");
            assert!(!found.to_string().contains("secret"));
        }
    }

    #[test]
    fn options_divide_what_paths_do_not() {
        let plain = Endpoint::parse("https://h/v1").unwrap();
        let other_path = Endpoint::parse("https://h/v2").unwrap();
        let unchecked = plain.clone().with_tls(TlsOptions {
            insecure_skip_verify: true,
            ..TlsOptions::default()
        });
        assert_eq!(plain.target(), other_path.target());
        assert_ne!(plain.target(), unchecked.target());
    }
}
