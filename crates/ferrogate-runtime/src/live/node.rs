//! The running process, as the admin API sees it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use ferrogate_admin::{
    Admin, Caller, Changed, Check, ConfigApplied, ConfigInForce, ConfigRefusal, ConfigSource,
    Declared, Fact, Format, Node, Question,
};
use ferrogate_auth::{KeyDirectory, KeyRecord, Keyring, TenantTree};
use ferrogate_billing::holder_accounts;
use ferrogate_config::{Report, SourceFormat};
use ferrogate_proxy::{AdminApi, AdminBody, AdminCaller, overview};
use ferrogate_types::{KeyId, Subject, clock};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{Applied, InForce, Live, Refused, explain, stored};
use crate::lower::{self, limit_spec};

#[async_trait]
impl Node for Live {
    fn keys(&self) -> Arc<KeyDirectory> {
        let snapshot = self.shared.snapshot();
        let first = snapshot.gateways.first();
        first.map_or_else(
            || {
                let none = Arc::new(Keyring::new(Vec::new()));
                Arc::new(KeyDirectory::new(
                    none,
                    Arc::clone(&self.shared.credentials),
                ))
            },
            |gateway| Arc::clone(&gateway.keys),
        )
    }

    fn tenants(&self) -> Arc<TenantTree> {
        let snapshot = self.shared.snapshot();
        let first = snapshot.gateways.first();
        first.map_or_else(Arc::default, |gateway| Arc::clone(&gateway.tenants))
    }

    fn declared(&self) -> Arc<Declared> {
        let config = Arc::clone(&self.in_force.read().config);
        let mut declared = Declared::default();
        for gateway in &config.ai_gateways {
            let keys = gateway.api_keys.iter();
            declared
                .keys
                .extend(keys.map(|key| (key.id.clone(), key.limits.clone())));
            let tenants = gateway.tenants.iter();
            declared
                .tenants
                .extend(tenants.map(|tenant| (tenant.id.clone(), tenant.limits.clone())));
            // What cannot be read is not in force.
            let policies = gateway.policies.iter();
            declared
                .policies
                .extend(policies.filter_map(|policy| lower::rule(policy).ok()));
        }
        Arc::new(declared)
    }

    fn records_calls(&self) -> bool {
        self.shared.records_calls()
    }

    async fn facts(&self, of: Fact<'_>) -> Option<Value> {
        let snapshot = self.shared.snapshot();
        let named = |list: Vec<Value>, name: &str| {
            let mut list = list.into_iter();
            list.find(|one| one["name"].as_str() == Some(name))
        };
        match of {
            Fact::Status => Some(overview::status(&self.shared, &snapshot)),
            Fact::Health => Some(overview::health(&snapshot).1),
            Fact::Version => Some(json!({
                "service": "ferrogate",
                "version": self.shared.settings().version,
            })),
            Fact::Providers => Some(overview::providers(&snapshot).into()),
            Fact::Provider(name) => named(overview::providers(&snapshot), name),
            Fact::ProviderHealth => Some(overview::provider_health(&snapshot).into()),
            Fact::Models => Some(overview::models(&snapshot).into()),
            Fact::Model(name) => named(overview::models(&snapshot), name),
            Fact::Dashboard
            | Fact::ProviderCatalog
            | Fact::ProviderTest(_)
            | Fact::Catalog
            | Fact::PluginCatalog
            | Fact::Certificates => None,
        }
    }

    async fn key_changed(&self, key: &KeyRecord) {
        // What puts all keys in force at the same time may not know this one yet.
        let _one_at_a_time = self.changing.lock().await;
        self.put_limits(key);
    }

    async fn key_removed(&self, key: &KeyId) {
        let subject = Subject::Key(key.clone());
        let _one_at_a_time = self.changing.lock().await;
        let book = self.shared.books.ledger.book();
        book.replace(&subject, Vec::new(), clock::since_epoch());
        for gateway in &self.shared.snapshot().gateways {
            gateway.limits.withdraw(&subject);
        }
    }

    async fn refresh(&self, _what: Changed) -> Result<(), String> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let _one_at_a_time = self.changing.lock().await;
        let config = Arc::clone(&self.in_force.read().config);
        let issued = &self.shared.credentials.issued;
        let declared = stored::declared(store, issued, &config).await?;
        self.declare(declared).map_err(|errors| {
            let errors = errors.iter().map(ToString::to_string);
            errors.collect::<Vec<_>>().join("; ")
        })
    }

    async fn drain(&self, on: bool) {
        self.draining.store(on, Ordering::Release);
    }

    async fn config(&self) -> ConfigInForce {
        let InForce {
            config, version, ..
        } = self.in_force.read().clone();
        let text = serde_json::to_string_pretty(&*config).unwrap_or_default();
        ConfigInForce {
            text,
            format: Format::Json,
            file: Some(self.origin.file.display().to_string()),
            revision: self.shared.snapshot().revision.clone(),
            version,
        }
    }

    async fn check(&self, document: &ConfigSource, check: Check) -> Result<Value, ConfigRefusal> {
        let (config, report) = self.document(document)?;
        let told = report.to_json()["diagnostics"].clone();
        let changed = Live::check(self, &config, report).map_err(refusal)?;
        Ok(match check {
            Check::Validate => json!({ "valid": true, "diagnostics": told }),
            Check::Diff => json!({ "changed": changed, "diagnostics": told }),
        })
    }

    async fn apply(
        &self,
        document: &ConfigSource,
        version: Option<u64>,
    ) -> Result<ConfigApplied, ConfigRefusal> {
        let _one_at_a_time = self.changing.lock().await;
        let (config, report) = self.document(document)?;
        let Applied {
            revision,
            changed,
            report,
        } = Live::apply(self, config, report, version).map_err(refusal)?;
        Ok(ConfigApplied {
            revision,
            changed,
            diagnostics: diagnostics(&report),
        })
    }

    async fn explain(&self, question: Question) -> Result<Value, String> {
        let request = explain::request(question)?;
        let config = Arc::clone(&self.in_force.read().config);
        let env = |name: &str| (self.origin.env)(name);
        let prepared = crate::check(&config, &self.origin.home(), &env).map_err(|errors| {
            let errors = errors.iter().map(ToString::to_string);
            errors.collect::<Vec<_>>().join("; ")
        })?;
        Ok(crate::explain(&prepared, &request).json)
    }
}

impl Live {
    /// Takes in a key that another node made or changed; its limits are in force before it is.
    pub(crate) async fn take_key(&self, key: KeyRecord) {
        let _one_at_a_time = self.changing.lock().await;
        let issued = &self.shared.credentials.issued;
        let known = issued.get(key.spec.id.as_str());
        if known.is_some_and(|known| known.record().version >= key.version) {
            return;
        }
        self.put_limits(&key);
        issued.upsert(key);
    }

    /// Puts the limits and budgets of a key in force.
    fn put_limits(&self, key: &KeyRecord) {
        let limits = stored::of_key(key);
        let subject = Subject::Key(key.spec.id.clone());
        let config = Arc::clone(&self.in_force.read().config);
        match holder_accounts(&subject, &limits, config.global.shared.is_some()) {
            Ok(accounts) => {
                let book = self.shared.books.ledger.book();
                book.replace(&subject, accounts, clock::since_epoch());
            }
            Err(error) => tracing::error!(key = %key.spec.id, %error, "a key has no budgets"),
        }
        for gateway in &self.shared.snapshot().gateways {
            gateway.limits.declare(&subject, limit_spec(&limits));
        }
    }

    fn document(
        &self,
        document: &ConfigSource,
    ) -> Result<(ferrogate_config::model::Config, Report), ConfigRefusal> {
        let read = match document {
            ConfigSource::File => self.read(None),
            ConfigSource::Text {
                text,
                format,
                filename,
            } => {
                let (format, usual) = match format {
                    Format::Caddyfile => (SourceFormat::Caddyfile, "Caddyfile"),
                    Format::Toml => (SourceFormat::Toml, "ferrogate.toml"),
                    Format::Json => {
                        return Err(ConfigRefusal::NotAvailable(
                            "the resolved model can be read and not be written; send a Caddyfile or TOML"
                                .to_owned(),
                        ));
                    }
                };
                let name = filename.as_deref().unwrap_or(usual);
                self.read(Some((name, text, format)))
            }
        };
        read.map_err(refusal)
    }
}

fn refusal(refused: Refused) -> ConfigRefusal {
    match refused {
        Refused::Invalid(report) => ConfigRefusal::Invalid(diagnostics(&report)),
        Refused::Fixed(settings) => ConfigRefusal::UpgradeRequired(settings),
    }
}

fn diagnostics(report: &Report) -> Vec<Value> {
    match report.to_json().get_mut("diagnostics").map(Value::take) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

/// The admin API, answered on the threads that work for the stores.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) admin: Admin,
    pub(crate) handle: Handle,
}

#[async_trait]
impl AdminApi for Gate {
    fn serves(&self, path: &str) -> bool {
        Admin::serves(path)
    }

    async fn answer(
        &self,
        caller: AdminCaller,
        request: Request<bytes::Bytes>,
    ) -> Response<AdminBody> {
        let AdminCaller {
            principal,
            address,
            secure,
        } = caller;
        let caller = Caller {
            principal,
            address,
            secure,
        };
        let admin = self.admin.clone();
        // A change that was begun is ended, whether or not its caller waits for it.
        let answering = self
            .handle
            .spawn(async move { admin.answer(caller, request).await });
        match answering.await {
            Ok(answer) => answer.map(|body| body.map_err(Into::into).boxed_unsync()),
            Err(error) => {
                tracing::error!(%error, "the admin API failed");
                let mut answer = Response::new(AdminBody::default());
                *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                answer
            }
        }
    }
}
