//! A process that does at once what it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ferrogate_admin::{
    Changed, Check, ConfigApplied, ConfigInForce, ConfigRefusal, ConfigSource, Declared, Fact,
    Format, Node, Question, budget_account, parse_limits,
};
use ferrogate_auth::{
    Credentials, KeyCredential, KeyDirectory, KeyRecord, KeySpec, Keyring, MasterKey, TenantSpec,
    TenantTree, TokenVerifier,
};
use ferrogate_billing::Ledger;
use ferrogate_policy::{Effect, Rule};
use ferrogate_storage::{DocumentKind, DocumentStore as _, Store, TenantStore as _};
use ferrogate_types::{KeyId, Scope, ScopeSet, Secret, Subject, clock};
use parking_lot::Mutex;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct FakeNode {
    pub(crate) keys: Arc<KeyDirectory>,
    tenants: Mutex<Arc<TenantTree>>,
    declared: Arc<Declared>,
    store: Arc<Store>,
    ledger: Ledger,
    pub(crate) records_calls: AtomicBool,
    pub(crate) draining: AtomicBool,
    config: Mutex<ConfigInForce>,
    /// What the process was told, in order.
    pub(crate) told: Mutex<Vec<String>>,
}

fn key(id: &str, tenant: Option<&str>, scopes: ScopeSet) -> KeySpec {
    KeySpec {
        scopes,
        tenant: tenant.map(|tenant| tenant.parse().unwrap()),
        ..KeySpec::new(
            id.parse().unwrap(),
            KeyCredential::Plain(Secret::literal(format!("secret-of-{id}"))),
        )
    }
}

impl FakeNode {
    /// A file with the keys `file-key` of nobody and `acme-admin` of the tenant `acme`, which is in `org`, and a policy.
    /// Without a master key these cannot administer either.
    pub(crate) fn new(store: Arc<Store>, ledger: Ledger, master: bool) -> Self {
        let scopes = ScopeSet::all().iter();
        let scopes = scopes.filter(|&scope| master || scope != Scope::AdminWrite);
        let scopes: ScopeSet = scopes.collect();
        let ring = Keyring::new(vec![
            key("file-key", None, scopes),
            key("acme-admin", Some("acme"), scopes),
        ]);
        let master = master.then(|| MasterKey::new(&Secret::literal("the-master")).unwrap());
        let lasting = Arc::new(Credentials::new(master, TokenVerifier::default()));
        let limits =
            parse_limits(r#"{"max_concurrency":3,"budgets":[{"amount":"5","per":"day"}]}"#);
        let limits = limits.unwrap();
        let subject = Subject::Key("file-key".parse().unwrap());
        for account in ferrogate_billing::holder_accounts(&subject, &limits, false).unwrap() {
            ledger.book().put(account, clock::since_epoch());
        }
        let declared = Declared {
            keys: BTreeMap::from([("file-key".parse().unwrap(), limits)]),
            tenants: ["org", "acme"]
                .map(|id| {
                    (
                        id.parse().unwrap(),
                        ferrogate_types::limits::Limits::default(),
                    )
                })
                .into(),
            policies: vec![Rule::new("in-file", Effect::Deny)],
        };
        Self {
            keys: Arc::new(KeyDirectory::new(Arc::new(ring), lasting)),
            tenants: Mutex::new(Arc::new(TenantTree::new(of_file()).unwrap())),
            declared: Arc::new(declared),
            store,
            ledger,
            records_calls: AtomicBool::new(true),
            draining: AtomicBool::new(false),
            config: Mutex::new(ConfigInForce {
                text: "from the file".to_owned(),
                format: Format::Caddyfile,
                file: Some("/etc/ferrogate/Caddyfile".to_owned()),
                revision: "r-file".to_owned(),
                version: None,
            }),
            told: Mutex::default(),
        }
    }

    fn tell(&self, what: impl Into<String>) {
        self.told.lock().push(what.into());
    }

    fn put_accounts(&self, subject: &Subject, limits: &str) {
        let limits = parse_limits(limits).unwrap();
        for account in ferrogate_billing::holder_accounts(subject, &limits, false).unwrap() {
            self.ledger.book().put(account, clock::since_epoch());
        }
    }
}

fn of_file() -> Vec<TenantSpec> {
    let org = TenantSpec::new("org".parse().unwrap(), None);
    let acme = TenantSpec::new("acme".parse().unwrap(), Some("org".parse().unwrap()));
    vec![org, acme]
}

fn text(source: &ConfigSource) -> (String, Format) {
    match source {
        ConfigSource::Text { text, format, .. } => (text.clone(), *format),
        ConfigSource::File => ("from the file".to_owned(), Format::Caddyfile),
    }
}

fn refuse(text: &str) -> Result<(), ConfigRefusal> {
    if text.contains("broken") {
        let diagnostic = json!({ "code": "unknown-directive", "line": 1 });
        Err(ConfigRefusal::Invalid(vec![diagnostic]))
    } else if text.contains("workers") {
        Err(ConfigRefusal::UpgradeRequired(vec!["workers".to_owned()]))
    } else {
        Ok(())
    }
}

#[async_trait::async_trait]
impl Node for FakeNode {
    fn keys(&self) -> Arc<KeyDirectory> {
        Arc::clone(&self.keys)
    }

    fn tenants(&self) -> Arc<TenantTree> {
        Arc::clone(&self.tenants.lock())
    }

    fn declared(&self) -> Arc<Declared> {
        Arc::clone(&self.declared)
    }

    fn records_calls(&self) -> bool {
        self.records_calls.load(Ordering::Relaxed)
    }

    async fn facts(&self, of: Fact<'_>) -> Option<Value> {
        match of {
            Fact::Status => Some(json!({ "service": "ferrogate" })),
            Fact::Version => Some(json!({ "version": "0.1.0" })),
            Fact::Providers => Some(json!([{ "name": "openai" }, { "name": "anthropic" }])),
            Fact::Provider("openai") => Some(json!({ "name": "openai" })),
            Fact::ProviderTest("openai") => Some(json!({ "ok": true })),
            Fact::Models => Some(json!([])),
            _ => None,
        }
    }

    async fn key_changed(&self, key: &KeyRecord) {
        self.tell(format!("key {} changed", key.spec.id));
        self.put_accounts(&Subject::Key(key.spec.id.clone()), &key.limits);
    }

    async fn key_removed(&self, key: &KeyId) {
        self.tell(format!("key {key} removed"));
    }

    async fn refresh(&self, what: Changed) -> Result<(), String> {
        self.tell(format!("{what:?} changed"));
        match what {
            Changed::Tenants => {
                let stored = self
                    .store
                    .tenants(None, 1_000)
                    .await
                    .map_err(|e| e.to_string())?;
                let records = stored
                    .iter()
                    .map(|stored| ferrogate_storage::tenant_from_store(stored.clone()).unwrap());
                let mut specs = of_file();
                for record in records {
                    self.put_accounts(&Subject::Tenant(record.spec.id.clone()), &record.limits);
                    specs.push(record.spec);
                }
                *self.tenants.lock() = Arc::new(TenantTree::new(specs).unwrap());
            }
            Changed::Budgets => {
                let budgets = self
                    .store
                    .documents(DocumentKind::Budget, None, 1_000)
                    .await;
                let budgets = budgets.map_err(|error| error.to_string())?;
                let now = clock::since_epoch();
                for state in self.ledger.book().states(now) {
                    if !state.spec.id.as_str().contains(':') {
                        self.ledger.book().remove(&state.spec.id);
                    }
                }
                for budget in &budgets {
                    self.ledger
                        .book()
                        .put(budget_account(budget, false).unwrap(), now);
                }
            }
            Changed::Policies => {}
        }
        Ok(())
    }

    async fn drain(&self, on: bool) {
        self.draining.store(on, Ordering::Relaxed);
    }

    async fn config(&self) -> ConfigInForce {
        self.config.lock().clone()
    }

    async fn check(&self, source: &ConfigSource, check: Check) -> Result<Value, ConfigRefusal> {
        let (text, format) = text(source);
        refuse(&text)?;
        Ok(match check {
            Check::Validate => json!({ "format": format.as_str() }),
            Check::Diff => json!({ "changed": [text] }),
        })
    }

    async fn apply(
        &self,
        source: &ConfigSource,
        version: Option<u64>,
    ) -> Result<ConfigApplied, ConfigRefusal> {
        let (text, format) = text(source);
        refuse(&text)?;
        if text.contains("last moment") {
            return Err(ConfigRefusal::UpgradeRequired(vec!["pid_file".to_owned()]));
        }
        let mut config = self.config.lock();
        config.revision = version.map_or("r-file".to_owned(), |version| format!("r-{version}"));
        config.text = text;
        config.format = format;
        config.version = version;
        Ok(ConfigApplied {
            revision: config.revision.clone(),
            changed: vec!["site example.com".to_owned()],
            diagnostics: Vec::new(),
        })
    }

    async fn explain(&self, question: Question) -> Result<Value, String> {
        if question.url.contains("nowhere") {
            return Err("no listener there".to_owned());
        }
        Ok(json!({ "method": question.method, "body": question.body.map(|body| body.len()) }))
    }
}
