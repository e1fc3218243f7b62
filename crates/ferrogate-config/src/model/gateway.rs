//! The model gateway.

use std::path::PathBuf;
use std::time::Duration;

use ferrogate_providers::ProviderKind;
use ferrogate_types::route::Origin;
use ferrogate_types::{KeyId, ModelName, Price, ProviderId, ScopeSet, Secret, UpstreamModel};
use ipnet::IpNet;
use serde::Serialize;

/// `ai_gateway { … }`.
#[derive(Clone, Debug, Serialize)]
pub struct AiGateway {
    /// Providers in the order written.
    pub providers: Vec<Provider>,
    /// Models in the order written.
    pub models: Vec<Model>,
    /// Virtual keys.
    pub api_keys: Vec<ApiKey>,
    /// Who may call.
    pub auth: AuthMode,
    /// Serve `/metrics` and `/admin/v1/*` on the site; `None` = only where the site's listeners are loopback.
    pub admin: Option<bool>,
    /// The largest request body in bytes; 32 MiB by default.
    pub max_request_bytes: u64,
    /// From request to last byte; 10 min by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub request_timeout: Duration,
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

/// `provider NAME { … }`.
#[derive(Clone, Debug, Serialize)]
pub struct Provider {
    /// Its name.
    pub id: ProviderId,
    /// Its kind.
    pub kind: ProviderKind,
    /// The API root; `None` for `echo`.
    pub base_url: Option<String>,
    /// Credentials; without one, a provider that needs one is disabled and says so.
    pub api_keys: Vec<Secret>,
    /// Further settings of its kind, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<(String, SettingValue)>,
    /// It is there because `auto_providers` found its variables: its models are those of the catalog.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auto: bool,
    /// Further request headers.
    pub headers: Vec<(String, Secret)>,
    /// Time limits.
    pub timeouts: ProviderTimeouts,
    /// Tries on one target.
    pub retry: Retry,
    /// The breaker; `None` = off.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Switched off.
    pub disabled: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// What a setting is set to.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// Anybody may see it.
    Plain(String),
    /// Nobody may.
    Secret(Secret),
}

impl SettingValue {
    /// The value itself.
    pub fn expose(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }

    /// As a secret, whatever it is.
    pub fn to_secret(&self) -> Secret {
        match self {
            Self::Plain(text) => Secret::literal(text),
            Self::Secret(secret) => secret.clone(),
        }
    }
}

/// `timeout { … }`; zero = no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ProviderTimeouts {
    /// Name resolution, TCP and TLS; 5 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub connect: Duration,
    /// From the request sent to the answer's header; 60 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub first_byte: Duration,
    /// From the request sent to the first event of a stream; no limit by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub first_token: Duration,
    /// Between two reads; 60 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub idle: Duration,
    /// One attempt as a whole; 10 min by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub total: Duration,
}

/// `retry { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// Tries in all on one target, 1 to 10; 2 by default.
    pub attempts: u32,
    /// Statuses tried again; 408, 429 and 5xx by default.
    pub statuses: Vec<ferrogate_types::route::StatusPattern>,
    /// The first pause, full jitter; 100 ms by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub backoff: Duration,
    /// The longest pause; 5 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub max_backoff: Duration,
}

/// `circuit_breaker { … }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CircuitBreaker {
    /// Failures in a row that open it; 5 by default.
    pub failures: u32,
    /// Successes that close it again; 1 by default.
    pub successes: u32,
    /// How long it stays open; 30 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub open: Duration,
    /// Calls let through at once while half open; 1 by default.
    pub half_open: u32,
}

/// `model NAME [ALIAS...] -> PROVIDER[:UPSTREAM_MODEL] ... { … }`.
#[derive(Clone, Debug, Serialize)]
pub struct Model {
    /// What callers ask for.
    pub name: ModelName,
    /// Other names for it (from the line and from `alias`).
    pub aliases: Vec<ModelName>,
    /// Where it is served, first choice first; never empty.
    pub targets: Vec<Target>,
    /// What it can do, as written; shown in listings.
    pub capabilities: Vec<String>,
    /// Tokens of input and output together.
    pub context_window: Option<u64>,
    /// Tokens of output.
    pub max_output_tokens: Option<u64>,
    /// Price of a million input tokens.
    pub input_price_per_1m: Option<Price>,
    /// Price of a million output tokens.
    pub output_price_per_1m: Option<Price>,
    /// Price of a million cached input tokens; the input price when absent.
    pub cached_input_price_per_1m: Option<Price>,
    /// Price of a million input tokens written to the provider's cache; the input price when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_price_per_1m: Option<Price>,
    /// Price of a million reasoning tokens; the output price when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_price_per_1m: Option<Price>,
    /// Price of one picture made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_price: Option<Price>,
    /// Price of one minute of sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_minute_price: Option<Price>,
    /// Price of a million characters spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub character_price_per_1m: Option<Price>,
    /// Switched off.
    pub disabled: bool,
    /// Where it was written.
    pub origin: Origin,
}

/// A place where a model is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// A provider of the same gateway.
    pub provider: ProviderId,
    /// What it is asked for.
    pub model: UpstreamModel,
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
    /// Requests a minute.
    pub request_limit_per_minute: Option<u64>,
    /// Tokens a calendar month, UTC.
    pub monthly_token_budget: Option<u64>,
    /// Switched off.
    pub disabled: bool,
    /// Seconds since 1970 after which it is refused.
    pub expires: Option<u64>,
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
