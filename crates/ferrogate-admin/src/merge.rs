//! Partial changes of JSON.

use serde_json::Value;

/// Applies a merge patch (RFC 7396): objects member by member, `null` takes away, anything else replaces.
pub(crate) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(members) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// What an audit row says of a change: the names of the members that differ. Their values stay out of it.
pub(crate) fn changed(before: &Value, after: &Value) -> Value {
    let names = [before, after].into_iter().filter_map(Value::as_object);
    let mut names: Vec<&String> = names.flat_map(serde_json::Map::keys).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| before.get(name) != after.get(name));
    serde_json::json!({ "changed": names })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_what_changed() {
        let before = json!({"a": 1, "b": [1], "c": null, "d": 1});
        let after = json!({"a": 1, "b": [2], "c": null, "e": 1});
        assert_eq!(
            changed(&before, &after),
            json!({"changed": ["b", "d", "e"]})
        );
    }

    #[test]
    fn merges_as_the_rfc_says() {
        for (mut target, patch, expected) in [
            (json!({"a": 1}), json!({"a": 2}), json!({"a": 2})),
            (json!({"a": 1}), json!({"b": 2}), json!({"a": 1, "b": 2})),
            (json!({"a": 1}), json!({"a": null}), json!({})),
            (
                json!({"a": [1]}),
                json!({"a": [2, 3]}),
                json!({"a": [2, 3]}),
            ),
            (
                json!({"a": {"b": 1, "c": 2}}),
                json!({"a": {"b": null}}),
                json!({"a": {"c": 2}}),
            ),
            (
                json!({"a": 1}),
                json!({"a": {"b": {"c": null}}}),
                json!({"a": {"b": {}}}),
            ),
            (json!(1), json!({"a": 1}), json!({"a": 1})),
        ] {
            merge(&mut target, patch);
            assert_eq!(target, expected);
        }
    }
}
