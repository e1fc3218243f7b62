//! Tests of selection, retries and header edits.

use std::collections::HashMap;

use ferrogate_types::route::{
    DynamicA, DynamicSrv, DynamicUpstreams, HeaderOp, LoadBalancing, LoadBalancingPolicy, Matcher,
    MatcherSet, PassiveHealth, StatusPattern, UpstreamTls,
};
use ferrogate_types::{Secret, SecretOrigin};
use http::Method;
use proptest::prelude::*;
use xxhash_rust::xxh64::xxh64;

use super::super::lookup::Question;
use super::*;
use crate::response::Finish;
use crate::testing::{Fixture, compiled};

fn spec(upstreams: u16, policy: LoadBalancingPolicy) -> ReverseProxy {
    let address = |number| UpstreamAddress {
        scheme: UpstreamScheme::Http,
        dial: Dial::Tcp {
            host: "up".to_owned(),
            port: 8000 + number,
        },
    };
    ReverseProxy {
        upstreams: (0..upstreams).map(address).collect(),
        load_balancing: LoadBalancing {
            policy,
            ..LoadBalancing::default()
        },
        passive_health: PassiveHealth {
            fail_duration: Duration::from_secs(10),
            max_fails: 1,
            unhealthy_status: vec![StatusPattern::Class(5), StatusPattern::Code(429)],
            unhealthy_latency: Some(Duration::from_secs(2)),
            max_requests: None,
        },
        trusted_proxies: vec!["192.0.2.0/24".parse().unwrap()],
        ..ReverseProxy::default()
    }
}

fn by_header(field: &str) -> LoadBalancingPolicy {
    LoadBalancingPolicy::Header {
        field: field.to_owned(),
        fallback: Box::new(LoadBalancingPolicy::Random),
    }
}

fn compile(spec: &ReverseProxy) -> Arc<ProxyRoute> {
    Arc::new(compiled(|compiler| ProxyRoute::compile(spec, compiler)).unwrap())
}

fn select(
    route: &Arc<ProxyRoute>,
    fixture: &mut Fixture,
    tried: &[usize],
    now: Instant,
) -> Option<Lease> {
    let candidates = route.candidates(
        &fixture.head,
        &fixture.connection,
        &fixture.exchange,
        Vec::new(),
    );
    route.select(
        &candidates,
        &fixture.head,
        &fixture.connection,
        &mut fixture.exchange,
        false,
        tried,
        now,
    )
}

/// The indices chosen by several requests in a row, each done before the next.
fn picks(route: &Arc<ProxyRoute>, count: usize) -> Vec<usize> {
    let now = Instant::now();
    (0..count)
        .map(|_| {
            select(route, &mut Fixture::get("/"), &[], now)
                .unwrap()
                .index()
        })
        .collect()
}

#[test]
fn policies_that_count() {
    for (policy, expected) in [
        (LoadBalancingPolicy::RoundRobin, vec![1, 2, 0, 1, 2, 0]),
        (LoadBalancingPolicy::First, vec![0; 6]),
        (
            LoadBalancingPolicy::WeightedRoundRobin(vec![4, 0, 2]),
            vec![0, 2, 0, 0, 2, 0],
        ),
    ] {
        assert_eq!(
            picks(&compile(&spec(3, policy.clone())), 6),
            expected,
            "{policy:?}"
        );
    }
}

#[test]
fn random_reaches_everyone() {
    let mut counts = HashMap::new();
    for index in picks(&compile(&spec(3, LoadBalancingPolicy::Random)), 3_000) {
        *counts.entry(index).or_insert(0) += 1;
    }
    assert!(
        (0..3).all(|index| (800..1_200).contains(&counts[&index])),
        "{counts:?}"
    );
}

#[test]
fn the_least_loaded_is_taken() {
    let route = compile(&spec(3, LoadBalancingPolicy::LeastConn));
    let now = Instant::now();
    let mut fixture = Fixture::get("/");
    let mut leases: Vec<Lease> = (0..3)
        .map(|_| select(&route, &mut fixture, &[], now).unwrap())
        .collect();
    let mut indices: Vec<usize> = leases.iter().map(Lease::index).collect();
    indices.sort_unstable();
    assert_eq!(indices, [0, 1, 2]);
    let freed = leases.remove(1).index();
    assert_eq!(
        select(&route, &mut fixture, &[], now).unwrap().index(),
        freed
    );
}

#[test]
fn hashes_are_those_of_caddy() {
    for (policy, key) in [
        (LoadBalancingPolicy::IpHash, "192.0.2.1"),
        (LoadBalancingPolicy::ClientIpHash, "203.0.113.9"),
        (by_header("x-user"), "7"),
        (by_header("Host"), "Site.example:8080"),
    ] {
        let route = compile(&spec(5, policy.clone()));
        let best = (0..5)
            .max_by_key(|at| xxh64(format!("up:{}{key}", 8000 + at).as_bytes(), 0))
            .unwrap();
        let mut fixture = Fixture::get("/").with("x-user", "7");
        for _ in 0..3 {
            assert_eq!(
                select(&route, &mut fixture, &[], Instant::now())
                    .unwrap()
                    .index(),
                best,
                "{policy:?}"
            );
        }
    }
}

#[test]
fn an_upstream_that_goes_moves_only_its_keys() {
    let route = compile(&spec(4, by_header("x-user")));
    let now = Instant::now();
    let choose = |user: u32| {
        select(
            &route,
            &mut Fixture::get("/").with("x-user", &user.to_string()),
            &[],
            now,
        )
        .unwrap()
        .index()
    };
    let before: Vec<usize> = (0..100).map(choose).collect();
    route.fixed()[2].state().note_failure(now);
    for (user, index) in (0..100).zip(before) {
        let after = choose(user);
        assert!(after != 2 && (index == 2 || after == index), "user {user}");
    }
}

#[test]
fn failures_take_an_upstream_out_for_a_while() {
    let mut spec = spec(2, LoadBalancingPolicy::First);
    spec.passive_health.max_fails = 2;
    let route = compile(&spec);
    let mut fixture = Fixture::get("/");
    let start = Instant::now();
    let at = |second| start + Duration::from_secs(second);
    select(&route, &mut fixture, &[], at(0))
        .unwrap()
        .failed(at(0));
    assert_eq!(
        select(&route, &mut fixture, &[], at(0)).unwrap().index(),
        0,
        "one failure is allowed"
    );
    select(&route, &mut fixture, &[], at(1))
        .unwrap()
        .observe(503, Duration::ZERO, at(1));
    assert_eq!(select(&route, &mut fixture, &[], at(2)).unwrap().index(), 1);
    let second = select(&route, &mut fixture, &[], at(2)).unwrap();
    second.observe(200, Duration::from_secs(1), at(2));
    second.observe(429, Duration::ZERO, at(2));
    second.observe(200, Duration::from_secs(2), at(2));
    drop(second);
    assert!(
        select(&route, &mut fixture, &[], at(3)).is_none(),
        "both are out"
    );
    assert_eq!(
        select(&route, &mut fixture, &[], at(10)).unwrap().index(),
        0,
        "the first failure is forgotten"
    );
}

#[test]
fn without_a_fail_duration_nothing_is_remembered() {
    let mut spec = spec(1, LoadBalancingPolicy::Random);
    spec.passive_health.fail_duration = Duration::ZERO;
    let route = compile(&spec);
    let now = Instant::now();
    select(&route, &mut Fixture::get("/"), &[], now)
        .unwrap()
        .failed(now);
    assert!(select(&route, &mut Fixture::get("/"), &[], now).is_some());
}

#[test]
fn places_are_limited_and_come_back() {
    let mut spec = spec(1, LoadBalancingPolicy::Random);
    spec.passive_health.max_requests = Some(1);
    let route = compile(&spec);
    let mut fixture = Fixture::get("/");
    let now = Instant::now();
    let lease = select(&route, &mut fixture, &[], now).unwrap();
    assert!(select(&route, &mut fixture, &[], now).is_none());
    drop(lease);
    assert!(select(&route, &mut fixture, &[], now).is_some());
}

#[test]
fn a_retry_prefers_what_was_not_tried() {
    let route = compile(&spec(2, LoadBalancingPolicy::First));
    let mut fixture = Fixture::get("/");
    let now = Instant::now();
    assert_eq!(select(&route, &mut fixture, &[0], now).unwrap().index(), 1);
    assert_eq!(
        select(&route, &mut fixture, &[0, 1], now).unwrap().index(),
        0
    );
}

#[test]
fn one_address_written_twice_shares_its_state() {
    let mut spec = spec(1, LoadBalancingPolicy::First);
    spec.upstreams.push(spec.upstreams[0].clone());
    let route = compile(&spec);
    let now = Instant::now();
    select(&route, &mut Fixture::get("/"), &[], now)
        .unwrap()
        .failed(now);
    assert!(select(&route, &mut Fixture::get("/"), &[], now).is_none());
}

#[test]
fn retries_end_by_number_or_time() {
    let seconds = Duration::from_secs;
    for (retries, duration, attempts, elapsed, expected) in [
        (0, 0, 1, 0, false),
        (2, 0, 1, 99, true),
        (2, 0, 2, 99, true),
        (2, 0, 3, 0, false),
        (0, 5, 50, 4, true),
        (0, 5, 1, 5, false),
        (2, 5, 3, 0, false),
        (2, 5, 1, 5, false),
        (2, 5, 2, 4, true),
    ] {
        let mut spec = spec(1, LoadBalancingPolicy::Random);
        spec.load_balancing.retries = retries;
        spec.load_balancing.try_duration = seconds(duration);
        spec.load_balancing.try_interval = Duration::from_millis(250);
        let start = Instant::now();
        let pause = compile(&spec).may_retry(attempts, start, start + seconds(elapsed));
        let expected = expected.then_some(Duration::from_millis(250));
        assert_eq!(pause, expected, "{retries} {duration} {attempts} {elapsed}");
    }
}

#[test]
fn what_was_sent_is_repeated_where_that_is_safe() {
    let matching = |methods: &[&str]| {
        let matchers = vec![Matcher::Method(
            methods.iter().map(|method| (*method).to_owned()).collect(),
        )];
        let name = String::new();
        MatcherSet { name, matchers }
    };
    for (sets, method, expected) in [
        (vec![], Method::GET, true),
        (vec![], Method::POST, false),
        (vec![matching(&["POST", "PUT"])], Method::POST, true),
        (vec![matching(&["POST"])], Method::GET, false),
        (
            vec![matching(&["POST"]), matching(&["GET"])],
            Method::GET,
            true,
        ),
    ] {
        let mut spec = spec(1, LoadBalancingPolicy::Random);
        spec.load_balancing.retry_match = sets;
        let mut fixture = Fixture::get("/");
        fixture.head.method = method;
        let repeats =
            compile(&spec).may_repeat(&fixture.head, &fixture.connection, &fixture.exchange);
        assert_eq!(repeats, expected, "{spec:?}");
    }
}

#[test]
fn headers_are_edited_both_ways() {
    let set = |field: &str, value: &str| HeaderOp::Set {
        field: field.into(),
        value: value.into(),
    };
    let mut spec = spec(1, LoadBalancingPolicy::Random);
    spec.header_up = vec![
        set("Host", "{upstream_hostport}"),
        set("X-Old", "{header.X-A}"),
    ];
    spec.header_down = vec![
        set("X-Status", "{rp.status_code}"),
        HeaderOp::Delete {
            field: "Server".to_owned(),
        },
    ];
    spec.transport.tls = Some(UpstreamTls {
        server_name: Some("{host}".into()),
        ..UpstreamTls::default()
    });
    let route = compile(&spec);
    let mut fixture = Fixture::get("/").with("x-a", "1");
    let lease = select(&route, &mut fixture, &[], Instant::now()).unwrap();
    assert_eq!(lease.dial(), "up:8000");

    let mut upstream = fixture.head.headers.clone();
    upstream.remove("x-a");
    route.apply_header_up(
        &fixture.head,
        &fixture.connection,
        &fixture.exchange,
        &mut upstream,
    );
    assert_eq!(
        (&upstream["host"], &upstream["x-old"]),
        (&"up:8000".parse().unwrap(), &"1".parse().unwrap())
    );
    let name = route.server_name(&fixture.head, &fixture.connection, &fixture.exchange);
    assert_eq!(name.as_deref(), Some("Site.example"));

    let mut response = HeaderMap::new();
    response.insert("server", "x".parse().unwrap());
    fixture.exchange.set_upstream_answer(204, &response);
    route.apply_header_down(
        &fixture.head,
        &fixture.connection,
        &fixture.exchange,
        &mut response,
    );
    assert_eq!(response.len(), 1);
    assert_eq!(response["x-status"], "204");
}

#[test]
fn trust_comes_from_the_listener_or_the_directive() {
    let route = compile(&spec(1, LoadBalancingPolicy::Random));
    let mut listener = TrustedProxies {
        ranges: IpSet::new(&["10.0.0.0/8".parse().unwrap()]),
        unix: false,
    };
    for (peer, expected) in [
        (Some("192.0.2.1:1"), true),
        (Some("10.1.1.1:1"), true),
        (Some("9.9.9.9:1"), false),
        (None, false),
    ] {
        let connection = Connection {
            peer: peer.map(|peer| peer.parse().unwrap()),
            ..Connection::default()
        };
        assert_eq!(route.trusts(&connection, &listener), expected, "{peer:?}");
    }
    listener.unix = true;
    assert!(route.trusts(&Connection::default(), &listener));
}

#[test]
fn addresses_are_made_of_placeholders() {
    let mut spec = spec(1, LoadBalancingPolicy::First);
    spec.upstreams[0].dial = Dial::Template("{header.x-up}".into());
    let route = compile(&spec);
    for (text, expected) in [
        ("a.example", Some("a.example:80")),
        ("a.example:81", Some("a.example:81")),
        ("[::1]", Some("[::1]:80")),
        ("[::1]:8080", Some("[::1]:8080")),
        ("::1", Some("[::1]:80")),
        ("unix//run/x.sock", Some("unix//run/x.sock")),
        ("a.example:0", None),
        ("a.example:x", None),
        ("a example", None),
        ("http://a.example", None),
        ("[a]:1", None),
        ("", None),
    ] {
        let mut fixture = Fixture::get("/").with("x-up", text);
        let lease = select(&route, &mut fixture, &[], Instant::now());
        assert_eq!(lease.as_ref().map(Lease::dial), expected, "{text}");
    }
    let now = Instant::now();
    let with = || Fixture::get("/").with("x-up", "a.example");
    select(&route, &mut with(), &[], now).unwrap().failed(now);
    assert!(
        select(&route, &mut with(), &[], now).is_none(),
        "failures are remembered"
    );
}

#[test]
fn what_was_looked_up_stands_before_what_was_written() {
    let route = compile(&spec(1, LoadBalancingPolicy::First));
    let fixture = Fixture::get("/");
    let found = vec![UpstreamAddress {
        scheme: UpstreamScheme::Http,
        dial: Dial::Tcp {
            host: "192.0.2.7".to_owned(),
            port: 9,
        },
    }];
    for (found, expected) in [(found, "192.0.2.7:9"), (Vec::new(), "up:8000")] {
        let candidates =
            route.candidates(&fixture.head, &fixture.connection, &fixture.exchange, found);
        assert_eq!(candidates[0].dial(), expected);
    }
}

#[test]
fn questions_are_filled_in() {
    let srv = DynamicSrv {
        service: "http".into(),
        proto: "tcp".into(),
        name: "{header.x-zone}".into(),
        refresh: Duration::from_secs(60),
        resolvers: Vec::new(),
        dial_timeout: None,
        grace_period: None,
    };
    let a = DynamicA {
        name: "{header.x-zone}".into(),
        port: "{header.x-port}".into(),
        refresh: Duration::from_secs(60),
        resolvers: Vec::new(),
        dial_timeout: None,
        ipv4: true,
        ipv6: false,
    };
    let mut spec = spec(0, LoadBalancingPolicy::First);
    spec.dynamic = Some(DynamicUpstreams::Multi(vec![
        DynamicUpstreams::Srv(srv),
        DynamicUpstreams::A(a),
    ]));
    let route = compile(&spec);
    let asked = |fixture: &Fixture| -> Vec<Question> {
        route
            .lookups(&fixture.head, &fixture.connection, &fixture.exchange)
            .into_iter()
            .map(|lookup| lookup.question)
            .collect()
    };
    let services = Question::Services {
        name: "_http._tcp.x.example".to_owned(),
    };
    let addresses = Question::Addresses {
        name: "x.example".to_owned(),
        port: 81,
        ipv4: true,
        ipv6: false,
    };
    let zone = || Fixture::get("/").with("x-zone", "x.example");
    assert_eq!(
        asked(&zone().with("x-port", "81")),
        [services.clone(), addresses]
    );
    assert_eq!(asked(&zone()), [services]);
}

#[test]
fn a_cookie_brings_a_client_back() {
    let policy = LoadBalancingPolicy::Cookie {
        name: "lb".to_owned(),
        secret: Secret::new("s", SecretOrigin::Literal),
        max_age: None,
        fallback: Box::new(LoadBalancingPolicy::RoundRobin),
    };
    let route = compile(&spec(3, policy));
    let now = Instant::now();
    let mut first = Fixture::get("/");
    let index = select(&route, &mut first, &[], now).unwrap().index();
    let mut answer = HeaderMap::new();
    let finish =
        first
            .exchange
            .finish_response(&first.head, &first.connection, &mut 200, None, &mut answer);
    assert_eq!(finish, Finish::Send { encoding: None });
    let line = answer["set-cookie"].to_str().unwrap();
    let (pair, _) = line.split_once(';').unwrap();
    for _ in 0..4 {
        let mut again = Fixture::get("/").with("cookie", pair);
        let lease = select(&route, &mut again, &[], now).unwrap();
        assert_eq!(lease.index(), index);
    }
    route.fixed()[index].note_probe(false, 1, 1);
    let mut moved = Fixture::get("/").with("cookie", pair);
    assert_ne!(select(&route, &mut moved, &[], now).unwrap().index(), index);
}

#[test]
fn bad_policies_are_reported() {
    for policy in [
        LoadBalancingPolicy::WeightedRoundRobin(vec![1]),
        LoadBalancingPolicy::WeightedRoundRobin(vec![0, 0]),
        by_header("a b"),
    ] {
        let spec = spec(2, policy.clone());
        assert!(
            compiled(|compiler| drop(ProxyRoute::compile(&spec, compiler))).is_err(),
            "{policy:?}"
        );
    }
}

fn any_policy() -> impl Strategy<Value = LoadBalancingPolicy> {
    prop_oneof![
        Just(LoadBalancingPolicy::Random),
        Just(LoadBalancingPolicy::RoundRobin),
        Just(LoadBalancingPolicy::WeightedRoundRobin(vec![3, 1, 2, 5])),
        Just(LoadBalancingPolicy::LeastConn),
        Just(LoadBalancingPolicy::First),
        Just(LoadBalancingPolicy::IpHash),
        Just(LoadBalancingPolicy::ClientIpHash),
        Just(LoadBalancingPolicy::RandomChoose(2)),
        Just(LoadBalancingPolicy::UriHash),
        Just(by_header("x-user")),
    ]
}

proptest! {
    #[test]
    fn never_an_unavailable_upstream(
        policy in any_policy(),
        failed in proptest::collection::vec(any::<bool>(), 4),
        busy in proptest::collection::vec(any::<bool>(), 4),
        tried in proptest::collection::vec(0_usize..4, 0..4),
        user in "[a-z]{0,3}",
    ) {
        let mut spec = spec(4, policy);
        spec.passive_health.max_requests = Some(1);
        let route = compile(&spec);
        let now = Instant::now();
        for at in 0..4 {
            if failed[at] {
                route.fixed()[at].state().note_failure(now);
            }
            if busy[at] {
                prop_assert!(route.fixed()[at].state().acquire(None));
            }
        }
        let mut fixture = Fixture::get("/").with("x-user", &user);
        let free: Vec<usize> = (0..4).filter(|at| !failed[*at] && !busy[*at]).collect();
        match select(&route, &mut fixture, &tried, now) {
            Some(lease) => {
                prop_assert!(free.contains(&lease.index()));
                let fresh = free.iter().any(|at| !tried.contains(at));
                prop_assert!(!fresh || !tried.contains(&lease.index()));
                prop_assert_eq!(route.fixed()[lease.index()].state().in_flight(), 1);
            }
            None => prop_assert!(free.is_empty()),
        }
    }
}
