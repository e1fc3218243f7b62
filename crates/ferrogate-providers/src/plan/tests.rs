use std::collections::BTreeSet;

use ferrogate_types::Secret;
use ferrogate_types::routing::Condition;
use proptest::prelude::{any, prop, prop_assert_eq, proptest};

use super::*;
use crate::asked::tests::Request;
use crate::registry::tests::{model, provider, target};
use crate::{BreakerSettings, Concurrency, ProviderSpec, Registry};

const OPEN: Duration = Duration::from_secs(9);

/// A provider whose breaker opens at the first failure.
fn fragile(id: &str) -> ProviderSpec {
    ProviderSpec {
        breaker: Some(BreakerSettings {
            failures: 1,
            successes: 1,
            open: OPEN,
            half_open: 1,
        }),
        ..provider(id)
    }
}

fn fail(registry: &Registry, id: &str, now: Instant) {
    let mut providers = registry.providers().iter();
    let provider = providers.find(|provider| provider.id().as_str() == id);
    provider.unwrap().breaker().pass(now).unwrap().failed(now);
}

fn plan(registry: &Registry, asked: &Request, now: Instant) -> Plan {
    Plan::new(&registry.resolve("m").unwrap(), asked, |_| true, now)
}

/// `PROVIDER why` for each target planned, and `PROVIDER: reason` for each left out.
fn told(plan: &Plan) -> Vec<String> {
    let planned = plan.targets.iter().map(|planned| {
        let id = planned.target.provider.id();
        format!("{id} {}", planned.why.as_str())
    });
    let skipped = plan.skipped.iter();
    let skipped = skipped.map(|skip| format!("{}: {:?}", skip.provider, skip.reason));
    planned.chain(skipped).collect()
}

#[test]
fn keeps_the_order_and_says_why_others_are_out() {
    let now = Instant::now();
    let off = ProviderSpec {
        disabled: true,
        ..provider("off")
    };
    let full = ProviderSpec {
        concurrency: Some(Concurrency {
            limit: 0,
            queue: 0,
            wait: Duration::ZERO,
        }),
        ..provider("full")
    };
    let ids = ["off", "broken", "full", "ill", "denied", "b", "a"];
    let registry = Registry::new(
        vec![
            off,
            fragile("broken"),
            full,
            provider("ill"),
            provider("denied"),
            provider("a"),
            provider("b"),
        ],
        vec![model("m", &[], &ids)],
    )
    .unwrap();
    fail(&registry, "broken", now);
    assert!(registry.providers()[3].set_healthy(false));
    let asked = Request::seeded(1);
    let model = registry.resolve("m").unwrap();
    let plan = Plan::new(
        &model,
        &asked,
        |target| target.provider.id().as_str() != "denied",
        now,
    );
    let expected = [
        "b first",
        "a next",
        "off: Disabled",
        "broken: CircuitOpen",
        "full: Saturated",
        "ill: Unhealthy",
        "denied: NotAllowed",
    ];
    assert_eq!(told(&plan), expected);
    assert!(!plan.is_forbidden());
    let nothing = Plan::new(&model, &asked, |_| false, now);
    assert!(nothing.is_forbidden());
}

/// A model with a target for each condition, and one without where there is none.
fn conditional(strategy: Strategy, targets: &[(&str, Option<Condition>)]) -> Registry {
    let providers = targets.iter().map(|(id, _)| fragile(id)).collect();
    let mut spec = model("m", &[], &[]);
    spec.routing.strategy = strategy;
    spec.targets = targets
        .iter()
        .map(|(id, when)| {
            let mut target = target(id);
            target.routing.when = when.iter().map(|when| vec![when.clone()]).collect();
            target
        })
        .collect();
    Registry::new(providers, vec![spec]).unwrap()
}

fn with_tools_or_streaming() -> Registry {
    let targets = [
        ("tools", Some(Condition::HasTools(true))),
        ("other", None),
        ("stream", Some(Condition::Stream(true))),
    ];
    conditional(Strategy::Conditional, &targets)
}

#[test]
fn the_first_whose_conditions_hold() {
    let registry = with_tools_or_streaming();
    for (has_tools, stream, expected) in [
        (
            true,
            false,
            ["tools condition", "other: Condition", "stream: Condition"],
        ),
        (
            false,
            true,
            ["stream condition", "tools: Condition", "other: Condition"],
        ),
        (
            true,
            true,
            ["tools condition", "stream next", "other: Condition"],
        ),
        (
            false,
            false,
            ["other first", "tools: Condition", "stream: Condition"],
        ),
    ] {
        let asked = Request {
            stream,
            has_tools,
            ..Request::default()
        };
        assert_eq!(told(&plan(&registry, &asked, Instant::now())), expected);
    }
}

#[test]
fn a_named_target_that_is_out_is_not_replaced_by_another() {
    let now = Instant::now();
    let registry = with_tools_or_streaming();
    fail(&registry, "tools", now);
    let asked = Request {
        has_tools: true,
        ..Request::default()
    };
    let expected = ["tools degraded", "other: Condition", "stream: Condition"];
    assert_eq!(told(&plan(&registry, &asked, now)), expected);
    let model = registry.resolve("m").unwrap();
    let plan = Plan::new(
        &model,
        &asked,
        |target| target.provider.id().as_str() != "tools",
        now,
    );
    assert!(plan.is_forbidden(), "{:?}", told(&plan));
}

#[test]
fn nothing_holds_and_there_is_no_other() {
    let targets = [("tools", Some(Condition::HasTools(true)))];
    let registry = conditional(Strategy::Conditional, &targets);
    let plan = plan(&registry, &Request::default(), Instant::now());
    assert_eq!(told(&plan), ["tools: Condition"]);
    assert!(!plan.is_forbidden());
}

#[test]
fn content_looks_at_the_words() {
    let contains = Condition::PromptContains("refund".to_owned());
    let matches = Condition::PromptMatches(r"\bcode\b".to_owned());
    let targets = [
        ("money", Some(contains)),
        ("code", Some(matches)),
        ("other", None),
    ];
    let registry = conditional(Strategy::Content, &targets);
    for (prompt, expected) in [
        (Some("A REFUND, please"), "money condition"),
        (Some("write code"), "code condition"),
        (Some("decode this"), "other first"),
        (None, "other first"),
    ] {
        let asked = Request {
            prompt: prompt.map(str::to_owned),
            ..Request::default()
        };
        assert_eq!(told(&plan(&registry, &asked, Instant::now()))[0], expected);
    }
}

#[test]
fn single_is_the_first_one_whatever_it_does() {
    let now = Instant::now();
    let mut spec = model("m", &[], &["a", "b"]);
    spec.routing.strategy = Strategy::Single;
    let registry = Registry::new(vec![fragile("a"), provider("b")], vec![spec]).unwrap();
    let asked = Request::default();
    assert_eq!(
        told(&plan(&registry, &asked, now)),
        ["a first", "b: NotFirst"]
    );
    fail(&registry, "a", now);
    assert_eq!(
        told(&plan(&registry, &asked, now)),
        ["a degraded", "b: NotFirst"]
    );
    let model = registry.resolve("m").unwrap();
    assert!(
        Plan::new(
            &model,
            &asked,
            |target| target.provider.id().as_str() == "b",
            now
        )
        .is_forbidden()
    );
}

#[test]
fn when_all_are_out_the_soonest_is_tried_but_not_overrun() {
    let now = Instant::now();
    let parked = ProviderSpec {
        credentials: vec![Secret::literal("key-of-parked").into()],
        ..provider("parked")
    };
    let providers = vec![
        fragile("broken"),
        parked,
        provider("ill"),
        provider("denied"),
    ];
    let models = vec![model("m", &[], &["denied", "ill", "broken", "parked"])];
    let registry = Registry::new(providers, models).unwrap();
    fail(&registry, "broken", now);
    let pool = registry.providers()[1].credentials();
    pool.lend(now).unwrap().park(now + OPEN / 2);
    registry.providers()[2].set_healthy(false);
    let model = registry.resolve("m").unwrap();
    let asked = Request::default();
    let plan = |now| {
        Plan::new(
            &model,
            &asked,
            |target| target.provider.id().as_str() != "denied",
            now,
        )
    };
    let expected = [
        "parked degraded",
        "broken degraded",
        "ill degraded",
        "denied: NotAllowed",
    ];
    let first = plan(now);
    assert_eq!(told(&first), expected);
    let [parked, broken, _] = first.targets.as_slice() else {
        panic!("{:?}", told(&first));
    };
    for second in 0..4 {
        let now = now + Duration::from_secs(second);
        let lent = (0..1_000).filter(|_| parked.lend(now).is_some()).count();
        let passes: Vec<_> = (0..1_000).filter_map(|_| broken.pass(now)).collect();
        let expected = usize::from(second > 0);
        assert_eq!((lent, passes.len()), (expected, expected), "{second}");
        for pass in passes {
            pass.failed(now);
        }
    }
    // The one that is back is the only one again.
    let back = plan(now + OPEN / 2);
    let expected = [
        "parked first",
        "denied: NotAllowed",
        "ill: Unhealthy",
        "broken: CircuitOpen",
    ];
    assert_eq!(told(&back), expected);
}

#[test]
fn a_provider_that_is_named_is_tried_although_it_is_out() {
    let now = Instant::now();
    let providers = vec![provider("a"), fragile("b")];
    let models = vec![model("m", &[], &["a", "b"])];
    let registry = Registry::new(providers, models).unwrap();
    fail(&registry, "b", now);
    let mut plan = plan(&registry, &Request::default(), now);
    assert!(!plan.clone().only("c"));
    assert_eq!(told(&plan), ["a first", "b: CircuitOpen"]);
    assert!(plan.only("b"));
    assert_eq!(told(&plan), ["b degraded"]);
}

/// Half of its calls fail, and its breaker does not mind.
fn fail_by_half(provider: &Provider, now: Instant) {
    for number in 0..40 {
        let pass = provider.breaker().pass(now).unwrap();
        if number % 2 == 0 {
            pass.succeeded();
        } else {
            pass.failed(now);
        }
    }
}

#[test]
fn who_fails_too_often_waits_behind_the_others() {
    let now = Instant::now();
    let ids = ["a", "b", "c", "d"];
    let providers = ids.map(provider).into();
    let registry = Registry::new(providers, vec![model("m", &[], &ids)]).unwrap();
    let asked = Request::default();
    let all = registry.providers();
    for (provider, expected) in all.iter().zip([
        ["b first", "c next", "d next", "a ejected"],
        ["c first", "d next", "a ejected", "b ejected"],
        // Never more than half of them: those whose time ends last.
        ["a first", "d next", "b ejected", "c ejected"],
        // Where all are like that, it says nothing.
        ["a first", "b next", "c next", "d next"],
    ]) {
        fail_by_half(provider, now);
        assert_eq!(told(&plan(&registry, &asked, now)), expected);
    }
    let later = now + Duration::from_secs(30);
    assert_eq!(told(&plan(&registry, &asked, later))[0], "a first");
}

proptest! {
    #[test]
    fn every_target_is_planned_or_left_out_once(
        states in prop::collection::vec((0..6_u8, 0..3_u32, 0..3_u32, any::<bool>()), 1..7),
        strategy in 0..9_usize,
        seed in any::<u64>(),
    ) {
        let now = Instant::now();
        let ids: Vec<String> = (0..states.len()).map(|index| format!("p{index}")).collect();
        let providers = ids.iter().zip(&states).map(|(id, state)| ProviderSpec {
            disabled: state.0 == 1,
            credentials: vec![Secret::literal("k").into()],
            ..fragile(id)
        });
        let mut spec = model("m", &[], &[]);
        spec.targets = ids.iter().zip(&states).map(|(id, state)| {
            let mut target = target(id);
            (target.routing.weight, target.routing.priority) = (state.1, state.2);
            target.routing.when = vec![vec![Condition::Stream(state.3)]];
            target
        }).collect();
        let strategies = [
            Strategy::Single, Strategy::Fallback, Strategy::Weighted, Strategy::RoundRobin,
            Strategy::LeastLatency, Strategy::LowestCost(Unpriced::Skip), Strategy::LeastBusy,
            Strategy::Hash(ferrogate_types::routing::HashKey::User), Strategy::Conditional,
        ];
        spec.routing.strategy = strategies[strategy].clone();
        let registry = Registry::new(providers.collect(), vec![spec]).unwrap();
        for (provider, state) in registry.providers().iter().zip(&states) {
            match state.0 {
                2 => provider.breaker().pass(now).unwrap().failed(now),
                3 => provider.credentials().lend(now).unwrap().park(now + OPEN),
                4 => { provider.set_healthy(false); }
                _ => {}
            }
        }
        let denied: BTreeSet<&str> = ids.iter().zip(&states)
            .filter(|(_, state)| state.0 == 5)
            .map(|(id, _)| id.as_str())
            .collect();
        let asked = Request { user: Some("ann".to_owned()), ..Request::seeded(seed) };
        let model = registry.resolve("m").unwrap();
        let plan = Plan::new(&model, &asked, |target| !denied.contains(target.provider.id().as_str()), now);
        let planned = plan.targets.iter().map(|planned| planned.target.provider.id());
        let left_out = plan.skipped.iter().map(|skip| &skip.provider);
        let mut seen: Vec<&str> = planned.chain(left_out).map(ProviderId::as_str).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, ids.iter().map(String::as_str).collect::<Vec<_>>());
        for planned in &plan.targets {
            let (state, id) = (states[planned.index].0, planned.target.provider.id());
            prop_assert_eq!(id.as_str(), &ids[planned.index]);
            let is_out = matches!(state, 2..=4);
            prop_assert_eq!(is_out, planned.why == Why::Degraded, "{}", state);
            prop_assert_eq!(state != 1 && state != 5, true);
        }
    }
}
