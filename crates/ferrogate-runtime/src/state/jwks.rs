//! Fetching the public keys of issuers of tokens.

use std::error::Error;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ferrogate_auth::JwksSource;
use ferrogate_upstream::{Call, Client, Timeouts};
use http::HeaderValue;
use http::header::ACCEPT;

use crate::lower::{chain, jwks_endpoint};

/// Public keys over HTTP, as far as a small document in a short time holds them. Redirects are not followed: the keys are
/// where the configuration says, or nowhere.
#[derive(Debug)]
pub(super) struct HttpKeys(pub(super) Client);

/// What a fetch may take, connecting and body included.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a document: a hundred keys with their certificates fit.
const LIMIT: usize = 1 << 20;

#[async_trait]
impl JwksSource for HttpKeys {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let (endpoint, path) = jwks_endpoint(url)?;
        let mut call = Call::get(path);
        let kinds = HeaderValue::from_static("application/jwk-set+json, application/json");
        call.headers.insert(ACCEPT, kinds);
        call.timeouts = Timeouts {
            connect: PATIENCE / 2,
            first_byte: Some(PATIENCE),
            idle: Some(PATIENCE),
        };
        call.deadline = Some(Instant::now() + PATIENCE);
        let answer = self.0.call(&endpoint, call).await;
        let answer = answer.map_err(|error| chain(&error))?;
        if !answer.status.is_success() {
            return Err(format!("the answer is {}", answer.status).into());
        }
        let document = answer.collect(LIMIT).await;
        Ok(document.map_err(|error| chain(&error))?.to_vec())
    }
}
