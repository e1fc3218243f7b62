//! A billing event as it is shown.

use ferrogate_storage::BillingEvent;
use ferrogate_types::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What a call used and cost.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventRow {
    /// Always `billing_event`.
    object: &'static str,
    /// Its id.
    id: String,
    /// When it was settled.
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Timestamp,
    /// The call.
    request_id: String,
    /// The key that pays.
    key: Option<String>,
    /// Whom that belongs to.
    tenant: Option<String>,
    /// The model that was asked for.
    model: String,
    /// Who answered.
    provider: Option<String>,
    /// With which model.
    upstream_model: Option<String>,
    /// Tokens read, cached ones included.
    input_tokens: u64,
    /// Tokens read from a cache.
    cached_input_tokens: u64,
    /// Tokens written to a cache.
    cache_write_tokens: u64,
    /// Tokens made, reasoning included.
    output_tokens: u64,
    /// Tokens made by reasoning.
    reasoning_tokens: u64,
    /// What is not counted in tokens.
    units: Value,
    /// What it cost in US dollars; nothing without a price.
    cost: Option<String>,
    /// The price row it was reckoned by.
    price: Value,
    /// Whether the gateway counted because the provider did not.
    estimated: bool,
    /// Whether it is the whole reservation of a call whose end nobody saw.
    uncertain: bool,
    /// Whether there was no price for it.
    unpriced: bool,
}

impl EventRow {
    pub(super) fn of(event: &BillingEvent) -> Self {
        let amounts = &event.amounts;
        Self {
            object: "billing_event",
            id: event.id.to_string(),
            occurred_at: event.occurred_at,
            request_id: event.request_id.clone(),
            key: event.key.as_ref().map(ToString::to_string),
            tenant: event.tenant.as_ref().map(ToString::to_string),
            model: event.model.to_string(),
            provider: event.provider.as_ref().map(ToString::to_string),
            upstream_model: event.upstream_model.as_ref().map(ToString::to_string),
            input_tokens: amounts.input_tokens,
            cached_input_tokens: amounts.cached_input_tokens,
            cache_write_tokens: amounts.cache_write_tokens,
            output_tokens: amounts.output_tokens,
            reasoning_tokens: amounts.reasoning_tokens,
            units: serde_json::from_str(&amounts.units).unwrap_or(Value::Null),
            cost: amounts.cost.map(|cost| cost.to_string()),
            price: serde_json::from_str(&event.price).unwrap_or(Value::Null),
            estimated: event.estimated,
            uncertain: event.uncertain,
            unpriced: event.is_unpriced(),
        }
    }
}
