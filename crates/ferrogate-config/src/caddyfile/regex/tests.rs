use ::regex::Regex;
use proptest::prelude::*;

use super::*;

fn check(source: &str, expected: &str) {
    let pattern = translate(source).unwrap();
    assert_eq!(pattern, expected, "{source}");
    compile(&pattern, LARGE).unwrap_or_else(|error| panic!("{pattern}: {error}"));
}

fn refuse(source: &str, part: &str) {
    let error = translate(source)
        .and_then(|pattern| compile(&pattern, LARGE).map_err(|error| describe(&error)))
        .unwrap_err();
    assert!(error.contains(part), "{source}: {error}");
}

#[test]
fn plain_expressions_stay_as_they_are() {
    for source in [
        r"^/api/v[0-9]+/(.*)$",
        "(?i)a|b",
        "(?P<x>a+?)",
        r"\.php\z",
        "a{2,5}b{3}c{1,}?",
        "(?:x)(?s-i:.)",
        "é+",
    ] {
        check(source, source);
    }
}

#[test]
fn letters_change() {
    check(r"\d+\W", "[0-9]+[^0-9A-Za-z_]");
    check(r"\bx\B", r"(?-u:\b)x(?-u:\B)");
    check(r"[\w.-]", r"[[0-9A-Za-z_]\.\-]");
    check(r"\pN\p{^Greek}\P{L}", r"\p{N}\P{Greek}\P{L}");
    check(r"\Qa.b\E.\Q[", r"a\.b.\[");
    check("(?<year>x)", "(?P<year>x)");
    check("{foo}", r"\{foo\}");
    check("a{,5}", r"a\{,5\}");
    check(r"\<\/\_", "</_");
    check(r"\x41\x{42}\103\0", "ABC\0");
    check("[]a]", r"[\]a]");
    check("[a&&b[~~]", r"[a\&\&b\[\~\~]");
    check("[+--]", r"[\+-\-]");
    check("[[:alpha:][:^digit:]]", "[[:alpha:][:^digit:]]");
}

#[test]
fn what_the_dialect_does_not_know_is_refused() {
    for (source, part) in [
        ("(?=x)", "look-around"),
        ("(?<!x)", "look-around"),
        (r"(a)\1", "references"),
        (r"x\Z", "means nothing"),
        ("a++", "repeated"),
        ("a**", "repeated"),
        ("a{2}{3}", "repeated"),
        ("a{1001}", "1000"),
        ("(?x)a", "flag"),
        ("(?>a)", "flag"),
        ("[z-a]", "wrong way"),
        ("[a", "not closed"),
        ("[[:nope:]]", "no class"),
        (r"\p{Klingon}", "property"),
        ("(a", "unclosed"),
        ("\\", "ends with"),
    ] {
        refuse(source, part);
    }
}

#[test]
fn letters_are_ascii() {
    for (source, text, expected) in [
        (r"^\d$", "٣", false),
        (r"^\w$", "é", false),
        (r"^\s$", "\u{b}", false),
        (r"^\S$", "é", true),
        (r"\bx", "éx", true),
        (r"^\p{L}$", "é", true),
        (r"^[^\d]$", "٣", true),
    ] {
        let regex = Regex::new(&translate(source).unwrap()).unwrap();
        assert_eq!(regex.is_match(text), expected, "{source} on {text:?}");
    }
}

proptest! {
    #[test]
    fn quoted_text_finds_itself(text in "[^\\\\]{0,40}", around in ".{0,10}") {
        let pattern = translate(&format!(r"\Q{text}\E")).unwrap();
        let found = Regex::new(&pattern).unwrap();
        prop_assert!(found.is_match(&format!("{around}{text}{around}")), "{pattern}");
    }

    #[test]
    fn classes_hold_what_is_written_in_them(chars in "[!-~]{1,12}", other in "[a-z]") {
        let inside = chars.replace(['\\', '-', '[', ']', '^'], "");
        prop_assume!(!inside.is_empty());
        let regex = Regex::new(&translate(&format!("^[{inside}]$")).unwrap()).unwrap();
        for c in inside.chars() {
            prop_assert!(regex.is_match(&c.to_string()), "{c} in {inside}");
        }
        prop_assert_eq!(regex.is_match(&other), inside.contains(&other));
    }

    #[test]
    fn nothing_panics(source in r"([(){}\[\]?*+^$.|\\a-z0-9:<>=!,-]|\\p|\(\?|\\Q){0,20}") {
        if let Ok(pattern) = translate(&source) {
            // What is left to refuse is refused by the crate, and its message has a last line.
            if let Err(error) = compile(&pattern, SMALL) {
                prop_assert!(!describe(&error).is_empty());
            }
        }
    }
}
