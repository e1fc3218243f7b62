//! What limits cost a request: `cargo bench -p ferrogate-policy --bench limits`.

use std::time::Instant;

use divan::{Bencher, black_box};
use ferrogate_policy::{Cost, LimitSpec, Limits, Quota};
use ferrogate_types::{Subject, SubjectKind};

fn main() {
    divan::main();
}

fn all() -> LimitSpec {
    LimitSpec {
        requests: Some(Quota::per_minute(1 << 40)),
        tokens: Some(Quota::per_minute(1 << 40)),
        concurrency: Some(1 << 20),
    }
}

fn chain(key: usize) -> [Subject; 4] {
    [
        Subject::Key(format!("key-{key}").parse().expect("a name")),
        Subject::Tenant("team".parse().expect("a name")),
        Subject::Tenant("organisation".parse().expect("a name")),
        Subject::Global,
    ]
}

fn limits(keys: usize, now: Instant) -> Limits {
    let keys = (0..keys).map(|key| {
        let [key, ..] = chain(key);
        (key, all())
    });
    let [_, above @ ..] = chain(0);
    Limits::new(
        [(SubjectKind::User, all())],
        keys.chain(above.map(|subject| (subject, all()))),
        now,
    )
}

/// Everything of a chain of four, taken and settled, with so many keys declared.
#[divan::bench(args = [10, 10_000, 1_000_000])]
fn chain_of_four(bencher: Bencher<'_, '_>, keys: usize) {
    let now = Instant::now();
    let limits = limits(keys, now);
    let chain = chain(keys / 2);
    bencher.bench(|| {
        let admission = limits.admit(black_box(&chain), Cost::call(100), now);
        admission.expect("there is room").settle(50, now);
    });
}

/// The same by many threads at once: all of them on the same four buckets.
#[divan::bench(threads = [1, 2, 64])]
fn hot_key(bencher: Bencher<'_, '_>) {
    let now = Instant::now();
    let limits = limits(10, now);
    let chain = chain(5);
    bencher.bench(|| {
        let admission = limits.admit(black_box(&chain), Cost::call(100), now);
        admission.expect("there is room").settle(50, now);
    });
}
