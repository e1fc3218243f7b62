//! Stores that are away at start, and later.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ferrogate_testkit::{FakeOpenAi, Gateway, Operator, Postgres, Request, until};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::books::{ANSWER, Events, MASTER, call, cost_of, key, launch, stands, status};

const DATABASE: &str = ".ferrogate/ferrogate.db";

/// Waits until this was spent and nothing is reserved: an answer is whole a moment before it is charged.
fn until_spent(gateway: &Gateway, spent: i128) {
    until("the last call to be charged", || {
        (stands(gateway.address(), "ann") == (spent, 0)).then_some(())
    });
}

/// Makes a key of the store. Says its secret.
fn make_key(operator: &Operator, id: &str) -> String {
    let form = json!({ "id": id, "scopes": ["*"] });
    let made = operator.post("api-keys", &form).expect(201).json();
    made["secret"].as_str().expect("a secret").to_owned()
}

/// What the admin API says while the store is away.
fn assert_unavailable(operator: &Operator) {
    let refused = operator.get("billing-events").expect(503);
    assert_eq!(refused.error_code(), "store_unavailable");
    assert_eq!(refused.header("retry-after"), "1");
    let form = json!({ "id": "one-more", "scopes": ["*"] });
    let refused = operator.post("api-keys", &form).expect(503);
    assert_eq!(refused.error_code(), "store_unavailable");
}

/// A gateway that was started while its store was away: the file's key is served, the store's is not, and nobody comes
/// in without one.
fn serves_from_the_file(gateway: &Gateway, of_store: &str) {
    gateway.wait_for_log(|entry| {
        let said = entry["msg"].as_str().unwrap_or_default();
        entry["level"] == "warn" && said.starts_with("the store does not answer")
    });
    let address = gateway.address();
    assert_eq!(status(address, "secret-of-ann"), 200);
    assert_eq!(status(address, of_store), 401);
    let nobody = Request::get("/v1/models").send(address);
    assert_eq!(nobody.expect(401).error_code(), "missing_api_key");
    assert_unavailable(&Operator::at(address, MASTER));
}

/// The same gateway when its store is back: its keys are served again, and what was spent meanwhile is there.
fn recovers(gateway: &Gateway, of_store: &str) {
    let address = gateway.address();
    until("the store's key to be served", || {
        (status(address, of_store) == 200).then_some(())
    });
    let operator = Operator::at(address, MASTER);
    let spent = || stands(address, "ann").0;
    let events = Events::that_sum_to(&operator, "key=ann", spent);
    assert_eq!(events.sum() % ANSWER, 0);
    assert!(events.0.len() > 1);
    operator.get("api-keys/of-store").expect(200);
}

#[test]
fn postgres_away_at_start_leaves_the_file_and_the_journal() {
    let Some(server) = Postgres::own() else {
        return;
    };
    let upstream = FakeOpenAi::start();
    let global = format!("state postgres {}", server.database());
    let gateway = launch(&global, &upstream, &key("ann", "budget 10 per total")).start();
    let secret = make_key(&Operator::at(gateway.address(), MASTER), "of-store");
    assert_eq!(status(gateway.address(), "secret-of-ann"), 200);
    assert_eq!(status(gateway.address(), &secret), 200);
    let gateway = gateway.restart_after("KILL", |_| server.stop());
    serves_from_the_file(&gateway, &secret);
    until_spent(&gateway, 2 * ANSWER);
    assert!(server.start_again());
    recovers(&gateway, &secret);
}

#[test]
fn sqlite_locked_at_start_leaves_the_file_and_the_journal() {
    let upstream = FakeOpenAi::start();
    let gateway = launch("", &upstream, &key("ann", "budget 10 per total")).start();
    let secret = make_key(&Operator::at(gateway.address(), MASTER), "of-store");
    assert_eq!(status(gateway.address(), "secret-of-ann"), 200);
    let mut lock = None;
    let gateway = gateway.restart_after("KILL", |folder| {
        let other = Connection::open(folder.join(DATABASE)).unwrap();
        // Not even readers get by.
        other
            .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
            .unwrap();
        lock = Some(other);
    });
    serves_from_the_file(&gateway, &secret);
    drop(lock);
    recovers(&gateway, &secret);
}

#[test]
fn a_file_that_is_no_database_leaves_the_file_and_the_journal() {
    let upstream = FakeOpenAi::start();
    let gateway = launch("", &upstream, &key("ann", "budget 10 per total")).start();
    let secret = make_key(&Operator::at(gateway.address(), MASTER), "of-store");
    assert_eq!(status(gateway.address(), "secret-of-ann"), 200);
    let aside = |folder: &Path| folder.join("aside");
    let gateway = gateway.restart_after("TERM", |folder| {
        // Else what is in the file beside it is taken for the database.
        Connection::open(folder.join(DATABASE))
            .and_then(|other| other.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)"))
            .unwrap();
        std::fs::rename(folder.join(DATABASE), aside(folder)).unwrap();
        std::fs::write(folder.join(DATABASE), "no database at all. ".repeat(1_000)).unwrap();
    });
    serves_from_the_file(&gateway, &secret);
    std::fs::rename(aside(gateway.folder()), gateway.folder().join(DATABASE)).unwrap();
    recovers(&gateway, &secret);
}

#[test]
fn nothing_is_open_until_the_store_has_told_that_it_has_no_keys() {
    let upstream = FakeOpenAi::start();
    let junk = "no database at all. ".repeat(1_000);
    let gateway = launch("", &upstream, "")
        .env("MASTER_KEY", "")
        .file(DATABASE, junk)
        .start();
    let ask = || Request::get("/v1/models").send(gateway.address());
    assert_eq!(ask().expect(401).error_code(), "missing_api_key");
    std::fs::remove_file(gateway.folder().join(DATABASE)).unwrap();
    until("local callers to be let in", || {
        (ask().status == 200).then_some(())
    });
}

/// Calls on and on until the store is back; says how many there were.
fn calls_meanwhile(gateway: &Gateway, outage: impl FnOnce()) -> usize {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let callers: Vec<_> = [false, true, false]
            .map(|stream| {
                let over = &over;
                scope.spawn(move || {
                    let mut calls = 0;
                    while !over.load(Ordering::SeqCst) {
                        let answer = call("secret-of-ann", stream).send(gateway.address());
                        assert!(answer.expect(200).complete);
                        calls += 1;
                    }
                    calls
                })
            })
            .into();
        outage();
        over.store(true, Ordering::SeqCst);
        callers
            .into_iter()
            .map(|caller| caller.join().expect("every call was answered"))
            .sum()
    })
}

/// Everything is in the store once: charges and entries about requests.
fn nothing_is_missing(gateway: &Gateway, calls: usize) {
    let operator = Operator::at(gateway.address(), MASTER);
    let spent = cost_of(calls);
    until_spent(gateway, spent);
    let events = Events::that_sum_to(&operator, "", || spent);
    assert_eq!(events.0.len(), calls);
    assert_eq!(events.charges().len(), calls);
    let logs = until("all entries about requests", || {
        let logs = operator.all("request-logs?model=m");
        (logs.len() >= calls).then_some(logs)
    });
    assert_eq!(logs.len(), calls);
}

fn spent_beyond(gateway: &Gateway, before: i128) {
    until("calls to go on", || {
        let (spent, _) = stands(gateway.address(), "ann");
        (spent > before + 10 * ANSWER).then_some(())
    });
}

#[test]
fn postgres_that_goes_under_load_misses_nothing() {
    let Some(server) = Postgres::own() else {
        return;
    };
    let upstream = FakeOpenAi::start();
    let global = format!("state postgres {}", server.database());
    let gateway = launch(&global, &upstream, &key("ann", "budget 100000 per total")).start();
    let operator = Operator::at(gateway.address(), MASTER);
    let calls = calls_meanwhile(&gateway, || {
        for _ in 0..2 {
            spent_beyond(&gateway, stands(gateway.address(), "ann").0);
            server.stop();
            spent_beyond(&gateway, stands(gateway.address(), "ann").0);
            assert_unavailable(&operator);
            assert!(server.start_again());
            until("the store to answer", || {
                (operator.get("billing-events").status == 200).then_some(())
            });
        }
    });
    nothing_is_missing(&gateway, calls);
    gateway.wait_for_log(|entry| entry["msg"] == "the ledger's store is behind");
}

#[test]
fn sqlite_that_somebody_else_locks_under_load_misses_nothing() {
    let upstream = FakeOpenAi::start();
    let gateway = launch("", &upstream, &key("ann", "budget 100000 per total")).start();
    let operator = Operator::at(gateway.address(), MASTER);
    let other = Connection::open(gateway.folder().join(DATABASE)).unwrap();
    let in_store = || Events::read(&operator, "").0.len();
    let calls = calls_meanwhile(&gateway, || {
        until("events to arrive", || (in_store() > 0).then_some(()));
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        // Reads go on, and what is spent is known, though nothing new arrives.
        let before = in_store();
        spent_beyond(&gateway, stands(gateway.address(), "ann").0);
        assert_eq!(in_store(), before);
        other.execute_batch("COMMIT").unwrap();
    });
    nothing_is_missing(&gateway, calls);
    let page = operator.get("billing-events?limit=1").expect(200).json();
    assert_eq!(page["total"], Value::from(calls));
}
