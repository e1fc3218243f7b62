//! `[reliability]`: what holds for every provider that says nothing else.

use super::line;
use super::provider::default_option;
use super::reader::{Reader, line as one_line};
use super::root::Draft;
use super::table::{Entry, Key, Shape, Table};
use crate::caddyfile::syntax::{Segment, Token};
use crate::diagnostic::Diagnostic;

/// What holds for every provider: the key as written, and the value.
#[derive(Default)]
pub(super) struct Reliability {
    failures: Option<Written>,
    cooldown: Option<Written>,
    first_byte: Option<Written>,
    attempts: Option<Written>,
}

struct Written {
    key: Token,
    value: Token,
}

const UPGRADE: &str = "a graceful upgrade is not available yet";

/// Every key of `[reliability]`.
pub(super) const RELIABILITY: Table<Draft> = Table {
    title: "[reliability]",
    keys: &[
        Key::new(
            "provider_circuit_breaker_failure_threshold",
            Shape::Number,
            "`failures` of every circuit breaker; together with the cooldown.",
            |r, e, d| d.reliability.failures = count(r, e),
        ),
        Key::new(
            "provider_circuit_breaker_cooldown_secs",
            Shape::Number,
            "`open` of every circuit breaker; together with the threshold.",
            |r, e, d| d.reliability.cooldown = seconds(r, e),
        ),
        // A limit on the whole call would cut long streams off; until the header is what a call without a stream waits.
        Key::new(
            "provider_dispatch_timeout_secs",
            Shape::Number,
            "`first_byte` of every provider: until the answer's header. Streams may take longer.",
            |r, e, d| d.reliability.first_byte = seconds(r, e),
        ),
        Key::new(
            "provider_dispatch_max_retries",
            Shape::Number,
            "Tries after the first one, 0 to 9: `attempts` of every provider less one.",
            |r, e, d| {
                d.reliability.attempts = r.number(e, 0..=9).map(|(retries, word)| {
                    let value = Token {
                        text: (retries + 1).to_string().into(),
                        ..word
                    };
                    Written {
                        key: e.name.clone(),
                        value,
                    }
                });
            },
        ),
        Key::new(
            "provider_response_body_max_bytes",
            Shape::Size,
            "The largest answer of a provider.",
            |r, e, d| {
                let value = r.value(e);
                d.limits
                    .push(one_line(line::named("max_response_bytes", e), vec![value]));
            },
        ),
        Key::new(
            "graceful_shutdown_grace_period_secs",
            Shape::Number,
            "`grace_period`: how long requests may take to end.",
            |r, e, d| {
                let written = seconds(r, e);
                d.global.extend(
                    written.map(|w| one_line(line::named("grace_period", e), vec![w.value])),
                );
            },
        ),
        Key::new(
            "graceful_shutdown_timeout_secs",
            Shape::Number,
            "Covered by the grace period.",
            |r, e, _| {
                if r.number(e, 1..=u64::MAX).is_some() {
                    r.cx.say(
                        e.name.at,
                        Diagnostic::note(
                            "no-effect",
                            "`graceful_shutdown_timeout_secs` is covered by the grace period",
                        )
                        .label("not used apart from it"),
                    );
                }
            },
        ),
        Key::later("graceful_upgrade_pid_file", UPGRADE),
        Key::later("graceful_upgrade_sock", UPGRADE),
        Key::later("graceful_upgrade_sock_retries", UPGRADE),
    ],
};

/// Puts what holds for every provider into each of them.
pub(super) fn apply(
    reader: &mut Reader<'_, '_>,
    reliability: &Reliability,
    providers: &mut [Segment],
) {
    const BOTH: [&str; 2] = [
        "provider_circuit_breaker_failure_threshold",
        "provider_circuit_breaker_cooldown_secs",
    ];
    let lonely = match (&reliability.failures, &reliability.cooldown) {
        (Some(written), None) => Some((written, BOTH[1])),
        (None, Some(written)) => Some((written, BOTH[0])),
        _ => None,
    };
    if let Some((written, other)) = lonely {
        reader.cx.say(
            written.key.at,
            Diagnostic::error(
                "missing-key",
                format!("`{}` without `{other}`", written.key.text),
            )
            .label("one does not work without the other")
            .hint(format!("add `{other}`")),
        );
    }
    let options = [
        ("circuit_breaker", "failures", &reliability.failures),
        ("circuit_breaker", "open", &reliability.cooldown),
        ("timeout", "first_byte", &reliability.first_byte),
        ("retry", "attempts", &reliability.attempts),
    ];
    for provider in providers {
        for (inner, option, written) in options {
            if let Some(Written { key, value }) = written {
                default_option(provider, inner, option, key, value);
            }
        }
    }
}

fn count(reader: &mut Reader<'_, '_>, entry: &Entry<'_>) -> Option<Written> {
    let (_, value) = reader.number(entry, 1..=u64::from(u32::MAX))?;
    Some(Written {
        key: entry.name.clone(),
        value,
    })
}

/// A number of seconds as a duration.
fn seconds(reader: &mut Reader<'_, '_>, entry: &Entry<'_>) -> Option<Written> {
    let (number, word) = reader.number(entry, 1..=u64::from(u32::MAX))?;
    let value = Token {
        text: format!("{number}s").into(),
        ..word
    };
    Some(Written {
        key: entry.name.clone(),
        value,
    })
}
