//! Authorities that issue certificates.

use std::path::PathBuf;
use std::time::Duration;

use ferrogate_types::Secret;
use serde::Serialize;

/// An authority that issues certificates.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Issuer {
    /// An authority that speaks ACME. Source: RFC 8555.
    Acme(Box<AcmeIssuer>),
    /// The authority of this process.
    Internal(InternalIssuer),
    /// ZeroSSL's own API.
    Zerossl(ZerosslIssuer),
}

/// `issuer acme { … }`.
#[derive(Clone, Debug, Serialize)]
pub struct AcmeIssuer {
    /// The directory's URL; Let's Encrypt's by default.
    pub directory: String,
    /// The directory to try again with after a failure; none for authorities without one.
    pub test_directory: Option<String>,
    /// The account's address.
    pub email: Option<String>,
    /// The certificate profile to ask for.
    pub profile: Option<String>,
    /// For one request to the authority; as the client has it when absent.
    #[serde(serialize_with = "ferrogate_types::serialize_duration_option")]
    pub timeout: Option<Duration>,
    /// The lifetime to ask for; the authority's own when absent.
    #[serde(serialize_with = "ferrogate_types::serialize_duration_option")]
    pub lifetime: Option<Duration>,
    /// HTTP-01 may be used.
    pub http_challenge: bool,
    /// TLS-ALPN-01 may be used.
    pub tls_alpn_challenge: bool,
    /// A port other than the HTTP port on which HTTP-01 is answered.
    pub alt_http_port: Option<u16>,
    /// A port other than the HTTPS port on which TLS-ALPN-01 is answered.
    pub alt_tls_alpn_port: Option<u16>,
    /// The account at the authority that this one belongs to.
    pub external_account: Option<ExternalAccount>,
    /// PEM files of roots to trust when speaking to the authority; the system's when empty.
    pub trusted_roots: Vec<PathBuf>,
    /// DNS-01; the only challenge when present.
    pub dns: Option<DnsChallenge>,
    /// Which of several chains is taken.
    pub preferred_chains: Option<ChainPreference>,
}

/// Let's Encrypt.
pub(crate) const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Let's Encrypt's staging environment.
pub(crate) const LETS_ENCRYPT_STAGING: &str =
    "https://acme-staging-v02.api.letsencrypt.org/directory";
/// ZeroSSL over ACME.
pub(crate) const ZEROSSL: &str = "https://acme.zerossl.com/v2/DV90";

impl Default for AcmeIssuer {
    fn default() -> Self {
        Self {
            directory: LETS_ENCRYPT.to_owned(),
            test_directory: Some(LETS_ENCRYPT_STAGING.to_owned()),
            email: None,
            profile: None,
            timeout: None,
            lifetime: None,
            http_challenge: true,
            tls_alpn_challenge: true,
            alt_http_port: None,
            alt_tls_alpn_port: None,
            external_account: None,
            trusted_roots: Vec::new(),
            dns: None,
            preferred_chains: None,
        }
    }
}

/// External account binding. Source: RFC 8555, section 7.3.4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExternalAccount {
    /// The key's id.
    pub key_id: String,
    /// The key, base64url.
    pub mac_key: Secret,
}

/// The DNS-01 challenge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DnsChallenge {
    /// Who sets the records; the global `dns` when absent.
    pub provider: Option<DnsProvider>,
    /// The records' time to live.
    #[serde(serialize_with = "ferrogate_types::serialize_duration_option")]
    pub ttl: Option<Duration>,
    /// How long to wait before looking for the record.
    #[serde(serialize_with = "ferrogate_types::serialize_duration_option")]
    pub propagation_delay: Option<Duration>,
    /// How long to look for the record; 2 min by default.
    pub propagation_timeout: Option<PropagationTimeout>,
    /// DNS servers to ask for the record, `HOST[:PORT]`.
    pub resolvers: Vec<String>,
    /// The domain to put the record into instead of the name's own.
    pub override_domain: Option<String>,
}

/// How long to look for a DNS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PropagationTimeout {
    /// At most so long.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    For(Duration),
    /// Not at all (`-1`).
    Never,
}

/// A service that sets DNS records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DnsProvider {
    /// Its name: `cloudflare`, `route53`, …
    pub name: String,
    /// What stands on its line after the name.
    pub arguments: Vec<Secret>,
    /// The lines of its block: a name and its values.
    pub options: Vec<(String, Vec<Secret>)>,
}

/// Which of several chains is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainPreference {
    /// The one with the fewest bytes.
    Smallest,
    /// The first whose root has one of these common names.
    RootCommonName(Vec<String>),
    /// The first that has one of these common names anywhere.
    AnyCommonName(Vec<String>),
}

/// `issuer internal { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InternalIssuer {
    /// The authority; `local` by default.
    pub ca: String,
    /// The lifetime of certificates; 12 h by default.
    #[serde(serialize_with = "ferrogate_types::serialize_duration")]
    pub lifetime: Duration,
    /// Sign with the root and not with an intermediate.
    pub sign_with_root: bool,
}

impl Default for InternalIssuer {
    fn default() -> Self {
        Self {
            ca: "local".to_owned(),
            lifetime: Duration::from_hours(12),
            sign_with_root: false,
        }
    }
}

/// `issuer zerossl { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ZerosslIssuer {
    /// The key of the API.
    pub api_key: Secret,
    /// How many days certificates are valid; ZeroSSL's own choice when absent.
    pub validity_days: Option<u32>,
    /// A port other than the HTTP port on which the challenge is answered.
    pub alt_http_port: Option<u16>,
    /// Proof by DNS record.
    pub dns: Option<DnsChallenge>,
}

/// A kind of private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    /// Ed25519.
    Ed25519,
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// RSA, 2048 bits.
    Rsa2048,
    /// RSA, 4096 bits.
    Rsa4096,
}
