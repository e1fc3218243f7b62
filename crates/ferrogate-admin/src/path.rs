//! The paths of the admin API.

use http::Method;

/// Where the admin API stands.
pub(crate) const PREFIX: &str = "/admin/v1/";
/// Where it stands for clients of Ferro Labs.
const OTHER_PREFIX: &str = "/admin/";

/// Every resource: its name, and what the audit trail calls it.
const RESOURCES: &[(&str, &str)] = &[
    ("api-keys", "key"),
    ("audit-events", "audit"),
    ("billing-events", "billing_event"),
    ("budgets", "budget"),
    ("catalog", "catalog"),
    ("certificates", "certificate"),
    ("config", "config"),
    ("dashboard", "dashboard"),
    ("drain", "drain"),
    ("guardrails", "guardrail"),
    ("health", "health"),
    ("mcp-servers", "mcp_server"),
    ("models", "model"),
    ("openapi.json", "openapi"),
    ("policies", "policy"),
    ("provider-health", "provider_health"),
    ("providers", "provider"),
    ("request-logs", "request_log"),
    ("session", "session"),
    ("sessions", "session"),
    ("status", "status"),
    ("tenants", "tenant"),
    ("usage-aggregates", "usage"),
    ("version", "version"),
];

/// Other names of resources.
const ALIASES: &[(&str, &str)] = &[
    ("audit", "audit-events"),
    ("keys", "api-keys"),
    ("logs", "request-logs"),
    ("plugins", "guardrails"),
];

/// The canonical form of a path, when it is one of the admin API.
pub(crate) fn canonical(path: &str) -> Option<String> {
    let rest = match path.strip_prefix(PREFIX) {
        Some(rest) => rest,
        None => path.strip_prefix(OTHER_PREFIX)?,
    };
    let (resource, tail) = match rest.split_once('/') {
        Some((resource, tail)) => (resource, Some(tail)),
        None => (rest, None),
    };
    let named = |&&(alias, _): &&(&str, &str)| alias == resource;
    let resource = ALIASES
        .iter()
        .find(named)
        .map_or(resource, |(_, name)| name);
    let versioned = path.starts_with(PREFIX);
    let known = RESOURCES.iter().any(|(name, _)| *name == resource);
    // What is versioned is ours whatever it is; beside it, a site may have pages of its own.
    (versioned || known).then(|| match tail {
        Some(tail) => format!("{PREFIX}{resource}/{tail}"),
        None => format!("{PREFIX}{resource}"),
    })
}

/// What the audit trail calls a change, and what it is done to. `path` is canonical.
pub(crate) fn action(method: &Method, path: &str) -> (String, Option<String>) {
    let rest = path.strip_prefix(PREFIX).unwrap_or_default();
    let mut segments = rest.split('/');
    let resource = segments.next().unwrap_or_default();
    let word = RESOURCES
        .iter()
        .find(|(name, _)| *name == resource)
        .map_or("unknown", |(_, word)| word);
    let (first, second) = (segments.next(), segments.next());
    let (target, verb) = match (resource, first, second) {
        ("config", Some("rollback"), version) => (version, Some("rollback")),
        ("config", verb, _) => (None, verb),
        (_, target, verb) => (target, verb),
    };
    let verb = verb.unwrap_or(match (method, resource) {
        (&Method::DELETE, "drain") => "end",
        (&Method::POST, "drain") => "begin",
        (&Method::DELETE, _) => "delete",
        (&Method::POST, _) => "create",
        _ => "update",
    });
    let clean = |text: &str| text.chars().take(256).collect::<String>();
    (clean(&format!("{word}.{verb}")), target.map(clean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_one_path() {
        for (path, expected) in [
            ("/admin/v1/api-keys", Some("/admin/v1/api-keys")),
            ("/admin/v1/keys/a%20b", Some("/admin/v1/api-keys/a%20b")),
            ("/admin/keys/a/revoke", Some("/admin/v1/api-keys/a/revoke")),
            ("/admin/logs/stats", Some("/admin/v1/request-logs/stats")),
            ("/admin/audit", Some("/admin/v1/audit-events")),
            (
                "/admin/plugins/catalog",
                Some("/admin/v1/guardrails/catalog"),
            ),
            ("/admin/v1/nothing", Some("/admin/v1/nothing")),
            ("/admin/config", Some("/admin/v1/config")),
            ("/admin/nothing", None),
            ("/admin", None),
            ("/admin/", None),
            ("/admin/v1", None),
            ("/administer/keys", None),
            ("/v1/models", None),
        ] {
            assert_eq!(canonical(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn changes_have_names() {
        for (method, path, action_name, target) in [
            (Method::POST, "api-keys", "key.create", None),
            (Method::PATCH, "api-keys/a", "key.update", Some("a")),
            (Method::DELETE, "api-keys/a", "key.delete", Some("a")),
            (Method::POST, "api-keys/a/rotate", "key.rotate", Some("a")),
            (Method::PUT, "config", "config.update", None),
            (Method::POST, "config/reload", "config.reload", None),
            (
                Method::POST,
                "config/rollback/3",
                "config.rollback",
                Some("3"),
            ),
            (Method::POST, "drain", "drain.begin", None),
            (Method::DELETE, "drain", "drain.end", None),
            (Method::DELETE, "session", "session.delete", None),
            (
                Method::POST,
                "billing-events/x/settle",
                "billing_event.settle",
                Some("x"),
            ),
            (Method::POST, "nothing", "unknown.create", None),
        ] {
            let (found, on) = action(&method, &format!("{PREFIX}{path}"));
            assert_eq!(
                (found.as_str(), on.as_deref()),
                (action_name, target),
                "{path}"
            );
        }
    }
}
