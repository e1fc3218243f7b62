//! Request logs: how fast they are written, and how fast they are found among a million.
//!
//! `cargo bench -p ferrogate-storage`. `ROWS` says among how many (1,000,000), `DSN` where (a new SQLite file): a
//! PostgreSQL database has to be empty.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on says where")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use ferrogate_storage::{
    Buckets, Cursor, Dsn, LogBatch, LogFilter, OrNone, Page, RequestLog, RequestLogStore, Store,
};
use ferrogate_types::{Money, Timestamp};
use parking_lot::Mutex;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
    // With its folder, which nothing else would remove.
    drop(FULL.lock().take());
}

static FULL: Mutex<Option<Arc<Full>>> = Mutex::new(None);

/// A store with many rows, and the runtime it is asked on.
struct Full {
    runtime: Runtime,
    store: Store,
    _folder: tempfile::TempDir,
}

const BATCH: u64 = 500;

fn rows() -> u64 {
    std::env::var("ROWS").map_or(1_000_000, |rows| rows.parse().unwrap())
}

fn call(number: u64) -> RequestLog {
    let mut random = fastrand::Rng::with_seed(number);
    let failed = random.u8(0..50) == 0;
    RequestLog {
        request_id: format!("{:032x}", random.u128(..)),
        // A hundred in a second.
        occurred_at: Timestamp::from_millis(
            1_790_000_000_000 + i64::try_from(number).unwrap() * 10,
        ),
        duration_ms: random.u64(100..20_000),
        ttft_ms: Some(random.u64(50..2_000)),
        surface: "chat.completions".to_owned(),
        key: Some(format!("key_{}", random.u32(0..1_000)).parse().unwrap()),
        tenant: Some(format!("tenant_{}", random.u32(0..50)).parse().unwrap()),
        user: None,
        session: None,
        model: Some(format!("model-{}", random.u32(0..20))),
        provider: Some(format!("provider-{}", random.u32(0..8))),
        upstream_model: Some("upstream-model-2026-01-01".to_owned()),
        status: if failed { 502 } else { 200 },
        error_code: failed.then(|| "upstream_error".to_owned()),
        attempts: r#"[{"provider":"provider-1","outcome":"ok","ms":812}]"#.to_owned(),
        input_tokens: random.u64(10..4_000),
        output_tokens: random.u64(10..1_000),
        cost: Some(Money::from_nanos(random.u32(..).into())),
        cache: Some("miss".to_owned()),
        lossy: "[]".to_owned(),
        stream: random.bool(),
        client_ip: Some("192.0.2.1".to_owned()),
        trace: r#"{"plan":[{"target":"provider-1","reason":"first"}]}"#.to_owned(),
    }
}

fn batch(number: u64) -> LogBatch {
    LogBatch {
        writer: "bench".to_owned(),
        number: number + 1,
        rows: (number * BATCH..(number + 1) * BATCH).map(call).collect(),
    }
}

fn open(folder: &tempfile::TempDir) -> Store {
    let dsn = std::env::var("DSN").map_or_else(
        |_| Dsn::Sqlite(folder.path().join("state.db")),
        |dsn| dsn.parse().unwrap(),
    );
    Store::open(&dsn).unwrap()
}

fn full() -> Arc<Full> {
    let mut full = FULL.lock();
    Arc::clone(full.get_or_insert_with(|| {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        for number in 0..rows() / BATCH {
            runtime.block_on(store.append_logs(&batch(number))).unwrap();
        }
        Arc::new(Full {
            runtime,
            store,
            _folder: folder,
        })
    }))
}

/// A batch after many.
#[divan::bench(sample_count = 50)]
fn append(bencher: Bencher<'_, '_>) {
    let full = full();
    let number = AtomicU64::new(rows() / BATCH);
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| batch(number.fetch_add(1, Ordering::Relaxed)))
        .bench_values(|batch| {
            full.runtime
                .block_on(full.store.append_logs(&batch))
                .unwrap();
        });
}

#[expect(clippy::unnecessary_wraps, reason = "fields of a row are optional")]
fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// What a page is asked for by.
fn filters() -> Vec<(&'static str, LogFilter)> {
    let none = LogFilter::default;
    let middle = i64::try_from(rows()).unwrap() * 5;
    vec![
        ("nothing", none()),
        (
            "key",
            LogFilter {
                key: Some(OrNone::Is("key_7".to_owned())),
                ..none()
            },
        ),
        (
            "model and failed",
            LogFilter {
                model: text("model-7"),
                status: Some((500, 599)),
                ..none()
            },
        ),
        (
            "tenant and provider",
            LogFilter {
                tenant: Some(OrNone::Is("tenant_7".to_owned())),
                provider: text("provider-3"),
                ..none()
            },
        ),
        (
            "until the middle",
            LogFilter {
                until: Some(Timestamp::from_millis(1_790_000_000_000 + middle)),
                ..none()
            },
        ),
        (
            "text that is there",
            LogFilter {
                q: text("upstream_error"),
                ..none()
            },
        ),
        (
            "text that is not",
            LogFilter {
                q: text("nowhere to be found"),
                ..none()
            },
        ),
    ]
}

/// A page of fifty with its count.
#[divan::bench(args = filters().iter().map(|(name, _)| *name).collect::<Vec<_>>(), sample_count = 20)]
fn page(bencher: Bencher<'_, '_>, name: &str) {
    let full = full();
    let (_, filter) = filters()
        .into_iter()
        .find(|(known, _)| *known == name)
        .unwrap();
    bencher.bench(|| {
        let page = full.store.logs(black_box(&filter), Page::first(50));
        full.runtime.block_on(page).unwrap()
    });
}

/// A page far down, by its cursor.
#[divan::bench(sample_count = 20)]
fn page_far_down(bencher: Bencher<'_, '_>) {
    let full = full();
    let after = Cursor {
        at: Timestamp::from_millis(1_790_000_000_000 + 10_000),
        seq: 1_000,
    };
    let all = LogFilter::default();
    bencher.bench(|| {
        let page = full.store.logs(&all, Page::first(50).after(after));
        full.runtime.block_on(page).unwrap()
    });
}

/// Sums over the last thousand seconds.
#[divan::bench(sample_count = 5)]
fn stats(bencher: Bencher<'_, '_>) {
    let full = full();
    let end = i64::try_from(rows()).unwrap() * 10;
    let since = Timestamp::from_millis(1_790_000_000_000 + end - 1_000_000);
    let filter = LogFilter {
        since: Some(since),
        ..LogFilter::default()
    };
    let buckets = Buckets {
        start: since,
        width_ms: 10_000,
        count: 100,
    };
    bencher.bench(|| {
        let stats = full.store.log_stats(&filter, Some(buckets));
        full.runtime.block_on(stats).unwrap()
    });
}
