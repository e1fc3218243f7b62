//! A place for stores.

use std::sync::Arc;

use ferrogate_storage::{Dsn, Store};
use tempfile::TempDir;

use ferrogate_testkit::Postgres;

/// A new and empty place. Ends with whatever it needs.
pub(crate) struct Place {
    dsn: Dsn,
    _folder: Option<TempDir>,
    _server: Option<Arc<Postgres>>,
}

impl Place {
    pub(crate) fn memory() -> Self {
        Self {
            dsn: Dsn::Memory,
            _folder: None,
            _server: None,
        }
    }

    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            dsn: Dsn::Sqlite(folder.path().join("state.db")),
            _folder: Some(folder),
            _server: None,
        }
    }

    /// None where PostgreSQL is not installed.
    pub(crate) fn postgres() -> Option<Self> {
        let server = Postgres::shared()?;
        Some(Self {
            dsn: server.database().parse().unwrap(),
            _folder: None,
            _server: Some(server),
        })
    }

    /// A store there. Several see the same, unless it is in memory.
    pub(crate) fn store(&self) -> Arc<Store> {
        Arc::new(Store::open(&self.dsn).unwrap())
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.dsn != Dsn::Memory
    }
}

/// Runs a test on a runtime of its own.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test)
}

/// Stores at the same place: as many nodes. In memory there is one, which they share.
pub(crate) fn nodes(place: &Place, count: usize) -> Vec<Arc<Store>> {
    let first = place.store();
    let others = (1..count).map(|_| {
        if place.is_shared() {
            place.store()
        } else {
            Arc::clone(&first)
        }
    });
    std::iter::once(Arc::clone(&first)).chain(others).collect()
}
