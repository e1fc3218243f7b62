//! What a model costs.

use ferrogate_types::Price;
use serde::Serialize;

use crate::words::words;

words! {
    /// What a price is for.
    pub enum Bucket {
        /// A million tokens of input.
        Input = "in",
        /// A million tokens of input read from the provider's cache.
        CachedInput = "cached",
        /// A million tokens of input written to the provider's cache for its usual time.
        CacheWrite5m = "write_5m",
        /// A million tokens of input written to the provider's cache for an hour or longer.
        CacheWrite1h = "write_1h",
        /// A million tokens of output.
        Output = "out",
        /// A million tokens of output that are reasoning.
        Reasoning = "reasoning",
        /// A million tokens of input that are sound.
        AudioInput = "audio_in",
        /// A million tokens of output that are sound.
        AudioOutput = "audio_out",
        /// A million tokens of input that are pictures.
        ImageInput = "image_in",
        /// A million tokens of output that are pictures.
        ImageOutput = "image_out",
        /// One picture made.
        Image = "per_image",
        /// One minute of sound.
        Minute = "per_minute",
        /// A million characters spoken.
        Characters = "per_million_characters",
        /// One search of a reranker.
        SearchUnit = "per_search_unit",
    }
}

impl Bucket {
    /// The name of its price in the configuration, or what it would be called there.
    pub const fn price_name(self) -> &'static str {
        match self {
            Self::Input => "input_price_per_1m",
            Self::CachedInput => "cached_input_price_per_1m",
            Self::CacheWrite5m => "cache_write_price_per_1m",
            Self::CacheWrite1h => "cache_write_1h_price_per_1m",
            Self::Output => "output_price_per_1m",
            Self::Reasoning => "reasoning_price_per_1m",
            Self::AudioInput => "audio_input_price_per_1m",
            Self::AudioOutput => "audio_output_price_per_1m",
            Self::ImageInput => "image_input_price_per_1m",
            Self::ImageOutput => "image_output_price_per_1m",
            Self::Image => "image_price",
            Self::Minute => "audio_minute_price",
            Self::Characters => "character_price_per_1m",
            Self::SearchUnit => "search_unit_price",
        }
    }

    /// Whether it counts tokens.
    pub const fn is_tokens(self) -> bool {
        self.per_unit().is_none()
    }

    /// How many units one price is for, of buckets that count no tokens.
    pub(crate) const fn per_unit(self) -> Option<u32> {
        match self {
            Self::Image | Self::SearchUnit => Some(1),
            // Sound is counted in seconds.
            Self::Minute => Some(60),
            Self::Characters => Some(1_000_000),
            _ => None,
        }
    }

    /// The bucket whose price holds where this one has none.
    const fn fallback(self) -> Option<Self> {
        match self {
            Self::CacheWrite1h => Some(Self::CacheWrite5m),
            Self::CachedInput | Self::CacheWrite5m | Self::AudioInput | Self::ImageInput => {
                Some(Self::Input)
            }
            Self::Reasoning | Self::AudioOutput | Self::ImageOutput => Some(Self::Output),
            _ => None,
        }
    }
}

words! {
    /// How urgently a call is served, which changes its prices.
    pub enum Tier {
        /// As usual.
        Standard = "standard",
        /// Within a day.
        Batch = "batch",
        /// When there is room.
        Flex = "flex",
        /// Before others.
        Priority = "priority",
        /// By faster machines.
        Fast = "fast",
    }
}

impl Tier {
    /// The tier of a `service_tier` on the wire; `None` for one whose prices the catalog does not know.
    pub fn of_service_tier(word: &str) -> Option<Self> {
        match word {
            "default" | "auto" | "standard_only" | "on_demand" => Some(Self::Standard),
            other => Self::named(other),
        }
    }

    /// Whether it costs more than the standard, whose prices then say nothing about it.
    const fn is_dearer(self) -> bool {
        matches!(self, Self::Priority | Self::Fast)
    }
}

/// One price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quote {
    /// What it is for.
    pub bucket: Bucket,
    /// Of which tier.
    pub tier: Tier,
    /// Holds when the whole prompt has more tokens than this; zero always holds.
    pub above_prompt_tokens: u64,
    /// In US dollars, per what the bucket says.
    pub price: Price,
}

/// The prices of a model, as a short list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Prices(Vec<Quote>);

impl Prices {
    /// Whether nothing is priced.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every price.
    pub fn quotes(&self) -> &[Quote] {
        &self.0
    }

    /// The prices a call of a tier with a prompt of that many tokens is charged by, those of its own that buckets have.
    pub fn of_call(&self, tier: Tier, prompt: u64) -> impl Iterator<Item = (Bucket, Price)> {
        Bucket::ALL
            .iter()
            .filter_map(move |&bucket| Some((bucket, self.of_tier(bucket, tier, prompt)?)))
    }

    /// The price of a bucket of the standard tier, for prompts of any length.
    pub fn base(&self, bucket: Bucket) -> Option<Price> {
        self.quoted(bucket, Tier::Standard, 0)
            .map(|quote| quote.price)
    }

    /// With `price` for the bucket instead of all it had, whatever the tier and the prompt: what an operator writes.
    #[must_use]
    pub fn with(mut self, bucket: Bucket, price: Price) -> Self {
        self.0.retain(|quote| quote.bucket != bucket);
        self.0.extend(Tier::ALL.iter().map(|&tier| Quote {
            bucket,
            tier,
            above_prompt_tokens: 0,
            price,
        }));
        self
    }

    /// Adds a price; false when that very price is there already.
    pub(crate) fn add(&mut self, quote: Quote) -> bool {
        let same = |other: &Quote| {
            (other.bucket, other.tier, other.above_prompt_tokens)
                == (quote.bucket, quote.tier, quote.above_prompt_tokens)
        };
        let new = !self.0.iter().any(same);
        if new {
            self.0.push(quote);
        }
        new
    }

    /// Prices `tier` at `factor` times the standard, where it has no price of its own.
    pub(crate) fn scale(&mut self, tier: Tier, factor: Price) {
        let standard: Vec<Quote> = self
            .0
            .iter()
            .filter(|quote| quote.tier == Tier::Standard)
            .copied()
            .collect();
        for quote in standard {
            self.add(Quote {
                tier,
                price: quote.price.times(factor),
                ..quote
            });
        }
    }

    /// What a bucket costs in a tier, after a prompt of that many tokens.
    ///
    /// Beyond a threshold its prices hold for the whole call. Where a tier states no price of its own for a long
    /// prompt and the standard does, the dearer of the two holds. A bucket without a price costs what the one it is a
    /// part of does. Tiers that cost less than the standard (batch, flex) cost the standard where they state nothing,
    /// which is never too little; of dearer ones (priority, fast) nothing is known then.
    pub fn rate(&self, bucket: Bucket, tier: Tier, prompt: u64) -> Option<Price> {
        self.of_tier(bucket, tier, prompt).or_else(|| {
            bucket
                .fallback()
                .and_then(|whole| self.rate(whole, tier, prompt))
        })
    }

    /// Whether any bucket of that kind has a price.
    pub(crate) fn any(&self, tokens: bool) -> bool {
        self.0
            .iter()
            .any(|quote| quote.bucket.is_tokens() == tokens)
    }

    fn of_tier(&self, bucket: Bucket, tier: Tier, prompt: u64) -> Option<Price> {
        let standard = self.quoted(bucket, Tier::Standard, prompt);
        if tier == Tier::Standard {
            return standard.map(|quote| quote.price);
        }
        match (self.quoted(bucket, tier, prompt), standard) {
            (Some(own), Some(standard))
                if standard.above_prompt_tokens > own.above_prompt_tokens =>
            {
                Some(own.price.max(standard.price))
            }
            (Some(own), _) => Some(own.price),
            (None, _) if tier.is_dearer() && bucket.is_tokens() => None,
            (None, standard) => standard.map(|quote| quote.price),
        }
    }

    /// The quote with the highest threshold that the prompt is above.
    fn quoted(&self, bucket: Bucket, tier: Tier, prompt: u64) -> Option<&Quote> {
        self.0
            .iter()
            .filter(|quote| quote.bucket == bucket && quote.tier == tier)
            .filter(|quote| quote.above_prompt_tokens == 0 || prompt > quote.above_prompt_tokens)
            .max_by_key(|quote| quote.above_prompt_tokens)
    }
}
