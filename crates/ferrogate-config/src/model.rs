//! The resolved configuration: defaults applied, references checked, nothing left to interpret.
//!
//! Every front end produces this; the runtime lowers it into the other crates' inputs. Its JSON form is what
//! `ferrogate adapt` prints.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ferrogate_types::route::{Origin, Route};
use ferrogate_types::{
    KeyId, ListenAddress, ModelName, Price, ProviderId, ScopeSet, Secret, UpstreamModel,
};
use ipnet::IpNet;
use serde::Serialize;

/// A whole configuration.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    /// Process-wide settings.
    pub global: Global,
    /// Sockets to open, each with the sites it serves.
    pub listeners: Vec<Listener>,
    /// The sites, in the order written.
    pub sites: Vec<Site>,
    /// The model gateways; [`Handler::AiGateway`](ferrogate_types::route::Handler::AiGateway) holds an index.
    pub ai_gateways: Vec<AiGateway>,
}

/// Process-wide settings.
#[derive(Clone, Debug, Serialize)]
pub struct Global {
    /// The admin listener; none by default.
    pub admin: Option<ListenAddress>,
    /// Log at DEBUG.
    pub debug: bool,
    /// The process log.
    pub log: LogSettings,
    /// How long active requests may take to end at a stop; `None` waits for them without a limit.
    #[serde(serialize_with = "ferrogate_types::serialize_duration_option")]
    pub grace_period: Option<Duration>,
    /// How long to go on serving after a stop was asked for.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub shutdown_delay: Duration,
    /// Runtime threads; `None` = one for each core this process may use.
    pub workers: Option<NonZeroUsize>,
}

/// A log's destination and form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogSettings {
    /// Where it goes.
    pub output: LogOutput,
    /// How it looks; `None` = console on a terminal, else JSON.
    pub format: Option<LogFormat>,
    /// What it leaves out.
    pub level: LogLevel,
}

/// Where a log goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogOutput {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// Nowhere.
    Discard,
    /// A file, appended to.
    File(PathBuf),
}

/// How a log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Console,
}

/// The least important entries a log keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// Ordinary events: the default.
    Info,
    /// Things to look at.
    Warn,
    /// Failures.
    Error,
}

/// A socket to open.
#[derive(Clone, Debug, Serialize)]
pub struct Listener {
    /// Where.
    pub address: ListenAddress,
    /// TLS on this socket; all its sites then have certificates.
    pub tls: bool,
    /// Limits and trust.
    pub options: ServerOptions,
    /// Host patterns in the order they are tried; the first match decides.
    pub hosts: Vec<HostRule>,
}

/// A host pattern and the site it leads to.
#[derive(Clone, Debug, Serialize)]
pub struct HostRule {
    /// Lower case, `*` for one label; `None` = every host.
    pub host: Option<String>,
    /// Index into [`Config::sites`].
    pub site: usize,
}

/// `servers { … }`.
#[derive(Clone, Debug, Serialize)]
pub struct ServerOptions {
    /// The whole request header must have arrived by then; 60 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub read_header_timeout: Duration,
    /// Between two reads of a request body; 60 s by default (Caddy's `read_body_idle`).
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub read_body_timeout: Duration,
    /// Between two writes of an answer; 60 s by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub write_timeout: Duration,
    /// Between two requests on a connection; 5 min by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub idle_timeout: Duration,
    /// The largest request header in bytes; 32 KiB by default.
    pub max_header_size: u64,
    /// Proxies whose `X-Forwarded-*` fields are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Fields that tell the client's address, first one wins; `x-forwarded-for` by default.
    pub client_ip_headers: Vec<String>,
    /// HTTP/2 on TLS.
    pub h2: bool,
    /// HTTP/2 in the clear with prior knowledge.
    pub h2c: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_mins(1);
        Self {
            read_header_timeout: MINUTE,
            read_body_timeout: MINUTE,
            write_timeout: MINUTE,
            idle_timeout: 5 * MINUTE,
            max_header_size: 32 << 10,
            trusted_proxies: Vec::new(),
            client_ip_headers: vec!["x-forwarded-for".to_owned()],
            h2: true,
            h2c: true,
        }
    }
}

/// A site.
#[derive(Clone, Debug, Serialize)]
pub struct Site {
    /// The addresses as written.
    pub addresses: Vec<String>,
    /// The directives, sorted.
    pub routes: Vec<Route>,
    /// Its access log; `None` = none.
    pub access_log: Option<LogSettings>,
    /// Its certificate.
    pub certificate: Option<CertificateFiles>,
    /// Where it was written.
    pub origin: Origin,
}

/// A certificate and its key, in PEM files that were readable and matched when the configuration was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

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

/// What a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderKind {
    /// OpenAI itself.
    Openai,
    /// A server that speaks OpenAI's API.
    OpenaiCompatible,
    /// The built-in provider that answers with what it was asked.
    Echo,
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
