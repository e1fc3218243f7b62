//! What rules cost a target: `cargo bench -p ferrogate-policy --bench rules`.

use std::time::Duration;

use divan::{Bencher, black_box};
use ferrogate_policy::{Effect, Facts, Pattern, Rule, Rules};
use ferrogate_types::Scope;

fn main() {
    divan::main();
}

/// One target, with so many rules of which four speak of it.
#[divan::bench(args = [10, 1_000, 100_000])]
fn evaluate(bencher: Bencher<'_, '_>, others: usize) {
    let mut rules = Vec::new();
    for other in 0..others {
        let mut rule = Rule::new(format!("other-{other}"), Effect::Deny);
        let list = match other % 4 {
            0 => &mut rule.keys,
            1 => &mut rule.tenants,
            2 => &mut rule.models,
            _ => &mut rule.providers,
        };
        list.push(Pattern::new(format!("name-{other}")));
        rules.push(rule);
    }
    let mut key = Rule::new("key", Effect::Allow);
    key.keys.push(Pattern::new("alpha"));
    let mut tenant = Rule::new("tenant", Effect::Deny);
    tenant.tenants.push(Pattern::new("organisation"));
    let mut model = Rule::new("model", Effect::Deny);
    model.models.push(Pattern::new("gpt-*"));
    let mut hours = Rule::new("hours", Effect::Deny);
    hours
        .hours
        .push("mon-fri 09:00-17:00 Europe/Berlin".parse().expect("hours"));
    rules.extend([key, tenant, model, hours]);
    let rules = Rules::new(rules).expect("rules");
    let key = "alpha".parse().expect("a name");
    let tenants = ["team", "organisation"].map(|id| id.parse().expect("a name"));
    let facts = Facts {
        tenants: &tenants,
        key: Some(&key),
        model: Some("gpt-4o"),
        upstream_model: Some("gpt-4o-2024-08-06"),
        provider: Some("openai"),
        scope: Some(Scope::ChatCompletions),
        surface: Some("chat"),
        address: None,
        at: Duration::from_secs(1_700_000_000),
    };
    bencher.bench(|| rules.evaluate(black_box(&facts)));
}
