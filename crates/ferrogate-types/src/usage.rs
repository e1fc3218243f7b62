//! What a model call used.

use serde::Serialize;

/// A number of tokens.
pub type TokenCount = u64;

/// Tokens of one call, each kind apart from wire to ledger.
///
/// `input` *includes* `cached_input` and `cache_write`, and `output` includes `reasoning`: OpenAI's
/// convention. Dialects that exclude them add them while reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Prompt tokens.
    pub input: TokenCount,
    /// Prompt tokens read from the provider's cache.
    pub cached_input: TokenCount,
    /// Prompt tokens written to the provider's cache.
    pub cache_write: TokenCount,
    /// Tokens produced.
    pub output: TokenCount,
    /// Produced tokens that were reasoning.
    pub reasoning: TokenCount,
}

impl Usage {
    /// Input and output together.
    pub fn total(&self) -> TokenCount {
        self.input.saturating_add(self.output)
    }
}
