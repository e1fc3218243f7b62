//! Rates that nodes share, in a real Redis.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_policy::{
    Cost, LimitKind, LimitSpec, Limits, Quota, SharedCharge, SharedCounters, SharedGrant,
    SharedVerdict,
};
use ferrogate_storage::{RateCounters, RateCounts, RateSettings};
use ferrogate_types::Subject;
use tokio::task::JoinHandle;

use crate::place::run;
use crate::server::open_redis;
use ferrogate_testkit::RedisServer;

const HOUR: Duration = Duration::from_secs(3_600);

fn charge(key: &str, quota: Quota, amount: u64) -> SharedCharge {
    SharedCharge {
        subject: Subject::Key(key.parse().unwrap()),
        kind: LimitKind::Tokens,
        quota,
        amount,
    }
}

/// Of ten in an hour.
fn ten(key: &str, amount: u64) -> SharedCharge {
    charge(key, Quota::new(10, HOUR), amount)
}

/// Counters with their task. Patience is not what most tests are about, and a machine may be busy.
fn open(dsn: &str, prefix: &str, settings: RateSettings) -> (Arc<RateCounters>, JoinHandle<()>) {
    let redis = Arc::new(open_redis(dsn, prefix));
    let (counters, task) = RateCounters::new(redis, settings);
    let task = tokio::spawn(task.run(std::future::pending(), Duration::ZERO));
    (Arc::new(counters), task)
}

fn patient() -> RateSettings {
    RateSettings {
        patience: Duration::from_secs(5),
        ..RateSettings::default()
    }
}

async fn take(counters: &RateCounters, charge: &SharedCharge) -> Option<SharedGrant> {
    match counters.take(std::slice::from_ref(charge)).await.unwrap() {
        SharedVerdict::Admitted(grants) => Some(grants[0]),
        SharedVerdict::Refused { .. } => None,
    }
}

/// Settles, and waits until that is done.
async fn settle(counters: &RateCounters, charge: &SharedCharge, grant: SharedGrant, used: u64) {
    let expected = counters.counts().settled + 1;
    counters.settle(charge.clone(), grant.receipt, used);
    until(counters, |counts| counts.settled >= expected).await;
}

async fn until(counters: &RateCounters, is: impl Fn(RateCounts) -> bool) {
    while !is(counters.counts()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn everything_is_taken_or_nothing() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    run(async {
        let (counters, _task) = open(&server.dsn(), "rates", patient());
        let first = take(&counters, &ten("a", 4)).await.unwrap();
        assert_eq!((first.state.limit, first.state.remaining), (10, 6));
        let verdict = counters.take(&[ten("b", 1), ten("a", 7)]).await.unwrap();
        let SharedVerdict::Refused {
            index,
            state,
            retry_after,
        } = verdict
        else {
            panic!("more was taken than there is");
        };
        assert_eq!((index, state.remaining), (1, 6));
        // One of ten in an hour is missing.
        assert!(
            retry_after > Duration::from_secs(350) && retry_after <= Duration::from_secs(360),
            "{retry_after:?}"
        );
        let untouched = take(&counters, &ten("b", 10)).await.unwrap();
        assert_eq!(untouched.state.remaining, 0);
        // More than ever comes at once, and another limit of the same key.
        assert_eq!(take(&counters, &ten("c", 11)).await, None);
        let wider = charge("a", Quota::new(10, HOUR).with_burst(20), 20);
        assert!(take(&counters, &wider).await.is_some());
        let twice = counters.take(&[ten("d", 6), ten("d", 6)]).await.unwrap();
        assert!(matches!(twice, SharedVerdict::Refused { index: 1, .. }));
        let nothing = counters.take(&[]).await.unwrap();
        assert_eq!(nothing, SharedVerdict::Admitted(Vec::new()));
    });
}

#[test]
fn what_was_taken_becomes_what_was_used() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    run(async {
        let (counters, _task) = open(&server.dsn(), "settled", patient());
        let left = async |key| {
            let probe = take(&counters, &ten(key, 0)).await;
            probe.map(|grant| grant.state.remaining)
        };
        let eight = ten("less", 8);
        let grant = take(&counters, &eight).await.unwrap();
        settle(&counters, &eight, grant, 3).await;
        assert_eq!(left("less").await, Some(7));
        // A refund that comes again is worth what is left of the taking: no more than there ever was.
        settle(&counters, &eight, grant, 0).await;
        settle(&counters, &eight, grant, 0).await;
        assert_eq!(left("less").await, Some(10));

        let one = ten("more", 1);
        let grant = take(&counters, &one).await.unwrap();
        settle(&counters, &one, grant, 20).await;
        assert_eq!(left("more").await, None, "ten are owed");
        settle(&counters, &ten("unheard", 5), grant, 1).await;
        assert_eq!(left("unheard").await, Some(10));
        // What was used as expected needs no settling.
        counters.settle(one, grant.receipt, 1);
        assert_eq!(counters.counts().settled, 5);

        // A later refund may have given back what an earlier taking was worth.
        for (key, later_first, expected) in [("in-order", false, 10), ("out-of-order", true, 5)] {
            let five = ten(key, 5);
            let first = take(&counters, &five).await.unwrap();
            let second = take(&counters, &five).await.unwrap();
            let (one, other) = if later_first {
                (second, first)
            } else {
                (first, second)
            };
            settle(&counters, &five, one, 0).await;
            settle(&counters, &five, other, 0).await;
            assert_eq!(left(key).await, Some(expected), "{key}");
        }
    });
}

/// A call that outlives its bucket, which was empty long enough to be forgotten, must not empty the next one.
#[test]
fn a_refund_is_worth_nothing_to_another_bucket() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    run(async {
        let (counters, _task) = open(&server.dsn(), "reborn", patient());
        let all = charge("k", Quota::new(10, Duration::from_secs(1)), 10);
        for _ in 0..40 {
            let grant = take(&counters, &all).await.unwrap();
            settle(&counters, &all, grant, 0).await;
        }
        let old = take(&counters, &all).await.unwrap();
        assert!(old.receipt.refunded > 9_000_000, "{old:?}");
        while server.command("PTTL reborn:rate:tokens:10:1000000:10:key:k") != ":-2" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let new = take(&counters, &all).await.unwrap();
        settle(&counters, &all, old, 0).await;
        settle(&counters, &all, old, 0).await;
        let again = take(&counters, &all).await;
        assert_eq!(again, None, "{new:?}");
    });
}

#[test]
fn buckets_that_are_empty_are_forgotten() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    run(async {
        let (counters, _task) = open(&server.dsn(), "forgotten", patient());
        let quota = Quota::new(1_000_000, Duration::from_secs(10));
        for _ in 0..50 {
            let one = charge("k", quota, 2);
            let grant = take(&counters, &one).await.unwrap();
            settle(&counters, &one, grant, 3).await;
        }
        let left = server.command("PTTL forgotten:rate:tokens:1000000:10000000:1000000:key:k");
        let left: u64 = left.trim_start_matches(':').parse().unwrap();
        assert!((5_000..=11_000).contains(&left), "{left} ms");
    });
}

/// Whatever is given back: over any time no more is used than the burst and what the rate grants.
#[test]
fn refunds_keep_the_promise() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    run(async {
        for seed in 0..6 {
            let (counters, _task) = open(&server.dsn(), &format!("promise-{seed}"), patient());
            let mut random = fastrand::Rng::with_seed(seed);
            let quota = Quota::new(2_000, Duration::from_secs(1)).with_burst(50);
            let (mut used, mut open) = (0, Vec::new());
            let begun = Instant::now();
            for _ in 0..150 {
                let some = charge("k", quota, random.u64(1..30));
                match take(&counters, &some).await {
                    Some(grant) => open.push((some, grant)),
                    None => tokio::time::sleep(Duration::from_millis(random.u64(0..5))).await,
                }
                if !open.is_empty() && random.u8(0..3) > 0 {
                    let (some, grant) = open.swap_remove(random.usize(0..open.len()));
                    let really = random.u64(0..=some.amount);
                    if really < some.amount {
                        settle(&counters, &some, grant, really).await;
                    }
                    used += really;
                }
            }
            used += open.iter().map(|(some, _)| some.amount).sum::<u64>();
            let granted = begun.elapsed().as_micros() * 2_000 / 1_000_000 + 50;
            assert!(u128::from(used) <= granted + 1, "{used} of {granted}");
        }
    });
}

#[test]
fn nodes_share_a_limit() {
    let Some(server) = RedisServer::shared() else {
        return;
    };
    run(async {
        let nodes: Vec<_> = (0..4)
            .map(|_| {
                let (counters, _task) = open(&server.dsn(), "shared", patient());
                let counters: Arc<dyn SharedCounters> = counters;
                let spec = LimitSpec {
                    requests: Some(Quota::new(10, HOUR)),
                    ..LimitSpec::default()
                };
                tokio::spawn(async move {
                    let now = Instant::now();
                    let limits = Limits::new([], [(Subject::Global, spec)], now);
                    let mut admitted = 0;
                    for _ in 0..10 {
                        let admission = limits
                            .admit_shared(&counters, &[Subject::Global], Cost::REQUEST, now)
                            .await;
                        if let Ok((mut admission, failure)) = admission {
                            assert_eq!(failure, None);
                            admission.sent();
                            admitted += 1;
                        }
                    }
                    admitted
                })
            })
            .collect();
        let mut admitted = 0;
        for node in nodes {
            admitted += node.await.unwrap();
        }
        assert_eq!(admitted, 10);
    });
}

/// A server that takes connections and never says anything.
#[test]
fn a_server_that_is_silent_costs_one_request_its_patience() {
    run(async {
        let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let dsn = format!("redis://{}", silent.local_addr().unwrap());
        let redis = Arc::new(open_redis(&dsn, "silent"));
        let (counters, task) = RateCounters::new(redis, RateSettings::default());
        // The task does not run yet: what it asks would take its own time.
        let begun = Instant::now();
        let failure = counters.take(&[ten("k", 1)]).await.unwrap_err();
        let waited = begun.elapsed();
        assert!(failure.0.contains("did not answer"), "{failure}");
        assert!(waited >= Duration::from_millis(100), "{waited:?}");
        assert!(waited < Duration::from_secs(4), "{waited:?}");
        let begun = Instant::now();
        for _ in 0..1_000 {
            counters.take(&[ten("k", 1)]).await.unwrap_err();
        }
        // Each would have waited a tenth of a second.
        assert!(begun.elapsed() < Duration::from_secs(10));
        drop(task);
    });
}

#[test]
fn comes_back_with_its_server() {
    let Some(server) = RedisServer::own() else {
        return;
    };
    run(async {
        let settings = RateSettings {
            queue: 4,
            ..patient()
        };
        let (counters, _task) = open(&server.dsn(), "back", settings);
        let eight = ten("k", 8);
        let grant = take(&counters, &eight).await.unwrap();
        server.stop();
        counters.take(&[ten("k", 1)]).await.unwrap_err();
        // What is settled meanwhile waits, and what does not fit is counted.
        for _ in 0..9 {
            counters.settle(eight.clone(), grant.receipt, 10);
        }
        let RateCounts {
            settled, dropped, ..
        } = counters.counts();
        assert!(settled == 0 && (1..=5).contains(&dropped), "{dropped}");
        assert!(server.start_again());
        // Nobody but the task asks.
        until(&counters, |counts| counts.settled + counts.dropped == 9).await;
        assert_eq!(counters.counts().lost, 0);
        // Each was two more than expected, in a bucket that was forgotten.
        let left = 10_u64.saturating_sub(2 * counters.counts().settled);
        assert_eq!(take(&counters, &ten("k", left + 1)).await, None);

        // Without anything to settle it is looked after all the same.
        server.stop();
        counters.take(&[ten("other", 1)]).await.unwrap_err();
        assert!(server.start_again());
        while counters.take(&[ten("other", 1)]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn what_waits_is_settled_at_the_end() {
    let Some(server) = RedisServer::own() else {
        return;
    };
    run(async {
        let end = async |grace, stopped| {
            let redis = Arc::new(open_redis(&server.dsn(), "end"));
            let (counters, task) = RateCounters::new(redis, patient());
            let grant = take(&counters, &ten("k", 0)).await.unwrap();
            for _ in 0..300 {
                counters.settle(ten("k", 0), grant.receipt, 1);
            }
            if stopped {
                server.stop();
            }
            task.run(std::future::ready(()), grace).await;
            counters.settle(ten("k", 0), grant.receipt, 1);
            let RateCounts {
                settled,
                dropped,
                lost,
            } = counters.counts();
            (settled, dropped, lost)
        };
        assert_eq!(end(Duration::from_secs(60), false).await, (300, 1, 0));
        server.command("FLUSHALL");
        assert_eq!(end(Duration::from_millis(50), true).await, (0, 1, 300));
    });
}
