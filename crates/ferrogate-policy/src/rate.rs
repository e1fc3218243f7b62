//! What is left of a limit, and the headers that say so.

use std::time::Duration;

use crate::limit::LimitKind;

/// How much of a limit is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateState {
    /// What may come at once.
    pub limit: u64,
    /// What may come at once now.
    pub remaining: u64,
    /// Until all of them may come again.
    pub reset: Duration,
}

impl RateState {
    /// The rate-limit headers of a limit on requests or on tokens, in OpenAI's form; concurrency has none.
    ///
    /// Source: OpenAI's guide "Rate limits", "Rate limits in headers".
    pub fn headers(&self, kind: LimitKind) -> impl Iterator<Item = (&'static str, String)> {
        let names = match kind {
            LimitKind::Requests => Some([
                "x-ratelimit-limit-requests",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
            ]),
            LimitKind::Tokens => Some([
                "x-ratelimit-limit-tokens",
                "x-ratelimit-remaining-tokens",
                "x-ratelimit-reset-tokens",
            ]),
            LimitKind::Concurrency => None,
        };
        let values = [
            self.limit.to_string(),
            self.remaining.to_string(),
            format!("{}ms", self.reset.as_millis()),
        ];
        names.into_iter().flatten().zip(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_is_left() {
        let state = RateState {
            limit: 100,
            remaining: 7,
            reset: Duration::from_micros(1_500),
        };
        let tokens: Vec<_> = state.headers(LimitKind::Tokens).collect();
        let expected = [
            ("x-ratelimit-limit-tokens", "100".to_owned()),
            ("x-ratelimit-remaining-tokens", "7".to_owned()),
            ("x-ratelimit-reset-tokens", "1ms".to_owned()),
        ];
        assert_eq!(tokens, expected);
        assert_eq!(state.headers(LimitKind::Concurrency).count(), 0);
    }
}
