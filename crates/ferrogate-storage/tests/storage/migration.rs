//! Migrations: many at once, newer ones, others.

use ferrogate_storage::{Dsn, KeyStore, Store, StoreError, StoreState};

use crate::place::{Place, run};
use ferrogate_testkit::Postgres;

/// As many processes start at the same time on a place where nothing is.
async fn start_together(place: &Place) {
    let starters: Vec<_> = (0..8)
        .map(|_| {
            let store = place.store();
            tokio::spawn(async move {
                store.ping().await.unwrap();
                store.note_keys_existed().await.unwrap();
            })
        })
        .collect();
    for starter in starters {
        starter.await.unwrap();
    }
    assert_eq!(place.store().keys_existed().await, Ok(true));
}

/// Each way of having a schema that is not ours is refused, whatever is asked.
async fn refuse_other_schemas(open: impl Fn() -> Store, sql: impl Fn(&str)) {
    open().ping().await.unwrap();
    sql("UPDATE schema_migrations SET checksum = 'another' WHERE number = 1");
    assert_eq!(open().ping().await, Err(StoreError::ForeignSchema(1)));
    sql(
        "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (99, 'later', 'x', 0)",
    );
    let store = open();
    let error = store.keys(None, 1).await.unwrap_err();
    assert!(
        matches!(error, StoreError::NewerSchema { found: 99, .. }),
        "{error}"
    );
    assert!(error.is_fatal() && !error.is_passing());
    assert!(
        error.to_string().contains("run the newer version"),
        "{error}"
    );
    assert!(matches!(store.state(), StoreState::Down { .. }));
}

#[test]
fn eight_start_together_on_sqlite() {
    run(start_together(&Place::sqlite()));
}

#[test]
fn eight_start_together_on_postgres() {
    if let Some(place) = Place::postgres() {
        run(start_together(&place));
    }
}

#[test]
fn sqlite_refuses_other_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let open = || Store::open(&Dsn::Sqlite(path.clone())).unwrap();
    run(refuse_other_schemas(open, |sql| {
        let database = rusqlite::Connection::open(&path).unwrap();
        database.execute_batch(sql).unwrap();
    }));
}

#[test]
fn postgres_refuses_other_schemas() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    let dsn = server.database();
    let (_, name) = dsn.rsplit_once('/').unwrap();
    let open = || Store::open(&dsn.parse().unwrap()).unwrap();
    run(refuse_other_schemas(open, |sql| server.run_sql(name, sql)));
}
