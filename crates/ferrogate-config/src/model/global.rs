//! Settings of the process.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ferrogate_types::{ListenAddress, Secret};
use serde::Serialize;

use super::{DnsProvider, Issuer, KeyType, ProcessLog, State};

/// Process-wide settings.
#[derive(Clone, Debug, Serialize)]
pub struct Global {
    /// The admin listener; none by default.
    pub admin: Option<ListenAddress>,
    /// Origins that browsers may call the admin listener from; only checked when it is not empty.
    pub admin_origins: Vec<String>,
    /// Log at DEBUG.
    pub debug: bool,
    /// The process log.
    pub log: ProcessLog,
    /// Further logs of the process, each with a name and what goes into it.
    pub logs: Vec<ProcessLog>,
    /// How long active requests may take to end at a stop; `None` waits for them without a limit.
    #[serde(serialize_with = "ferrogate_types::serialize_duration_option")]
    pub grace_period: Option<Duration>,
    /// How long to go on serving after a stop was asked for.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub shutdown_delay: Duration,
    /// Runtime threads; `None` = one for each core this process may use.
    pub workers: Option<NonZeroUsize>,
    /// The port of HTTP; 80 by default.
    pub http_port: u16,
    /// The port of HTTPS; 443 by default.
    pub https_port: u16,
    /// Series about requests; `None` = none.
    pub metrics: Option<MetricsOptions>,
    /// Certificates and TLS.
    pub tls: GlobalTls,
    /// What survives a restart; `None` = in the usual place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// The server that nodes share: counters, grants, cooldowns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<Secret>,
}

/// `metrics { … }`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MetricsOptions {
    /// A label with the host; hosts of no site are `_other`.
    pub per_host: bool,
    /// Hosts that only a site of every host serves get their own label as well.
    pub observe_catchall_hosts: bool,
    /// Sent over OTLP as well.
    pub otlp: bool,
}

/// Certificates and TLS of the process.
#[derive(Clone, Debug, Serialize)]
pub struct GlobalTls {
    /// What happens by itself for sites with a host name.
    pub auto_https: AutoHttps,
    /// The address of ACME accounts.
    pub email: Option<String>,
    /// The authority of this process issues all certificates.
    pub local_certs: bool,
    /// The name assumed when a client names none.
    pub default_sni: Option<String>,
    /// The name assumed when no certificate fits the one a client names.
    pub fallback_sni: Option<String>,
    /// Who decides about certificates obtained during handshakes; `None` = nobody, and none is.
    pub on_demand: Option<OnDemandPermission>,
    /// Issuers of sites without their own, tried in this order.
    pub issuers: Vec<Issuer>,
    /// The kind of keys; P-256 by default.
    pub key_type: Option<KeyType>,
    /// Between two looks for certificates that must be renewed; 10 min by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub renew_interval: Duration,
    /// The part of a certificate's lifetime, at its end, in which it is renewed; a third by default.
    pub renewal_window_ratio: Option<f64>,
    /// OCSP answers are stapled.
    pub ocsp_stapling: bool,
    /// Between two looks at OCSP answers; 1 h by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub ocsp_interval: Duration,
    /// The folder in which accounts and certificates are kept; the data folder of the platform by default.
    pub storage: Option<PathBuf>,
    /// Between two cleanings of it, 24 h by default; `None` = never cleaned.
    #[serde(serialize_with = "ferrogate_types::serialize_duration_option")]
    pub storage_clean_interval: Option<Duration>,
    /// Who sets DNS records for whoever names nobody else.
    pub dns: Option<DnsProvider>,
    /// DNS servers to ask about challenges.
    pub resolvers: Vec<String>,
    /// Authorities of this process; `local` exists without being written.
    pub authorities: Vec<CertificateAuthority>,
}

/// `auto_https …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AutoHttps {
    /// Certificates are obtained.
    pub certificates: bool,
    /// HTTP is redirected to HTTPS.
    pub redirects: bool,
    /// Certificates are obtained even for names for which a file is given.
    pub ignore_loaded_certs: bool,
}

/// Who decides about certificates obtained during handshakes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDemandPermission {
    /// A `GET` of this URL with `?domain=NAME`: 200 allows.
    Ask(String),
}

/// `pki { ca ID { … } }`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CertificateAuthority {
    /// Its id; `local` by default.
    pub id: String,
    /// What people call it.
    pub name: Option<String>,
    /// The common name of its root.
    pub root_cn: Option<String>,
    /// The common name of its intermediate.
    pub intermediate_cn: Option<String>,
    /// The lifetime of its intermediate; 7 days by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub intermediate_lifetime: Duration,
    /// Between two looks at its certificates; 10 min by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub maintenance_interval: Duration,
    /// The part of its intermediate's lifetime, at its end, in which it is renewed; a fifth by default.
    pub renewal_window_ratio: Option<f64>,
    /// A root that exists; one is made when absent.
    pub root: Option<KeyPairFiles>,
    /// An intermediate that exists; one is made when absent.
    pub intermediate: Option<KeyPairFiles>,
}

/// Files of an authority's certificate and key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyPairFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// The key; a root that only has to be trusted needs none.
    pub key: Option<PathBuf>,
}
