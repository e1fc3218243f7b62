//! SQLite's files.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ferrogate_storage::{
    AuditStore, AuditVerdict, ConfigStore, Dsn, Expected, KeyStore, LogBatch, NewAudit,
    NewRevision, RequestLog, RequestLogStore, Retention, Store, StoreError, sweep,
};
use ferrogate_types::Timestamp;

use crate::conformance::key;
use crate::place::run;

fn open(path: &Path) -> Store {
    Store::open(&Dsn::Sqlite(path.to_owned())).unwrap()
}

fn audit(action: &str) -> NewAudit {
    NewAudit {
        occurred_at: Timestamp::from_millis(1),
        action: action.to_owned(),
        actor_id: "ann".to_owned(),
        target_id: None,
        outcome: "ok".to_owned(),
        source_ip: None,
        detail: "null".to_owned(),
    }
}

#[test]
fn nobody_else_may_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/for/it/state.db");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    run(async {
        let store = open(&path);
        store.note_keys_existed().await.unwrap();
        for file in std::fs::read_dir(path.parent().unwrap()).unwrap() {
            let file = file.unwrap().path();
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        drop(store);
        // One that others could read no longer can be.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        open(&path).ping().await.unwrap();
        assert_eq!(mode(&path), 0o600);
    });
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    run(async {
        open(&path)
            .put_key(&key("a"), Expected::Absent)
            .await
            .unwrap();
        let kept = open(&path).key(&key("a").id).await.unwrap();
        assert_eq!(kept.unwrap().name, key("a").name);
    });
}

#[test]
fn what_somebody_changed_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    run(async {
        let store = open(&path);
        for action in ["one", "two", "three"] {
            store.append_audit(&audit(action)).await.unwrap();
        }
        let revision = NewRevision {
            text: ":80".to_owned(),
            format: "caddyfile".to_owned(),
            author: "ann".to_owned(),
            created_at: Timestamp::from_millis(1),
            rolled_back_from: None,
        };
        store.apply_revision(&revision, None).await.unwrap();

        let other = rusqlite::Connection::open(&path).unwrap();
        let error = other.execute_batch("DELETE FROM audit_log").unwrap_err();
        assert!(error.to_string().contains("only added to"), "{error}");
        // Whoever gets around that leaves a chain that does not fit.
        other
            .execute_batch(
                "DROP TRIGGER audit_log_is_not_changed; DROP TRIGGER audit_log_is_not_deleted",
            )
            .unwrap();
        for (sql, seq, reason) in [
            (
                "UPDATE audit_log SET actor_id = 'bob' WHERE seq = 2",
                2,
                "it was changed",
            ),
            (
                "UPDATE audit_log SET hash = prev_hash WHERE seq = 1",
                1,
                "it was changed",
            ),
            (
                "DELETE FROM audit_log WHERE seq = 1",
                2,
                "rows before it are missing",
            ),
        ] {
            other.execute_batch(sql).unwrap();
            let verdict = store.verify_audit().await;
            assert_eq!(verdict, Ok(AuditVerdict::Broken { seq, reason }), "{sql}");
        }
        other
            .execute_batch("UPDATE config_revisions SET text = ':81'")
            .unwrap();
        let error = store.active_revision().await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{error}");
    });
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    std::fs::write(
        &path,
        "this is not a database, but long enough to be one".repeat(100),
    )
    .unwrap();
    run(async {
        let error = open(&path).ping().await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{error}");
        assert!(error.is_fatal());
    });
}

#[test]
fn room_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    run(async {
        let store = open(&path);
        let row = |number: i64| RequestLog {
            request_id: format!("{number:032x}"),
            occurred_at: Timestamp::from_millis(number),
            trace: "x".repeat(1_000),
            ..RequestLog::default()
        };
        let batch = LogBatch {
            writer: "w".to_owned(),
            number: 1,
            rows: (0..10_000).map(row).collect(),
        };
        store.append_logs(&batch).await.unwrap();
        store.tidy().await.unwrap();
        let size = || {
            // What is in the log of writes counts when it is in the file.
            let database = rusqlite::Connection::open(&path).unwrap();
            let _written = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            std::fs::metadata(&path).unwrap().len()
        };
        let full = size();
        let retention = Retention {
            age: None,
            rows: Some(100),
        };
        let swept = sweep(&store, retention, Timestamp::default())
            .await
            .unwrap();
        assert_eq!(swept.surplus, 9_900);
        store.tidy().await.unwrap();
        assert!(size() < full / 5, "{} of {full}", size());
    });
}
