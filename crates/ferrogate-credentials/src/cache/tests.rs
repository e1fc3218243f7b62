use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::*;

type Work = Pin<Box<dyn Future<Output = Result<Expiring<usize>, CredentialError>> + Send>>;

/// A cache whose fetches wait for [`Bench::release`] and count themselves.
struct Bench {
    cache: Arc<TokenCache<usize>>,
    seconds: Arc<AtomicU64>,
    fetches: Arc<AtomicUsize>,
    gate: Arc<Notify>,
    lifetime: Option<u64>,
}

impl Bench {
    fn new(lifetime: Option<u64>) -> Self {
        let seconds = Arc::new(AtomicU64::new(1_000_000));
        let clock = Arc::clone(&seconds);
        let environment = Environment::new(|_| None, None)
            .with_clock(move || Duration::from_secs(clock.load(Ordering::SeqCst)));
        Self {
            cache: Arc::new(TokenCache::new(environment)),
            seconds,
            fetches: Arc::default(),
            gate: Arc::default(),
            lifetime,
        }
    }

    /// Work that waits at the gate; `None` is a fetch that fails.
    fn work(&self, succeeds: bool) -> impl Fn() -> Work + use<> {
        let (seconds, fetches) = (Arc::clone(&self.seconds), Arc::clone(&self.fetches));
        let (gate, lifetime) = (Arc::clone(&self.gate), self.lifetime);
        move || {
            let number = fetches.fetch_add(1, Ordering::SeqCst) + 1;
            let (seconds, gate) = (Arc::clone(&seconds), Arc::clone(&gate));
            Box::pin(async move {
                gate.notified().await;
                if !succeeds {
                    return Err(CredentialError::configuration("a test", "fails"));
                }
                let now = seconds.load(Ordering::SeqCst);
                Ok(Expiring {
                    value: number,
                    expires_at: lifetime.map(|seconds| Duration::from_secs(now + seconds)),
                })
            })
        }
    }

    async fn get(&self, succeeds: bool) -> Result<usize, String> {
        let outcome = self.cache.get(self.work(succeeds)).await;
        outcome
            .map(|value| *value)
            .map_err(|error| error.to_string())
    }

    /// Asks with the gate open.
    async fn fetch(&self, succeeds: bool) -> Result<usize, String> {
        self.gate.notify_one();
        self.get(succeeds).await
    }

    fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Lets the refresh in the background land.
    async fn landed(&self) {
        self.gate.notify_one();
        while self.cache.shared.state.lock().flight.is_some() {
            tokio::task::yield_now().await;
        }
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_callers_share_one_fetch() {
    let bench = Arc::new(Bench::new(Some(3600)));
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let bench = Arc::clone(&bench);
        callers.spawn(async move { bench.get(true).await });
    }
    bench.gate.notify_one();
    while let Some(value) = callers.join_next().await {
        assert_eq!(value.unwrap(), Ok(1));
    }
    assert_eq!(bench.fetches(), 1);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_end_the_fetch() {
    let bench = Bench::new(Some(3600));
    {
        let mut leaving = Box::pin(bench.get(true));
        let waited = std::future::poll_fn(|cx| {
            std::task::Poll::Ready(leaving.as_mut().poll(cx).is_pending())
        });
        assert!(waited.await);
    }
    assert_eq!(bench.fetch(true).await, Ok(1));
    assert_eq!(bench.fetches(), 1);
}

#[tokio::test]
async fn refreshes_ahead_while_the_old_one_serves() {
    let bench = Bench::new(Some(3600));
    assert_eq!(bench.fetch(true).await, Ok(1));
    bench.pass(3299);
    assert_eq!(bench.get(true).await, Ok(1));
    assert_eq!(bench.fetches(), 1, "not yet due");
    bench.pass(1);
    assert_eq!(bench.get(true).await, Ok(1));
    assert_eq!(bench.get(true).await, Ok(1));
    assert_eq!(bench.fetches(), 2, "one task refreshes");
    bench.landed().await;
    assert_eq!(bench.get(true).await, Ok(2));
}

#[tokio::test]
async fn waits_when_the_old_one_is_over() {
    let bench = Bench::new(Some(3600));
    assert_eq!(bench.fetch(true).await, Ok(1));
    bench.pass(3590);
    assert_eq!(bench.fetch(true).await, Ok(2));
}

#[tokio::test]
async fn a_failed_refresh_leaves_the_old_one() {
    let bench = Bench::new(Some(3600));
    assert_eq!(bench.fetch(true).await, Ok(1));
    bench.pass(3300);
    assert_eq!(bench.get(false).await, Ok(1));
    bench.landed().await;
    assert_eq!(bench.get(true).await, Ok(1));
    assert_eq!(bench.fetches(), 2, "the failure is remembered");
    bench.pass(5);
    assert_eq!(bench.get(true).await, Ok(1));
    bench.landed().await;
    assert_eq!(bench.get(true).await, Ok(3));
}

#[tokio::test]
async fn a_failure_is_remembered_for_a_moment() {
    let bench = Bench::new(Some(3600));
    let failed = Err("a test fails".to_owned());
    assert_eq!(bench.fetch(false).await, failed);
    assert_eq!(bench.get(true).await, failed);
    bench.pass(4);
    assert_eq!(bench.get(true).await, failed);
    assert_eq!(bench.fetches(), 1);
    bench.pass(1);
    assert_eq!(bench.fetch(true).await, Ok(2));
}

#[tokio::test]
async fn a_refused_credential_is_replaced_once() {
    let bench = Bench::new(None);
    assert_eq!(bench.fetch(true).await, Ok(1));
    bench.pass(60);
    bench.cache.invalidate();
    assert_eq!(bench.fetch(true).await, Ok(2));
    // The refusals of requests that left with the first one.
    bench.cache.invalidate();
    bench.cache.invalidate();
    assert_eq!(bench.get(true).await, Ok(2));
}

#[tokio::test]
async fn a_short_life_is_not_spent_on_refreshing() {
    let bench = Bench::new(Some(60));
    assert_eq!(bench.fetch(true).await, Ok(1));
    bench.pass(29);
    assert_eq!(bench.get(true).await, Ok(1));
    assert_eq!(bench.fetches(), 1);
    bench.pass(1);
    assert_eq!(bench.get(true).await, Ok(1));
    assert_eq!(bench.fetches(), 2);
}

#[tokio::test]
async fn what_is_over_on_arrival_is_a_failure() {
    let bench = Bench::new(Some(0));
    let error = bench.fetch(true).await.unwrap_err();
    assert!(error.contains("expired"), "{error}");
}

#[test]
fn a_fetch_that_dies_with_its_runtime_is_begun_again() {
    let bench = Bench::new(None);
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let first = runtime();
    first.block_on(async {
        let mut leaving = Box::pin(bench.get(true));
        std::future::poll_fn(|cx| {
            assert!(leaving.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    });
    drop(first);
    assert_eq!(runtime().block_on(bench.fetch(true)), Ok(2));
}

#[tokio::test]
async fn dropping_the_cache_ends_the_fetch() {
    let Bench { cache, gate, .. } = &Bench::new(None);
    let held = Arc::new(());
    let witness = Arc::clone(&held);
    let own = TokenCache::<()>::new(cache.shared.environment.clone());
    {
        let gate = Arc::clone(gate);
        let work = move || {
            let (gate, witness) = (Arc::clone(&gate), Arc::clone(&witness));
            async move {
                gate.notified().await;
                drop(witness);
                Ok(Expiring::never(()))
            }
        };
        let mut leaving = Box::pin(own.get(work));
        std::future::poll_fn(|cx| {
            assert!(leaving.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    }
    drop(own);
    while Arc::strong_count(&held) > 1 {
        tokio::task::yield_now().await;
    }
}
