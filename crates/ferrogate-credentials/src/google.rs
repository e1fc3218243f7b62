//! Google: access tokens of application default credentials.
//!
//! Source: <https://cloud.google.com/docs/authentication/application-default-credentials>.

use std::path::PathBuf;
use std::sync::Arc;

use ferrogate_types::Secret;
use ferrogate_upstream::Client;
use http::HeaderValue;
use http::header::HeaderName;

use crate::cache::{Expiring, TokenCache};
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::file;
use crate::oauth::{self, AccessToken};
use crate::request::OutgoingRequest;

mod account;
mod external;
mod grant;
mod impersonation;
mod jwt;
mod metadata;
mod trust;

use account::Account;
use trust::Trust;

/// What an operator says about Google. Everything may be left out.
#[derive(Debug, Clone, Default)]
pub struct GoogleConfig {
    /// A credential document itself: the JSON of a service account, a user or an external account.
    pub credentials_json: Option<Secret>,
    /// A file with such a document. After the JSON, before the environment.
    pub credentials_file: Option<PathBuf>,
    /// The scopes; that of the whole platform when empty.
    pub scopes: Vec<String>,
    /// The project that is billed; else `GOOGLE_CLOUD_QUOTA_PROJECT` or the one of the document.
    pub quota_project: Option<String>,
    /// Origins besides `https://*.googleapis.com` that may be token servers, such as a fake one.
    pub trusted_token_origins: Vec<String>,
}

/// Sends access tokens of application default credentials: the configuration, the file of
/// `GOOGLE_APPLICATION_CREDENTIALS`, the one of the `gcloud` tool, the metadata server.
#[derive(Debug)]
pub struct GoogleAuth {
    settings: Arc<Settings>,
    cache: TokenCache<AccessToken>,
}

#[derive(Debug)]
struct Settings {
    config: GoogleConfig,
    environment: Environment,
}

impl GoogleAuth {
    pub(crate) fn new(config: GoogleConfig, environment: Environment) -> Self {
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
        if let Some(project) = &token.quota_project {
            request.headers.insert(QUOTA_PROJECT, project.clone());
        }
        Ok(())
    }

    pub(crate) fn invalidate(&self) {
        self.cache.invalidate();
    }
}

/// A document with the place it was found at, for errors.
struct Found {
    place: String,
    document: Secret,
}

async fn fetch(
    settings: Arc<Settings>,
    client: Client,
) -> Result<Expiring<AccessToken>, CredentialError> {
    let Settings {
        config,
        environment,
    } = &*settings;
    let scopes = if config.scopes.is_empty() {
        CLOUD_PLATFORM.to_owned()
    } else {
        config.scopes.join(" ")
    };
    let (token, of_document) = match find(config, environment).await? {
        Some(found) => {
            let account = Account::read(&found.place, found.document.expose())?;
            let trust = Trust {
                origins: &config.trusted_token_origins,
            };
            let asking = grant::Asking {
                environment,
                client: &client,
                trust,
                scopes: &scopes,
            };
            let token = Box::pin(asking.token(&account)).await?;
            (token, account.quota_project)
        }
        None => (Box::pin(metadata::fetch(environment, &client)).await?, None),
    };
    let mut token = oauth::access_token(&token)?;
    let project = config
        .quota_project
        .clone()
        .or_else(|| environment.variable("GOOGLE_CLOUD_QUOTA_PROJECT"))
        .or(of_document);
    if let Some(project) = project {
        let value = HeaderValue::try_from(project).map_err(|_| {
            CredentialError::configuration("the quota project", "cannot be sent in a header")
        })?;
        token.value.quota_project = Some(value);
    }
    Ok(token)
}

/// Finds the document; `None` leaves the metadata server.
async fn find(
    config: &GoogleConfig,
    environment: &Environment,
) -> Result<Option<Found>, CredentialError> {
    if let Some(document) = &config.credentials_json {
        return Ok(Some(Found {
            place: "the configured Google credential".to_owned(),
            document: document.clone(),
        }));
    }
    let named = config.credentials_file.clone().or_else(|| {
        let path = environment.variable("GOOGLE_APPLICATION_CREDENTIALS")?;
        Some(environment.path(&path))
    });
    if let Some(path) = named {
        return Ok(Some(Found {
            place: format!("the Google credential file `{}`", path.display()),
            document: Secret::literal(file::read(&path).await?),
        }));
    }
    let folder = match environment.variable("CLOUDSDK_CONFIG") {
        Some(folder) => Some(environment.path(&folder)),
        None => environment.in_home(".config/gcloud"),
    };
    let Some(path) = folder.map(|folder| folder.join("application_default_credentials.json"))
    else {
        return Ok(None);
    };
    let place = format!("the Google credential file `{}`", path.display());
    let document = tokio::task::spawn_blocking(move || file::read_now_if_there(&path))
        .await
        .map_err(|_| CredentialError::Interrupted)??;
    Ok(document.map(|document| Found {
        place,
        document: Secret::literal(document),
    }))
}

const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

const QUOTA_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");
