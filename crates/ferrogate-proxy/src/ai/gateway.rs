//! A model gateway: one `ai_gateway` block, compiled.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_auth::{KeyDirectory, TenantTree};
use ferrogate_credentials::CloudAuth;
use ferrogate_llm::Surface;
use ferrogate_policy::{Limits, Rules};
use ferrogate_providers::Registry;
use ferrogate_types::ProviderId;
use ferrogate_upstream::Endpoint;

use super::listing;
use super::probe::HealthProbe;
use super::resource::{self, Resource};
use super::usage;
use crate::builtin::Builtin;

/// One `ai_gateway` block, compiled.
#[derive(Debug)]
pub struct ModelGateway {
    /// Models and providers.
    pub registry: Registry,
    /// Where each provider is; the built-in one is nowhere.
    pub endpoints: HashMap<ProviderId, Endpoint>,
    /// Where the credentials of clouds come from: signatures and tokens.
    pub clouds: HashMap<ProviderId, CloudAuth>,
    /// Providers that are asked whether they are well.
    pub probes: HashMap<ProviderId, HealthProbe>,
    /// What to do about members of a request that a target has no place for.
    pub on_unsupported: OnUnsupported,
    /// Who may come in.
    pub keys: Arc<KeyDirectory>,
    /// Organisations, teams and projects.
    pub tenants: Arc<TenantTree>,
    /// Who may call what.
    pub rules: Rules,
    /// How much everybody may use.
    pub limits: Limits,
    /// Whether callers must show a key, or be local where there is none; `false` = `auth off`.
    pub auth_required: bool,
    /// Whether `/metrics` and the admin API are served on the site.
    pub admin: bool,
    /// Which paths are the admin API's.
    pub admin_serves: fn(&str) -> bool,
    /// The largest request body in bytes.
    pub max_request_bytes: usize,
    /// The largest answer body that is not a stream, in bytes.
    pub max_response_bytes: usize,
    /// From request to last byte.
    pub request_timeout: Duration,
    /// How long a stream may be silent before its caller is told that it is alive.
    pub keep_alive: Option<Duration>,
}

/// What to do about members of a request that a target has no place for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnsupported {
    /// Go on, and name them in a header and in the log.
    #[default]
    Report,
    /// Go on, and name them in the log only.
    Drop,
    /// Refuse before anything is sent.
    Reject,
}

impl ModelGateway {
    /// Whether it answers at a path. A path it knows is answered whatever the method, with 405 if need be: a
    /// mistaken `GET` must not fall through to a route that forwards a credential. One it does not know is answered
    /// where the request names the provider that does (`X-Provider`).
    pub fn serves(&self, path: &str, names_provider: bool) -> bool {
        Surface::at(path).is_some()
            || Resource::at(path).is_some()
            || listing::is_at(path)
            || path == usage::PATH
            || (names_provider && resource::is_other(path))
            || (self.admin && (self.admin_serves)(path))
            || (self.admin && Builtin::at(path).is_some_and(|builtin| !builtin.is_public()))
    }
}
