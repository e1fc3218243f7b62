//! Stores that are down, at the start or later.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_storage::{
    Dsn, KeyStore, LogFilter, LogWriter, LogWriterSettings, Page, RequestLog, RequestLogStore,
    Store, StoreState,
};

use crate::conformance::drain::calls_go_on_without_the_store;
use crate::place::run;
use ferrogate_testkit::Postgres;

/// Asks until it is answered.
async fn until_up(store: &Store) {
    while store.ping().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(store.state(), StoreState::Up);
}

async fn assert_down(store: &Store) {
    let error = store.ping().await.unwrap_err();
    assert!(error.is_passing(), "{error}");
    assert!(matches!(store.state(), StoreState::Down { .. }));
}

#[test]
fn sqlite_comes_back_with_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("state");
    // A file stands where the folder should be.
    std::fs::write(&blocked, "").unwrap();
    let dsn = Dsn::Sqlite(blocked.join("state.db"));
    run(async {
        let store = Store::open(&dsn).unwrap();
        assert_eq!(store.state(), StoreState::Unknown);
        assert_down(&store).await;
        std::fs::remove_file(&blocked).unwrap();
        until_up(&store).await;
    });
}

#[test]
fn sqlite_waits_for_whoever_has_it_locked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    run(async {
        let store = Arc::new(Store::open(&Dsn::Sqlite(path.clone())).unwrap());
        store.ping().await.unwrap();
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        // Reads go on, a write waits.
        assert_eq!(store.keys_existed().await, Ok(false));
        let writer = Arc::clone(&store);
        let writing = tokio::spawn(async move { writer.note_keys_existed().await });
        assert_eq!(store.keys_existed().await, Ok(false));
        other.execute_batch("COMMIT").unwrap();
        writing.await.unwrap().unwrap();
        assert_eq!(store.keys_existed().await, Ok(true));
    });
}

#[test]
fn a_write_that_is_dropped_is_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    run(async {
        let store = Store::open(&Dsn::Sqlite(path.clone())).unwrap();
        store.ping().await.unwrap();
        // Dropped wherever it is: before it begins, between its statements, while it commits.
        for micros in (0..4_000).step_by(40) {
            let note = store.note_keys_existed();
            let _done = tokio::time::timeout(Duration::from_micros(micros), note).await;
        }
        // Nothing is left locked, for us or for anybody else.
        store.note_keys_existed().await.unwrap();
        let other = rusqlite::Connection::open(&path).unwrap();
        other.busy_timeout(Duration::from_secs(20)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE; COMMIT").unwrap();
    });
}

#[test]
fn postgres_comes_back_with_its_server() {
    let Some(server) = Postgres::own() else {
        return;
    };
    // On a socket whose name stays the same: that it was down at the start must not matter either.
    let dsn: Dsn = server.database().parse().unwrap();
    run(async {
        server.stop();
        let early = Store::open(&dsn).unwrap();
        assert_down(&early).await;
        assert!(server.start_again());
        until_up(&early).await;

        let (writer, task) = LogWriter::new(
            Arc::new(Store::open(&dsn).unwrap()),
            LogWriterSettings {
                linger: Duration::from_millis(1),
                backoff: Duration::from_millis(20),
                max_backoff: Duration::from_millis(50),
                ..LogWriterSettings::default()
            },
        );
        let task = tokio::spawn(task.run(std::future::pending(), Duration::ZERO));
        let row = |number: i32| RequestLog {
            request_id: format!("{number:032x}"),
            ..RequestLog::default()
        };
        assert!(writer.record(row(1)));
        writer.flush().await;
        server.stop();
        assert_down(&early).await;
        for number in 2..100 {
            assert!(writer.record(row(number)));
        }
        let mut state = writer.state();
        while !matches!(state, StoreState::Down { .. }) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            state = writer.state();
        }
        assert!(server.start_again());
        writer.flush().await;
        assert_eq!(writer.counts().written, 99);
        until_up(&early).await;
        let all = early.logs(&LogFilter::default(), Page::first(500)).await;
        assert_eq!(all.unwrap().rows.len(), 99);
        drop(writer);
        task.await.unwrap();
    });
}

#[test]
fn the_ledger_outlives_a_server_that_restarts() {
    let Some(server) = Postgres::own() else {
        return;
    };
    let dsn: Dsn = server.database().parse().unwrap();
    run(async {
        let store = Arc::new(Store::open(&dsn).unwrap());
        let outage = |begins| {
            if begins {
                server.stop();
            } else {
                assert!(server.start_again());
            }
        };
        let calls = calls_go_on_without_the_store(&store, outage);
        let ended = tokio::time::timeout(Duration::from_secs(120), calls).await;
        ended.expect("the store never had what the books say");
    });
}
