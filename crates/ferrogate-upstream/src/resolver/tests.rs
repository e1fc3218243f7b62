use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::advance;

use super::*;

/// A lookup that counts its calls and answers, once a permit is there, with the port as it stands then.
struct Fake {
    calls: AtomicUsize,
    gate: Semaphore,
    answer: Mutex<io::Result<&'static str>>,
}

fn fake(permits: usize) -> (Arc<Fake>, Resolver) {
    let fake = Arc::new(Fake {
        calls: AtomicUsize::new(0),
        gate: Semaphore::new(permits),
        answer: Mutex::new(Ok("10.0.0.1")),
    });
    let shared = Arc::clone(&fake);
    let resolver = Resolver::with_lookup(Arc::new(move |_, port| {
        let fake = Arc::clone(&shared);
        fake.calls.fetch_add(1, Ordering::Relaxed);
        async move {
            fake.gate.acquire().await.unwrap().forget();
            match &*fake.answer.lock() {
                Ok("") => Ok(Vec::new()),
                Ok(ip) => Ok(vec![SocketAddr::new(ip.parse().unwrap(), port)]),
                Err(error) => Err(error.kind().into()),
            }
        }
        .boxed()
    }));
    (fake, resolver)
}

impl Fake {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

async fn ip(resolver: &Resolver) -> Option<String> {
    let found = resolver.resolve("Host.test", 80).await.ok()?;
    found.first().map(|address| address.ip().to_string())
}

#[tokio::test]
async fn one_lookup_serves_all_who_ask_at_once() {
    let (fake, resolver) = fake(0);
    let waiting = join_all((0..20).map(|_| ip(&resolver)));
    let release = async {
        tokio::task::yield_now().await;
        fake.gate.add_permits(1);
    };
    let (found, ()) = tokio::join!(waiting, release);
    assert!(found.iter().all(|ip| ip.as_deref() == Some("10.0.0.1")));
    assert_eq!(fake.calls(), 1);
}

#[tokio::test]
async fn a_lookup_outlives_the_one_who_began_it() {
    let (fake, resolver) = fake(0);
    let mut first = Box::pin(ip(&resolver));
    assert!((&mut first).now_or_never().is_none());
    let mut second = Box::pin(ip(&resolver));
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    fake.gate.add_permits(1);
    assert_eq!(second.await.as_deref(), Some("10.0.0.1"));
    assert_eq!(fake.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn addresses_are_fresh_for_thirty_seconds() {
    let (fake, resolver) = fake(9);
    for (pause, calls) in [(0, 1), (29, 1), (2, 2)] {
        advance(Duration::from_secs(pause)).await;
        assert_eq!(ip(&resolver).await.as_deref(), Some("10.0.0.1"));
        assert_eq!(fake.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn old_addresses_serve_while_the_lookup_fails() {
    let (fake, resolver) = fake(99);
    ip(&resolver).await.unwrap();
    *fake.answer.lock() = Err(io::ErrorKind::TimedOut.into());
    for (pause, expected) in [(60, true), (120, true), (119, true), (2, false)] {
        advance(Duration::from_secs(pause)).await;
        assert_eq!(ip(&resolver).await.is_some(), expected);
    }
    *fake.answer.lock() = Ok("10.0.0.2");
    advance(NEGATIVE).await;
    assert_eq!(ip(&resolver).await.as_deref(), Some("10.0.0.2"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_lookup_delays_a_known_name_only_briefly() {
    let (fake, resolver) = fake(1);
    ip(&resolver).await.unwrap();
    *fake.answer.lock() = Ok("10.0.0.2");
    advance(FRESH).await;
    let before = Instant::now();
    assert_eq!(ip(&resolver).await.as_deref(), Some("10.0.0.1"));
    assert_eq!(before.elapsed(), STALE_WAIT);
    fake.gate.add_permits(1);
    assert_eq!(ip(&resolver).await.as_deref(), Some("10.0.0.2"));
    assert_eq!(fake.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_everybody_left_is_not_news_later() {
    let (fake, resolver) = fake(0);
    assert!(ip(&resolver).now_or_never().is_none());
    advance(FRESH).await;
    *fake.answer.lock() = Ok("10.0.0.2");
    fake.gate.add_permits(2);
    assert_eq!(ip(&resolver).await.as_deref(), Some("10.0.0.2"));
    assert_eq!(fake.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn failures_are_remembered_for_two_seconds() {
    let (fake, resolver) = fake(9);
    *fake.answer.lock() = Ok("");
    for (pause, calls) in [(0, 1), (1, 1), (1, 2)] {
        advance(Duration::from_secs(pause)).await;
        let error = resolver.resolve("host.test", 80).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the name `host.test` could not be resolved"
        );
        assert_eq!(fake.calls(), calls);
    }
}

#[tokio::test]
async fn literal_addresses_need_no_lookup() {
    let (fake, resolver) = fake(0);
    for (host, expected) in [("127.0.0.1", "127.0.0.1:9"), ("::1", "[::1]:9")] {
        let found = resolver.resolve(host, 9).await.unwrap();
        assert_eq!(*found, [expected.parse().unwrap()]);
    }
    assert_eq!(fake.calls(), 0);
}

#[tokio::test]
async fn the_cache_is_bounded() {
    let (_fake, resolver) = fake(MAX_ENTRIES + 10);
    for number in 0..MAX_ENTRIES + 10 {
        resolver.resolve(&format!("h{number}"), 80).await.unwrap();
    }
    assert_eq!(resolver.inner.entries.lock().len(), MAX_ENTRIES);
}
