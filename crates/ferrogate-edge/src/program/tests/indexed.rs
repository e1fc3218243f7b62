//! The look-up by path gives what trying every route gives.

use proptest::prelude::*;

use super::*;

/// A path, or a pattern that cannot be looked up, or another condition beside it.
fn any_matchers() -> impl Strategy<Value = Vec<Matcher>> {
    let pattern = prop_oneof![
        8 => "(/[ab]){1,3}\\*?",
        1 => "(/[ab]){1,2}/\\*/a",
        1 => "/a//\\*?",
        1 => Just("*".to_owned()),
    ];
    let patterns = proptest::collection::vec(pattern, 1..3);
    (patterns, 0..12).prop_map(|(patterns, other)| {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let mut matchers = path(&patterns);
        match other {
            0 => matchers.clear(),
            1 => matchers.push(Matcher::Method(vec!["PUT".to_owned()])),
            2 => matchers.insert(0, Matcher::Method(vec!["GET".to_owned()])),
            _ => {}
        }
        matchers
    })
}

fn any_route(depth: u32) -> BoxedStrategy<Route> {
    let tag = route(
        "request_header",
        &[],
        Handler::RequestHeader(vec![HeaderOp::Add {
            field: "X-Ran".into(),
            value: "{path}".into(),
        }]),
    )
    .handler;
    let rewrite = "(/[ab]){1,3}".prop_map(|to| Handler::Rewrite {
        to: to.as_str().into(),
    });
    let simple = prop_oneof![
        6 => Just(tag),
        2 => rewrite,
        1 => Just(respond("end").handler),
    ];
    let handler = if depth == 0 {
        simple.boxed()
    } else {
        let inner = proptest::collection::vec(any_route(depth - 1), 0..4);
        let block = (inner, any::<bool>()).prop_map(|(routes, exclusive)| {
            if exclusive {
                Handler::Handle(routes)
            } else {
                Handler::Route(routes)
            }
        });
        prop_oneof![2 => simple, 3 => block].boxed()
    };
    (any_matchers(), handler)
        .prop_map(|(matchers, handler)| route("any", &matchers, handler))
        .boxed()
}

/// What a request becomes, and what it gets.
fn outcome_of(program: &Program, target: &str, explained: bool) -> (String, String, Vec<String>) {
    let mut fixture = Fixture::get(target);
    let mut cursor = program.start();
    let verdict = if explained {
        let (head, exchange) = (&mut fixture.head, &mut fixture.exchange);
        program
            .explain(&mut cursor, head, &fixture.connection, exchange, &|_, _| {
                false
            })
            .0
    } else {
        fixture.go_on(program, &mut cursor)
    };
    let ran = fixture.head.headers.get_all("x-ran").iter();
    (
        format!("{verdict:?}"),
        fixture.target().to_owned(),
        ran.map(|line| line.to_str().unwrap().to_owned()).collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn looking_up_is_trying_every_route(
        routes in proptest::collection::vec(any_route(1), 16..80),
        target in "(/[abA]){0,4}/?",
    ) {
        let program = program(&routes).unwrap();
        prop_assert_eq!(
            outcome_of(&program, &target, false),
            outcome_of(&program, &target, true)
        );
    }
}

#[test]
fn long_lists_are_indexed() {
    let routes = |count| {
        let list = (0..count).map(|at| respond_if(&path(&[&format!("/{at}")]), "x"));
        program(&list.collect::<Vec<_>>()).unwrap().indexes.len()
    };
    assert_eq!((routes(15), routes(16)), (0, 1));
}
