use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ferrogate_catalog::{Bucket, Prices};
use ferrogate_types::Secret;
use ferrogate_types::routing::Condition;

use super::*;
use crate::{BreakerSettings, BreakerState, Concurrency, ProviderKind};

/// A provider of which nothing is said.
pub(crate) fn provider(id: &str) -> ProviderSpec {
    ProviderSpec::new(id.parse().unwrap(), ProviderKind::echo())
}

/// A model at these providers.
pub(crate) fn model(name: &str, aliases: &[&str], targets: &[&str]) -> ModelSpec {
    let targets = targets.iter().map(|provider| target(provider)).collect();
    ModelSpec {
        aliases: aliases.iter().map(|alias| alias.parse().unwrap()).collect(),
        ..ModelSpec::new(name.parse().unwrap(), targets)
    }
}

/// `PROVIDER[:MODEL]`, `up` where no model is named and the asked name where it is `*`.
pub(crate) fn target(text: &str) -> TargetSpec {
    let (provider, model) = text.split_once(':').unwrap_or((text, "up"));
    let model = (model != "*").then(|| model.parse().unwrap());
    TargetSpec::new(provider.parse().unwrap(), model)
}

#[test]
fn resolves_names_and_aliases() {
    let registry = Registry::new(vec![provider("p")], vec![model("m", &["fast"], &["p"])]).unwrap();
    assert_eq!(registry.resolve("fast").unwrap().spec.name.as_str(), "m");
    assert!(registry.resolve("nope").is_none());
}

#[test]
fn refuses_broken_references() {
    let error = |providers, models| Registry::new(providers, models).unwrap_err().to_string();
    assert_eq!(
        error(vec![provider("p"), provider("p")], vec![]),
        "provider `p` is defined twice"
    );
    assert_eq!(
        error(vec![provider("p")], vec![model("m", &[], &["q"])]),
        "model `m` names the provider `q`, which does not exist"
    );
    assert_eq!(
        error(
            vec![provider("p")],
            vec![model("m", &["a"], &["p"]), model("a", &[], &["p"])]
        ),
        "model or alias `a` is defined twice"
    );
    assert_eq!(
        error(vec![], vec![model("m", &[], &[])]),
        "model `m` has no target"
    );
}

#[test]
fn refuses_what_cannot_be_asked() {
    let error = |spec| Registry::new(vec![provider("p")], vec![spec]).unwrap_err();
    assert_eq!(
        error(model("m", &[], &["p:*"])).to_string(),
        "model `m` has a target without a model, which only a pattern may have"
    );
    let mut broken = model("m", &[], &["p"]);
    let expression = Condition::PromptMatches("(".to_owned());
    broken.targets[0].routing.when = vec![vec![expression]];
    let error = error(broken);
    assert_eq!(
        error.to_string(),
        "model `m` has a condition with a broken expression"
    );
    assert!(std::error::Error::source(&error).is_some());
}

fn pattern(name: &str, targets: &[&str]) -> ModelSpec {
    ModelSpec {
        pattern: true,
        ..model(name, &[], targets)
    }
}

fn of_kind(id: &str, kind: &str) -> ProviderSpec {
    ProviderSpec::new(id.parse().unwrap(), ProviderKind::named(kind).unwrap())
}

/// `MODEL: PROVIDER:UPSTREAM...` of what a name leads to.
fn found(registry: &Registry, name: &str) -> String {
    let Some(model) = registry.resolve(name) else {
        return "nothing".to_owned();
    };
    let targets = model.targets.iter();
    let targets = targets.map(|target| format!(" {}:{}", target.provider.id(), target.model));
    let targets: String = targets.collect();
    format!("{} {}:{targets}", model.spec.name, model.name())
}

#[test]
fn the_most_specific_pattern_takes_what_no_name_does() {
    let mut off = pattern("off-*", &["p:*"]);
    off.disabled = true;
    let mut hidden = model("gpt-hidden", &[], &["p"]);
    hidden.disabled = true;
    let models = vec![
        pattern("*", &["p:*"]),
        pattern("gpt-*", &["p:*", "q:fixed"]),
        pattern("*mini", &["q:*"]),
        pattern("gpt-4*", &["q:*"]),
        model("gpt-4o", &["gpt-best"], &["p:4o"]),
        off,
        hidden,
    ];
    let registry = Registry::new(vec![provider("p"), provider("q")], models).unwrap();
    for (name, expected) in [
        ("gpt-4o", "gpt-4o gpt-4o: p:4o"),
        ("gpt-best", "gpt-4o gpt-4o: p:4o"),
        ("gpt-4", "gpt-4* gpt-4: q:gpt-4"),
        ("gpt-5", "gpt-* gpt-5: p:gpt-5 q:fixed"),
        ("o3-mini", "*mini o3-mini: q:o3-mini"),
        // The other one is as specific, but written later.
        ("gpt-5-mini", "gpt-* gpt-5-mini: p:gpt-5-mini q:fixed"),
        ("anything", "* anything: p:anything"),
        ("gpt-*", "gpt-* gpt-*: p:gpt-* q:fixed"),
        // What is switched off is not served by the back door.
        ("gpt-hidden", "nothing"),
        ("off-road", "nothing"),
        ("no name", "nothing"),
    ] {
        assert_eq!(found(&registry, name), expected, "{name}");
    }
    assert_eq!(registry.models().len(), 7);
}

#[test]
fn the_catalog_says_who_serves_a_name() {
    let catalog = || Cow::Borrowed(Catalog::embedded());
    let providers = || {
        vec![
            of_kind("openai", "openai"),
            of_kind("anthropic", "anthropic"),
            of_kind("own", "openai-compatible"),
        ]
    };
    let everybody = ["openai:*", "anthropic:*"];
    let models = vec![
        pattern("*", &everybody),
        pattern("x-*", &everybody),
        pattern("own-*", &["openai:*", "own:*"]),
        pattern("gpt-*", &["own:*", "openai:*", "anthropic:last"]),
        pattern("last-*", &["openai:*", "anthropic:last"]),
    ];
    let known = Registry::new(providers(), models).unwrap();
    let known = known.with_catalog(catalog());
    for (name, expected) in [
        ("o3", "* o3: openai:o3"),
        (
            "claude-sonnet-4-5",
            "* claude-sonnet-4-5: anthropic:claude-sonnet-4-5",
        ),
        ("made-up", "nothing"),
        (
            "x-made-up",
            "x-* x-made-up: openai:x-made-up anthropic:x-made-up",
        ),
        ("own-made-up", "own-* own-made-up: own:own-made-up"),
        ("gpt-4o", "gpt-* gpt-4o: openai:gpt-4o anthropic:last"),
        ("gpt-x", "gpt-* gpt-x: own:gpt-x anthropic:last"),
        ("last-x", "last-* last-x: openai:last-x anthropic:last"),
    ] {
        assert_eq!(found(&known, name), expected, "{name}");
    }
    let models = vec![pattern("*", &["openai:*"])];
    let single = Registry::new(providers(), models)
        .unwrap()
        .with_catalog(catalog());
    assert_eq!(found(&single, "made-up"), "* made-up: openai:made-up");
}

#[test]
fn a_name_brings_what_the_catalog_knows_of_it() {
    let catalog = Catalog::embedded();
    let mut own = pattern("o3*", &["openai:*"]);
    own.max_output_tokens = Some(7);
    let price = "1".parse().unwrap();
    own.targets[0].prices = Prices::default().with(Bucket::Input, price);
    let models = vec![pattern("*", &["openai:*"]), own];
    let registry = Registry::new(vec![of_kind("openai", "openai")], models).unwrap();
    let registry = registry.with_catalog(Cow::Borrowed(catalog));
    let row = catalog.get("openai", "gpt-4o").unwrap();
    let model = registry.resolve("gpt-4o").unwrap();
    assert_eq!(*model.targets[0].prices, row.prices);
    assert_eq!(*model.targets[0].traits, row.traits());
    assert_eq!(model.max_output_tokens(), row.max_output_tokens);
    let own = registry.resolve("o3").unwrap();
    assert_eq!(own.targets[0].prices.base(Bucket::Input), Some(price));
    assert_eq!(own.max_output_tokens(), Some(7));
}

#[test]
fn names_of_a_pattern_share_what_is_learned() {
    let models = vec![pattern("*", &["p:*"])];
    let registry = Registry::new(vec![provider("p")], models).unwrap();
    let (one, other) = (
        registry.resolve("a").unwrap(),
        registry.resolve("b").unwrap(),
    );
    let _call = one.targets[0].begin();
    assert_eq!(other.targets[0].in_flight(), 1);
}

const BREAKER: BreakerSettings = BreakerSettings {
    failures: 1,
    successes: 1,
    open: Duration::from_secs(60),
    half_open: 1,
};

/// What a change of the configuration keeps: open breaker, parked key, spent budget, place taken, latency.
fn kept(change: impl FnOnce(&mut ProviderSpec)) -> [bool; 5] {
    let now = Instant::now();
    let spec = ProviderSpec {
        breaker: Some(BREAKER),
        credentials: vec![Secret::literal("key").into()],
        concurrency: Some(Concurrency {
            limit: 1,
            queue: 0,
            wait: Duration::ZERO,
        }),
        ..of_kind("p", "openai")
    };
    let build = |spec| Registry::new(vec![spec], vec![model("m", &[], &["p"])]).unwrap();
    let old = build(spec.clone());
    let provider = &old.providers()[0];
    provider.breaker().pass(now).unwrap().failed(now);
    let lent = provider.credentials().lend(now).unwrap();
    lent.park(now + Duration::from_secs(60));
    while provider.may_retry() {}
    let place = at_once(provider.enter(now));
    assert!(place.is_ok());
    old.models()[0].targets[0].observe(Duration::from_millis(5), now);
    let mut changed = spec;
    change(&mut changed);
    let mut new = build(changed);
    new.adopt(&old);
    let model = new.resolve("m").unwrap();
    let target = &model.targets[0];
    let provider = &new.providers()[0];
    assert!(Arc::ptr_eq(provider, &target.provider));
    [
        provider.breaker().state(now) == BreakerState::Open,
        provider.credentials().lend(now).is_none(),
        !provider.may_retry(),
        provider.is_saturated(),
        target.latency(now).is_some(),
    ]
}

/// What is there at once.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    match future.as_mut().poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn what_was_learned_is_kept_as_long_as_it_holds() {
    assert_eq!(kept(|_| {}), [true; 5]);
    assert_eq!(kept(|spec| spec.retry.attempts = 9), [true; 5]);
    let moved = Some("https://elsewhere.test/v1".to_owned());
    assert_eq!(kept(|spec| spec.base_url = moved), [false; 5]);
    let azure = ProviderKind::named("azure-openai").unwrap();
    assert_eq!(kept(|spec| spec.kind = azure), [false; 5]);
    let [breaker, ..] = kept(|spec| {
        spec.breaker = Some(BreakerSettings {
            failures: 2,
            ..BREAKER
        });
    });
    assert!(!breaker);
    let [_, parked, ..] = kept(|spec| spec.credentials = vec![Secret::literal("new").into()]);
    assert!(!parked);
    let [_, _, spent, ..] = kept(|spec| spec.retry_budget = 50);
    assert!(!spent);
    let [.., full, latency] = kept(|spec| spec.concurrency = None);
    assert!(!full && latency);
}

#[test]
fn a_breaker_that_is_kept_is_the_same_one() {
    let now = Instant::now();
    let spec = || ProviderSpec {
        breaker: Some(BREAKER),
        ..provider("p")
    };
    let build = |spec| Registry::new(vec![spec], vec![model("m", &[], &["p"])]).unwrap();
    let old = build(spec());
    let mut changed = spec();
    changed.retry.attempts = 5;
    let mut new = build(changed);
    new.adopt(&old);
    // A call of the old configuration ends under the new one.
    old.providers()[0].breaker().pass(now).unwrap().failed(now);
    assert_eq!(new.providers()[0].breaker().state(now), BreakerState::Open);
}
