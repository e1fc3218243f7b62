//! Every resource with its verbs: the help, the completion and the calls are made of this table.

use super::verb::{Does, Flag, Gives, Resource, Takes, Verb};

const SOURCE: Flag = Flag::of("source", "Only those written in: file, api");
const SINCE: Flag = Flag::of("since", "Not before this, in RFC 3339");
const UNTIL: Flag = Flag::of("until", "Before this, in RFC 3339");
const KEY: Flag = Flag::of("key", "Only of this key; `none` for calls without one");
const TENANT: Flag = Flag::of("tenant", "Only of this tenant, and of those below it");
const MODEL: Flag = Flag::of("model", "Only of this model");
const PROVIDER: Flag = Flag::of("provider", "Only of this provider");
const SEARCH: Flag = Flag::of("q", "Only with this text in them");

const CALLS: &[Flag] = &[
    MODEL,
    PROVIDER,
    KEY,
    TENANT,
    Flag::of("user", "Only of this user"),
    Flag::of("session", "Only of this session"),
    Flag::of("surface", "Only of this surface, such as chat"),
    Flag::of("status", "Only with this status: 429, 5xx, 400-499"),
    Flag::of("stage", "Only of this stage: all, after_request, on_error"),
    SINCE,
    UNTIL,
    SEARCH,
];

const DELETED_CALLS: &[Flag] = &[
    Flag::of("before", "Those before this, in RFC 3339").required(),
    MODEL,
    PROVIDER,
    KEY,
    TENANT,
    Flag::of("status", "Only with this status: 429, 5xx, 400-499"),
];

const COUNTED_CALLS: &[Flag] = &[
    MODEL,
    PROVIDER,
    KEY,
    TENANT,
    SINCE,
    UNTIL,
    Flag::of("buckets", "Into how many spans the time is cut"),
];

const CALL: &[&str] = &[
    "occurred_at",
    "status",
    "model",
    "provider",
    "key",
    "tenant",
    "duration_ms",
    "input_tokens",
    "output_tokens",
    "cost",
    "request_id",
];

const BUDGET: &[&str] = &[
    "id",
    "scope",
    "unit",
    "period",
    "limit",
    "spent",
    "reserved",
    "left",
    "resets_at",
    "source",
];

/// The resources, in the order of the help.
pub(crate) const RESOURCES: &[Resource] = &[
    Resource {
        name: "keys",
        about: "Keys of callers",
        verbs: &[
            Verb::list(
                "api-keys",
                &[
                    TENANT,
                    SOURCE,
                    Flag::of("active", "Only those that are valid: true, false"),
                    SEARCH,
                ],
                &[
                    "id",
                    "name",
                    "status",
                    "tenant",
                    "scopes",
                    "expires",
                    "last_used_at",
                    "usage_count",
                    "source",
                ],
            ),
            Verb::get("api-keys/{}"),
            Verb::create("api-keys").named("create", "Make one; its secret is shown this once"),
            Verb::update("api-keys/{}"),
            Verb::delete("api-keys/{}"),
            Verb::new(
                "revoke",
                Does::Post,
                "api-keys/{}/revoke",
                "End one for good, and keep it in the records",
            ),
            Verb::new(
                "rotate",
                Does::Post,
                "api-keys/{}/rotate",
                "Give one a new secret, which is shown this once",
            )
            .members(&[Flag::of(
                "grace",
                "How long the old secret is taken still, such as 24h",
            )]),
            Verb::new(
                "usage",
                Does::Read,
                "api-keys/{}/usage",
                "Show what is left of the budgets of one",
            ),
            Verb::list(
                "api-keys/usage",
                &[
                    Flag::of("sort", "By what, such as last_used"),
                    Flag::of("active", "Only those that are valid: true, false"),
                    Flag::of("since", "Only those used since this, in RFC 3339"),
                ],
                &[
                    "id",
                    "name",
                    "status",
                    "tenant",
                    "last_used_at",
                    "usage_count",
                ],
            )
            .named("used", "List them by their use"),
        ],
    },
    Resource {
        name: "tenants",
        about: "Tenants, with the limits of their keys together",
        verbs: &[
            Verb::list(
                "tenants",
                &[Flag::of("parent", "Only those below this one"), SOURCE],
                &[
                    "id", "name", "kind", "parent", "disabled", "expires", "source",
                ],
            ),
            Verb::get("tenants/{}"),
            Verb::create("tenants"),
            Verb::update("tenants/{}"),
            Verb::delete("tenants/{}"),
        ],
    },
    Resource {
        name: "policies",
        about: "Rules on who may call what, and when",
        verbs: &[
            Verb::list(
                "policies",
                &[SOURCE],
                &[
                    "id",
                    "effect",
                    "tenants",
                    "keys",
                    "models",
                    "providers",
                    "hours",
                    "code",
                    "dry_run",
                    "source",
                ],
            ),
            Verb::get("policies/{}"),
            Verb::create("policies"),
            Verb::update("policies/{}"),
            Verb::delete("policies/{}"),
        ],
    },
    Resource {
        name: "budgets",
        about: "Budgets, and what is left of them",
        verbs: &[
            Verb::list(
                "budgets",
                &[
                    Flag::of("scope", "Only of: global, tenant:ID, key:ID"),
                    SOURCE,
                ],
                BUDGET,
            ),
            Verb::get("budgets/{}"),
            Verb::create("budgets"),
            Verb::update("budgets/{}"),
            Verb::delete("budgets/{}"),
            Verb::list(
                "budgets/{}/reservations",
                &[],
                &["id", "opened_at", "amount", "key", "model", "request_id"],
            )
            .named(
                "reservations",
                "List the calls under way that hold something of one",
            ),
        ],
    },
    Resource {
        name: "config",
        about: "The configuration in force, and those before it",
        verbs: &[
            Verb::new(
                "get",
                Does::Read,
                "config",
                "Print it, with secrets scrubbed",
            )
            .gives(Gives::Text),
            Verb::new(
                "put",
                Does::Put,
                "config",
                "Put a file in force, and keep it over restarts",
            )
            .takes(Takes::File)
            .gives(Gives::Change),
            Verb::new(
                "validate",
                Does::Post,
                "config/validate",
                "Have the gateway check a file, or its own",
            )
            .takes(Takes::FileOrOwn)
            .gives(Gives::Change),
            Verb::new(
                "diff",
                Does::Post,
                "config/diff",
                "Show what a file, or the gateway's own, would change",
            )
            .takes(Takes::FileOrOwn)
            .gives(Gives::Change),
            Verb::new(
                "reload",
                Does::Post,
                "config/reload",
                "Put a file in force, or have the gateway read its own again",
            )
            .takes(Takes::FileOrOwn)
            .gives(Gives::Change),
            Verb::list(
                "config/history",
                &[],
                &[
                    "version",
                    "updated_at",
                    "actor",
                    "format",
                    "active",
                    "rolled_back_from",
                    "checksum",
                ],
            )
            .named("history", "List those that were put in force"),
            Verb::new(
                "rollback",
                Does::Post,
                "config/rollback/{}",
                "Put one of the history in force again",
            )
            .id("VERSION")
            .gives(Gives::Change),
            Verb::new(
                "reset",
                Does::Delete,
                "config",
                "Go back to the gateway's own file",
            )
            .gives(Gives::Change),
            Verb::new(
                "explain",
                Does::Post,
                "config/explain",
                "Say what a request would meet: members method, url, key",
            )
            .takes(Takes::Members),
        ],
    },
    Resource {
        name: "logs",
        about: "Records of calls",
        verbs: &[
            Verb::list("request-logs", CALLS, CALL),
            Verb::get("request-logs/{}").named("get", "Show one, with why it went where it went"),
            Verb::new("stats", Does::Read, "request-logs/stats", "Sum them up")
                .filters(COUNTED_CALLS),
            Verb::new(
                "tail",
                Does::Read,
                "request-logs/tail",
                "Show them as they are written, until Ctrl-C",
            )
            .filters(CALLS)
            .gives(Gives::Events(CALL)),
            Verb::new("delete", Does::Delete, "request-logs", "Delete old ones")
                .filters(DELETED_CALLS),
        ],
    },
    Resource {
        name: "usage",
        about: "Tokens and money, summed",
        verbs: &[Verb::list(
            "usage-aggregates",
            &[
                Flag::named(
                    "group-by",
                    "group_by",
                    "By what: key, tenant, model, provider, day, hour; several with commas",
                ),
                KEY,
                TENANT,
                MODEL,
                PROVIDER,
                SINCE,
                UNTIL,
            ],
            &[
                "key",
                "tenant",
                "model",
                "provider",
                "day",
                "hour",
                "requests",
                "input_tokens",
                "output_tokens",
                "cost",
                "uncertain",
                "unpriced",
            ],
        )
        .named("", "")],
    },
    Resource {
        name: "billing",
        about: "What each call was charged",
        verbs: &[
            Verb::list(
                "billing-events",
                &[
                    KEY,
                    TENANT,
                    MODEL,
                    PROVIDER,
                    Flag::of(
                        "uncertain",
                        "Only those whose cost is not known yet: true, false",
                    ),
                    SINCE,
                    UNTIL,
                ],
                &[
                    "id",
                    "occurred_at",
                    "key",
                    "tenant",
                    "model",
                    "provider",
                    "input_tokens",
                    "output_tokens",
                    "cost",
                    "uncertain",
                ],
            ),
            Verb::new(
                "settle",
                Does::Post,
                "billing-events/{}/settle",
                "Say what an uncertain one really cost",
            )
            .takes(Takes::Members),
        ],
    },
    Resource {
        name: "audit",
        about: "Who changed what, and who was refused",
        verbs: &[
            Verb::list(
                "audit-events",
                &[
                    Flag::of("action", "Only this, such as key.delete"),
                    Flag::named("actor-id", "actor_id", "Only what this actor did"),
                    Flag::named("target-id", "target_id", "Only what was done to this"),
                    Flag::of("outcome", "Only what ended so: ok, denied, error"),
                    SINCE,
                    UNTIL,
                ],
                &[
                    "seq",
                    "occurred_at",
                    "action",
                    "actor_id",
                    "target_id",
                    "outcome",
                    "source_ip",
                ],
            ),
            Verb::new(
                "verify",
                Does::Read,
                "audit-events/verify",
                "Check every row against the one before; exit with 1 when one was changed",
            )
            .gives(Gives::Verdict("intact")),
        ],
    },
    Resource {
        name: "providers",
        about: "Providers of the running configuration",
        verbs: &[
            Verb::list(
                "providers",
                &[SEARCH],
                &[
                    "name",
                    "kind",
                    "status",
                    "breaker",
                    "enabled",
                    "credentials",
                    "base_url",
                ],
            ),
            Verb::get("providers/{}").id("NAME"),
            Verb::list(
                "provider-health",
                &[SEARCH],
                &["name", "kind", "status", "breaker"],
            )
            .named("health", "List how they fare"),
            Verb::new(
                "test",
                Does::Post,
                "providers/{}/test",
                "Ask one something, now",
            )
            .id("NAME"),
        ],
    },
    Resource {
        name: "models",
        about: "Models of the running configuration",
        verbs: &[
            Verb::list(
                "models",
                &[SEARCH],
                &[
                    "name",
                    "served",
                    "aliases",
                    "context_window",
                    "max_output_tokens",
                ],
            ),
            Verb::get("models/{}").id("NAME"),
        ],
    },
    Resource {
        name: "sessions",
        about: "Sessions of the console",
        verbs: &[
            Verb::list(
                "sessions",
                &[],
                &[
                    "id",
                    "subject",
                    "source_ip",
                    "created_at",
                    "last_seen_at",
                    "expires_at",
                    "current",
                ],
            ),
            Verb::delete("sessions/{}").named("delete", "End one"),
            Verb::new("clear", Does::Delete, "sessions", "End all"),
        ],
    },
    Resource {
        name: "drain",
        about: "Keep new traffic away from the gateway",
        verbs: &[
            Verb::new(
                "begin",
                Does::Post,
                "drain",
                "Be not ready, and serve what comes all the same",
            ),
            Verb::new("end", Does::Delete, "drain", "Be ready again"),
        ],
    },
];
