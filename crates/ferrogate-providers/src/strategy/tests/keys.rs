use std::collections::{BTreeMap, BTreeSet};

use ferrogate_types::routing::{HashKey, Sticky};
use proptest::prelude::{any, prop, prop_assert_eq, proptest};

use super::*;

fn of_user(user: &str) -> Request {
    Request {
        user: Some(user.to_owned()),
        ..Request::seeded(1)
    }
}

#[test]
fn without_a_key_it_is_as_written() {
    for key in [
        HashKey::User,
        HashKey::Session,
        HashKey::Key,
        HashKey::Header("x-a".to_owned()),
        HashKey::PromptPrefix(9),
    ] {
        let registry = routed(Strategy::Hash(key), weighted(&[("a", 1), ("b", 1)]));
        let asked = Request::seeded(1);
        assert_eq!(order(&registry, &asked), ("a b".to_owned(), Why::First));
    }
}

#[test]
fn each_key_is_what_it_says() {
    let asked = |text: &str| Request {
        user: Some(text.to_owned()),
        session: Some(text.to_owned()),
        key: Some(text.to_owned()),
        headers: vec![("x-a".to_owned(), text.to_owned())],
        prompt: Some(format!("{text} and more")),
        ..Request::default()
    };
    for key in [
        HashKey::User,
        HashKey::Session,
        HashKey::Key,
        HashKey::Header("x-a".to_owned()),
        HashKey::PromptPrefix(3),
    ] {
        let hash = |text: &str| key::hash(&key, &asked(text)).unwrap();
        assert_eq!(hash("one"), xxhash_rust::xxh64::xxh64(b"one", 0), "{key:?}");
        assert_ne!(hash("one"), hash("two"), "{key:?}");
    }
}

#[test]
fn hashes_are_shares_too() {
    let registry = routed(
        Strategy::Hash(HashKey::User),
        weighted(&[("a", 70), ("b", 30), ("c", 0)]),
    );
    let mut firsts = BTreeMap::new();
    for user in 0..5_000 {
        let (order, why) = order(&registry, &of_user(&format!("u{user}")));
        assert_eq!(why, Why::Hash);
        let first = order.split(' ').next().unwrap().to_owned();
        *firsts.entry(first).or_default() += 1;
    }
    near(share(&firsts, "a"), 0.7);
    near(share(&firsts, "b"), 0.3);
}

#[test]
fn a_hash_is_the_same_on_every_node() {
    let registry = routed(
        Strategy::Hash(HashKey::User),
        weighted(&[("a", 1), ("b", 1), ("c", 1)]),
    );
    let first = |user| order(&registry, &of_user(user)).0;
    // Whoever changes this moves everybody's callers.
    let orders = ["ann", "bob", "eve", "joe"].map(first);
    assert_eq!(orders, ["c b a", "c a b", "b a c", "b a c"]);
}

proptest! {
    #[test]
    fn a_target_that_goes_moves_only_its_own_keys(
        weights in prop::collection::vec(1..20_u32, 2..7),
        gone in any::<prop::sample::Index>(),
        users in prop::collection::vec("[a-z0-9]{1,12}", 1..40),
    ) {
        let gone = gone.index(weights.len());
        let ids: Vec<String> = (0..weights.len()).map(|index| format!("p{index}")).collect();
        let all: Vec<(&str, u32)> = ids.iter().map(String::as_str).zip(weights).collect();
        let mut fewer = all.clone();
        fewer.remove(gone);
        let strategy = || Strategy::Hash(HashKey::User);
        let (before, after) = (routed(strategy(), weighted(&all)), routed(strategy(), weighted(&fewer)));
        for user in users {
            let (before, _) = order(&before, &of_user(&user));
            let (after, _) = order(&after, &of_user(&user));
            let without: Vec<&str> = before.split(' ').filter(|id| *id != ids[gone]).collect();
            prop_assert_eq!(without.join(" "), after);
        }
    }
}

fn sticking(strategy: Strategy, ttl: Option<Duration>) -> Registry {
    let targets = weighted(&[("a", 1), ("b", 1), ("c", 1)]);
    let ids: Vec<&str> = vec!["a", "b", "c"];
    let mut spec = model("m", &[], &[]);
    spec.targets = targets;
    spec.routing.strategy = strategy;
    spec.routing.sticky = Some(Sticky {
        key: HashKey::User,
        ttl,
    });
    Registry::new(ids.into_iter().map(provider).collect(), vec![spec]).unwrap()
}

#[test]
fn callers_stay_and_the_rest_is_the_strategys() {
    let registry = sticking(Strategy::RoundRobin, None);
    let mut firsts = BTreeSet::new();
    for user in 0..30 {
        let asked = of_user(&format!("u{user}"));
        let orders: Vec<(String, Why)> = (0..4).map(|_| order(&registry, &asked)).collect();
        assert!(
            orders.iter().all(|(order, why)| {
                *why == Why::Sticky && order.get(..1) == orders[0].0.get(..1)
            })
        );
        assert_ne!(
            orders[0].0, orders[1].0,
            "the second is another one each time"
        );
        firsts.insert(orders[0].0.get(..1).unwrap().to_owned());
    }
    assert_eq!(firsts.len(), 3);
    let nobody = Request::seeded(1);
    assert_eq!(order(&registry, &nobody).1, Why::Turn);
}

#[test]
fn a_caller_chooses_anew_after_its_time() {
    let hour = Duration::from_secs(3_600);
    let registry = sticking(Strategy::Weighted, Some(hour));
    let mut moved = BTreeSet::new();
    let mut changes = 0;
    for minute in 0..600_u32 {
        let asked = Request {
            since_epoch: Duration::from_secs(1_700_000_000) + hour / 60 * minute,
            ..of_user("ann")
        };
        let (order, _) = order(&registry, &asked);
        let first = order.get(..1).unwrap().to_owned();
        changes += u32::from(moved.last().is_some_and(|(_, last)| *last != first));
        moved.insert((minute, first));
    }
    assert!(
        (1..=10).contains(&changes),
        "{changes} changes in ten hours"
    );
    // Not everybody at once.
    let windows = |user: &str| {
        let sticky = Sticky {
            key: HashKey::User,
            ttl: Some(hour),
        };
        let at = |second: u64| Request {
            since_epoch: Duration::from_secs(second),
            ..of_user(user)
        };
        let hash = |second: u64| key::sticky(&sticky, &at(second)).unwrap();
        (1..=3_600).find(|&second| hash(second) != hash(0)).unwrap()
    };
    assert_ne!(windows("ann"), windows("bob"));
}
