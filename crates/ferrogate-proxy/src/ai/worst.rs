//! The most a call can use and cost, as far as can be known before it is made.

use ferrogate_billing::{PriceRow, Spend};
use ferrogate_catalog::{Bucket, Prices, Tier};
use ferrogate_llm::{Dialect, ModelRequest, Operation, estimate_tokens};
use ferrogate_providers::LogicalModel;
use ferrogate_types::{Money, TokenCount, Units, Usage};

use super::gateway::ModelGateway;

/// Output expected of a call that names no maximum, until it is known.
pub(super) const USUAL_OUTPUT: TokenCount = 256;
/// Output held for a call that names no maximum, of a model that has none either: a long answer.
const UNBOUNDED_OUTPUT: TokenCount = 4096;
/// Tokens of the largest picture of the best quality. Source: OpenAI's guide "Image generation", "Cost and latency".
const PICTURE: TokenCount = 6_240;
/// Bytes of a second of sound, compressed as speech is at worst: 32 kbit/s.
const SOUND_BYTES: usize = 4_000;
/// Tokens of a second of sound that is heard, and of what is said in it.
const HEARD: TokenCount = 10;
const SAID: TokenCount = 5;
/// Tokens of sound for a character that is spoken.
const SPOKEN: TokenCount = 2;
/// Tokens that a reranker counts as one search: a hundred documents of five hundred. Source: Cohere's pricing.
const SEARCH: TokenCount = 50_000;

/// The most a call can use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Worst {
    pub(crate) usage: Usage,
    /// How urgently it is to be served.
    pub(crate) tier: Tier,
    /// Whether the provider holds the answer to it: the caller named a maximum, or the model has one.
    pub(crate) bounded: bool,
}

impl Worst {
    /// Of a call: the body's size as input, and for each answer asked for the caller's maximum, the model's, or a
    /// default.
    pub(super) fn of_call(model: &LogicalModel, request: &ModelRequest) -> Self {
        let bytes = request.body().len();
        let input = estimate_tokens(bytes);
        let choices = request.choices();
        let mut usage = Usage {
            input,
            ..Usage::default()
        };
        match request.surface().operation() {
            Operation::Chat(_) | Operation::Completions => {
                let output = request
                    .max_output_tokens()
                    .unwrap_or_else(|| longest_answer(model));
                usage.output = output.saturating_mul(choices);
            }
            Operation::Images(_) | Operation::ImageEdits(_) | Operation::ImageVariations(_) => {
                usage.image_output = PICTURE.saturating_mul(choices);
                usage.output = usage.image_output;
                usage.units.images = choices;
            }
            Operation::Speech(_) => {
                usage.units.characters = u64::try_from(bytes).unwrap_or(u64::MAX);
                usage.audio_output = usage.units.characters.saturating_mul(SPOKEN);
                usage.output = usage.audio_output;
            }
            Operation::Transcriptions(_) | Operation::Translations(_) => {
                let seconds = u64::try_from(bytes.div_ceil(SOUND_BYTES)).unwrap_or(u64::MAX);
                usage.units.audio_seconds = seconds;
                usage.input = seconds.saturating_mul(HEARD);
                usage.audio_input = usage.input;
                usage.output = seconds.saturating_mul(SAID);
            }
            Operation::Rerank(_) => usage.units.search_units = 1 + input / SEARCH,
            Operation::Embeddings(_)
            | Operation::CountTokens(_)
            | Operation::Moderations
            | Operation::Realtime => {}
        }
        Self {
            usage,
            tier: asked_tier(request.service_tier(), request.surface().dialect()),
            bounded: request.max_output_tokens().is_some() || model.max_output_tokens().is_some(),
        }
    }

    /// Of one answer in a session.
    pub(super) fn of_session(model: &LogicalModel) -> Self {
        let output = longest_answer(model);
        Self {
            usage: Usage {
                output,
                audio_output: output,
                ..Usage::default()
            },
            tier: Tier::Standard,
            bounded: false,
        }
    }

    /// The same with its price at the dearest target of the model, or of one that takes over for it. What cannot be
    /// priced is left out here, and must not be asked where a budget needs a price ([`Self::cost`]).
    pub(super) fn spend(&self, gateway: &ModelGateway, model: &LogicalModel) -> Spend {
        let dearest = |model: &LogicalModel| {
            let costs = model.targets.iter();
            costs.filter_map(|target| self.cost(&target.prices)).max()
        };
        let mut cost = dearest(model);
        for name in &model.spec.routing.fallback_models {
            let other = gateway.registry.resolve(name.as_str());
            cost = cost.max(other.and_then(|other| dearest(&other)));
        }
        if model.spec.routing.hedge.is_some() {
            // Two are sent the request, and the one that is called off is owed for having read it.
            let read = Self {
                usage: Usage {
                    input: self.usage.input,
                    ..Usage::default()
                },
                ..*self
            };
            let costs = model.targets.iter();
            let read = costs.filter_map(|target| read.cost(&target.prices)).max();
            cost = cost.map(|cost| cost.saturating_add(read.unwrap_or_default()));
        }
        Spend {
            usage: self.usage,
            cost,
        }
    }

    /// What it costs at these prices; nothing where a price is missing that the call may need.
    pub(super) fn cost(&self, prices: &Prices) -> Option<Money> {
        let mut usage = self.usage;
        // Pictures and sound are sold by the piece or by the token, never both.
        let by_token = |bucket| prices.rate(bucket, self.tier, usage.input).is_some();
        if usage.units != Units::default() && !by_token(Bucket::Output) {
            usage.output = 0;
            (usage.image_output, usage.audio_output) = (0, 0);
        }
        prices.cost(&usage, self.tier)
    }
}

/// The tokens a call will use, about: limits on tokens hold them until the truth is known.
pub(super) fn expected(request: &ModelRequest) -> TokenCount {
    let input = estimate_tokens(request.body().len());
    let talks = matches!(
        request.surface().operation(),
        Operation::Chat(_) | Operation::Completions
    );
    if !talks {
        return input;
    }
    let output = request.max_output_tokens().unwrap_or(USUAL_OUTPUT);
    input.saturating_add(output.saturating_mul(request.choices()))
}

/// The tier that is asked for, in the words of a dialect.
pub(super) fn asked_tier(word: Option<&str>, dialect: Dialect) -> Tier {
    match word {
        None => Tier::Standard,
        // Source: OpenAI's API reference, `service_tier`: one is another word for the other.
        Some("fast") if dialect != Dialect::Anthropic => Tier::Priority,
        // Of a tier that the catalog does not know, only what an operator wrote for all of them holds.
        Some(word) => Tier::of_service_tier(word).unwrap_or(Tier::Fast),
    }
}

/// The prices a call is charged by, for the record; nothing where there are none.
pub(super) fn price_row(prices: &Prices, tier: Tier, prompt: TokenCount) -> Option<PriceRow> {
    if prices.is_empty() {
        return None;
    }
    let row = prices.of_call(tier, prompt);
    Some(
        row.map(|(bucket, price)| (bucket.price_name(), price))
            .collect(),
    )
}

/// The tokens of the longest answer of a model, or of one that is long enough.
fn longest_answer(model: &LogicalModel) -> TokenCount {
    model.max_output_tokens().unwrap_or(UNBOUNDED_OUTPUT)
}
