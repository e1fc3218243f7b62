//! What is known of a model call: for its headers, its log line and its bill.

use std::sync::Arc;
use std::time::Duration;

use ferrogate_auth::Principal;
use ferrogate_billing::{Charge, Spend};
use ferrogate_catalog::{Prices, Tier};
use ferrogate_llm::{Dialect, ModelRequest, Surface, estimate_tokens};
use ferrogate_observability::CallOutcome;
use ferrogate_providers::LogicalModel;
use ferrogate_types::{KeyId, Money, ProviderId, TenantId, TokenCount, UpstreamModel, Usage};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::attempt::{Owed, Won};
use super::trace::Trace;
use super::worst;
use crate::Shared;

/// What is known of a model call.
pub(crate) struct CallRecord {
    pub(crate) surface: &'static str,
    /// What the caller speaks.
    pub(crate) dialect: Dialect,
    pub(crate) key: Option<KeyId>,
    pub(crate) tenant: Option<TenantId>,
    /// Who was said to ask: by the key, else by the caller.
    pub(crate) user: Option<String>,
    /// The session the caller says it belongs to.
    pub(crate) session: Option<String>,
    pub(crate) model: String,
    pub(crate) provider: String,
    pub(crate) upstream_model: String,
    /// Each decision: who was tried and who was not, with what came of it.
    pub(crate) trace: Trace,
    pub(crate) stream: bool,
    pub(crate) usage: Usage,
    /// The usage is the gateway's own estimate.
    pub(crate) estimated: bool,
    pub(crate) cost: Option<Money>,
    pub(crate) first_token: Option<Duration>,
    /// Time spent waiting for providers, which is not the gateway's own.
    pub(crate) upstream_wait: Duration,
    /// Whether any provider was sent the request.
    pub(crate) attempted: bool,
    /// What of the request the provider had no place for.
    pub(crate) lossy: Vec<String>,
    /// What was lost is for the log only.
    pub(crate) quiet: bool,
    prices: Arc<Prices>,
    /// Its target's name in logs and metrics.
    pub(crate) label: Option<String>,
    /// Who was sent the request in vain, because another one was faster.
    called_off: Vec<Owed>,
    /// What they are owed for the request, about.
    called_off_usage: Usage,
    /// How urgently it is to be served, in the caller's words.
    service_tier: Option<String>,
    known_model: bool,
}

/// The request's id in the header where the dialect's SDKs look for it.
pub(super) fn id_header(dialect: Dialect, id: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = match dialect {
        // Source: Anthropic's API reference, "Errors", "Request id".
        Dialect::Anthropic => "request-id",
        // Source: Amazon Bedrock's API reference, "Common errors"; SDKs tell it as `RequestId`.
        Dialect::Converse => "x-amzn-requestid",
        _ => return None,
    };
    Some((
        HeaderName::from_static(name),
        HeaderValue::from_str(id).ok()?,
    ))
}

/// Characters kept of what a caller says of itself.
const MAX_SAID: usize = 200;

impl CallRecord {
    pub(crate) fn new(surface: Surface) -> Self {
        Self {
            surface: surface.as_str(),
            dialect: surface.dialect(),
            key: None,
            tenant: None,
            user: None,
            session: None,
            model: String::new(),
            provider: String::new(),
            upstream_model: String::new(),
            trace: Trace::new(),
            stream: false,
            usage: Usage::default(),
            estimated: false,
            cost: None,
            first_token: None,
            upstream_wait: Duration::ZERO,
            attempted: false,
            lossy: Vec::new(),
            quiet: false,
            prices: Arc::default(),
            label: None,
            called_off: Vec::new(),
            called_off_usage: Usage::default(),
            service_tier: None,
            known_model: false,
        }
    }

    /// Notes who asks.
    pub(crate) fn called_by(&mut self, principal: &Principal, headers: &HeaderMap) {
        let said = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?.trim();
            (!value.is_empty()).then(|| value.chars().take(MAX_SAID).collect::<String>())
        };
        self.key = principal.key().map(|key| key.id().clone());
        self.tenant = principal.tenant().cloned();
        self.user = principal
            .user()
            .map(|user| user.as_str().to_owned())
            .or_else(|| said("x-user-id"));
        self.session = said("x-session-id");
    }

    /// Notes what is asked for, known or not; a name made up by the caller is cut to a sensible length.
    pub(crate) fn asked(&mut self, request: &ModelRequest) {
        self.asked_for(request.model());
        self.stream = request.stream();
        self.service_tier = request.service_tier().map(str::to_owned);
        if self.user.is_none() {
            let user = request.user().filter(|user| !user.is_empty());
            self.user = user.map(|user| user.chars().take(MAX_SAID).collect());
        }
    }

    /// Notes the name that is asked for.
    pub(crate) fn asked_for(&mut self, name: &str) {
        self.model = name.chars().take(100).collect();
    }

    /// Notes the model it turned out to be.
    pub(crate) fn resolved(&mut self, model: &LogicalModel) {
        model.spec.name.as_str().clone_into(&mut self.model);
        // Until a target answers, what is owed is owed to the first.
        if let Some(first) = model.targets.first() {
            self.prices = Arc::clone(&first.prices);
        }
        self.known_model = true;
    }

    /// Notes the decisions that were made.
    pub(crate) fn tried(&mut self, trace: Trace) {
        self.trace = trace;
    }

    /// Notes who answered.
    pub(crate) fn won(&mut self, won: &Won) {
        self.served_by(&won.provider, &won.upstream_model, &won.prices);
        self.lossy.clone_from(&won.lossy);
        self.first_token = won.first_token;
        self.label.clone_from(&won.label);
    }

    /// Notes who was sent the request in vain: what a provider read it may charge.
    pub(crate) fn called_off(&mut self, owed: Vec<Owed>, request: &ModelRequest) {
        self.called_off_usage.input = estimate_tokens(request.body().len());
        self.called_off = owed;
    }

    /// What the request used at all providers together, in tokens.
    pub(crate) fn tokens(&self) -> TokenCount {
        let called_off = u64::try_from(self.called_off.len()).unwrap_or(u64::MAX);
        let owed = self.called_off_usage.total().saturating_mul(called_off);
        self.usage.total().saturating_add(owed)
    }

    /// Notes where the call is served.
    pub(crate) fn served_by(
        &mut self,
        provider: &ProviderId,
        model: &UpstreamModel,
        prices: &Arc<Prices>,
    ) {
        provider.as_str().clone_into(&mut self.provider);
        model.as_str().clone_into(&mut self.upstream_model);
        self.prices = Arc::clone(prices);
        self.attempted = true;
    }

    /// What a call is charged that was sent, should nothing more become known of it.
    pub(crate) fn charge_of_input(&self, request: &ModelRequest) -> Charge {
        Charge {
            spend: self.priced(&input(request)),
            provider: None,
            upstream_model: None,
            price: worst::price_row(&self.prices, self.tier(), self.usage.input),
            estimated: true,
        }
    }

    /// Charges the input of a call whose answer nobody heard.
    pub(crate) fn owe_input(&mut self, request: &ModelRequest) {
        self.used(input(request), true);
        self.attempted = true;
    }

    /// Notes what was used, and what it cost.
    pub(crate) fn used(&mut self, usage: Usage, estimated: bool) {
        self.usage = usage;
        self.estimated = estimated || !self.called_off.is_empty();
        let owed = self
            .called_off
            .iter()
            .map(|(_, prices)| (prices, &self.called_off_usage));
        let all = std::iter::once((&self.prices, &usage)).chain(owed);
        let tier = self.tier();
        // Without the price of a part nobody knows the price of all.
        self.cost = all
            .map(|(prices, usage)| prices.cost(usage, tier))
            .try_fold(Money::ZERO, |sum, cost| Some(sum.saturating_add(cost?)));
    }

    /// The tier whose prices hold: the one asked for, unless the provider was not told of it.
    fn tier(&self) -> Tier {
        let lost = |name: &String| {
            ["service_tier", "serviceTier", "speed"]
                .iter()
                .any(|tier| name.starts_with(tier))
        };
        if self.lossy.iter().any(lost) {
            return Tier::Standard;
        }
        worst::asked_tier(self.service_tier.as_deref(), self.dialect)
    }

    /// What a usage would be charged where the call is served.
    pub(crate) fn priced(&self, usage: &Usage) -> Spend {
        Spend {
            usage: *usage,
            cost: self.prices.cost(usage, self.tier()),
        }
    }

    /// What the call is charged, at all providers together.
    pub(crate) fn charge(&self) -> Charge {
        let called_off = self.called_off.iter().map(|_| &self.called_off_usage);
        Charge {
            spend: Spend {
                usage: called_off.fold(self.usage, |sum, usage| sum.plus(usage)),
                cost: self.cost,
            },
            provider: self.provider.parse().ok(),
            upstream_model: self.upstream_model.parse().ok(),
            price: worst::price_row(&self.prices, self.tier(), self.usage.input),
            estimated: self.estimated,
        }
    }

    /// Counts the call in the metrics.
    pub(crate) fn count(&mut self, shared: &Shared, outcome: CallOutcome) {
        // Only configured names become labels; what a caller made up does not.
        let model = if self.known_model {
            self.model.as_str()
        } else {
            "unknown"
        };
        let provider = if self.provider.is_empty() {
            "none"
        } else {
            self.provider.as_str()
        };
        shared.metrics.call(model, provider, self.surface, outcome);
        if self.attempted {
            shared.metrics.tokens(model, provider, &self.usage);
            for (provider, _) in &self.called_off {
                let usage = &self.called_off_usage;
                shared.metrics.tokens(model, provider.as_str(), usage);
            }
            if self.cost.is_none() && self.usage.total() > 0 {
                shared.metrics.unpriced(model);
            }
        }
        if let Some(label) = &self.label {
            shared.metrics.variant(model, label, outcome);
        }
        if let Some(time) = self.first_token {
            shared.metrics.first_token(provider, time);
        }
    }

    /// The headers that tell a caller how the call was made, under our names and under Ferro Labs'.
    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::with_capacity(10);
        let mut put = |names: &[&'static str], value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.extend(
                    names
                        .iter()
                        .map(|name| (HeaderName::from_static(name), value.clone())),
                );
            }
        };
        if !self.provider.is_empty() {
            put(
                &["x-ferrogate-provider", "x-gateway-provider"],
                &self.provider,
            );
            put(
                &["x-ferrogate-model", "x-gateway-model"],
                &self.upstream_model,
            );
            let target = format!("{}:{}", self.provider, self.upstream_model);
            put(&["x-gateway-target"], &target);
        }
        put(&["x-ferrogate-attempts"], &self.trace.short());
        put(&["x-gateway-attempts"], &self.trace.tries().to_string());
        put(&["x-ferrogate-cache"], "bypass");
        if !self.lossy.is_empty() && !self.quiet {
            put(&["x-ferrogate-lossy"], &self.lossy.join(", "));
        }
        headers
    }
}

/// What a request is to read, about.
fn input(request: &ModelRequest) -> Usage {
    Usage {
        input: estimate_tokens(request.body().len()),
        ..Usage::default()
    }
}
