//! AWS: requests signed with keys of the credential chain.
//!
//! Source: <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>.

use std::sync::Arc;

use ferrogate_types::Secret;
use ferrogate_upstream::Client;

use crate::cache::TokenCache;
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::oauth::bearer;
use crate::request::OutgoingRequest;
use crate::sigv4::{AwsKeys, SigningScope, sign};

mod chain;
mod container;
mod document;
mod instance;
mod plan;
mod profile;
mod region;
mod sts;

/// What an operator says about AWS. Everything may be left out.
#[derive(Debug, Clone, Default)]
pub struct AwsConfig {
    /// Keys, which come before every other source.
    pub keys: Option<AwsKeys>,
    /// An API key of Bedrock, sent as a bearer token instead of a signature.
    pub bearer_token: Option<Secret>,
    /// A profile of the shared files, which comes before the environment. Without it `AWS_PROFILE` or
    /// `default`, after the environment.
    pub profile: Option<String>,
    /// The region; else `AWS_REGION`, `AWS_DEFAULT_REGION`, or the one of the profile.
    pub region: Option<String>,
    /// The signing name of the service; `bedrock` when empty.
    pub service: String,
}

/// Signs requests with keys of the credential chain: configuration, environment, web identity, shared files,
/// container, instance.
///
/// As in the SDKs of AWS, an API key of Bedrock in `AWS_BEARER_TOKEN_BEDROCK` comes before the chain, but not
/// before keys or a profile that the configuration names.
#[derive(Debug)]
pub struct AwsAuth {
    settings: Arc<Settings>,
    cache: TokenCache<AwsKeys>,
    bearer_token: Option<Secret>,
}

/// What the sources of the chain look at.
#[derive(Debug)]
struct Settings {
    config: AwsConfig,
    region: String,
    environment: Environment,
}

impl AwsAuth {
    /// Finds the region, which may read the shared files: at start, not on a worker. Keys are looked for by the
    /// first request.
    pub(crate) fn new(
        mut config: AwsConfig,
        environment: Environment,
    ) -> Result<Self, CredentialError> {
        if config.service.is_empty() {
            BEDROCK.clone_into(&mut config.service);
        }
        let chosen = config.keys.is_some() || config.profile.is_some();
        let ambient = || environment.secret("AWS_BEARER_TOKEN_BEDROCK");
        let bearer_token = config
            .bearer_token
            .clone()
            .or_else(|| ambient().filter(|_| !chosen && config.service.starts_with(BEDROCK)));
        let region = region::find(&config, &environment)?;
        Ok(Self {
            cache: TokenCache::new(environment.clone()),
            settings: Arc::new(Settings {
                config,
                region,
                environment,
            }),
            bearer_token,
        })
    }

    /// The region, valid as a part of a host name.
    pub fn region(&self) -> &str {
        &self.settings.region
    }

    pub(crate) async fn authorize(
        &self,
        client: &Client,
        request: &mut OutgoingRequest<'_>,
    ) -> Result<(), CredentialError> {
        if let Some(token) = &self.bearer_token {
            request.set_authorization(bearer(token)?);
            return Ok(());
        }
        let fetch = || chain::resolve(Arc::clone(&self.settings), client.clone());
        let keys = self.cache.get(fetch).await?;
        let scope = SigningScope {
            region: &self.settings.region,
            service: &self.settings.config.service,
            at: self.settings.environment.now(),
        };
        sign(request, &keys, &scope)
    }

    pub(crate) fn invalidate(&self) {
        self.cache.invalidate();
    }
}

const BEDROCK: &str = "bedrock";
