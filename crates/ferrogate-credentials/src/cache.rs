//! A credential that expires, fetched once for everybody.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::environment::Environment;
use crate::error::CredentialError;

/// A value with the end of its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expiring<T> {
    pub(crate) value: T,
    /// The time since 1970; `None` is never.
    pub(crate) expires_at: Option<Duration>,
}

impl<T> Expiring<T> {
    /// A value that lives until somebody refuses it.
    pub(crate) fn never(value: T) -> Self {
        Self {
            value,
            expires_at: None,
        }
    }
}

/// A credential that expires, fetched once for everybody.
///
/// The first who asks starts a task, and all wait for it; whoever leaves early takes nothing from the others.
/// Five minutes before the end one task fetches the next, while the old one still serves. A failure is
/// remembered for [`FAILURE_MEMORY`], so that a storm of requests is not a storm for the token server.
/// Dropping the cache ends its task.
pub(crate) struct TokenCache<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    environment: Environment,
    state: Mutex<State<T>>,
}

struct State<T> {
    held: Option<Held<T>>,
    flight: Option<Flight<T>>,
    failure: Option<Failure>,
}

struct Held<T> {
    value: Arc<T>,
    fetched_at: Duration,
    refresh_at: Duration,
    usable_until: Duration,
}

/// A fetch under way.
struct Flight<T> {
    outcome: watch::Receiver<Option<Outcome<T>>>,
    task: AbortHandle,
}

struct Failure {
    at: Duration,
    error: CredentialError,
}

type Outcome<T> = Result<Arc<T>, CredentialError>;

/// What a look at the state says.
enum Next<T> {
    Now(Outcome<T>),
    Wait(watch::Receiver<Option<Outcome<T>>>),
}

impl<T: Send + Sync + 'static> TokenCache<T> {
    /// An empty cache with the clock of `environment`.
    pub(crate) fn new(environment: Environment) -> Self {
        Self {
            shared: Arc::new(Shared {
                environment,
                state: Mutex::new(State {
                    held: None,
                    flight: None,
                    failure: None,
                }),
            }),
        }
    }

    /// The credential; `fetch` makes the work that gets one, and is only asked when there is none under way.
    ///
    /// # Cancel safety
    ///
    /// Safe: the fetch goes on for the others.
    pub(crate) async fn get<F, W>(&self, fetch: F) -> Outcome<T>
    where
        F: Fn() -> W,
        W: Future<Output = Result<Expiring<T>, CredentialError>> + Send + 'static,
    {
        // Twice, because a fetch dies with the runtime it was started on, and there may be several.
        for _ in 0..2 {
            let mut outcome = match self.look(&fetch) {
                Next::Now(outcome) => return outcome,
                Next::Wait(outcome) => outcome,
            };
            let landed = outcome.wait_for(Option::is_some).await;
            if let Some(outcome) = landed.ok().and_then(|outcome| outcome.clone()) {
                return outcome;
            }
        }
        Err(CredentialError::Interrupted)
    }

    /// Forgets a credential that was refused.
    ///
    /// One that is younger than [`FAILURE_MEMORY`] stays: the refusal was for the one before it, or a server
    /// refuses whatever it gets, and then new ones do not help.
    pub(crate) fn invalidate(&self) {
        let now = self.shared.environment.now();
        let mut state = self.shared.state.lock();
        if let Some(held) = &state.held
            && now.abs_diff(held.fetched_at) >= FAILURE_MEMORY
        {
            state.held = None;
        }
    }

    fn look<F, W>(&self, fetch: &F) -> Next<T>
    where
        F: Fn() -> W,
        W: Future<Output = Result<Expiring<T>, CredentialError>> + Send + 'static,
    {
        let now = self.shared.environment.now();
        let mut state = self.shared.state.lock();
        // A fetch that ended takes itself away; one whose task was dropped leaves a closed channel.
        let under_way = state
            .flight
            .take_if(|flight| flight.outcome.has_changed().is_err());
        drop(under_way);
        let remembered = state
            .failure
            .as_ref()
            .filter(|failure| now.abs_diff(failure.at) < FAILURE_MEMORY)
            .map(|failure| failure.error.clone());

        if let Some(held) = state.held.as_ref().filter(|held| now < held.usable_until) {
            let value = Arc::clone(&held.value);
            if now >= held.refresh_at && state.flight.is_none() && remembered.is_none() {
                state.flight = Some(self.start(fetch()));
            }
            return Next::Now(Ok(value));
        }
        if let Some(flight) = &state.flight {
            return Next::Wait(flight.outcome.clone());
        }
        if let Some(error) = remembered {
            return Next::Now(Err(error));
        }
        let flight = self.start(fetch());
        let outcome = flight.outcome.clone();
        state.flight = Some(flight);
        Next::Wait(outcome)
    }

    fn start<W>(&self, work: W) -> Flight<T>
    where
        W: Future<Output = Result<Expiring<T>, CredentialError>> + Send + 'static,
    {
        let (sender, outcome) = watch::channel(None);
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move {
            let fetched = work.await;
            let outcome = shared.land(fetched);
            sender.send_replace(Some(outcome));
        });
        Flight {
            outcome,
            task: task.abort_handle(),
        }
    }
}

impl<T> Shared<T> {
    /// Takes what a fetch brought.
    fn land(&self, fetched: Result<Expiring<T>, CredentialError>) -> Outcome<T> {
        let now = self.environment.now();
        let held = fetched.and_then(|fetched| Held::new(fetched, now));
        let mut state = self.state.lock();
        state.flight = None;
        match held {
            Ok(held) => {
                let value = Arc::clone(&held.value);
                state.held = Some(held);
                state.failure = None;
                Ok(value)
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a cloud credential could not be fetched"
                );
                state.failure = Some(Failure {
                    at: now,
                    error: error.clone(),
                });
                Err(error)
            }
        }
    }
}

impl<T> Held<T> {
    fn new(fetched: Expiring<T>, now: Duration) -> Result<Self, CredentialError> {
        let (refresh_at, usable_until) = match fetched.expires_at {
            None => (Duration::MAX, Duration::MAX),
            Some(expires_at) => {
                let left = expires_at.saturating_sub(now);
                if left.is_zero() {
                    return Err(CredentialError::Answer {
                        server: "the token server".to_owned(),
                        problem: "with a credential that has expired; check this machine's clock"
                            .to_owned(),
                    });
                }
                // Shares of a short life, so that it is not spent on refreshing.
                (
                    expires_at.saturating_sub(REFRESH_AHEAD.min(left / 2)),
                    expires_at.saturating_sub(TRAVEL.min(left / 10)),
                )
            }
        };
        Ok(Self {
            value: Arc::new(fetched.value),
            fetched_at: now,
            refresh_at,
            usable_until,
        })
    }
}

impl<T> Drop for TokenCache<T> {
    fn drop(&mut self) {
        if let Some(flight) = self.shared.state.lock().flight.take() {
            flight.task.abort();
        }
    }
}

impl<T> std::fmt::Debug for TokenCache<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

/// How long before its end a credential is replaced.
const REFRESH_AHEAD: Duration = Duration::from_mins(5);

/// What a request may take until its credential is looked at.
const TRAVEL: Duration = Duration::from_secs(10);

/// How long a failure is repeated without another attempt.
const FAILURE_MEMORY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
