//! Databricks: access tokens of a service principal.
//!
//! Source: <https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m>.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrogate_types::Secret;
use ferrogate_upstream::Client;

use crate::cache::{Expiring, TokenCache};
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::oauth::{self, AccessToken};
use crate::private::require_private;
use crate::request::OutgoingRequest;
use crate::token_call::TokenCall;

/// What an operator says about a service principal of Databricks.
#[derive(Debug, Clone)]
pub struct DatabricksConfig {
    /// The workspace, `https://adb-1.2.azuredatabricks.net`; a bare name means https.
    pub host: String,
    /// The id of the service principal.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
}

/// Sends access tokens of a service principal of Databricks.
#[derive(Debug)]
pub struct DatabricksAuth {
    settings: Arc<Settings>,
    cache: TokenCache<AccessToken>,
}

#[derive(Debug)]
struct Settings {
    token_url: String,
    basic: Secret,
    client_secret: Secret,
    environment: Environment,
}

impl DatabricksAuth {
    pub(crate) fn new(
        config: &DatabricksConfig,
        environment: Environment,
    ) -> Result<Self, CredentialError> {
        let mut host = config.host.trim_end_matches('/').to_owned();
        if !host.contains("://") {
            host.insert_str(0, "https://");
        }
        require_private("the Databricks host", &host)?;
        let pair = format!("{}:{}", config.client_id, config.client_secret.expose());
        Ok(Self {
            cache: TokenCache::new(environment.clone()),
            settings: Arc::new(Settings {
                token_url: format!("{host}/oidc/v1/token"),
                basic: Secret::literal(STANDARD.encode(pair)),
                client_secret: config.client_secret.clone(),
                environment,
            }),
        })
    }

    pub(crate) async fn authorize(
        &self,
        client: &Client,
        request: &mut OutgoingRequest<'_>,
    ) -> Result<(), CredentialError> {
        let fetch = || fetch(Arc::clone(&self.settings), client.clone());
        let token = self.cache.get(fetch).await?;
        request.set_authorization(token.authorization.clone());
        Ok(())
    }

    pub(crate) fn invalidate(&self) {
        self.cache.invalidate();
    }
}

async fn fetch(
    settings: Arc<Settings>,
    client: Client,
) -> Result<Expiring<AccessToken>, CredentialError> {
    let fields = [("grant_type", "client_credentials"), ("scope", "all-apis")];
    let call = TokenCall::form("Databricks", &settings.token_url, &fields, &[])?
        .secret_header("authorization", "Basic ", &settings.basic)?
        .hiding(&settings.client_secret);
    let answer = call.send(&client).await?;
    oauth::access_token(&oauth::read(&answer, settings.environment.now())?)
}
