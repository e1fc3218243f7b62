//! What outlives a configuration: stores, the books of calls, credentials, and the chores that keep them.
//!
//! All of it works on threads of its own: no worker waits for a database. What is written down goes to the ledger's
//! journal or into bounded queues first, and a chore brings it to the stores.

mod books;
mod call_log;
mod chores;
mod declared;
mod identity;
mod jwks;
mod place;

use std::sync::Arc;
use std::time::Duration;

use ferrogate_auth::{Credentials, KeyStore as _, SessionStore as _, Sessions};
use ferrogate_billing::{AccountSpec, Drainer, Ledger, LedgerStore as _};
use ferrogate_config::model::Config;
use ferrogate_proxy::{Books, CallLog};
use ferrogate_storage::{ConfigStore as _, LogTask, LogWriter, LogWriterSettings, RateTask, Store};
use ferrogate_types::clock;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub(crate) use declared::Declared;
pub(crate) use identity::credentials;
pub(crate) use place::Place;

use crate::boot::RunError;
use crate::live::{Live, Origin, at_changes, at_hangups, declared};
use crate::lower::chain;
use books::Opened;
use jwks::HttpKeys;

/// How long a start waits for what a store remembers.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the end waits until everything is written.
const GRACE: Duration = Duration::from_secs(10);

/// What outlives a configuration. To be [finished](Self::finish) when nothing is served any more.
pub(crate) struct State {
    runtime: Runtime,
    stop: watch::Sender<bool>,
    chores: JoinSet<()>,
    /// Where everything is kept.
    pub(crate) store: Option<Arc<Store>>,
    /// Where entries about requests are kept.
    pub(crate) request_logs: Option<Arc<Store>>,
    log_writer: Option<(LogWriter, LogTask)>,
    drainer: Option<Drainer<Store>>,
    rates: Option<RateTask>,
    place: Option<Place>,
    /// Who is signed in.
    sessions: Arc<Sessions>,
    /// Whether the store has told what it remembers.
    told: bool,
    /// A journal that ends with the process.
    _folder: Option<tempfile::TempDir>,
}

impl State {
    /// Opens what is kept at a place.
    pub(crate) fn open(
        place: Option<Place>,
        accounts: Vec<AccountSpec>,
    ) -> Result<(Self, Books), RunError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("state")
            .enable_all()
            .build()
            .map_err(|error| RunError::Internal(error.to_string()))?;
        let Opened {
            books,
            store,
            request_logs,
            rates,
            folder,
        } = runtime.block_on(async { books::open(place.as_ref(), accounts) })?;
        let drainer = store
            .as_ref()
            .and_then(|store| Drainer::new(&books.ledger, Arc::clone(store)));
        let sessions = Arc::new(Sessions::default());
        let log_writer = request_logs.as_ref().map(|store| {
            let store: Arc<Store> = Arc::clone(store);
            LogWriter::new(store, LogWriterSettings::default())
        });
        let state = Self {
            runtime,
            stop: watch::Sender::new(false),
            chores: JoinSet::new(),
            store,
            request_logs,
            log_writer,
            drainer,
            rates,
            place,
            sessions,
            told: true,
            _folder: folder,
        };
        Ok((state, books))
    }

    /// Takes in what the store remembers. One that does not answer is asked again later; until then the journal and the
    /// configuration are what is known.
    pub(crate) fn remember(&mut self, credentials: &Credentials, books: &Books) {
        let Some(store) = &self.store else { return };
        if self.told {
            let look = first_look(store, credentials, &self.sessions, books);
            self.told = self.runtime.block_on(look);
        } else {
            credentials.issued.await_store();
        }
    }

    /// What the store declares besides a configuration; nothing while it does not answer.
    pub(crate) fn declared(&self, credentials: &Credentials, config: &Config) -> Declared {
        let Some(store) = self.answering() else {
            return Declared::default();
        };
        let read = declared(store, &credentials.issued, config);
        let read = self
            .runtime
            .block_on(async { timeout(PATIENCE, read).await });
        match read {
            Ok(Ok(declared)) => declared,
            Ok(Err(reason)) => {
                tracing::warn!(reason, "what the state store declares is not in force yet");
                Declared::default()
            }
            Err(_) => Declared::default(),
        }
    }

    /// The configuration that was applied last through the admin API, with its number, where that is to survive a start;
    /// else the one of the file. One that cannot be run any more is not.
    pub(crate) fn persisted(&mut self, file: Config, origin: &Origin) -> (Config, Option<u64>) {
        let persist = file.global.state.as_ref();
        if !persist.is_some_and(|state| state.persist_config) {
            return (file, None);
        }
        let read = self.answering().map(|store| {
            self.runtime
                .block_on(async { timeout(PATIENCE, store.active_revision()).await })
        });
        let revision = match read {
            Some(Ok(Ok(Some(revision)))) => revision,
            Some(Ok(Ok(None))) => return (file, None),
            None | Some(Ok(Err(_)) | Err(_)) => {
                tracing::warn!(
                    "the store does not tell the configuration that was applied last: the file's is in force"
                );
                return (file, None);
            }
        };
        let version = revision.version;
        let Some(config) = origin.revision(&revision.format, &revision.text) else {
            tracing::error!(
                version,
                "the configuration applied last cannot be run: the file's is in force"
            );
            return (file, None);
        };
        tracing::info!(version, "the configuration applied last is in force");
        (config, Some(version))
    }

    /// Who is signed in.
    pub(crate) fn sessions(&self) -> Arc<Sessions> {
        Arc::clone(&self.sessions)
    }

    /// The store, unless it was asked in vain before: a start waits for it once.
    fn answering(&self) -> Option<&Arc<Store>> {
        self.store.as_ref().filter(|_| self.told)
    }

    /// Where calls are noted down, if they are.
    pub(crate) fn call_log(&self) -> Option<Arc<dyn CallLog>> {
        let (writer, _) = self.log_writer.as_ref()?;
        Some(Arc::new(call_log::Noted(writer.clone())))
    }

    /// The threads that work for the stores.
    pub(crate) fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Begins with the chores.
    pub(crate) fn start(&mut self, live: &Arc<Live>) {
        let shared = &live.shared;
        let handle = self.runtime.handle().clone();
        let stopped = || {
            let mut stop = self.stop.subscribe();
            // The sender lives as long as the state; without it there is nothing to wait for either.
            async move { drop(stop.wait_for(|stop| *stop).await) }
        };
        let mut chores = JoinSet::new();
        let mut writer = None;
        if let Some((front, task)) = self.log_writer.take() {
            chores.spawn_on(task.run(stopped(), GRACE), &handle);
            writer = Some(front);
        }
        let progress = self.drainer.as_ref().map(Drainer::progress);
        if self.place.is_some() {
            let measure = chores::measure(Arc::clone(shared), writer, progress);
            chores.spawn_on(until(stopped(), measure), &handle);
        }
        if let Some(rates) = self.rates.take() {
            chores.spawn_on(rates.run(stopped(), PATIENCE), &handle);
        }
        if let Some(drainer) = self.drainer.take() {
            chores.spawn_on(drainer.run(stopped()), &handle);
        }
        if let Some(store) = &self.store {
            let uses = chores::write_uses(Arc::clone(store), Arc::clone(shared), stopped());
            chores.spawn_on(uses, &handle);
            let sessions = (!self.told).then(|| Arc::clone(&self.sessions));
            let follow = chores::follow(Arc::clone(store), Arc::clone(live), sessions);
            chores.spawn_on(until(stopped(), follow), &handle);
            let tidy = chores::tidy(Arc::clone(store), Arc::clone(&self.sessions));
            chores.spawn_on(until(stopped(), tidy), &handle);
        }
        if let (Some(logs), Some(place)) = (&self.request_logs, &self.place) {
            let sweep = chores::sweep_logs(Arc::clone(logs), place.retention);
            chores.spawn_on(until(stopped(), sweep), &handle);
        }
        chores.spawn_on(until(stopped(), at_hangups(Arc::clone(live))), &handle);
        if live.origin.watched {
            chores.spawn_on(until(stopped(), at_changes(Arc::clone(live))), &handle);
        }
        chores.spawn_on(
            until(stopped(), chores::sweep_limits(Arc::clone(shared))),
            &handle,
        );
        for issuer in shared.credentials.tokens.issuers() {
            let (issuer, keys) = (Arc::clone(issuer), HttpKeys(shared.client.clone()));
            let fresh = async move { issuer.keep_fresh(&keys).await };
            chores.spawn_on(until(stopped(), fresh), &handle);
        }
        if shared.books.grants.is_some() {
            let look = chores::look(Arc::clone(shared));
            chores.spawn_on(until(stopped(), look), &handle);
        }
        self.chores = chores;
    }

    /// Writes what is still to be written, as far as stores take it, and ends.
    pub(crate) fn finish(mut self, ledger: &Ledger) {
        let flushed = self
            .runtime
            .block_on(async { timeout(PATIENCE, ledger.flush()).await });
        match flushed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(
                error = chain(&error),
                "the last charges could not be written to the journal"
            ),
            Err(_) => {
                tracing::error!("the last charges could not be written to the journal in time");
            }
        }
        self.stop.send_replace(true);
        let done = async { while self.chores.join_next().await.is_some() {} };
        let late = self
            .runtime
            .block_on(async { timeout(GRACE + PATIENCE, done).await })
            .is_err();
        if late {
            tracing::warn!(
                "a store did not take everything in time; the rest waits in the journal"
            );
        }
        self.runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

/// Does something until it is told to stop.
async fn until(stop: impl Future<Output = ()>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop => {}
        () = work => {}
    }
}

/// Takes in what a store remembers, if it answers soon. Says whether it did.
async fn first_look(
    store: &Store,
    credentials: &Credentials,
    sessions: &Sessions,
    books: &Books,
) -> bool {
    let read = timeout(PATIENCE, remember(store, credentials, sessions, books)).await;
    let Err(reason) = read.unwrap_or_else(|_| Err("it did not answer in time".to_owned())) else {
        return true;
    };
    // There may be keys that nobody knows of here: nothing is open to callers without one.
    credentials.issued.await_store();
    tracing::warn!(
        store = store.kind(),
        reason,
        "the store does not answer: serving from the journal and the configuration until it does"
    );
    false
}

/// Takes in what a store remembers: its keys, who is signed in, and balances of which the journal knows nothing.
async fn remember(
    store: &Store,
    credentials: &Credentials,
    sessions: &Sessions,
    books: &Books,
) -> Result<(), String> {
    let words = |error: &dyn std::error::Error| crate::lower::chain(error);
    let now = clock::since_epoch().as_secs();
    let before = credentials.issued.revision();
    let keys = store.load_keys().await.map_err(|error| words(&error))?;
    let balances = store.load_balances(i64::try_from(now).unwrap_or(i64::MAX));
    let balances = balances.await.map_err(|error| words(&error))?;
    let signed_in = store
        .load_sessions(now)
        .await
        .map_err(|error| words(&error))?;
    let count = keys.records.len();
    if let Err(error) = books.ledger.adopt(balances) {
        tracing::warn!(%error, "balances of the store could not be written down");
    }
    sessions.restore(signed_in, now);
    let issued = &credentials.issued;
    issued.replace_all(keys.records, keys.ever_issued, before);
    tracing::info!(store = store.kind(), keys = count, "the store is open");
    Ok(())
}
