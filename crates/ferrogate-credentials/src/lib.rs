//! Credentials of clouds: signatures and tokens that expire.
//!
//! What an operator configured becomes request headers. A [`CloudAuth`] is built once from a plain
//! configuration and the [`Environment`] of the process; [`CloudAuth::authorize`] then dresses every
//! [`OutgoingRequest`]: for AWS with a signature, for Google, Entra and Databricks with a bearer token. What
//! expires is fetched once however many ask, refreshed ahead of its end while the old one still serves, and
//! dropped by [`CloudAuth::invalidate`] when a provider refuses it.
//!
//! Refuses: running other programs for a credential, logging in through a browser, sending a secret to a
//! token server outside the vendor's domain or in the clear, following redirects, and naming a secret in an
//! error.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ferrogate_credentials::{AwsConfig, CloudAuth, Environment, OutgoingRequest};
//! use ferrogate_upstream::{Client, ClientSettings};
//!
//! let client = Client::new(ClientSettings::default())?;
//! let auth = CloudAuth::aws(AwsConfig::default(), Environment::process())?;
//! let mut headers = http::HeaderMap::new();
//! let mut request = OutgoingRequest {
//!     method: &http::Method::POST,
//!     host: "bedrock-runtime.us-east-1.amazonaws.com",
//!     path_and_query: "/model/amazon.nova-lite-v1%3A0/converse",
//!     headers: &mut headers,
//!     body: b"{}",
//! };
//! auth.authorize(&client, &mut request).await?;
//! # Ok(()) }
//! ```

mod aws;
mod cache;
mod cloud_auth;
mod databricks;
mod encode;
mod entra;
mod environment;
mod error;
mod file;
mod google;
mod json;
mod oauth;
mod private;
mod request;
mod sigv4;
mod token_call;
mod wire_time;
mod xml;

pub use aws::{AwsAuth, AwsConfig};
pub use cloud_auth::CloudAuth;
pub use databricks::{DatabricksAuth, DatabricksConfig};
pub use entra::{EntraAuth, EntraConfig};
pub use environment::Environment;
pub use error::CredentialError;
pub use google::{GoogleAuth, GoogleConfig};
pub use request::OutgoingRequest;
pub use sigv4::{AwsKeys, SigningScope, sign};
