//! A provider as requests meet it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ferrogate_types::route::StatusPattern;
use ferrogate_types::{ProviderId, Secret};

use crate::budget::RetryBudget;
use crate::places::Places;
use crate::{
    Breaker, BreakerSettings, BreakerState, Concurrency, CredentialPool, Place, PoolKey,
    ProviderKind, Saturated,
};

/// What the configuration says of a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderSpec {
    /// Its name.
    pub id: ProviderId,
    /// Its kind.
    pub kind: ProviderKind,
    /// Where it is, as written: what is known of a provider that moved is known of another one.
    pub base_url: Option<String>,
    /// Its keys, empty ones included: a key that was written but is unset disables the provider.
    pub credentials: Vec<PoolKey>,
    /// Further settings of its kind, by name.
    pub settings: Vec<(String, Secret)>,
    /// Further request headers.
    pub headers: Vec<(String, Secret)>,
    /// Time limits.
    pub timeouts: Timeouts,
    /// Tries on one target.
    pub retry: RetryRule,
    /// The breaker; `None` = off.
    pub breaker: Option<BreakerSettings>,
    /// Retries for each hundred first tries.
    pub retry_budget: u8,
    /// How many calls may be under way at once; `None` = any number.
    pub concurrency: Option<Concurrency>,
    /// Switched off.
    pub disabled: bool,
}

/// Retries for each hundred first tries where nothing is said.
const USUAL_BUDGET: u8 = 20;

/// Shorter is no secret worth the name, and leaving it out would garble what is said.
const SHORTEST_SECRET: usize = 8;
/// What providers show of a key that they mask: `sk-proj-****wxyz`.
const SHOWN: usize = 6;

impl ProviderSpec {
    /// A provider of which nothing more is said: no credentials, no limits, one try.
    pub fn new(id: ProviderId, kind: ProviderKind) -> Self {
        Self {
            id,
            kind,
            base_url: None,
            credentials: Vec::new(),
            settings: Vec::new(),
            headers: Vec::new(),
            timeouts: Timeouts::default(),
            retry: RetryRule::default(),
            breaker: None,
            retry_budget: USUAL_BUDGET,
            concurrency: None,
            disabled: false,
        }
    }

    /// A setting of its kind.
    pub fn setting(&self, name: &str) -> Option<&Secret> {
        let found = self.settings.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
    }

    /// Whether another configuration speaks of the same provider: what is known of its health holds.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        self.id == other.id
            && self.kind == other.kind
            && self.base_url == other.base_url
            && self.settings == other.settings
    }

    /// Text from the provider without the operator's credentials: some tell a caller which key they refused, whole
    /// or masked.
    pub fn hide_secrets(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for PoolKey { secret, .. } in &self.credentials {
            if let Some(shown) = secret.expose().get(..SHOWN)
                && secret.expose().len() >= SHORTEST_SECRET
            {
                text = hide_words(&text, shown);
            }
        }
        let values = self.headers.iter().map(|(_, secret)| secret.expose());
        for part in values.flat_map(str::split_whitespace) {
            if part.len() >= SHORTEST_SECRET {
                text = text.replace(part, HIDDEN);
            }
        }
        text
    }
}

/// Stands where a secret was.
const HIDDEN: &str = "***";

/// Replaces what begins with `start`, up to the next character that no key contains.
fn hide_words(text: &str, start: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(start) {
        out.push_str(before);
        out.push_str(HIDDEN);
        rest = behind.trim_start_matches(|c: char| {
            c.is_ascii_alphanumeric() || "-_.*+/=~\u{2026}\u{2022}".contains(c)
        });
    }
    out.push_str(rest);
    out
}

/// Time limits of one attempt; `None` = no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Name resolution, TCP and TLS.
    pub connect: Option<Duration>,
    /// From the request sent to the answer's header.
    pub first_byte: Option<Duration>,
    /// From the request sent to the first event of a stream.
    pub first_token: Option<Duration>,
    /// Between two reads.
    pub idle: Option<Duration>,
    /// The attempt as a whole.
    pub total: Option<Duration>,
}

/// When and how soon a target is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryRule {
    /// Tries in all on one target, at least one.
    pub attempts: u32,
    /// Statuses tried again.
    pub statuses: Vec<StatusPattern>,
    /// The first pause.
    pub backoff: Duration,
    /// The longest pause.
    pub max_backoff: Duration,
}

/// One try.
impl Default for RetryRule {
    fn default() -> Self {
        Self {
            attempts: 1,
            statuses: Vec::new(),
            backoff: Duration::ZERO,
            max_backoff: Duration::ZERO,
        }
    }
}

impl RetryRule {
    /// Whether an answer with this status is tried again.
    pub fn covers(&self, status: u16) -> bool {
        self.statuses.iter().any(|pattern| match *pattern {
            StatusPattern::Code(code) => code == status,
            StatusPattern::Class(class) => u16::from(class) == status / 100,
        })
    }

    /// The pause before try number `attempt` (the first retry is 1): full jitter below a doubling ceiling, so
    /// that callers who failed together do not come back together.
    pub fn pause(&self, attempt: u32) -> Duration {
        let ceiling = self
            .backoff
            .saturating_mul(1 << attempt.saturating_sub(1).min(16))
            .min(self.max_backoff);
        ceiling.mul_f64(fastrand::f64())
    }
}

/// A provider with its state.
#[derive(Debug)]
pub struct Provider {
    spec: ProviderSpec,
    credentials: CredentialPool,
    breaker: Breaker,
    budget: RetryBudget,
    places: Places,
    /// What active probes found; true where there are none.
    healthy: Arc<AtomicBool>,
}

impl Provider {
    /// A provider in its initial state.
    pub fn new(spec: ProviderSpec) -> Self {
        Self {
            credentials: CredentialPool::new(spec.credentials.iter().cloned()),
            breaker: Breaker::new(spec.breaker),
            budget: RetryBudget::new(spec.retry_budget),
            places: Places::new(spec.concurrency),
            healthy: Arc::new(AtomicBool::new(true)),
            spec,
        }
    }

    /// The same provider under a new configuration: each part whose settings are the same keeps its state.
    pub(crate) fn succeeding(spec: ProviderSpec, old: &Self) -> Self {
        let mut new = Self::new(spec);
        if !new.spec.is_same_place(&old.spec) {
            return new;
        }
        new.credentials.park_like(&old.credentials);
        new.breaker = Breaker::succeeding(new.spec.breaker, &old.breaker);
        new.healthy = Arc::clone(&old.healthy);
        if new.budget.percent() == old.budget.percent() {
            new.budget = old.budget.clone();
        }
        if new.places.settings() == old.places.settings() {
            new.places = old.places.clone();
        }
        new
    }

    /// Its name.
    pub fn id(&self) -> &ProviderId {
        &self.spec.id
    }

    /// What the configuration says of it.
    pub fn spec(&self) -> &ProviderSpec {
        &self.spec
    }

    /// Its keys.
    pub fn credentials(&self) -> &CredentialPool {
        &self.credentials
    }

    /// Its breaker.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Whether it could be called at all: switched on, and with a credential where one is needed or written.
    pub fn is_enabled(&self) -> bool {
        let row = self.spec.kind.row();
        let wants_credential = row.needs_credential || !self.spec.credentials.is_empty();
        !self.spec.disabled && (!wants_credential || !self.credentials.is_empty())
    }

    /// Whether it could be called now.
    pub fn is_available(&self, now: Instant) -> bool {
        self.is_enabled() && self.is_healthy() && self.breaker.state(now) != BreakerState::Open
    }

    /// Whether active probes find it well; true where there are none.
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Notes what active probes found; true when it was something else before.
    pub fn set_healthy(&self, healthy: bool) -> bool {
        self.healthy.swap(healthy, Ordering::Relaxed) != healthy
    }

    /// For how long others are to be asked first, because too many of its calls failed; `None` when none are.
    pub fn ejected(&self, now: Instant) -> Option<Duration> {
        self.breaker.outlier().ejected(now)
    }

    /// Notes a request's first try: it pays for a part of a retry.
    pub fn first_try(&self) {
        self.budget.deposit();
    }

    /// Asks to try again. True takes one retry out of the provider's budget, which all its targets share.
    pub fn may_retry(&self) -> bool {
        self.budget.withdraw()
    }

    /// Whether a call that came now would be turned away at once: every place is taken, and so is the queue.
    pub fn is_saturated(&self) -> bool {
        self.places.is_full()
    }

    /// Takes a place among the calls under way, or waits for one: until then, or as long as a call may wait.
    ///
    /// # Cancel safety
    ///
    /// A caller that leaves leaves the queue as well.
    pub async fn enter(&self, deadline: Instant) -> Result<Place, Saturated> {
        self.places.enter(deadline).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_the_operators_secrets() {
        let spec = ProviderSpec {
            credentials: ["sk-operator-1234", "short"]
                .map(|text| Secret::literal(text).into())
                .into(),
            headers: vec![("X-Auth".to_owned(), Secret::literal("Token header-secret"))],
            ..crate::registry::tests::provider("p")
        };
        for (said, shown) in [
            (
                "key sk-operator-1234, \"sk-operator-1234\"",
                "key ***, \"***\"",
            ),
            (
                "Incorrect API key: sk-opera***1234. See x",
                "Incorrect API key: *** See x",
            ),
            ("got header-secret", "got ***"),
            ("a Token is short", "a Token is short"),
        ] {
            assert_eq!(spec.hide_secrets(said), shown);
        }
    }

    #[test]
    fn retries_what_the_rule_covers() {
        let rule = RetryRule {
            attempts: 3,
            statuses: vec![StatusPattern::Code(429), StatusPattern::Class(5)],
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_millis(250),
        };
        assert!(rule.covers(429) && rule.covers(503) && !rule.covers(404));
        for attempt in 1..40 {
            assert!(rule.pause(attempt) <= rule.max_backoff);
        }
        assert!(rule.pause(1) <= rule.backoff);
    }
}
