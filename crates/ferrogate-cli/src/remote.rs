//! The admin API of a running gateway, called from here.
//!
//! An [`Ask`] goes out with the credential, a [`Reply`] comes back as JSON, and everything that is not one is a
//! [`Failure`] that says what to do next. Refuses: following redirects, which could carry the credential elsewhere, and
//! handing on an answer that has the credential in it.

mod follow;
mod refusal;

use std::time::Duration;

use ferrogate_upstream::{Answer, Call, Client, ClientSettings, Endpoint, Timeouts};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::args::GatewayOptions;
use crate::console::Failure;

pub(crate) use follow::Event;
pub(crate) use refusal::plain;

/// Where a gateway's admin listener usually is.
const USUAL: &str = "http://127.0.0.1:2019";
/// Where the admin API stands below the URL.
const PREFIX: &str = "/admin/v1/";
/// How long an answer may take to begin, and to go on.
const PATIENCE: Duration = Duration::from_secs(15);
/// More than the longest list, or the largest configuration with its diagnostics.
const MOST: usize = 64 << 20;
/// A credential shorter than this is found in many an answer by chance.
const TELLING: usize = 8;

/// A gateway that runs somewhere.
pub(crate) struct Remote {
    endpoint: Endpoint,
    key: Option<String>,
    client: Client,
    runtime: Runtime,
}

/// What is asked of it.
#[derive(Clone)]
pub(crate) struct Ask {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// What it answered.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// The body, with its `ETag` as the member `etag`; null where there is none.
    pub(crate) value: Value,
}

impl Ask {
    /// Asks a resource of the admin API, such as `api-keys`.
    pub(crate) fn admin(method: Method, resource: &str) -> Self {
        Self::probe(method, &format!("{PREFIX}{resource}"))
    }

    /// Asks a path outside the admin API, such as `/readyz`.
    pub(crate) fn probe(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        }
    }

    /// Sets a parameter of the query; one of that name is replaced.
    #[must_use]
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.retain(|(known, _)| known != name);
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets a header field.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Result<Self, Failure> {
        let value = HeaderValue::from_str(value).map_err(|_| {
            Failure::Misused(format!("the value for `{name}` has control characters"))
        })?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Sets the body.
    #[must_use]
    pub(crate) fn body(mut self, value: &Value) -> Self {
        let json = HeaderValue::from_static("application/json");
        self.headers.insert(CONTENT_TYPE, json);
        self.body = value.to_string().into_bytes();
        self
    }

    fn target(&self) -> String {
        let query = self.query.iter().map(|(name, value)| {
            let (name, value) = (segment(name), segment(value));
            format!("{name}={value}")
        });
        let query: Vec<String> = query.collect();
        if query.is_empty() {
            return self.path.clone();
        }
        format!("{}?{}", self.path, query.join("&"))
    }
}

/// A text as a part of a path or of a query.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// All but the unreserved characters of RFC 3986, section 2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Remote {
    /// The gateway that the options name; nothing is sent yet.
    pub(crate) fn new(options: &GatewayOptions) -> Result<Self, Failure> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let url = given(&options.gateway_url).unwrap_or_else(|| USUAL.to_owned());
        let endpoint = Endpoint::parse(&url).map_err(|error| refusal::url(&url, &error))?;
        let key = given(&options.api_key);
        // Checked here, so that no error about a header field quotes it.
        if key.as_deref().is_some_and(|key| bearer(key).is_none()) {
            return Err(Failure::Misused(
                "the key of `--api-key` or `FERROGATE_API_KEY` has characters that no key has; is a line end in it?"
                    .to_owned(),
            ));
        }
        let broken = |error: &dyn std::fmt::Display| {
            Failure::Failed(format!("the client cannot be set up: {error}"))
        };
        let client = Client::new(ClientSettings::default()).map_err(|error| broken(&error))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            endpoint,
            key,
            client,
            runtime: runtime.map_err(|error| broken(&error))?,
        })
    }

    /// Where it is.
    pub(crate) fn origin(&self) -> &str {
        self.endpoint.origin()
    }

    /// Whether a credential is shown.
    pub(crate) fn shows_key(&self) -> bool {
        self.key.is_some()
    }

    /// Asks, and takes a refusal for a failure: what was answered, which is null where there is nothing to say.
    pub(crate) fn ask(&self, ask: Ask) -> Result<Value, Failure> {
        let reply = self.send(ask)?;
        if !reply.status.is_success() {
            return Err(self.refused(&reply));
        }
        // Many a site answers whatever it does not know with 200 and nothing.
        if !reply.value.is_object() && reply.status != StatusCode::NO_CONTENT {
            return Err(self.stranger(&reply));
        }
        Ok(reply.value)
    }

    /// Asks, and hands out whatever a gateway answered.
    pub(crate) fn send(&self, ask: Ask) -> Result<Reply, Failure> {
        self.runtime.block_on(async {
            let answer = self.call(ask).await?;
            self.read(answer).await
        })
    }

    /// What answers is no admin API, or one of another version.
    pub(crate) fn stranger(&self, reply: &Reply) -> Failure {
        refusal::stranger(self, reply.status)
    }

    /// Why it did not do what it was asked.
    pub(crate) fn refused(&self, reply: &Reply) -> Failure {
        refusal::refused(self, reply)
    }

    async fn call(&self, ask: Ask) -> Result<Answer, Failure> {
        let target = ask.target();
        let safe = ask.method == Method::GET;
        let mut headers = ask.headers;
        headers
            .entry(ACCEPT)
            .or_insert(HeaderValue::from_static("application/json"));
        if let Some(value) = self.key.as_deref().and_then(bearer) {
            headers.insert(AUTHORIZATION, value);
        }
        let call = Call {
            method: ask.method,
            // A URL copied from the API's own pages may end in its prefix.
            path_and_query: self.endpoint.path_outside("/admin/v1", &target),
            headers,
            body: ask.body.into(),
            timeouts: Timeouts {
                connect: PATIENCE,
                first_byte: Some(PATIENCE),
                idle: Some(PATIENCE),
            },
            deadline: None,
            replayable: safe,
        };
        let answer = self.client.call(&self.endpoint, call).await;
        answer.map_err(|error| refusal::unreachable(self, &error))
    }

    async fn read(&self, answer: Answer) -> Result<Reply, Failure> {
        let status = answer.status;
        let tag = answer.headers.get(ETAG).cloned();
        if status.is_redirection() {
            return Err(refusal::redirected(self, status));
        }
        let body = answer.collect(MOST).await;
        let body = body.map_err(|error| refusal::transport(self, &error))?;
        let mut value = if body.is_empty() {
            Value::Null
        } else {
            self.parse(&body, status)?
        };
        // Who wants to change it on condition has to see its version.
        if let (Some(members), Some(tag)) = (value.as_object_mut(), tag)
            && let Ok(tag) = tag.to_str()
        {
            let tag = tag.trim_matches('"');
            members.entry("etag").or_insert_with(|| tag.into());
        }
        Ok(Reply { status, value })
    }

    fn parse(&self, body: &[u8], status: StatusCode) -> Result<Value, Failure> {
        let key = self.key.as_deref().filter(|key| key.len() >= TELLING);
        if key.is_some_and(|key| body.windows(key.len()).any(|part| part == key.as_bytes())) {
            return Err(Failure::Failed(format!(
                "what answers at `{}` repeats the key it was shown, which no gateway does; look at `--gateway-url`, and change the key",
                self.origin()
            )));
        }
        serde_json::from_slice(body).map_err(|_| refusal::stranger(self, status))
    }
}

fn bearer(key: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {key}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
