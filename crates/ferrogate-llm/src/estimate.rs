//! A token count where no provider gave one.

use ferrogate_types::TokenCount;

/// Estimates the tokens of a text or request body from its length: four bytes a token, rounded up.
///
/// The rule of thumb OpenAI publishes for English; JSON syntax makes it err on the high side for request
/// bodies, which is the safe side for a limit. Records that rest on it are marked `estimated`.
/// Source: OpenAI help centre, "What are tokens and how to count them".
pub fn estimate_tokens(bytes: usize) -> TokenCount {
    TokenCount::try_from(bytes.div_ceil(4)).unwrap_or(TokenCount::MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn rounds_up() {
        assert_eq!([0, 1, 4, 5].map(super::estimate_tokens), [0, 1, 1, 2]);
    }
}
