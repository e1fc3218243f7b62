//! What the running process tells the admin API, and does for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ferrogate_auth::{KeyDirectory, KeyRecord, TenantTree};
use ferrogate_policy::Rule;
use ferrogate_types::limits::Limits;
use ferrogate_types::{KeyId, TenantId};
use serde_json::Value;

/// The running process.
///
/// A method that puts something in force returns when the data plane runs with it, so that an answer is never ahead of
/// what it says. None of them is called while a request of the data plane waits.
#[async_trait]
pub trait Node: fmt::Debug + Send + Sync {
    /// The credentials in force. The admin API puts keys it made or changed into
    /// [`Credentials::issued`](ferrogate_auth::Credentials) by itself.
    fn keys(&self) -> Arc<KeyDirectory>;

    /// The tenants in force, those of the file and those of the state store.
    fn tenants(&self) -> Arc<TenantTree>;

    /// What the configuration in force declares besides.
    fn declared(&self) -> Arc<Declared>;

    /// Whether calls are recorded; where not, their records are answered with 501.
    fn records_calls(&self) -> bool;

    /// What the process knows of itself, as it is to be shown. Nothing where there is no such thing: 404 for one that is
    /// asked for by name, 501 for the rest. Arrays are shown as lists.
    async fn facts(&self, of: Fact<'_>) -> Option<Value>;

    /// Puts the limits and budgets of a key in force that was made or changed.
    async fn key_changed(&self, key: &KeyRecord);

    /// Takes the limits and budgets of a key out of force that was deleted.
    async fn key_removed(&self, key: &KeyId);

    /// Reads again what the state store has of it, and puts that in force. An error says in words why that was not
    /// possible; what was in force stays.
    async fn refresh(&self, what: Changed) -> Result<(), String>;

    /// Begins to drain, or ends that: a node that drains is not ready, and goes on serving.
    async fn drain(&self, on: bool);

    /// The configuration in force.
    async fn config(&self) -> ConfigInForce;

    /// Reads a document, and says what would become of it: nothing is changed, and what [`apply`](Self::apply) would
    /// refuse is refused. The value, an object, is shown as it is; of a [`Check::Diff`] it says what would change.
    async fn check(&self, document: &ConfigSource, check: Check) -> Result<Value, ConfigRefusal>;

    /// Reads a document and puts it in force, all of it or nothing. The state store has it already, under this number
    /// where it is not the file's.
    async fn apply(
        &self,
        document: &ConfigSource,
        version: Option<u64>,
    ) -> Result<ConfigApplied, ConfigRefusal>;

    /// Says what would become of a request, and why. An error says in words what is wrong with the question.
    async fn explain(&self, question: Question) -> Result<Value, String>;
}

/// What the configuration in force declares.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Limits and budgets of its keys.
    pub keys: BTreeMap<KeyId, Limits>,
    /// Its tenants, with their limits and budgets.
    pub tenants: BTreeMap<TenantId, Limits>,
    /// Its policies.
    pub policies: Vec<Rule>,
}

/// Something a process knows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    /// Versions, counts, revision, uptime.
    Status,
    /// An overview for the console.
    Dashboard,
    /// Providers and parts with how they fare.
    Health,
    /// The version of the binary.
    Version,
    /// The providers of the configuration: an array.
    Providers,
    /// One of them.
    Provider(&'a str),
    /// How they fare: an array.
    ProviderHealth,
    /// The providers that there could be: an array.
    ProviderCatalog,
    /// What came of asking this provider something, now.
    ProviderTest(&'a str),
    /// The models of the configuration: an array.
    Models,
    /// One of them.
    Model(&'a str),
    /// Models with their prices and capabilities: an array.
    Catalog,
    /// The kinds of guardrails: an array.
    PluginCatalog,
    /// Certificates with their names and times: an array.
    Certificates,
}

/// What was changed in the state store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A tenant.
    Tenants,
    /// A policy.
    Policies,
    /// A budget.
    Budgets,
}

/// A configuration to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// A text.
    Text {
        /// The text.
        text: String,
        /// What it is written in.
        format: Format,
        /// What it is called in diagnostics, and what its imports are relative to.
        filename: Option<String>,
    },
    /// The file the process was started with.
    File,
}

/// What a configuration is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A Caddyfile.
    Caddyfile,
    /// TOML.
    Toml,
    /// The resolved model.
    Json,
}

/// What is wanted of a document that is not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Whether it could be.
    Validate,
    /// What would change.
    Diff,
}

/// The configuration in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigInForce {
    /// Its text with secrets scrubbed.
    pub text: String,
    /// What it is written in.
    pub format: Format,
    /// The file the process was started with.
    pub file: Option<String>,
    /// Its revision: an `ETag`, and what answers of the data plane are marked with.
    pub revision: String,
    /// Its number in the state store; nothing when it is the file's.
    pub version: Option<u64>,
}

/// A configuration that is in force now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigApplied {
    /// Its revision.
    pub revision: String,
    /// What changed, in words.
    pub changed: Vec<String>,
    /// Warnings.
    pub diagnostics: Vec<Value>,
}

/// Why a configuration was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigRefusal {
    /// It is wrong: diagnostics, in the order of the text.
    Invalid(Vec<Value>),
    /// It changes settings that only a new process can take: their names.
    UpgradeRequired(Vec<String>),
    /// This gateway does not read such a document: why, in words.
    NotAvailable(String),
}

/// A request to explain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The method.
    pub method: String,
    /// Where to: an absolute URL.
    pub url: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// The body, where there is one.
    pub body: Option<Vec<u8>>,
    /// The key it would show.
    pub key: Option<KeyId>,
}

impl Format {
    /// Every format, with its word.
    pub const ALL: [(&'static str, Self); 3] = [
        ("caddyfile", Self::Caddyfile),
        ("toml", Self::Toml),
        ("json", Self::Json),
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caddyfile => "caddyfile",
            Self::Toml => "toml",
            Self::Json => "json",
        }
    }
}
