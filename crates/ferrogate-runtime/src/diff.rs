//! What changes from one configuration to another, in words.

use ferrogate_config::model::Config;
use serde_json::Value;

/// Differences that are told; what comes after them is counted.
const MOST: usize = 100;

/// What changes, by its place in the resolved model. Secrets that changed are not told.
pub(crate) fn between(old: &Config, new: &Config) -> Vec<String> {
    let json = |config| serde_json::to_value(config).unwrap_or_default();
    let mut found = Vec::new();
    walk("", &json(old), &json(new), &mut found);
    if found.len() > MOST {
        let more = found.len() - MOST;
        found.truncate(MOST);
        found.push(format!("and {more} more"));
    }
    found
}

/// Settings that only a new process takes, among those that change: sockets and how they are served, and what was opened
/// at the start.
pub(crate) fn fixed(old: &Config, new: &Config) -> Vec<String> {
    let json = |config| serde_json::to_value(config).unwrap_or_default();
    let (old, new) = (json(old), json(new));
    let mut found = Vec::new();
    for member in ["listeners", "global"] {
        walk(member, &old[member], &new[member], &mut found);
    }
    // Which hosts a listener serves is a matter of its sites, and what is read anew for every configuration is free.
    let free = |place: &String| {
        place.contains(".hosts") || FREE.iter().any(|free| place.starts_with(free))
    };
    found.retain(|place| !free(place));
    // What is known of issuers of tokens outlives a configuration.
    let issuers = |config: &Value| -> Value {
        let gateways = config["ai_gateways"].as_array().into_iter().flatten();
        let issuers = gateways.filter_map(|gateway| gateway["jwt"].as_array());
        issuers.flatten().cloned().collect()
    };
    walk(
        "ai_gateways[].jwt",
        &issuers(&old),
        &issuers(&new),
        &mut found,
    );
    let tls = |value: &Value| -> Vec<Value> {
        let sites = value["sites"].as_array().into_iter().flatten();
        sites.map(|site| site["tls"].clone()).collect()
    };
    if tls(&old) != tls(&new) {
        found.push("sites[].tls: changed".to_owned());
    }
    found
}

/// Settings of the process that a configuration in force takes anew.
const FREE: [&str; 1] = ["global.metrics"];

fn walk(place: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, old) in before {
                let place = join(place, name);
                match after.get(name) {
                    // Where it was written is no part of what it says.
                    _ if name == "origin" => {}
                    Some(new) => walk(&place, old, new, found),
                    None => found.push(format!("{place}: removed")),
                }
            }
            for name in after.keys().filter(|name| !before.contains_key(*name)) {
                found.push(format!("{}: added", join(place, name)));
            }
        }
        (Value::Array(before), Value::Array(after)) => list(place, before, after, found),
        _ => found.push(format!("{place}: changed")),
    }
}

/// A list: by the names of what is in it where all have one, else by number.
fn list(place: &str, before: &[Value], after: &[Value], found: &mut Vec<String>) {
    if let (Some(old_names), Some(new_names)) = (names(before), names(after)) {
        for (name, old) in old_names.iter().zip(before) {
            let place = format!("{place}[{name}]");
            match new_names.iter().position(|new| new == name) {
                Some(index) => walk(&place, old, &after[index], found),
                None => found.push(format!("{place}: removed")),
            }
        }
        for name in new_names.iter().filter(|name| !old_names.contains(name)) {
            found.push(format!("{place}[{name}]: added"));
        }
        return;
    }
    for (index, (old, new)) in before.iter().zip(after).enumerate() {
        walk(&format!("{place}[{index}]"), old, new, found);
    }
    for index in after.len()..before.len() {
        found.push(format!("{place}[{index}]: removed"));
    }
    for index in before.len()..after.len() {
        found.push(format!("{place}[{index}]: added"));
    }
}

fn names(list: &[Value]) -> Option<Vec<&str>> {
    list.iter().map(name).collect()
}

fn name(value: &Value) -> Option<&str> {
    ["id", "name", "address", "issuer"]
        .iter()
        .find_map(|member| value.get(member)?.as_str())
}

fn join(place: &str, name: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ferrogate_config::{LoadOptions, load_str};

    use super::*;

    fn config(text: &str) -> Config {
        let options = LoadOptions {
            env: &|_| None,
            format: None,
        };
        let loaded = load_str("Caddyfile", text, Path::new("."), &options);
        let report = loaded.report.render(false);
        loaded.config.unwrap_or_else(|| panic!("{report}"))
    }

    fn gateway(global: &str, port: u16, inside: &str) -> Config {
        config(&format!(
            "{{\n{global}\n}}\nhttp://:{port} {{\nai_gateway {{\nprovider p {{\nkind echo\n}}\n{inside}\n}}\n}}\n"
        ))
    }

    #[test]
    fn tells_what_changes_by_its_name() {
        let old = gateway("", 8080, "model a -> p\nmodel b -> p");
        let new = gateway(
            "",
            8080,
            "model b -> p {\ncontext_window 7\n}\nmodel c -> p",
        );
        let found = between(&old, &new);
        let has = |part: &str| found.iter().any(|line| line.contains(part));
        assert!(has("models[a]: removed"), "{found:?}");
        assert!(has("models[b].context_window: changed"), "{found:?}");
        assert!(has("models[c]: added"), "{found:?}");
        assert!(between(&old, &old).is_empty());
        assert!(fixed(&old, &new).is_empty());
    }

    #[test]
    fn knows_what_a_running_process_cannot_take() {
        let old = gateway("", 8080, "");
        assert!(!fixed(&old, &gateway("", 8081, "")).is_empty());
        let found = fixed(&old, &gateway("workers 3", 8080, ""));
        assert_eq!(found, ["global.workers: changed"]);
        let jwt = |audience: &str| {
            let issuer = format!("jwks https://id/jwks\naudience {audience}\nscopes *");
            gateway("", 8080, &format!("jwt https://id {{\n{issuer}\n}}"))
        };
        assert!(fixed(&jwt("a"), &jwt("a")).is_empty());
        assert_eq!(
            fixed(&jwt("a"), &jwt("b")),
            ["ai_gateways[].jwt[https://id].audience[0]: changed"]
        );
        assert_eq!(
            fixed(&old, &jwt("a")),
            ["ai_gateways[].jwt[https://id]: added"]
        );
    }
}
