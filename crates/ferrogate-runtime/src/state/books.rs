//! The stores and the books of calls, opened at start.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_billing::{
    AccountSpec, Durability, GrantKeeper, GrantStore, JournalError, JournalSettings, Ledger,
};
use ferrogate_policy::SharedCounters;
use ferrogate_proxy::Books;
use ferrogate_storage::{
    Dsn, DsnError, RateCounters, RateSettings, RateTask, Redis, RedisSettings, Store,
};
use ferrogate_types::clock;
use tempfile::TempDir;

use super::place::Place;
use crate::boot::RunError;
use crate::lower::chain;

/// How long to wait for a process that is about to let go of the journal.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// What was opened.
pub(super) struct Opened {
    pub(super) books: Books,
    pub(super) store: Option<Arc<Store>>,
    pub(super) request_logs: Option<Arc<Store>>,
    /// What settles rates that nodes share.
    pub(super) rates: Option<RateTask>,
    /// A journal that ends with the process.
    pub(super) folder: Option<TempDir>,
}

/// Opens the stores and the books of a place, or books that end with the process. Blocks on files, and connects to
/// nothing.
///
/// A usual place that cannot be written to is no reason not to start, unless there is something to be kept.
pub(super) fn open(place: Option<&Place>, accounts: Vec<AccountSpec>) -> Result<Opened, RunError> {
    let Some(place) = place else {
        return Ok(Opened {
            books: Books::alone(Ledger::in_memory()),
            store: None,
            request_logs: None,
            rates: None,
            folder: None,
        });
    };
    let mut dsn = place.store.clone();
    let (ledger, folder) = match &place.journal {
        None => temporary()?,
        Some(folder) => match journal(folder) {
            Ok(ledger) => (ledger, None),
            Err(error) if is_needed(place, &accounts, &error) => {
                return Err(RunError::State(chain(&error)));
            }
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "nothing is remembered over a restart; `state sqlite PATH` says where to keep it"
                );
                dsn = Dsn::Memory;
                temporary()?
            }
        },
    };
    let now = clock::since_epoch();
    ledger.book().define(accounts, now);
    let store = store(&dsn)?;
    let request_logs = match &place.request_logs {
        None => None,
        Some(logs) if *logs == place.store => Some(Arc::clone(&store)),
        Some(logs) => Some(self::store(logs)?),
    };
    let mut books = Books::alone(ledger);
    let mut rates = None;
    if let Some(shared) = &place.shared {
        let connect = || {
            let redis = Redis::open(shared, RedisSettings::default());
            redis.map(Arc::new).map_err(|error| unusable(&error))
        };
        let redis = connect()?;
        let node = books.ledger.node();
        let grants: Arc<dyn GrantStore> = Arc::clone(&redis) as _;
        books.grants = Some(GrantKeeper::new(&books.ledger, grants, node, now));
        // With connections of its own: rates that are slow to be told must not keep grants from being had.
        let (counters, task) = RateCounters::new(connect()?, RateSettings::default());
        books.counters = Some(Arc::new(counters) as Arc<dyn SharedCounters>);
        rates = Some(task);
    }
    Ok(Opened {
        books,
        store: Some(store),
        request_logs,
        rates,
        folder,
    })
}

fn store(dsn: &Dsn) -> Result<Arc<Store>, RunError> {
    Store::open(dsn)
        .map(Arc::new)
        .map_err(|error| unusable(&error))
}

fn unusable(error: &DsnError) -> RunError {
    RunError::State(format!("the address of a store {error}"))
}

/// A journal that ends with the process, so that what it tells the store is told there, too.
fn temporary() -> Result<(Ledger, Option<TempDir>), RunError> {
    let folder = tempfile::Builder::new()
        .prefix("ferrogate-")
        .tempdir()
        .map_err(|error| RunError::State(format!("no temporary folder can be made: {error}")))?;
    let settings = JournalSettings {
        durability: Durability::Queued,
        ..JournalSettings::default()
    };
    let opened = Ledger::open(folder.path(), &settings);
    let (ledger, _) = opened.map_err(|error| RunError::State(chain(&error)))?;
    Ok((ledger, Some(folder)))
}

/// Whether there is no doing without a journal that cannot be opened: somebody chose the place or has budgets, another
/// process works there, or there is a store whose keys would be forgotten.
fn is_needed(place: &Place, accounts: &[AccountSpec], error: &JournalError) -> bool {
    place.chosen
        || !accounts.is_empty()
        || matches!(error, JournalError::Locked(_))
        || may_be_there(&place.store)
}

fn may_be_there(store: &Dsn) -> bool {
    let Dsn::Sqlite(path) = store else {
        return false;
    };
    match path.try_exists() {
        Ok(exists) => exists,
        Err(error) => error.kind() != ErrorKind::NotADirectory,
    }
}

fn journal(folder: &Path) -> Result<Ledger, JournalError> {
    let settings = JournalSettings {
        drained: true,
        lock_wait: LOCK_WAIT,
        ..JournalSettings::default()
    };
    let (ledger, found) = Ledger::open(folder, &settings)?;
    if found.uncertain > 0 {
        tracing::warn!(
            calls = found.uncertain,
            "the last process ended before these calls did: each is charged what it held"
        );
    }
    if found.torn_bytes + found.damaged_bytes + found.damaged_files + found.missing > 0 {
        tracing::warn!(?found, "the journal of the ledger was damaged");
    }
    tracing::info!(folder = %folder.display(), records = found.records, "the ledger is open");
    Ok(ledger)
}
