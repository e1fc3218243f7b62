//! Credentials besides those of a configuration.

use std::sync::Arc;

use ferrogate_auth::{Credentials, Issuer, IssuerSpec, MasterKey, TokenVerifier};
use ferrogate_types::{Secret, SecretOrigin};

/// The variable of the master key.
const MASTER_KEY: &str = "MASTER_KEY";

/// Credentials besides those of a configuration, of which the environment knows one. The issuers of tokens are those of
/// the start: what is known of their keys and tokens outlives a configuration.
pub(crate) fn credentials(
    env: &dyn Fn(&str) -> Option<String>,
    issuers: Vec<IssuerSpec>,
) -> Credentials {
    let master = env(MASTER_KEY).and_then(|value| {
        MasterKey::new(&Secret::new(
            value,
            SecretOrigin::Env(MASTER_KEY.to_owned()),
        ))
    });
    let issuers = issuers.into_iter().map(Issuer::new).map(Arc::new);
    Credentials::new(master, TokenVerifier::new(issuers.collect()))
}
