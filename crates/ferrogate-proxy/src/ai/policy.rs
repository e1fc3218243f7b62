//! What policies say of a call: asked for each target, because a target that is denied is passed over.

use std::cell::RefCell;
use std::net::IpAddr;
use std::time::Duration;

use ferrogate_auth::Principal;
use ferrogate_policy::{Denial, Facts};
use ferrogate_providers::{LogicalModel, Target};
use ferrogate_types::{Scope, TenantId, clock};

use super::authorize;
use super::gateway::ModelGateway;
use super::refusal::{Refusal, RefusalCode};
use super::worst::Worst;

/// What is known of a call before it has a target.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) principal: &'a Principal,
    pub(super) scope: Scope,
    pub(super) surface: &'a str,
    pub(super) address: Option<IpAddr>,
    /// What targets must have a price for, where a budget of money needs to know.
    pub(super) priced: Option<Worst>,
}

/// Judges the targets of one call.
pub(super) struct Judge<'a> {
    gateway: &'a ModelGateway,
    call: Call<'a>,
    tenants: Vec<TenantId>,
    at: Duration,
    /// The last refusal by a policy.
    denial: RefCell<Option<Denial>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(gateway: &'a ModelGateway, call: Call<'a>) -> Self {
        let asked = !gateway.rules.is_empty();
        let tenant = call.principal.tenant().filter(|_| asked);
        let chain = tenant
            .into_iter()
            .flat_map(|tenant| gateway.tenants.chain(tenant));
        Self {
            gateway,
            call,
            tenants: chain.map(|tenant| tenant.id.clone()).collect(),
            at: clock::since_epoch(),
            denial: RefCell::new(None),
        }
    }

    /// Whether the call may go to a target of a model.
    pub(super) fn allows(&self, model: &LogicalModel, target: &Target) -> bool {
        let priced = |worst: Worst| worst.cost(&target.prices).is_some();
        if !self.call.priced.is_none_or(priced) {
            return false;
        }
        let provider = target.provider.id();
        let may =
            |principal: &Principal| principal.may_use_provider(provider, &self.gateway.tenants);
        may(self.call.principal)
            && self.permits(Facts {
                model: Some(model.name().as_str()),
                upstream_model: Some(target.model.as_str()),
                provider: Some(provider.as_str()),
                ..Facts::default()
            })
    }

    /// Whether rules permit it; `about` says what the call is about.
    pub(super) fn permits(&self, about: Facts<'_>) -> bool {
        if self.gateway.rules.is_empty() {
            return true;
        }
        let key = self.call.principal.key();
        let decision = self.gateway.rules.evaluate(&Facts {
            tenants: &self.tenants,
            key: key.map(|key| key.id()),
            scope: Some(self.call.scope),
            surface: Some(self.call.surface),
            address: self.call.address,
            at: self.at,
            ..about
        });
        if let Some(rule) = decision.would {
            tracing::info!(
                policy = rule.name,
                provider = about.provider,
                model = about.model,
                key = key.map(|key| key.id().as_str()),
                "a policy that only tries would have decided otherwise"
            );
        }
        if let Some(denial) = decision.denial() {
            self.denial.replace(Some(denial));
        }
        decision.is_allowed()
    }

    /// The refusal of a call that may go to no target of its model.
    pub(super) fn refusal(&self, model: &LogicalModel) -> Refusal {
        match self.denial.take() {
            Some(denial) => denied(denial),
            None => authorize::no_provider(model),
        }
    }

    /// The policy that refused last, if one did.
    pub(super) fn denial(&self) -> Option<Refusal> {
        self.denial.take().map(denied)
    }
}

fn denied(denial: Denial) -> Refusal {
    Refusal::new(RefusalCode::PolicyDenied, denial.message).with_upstream(None, Some(denial.code))
}
