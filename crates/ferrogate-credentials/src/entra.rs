//! Entra: access tokens for Azure.
//!
//! Source: <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>.

use std::path::PathBuf;
use std::sync::Arc;

use ferrogate_types::Secret;
use ferrogate_upstream::Client;

use crate::cache::{Expiring, TokenCache};
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::file;
use crate::oauth::{self, AccessToken};
use crate::private::require_private;
use crate::request::OutgoingRequest;
use crate::token_call::TokenCall;

mod managed;

/// What an operator says about Entra. Everything may be left out.
#[derive(Debug, Clone, Default)]
pub struct EntraConfig {
    /// The tenant; else `AZURE_TENANT_ID`.
    pub tenant_id: Option<String>,
    /// The application, or the identity of a machine that has several; else `AZURE_CLIENT_ID`.
    pub client_id: Option<String>,
    /// The secret of the application; else `AZURE_CLIENT_SECRET`.
    pub client_secret: Option<Secret>,
    /// A file with a token of the workload's identity provider; else `AZURE_FEDERATED_TOKEN_FILE`.
    pub federated_token_file: Option<PathBuf>,
    /// The authority; else `AZURE_AUTHORITY_HOST`, else `https://login.microsoftonline.com`.
    pub authority: Option<String>,
    /// The scope, which ends in `/.default`; that of Azure OpenAI when empty. Foundry has
    /// `https://ai.azure.com/.default`.
    pub scope: String,
}

/// Sends access tokens of Entra: an application with a secret, a workload identity, a managed identity.
#[derive(Debug)]
pub struct EntraAuth {
    settings: Arc<Settings>,
    cache: TokenCache<AccessToken>,
}

#[derive(Debug)]
struct Settings {
    config: EntraConfig,
    environment: Environment,
}

impl EntraAuth {
    pub(crate) fn new(mut config: EntraConfig, environment: Environment) -> Self {
        if config.scope.is_empty() {
            COGNITIVE_SERVICES.clone_into(&mut config.scope);
        }
        Self {
            cache: TokenCache::new(environment.clone()),
            settings: Arc::new(Settings {
                config,
                environment,
            }),
        }
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
    let token = settings.token(&client).await?;
    oauth::access_token(&token)
}

impl Settings {
    async fn token(&self, client: &Client) -> Result<Expiring<Secret>, CredentialError> {
        let variable = |name| self.environment.variable(name);
        let client_id = self
            .config
            .client_id
            .clone()
            .or_else(|| variable(CLIENT_ID));
        let secret = self.config.client_secret.clone();
        let secret = secret.or_else(|| self.environment.secret("AZURE_CLIENT_SECRET"));
        let token_file = self.config.federated_token_file.clone().or_else(|| {
            let path = variable("AZURE_FEDERATED_TOKEN_FILE")?;
            Some(self.environment.path(&path))
        });
        if let Some(secret) = &secret {
            let fields = [];
            let secrets = [("client_secret", secret)];
            return self.application(client, client_id, &fields, &secrets).await;
        }
        if let Some(path) = token_file {
            let assertion = file::read_secret(&path).await?;
            let fields = [(
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            )];
            let secrets = [("client_assertion", &assertion)];
            return self.application(client, client_id, &fields, &secrets).await;
        }
        if variable("AZURE_CLIENT_CERTIFICATE_PATH").is_some() {
            return Err(CredentialError::Unsupported {
                source_kind: "`AZURE_CLIENT_CERTIFICATE_PATH`".to_owned(),
                instead: "use `AZURE_CLIENT_SECRET`, a workload identity or a managed identity",
            });
        }
        managed::fetch(
            &self.environment,
            client,
            &self.config.scope,
            client_id.as_deref(),
        )
        .await
    }

    /// Asks for the token of an application, which proves itself with `fields` and `secrets`.
    async fn application(
        &self,
        client: &Client,
        client_id: Option<String>,
        fields: &[(&str, &str)],
        secrets: &[(&str, &Secret)],
    ) -> Result<Expiring<Secret>, CredentialError> {
        let tenant = self.config.tenant_id.clone();
        let tenant = tenant.or_else(|| self.environment.variable(TENANT_ID));
        let (Some(tenant), Some(client_id)) = (tenant, client_id) else {
            return Err(CredentialError::configuration(
                "the Azure credential",
                format!(
                    "has a secret or a token file, and not both `{TENANT_ID}` and `{CLIENT_ID}`"
                ),
            ));
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        if !tenant.bytes().all(is_name) {
            return Err(CredentialError::configuration(
                "the Azure tenant",
                format!("is `{tenant}`, which is neither an id nor a domain"),
            ));
        }
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.authority()?);
        let mut all = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client_id.as_str()),
            ("scope", self.config.scope.as_str()),
        ];
        all.extend_from_slice(fields);
        let call = TokenCall::form("Entra", &url, &all, secrets)?;
        oauth::read(&call.send(client).await?, self.environment.now())
    }

    /// The authority without a slash at the end.
    fn authority(&self) -> Result<String, CredentialError> {
        let (place, mut authority) = if let Some(authority) = &self.config.authority {
            ("the Azure authority", authority.clone())
        } else if let Some(authority) = self.environment.variable("AZURE_AUTHORITY_HOST") {
            ("`AZURE_AUTHORITY_HOST`", authority)
        } else {
            ("the Azure authority", PUBLIC_CLOUD.to_owned())
        };
        // The variable is also written as a bare name.
        if !authority.contains("://") {
            authority.insert_str(0, "https://");
        }
        require_private(place, &authority)?;
        Ok(authority.trim_end_matches('/').to_owned())
    }
}

const TENANT_ID: &str = "AZURE_TENANT_ID";

const CLIENT_ID: &str = "AZURE_CLIENT_ID";

const PUBLIC_CLOUD: &str = "https://login.microsoftonline.com";

const COGNITIVE_SERVICES: &str = "https://cognitiveservices.azure.com/.default";
