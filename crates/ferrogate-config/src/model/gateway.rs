//! The model gateway.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ferrogate_types::limits::Limits;
use ferrogate_types::route::Origin;
use ferrogate_types::routing::{Routing, TargetRouting};
use ferrogate_types::{
    KeyId, ModelName, Price, ProviderId, ScopeSet, Secret, SubjectKind, TenantId, UpstreamModel,
    UserId,
};
use ipnet::IpNet;
use serde::Serialize;

use super::jwt::JwtIssuer;
use super::policy::Policy;
use super::provider::{Provider, ProviderTimeouts, Retry};

/// `ai_gateway { … }`.
#[derive(Clone, Debug, Serialize)]
pub struct AiGateway {
    /// Providers in the order written.
    pub providers: Vec<Provider>,
    /// Models in the order written.
    pub models: Vec<Model>,
    /// Organisations, teams and projects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<Tenant>,
    /// Virtual keys.
    pub api_keys: Vec<ApiKey>,
    /// Rules on who may call what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// What each subject of a kind may use, besides limits of its own, and what all of them together may.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rate_limit: BTreeMap<SubjectKind, Limits>,
    /// Whose bearer tokens are accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jwt: Vec<JwtIssuer>,
    /// Who may call.
    pub auth: AuthMode,
    /// Serve `/metrics` and `/admin/v1/*` on the site; `None` = only where the site's listeners are loopback.
    pub admin: Option<bool>,
    /// The largest request body in bytes; 32 MiB by default.
    pub max_request_bytes: u64,
    /// From request to last byte; 10 min by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub request_timeout: Duration,
    /// How long a stream may be silent before its caller is told that it is alive; 15 s by default, zero = never.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub stream_keep_alive: Duration,
    /// The largest answer body that is not a stream, in bytes; 16 MiB by default.
    pub max_response_bytes: u64,
    /// What to do about members of a request that a target has no place for.
    pub on_unsupported_param: OnUnsupportedParam,
    /// A catalog of models that is laid over the embedded one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_catalog: Option<PathBuf>,
}

/// What to do about members of a request that a target has no place for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnsupportedParam {
    /// Go on, and name them in a header and in the log.
    #[default]
    Report,
    /// Go on, and name them in the log only.
    Drop,
    /// Refuse before anything is sent.
    Reject,
}

/// Who may call the model surfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    /// A key where keys exist, loopback peers only where none does.
    Required,
    /// Everybody.
    Off,
}

/// `model NAME [ALIAS...] -> PROVIDER[:UPSTREAM_MODEL] ... { … }`.
#[derive(Clone, Debug, Serialize)]
pub struct Model {
    /// What callers ask for.
    pub name: ModelName,
    /// Other names for it (from the line and from `alias`).
    pub aliases: Vec<ModelName>,
    /// The name has a `*` in it, which stands for any characters: every name like it can be asked for.
    pub pattern: bool,
    /// Where it is served, in the order written; never empty.
    pub targets: Vec<Target>,
    /// How they are chosen.
    pub routing: Routing,
    /// What it can do, as written; shown in listings.
    pub capabilities: Vec<String>,
    /// Tokens of input and output together.
    pub context_window: Option<u64>,
    /// Tokens of output.
    pub max_output_tokens: Option<u64>,
    /// What it costs, wherever a target does not say otherwise.
    #[serde(flatten)]
    pub prices: OwnPrices,
    /// Switched off.
    pub disabled: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// Prices as written; those of the catalog hold where none is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OwnPrices {
    /// A million input tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_price_per_1m: Option<Price>,
    /// A million output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_price_per_1m: Option<Price>,
    /// A million cached input tokens; the input price when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input_price_per_1m: Option<Price>,
    /// A million input tokens written to the provider's cache; the input price when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_price_per_1m: Option<Price>,
    /// A million reasoning tokens; the output price when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_price_per_1m: Option<Price>,
    /// One picture made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_price: Option<Price>,
    /// One minute of sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_minute_price: Option<Price>,
    /// A million characters spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub character_price_per_1m: Option<Price>,
}

/// A place where a model is served.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// A provider of the same gateway.
    pub provider: ProviderId,
    /// What it is asked for; `None` = the name that the caller asked for, in patterns only.
    pub model: Option<UpstreamModel>,
    /// What routing knows of it.
    #[serde(flatten)]
    pub routing: TargetRouting,
    /// What it costs here, when that is not what the model costs.
    #[serde(flatten)]
    pub prices: OwnPrices,
    /// Its own time limits, the provider's where it says nothing; the provider's without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<ProviderTimeouts>,
    /// Its own tries, the provider's where it says nothing; the provider's without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

impl Target {
    /// A place of which nothing more is said.
    pub fn new(provider: ProviderId, model: Option<UpstreamModel>) -> Self {
        Self {
            provider,
            model,
            routing: TargetRouting::default(),
            prices: OwnPrices::default(),
            timeouts: None,
            retry: None,
        }
    }
}

/// `api_key ID { … }`.
#[derive(Clone, Debug, Serialize)]
pub struct ApiKey {
    /// Its public id.
    pub id: KeyId,
    /// For people; the id by default.
    pub name: String,
    /// What the caller presents.
    pub credential: Credential,
    /// What it may do.
    pub scopes: ScopeSet,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Who holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Labels, for routing and for the log.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Models it may use; empty = all.
    pub allowed_models: Vec<ModelName>,
    /// Models it may not use; stronger than the above.
    pub denied_models: Vec<ModelName>,
    /// Providers it may use; empty = all.
    pub allowed_providers: Vec<ProviderId>,
    /// Providers it may not use; stronger than the above.
    pub denied_providers: Vec<ProviderId>,
    /// Peers it may come from; empty = all.
    pub allowed_ips: Vec<IpNet>,
    /// How much it may use.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// Switched off.
    pub disabled: bool,
    /// Seconds since 1970 after which it is refused.
    pub expires: Option<u64>,
    /// Where it was written.
    pub origin: Origin,
}

/// `tenant ID [in PARENT] { … }`.
#[derive(Clone, Debug, Serialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// The tenant above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<TenantId>,
    /// For people; the id by default.
    pub name: String,
    /// Models its keys may use; empty = all.
    pub allowed_models: Vec<ModelName>,
    /// Models they may not use; stronger than the above.
    pub denied_models: Vec<ModelName>,
    /// Providers they may use; empty = all.
    pub allowed_providers: Vec<ProviderId>,
    /// Providers they may not use; stronger than the above.
    pub denied_providers: Vec<ProviderId>,
    /// Peers they may come from; empty = all.
    pub allowed_ips: Vec<IpNet>,
    /// How much all of them together may use.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// Switched off, with all below it.
    pub disabled: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// What a caller presents.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// The secret itself; empty when its variable is unset, and then nobody can use the key.
    Plain(Secret),
    /// A PHC string of argon2id from `ferrogate hash-key`.
    Hash(Secret),
}
