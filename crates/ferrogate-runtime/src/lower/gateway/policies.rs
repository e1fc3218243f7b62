//! Rules on who may call what.

use ferrogate_config::model::{AiGateway, Policy, PolicyEffect};
use ferrogate_policy::{Effect, Pattern, Rule, Rules};

use crate::lower::chain;
use crate::state::Declared;

/// The rules of a gateway, or why there are none.
pub(super) fn of(gateway: &AiGateway, declared: &Declared) -> Result<Rules, String> {
    let rules = gateway.policies.iter().map(rule);
    let mut rules: Vec<Rule> = rules.collect::<Result<_, _>>()?;
    rules.extend(declared.policies.iter().cloned());
    Rules::new(rules).map_err(|error| chain(&error))
}

/// A policy as a rule.
pub(crate) fn rule(policy: &Policy) -> Result<Rule, String> {
    let patterns = |texts: &[String]| texts.iter().map(Pattern::new).collect();
    let hours = policy.hours.iter().map(|text| text.parse());
    let hours = hours.collect::<Result<_, ferrogate_policy::HoursError>>();
    Ok(Rule {
        tenants: patterns(&policy.tenants),
        keys: patterns(&policy.keys),
        models: patterns(&policy.models),
        providers: patterns(&policy.providers),
        surfaces: patterns(&policy.surfaces),
        scopes: policy.scopes.clone(),
        addresses: policy.ips.clone(),
        hours: hours.map_err(|error| format!("policy `{}` {error}", policy.name))?,
        code: policy.code.clone(),
        message: policy.message.clone(),
        dry_run: policy.dry_run,
        ..Rule::new(
            policy.name.clone(),
            match policy.effect {
                PolicyEffect::Allow => Effect::Allow,
                PolicyEffect::Deny => Effect::Deny,
            },
        )
    })
}
