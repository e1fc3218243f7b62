//! An expression, however broken: refused in words or evaluated in no time, and nothing is asked for twice.

#![no_main]

use std::collections::HashSet;

use ferrogate_expression::{Expression, Slot, Value, check_expression};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parsed = Expression::parse(text);
    assert_eq!(parsed.is_ok(), check_expression(text).is_ok());
    let Ok(expression) = parsed else {
        return;
    };
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::Integer(i64::MIN),
        Value::Float(-0.5),
        Value::Text("/a b?\u{e9}".repeat(20)),
        Value::Text("-1".to_owned()),
    ];
    for value in values {
        let mut asked = HashSet::new();
        let mut ask = |slot: Slot| -> Result<Value, ()> {
            Ok(match slot {
                Slot::Placeholder(number) => {
                    assert!(number < expression.placeholders().len());
                    assert!(asked.insert((true, number)), "asked again for {slot:?}");
                    value.clone()
                }
                Slot::Matcher(number) => {
                    assert!(number < expression.matchers().len());
                    assert!(asked.insert((false, number)), "asked again for {slot:?}");
                    Value::Bool(number % 2 == 0)
                }
            })
        };
        let first = expression.evaluate(&mut ask).ok();
        let mut again = |slot: Slot| -> Result<Value, ()> {
            Ok(match slot {
                Slot::Placeholder(_) => value.clone(),
                Slot::Matcher(number) => Value::Bool(number % 2 == 0),
            })
        };
        assert_eq!(expression.evaluate(&mut again).ok(), first);
    }
});
