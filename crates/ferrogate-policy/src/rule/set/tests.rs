use std::net::IpAddr;
use std::time::Duration;

use ferrogate_types::{KeyId, Scope, TenantId};
use proptest::prelude::*;

use super::super::pattern::Pattern;
use super::super::rank::Dimension;
use super::*;

/// A rule in one line: `deny key=k model=gpt-* ...`; its name is the line.
fn rule(line: &str) -> Rule {
    let mut words = line.split(' ');
    let effect = match words.next().unwrap() {
        "allow" => Effect::Allow,
        "deny" => Effect::Deny,
        other => panic!("{other}"),
    };
    let mut rule = Rule::new(line, effect);
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let patterns = || value.split(',').map(Pattern::new).collect();
        match name {
            "key" => rule.keys = patterns(),
            "tenant" => rule.tenants = patterns(),
            "model" => rule.models = patterns(),
            "provider" => rule.providers = patterns(),
            "surface" => rule.surfaces = patterns(),
            "scope" => rule.scopes = vec![value.parse().unwrap()],
            "ip" => rule.addresses = value.split(',').map(|net| net.parse().unwrap()).collect(),
            "hours" => rule.hours = vec![value.replace('_', " ").parse().unwrap()],
            "dry" => rule.dry_run = true,
            other => panic!("{other}"),
        }
    }
    rule
}

struct Call {
    tenants: Vec<TenantId>,
    key: KeyId,
    model: &'static str,
    provider: &'static str,
    address: IpAddr,
}

impl Call {
    fn facts(&self) -> Facts<'_> {
        Facts {
            tenants: &self.tenants,
            key: Some(&self.key),
            model: Some(self.model),
            upstream_model: Some("upstream"),
            provider: Some(self.provider),
            scope: Some(Scope::ChatCompletions),
            surface: Some("chat"),
            address: Some(self.address),
            // A Thursday, noon.
            at: Duration::from_secs(12 * 3600),
        }
    }
}

fn call() -> Call {
    Call {
        tenants: ["team", "org"].map(|id| id.parse().unwrap()).to_vec(),
        key: "k".parse().unwrap(),
        model: "gpt-4o",
        provider: "openai",
        address: "10.1.2.3".parse().unwrap(),
    }
}

fn check(rules: &[&str], expected: Option<&str>) {
    for turn in 0..rules.len().max(1) {
        let mut turned = rules.to_vec();
        turned.rotate_left(turn);
        let set = Rules::new(turned.into_iter().map(rule).collect()).unwrap();
        let call = call();
        let decision = set.evaluate(&call.facts());
        assert_eq!(decision.rule.map(|rule| rule.name.as_str()), expected);
        assert_eq!(set.explain(&call.facts()).decision, decision);
    }
}

#[test]
fn the_most_specific_rule_decides() {
    check(&[], None);
    for (rules, winner) in [
        // Nothing speaks of the call.
        (
            &[
                "deny model=claude-*",
                "deny key=other",
                "deny ip=11.0.0.0/8",
            ][..],
            None,
        ),
        (&["deny", "allow model=*"], Some("allow model=*")),
        // Deny beats allow at equal rank only.
        (
            &["deny model=gpt-4o", "allow model=gpt-4o"],
            Some("deny model=gpt-4o"),
        ),
        (
            &["deny model=gpt-*", "allow model=gpt-4o"],
            Some("allow model=gpt-4o"),
        ),
        (
            &["deny model=gpt-4*", "allow model=gpt-*"],
            Some("deny model=gpt-4*"),
        ),
        // Who before what before how.
        (
            &[
                "allow key=k",
                "deny tenant=team model=gpt-4o provider=openai",
            ],
            Some("allow key=k"),
        ),
        (
            &["deny tenant=team", "allow model=gpt-4o provider=openai"],
            Some("deny tenant=team"),
        ),
        (
            &[
                "deny model=gpt-4o",
                "allow provider=openai scope=chat.completions",
            ],
            Some("deny model=gpt-4o"),
        ),
        (
            &["deny surface=chat", "allow scope=chat.completions"],
            Some("allow scope=chat.completions"),
        ),
        (
            &["deny ip=10.0.0.0/8", "allow hours=thu"],
            Some("deny ip=10.0.0.0/8"),
        ),
        (
            &[
                "allow model=gpt-4o",
                "deny model=gpt-4o hours=thu_09:00-17:00",
            ],
            Some("deny model=gpt-4o hours=thu_09:00-17:00"),
        ),
        (
            &[
                "allow model=gpt-4o",
                "deny model=gpt-4o hours=thu_13:00-17:00",
            ],
            Some("allow model=gpt-4o"),
        ),
        // The nearer tenant, the smaller network, and what the provider calls the model.
        (
            &["deny tenant=org", "allow tenant=team"],
            Some("allow tenant=team"),
        ),
        (
            &["deny tenant=org", "allow tenant=t*"],
            Some("allow tenant=t*"),
        ),
        (
            &["deny ip=10.0.0.0/8", "allow ip=10.1.0.0/16"],
            Some("allow ip=10.1.0.0/16"),
        ),
        (&["deny model=upstream"], Some("deny model=upstream")),
        // The entry that fits best counts for the rule.
        (
            &["deny model=gpt-4o,x", "allow model=gpt-4*"],
            Some("deny model=gpt-4o,x"),
        ),
        (&["deny key=*", "allow key=a,k"], Some("allow key=a,k")),
    ] {
        check(rules, winner);
    }
}

#[test]
fn a_rule_that_only_tries_decides_nothing_and_is_reported() {
    let would = |rules: &[&str]| {
        let set = Rules::new(rules.iter().map(|line| rule(line)).collect()).unwrap();
        let call = call();
        let decision = set.evaluate(&call.facts());
        assert_eq!(set.explain(&call.facts()).decision, decision);
        (
            decision.is_allowed(),
            decision.would.map(|rule| rule.name.clone()),
        )
    };
    assert_eq!(
        would(&["deny model=* dry"]),
        (true, Some("deny model=* dry".into()))
    );
    assert_eq!(would(&["deny model=* dry", "allow key=k"]), (true, None));
    assert_eq!(would(&["deny model=* dry", "deny"]), (false, None));
    assert_eq!(
        would(&["allow key=k dry", "deny"]),
        (false, Some("allow key=k dry".into()))
    );
}

#[test]
fn a_denial_says_what_the_rule_says() {
    let mut own = rule("deny model=gpt-4o");
    own.code = Some("too_dear".into());
    own.message = Some("use the small one".into());
    let call = call();
    let denial = |rule: Rule| {
        let rules = Rules::new(vec![rule]).unwrap();
        let denial = rules.evaluate(&call.facts()).denial().unwrap();
        [denial.rule, denial.code, denial.message]
    };
    assert_eq!(
        denial(own),
        ["deny model=gpt-4o", "too_dear", "use the small one"]
    );
    assert_eq!(
        denial(rule("deny")),
        [
            "deny",
            "policy_denied",
            "the policy `deny` does not permit this"
        ]
    );
    let allowed = Rules::new(vec![rule("allow")]).unwrap();
    assert_eq!(allowed.evaluate(&call.facts()).denial(), None);
}

#[test]
fn explains_what_fitted_and_what_else_did() {
    let lines = [
        "deny",
        "allow tenant=or*,x model=gpt-*",
        "deny model=gpt-4o ip=10.0.0.0/8,::/0",
        "deny key=z",
    ];
    let rules = Rules::new(lines.map(rule).to_vec()).unwrap();
    let call = call();
    let explanation = rules.explain(&call.facts());
    let names: Vec<_> = explanation
        .matches
        .iter()
        .map(|found| found.rule.name.as_str())
        .collect();
    assert_eq!(names, [lines[1], lines[2], lines[0]]);
    assert_eq!(explanation.decision.rule.unwrap().name, lines[1]);
    assert_eq!(
        explanation.matches[1].fitting,
        [
            (Dimension::Model, "gpt-4o".into()),
            (Dimension::Address, "10.0.0.0/8".into())
        ]
    );
}

#[test]
fn a_name_is_used_once() {
    let twice = Rules::new(vec![rule("deny"), rule("deny")]).unwrap_err();
    assert_eq!(twice, RuleError::Twice("deny".into()));
}

fn patterns() -> impl Strategy<Value = Vec<Pattern>> {
    let pattern = prop_oneof!["[ab]{1,2}", "[ab]{0,2}\\*[ab]{0,1}"];
    proptest::collection::vec(pattern.prop_map(Pattern::new), 0..3)
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let nets = proptest::collection::vec(
        (any::<[u8; 1]>(), 0_u8..=10).prop_map(|([byte], length)| {
            ipnet::IpNet::new(IpAddr::from([byte & 3, 0, 0, 0]), length).unwrap()
        }),
        0..2,
    );
    let names = (patterns(), patterns(), patterns(), patterns(), patterns());
    let rule = (names, nets, any::<(bool, bool, bool)>()).prop_map(
        |(names, nets, (deny, dry, scoped))| {
            let mut rule = Rule::new("", if deny { Effect::Deny } else { Effect::Allow });
            (
                rule.tenants,
                rule.keys,
                rule.models,
                rule.providers,
                rule.surfaces,
            ) = names;
            rule.addresses = nets;
            rule.dry_run = dry;
            rule.scopes = if scoped {
                vec![Scope::ChatCompletions]
            } else {
                Vec::new()
            };
            rule
        },
    );
    proptest::collection::vec(rule, 0..12).prop_map(|mut rules| {
        for (index, rule) in rules.iter_mut().enumerate() {
            rule.name = index.to_string();
        }
        rules
    })
}

proptest! {
    /// The index finds what looking at every rule finds, and the order of rules never matters.
    #[test]
    fn the_order_of_rules_never_matters(
        rules in rules(),
        shuffled in any::<prop::sample::Index>(),
        names in proptest::collection::vec("[ab]{1,3}", 6),
        last in 0_u8..4,
    ) {
        let tenants: Vec<TenantId> = names[..2].iter().map(|name| name.parse().unwrap()).collect();
        let key = names[2].parse().unwrap();
        let facts = Facts {
            tenants: &tenants,
            key: Some(&key),
            model: Some(&names[3]),
            upstream_model: Some(&names[4]),
            provider: Some(&names[5]),
            scope: Some(Scope::ChatCompletions),
            surface: Some(&names[0]),
            address: Some(IpAddr::from([last, 0, 0, 0])),
            at: Duration::ZERO,
        };
        let mut turned = rules.clone();
        if !turned.is_empty() {
            let by = shuffled.index(turned.len());
            turned.rotate_left(by);
            turned[by..].reverse();
        }
        let [one, other] = [rules, turned].map(|rules| Rules::new(rules).unwrap());
        let decision = one.evaluate(&facts);
        prop_assert_eq!(decision, other.evaluate(&facts));
        // `explain` looks at every rule, without the index.
        prop_assert_eq!(decision, one.explain(&facts).decision);
        prop_assert_eq!(one.explain(&facts), other.explain(&facts));
    }
}
