use super::*;

fn check(filter: &Filter, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let changed = filter.change(Field::from(*text));
        assert_eq!(changed, Field::from(*expected), "{filter:?} of {text}");
    }
}

fn named(rules: &[(&str, NamedAction)]) -> Vec<NamedFilter> {
    let filters = rules.iter().map(|(name, action)| NamedFilter {
        name: (*name).to_owned(),
        action: action.clone(),
    });
    filters.collect()
}

#[test]
fn addresses_lose_their_end() {
    let mask = Filter::IpMask {
        ipv4: Some(16),
        ipv6: Some(32),
    };
    check(
        &mask,
        &[
            ("127.1.2.3", "127.1.0.0"),
            ("2001:db8:1::1", "2001:db8::"),
            ("10.1.2.3:80", "10.1.0.0:80"),
            ("10.1.2.3, 10.4.5.6", "10.1.0.0, 10.4.0.0"),
            ("no address", "no address"),
            ("", ""),
        ],
    );
    let only = Filter::IpMask {
        ipv4: Some(0),
        ipv6: None,
    };
    check(&only, &[("127.1.2.3", "0.0.0.0"), ("::1", "::1")]);
}

#[test]
fn parameters_are_changed() {
    let filter = Filter::Query(named(&[
        ("a", NamedAction::Delete),
        ("b", NamedAction::Replace("X Y".to_owned())),
        ("c", NamedAction::Hash),
    ]));
    check(
        &filter,
        &[
            ("/x", "/x"),
            ("/x?a=1", "/x"),
            ("/x?a=1&b=2&d=%20&a=3", "/x?b=X%20Y&d=%20"),
            ("/x?c=3", "/x?c=4e074085"),
            ("/x?%63=3", "/x?%63=4e074085"),
        ],
    );
}

#[test]
fn cookies_are_changed() {
    let filter = Filter::Cookie(named(&[
        ("a", NamedAction::Delete),
        ("b", NamedAction::Replace("X".to_owned())),
        ("c", NamedAction::Hash),
    ]));
    check(
        &filter,
        &[("a=1; b=2; c=3; d=4", "b=X; c=4e074085; d=4"), ("a=1", "")],
    );
}

#[test]
fn text_is_replaced() {
    let rules = [("(a+)b", "<$1>"), ("x", "y")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    check(
        &Filter::regexp(&rules).unwrap(),
        &[("aabx", "<aa>y"), ("c", "c")],
    );
    check(&Filter::Hash, &[("3", "4e074085"), ("", "e3b0c442")]);
    assert!(Filter::regexp(&[("(".to_owned(), String::new())]).is_err());
}

#[test]
fn numbers_stay_unless_they_are_replaced() {
    assert_eq!(
        Filter::Hash.change(Field::Unsigned(200)),
        Field::Unsigned(200)
    );
    let replaced = Filter::Replace("x".to_owned()).change(Field::Unsigned(200));
    assert_eq!(replaced, Field::from("x"));
    let list = Field::List(vec!["3".into(), "3".into()]);
    assert_eq!(
        Filter::Hash.change(list),
        Field::List(vec!["4e074085".into(), "4e074085".into()])
    );
}
