//! Where state is kept, and what a restart finds there.

use std::path::Path;

use ferrogate_testkit::{FakeOpenAi, Fault, Gateway, Launch, Operator, Request, until};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::books::{ANSWER, MASTER, call, key, launch, stands, status};

fn operator(gateway: &Gateway) -> Operator {
    Operator::at(gateway.address(), MASTER)
}

/// Makes a key of the store. Says its secret.
fn make_key(gateway: &Gateway, form: &Value) -> String {
    let made = operator(gateway).post("api-keys", form).expect(201).json();
    made["secret"].as_str().expect("a secret").to_owned()
}

/// Entries about requests, as soon as there are so many.
fn request_logs(gateway: &Gateway, count: usize) -> Vec<Value> {
    until("entries about requests", || {
        let logs = operator(gateway).all("request-logs");
        (logs.len() >= count).then_some(logs)
    })
}

#[test]
fn memory_ends_with_the_process() {
    let upstream = FakeOpenAi::start();
    let holders = key("ann", "budget 10 per total");
    let gateway = launch("state memory", &upstream, &holders).start();
    let secret = make_key(&gateway, &json!({ "id": "of-store", "scopes": ["*"] }));
    assert_eq!(status(gateway.address(), &secret), 200);
    assert_eq!(status(gateway.address(), "secret-of-ann"), 200);
    assert_eq!(request_logs(&gateway, 2).len(), 2);
    until("events in the store", || {
        (operator(&gateway).all("billing-events").len() == 2).then_some(())
    });
    assert_eq!(stands(gateway.address(), "ann"), (ANSWER, 0));
    let gateway = gateway.restart("TERM");
    assert_eq!(status(gateway.address(), &secret), 401);
    assert_eq!(stands(gateway.address(), "ann"), (0, 0));
    assert!(operator(&gateway).all("billing-events").is_empty());
    let left: Vec<_> = std::fs::read_dir(gateway.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["Caddyfile"]);
}

#[test]
fn ferro_labs_variables_say_where() {
    let upstream = FakeOpenAi::start();
    let gateway = launch("", &upstream, &key("ann", "budget 10 per total"))
        .env("API_KEY_STORE_BACKEND", "sqlite")
        .env("API_KEY_STORE_DSN", "keys.db")
        .env("REQUEST_LOG_STORE_BACKEND", "sqlite")
        .env("REQUEST_LOG_STORE_DSN", "logs.db")
        .start();
    let secret = make_key(&gateway, &json!({ "id": "of-store", "scopes": ["*"] }));
    assert_eq!(status(gateway.address(), &secret), 200);
    // What is written elsewhere is read there, counted there and deleted there.
    assert_eq!(request_logs(&gateway, 1)[0]["key"], "of-store");
    let gateway = gateway.restart("TERM");
    assert_eq!(status(gateway.address(), &secret), 200);
    assert_eq!(request_logs(&gateway, 2).len(), 2);
    for (file, rows) in [("keys.db", 0), ("logs.db", 2)] {
        let file = Connection::open(gateway.folder().join(file)).unwrap();
        let count: u32 = file
            .query_row("SELECT count(*) FROM request_logs", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, rows);
    }
    let stats = operator(&gateway).get("request-logs/stats").expect(200);
    assert!(stats.text().contains("of-store") || stats.text().contains("\"m\""));
    let all = "request-logs?before=2999-01-01T00:00:00Z";
    let deleted = operator(&gateway).delete(all).expect(200).json();
    assert_eq!(deleted["deleted"], 2);
    assert!(!gateway.folder().join(".ferrogate").exists());
}

#[test]
fn an_unwritable_usual_place_is_a_warning_unless_there_is_something_to_keep() {
    let upstream = FakeOpenAi::start();
    // A file where the folder should be: not even root can write there.
    let unwritable = |holders: &str| launch("", &upstream, holders).file(".ferrogate", "");
    let gateway = unwritable(&key("ann", "")).start();
    let warned = gateway.wait_for_log(|entry| {
        let said = entry["msg"].as_str().unwrap_or_default();
        entry["level"] == "warn" && said.starts_with("nothing is remembered over a restart")
    });
    assert!(warned["error"].as_str().unwrap().contains(".ferrogate"));
    assert_eq!(status(gateway.address(), "secret-of-ann"), 200);
    assert_eq!(request_logs(&gateway, 1).len(), 1);
    let budget = unwritable(&key("ann", "budget 1 per day"));
    refuses(budget);
    let chosen = launch("state sqlite .ferrogate/mine.db", &upstream, "").file(".ferrogate", "");
    refuses(chosen);
}

/// Does not start, and says what to do.
fn refuses(launch: Launch) {
    let finished = launch.command(&["run", "-c", "Caddyfile"]).expect(1);
    for part in [".ferrogate", "state sqlite PATH", "state memory"] {
        assert!(
            finished.stderr.contains(part),
            "{part}: {}",
            finished.stderr
        );
    }
}

#[test]
fn a_store_whose_journal_cannot_be_opened_is_not_forgotten() {
    let upstream = FakeOpenAi::start();
    let mut gateway = launch("", &upstream, "").start();
    make_key(&gateway, &json!({ "id": "of-store", "scopes": ["*"] }));
    gateway.signal("KILL");
    gateway.wait_exit();
    let journal = gateway.folder().join(".ferrogate/ferrogate.ledger");
    std::fs::remove_dir_all(&journal).unwrap();
    std::fs::write(&journal, "").unwrap();
    // Without it there would be no key any more, and whoever is local would be let in.
    let refused = gateway.second().expect(1);
    assert!(
        refused.stderr.contains("ferrogate.ledger"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_second_process_on_the_same_journal_is_refused_by_name() {
    let upstream = FakeOpenAi::start();
    for holders in [key("ann", "budget 1 per day"), key("ann", "")] {
        let gateway = launch("", &upstream, &holders).start();
        let refused = gateway.second().expect(1);
        for part in [
            "ferrogate.ledger` is in use by another process",
            "state sqlite PATH",
        ] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
        assert_eq!(status(gateway.address(), "secret-of-ann"), 200);
    }
}

#[test]
fn request_logs_tell_who_called_what_for_how_much() {
    let upstream = FakeOpenAi::with_faults(&[Fault::Status(503)]);
    let second = FakeOpenAi::start();
    let holders = format!(
        "provider other {{
            kind openai-compatible
            base_url {}
            api_key sk
        }}
        model both -> up other:spare {{
            input_price_per_1m 10000
            output_price_per_1m 10000
        }}
        tenant acme {{
        }}
        {}",
        second.base_url(),
        key("ann", "tenant acme")
    );
    let gateway = launch("", &upstream, &holders).start();
    let body = json!({ "model": "both", "messages": [{ "role": "user", "content": "hi" }] });
    let request = Request::post("/v1/chat/completions", &body).bearer("secret-of-ann");
    let answer = request.send(gateway.address()).expect(200);
    let row = request_logs(&gateway, 1).remove(0);
    for (member, expected) in [
        ("request_id", json!(answer.header("x-request-id"))),
        ("key", json!("ann")),
        ("tenant", json!("acme")),
        ("model", json!("both")),
        ("provider", json!("other")),
        ("upstream_model", json!("spare")),
        ("status", json!(200)),
        ("input_tokens", json!(11)),
        ("output_tokens", json!(7)),
        ("cost", json!("0.18")),
        ("stream", json!(false)),
        ("error_code", Value::Null),
    ] {
        assert_eq!(row[member], expected, "{member} of {row}");
    }
    assert_eq!(row["attempts"].as_array().map(Vec::len), Some(2), "{row}");
    call("secret-of-ann", false)
        .send(gateway.address())
        .expect(200);
    assert_eq!(request_logs(&gateway, 2).len(), 2);
    let operator = operator(&gateway);
    let occurred = row["occurred_at"].as_str().unwrap();
    let none = operator.delete(&format!("request-logs?before={occurred}"));
    assert_eq!(none.expect(200).json()["deleted"], 0);
    let refused = operator.delete("request-logs").expect(400);
    assert_eq!(refused.error_code(), "invalid_parameter");
    let all = "request-logs?before=2999-01-01T00:00:00Z&model=both";
    assert_eq!(operator.delete(all).expect(200).json()["deleted"], 1);
    let left = operator.all("request-logs");
    assert_eq!((left.len(), &left[0]["model"]), (1, &json!("m")));
    let gateway = gateway.restart("TERM");
    assert_eq!(request_logs(&gateway, 1).len(), 1);
}

/// A gateway with no key in its file, and its state in a folder.
fn without_keys(upstream: &FakeOpenAi, state: &Path, master: &str) -> Gateway {
    let global = format!("state sqlite {}/state.db", state.display());
    let launch = launch(&global, upstream, "");
    launch.env("MASTER_KEY", master).start()
}

#[test]
fn a_store_that_ever_had_a_key_stays_closed() {
    let upstream = FakeOpenAi::start();
    let state = tempfile::tempdir().unwrap();
    let ask = |gateway: &Gateway| Request::get("/v1/models").send(gateway.address()).status;
    // There never was a credential: whoever is local is let in.
    let gateway = without_keys(&upstream, state.path(), "");
    assert_eq!(ask(&gateway), 200);
    drop(gateway);
    // A master key closes what was open, and is one itself.
    let gateway = without_keys(&upstream, state.path(), MASTER);
    assert_eq!(ask(&gateway), 401);
    assert_eq!(status(gateway.address(), MASTER), 200);
    drop(gateway);
    let gateway = without_keys(&upstream, state.path(), "");
    assert_eq!(ask(&gateway), 200);
    drop(gateway);
    // So does a key that is issued, and the last key's end opens nothing.
    let gateway = without_keys(&upstream, state.path(), MASTER);
    let secret = make_key(&gateway, &json!({ "id": "of-store", "scopes": ["*"] }));
    assert_eq!(status(gateway.address(), &secret), 200);
    operator(&gateway).delete("api-keys/of-store").expect(200);
    assert_eq!(status(gateway.address(), &secret), 401);
    drop(gateway);
    let gateway = without_keys(&upstream, state.path(), "");
    assert_eq!(ask(&gateway), 401);
    let gateway = gateway.restart("KILL");
    assert_eq!(ask(&gateway), 401);
    drop(gateway);
    // Whoever empties the table by hand opens nothing either.
    let file = Connection::open(state.path().join("state.db")).unwrap();
    file.execute_batch("DELETE FROM api_keys").unwrap();
    drop(file);
    let gateway = without_keys(&upstream, state.path(), "");
    assert_eq!(ask(&gateway), 401);
}

#[test]
fn budgets_of_a_key_outlive_another_configuration() {
    let upstream = FakeOpenAi::start();
    let gateway = launch("", &upstream, &key("ann", "")).start();
    let form = json!({
        "id": "of-store",
        "scopes": ["*"],
        "budgets": [{ "amount": "0.40", "unit": "usd", "per": "total" }],
    });
    let secret = make_key(&gateway, &form);
    assert_eq!(status(gateway.address(), &secret), 200);
    let caddyfile = gateway.folder().join("Caddyfile");
    let text = std::fs::read_to_string(&caddyfile).unwrap();
    std::fs::write(&caddyfile, text.replace("model m ->", "model n m ->")).unwrap();
    operator(&gateway)
        .post("config/reload", &json!({}))
        .expect(200);
    assert_eq!(status(gateway.address(), &secret), 402);
    let gateway = gateway.restart("KILL");
    assert_eq!(status(gateway.address(), &secret), 402);
}
