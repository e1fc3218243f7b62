//! What the process sees: variables, the home directory, the time.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ferrogate_types::{Secret, SecretOrigin, clock};

/// What the process sees: variables, the home directory, the time.
///
/// A value, so that a test can be on any machine at any time.
#[derive(Clone)]
pub struct Environment {
    variables: Arc<Variables>,
    home: Option<PathBuf>,
    clock: Arc<dyn Fn() -> Duration + Send + Sync>,
}

type Variables = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// The one of this process.
    pub fn process() -> Self {
        Self::new(|name| std::env::var(name).ok(), std::env::home_dir())
    }

    /// One with variables of its own and the wall clock.
    pub fn new(
        variables: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        home: Option<PathBuf>,
    ) -> Self {
        Self {
            variables: Arc::new(variables),
            home,
            clock: Arc::new(clock::since_epoch),
        }
    }

    /// The same with another clock, which tells the time since 1970.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self {
            clock: Arc::new(clock),
            ..self
        }
    }

    /// A variable; an empty one counts as unset, as in the vendors' own tools.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.variables)(name).filter(|value| !value.is_empty())
    }

    /// A variable that holds a secret.
    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        let value = self.variable(name)?;
        Some(Secret::new(value, SecretOrigin::Env(name.to_owned())))
    }

    /// A switch: whether the variable is `true` or `1`, in any case of letters.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.variable(name)
            .is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }

    /// A path below the home directory.
    pub(crate) fn in_home(&self, path: &str) -> Option<PathBuf> {
        Some(self.home.as_ref()?.join(path))
    }

    /// A path as people write it in variables, with `~/` for the home directory.
    pub(crate) fn path(&self, written: &str) -> PathBuf {
        written
            .strip_prefix("~/")
            .and_then(|rest| self.in_home(rest))
            .unwrap_or_else(|| PathBuf::from(written))
    }

    /// The time since 1970.
    pub(crate) fn now(&self) -> Duration {
        (self.clock)()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}
