//! How much a provider can take, as `max_concurrency` says and `health` finds out.

use std::time::Duration;

use ferrogate_providers::{BaseUrl, ProviderKind};

use super::Options;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{Concurrency, HealthProbe};

const HEALTH: Kind = Kind {
    noun: "health option",
    place: "in `health`",
};

/// The most calls at once, and the longest queue.
const MAX_CALLS: u64 = 100_000;

/// Every option of `health`.
pub(crate) const HEALTH_OPTIONS: &[Row<HealthProbe>] = &[
    Row::new(
        "path",
        "path /PATH",
        "What is asked for on the host of `base_url`; /health by default. Any 2xx is healthy.",
        |cx, line, probe| {
            let Some(word) = line.word(cx) else { return };
            let path = word.text.starts_with('/')
                && !word
                    .text
                    .contains(|c: char| c.is_whitespace() || c.is_control() || c == '#');
            let checked = path
                .then(|| word.text.to_string())
                .ok_or("does not begin with a slash, or has characters that no path has");
            if let Some(path) = cx.checked(word, "path", checked) {
                probe.path = path;
            }
        },
    ),
    Row::new(
        "interval",
        "interval DURATION",
        "From one probe to the next; 10s by default.",
        |cx, line, probe| {
            let word = line.word(cx);
            if let Some(time) = word.and_then(|word| cx.some_time(word)) {
                probe.interval = time;
            }
        },
    ),
    Row::new(
        "timeout",
        "timeout DURATION",
        "How long an answer may take; 2s by default.",
        |cx, line, probe| {
            let word = line.word(cx);
            if let Some(time) = word.and_then(|word| cx.some_time(word)) {
                probe.timeout = time;
            }
        },
    ),
    Row::new(
        "unhealthy",
        "unhealthy N",
        "Failures in a row that make it unhealthy; 3 by default.",
        |cx, line, probe| probe.unhealthy = line.number32(cx, 1..=1000).unwrap_or(1),
    ),
    Row::new(
        "healthy",
        "healthy N",
        "Successes in a row that make it healthy again; 1 by default.",
        |cx, line, probe| probe.healthy = line.number32(cx, 1..=1000).unwrap_or(1),
    ),
];

/// `max_concurrency N [queue N] [wait D]`
pub(super) fn concurrency(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<Concurrency> {
    let (limit, mut rest) = line.list(cx, 1..=5)?.split_first()?;
    let limit = cx.number(limit, 1..=MAX_CALLS)?;
    let (mut queue, mut wait) = (None, None);
    while let [option, after @ ..] = rest {
        let known = (option.is_word("queue") && queue.is_none())
            || (option.is_word("wait") && wait.is_none());
        let ([value, after @ ..], true) = (after, known) else {
            let shown = cx.shown(option);
            cx.say(
                option.at,
                Diagnostic::error("invalid-value", format!("unexpected word `{shown}`"))
                    .label("expected `queue N` or `wait DURATION`, each once")
                    .hint(line.syntax()),
            );
            return None;
        };
        if option.is_word("queue") {
            queue = Some(cx.number(value, 0..=MAX_CALLS)?);
        } else {
            wait = Some((cx.duration(value)?, option.at.to(value.at)));
        }
        rest = after;
    }
    if let (Some((_, at)), None | Some(0)) = (wait, queue) {
        cx.say(
            at,
            Diagnostic::warning("no-effect", "there is no queue to wait in")
                .label("has no effect")
                .hint("add `queue N`"),
        );
    }
    Some(Concurrency {
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
        queue: u32::try_from(queue.unwrap_or_default()).unwrap_or(u32::MAX),
        wait: wait.map_or(Duration::from_secs(5), |(wait, _)| wait),
    })
}

/// `health { … }`
pub(super) fn health(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<HealthProbe> {
    let block = line.block(cx)?;
    let mut probe = HealthProbe {
        path: "/health".to_owned(),
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(2),
        unhealthy: 3,
        healthy: 1,
    };
    cx.run_block(block, HEALTH, HEALTH_OPTIONS, &mut probe);
    Some(probe)
}

/// Probes are for servers whose address the operator gave: a vendor's own has nothing there to ask for.
pub(super) fn check(cx: &mut Cx<'_>, name: &str, kind: Option<ProviderKind>, options: &Options) {
    let Some((_, at)) = &options.health else {
        return;
    };
    let own = kind.is_none_or(|kind| match kind.row().base_url {
        BaseUrl::Asked(_) | BaseUrl::Usually(..) => true,
        BaseUrl::Fixed(_) | BaseUrl::Template(_) => options.url_written,
        BaseUrl::None => false,
    });
    if !own {
        cx.say(
            *at,
            Diagnostic::error(
                "no-health",
                format!("provider `{name}` has no `base_url` to probe"),
            )
            .label("for servers of your own only")
            .hint("leave it out: the circuit breaker watches the vendor's own servers"),
        );
    }
}
