//! Credentials of clouds.

use ferrogate_config::model::Provider;
use ferrogate_credentials::{
    AwsConfig, AwsKeys, CloudAuth, CredentialError, DatabricksConfig, EntraConfig, Environment,
    GoogleConfig,
};
use ferrogate_providers::AuthScheme;
use ferrogate_types::Secret;

/// What signs or fetches tokens for a provider; `None` where a key does, or nothing is needed.
pub(super) fn lower(provider: &Provider) -> Result<Option<CloudAuth>, CredentialError> {
    if !provider.api_keys.is_empty() || provider.disabled {
        return Ok(None);
    }
    let secret = |name: &str| {
        let found = provider.settings.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.to_secret())
            .filter(|value| !value.is_empty())
    };
    let text = |name: &str| secret(name).map(|value| value.expose().to_owned());
    let environment = Environment::process();
    Ok(Some(match provider.kind.row().auth {
        AuthScheme::Aws => {
            let keys = secret("aws_access_key_id")
                .zip(secret("aws_secret_access_key"))
                .map(|(id, key)| AwsKeys {
                    access_key_id: id.expose().to_owned(),
                    secret_access_key: key,
                    session_token: secret("aws_session_token"),
                });
            let config = AwsConfig {
                keys,
                region: text("region"),
                ..AwsConfig::default()
            };
            CloudAuth::aws(config, environment)?
        }
        AuthScheme::Google => {
            // A key file by its path, or the document itself, which is an object.
            let (json, file) = match secret("service_account") {
                Some(value) if value.expose().trim_start().starts_with('{') => (Some(value), None),
                Some(path) => (None, Some(path.expose().into())),
                None => (None, None),
            };
            CloudAuth::google(
                GoogleConfig {
                    credentials_json: json,
                    credentials_file: file,
                    ..GoogleConfig::default()
                },
                environment,
            )
        }
        AuthScheme::Azure => {
            let scope = if provider.kind.row().key == "azure-foundry" {
                "https://ai.azure.com/.default"
            } else {
                ""
            };
            CloudAuth::entra(
                EntraConfig {
                    tenant_id: text("tenant_id"),
                    client_id: text("client_id"),
                    client_secret: secret("client_secret"),
                    scope: scope.to_owned(),
                    ..EntraConfig::default()
                },
                environment,
            )
        }
        AuthScheme::Databricks => {
            let config = DatabricksConfig {
                host: provider.base_url.clone().unwrap_or_default(),
                client_id: text("client_id").unwrap_or_default(),
                client_secret: secret("client_secret").unwrap_or_else(|| Secret::literal("")),
            };
            if config.client_id.is_empty() {
                return Ok(None);
            }
            CloudAuth::databricks(&config, environment)?
        }
        AuthScheme::Bearer | AuthScheme::Header(_) | AuthScheme::None => return Ok(None),
    }))
}
