//! TLS of sites: certificates, and settings of the connections they are shown on.

use std::path::PathBuf;

use serde::Serialize;

use super::{Issuer, KeyType};

/// A site's certificates and TLS settings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TlsPolicy {
    /// Certificates in files.
    pub certificates: Vec<CertificateFiles>,
    /// Folders of PEM bundles, each with a chain and its key.
    pub load: Vec<PathBuf>,
    /// The names the site is served under with TLS, each with where its certificate comes from. Empty for a site of
    /// every host.
    pub names: Vec<ServedName>,
    /// How certificates that are not in files are obtained.
    pub automation: Automation,
    /// Settings of the connections.
    pub connection: ConnectionPolicy,
}

/// A certificate and its key, in PEM files that were readable and matched when the configuration was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A name, and where its certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServedName {
    /// A host name in lower case, a name with `*` as its first label, or an IP address.
    pub name: String,
    /// Where its certificate comes from.
    pub source: CertificateSource,
}

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateSource {
    /// The files of the site.
    Files,
    /// An authority outside this process, through [`Automation::issuers`].
    Public,
    /// The authority of this process, because the site, the global options or the kind of name want it so.
    Internal,
    /// The certificate of this other name, a wildcard.
    Wildcard(String),
    /// It is obtained during the first handshake.
    OnDemand,
    /// Nowhere: automatic HTTPS is switched off.
    Nowhere,
}

/// How certificates are obtained.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Automation {
    /// Tried in this order for names of [`CertificateSource::Public`] and [`CertificateSource::OnDemand`]; the global
    /// ones, or Let's Encrypt and ZeroSSL, by default.
    pub issuers: Vec<Issuer>,
    /// The kind of key; P-256 by default.
    pub key_type: Option<KeyType>,
    /// Certificates are obtained during handshakes, if the global permission allows it.
    pub on_demand: bool,
    /// A renewed certificate keeps its key.
    pub reuse_private_keys: bool,
    /// Own certificates even where a wildcard one would do.
    pub force_automate: bool,
    /// The part of a certificate's lifetime, at its end, in which it is renewed: above 0, below 1; a third by default.
    pub renewal_window_ratio: Option<f64>,
    /// The folder in which accounts and certificates are kept; the global one by default.
    pub storage: Option<PathBuf>,
}

/// Settings of TLS connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionPolicy {
    /// The oldest version; 1.2 by default.
    pub min_version: Option<TlsVersion>,
    /// The newest version; 1.3 by default.
    pub max_version: Option<TlsVersion>,
    /// Suites of TLS 1.2 by their IANA names; safe ones when empty.
    pub ciphers: Vec<String>,
    /// Key exchange groups in order of preference; safe ones when empty.
    pub curves: Vec<String>,
    /// Protocols offered by ALPN; those of the listener when empty.
    pub alpn: Vec<String>,
    /// Certificates of clients; not asked for by default.
    pub client_auth: Option<ClientAuth>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[serde(rename = "tls1.2")]
    Tls12,
    /// RFC 8446.
    #[serde(rename = "tls1.3")]
    Tls13,
}

/// Certificates of clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientAuth {
    /// What is asked of a client.
    pub mode: ClientAuthMode,
    /// Authorities that may have issued the certificate.
    pub trust_pool: Vec<TrustSource>,
    /// Certificates, one of which must be the client's own; any good one will do when empty.
    pub leafs: Vec<LeafSource>,
}

/// Where certificates of known clients are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeafSource {
    /// A PEM file that was readable when the configuration was read.
    File(PathBuf),
    /// A folder of PEM files.
    Folder(PathBuf),
    /// A certificate written out, base64 of its DER form.
    Inline(String),
    /// A key of the storage.
    Storage(String),
}

/// What is asked of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMode {
    /// A certificate is asked for, and nothing about it is checked.
    Request,
    /// There must be one; nothing about it is checked.
    Require,
    /// One that is there must be good.
    VerifyIfGiven,
    /// There must be a good one.
    RequireAndVerify,
}

/// Where trusted authorities come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustSource {
    /// A PEM file that was readable when the configuration was read.
    File(PathBuf),
    /// A certificate written out, base64 of its DER form.
    Inline(String),
    /// The root of an authority of this process.
    PkiRoot(String),
    /// The intermediate of an authority of this process.
    PkiIntermediate(String),
    /// A PEM file fetched over HTTP(S) at start.
    Http(String),
    /// A key of the storage.
    Storage(String),
    /// The roots of the system.
    System,
}
