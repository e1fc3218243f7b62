mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferrogate_catalog::{Bucket, Prices};

use super::*;
use crate::asked::tests::Request;
use crate::registry::tests::{model, provider, target};
use crate::{Plan, Registry, TargetSpec};

/// A registry of one model, `m`, with a provider for each target.
fn routed(strategy: Strategy, targets: Vec<TargetSpec>) -> Registry {
    let ids: BTreeSet<&str> = targets
        .iter()
        .map(|target| target.provider.as_str())
        .collect();
    let providers = ids.into_iter().map(provider).collect();
    let mut spec = model("m", &[], &[]);
    spec.targets = targets;
    spec.routing.strategy = strategy;
    Registry::new(providers, vec![spec]).unwrap()
}

/// Targets with their weights.
fn weighted(targets: &[(&str, u32)]) -> Vec<TargetSpec> {
    let each = targets.iter().map(|&(id, weight)| {
        let mut target = target(id);
        target.routing.weight = weight;
        target
    });
    each.collect()
}

fn plan(registry: &Registry, asked: &Request, now: Instant) -> Plan {
    let model = registry.resolve("m").unwrap();
    Plan::new(&model, asked, |_| true, now)
}

/// Providers in the order planned, and why the first one is.
fn order(registry: &Registry, asked: &Request) -> (String, Why) {
    let plan = plan(registry, asked, Instant::now());
    let ids = plan
        .targets
        .iter()
        .map(|target| target.target.provider.id().as_str());
    (ids.collect::<Vec<_>>().join(" "), plan.targets[0].why)
}

/// How often each target is the first one in so many requests.
fn firsts(registry: &Registry, count: usize) -> BTreeMap<String, usize> {
    let asked = Request::seeded(7);
    let mut firsts = BTreeMap::new();
    for _ in 0..count {
        let (order, _) = order(registry, &asked);
        let first = order.split(' ').next().unwrap().to_owned();
        *firsts.entry(first).or_default() += 1;
    }
    firsts
}

fn share(firsts: &BTreeMap<String, usize>, id: &str) -> f64 {
    let count = |count: usize| f64::from(u32::try_from(count).unwrap());
    count(firsts.get(id).copied().unwrap_or_default()) / count(firsts.values().sum())
}

fn near(share: f64, expected: f64) {
    assert!((share - expected).abs() < 0.03, "{share} is not {expected}");
}

#[test]
fn fallback_follows_priorities_and_the_list() {
    let mut targets = weighted(&[("a", 1), ("b", 1), ("c", 0), ("d", 5)]);
    targets[0].routing.priority = 2;
    let registry = routed(Strategy::Fallback, targets);
    let asked = Request::seeded(1);
    assert_eq!(order(&registry, &asked), ("b d a c".to_owned(), Why::First));
}

#[test]
fn weights_are_shares() {
    for strategy in [Strategy::Weighted, Strategy::AbTest] {
        let registry = routed(strategy, weighted(&[("a", 70), ("b", 30), ("c", 0)]));
        let firsts = firsts(&registry, 5_000);
        near(share(&firsts, "a"), 0.7);
        near(share(&firsts, "b"), 0.3);
        assert_eq!(
            firsts.get("c"),
            None,
            "0 is only for when nothing else is left"
        );
        let (order, why) = order(&registry, &Request::seeded(1));
        assert!(order.ends_with(" c") && why == Why::Weight, "{order}");
    }
}

#[test]
fn the_rest_is_drawn_as_well() {
    let registry = routed(
        Strategy::Weighted,
        weighted(&[("a", 1), ("b", 30), ("c", 10)]),
    );
    let asked = Request::seeded(3);
    let orders = (0..2_000).map(|_| order(&registry, &asked).0);
    let behind: Vec<String> = orders.filter(|order| order.starts_with("b ")).collect();
    let second = |id: &str| {
        behind
            .iter()
            .filter(|order| order.starts_with(&format!("b {id}")))
            .count()
    };
    let seconds = [("a", second("a")), ("c", second("c"))];
    let seconds = seconds.map(|(id, count)| (id.to_owned(), count));
    near(share(&seconds.into(), "c"), 10.0 / 11.0);
}

#[test]
fn turns_go_round() {
    let registry = routed(Strategy::RoundRobin, weighted(&[("a", 2), ("b", 1)]));
    let asked = Request::seeded(1);
    let orders: Vec<String> = (0..6).map(|_| order(&registry, &asked).0).collect();
    assert_eq!(orders, ["a b", "b a", "a b", "a b", "b a", "a b"]);
    assert_eq!(order(&registry, &asked).1, Why::Turn);
}

#[test]
fn a_lower_priority_waits_for_the_higher_one() {
    let mut targets = weighted(&[("a", 1), ("b", 1), ("c", 100)]);
    targets[2].routing.priority = 2;
    let registry = routed(Strategy::Weighted, targets);
    assert_eq!(firsts(&registry, 200).get("c"), None);
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn the_fastest_is_first_and_others_get_a_tenth() {
    let registry = routed(
        Strategy::LeastLatency,
        weighted(&[("a", 1), ("b", 1), ("c", 1)]),
    );
    let model = registry.resolve("m").unwrap();
    let now = Instant::now();
    for (target, took) in model.targets.iter().zip([300, 100, 200]) {
        target.observe(ms(took), now);
    }
    let firsts = firsts(&registry, 5_000);
    near(share(&firsts, "b"), 0.9);
    near(share(&firsts, "a"), 0.05);
    let asked = Request::seeded(1);
    let seen: BTreeSet<(String, &str)> = (0..200)
        .map(|_| order(&registry, &asked))
        .map(|(order, why)| (order, why.as_str()))
        .collect();
    let expected = [
        ("a b c", "explored"),
        ("b c a", "fastest"),
        ("c b a", "explored"),
    ];
    assert_eq!(
        seen,
        expected.map(|(order, why)| (order.to_owned(), why)).into()
    );
}

#[test]
fn who_is_not_known_is_tried_first_but_not_for_ever() {
    let registry = routed(Strategy::LeastLatency, weighted(&[("a", 1), ("b", 1)]));
    let model = registry.resolve("m").unwrap();
    let now = Instant::now();
    model.targets[0].observe(ms(10), now);
    let asked = Request::seeded(1);
    let mut tried = 0;
    while order(&registry, &asked) == ("b a".to_owned(), Why::Explored) && tried < 50 {
        drop(model.targets[1].begin());
        tried += 1;
    }
    assert_eq!(tried, 3, "it never answered");
    near(share(&firsts(&registry, 2_000), "b"), 0.1);
    model.targets[1].observe(ms(5), now);
    near(share(&firsts(&registry, 2_000), "b"), 0.9);
    // It answered, so it is worth a try when that is forgotten.
    assert!(model.targets[1].is_unknown(now + ms(5 * 60_000)));
}

#[test]
fn old_latencies_say_nothing() {
    let registry = routed(Strategy::LeastLatency, weighted(&[("a", 1), ("b", 1)]));
    let model = registry.resolve("m").unwrap();
    let now = Instant::now();
    model.targets[0].observe(ms(10), now);
    model.targets[1].observe(ms(90), now + ms(60_000));
    let later = now + ms(5 * 60_000);
    let plan = plan(&registry, &Request::seeded(1), later);
    assert_eq!(
        (plan.targets[0].index, plan.targets[0].why),
        (0, Why::Explored)
    );
}

/// A target's provider and weight, with its prices of input and output.
type Priced<'a> = (&'a str, u32, Option<(&'a str, &'a str)>);

fn priced(targets: &[Priced<'_>]) -> Vec<TargetSpec> {
    let each = targets.iter().map(|&(id, weight, prices)| {
        let mut target = target(id);
        target.routing.weight = weight;
        if let Some((input, output)) = prices {
            target.prices = Prices::default()
                .with(Bucket::Input, input.parse().unwrap())
                .with(Bucket::Output, output.parse().unwrap());
        }
        target
    });
    each.collect()
}

#[test]
fn the_cheapest_depends_on_the_request() {
    let registry = routed(
        Strategy::LowestCost(Unpriced::Last),
        priced(&[
            ("talker", 1, Some(("10", "1"))),
            ("reader", 1, Some(("1", "10"))),
            ("unknown", 9, None),
        ]),
    );
    for (input, output, expected) in [
        (10_000, Some(10), "reader talker unknown"),
        (10, Some(10_000), "talker reader unknown"),
        // 256 tokens of output, where nothing is said.
        (255, None, "talker reader unknown"),
        (257, None, "reader talker unknown"),
    ] {
        let asked = Request {
            input_tokens: input,
            max_output_tokens: output,
            ..Request::seeded(1)
        };
        assert_eq!(
            order(&registry, &asked),
            (expected.to_owned(), Why::Cheapest)
        );
    }
}

#[test]
fn what_has_no_price_is_last_or_first_or_nowhere() {
    let targets = || {
        priced(&[
            ("unknown", 1, None),
            ("light", 1, Some(("1", "1"))),
            ("heavy", 2, Some(("1", "1"))),
        ])
    };
    let asked = Request {
        input_tokens: 100,
        ..Request::seeded(1)
    };
    for (unpriced, expected) in [
        (Unpriced::Last, "heavy light unknown"),
        (Unpriced::Free, "unknown heavy light"),
        (Unpriced::Skip, "heavy light"),
    ] {
        let registry = routed(Strategy::LowestCost(unpriced), targets());
        assert_eq!(order(&registry, &asked).0, expected, "{unpriced:?}");
    }
}

#[test]
fn the_idle_go_first_for_their_weight() {
    let registry = routed(Strategy::LeastBusy, weighted(&[("a", 1), ("b", 3)]));
    let model = registry.resolve("m").unwrap();
    let asked = Request::seeded(1);
    let under_way: Vec<_> = (0..2).map(|_| model.targets[1].begin()).collect();
    assert_eq!(order(&registry, &asked), ("a b".to_owned(), Why::Idle));
    let call = model.targets[0].begin();
    assert_eq!(
        order(&registry, &asked).0,
        "b a",
        "2 of 3 are less than 1 of 1"
    );
    drop(call);
    assert_eq!(order(&registry, &asked).0, "a b");
    drop(under_way);
    near(share(&firsts(&registry, 2_000), "b"), 0.75);
}
