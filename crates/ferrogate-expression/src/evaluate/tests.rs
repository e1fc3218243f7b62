//! Tests of whole expressions.

use proptest::prelude::*;

use super::*;
use crate::{ExpressionError, check_expression};

/// Evaluates with a few placeholders; matchers hold in turn: the first does, the second does not.
fn evaluate(source: &str, asked: &mut Vec<String>) -> Result<bool, String> {
    let expression = Expression::parse(source).map_err(|error| error.to_string())?;
    let result = expression.evaluate(&mut |slot| {
        Ok(match slot {
            Slot::Placeholder(at) => {
                let name = expression.placeholders()[at].as_str();
                asked.push(name.to_owned());
                match name {
                    "method" => Value::Text("GET".to_owned()),
                    "err.status_code" => Value::Integer(404),
                    "ratio" => Value::Float(0.5),
                    "on" => Value::Bool(true),
                    "broken" => return Err("broken"),
                    _ => Value::Null,
                }
            }
            Slot::Matcher(at) => {
                asked.push(format!("matcher {at}"));
                Value::Bool(at % 2 == 0)
            }
        })
    });
    result.map_err(|error| match error {
        EvaluationError::Slot(error) => error.to_owned(),
        EvaluationError::Type(error) => error,
    })
}

fn check(source: &str, expected: bool) {
    assert_eq!(evaluate(source, &mut Vec::new()), Ok(expected), "{source}");
}

#[test]
fn values_have_types() {
    for (source, expected) in [
        ("true", true),
        ("{method} == 'GET'", true),
        ("{method} in ['POST', 'PUT']", false),
        ("{err.status_code} >= 400 && {err.status_code} < 500", true),
        ("{ratio} < 1.0", true),
        ("{on} && !false", true),
        ("{none} == null", true),
        ("{none} == ''", false),
        ("'{method}' == '{' + 'method}'", true),
        ("{method}.startsWith('G') && {method}.endsWith('T')", true),
        ("{method}.contains('E') || false", true),
        ("{method}.lowerAscii() == 'get'", true),
        ("size({method}) == 3 && {method}.size() == 3", true),
        ("{method}.matches('^G.T$')", true),
        ("matches({method}, '^g')", false),
        ("['a', 'b'].exists(x, x == 'b')", true),
        ("['a', 'b'].all(x, x == 'b')", false),
        ("{err.status_code} == 404 ? {on} : false", true),
        ("{'a': 1}['a'] == 1", true),
        ("string({err.status_code}) == '404' && int('7') == 7", true),
    ] {
        check(source, expected);
    }
}

#[test]
fn only_what_is_needed_is_asked_for_and_once() {
    let mut asked = Vec::new();
    let source = "path('/a*') || method('GET') || {broken} == 1";
    assert_eq!(evaluate(source, &mut asked), Ok(true));
    assert_eq!(asked, ["matcher 0"]);
    asked.clear();
    let source = "path('/a') && {method} == 'GET' && {method} != 'PUT' && !host('b')";
    assert_eq!(evaluate(source, &mut asked), Ok(true));
    assert_eq!(asked, ["matcher 0", "method", "matcher 1"]);
}

#[test]
fn failures_are_reported() {
    for (source, expected) in [
        ("{broken} == 1", "broken"),
        ("{method}", "the expression gave string, not true or false"),
        (
            "{method} > 1",
            "found no matching overload for '_>_' applied to '(string, int)'",
        ),
    ] {
        let found = evaluate(source, &mut Vec::new());
        assert_eq!(found, Err(expected.to_owned()), "{source}");
    }
}

#[test]
fn every_matcher_can_be_called() {
    for call in [
        "path('/a*', '/b')",
        "path(['/a', '/b'])",
        "path_regexp('^/a')",
        "path_regexp('name', '^/a')",
        "host('a.example')",
        "method('get')",
        "query({'a': '1', 'b': ['2', '3']})",
        "query({'a': ['*']})",
        "header({'X-A': 'y*', 'x-b': []})",
        "header_regexp('X-A', '^y')",
        "header_regexp('name', 'X-A', '^y')",
        "remote_ip('10.0.0.0/8', '::1')",
        "client_ip('private_ranges')",
        "protocol('http/1.1+')",
        "vars({'a': 'b', '{method}': ['c']})",
        "vars_regexp('a', 'b')",
        "vars_regexp('name', '{method}', 'b')",
        "file()",
        "file('/a')",
        "file({'root': '/srv', 'try_files': ['{path}'], 'try_policy': 'largest_size', 'split_path': ['.php']})",
    ] {
        check(call, true);
    }
}

#[test]
fn mistakes_are_found_at_load() {
    for (source, expected) in [
        ("", "the expression is empty"),
        (
            "size('a')",
            "the expression gives a number, not true or false",
        ),
        (
            "1 + 1",
            "the expression gives a number or text, not true or false",
        ),
        ("'a'", "the expression gives a text, not true or false"),
        ("foo('a')", "`foo` is not a function of expressions"),
        ("'a'.foo()", "`foo` is not a function of expressions"),
        (
            "method == 'GET'",
            "`method` is not defined; write placeholders in braces and texts in quotes",
        ),
        ("path()", "`path` needs an argument"),
        (
            "path({path})",
            "`path` takes only texts that are written out",
        ),
        (
            "path_regexp('(')",
            "`path_regexp` has an invalid expression `(`",
        ),
        (
            "'a'.matches('(')",
            "`matches` has an invalid expression `(`",
        ),
        (
            "'a'.matches({path})",
            "`matches` needs its expression written out",
        ),
        (
            "remote_ip('nope')",
            "`remote_ip` has `nope`, which is no address or range",
        ),
        (
            "protocol('spdy')",
            "`protocol` has `spdy`, which is no protocol",
        ),
        (
            "header('a')",
            "`header` takes a map of texts, like {'key': ['value']}",
        ),
        (
            "expression('true')",
            "`expression` cannot be called in an expression",
        ),
        (
            "[1].exists(x, [2].exists(y, x == y))",
            "loops inside loops are not supported in expressions",
        ),
        (
            "'a'.replace('a', 'b') == 'b'",
            "`replace` is not a function of expressions",
        ),
    ] {
        assert_eq!(
            check_expression(source),
            Err(expected.to_owned()),
            "{source}"
        );
    }
    for broken in ["{method} ==", "(true", "true)", "a b", "true &&& false"] {
        assert!(
            matches!(Expression::parse(broken), Err(ExpressionError::Syntax(_))),
            "{broken}"
        );
    }
}

#[test]
fn nothing_runs_deep_or_long() {
    let chains = [
        "true && ".repeat(900) + "true",
        "1 + ".repeat(1900) + "1 == 1",
        "true ? ".repeat(500) + "true" + &" : true".repeat(500),
        "[".repeat(5000),
        "{'a':".repeat(1600),
        "!(".repeat(3000),
        "a.".repeat(4000) + "b",
        "a".to_owned() + &"[0]".repeat(2500),
        "'a'".to_owned() + &".trim()".repeat(1100) + " == 'a'",
    ];
    for source in chains {
        let started = std::time::Instant::now();
        // Held or refused, but not for long.
        if let Ok(expression) = Expression::parse(&source) {
            assert!(
                expression
                    .evaluate(&mut |_| Ok::<_, ()>(Value::Null))
                    .is_ok()
            );
        }
        assert!(started.elapsed().as_secs() < 5, "{} bytes", source.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn never_panics(source in "([ !&|?:+<=.,()\\[\\]{}'\"a1-]|\\{path\\}|path|matches|true|in ){0,24}") {
        if let Ok(expression) = Expression::parse(&source) {
            let held = expression.evaluate(&mut |_| Ok::<_, ()>(Value::Null));
            prop_assert!(!matches!(held, Err(EvaluationError::Slot(()))));
        }
    }
}
