//! One call to a token server.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ferrogate_types::Secret;
use ferrogate_upstream::{Call, CallError, Client, Endpoint, Timeouts};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::uri::Uri;
use http::{HeaderValue, Method, StatusCode};

use crate::encode::percent;
use crate::error::CredentialError;
use crate::request::OutgoingRequest;
use crate::sigv4::{AwsKeys, SigningScope, sign};

mod reason;

/// One call to a token server: what is sent, and what of it must not come back in an error.
pub(crate) struct TokenCall {
    /// Role and origin, for errors.
    server: String,
    endpoint: Endpoint,
    call: Call,
    secrets: Vec<Secret>,
}

/// An answer of the 2xx kind.
pub(crate) struct TokenAnswer {
    /// Role and origin of the server, for errors.
    pub(crate) server: String,
    pub(crate) body: Bytes,
}

impl TokenCall {
    /// A GET of `url` from the server in the role of `role`, such as `AWS STS`.
    pub(crate) fn get(role: &str, url: &str) -> Result<Self, CredentialError> {
        let invalid = |problem: String| {
            CredentialError::configuration(format!("the address of {role}"), problem)
        };
        let uri: Uri = url
            .parse()
            .map_err(|_| invalid("is not a URL".to_owned()))?;
        let origin = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or_default(),
            uri.authority().map_or("", |authority| authority.as_str()),
        );
        let endpoint =
            Endpoint::parse(&origin).map_err(|error| invalid(format!("fails: {error}")))?;
        let mut call = Call::get(uri.path_and_query().map_or("/", |path| path.as_str()));
        call.headers
            .insert(ACCEPT, HeaderValue::from_static("application/json"));
        call.timeouts = Timeouts {
            connect: Duration::from_secs(5),
            first_byte: Some(Duration::from_secs(20)),
            idle: Some(Duration::from_secs(10)),
        };
        Ok(Self {
            server: format!("{role} (`{}`)", endpoint.origin()),
            endpoint,
            call,
            secrets: Vec::new(),
        })
    }

    /// A PUT without a body.
    pub(crate) fn put(role: &str, url: &str) -> Result<Self, CredentialError> {
        let mut put = Self::get(role, url)?;
        put.call.method = Method::PUT;
        Ok(put)
    }

    /// A POST of a form; `fields` are open, `secrets` are not.
    pub(crate) fn form(
        role: &str,
        url: &str,
        fields: &[(&str, &str)],
        secrets: &[(&str, &Secret)],
    ) -> Result<Self, CredentialError> {
        let open = fields.iter().copied();
        let closed = secrets.iter().map(|(name, value)| (*name, value.expose()));
        let pairs: Vec<String> = open
            .chain(closed)
            .map(|(name, value)| format!("{name}={}", percent(value.as_bytes())))
            .collect();
        let mut post = Self::get(role, url)?;
        post.call.method = Method::POST;
        post.call.body = pairs.join("&").into();
        post.call.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        post.secrets = secrets.iter().map(|(_, value)| (*value).clone()).collect();
        Ok(post)
    }

    /// A POST of a JSON document.
    pub(crate) fn json(
        role: &str,
        url: &str,
        document: &serde_json::Value,
    ) -> Result<Self, CredentialError> {
        let mut post = Self::get(role, url)?;
        post.call.method = Method::POST;
        post.call.body = document.to_string().into();
        post.call
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(post)
    }

    /// The same with a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Result<Self, CredentialError> {
        let (name, value) = HeaderName::try_from(name)
            .ok()
            .zip(HeaderValue::from_str(value).ok())
            .ok_or_else(|| {
                CredentialError::configuration(
                    format!("what is sent to {}", self.server),
                    format!("has a `{name}` that no header can carry"),
                )
            })?;
        self.call.headers.insert(name, value);
        Ok(self)
    }

    /// The same with a header that is a secret, behind a `prefix` that is not.
    pub(crate) fn secret_header(
        mut self,
        name: &'static str,
        prefix: &str,
        value: &Secret,
    ) -> Result<Self, CredentialError> {
        self.secrets.push(value.clone());
        let mut this = self.header(name, &format!("{prefix}{}", value.expose()))?;
        if let Some(value) = this.call.headers.get_mut(name) {
            value.set_sensitive(true);
        }
        Ok(this)
    }

    /// The same, with a secret that is in what is sent and must not come back in an error either.
    pub(crate) fn hiding(mut self, secret: &Secret) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    /// The same for a server on the machine's own link, which answers at once or is not there.
    pub(crate) fn on_link(mut self) -> Self {
        self.call.timeouts.connect = Duration::from_secs(1);
        self.call.timeouts.first_byte = Some(Duration::from_secs(5));
        self
    }

    /// The same, signed with keys of AWS.
    pub(crate) fn signed(
        mut self,
        keys: &AwsKeys,
        scope: &SigningScope<'_>,
    ) -> Result<Self, CredentialError> {
        let origin = self.endpoint.origin();
        let (_, host) = origin.split_once("://").unwrap_or(("", origin));
        let mut request = OutgoingRequest {
            method: &self.call.method,
            host,
            path_and_query: &self.call.path_and_query,
            headers: &mut self.call.headers,
            body: &self.call.body,
        };
        sign(&mut request, keys, scope)?;
        self.secrets.extend(keys.session_token.clone());
        Ok(self)
    }

    /// Sends it. An answer outside of 2xx is an error, a redirect too.
    pub(crate) async fn send(self, client: &Client) -> Result<TokenAnswer, CredentialError> {
        let Self {
            server,
            endpoint,
            mut call,
            secrets,
        } = self;
        // Asking for a token twice does no harm.
        call.replayable = true;
        call.deadline = Some(Instant::now() + PATIENCE);
        match exchange(client, &endpoint, call).await {
            Ok((status, body)) if status.is_success() => Ok(TokenAnswer { server, body }),
            Ok((status, body)) => Err(CredentialError::Refused {
                server,
                status: status.as_u16(),
                reason: reason::read(&body, &secrets),
            }),
            Err(error) => Err(CredentialError::Call {
                server,
                source: error.into(),
            }),
        }
    }
}

async fn exchange(
    client: &Client,
    endpoint: &Endpoint,
    call: Call,
) -> Result<(StatusCode, Bytes), CallError> {
    let answer = client.call(endpoint, call).await?;
    let status = answer.status;
    let body = answer.collect(LIMIT).await?;
    Ok((status, body))
}

impl TokenAnswer {
    /// The body as text.
    pub(crate) fn text(&self) -> Result<&str, CredentialError> {
        std::str::from_utf8(&self.body).map_err(|_| self.unusable("with bytes that are not text"))
    }

    /// The body as JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, CredentialError> {
        crate::json::read(&self.body).map_err(|problem| self.unusable(format!("a body {problem}")))
    }

    /// The error of a server whose answer is no use; `problem` continues "answered".
    pub(crate) fn unusable(&self, problem: impl Into<String>) -> CredentialError {
        CredentialError::Answer {
            server: self.server.clone(),
            problem: problem.into(),
        }
    }
}

/// What a whole call may take, connecting and body included.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tokens have a few kilobytes.
const LIMIT: usize = 256 * 1024;
