//! What a call cost.

use ferrogate_types::{Money, Usage};

use crate::{Bucket, Prices, Tier};

impl Prices {
    /// What a call cost; `None` when a price it needs is not known: an unpriced call is not free.
    ///
    /// The sum over disjoint parts of the usage, each charged at its [rate](Prices::rate) and rounded half up to a
    /// billionth of a dollar. Parts that add up to more than the whole they belong to, as some providers report, never
    /// make a negative rest. Sound and pictures count among the tokens of input that came from no cache.
    ///
    /// Models are billed by tokens or by units (images, minutes, characters, searches); answers often report both.
    /// What a model has no price for is free only beside something of the other kind that was charged.
    pub fn cost(&self, usage: &Usage, tier: Tier) -> Option<Money> {
        if self.is_empty() {
            return None;
        }
        let tokens = token_parts(usage);
        let units = unit_parts(usage);
        let counted = |parts: &[(Bucket, u64)]| parts.iter().any(|&(_, count)| count > 0);
        let priced = |&(bucket, _): &(Bucket, u64)| self.rate(bucket, tier, usage.input).is_some();
        let unit_charged = units.iter().filter(|part| part.1 > 0).any(priced);
        let token_charged = counted(&tokens) && self.any(true);

        let mut total = Money::ZERO;
        for (bucket, count) in tokens.into_iter().chain(units) {
            if count == 0 {
                continue;
            }
            let charge = match (self.rate(bucket, tier, usage.input), bucket.per_unit()) {
                (Some(price), None) => price.charge(count),
                (Some(price), Some(per)) => price.charge_per(count, per),
                (None, None) if unit_charged && !self.any(true) => Money::ZERO,
                (None, Some(_)) if token_charged => Money::ZERO,
                (None, _) => return None,
            };
            total = total.saturating_add(charge);
        }
        Some(total)
    }
}

/// The tokens of a call in parts that do not overlap.
fn token_parts(usage: &Usage) -> [(Bucket, u64); 10] {
    let fresh = usage
        .input
        .saturating_sub(usage.cached_input)
        .saturating_sub(usage.cache_write);
    let audio_input = usage.audio_input.min(fresh);
    let image_input = usage.image_input.min(fresh - audio_input);
    let text_output = usage
        .output
        .saturating_sub(usage.reasoning)
        .saturating_sub(usage.audio_output)
        .saturating_sub(usage.image_output);
    let long_write = usage.cache_write_1h.min(usage.cache_write);
    [
        (Bucket::Input, fresh - audio_input - image_input),
        (Bucket::AudioInput, audio_input),
        (Bucket::ImageInput, image_input),
        (Bucket::CachedInput, usage.cached_input),
        (Bucket::CacheWrite5m, usage.cache_write - long_write),
        (Bucket::CacheWrite1h, long_write),
        (Bucket::Output, text_output),
        (Bucket::Reasoning, usage.reasoning),
        (Bucket::AudioOutput, usage.audio_output),
        (Bucket::ImageOutput, usage.image_output),
    ]
}

fn unit_parts(usage: &Usage) -> [(Bucket, u64); 4] {
    let units = usage.units;
    [
        (Bucket::Image, units.images),
        (Bucket::Minute, units.audio_seconds),
        (Bucket::Characters, units.characters),
        (Bucket::SearchUnit, units.search_units),
    ]
}

#[cfg(test)]
mod tests;
