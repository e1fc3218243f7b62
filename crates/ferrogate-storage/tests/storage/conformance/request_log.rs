//! Request logs.

use std::time::Duration;

use ferrogate_storage::{
    Buckets, LogBatch, LogFilter, LogSums, OrNone, Page, RequestLog, RequestLogStore, Retention,
    Store, StoreError, Swept, Total, sweep,
};
use ferrogate_types::{Money, Timestamp};

use crate::place::Place;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + seconds * 1_000)
}

/// The call that came in this second: every third failed, every second was Ann's.
fn call(second: i64) -> RequestLog {
    let failed = second % 3 == 0;
    RequestLog {
        request_id: format!("{second:032x}"),
        occurred_at: at(second),
        duration_ms: u64::try_from(second).unwrap() * 10,
        ttft_ms: (!failed).then_some(5),
        surface: "chat.completions".to_owned(),
        key: (second % 2 == 0).then(|| "key_a".parse().unwrap()),
        tenant: (second % 2 == 0).then(|| "acme".parse().unwrap()),
        user: (second % 2 == 0).then(|| "ann".to_owned()),
        session: (second == 7).then(|| "seven".to_owned()),
        model: Some(if second < 10 { "small" } else { "large" }.to_owned()),
        provider: (!failed).then(|| "openai".to_owned()),
        upstream_model: None,
        status: if failed { 502 } else { 200 },
        error_code: failed.then(|| "upstream_error".to_owned()),
        attempts: r#"[{"provider":"openai"}]"#.to_owned(),
        input_tokens: 100,
        output_tokens: 10,
        cost: (!failed).then(|| Money::from_nanos(1_500)),
        cache: Some("miss".to_owned()),
        lossy: "[]".to_owned(),
        stream: second % 2 == 1,
        client_ip: Some("192.0.2.1".to_owned()),
        trace: "null".to_owned(),
    }
}

fn batch(number: u64, seconds: std::ops::Range<i64>) -> LogBatch {
    LogBatch {
        writer: "node-1".to_owned(),
        number,
        rows: seconds.map(call).collect(),
    }
}

/// The seconds of a page, and whether there is another.
async fn seconds(store: &Store, filter: &LogFilter, page: Page) -> Vec<i64> {
    let listed = store.logs(filter, page).await.unwrap();
    let second = |at: Timestamp| (at.millis() - self::at(0).millis()) / 1_000;
    let rows = listed.rows.iter();
    rows.map(|row| second(row.log.occurred_at)).collect()
}

pub(super) async fn keeps_rows_once(place: &Place) {
    let store = place.store();
    store.append_logs(&batch(1, 0..3)).await.unwrap();
    store.append_logs(&batch(1, 0..3)).await.unwrap();
    store.append_logs(&batch(2, 3..4)).await.unwrap();
    store.append_logs(&batch(1, 0..3)).await.unwrap();
    let other = LogBatch {
        writer: "node-2".to_owned(),
        ..batch(1, 4..5)
    };
    store.append_logs(&other).await.unwrap();
    let all = store
        .logs(&LogFilter::default(), Page::first(10))
        .await
        .unwrap();
    let rows: Vec<RequestLog> = all.rows.into_iter().map(|row| row.log).collect();
    assert_eq!(rows, (0..5).rev().map(call).collect::<Vec<_>>());
    assert_eq!(all.total, Total::Exactly(5));

    let of_trace = store.logs_of(&call(3).request_id).await.unwrap();
    assert_eq!(of_trace.len(), 1);
    assert_eq!(of_trace[0].log, call(3));
}

pub(super) async fn filters(place: &Place) {
    let store = place.store();
    store.append_logs(&batch(1, 0..20)).await.unwrap();
    let some = |text: &str| Some(text.to_owned());
    let none = LogFilter::default;
    let is = |text: &str| Some(OrNone::Is(text.to_owned()));
    for (filter, expected) in [
        (
            LogFilter {
                model: some("large"),
                ..none()
            },
            (10..20).collect::<Vec<_>>(),
        ),
        (
            LogFilter {
                session: some("seven"),
                ..none()
            },
            vec![7],
        ),
        (
            LogFilter {
                key: is("key_a"),
                model: some("small"),
                ..none()
            },
            vec![0, 2, 4, 6, 8],
        ),
        (
            LogFilter {
                key: Some(OrNone::None),
                model: some("small"),
                ..none()
            },
            vec![1, 3, 5, 7, 9],
        ),
        (
            LogFilter {
                tenant: is("acme"),
                provider: some("openai"),
                since: Some(at(10)),
                ..none()
            },
            vec![10, 14, 16],
        ),
        (
            LogFilter {
                status: Some((500, 599)),
                user: some("ann"),
                ..none()
            },
            vec![0, 6, 12, 18],
        ),
        (
            LogFilter {
                since: Some(at(3)),
                until: Some(at(5)),
                surface: some("chat.completions"),
                ..none()
            },
            vec![3, 4],
        ),
        (
            LogFilter {
                surface: some("embeddings"),
                ..none()
            },
            vec![],
        ),
    ] {
        let mut found = seconds(&store, &filter, Page::first(100)).await;
        found.reverse();
        assert_eq!(found, expected, "{filter:?}");
    }
}

pub(super) async fn pages(place: &Place) {
    let store = place.store();
    store.append_logs(&batch(1, 0..10)).await.unwrap();
    let all = LogFilter::default();
    let mut page = Page::first(4);
    let mut found = Vec::new();
    for expected in [4, 4, 2] {
        let listed = store.logs(&all, page).await.unwrap();
        assert_eq!(listed.rows.len(), expected);
        found.extend(listed.rows.iter().map(|row| row.log.clone()));
        // What comes in between does not move the pages.
        let number = 100 - found.len() as u64;
        let newer = LogBatch {
            writer: format!("writer {number}"),
            ..batch(1, 50..51)
        };
        store.append_logs(&newer).await.unwrap();
        match listed.next {
            Some(next) => page = page.after(next),
            None => assert_eq!(expected, 2),
        }
    }
    assert_eq!(found, (0..10).rev().map(call).collect::<Vec<_>>());
    let skipping = Page {
        offset: 5,
        ..Page::first(2)
    };
    assert_eq!(seconds(&store, &all, skipping).await, [7, 6]);
}

pub(super) async fn searches(place: &Place) {
    let store = place.store();
    let mut odd = call(30);
    odd.model = Some("100%_Sure!".to_owned());
    let mut with_odd = batch(1, 0..20);
    with_odd.rows.push(odd);
    store.append_logs(&with_odd).await.unwrap();
    let search = |text: &str| LogFilter {
        q: Some(text.to_owned()),
        ..LogFilter::default()
    };
    for (text, expected) in [
        ("%_sURE!", vec![30]),
        ("SEVEN", vec![7]),
        ("0000000000000011", vec![17]),
        ("s_ven", vec![]),
        ("", (0..3).map(|n| [30, 19, 18][n]).collect()),
    ] {
        let found = seconds(&store, &search(text), Page::first(3)).await;
        assert_eq!(found, expected, "{text}");
    }
    let failed = LogFilter {
        since: Some(at(6)),
        ..search("upstream_error")
    };
    let listed = store.logs(&failed, Page::first(3)).await.unwrap();
    assert_eq!(listed.total, Total::AtLeast(3));
    let next = Page::first(3).after(listed.next.unwrap());
    assert_eq!(seconds(&store, &failed, next).await, [12, 9, 6]);
    let listed = store.logs(&failed, next).await.unwrap();
    assert_eq!(listed.next, None);
}

pub(super) async fn sums(place: &Place) {
    let store = place.store();
    store.append_logs(&batch(1, 0..12)).await.unwrap();
    let buckets = Buckets {
        start: at(0),
        width_ms: 5_000,
        count: 3,
    };
    let stats = store
        .log_stats(&LogFilter::default(), Some(buckets))
        .await
        .unwrap();
    let summary = LogSums {
        requests: 12,
        errors: 4,
        input_tokens: 1_200,
        output_tokens: 120,
        cost: Money::from_nanos(12_000),
        unpriced: 4,
    };
    assert_eq!(stats.summary, summary);
    assert_eq!((stats.latency_ms.count, stats.latency_ms.max), (12, 110));
    assert_eq!((stats.ttft_ms.count, stats.ttft_ms.p99), (8, 5));
    let counted = |sums: &[(String, LogSums)]| -> Vec<(String, u64)> {
        let counted = sums.iter();
        counted
            .map(|(name, sums)| (name.clone(), sums.requests))
            .collect()
    };
    assert_eq!(
        counted(&stats.by_model),
        [("small".to_owned(), 10), ("large".to_owned(), 2)]
    );
    assert_eq!(
        counted(&stats.by_provider),
        [("openai".to_owned(), 8), (String::new(), 4)]
    );
    assert_eq!(stats.top_errors, [("upstream_error".to_owned(), 4)]);
    let series: Vec<_> = stats
        .series
        .iter()
        .map(|point| (point.start, point.sums.requests, point.sums.errors))
        .collect();
    assert_eq!(series, [(at(0), 5, 2), (at(5), 5, 2), (at(10), 2, 0)]);

    let nothing = LogFilter {
        model: Some("none".to_owned()),
        ..LogFilter::default()
    };
    let stats = store.log_stats(&nothing, None).await.unwrap();
    assert_eq!(stats.summary, LogSums::default());
    assert!(stats.by_model.is_empty() && stats.series.is_empty());
}

pub(super) async fn forgets(place: &Place) {
    let store = place.store();
    store.append_logs(&batch(1, 0..20)).await.unwrap();
    let all = LogFilter::default();
    let of_ann = LogFilter {
        user: Some("ann".to_owned()),
        ..LogFilter::default()
    };
    assert_eq!(store.delete_logs(at(6), &of_ann, 2).await, Ok(2));
    assert_eq!(store.delete_logs(at(6), &of_ann, 2).await, Ok(1));
    assert_eq!(store.delete_logs(at(4), &all, 100).await, Ok(2));
    let left: Vec<i64> = std::iter::once(5).chain(6..20).rev().collect();
    assert_eq!(seconds(&store, &all, Page::first(100)).await, left);
    let surplus = store.surplus_logs(10).await.unwrap().unwrap();
    assert_eq!(store.trim_logs(surplus, 3).await, Ok(3));
    assert_eq!(store.trim_logs(surplus, 3).await, Ok(2));
    assert_eq!(store.trim_logs(surplus, 3).await, Ok(0));
    assert_eq!(store.surplus_logs(10).await, Ok(None));
    let left: Vec<i64> = (10..20).rev().collect();
    assert_eq!(seconds(&store, &all, Page::first(100)).await, left);
    let retention = Retention {
        age: Some(Duration::from_secs(5)),
        rows: Some(3),
    };
    let swept = sweep(&*store, retention, at(20)).await;
    let expected = Swept {
        aged: 5,
        surplus: 2,
    };
    assert_eq!(swept, Ok(expected));
    assert_eq!(seconds(&store, &all, Page::first(100)).await, [19, 18, 17]);
    store.tidy().await.unwrap();
}

pub(super) async fn survives_odd_texts(place: &Place) {
    let store = place.store();
    let mut odd = call(1);
    odd.model = Some("a\0b ' \" ; DROP TABLE request_logs; -- ?1 $1 \u{1F600}".to_owned());
    odd.duration_ms = u64::MAX;
    let batch = LogBatch {
        rows: vec![odd.clone()],
        ..batch(1, 0..0)
    };
    store.append_logs(&batch).await.unwrap();
    let filter = LogFilter {
        model: odd.model.clone(),
        ..LogFilter::default()
    };
    let found = store.logs(&filter, Page::first(1)).await.unwrap();
    let kept = found.rows[0].log.clone();
    assert_eq!(
        kept.model,
        odd.model.map(|text| text.replace('\0', "\u{fffd}"))
    );
    assert_eq!(kept.duration_ms, u64::try_from(i64::MAX).unwrap());
    // Sums that do not fit are an error, not a wrong number.
    let second = LogBatch { number: 2, ..batch };
    store.append_logs(&second).await.unwrap();
    let stats = store.log_stats(&LogFilter::default(), None).await;
    assert!(stats.is_ok() || matches!(stats, Err(StoreError::Refused(_))));
}
