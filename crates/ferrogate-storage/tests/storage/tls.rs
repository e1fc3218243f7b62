//! PostgreSQL over TLS.

use ferrogate_storage::{Store, StoreError};

use crate::place::run;
use ferrogate_testkit::Postgres;

#[test]
fn checks_what_the_mode_says() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    let roots = format!("sslrootcert={}", server.authority().display());
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stranger = folder.path().join("stranger.pem");
    std::fs::write(&stranger, other.cert.pem()).unwrap();
    let strangers = format!("sslrootcert={}", stranger.display());
    run(async {
        for (host, parameters, works) in [
            ("localhost", "sslmode=disable".to_owned(), true),
            ("localhost", "sslmode=prefer".to_owned(), true),
            ("127.0.0.1", "sslmode=require".to_owned(), true),
            ("127.0.0.1", format!("sslmode=verify-ca&{roots}"), true),
            ("localhost", format!("sslmode=verify-full&{roots}"), true),
            ("127.0.0.1", format!("sslmode=verify-full&{roots}"), false),
            ("localhost", format!("sslmode=require&{strangers}"), false),
            ("localhost", format!("sslmode=verify-ca&{strangers}"), false),
            ("localhost", "sslmode=verify-full".to_owned(), false),
        ] {
            let dsn = server.on_port(host, &parameters);
            let store = Store::open(&dsn.parse().unwrap()).unwrap();
            let answer = store.ping().await;
            assert_eq!(answer.is_ok(), works, "{host} {parameters}: {answer:?}");
            if let Err(error) = answer {
                assert!(error.to_string().contains("certificate"), "{error}");
            }
        }
        let guess = server.on_port("localhost", "sslmode=require");
        let guess = guess.replace("s3cr3t", "guess").parse().unwrap();
        let error = Store::open(&guess).unwrap().ping().await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        assert!(!error.to_string().contains("guess"), "{error}");
    });
}

#[test]
fn encrypts_what_it_says_it_does() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    let seen = "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                WHERE ssl AND application_name = 'encrypted') THEN RAISE EXCEPTION 'it is in the clear'; END IF; \
                END $$";
    run(async {
        let dsn = server.on_port("localhost", "sslmode=require&application_name=encrypted");
        let store = Store::open(&dsn.parse().unwrap()).unwrap();
        store.ping().await.unwrap();
        server.run_sql("postgres", seen);
    });
}

#[test]
fn refuses_certificates_that_cannot_be_read() {
    for (parameters, reason) in [
        (
            "sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
            "/nowhere/ca.pem",
        ),
        (
            "sslmode=require&sslcert=/nowhere/a.pem&sslkey=/nowhere/b.pem",
            "/nowhere/a.pem",
        ),
    ] {
        let dsn = format!("postgres://u:s3cr3t@localhost/d?{parameters}");
        let error = Store::open(&dsn.parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}
