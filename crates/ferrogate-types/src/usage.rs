//! What a model call used.

use serde::Serialize;

/// A number of tokens.
pub type TokenCount = u64;

/// What one call used, each kind apart from wire to ledger.
///
/// `input` *includes* `cached_input`, `cache_write`, `audio_input` and `image_input`, and `output` includes
/// `reasoning`, `audio_output` and `image_output`: OpenAI's convention. Dialects that exclude them add them while
/// reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Prompt tokens.
    pub input: TokenCount,
    /// Prompt tokens read from the provider's cache.
    pub cached_input: TokenCount,
    /// Prompt tokens written to the provider's cache, for however long.
    pub cache_write: TokenCount,
    /// The part of `cache_write` that is kept for an hour or longer.
    pub cache_write_1h: TokenCount,
    /// Prompt tokens that were sound.
    pub audio_input: TokenCount,
    /// Prompt tokens that were pictures.
    pub image_input: TokenCount,
    /// Tokens produced.
    pub output: TokenCount,
    /// Produced tokens that were reasoning.
    pub reasoning: TokenCount,
    /// Produced tokens that were sound.
    pub audio_output: TokenCount,
    /// Produced tokens that were pictures.
    pub image_output: TokenCount,
    /// What is not counted in tokens.
    pub units: Units,
}

/// What a call used besides tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Units {
    /// Pictures made.
    pub images: u64,
    /// Seconds of sound heard or made.
    pub audio_seconds: u64,
    /// Characters spoken.
    pub characters: u64,
    /// Searches of a reranker, as its provider counts them.
    pub search_units: u64,
}

impl Usage {
    /// Input and output together.
    pub fn total(&self) -> TokenCount {
        self.input.saturating_add(self.output)
    }

    /// Both together, each kind by itself.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let sum = u64::saturating_add;
        Self {
            input: sum(self.input, other.input),
            cached_input: sum(self.cached_input, other.cached_input),
            cache_write: sum(self.cache_write, other.cache_write),
            cache_write_1h: sum(self.cache_write_1h, other.cache_write_1h),
            audio_input: sum(self.audio_input, other.audio_input),
            image_input: sum(self.image_input, other.image_input),
            output: sum(self.output, other.output),
            reasoning: sum(self.reasoning, other.reasoning),
            audio_output: sum(self.audio_output, other.audio_output),
            image_output: sum(self.image_output, other.image_output),
            units: Units {
                images: sum(self.units.images, other.units.images),
                audio_seconds: sum(self.units.audio_seconds, other.units.audio_seconds),
                characters: sum(self.units.characters, other.units.characters),
                search_units: sum(self.units.search_units, other.units.search_units),
            },
        }
    }
}
