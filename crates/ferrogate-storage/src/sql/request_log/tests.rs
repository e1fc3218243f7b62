use super::*;
use crate::dsn::Dsn;
use crate::page::Cursor;
use crate::traits::request_log::{LogFilter, OrNone};

/// How SQLite goes about a statement.
async fn plan(store: &Store, sql: String, params: Vec<crate::sql::Value>) -> String {
    let rows = store
        .backend
        .query(format!("EXPLAIN QUERY PLAN {sql}"), params);
    let mut steps = Vec::new();
    for mut row in rows.await.unwrap() {
        for _ in 0..3 {
            row.integer().unwrap();
        }
        steps.push(row.text().unwrap());
    }
    steps.join("; ")
}

/// Whatever is asked for, an index leads to the rows in the order they are wanted in, so that the time a page takes
/// does not depend on how many rows there are.
#[tokio::test]
async fn every_filter_has_its_index() {
    let store = Store::open(&Dsn::Memory).unwrap();
    let text = |text: &str| Some(text.to_owned());
    let is = |text: &str| Some(OrNone::Is(text.to_owned()));
    let none = LogFilter::default;
    let within = LogFilter {
        since: Some(Timestamp::from_millis(1)),
        until: Some(Timestamp::from_millis(2)),
        ..none()
    };
    for (filter, index) in [
        (none(), "request_logs_time"),
        (within.clone(), "request_logs_time"),
        (
            LogFilter {
                key: is("a"),
                ..none()
            },
            "request_logs_key",
        ),
        (
            LogFilter {
                key: Some(OrNone::None),
                ..none()
            },
            "request_logs_key",
        ),
        (
            LogFilter {
                key: is("a"),
                ..within.clone()
            },
            "request_logs_key",
        ),
        (
            LogFilter {
                tenant: is("a"),
                ..none()
            },
            "request_logs_tenant",
        ),
        (
            LogFilter {
                model: text("a"),
                ..within.clone()
            },
            "request_logs_model",
        ),
        (
            LogFilter {
                provider: text("a"),
                ..none()
            },
            "request_logs_provider",
        ),
        (
            LogFilter {
                user: text("a"),
                ..none()
            },
            "request_logs_user",
        ),
        (
            LogFilter {
                session: text("a"),
                ..none()
            },
            "request_logs_session",
        ),
        (
            LogFilter {
                status: Some((500, 599)),
                ..none()
            },
            "request_logs_failed",
        ),
    ] {
        let pages = [
            Page::first(50),
            Page::first(50).after(Cursor {
                at: Timestamp::from_millis(1),
                seq: 1,
            }),
        ];
        for page in pages {
            let mut conditions = conditions(&filter);
            if let Some(after) = page.after {
                conditions.add_after(after);
            }
            let plan = plan(&store, listing(&conditions, page), conditions.params()).await;
            assert!(
                plan.contains(&format!("INDEX {index}")),
                "{filter:?}: {plan}"
            );
            assert!(!plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
        }
        let conditions = conditions(&filter);
        let (counting, params) = conditions.counting("request_logs");
        let plan = plan(&store, counting, params).await;
        assert!(plan.contains("INDEX request_logs_"), "{filter:?}: {plan}");
    }
}
