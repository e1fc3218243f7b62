//! The resolved configuration: defaults applied, references checked, nothing left to interpret.
//!
//! Every front end produces this; the runtime lowers it into the other crates' inputs. Its JSON form is what
//! `ferrogate adapt` prints.

mod gateway;
mod global;
mod issuer;
mod jwt;
mod listener;
mod log;
mod policy;
mod provider;
mod site;
mod state;
mod tls;

use ferrogate_types::route::NamedRoute;
use serde::Serialize;

pub use self::gateway::{
    AiGateway, ApiKey, AuthMode, Credential, Model, OnUnsupportedParam, OwnPrices, Target, Tenant,
};
pub use self::global::{
    AutoHttps, CertificateAuthority, Global, GlobalTls, KeyPairFiles, MetricsOptions,
    OnDemandPermission,
};
pub(crate) use self::issuer::ZEROSSL;
pub use self::issuer::{
    AcmeIssuer, ChainPreference, DnsChallenge, DnsProvider, ExternalAccount, InternalIssuer,
    Issuer, KeyType, PropagationTimeout, ZerosslIssuer,
};
pub use self::jwt::{JWT_ALGORITHMS, JWT_ALGORITHMS_BY_DEFAULT, JwtIssuer};
pub use self::listener::{
    HostRule, Listener, ProxyProtocolIn, ProxyProtocolPolicy, ServerOptions, StrictSniHost,
};
pub use self::log::{
    AccessHosts, AccessLog, DirMode, DurationFormat, EncoderKeys, FieldFilter, FilterAction,
    LevelFormat, LogEncoder, LogFile, LogFilter, LogLevel, LogNet, LogOutput, LogSettings,
    NamedFilter, ProcessLog, Roll, RollCompression, Sampling, TimeFormat,
};
pub use self::policy::{Policy, PolicyEffect};
pub use self::provider::{
    CircuitBreaker, Concurrency, HealthProbe, PoolKey, Provider, ProviderTimeouts, Retry,
    SettingValue,
};
pub use self::site::Site;
pub use self::state::{RequestLogs, Retention, State, Store};
pub use self::tls::{
    Automation, CertificateFiles, CertificateSource, ClientAuth, ClientAuthMode, ConnectionPolicy,
    LeafSource, ServedName, TlsPolicy, TlsVersion, TrustSource,
};

/// A whole configuration.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    /// Process-wide settings.
    pub global: Global,
    /// Sockets to open, each with the sites it serves.
    pub listeners: Vec<Listener>,
    /// The sites in the order written, then those that redirect to HTTPS.
    pub sites: Vec<Site>,
    /// `&(name) { … }`; [`Handler::Invoke`](ferrogate_types::route::Handler::Invoke) holds an index.
    pub named_routes: Vec<NamedRoute>,
    /// The model gateways; [`Handler::AiGateway`](ferrogate_types::route::Handler::AiGateway) holds an index.
    pub ai_gateways: Vec<AiGateway>,
}
