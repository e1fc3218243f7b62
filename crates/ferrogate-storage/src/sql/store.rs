//! A store.

use std::future::Future;
use std::time::Duration;

use parking_lot::Mutex;

use crate::dsn::{Dsn, DsnError};
use crate::error::StoreError;
use crate::postgres::Postgres;
use crate::sql::Backend;
use crate::sqlite::Sqlite;
use crate::state::StoreState;

/// Keeps everything there is a trait for, in one database.
///
/// Opening one touches nothing: the first call connects and migrates, and as long as that fails every call tries
/// again. Calls need a tokio runtime with time and network.
#[derive(Debug)]
pub struct Store {
    pub(super) backend: Backend,
    state: Mutex<StoreState>,
    kind: &'static str,
}

impl Store {
    /// A store at this place. Reads the certificates a DSN names, and for TLS those of the system: do not call this
    /// on a worker.
    ///
    /// # Errors
    ///
    /// A Redis DSN, which cannot be a store, and certificates that cannot be read.
    pub fn open(dsn: &Dsn) -> Result<Self, DsnError> {
        let (backend, kind) = match dsn {
            Dsn::Memory => (Backend::Sqlite(Sqlite::memory()), "memory"),
            Dsn::Sqlite(path) => (Backend::Sqlite(Sqlite::file(path.clone())), "sqlite"),
            Dsn::Postgres(dsn) => (Backend::Postgres(Box::new(Postgres::new(dsn)?)), "postgres"),
            Dsn::Redis(_) => return Err(DsnError::NotAStore),
        };
        Ok(Self {
            backend,
            state: Mutex::new(StoreState::Unknown),
            kind,
        })
    }

    /// `memory`, `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// How it is doing, by the last call.
    pub fn state(&self) -> StoreState {
        self.state.lock().clone()
    }

    /// Connects, migrates where that is needed, and asks it something.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.watch(async {
            self.backend.row("SELECT 1", Vec::new()).await?;
            Ok(())
        })
        .await
    }

    /// Gives room of what was deleted back to the disk and refreshes what the database knows about its tables.
    ///
    /// Worth doing after many rows were deleted. PostgreSQL does it by itself.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        self.watch(async {
            match &self.backend {
                Backend::Sqlite(database) => database.tidy().await,
                Backend::Postgres(_) => Ok(()),
            }
        })
        .await
    }

    /// Notes what a call says about the store.
    pub(super) async fn watch<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let result = call.await;
        self.state.lock().note(self.kind, &result);
        result
    }

    /// Tries again what other writers were in the way of, or what a node that had just been lost took with it.
    pub(super) async fn contended<T, F, A>(&self, attempt: A) -> Result<T, StoreError>
    where
        A: Fn() -> F + Send + Sync,
        F: Future<Output = Result<T, StoreError>> + Send,
        T: Send,
    {
        for round in 1..CONTENDED_ROUNDS {
            match attempt().await {
                Err(StoreError::Busy(_)) => {
                    let pause = fastrand::u64(1..=u64::from(round) * 10);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                other => return other,
            }
        }
        attempt().await
    }
}

/// Writers that meet give way at random, so that few rounds are enough for many.
const CONTENDED_ROUNDS: u32 = 20;
