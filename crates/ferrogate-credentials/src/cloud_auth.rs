//! The credential of one provider.

use ferrogate_upstream::Client;

use crate::aws::{AwsAuth, AwsConfig};
use crate::databricks::{DatabricksAuth, DatabricksConfig};
use crate::entra::{EntraAuth, EntraConfig};
use crate::environment::Environment;
use crate::error::CredentialError;
use crate::google::{GoogleAuth, GoogleConfig};
use crate::request::OutgoingRequest;

/// The credential of one provider, with what it has fetched. Shared by all requests to it.
#[derive(Debug)]
pub enum CloudAuth {
    /// Signatures of AWS.
    Aws(AwsAuth),
    /// Tokens of Google.
    Google(GoogleAuth),
    /// Tokens of Entra, for Azure.
    Entra(EntraAuth),
    /// Tokens of a service principal of Databricks.
    DatabricksM2m(DatabricksAuth),
}

impl CloudAuth {
    /// For AWS. May read the shared files, for the region: at start, not on a worker.
    ///
    /// # Errors
    ///
    /// When there is no region, or none that could be one.
    pub fn aws(config: AwsConfig, environment: Environment) -> Result<Self, CredentialError> {
        AwsAuth::new(config, environment).map(Self::Aws)
    }

    /// For Google. Reads nothing yet.
    pub fn google(config: GoogleConfig, environment: Environment) -> Self {
        Self::Google(GoogleAuth::new(config, environment))
    }

    /// For Azure. Reads nothing yet.
    pub fn entra(config: EntraConfig, environment: Environment) -> Self {
        Self::Entra(EntraAuth::new(config, environment))
    }

    /// For Databricks. Asks for nothing yet.
    ///
    /// # Errors
    ///
    /// When the host is no URL, or one in the clear.
    pub fn databricks(
        config: &DatabricksConfig,
        environment: Environment,
    ) -> Result<Self, CredentialError> {
        DatabricksAuth::new(config, environment).map(Self::DatabricksM2m)
    }

    /// Adds the headers of the credential, which is fetched first when there is none.
    ///
    /// Must be called on a runtime of tokio: fetching is a task, for which every caller may wait and none must.
    ///
    /// # Cancel safety
    ///
    /// Safe: the request has all its headers or none.
    pub async fn authorize(
        &self,
        client: &Client,
        request: &mut OutgoingRequest<'_>,
    ) -> Result<(), CredentialError> {
        match self {
            Self::Aws(auth) => auth.authorize(client, request).await,
            Self::Google(auth) => auth.authorize(client, request).await,
            Self::Entra(auth) => auth.authorize(client, request).await,
            Self::DatabricksM2m(auth) => auth.authorize(client, request).await,
        }
    }

    /// Forgets what was fetched, after a provider answered 401 or 403. The next request fetches anew, unless
    /// the credential is only seconds old.
    pub fn invalidate(&self) {
        match self {
            Self::Aws(auth) => auth.invalidate(),
            Self::Google(auth) => auth.invalidate(),
            Self::Entra(auth) => auth.invalidate(),
            Self::DatabricksM2m(auth) => auth.invalidate(),
        }
    }
}
