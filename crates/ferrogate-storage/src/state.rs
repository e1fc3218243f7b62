//! How a store is doing.

use ferrogate_types::{Timestamp, clock};

use crate::error::StoreError;

/// How a store is doing, by the last call it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreState {
    /// Nobody asked it for anything yet.
    Unknown,
    /// It answers.
    Up,
    /// It does not, or holds what this version cannot work with.
    Down {
        /// Since when.
        since: Timestamp,
        /// What it said last.
        reason: String,
    },
}

impl StoreState {
    /// Takes in how a call ended, and logs where that changes anything. An error that is the caller's own, such as a
    /// key that is there already, shows that the store is up.
    pub(crate) fn note<T>(&mut self, store: &str, result: &Result<T, StoreError>) {
        let down = match result {
            Err(error) if error.is_passing() || error.is_fatal() => Some(error.to_string()),
            Ok(_) | Err(_) => None,
        };
        match (down, self) {
            (None, state) => {
                if matches!(state, Self::Down { .. }) {
                    tracing::info!(store, "the store is back");
                }
                *state = Self::Up;
            }
            (Some(error), Self::Down { reason, .. }) => *reason = error,
            (Some(reason), state) => {
                tracing::warn!(store, %reason, "the store is down");
                *state = Self::Down {
                    since: Timestamp::from_epoch(clock::since_epoch()),
                    reason,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_since_when_and_why() {
        let mut state = StoreState::Unknown;
        let gone = |why: &str| Err::<(), _>(StoreError::Unavailable(why.to_owned()));
        state.note("x", &gone("one"));
        let StoreState::Down { since, .. } = state else {
            panic!("{state:?}");
        };
        state.note("x", &gone("two"));
        let reason = "the store cannot be reached: two".to_owned();
        assert_eq!(state, StoreState::Down { since, reason });
        state.note::<()>("x", &Err(StoreError::Exists("a key".to_owned())));
        assert_eq!(state, StoreState::Up);
    }
}
