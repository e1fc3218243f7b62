//! Names to addresses, cached.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

/// Looks a name up. The system's is [`tokio::net::lookup_host`], which runs on a blocking thread.
pub type Lookup =
    Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// A caching resolver. Cheap to clone; clones share the cache.
///
/// One lookup per name runs at a time, whoever asks. Addresses are fresh for 30 seconds, because the
/// system's resolver does not tell their true time to live. After that a caller waits 250 ms for new ones
/// and then goes on with the old, for at most five minutes. A failure is remembered for two seconds.
#[derive(Clone)]
pub struct Resolver {
    inner: Arc<Inner>,
}

struct Inner {
    lookup: Lookup,
    entries: Mutex<HashMap<(String, u16), Entry>>,
}

type Addresses = Arc<[SocketAddr]>;
type Flight = Shared<BoxFuture<'static, Result<Addresses, ResolveError>>>;

#[derive(Default)]
struct Entry {
    known: Option<(Addresses, Instant)>,
    failed: Option<(ResolveError, Instant)>,
    // With its beginning. Shared rather than spawned: it goes on with whoever still waits.
    flight: Option<(Flight, Instant)>,
}

enum Step {
    Done(Result<Addresses, ResolveError>),
    Wait(Flight, Option<Addresses>),
}

impl Resolver {
    /// The resolver of the system.
    pub fn system() -> Self {
        Self::with_lookup(Arc::new(|host, port| {
            async move {
                let found = tokio::net::lookup_host((host.as_str(), port)).await?;
                Ok(found.collect())
            }
            .boxed()
        }))
    }

    /// A cache in front of another way to look names up.
    pub fn with_lookup(lookup: Lookup) -> Self {
        Self {
            inner: Arc::new(Inner {
                lookup,
                entries: Mutex::default(),
            }),
        }
    }

    /// The addresses of `host`, at least one, in the order of the lookup. Literal addresses are returned as
    /// they are.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is safe; others who wait for the same name still get its addresses.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Addresses, ResolveError> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(Arc::new([SocketAddr::new(ip, port)]));
        }
        let key = (host.to_ascii_lowercase(), port);
        let (flight, old) = match self.step(&key) {
            Step::Done(result) => return result,
            Step::Wait(flight, old) => (flight, old),
        };
        let result = match &old {
            None => flight.clone().await,
            Some(old) => match timeout(STALE_WAIT, flight.clone()).await {
                Ok(result) => result,
                Err(_) => return Ok(Arc::clone(old)),
            },
        };
        self.land(&key, &flight, &result);
        match (result, old) {
            (Err(error), Some(old)) => {
                tracing::warn!(%error, "old addresses are used, because the name no longer resolves");
                Ok(old)
            }
            (result, _) => result,
        }
    }

    /// Answers from the cache, or joins the lookup, or starts it.
    fn step(&self, key: &(String, u16)) -> Step {
        let now = Instant::now();
        let mut entries = self.inner.entries.lock();
        if !entries.contains_key(key) && entries.len() >= MAX_ENTRIES {
            make_room(&mut entries, now);
        }
        let entry = entries.entry(key.clone()).or_default();
        let mut old = None;
        if let Some((addresses, at)) = &entry.known {
            let age = now.saturating_duration_since(*at);
            if age < FRESH {
                return Step::Done(Ok(Arc::clone(addresses)));
            }
            if age < STALE {
                old = Some(Arc::clone(addresses));
            }
        }
        if let Some((error, at)) = &entry.failed
            && now.saturating_duration_since(*at) < NEGATIVE
        {
            return Step::Done(old.ok_or_else(|| error.clone()));
        }
        // A lookup that hangs, or that everybody has left since, must not count as news when it ends.
        entry
            .flight
            .take_if(|(_, began)| now.saturating_duration_since(*began) >= FRESH);
        let (flight, _) = entry.flight.get_or_insert_with(|| {
            let name = key.0.clone();
            let found = (self.inner.lookup)(key.0.clone(), key.1);
            let flight = async move {
                match found.await {
                    Ok(addresses) if addresses.is_empty() => Err(ResolveError::new(
                        name,
                        io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
                    )),
                    Ok(addresses) => Ok(addresses.into()),
                    Err(error) => Err(ResolveError::new(name, error)),
                }
            };
            (flight.boxed().shared(), now)
        });
        Step::Wait(flight.clone(), old)
    }

    /// Writes the result of a flight down, once.
    fn land(&self, key: &(String, u16), flight: &Flight, result: &Result<Addresses, ResolveError>) {
        let now = Instant::now();
        let mut entries = self.inner.entries.lock();
        let Some(entry) = entries.get_mut(key) else {
            return;
        };
        if entry
            .flight
            .take_if(|(own, _)| own.ptr_eq(flight))
            .is_none()
        {
            return;
        }
        match result {
            Ok(addresses) => {
                entry.known = Some((Arc::clone(addresses), now));
                entry.failed = None;
            }
            Err(error) => entry.failed = Some((error.clone(), now)),
        }
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("entries", &self.inner.entries.lock().len())
            .finish_non_exhaustive()
    }
}

/// A name that has no address now.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the name `{host}` could not be resolved")]
pub struct ResolveError {
    host: String,
    #[source]
    source: Arc<io::Error>,
}

impl ResolveError {
    /// The name.
    pub fn host(&self) -> &str {
        &self.host
    }

    fn new(host: String, source: io::Error) -> Self {
        Self {
            host,
            source: Arc::new(source),
        }
    }
}

/// Drops what is out of date; when that frees nothing, the entry that has been known for longest.
fn make_room(entries: &mut HashMap<(String, u16), Entry>, now: Instant) {
    entries.retain(|_, entry| {
        entry.flight.is_some()
            || entry
                .known
                .as_ref()
                .is_some_and(|(_, at)| now.saturating_duration_since(*at) < STALE)
    });
    if entries.len() >= MAX_ENTRIES {
        let oldest = entries
            .iter()
            .min_by_key(|(_, entry)| entry.known.as_ref().map(|(_, at)| *at))
            .map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            entries.remove(&key);
        }
    }
}

const FRESH: Duration = Duration::from_secs(30);
const STALE: Duration = Duration::from_mins(5);
const NEGATIVE: Duration = Duration::from_secs(2);
const STALE_WAIT: Duration = Duration::from_millis(250);
/// Pairs of name and port. Far above what a configuration names; a bound for names that come from elsewhere.
const MAX_ENTRIES: usize = 4096;

#[cfg(test)]
mod tests;
