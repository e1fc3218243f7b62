use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::super::quota::LimitSpec;
use super::*;

/// Counters that two "nodes" of a test share: how much was taken of one limit of each kind.
#[derive(Debug, Default)]
struct Counters {
    taken: Mutex<[u64; 2]>,
    down: std::sync::atomic::AtomicBool,
    settled: AtomicU64,
}

fn slot(kind: LimitKind) -> usize {
    usize::from(kind == LimitKind::Tokens)
}

fn state(charge: &SharedCharge, taken: u64) -> RateState {
    RateState {
        limit: charge.quota.limit,
        remaining: charge.quota.limit - taken,
        reset: Duration::from_secs(60),
    }
}

#[async_trait]
impl SharedCounters for Counters {
    async fn take(&self, charges: &[SharedCharge]) -> Result<SharedVerdict, SharedFailure> {
        if self.down.load(Ordering::SeqCst) {
            return Err(SharedFailure("refused".into()));
        }
        let mut taken = self.taken.lock();
        let full =
            |charge: &SharedCharge| taken[slot(charge.kind)] + charge.amount > charge.quota.limit;
        if let Some(index) = charges.iter().position(full) {
            return Ok(SharedVerdict::Refused {
                index,
                state: state(&charges[index], taken[slot(charges[index].kind)]),
                retry_after: Duration::from_secs(7),
            });
        }
        let grant = |charge: &SharedCharge| {
            taken[slot(charge.kind)] += charge.amount;
            SharedGrant {
                state: state(charge, taken[slot(charge.kind)]),
                receipt: SharedReceipt::default(),
            }
        };
        Ok(SharedVerdict::Admitted(charges.iter().map(grant).collect()))
    }

    fn settle(&self, charge: SharedCharge, _: SharedReceipt, used: u64) {
        let mut taken = self.taken.lock();
        taken[slot(charge.kind)] = taken[slot(charge.kind)] + used - charge.amount;
        self.settled.fetch_add(1, Ordering::SeqCst);
    }
}

struct Node {
    limits: Limits,
    counters: Arc<dyn SharedCounters>,
    now: Instant,
}

impl Node {
    fn new(counters: &Arc<Counters>, on_failure: OnStoreFailure) -> Self {
        let now = Instant::now();
        let quota = |limit| Some(Quota::per_minute(limit).on_store_failure(on_failure));
        let spec = LimitSpec {
            requests: quota(3),
            tokens: quota(100),
            concurrency: None,
        };
        Self {
            limits: Limits::new([], [(Subject::Global, spec)], now),
            counters: Arc::clone(counters) as Arc<dyn SharedCounters>,
            now,
        }
    }

    async fn admit(&self, tokens: u64) -> Result<(Admission, Option<SharedFailure>), Exceeded> {
        self.limits
            .admit_shared(
                &self.counters,
                &[Subject::Global],
                Cost::call(tokens),
                self.now,
            )
            .await
    }

    fn left(&self) -> u64 {
        let probe = self.limits.admit(
            &[Subject::Global],
            Cost {
                requests: 0,
                tokens: 0,
            },
            self.now,
        );
        probe.unwrap().requests().unwrap().remaining
    }
}

#[tokio::test]
async fn two_nodes_share_one_limit() {
    let counters = Arc::new(Counters::default());
    let [one, two] = [0, 1].map(|_| Node::new(&counters, OnStoreFailure::Closed));
    let first = one.admit(60).await.unwrap().0;
    assert_eq!(first.requests().unwrap().remaining, 2);
    let exceeded = two.admit(60).await.unwrap_err();
    assert_eq!(
        (exceeded.kind, exceeded.retry_after),
        (LimitKind::Tokens, Some(Duration::from_secs(7)))
    );
    // What the others refuse is not used up here.
    assert_eq!(two.left(), 3);
    first.settle(10, one.now);
    assert_eq!(counters.taken.lock()[1], 10);
    let second = two.admit(60).await.unwrap().0;
    second.release(two.now);
    assert_eq!(*counters.taken.lock(), [1, 10]);
}

#[tokio::test]
async fn a_limit_that_is_said_twice_is_counted_once() {
    let counters = Arc::new(Counters::default());
    let shared = Arc::clone(&counters) as Arc<dyn SharedCounters>;
    let spec = |on_failure| LimitSpec {
        requests: Some(Quota::per_minute(3).on_store_failure(on_failure)),
        ..LimitSpec::default()
    };
    let key = Subject::Key("k".parse().unwrap());
    let now = Instant::now();
    let limits = Limits::new(
        [(key.kind(), spec(OnStoreFailure::Closed))],
        [(key.clone(), spec(OnStoreFailure::Open))],
        now,
    );
    let admit = || limits.admit_shared(&shared, std::slice::from_ref(&key), Cost::REQUEST, now);
    let held = admit().await.unwrap();
    assert_eq!(*counters.taken.lock(), [1, 0]);
    drop(held);
    // The stricter of the two holds while nobody can be asked.
    counters.down.store(true, Ordering::SeqCst);
    assert_eq!(
        admit().await.unwrap_err().reason,
        ExceededReason::StoreUnavailable
    );
}

#[tokio::test]
async fn without_the_store_a_limit_fails_as_it_was_declared() {
    let counters = Arc::new(Counters::default());
    counters.down.store(true, Ordering::SeqCst);
    let open = Node::new(&counters, OnStoreFailure::Open);
    for _ in 0..3 {
        let (mut admission, failure) = open.admit(1).await.unwrap();
        admission.sent();
        assert!(failure.is_some());
    }
    assert_eq!(
        open.admit(1).await.unwrap_err().reason,
        ExceededReason::UsedUp
    );
    let closed = Node::new(&counters, OnStoreFailure::Closed);
    let exceeded = closed.admit(1).await.unwrap_err();
    assert_eq!(
        exceeded.to_string(),
        "the limit of 3 requests per minute of the gateway cannot be checked at the moment"
    );
    assert_eq!(closed.left(), 3);
    assert_eq!(counters.settled.load(Ordering::SeqCst), 0);
}
