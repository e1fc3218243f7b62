//! `[admin]`, `[ai_gateway]`, `[telemetry]`, `[storage]`

use super::line;
use super::reader::Reader;
use super::root::Draft;
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::Segment;
use crate::diagnostic::Diagnostic;

/// Every key of `[admin]`.
pub(super) const ADMIN: Table<Draft> = Table {
    title: "[admin]",
    keys: &[Key::new(
        "listen",
        Shape::Text,
        "The admin listener; none by default.",
        |r, e, d| {
            let address = r.value(e);
            d.global
                .push(super::reader::line(line::named("admin", e), vec![address]));
        },
    )],
};

/// Every key of `[ai_gateway]`.
pub(super) const AI_GATEWAY: Table<Vec<Segment>> = Table {
    title: "[ai_gateway]",
    keys: &[
        Key::new(
            "auth",
            Shape::Text,
            "`required` or `off`: who may call.",
            line::one,
        ),
        Key::new(
            "admin",
            Shape::Flag,
            "Serves /metrics and the admin API on the listener.",
            line::switch,
        ),
        Key::new(
            "max_request_bytes",
            Shape::Size,
            "The largest request body; 32MiB by default.",
            line::one,
        ),
        Key::new(
            "max_response_bytes",
            Shape::Size,
            "The largest answer; 16MiB by default.",
            line::one,
        ),
        Key::new(
            "request_timeout",
            Shape::Duration,
            "From request to last byte; 10m by default.",
            line::one,
        ),
        Key::new(
            "stream_keep_alive",
            Shape::Text,
            "A silent stream is told to be alive this often, for instance `15s`, which is the default, or `off`.",
            line::one,
        ),
        Key::new(
            "auto_providers",
            Shape::Flag,
            "Uses every provider whose variables are set.",
            line::switch,
        ),
        Key::new(
            "on_unsupported_param",
            Shape::Text,
            "`report`, `drop` or `reject`: what to do about members a target has no place for.",
            line::one,
        ),
        Key::new(
            "price_catalog",
            Shape::Text,
            "A catalog of models laid over the embedded one.",
            line::one,
        ),
    ],
};

/// Every key of `[telemetry]`.
pub(super) const TELEMETRY: Table<Draft> = Table {
    title: "[telemetry]",
    keys: &[
        Key::new(
            "access_log",
            Shape::Text,
            "`off`, `error`, `sampled` or `all`; `off` by default.",
            access_log,
        ),
        Key::no_effect(
            "access_log_sample_rate",
            Shape::Number,
            "One request in so many is logged.",
        ),
        Key::no_effect(
            "access_log_error_rate_limit_per_sec",
            Shape::Number,
            "The most errors logged in a second.",
        ),
        Key::no_effect(
            "service_name",
            Shape::Text,
            "What telemetry calls this process.",
        ),
        Key::new(
            "log_bodies",
            Shape::Flag,
            "Bodies are never logged: only `false`.",
            line::only_false,
        ),
        Key::later("otlp_endpoint", "`/metrics` and the access log are there"),
    ],
};

/// Every key of `[storage]`.
pub(super) const STORAGE: Table<Draft> = Table {
    title: "[storage]",
    keys: &[
        Key::no_effect(
            "request_log_retention_records",
            Shape::Number,
            "How many request logs are kept.",
        ),
        Key::no_effect(
            "audit_event_retention_records",
            Shape::Number,
            "How many audit events are kept.",
        ),
        Key::no_effect(
            "billing_event_retention_records",
            Shape::Number,
            "How many billing events are kept.",
        ),
        Key::no_effect(
            "admin_list_default_limit",
            Shape::Number,
            "How many entries a list has.",
        ),
        Key::no_effect(
            "admin_list_max_limit",
            Shape::Number,
            "The most entries a list may have.",
        ),
    ],
};

fn access_log(reader: &mut Reader<'_, '_>, entry: &Entry<'_>, draft: &mut Draft) {
    const MODES: &[(&str, Mode)] = &[
        ("off", Mode::Off),
        ("error", Mode::Some),
        ("sampled", Mode::Some),
        ("all", Mode::All),
    ];
    let word = reader.value(entry);
    let Some(mode) = reader.cx.one_of(&word, "access log", MODES) else {
        return;
    };
    if mode == Mode::Some {
        reader.cx.say(
            word.at,
            Diagnostic::warning(
                "no-effect",
                format!(
                    "access log `{}`: every request is logged in this version",
                    word.text
                ),
            )
            .label("the same as `all`"),
        );
    }
    draft.access_log = mode != Mode::Off;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Off,
    Some,
    All,
}
