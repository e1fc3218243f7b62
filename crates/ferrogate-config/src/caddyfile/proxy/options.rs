//! The table of `reverse_proxy`.

use std::time::Duration;

use ferrogate_types::parse_size;
use ferrogate_types::route::{BufferLimit, MatcherSet};

use super::balance::{self, status_patterns};
use super::{Draft, dynamic, health, transport};
use crate::caddyfile::context::Cx;
use crate::caddyfile::header;
use crate::caddyfile::line::Line;
use crate::caddyfile::table::Row;

/// Every subdirective of `reverse_proxy`.
pub(crate) const OPTIONS: &[Row<Draft>] = &[
    Row::many(
        "to",
        "to UPSTREAM...",
        "More upstreams.",
        |cx, line, proxy| {
            for word in line.list(cx, 1..=usize::MAX).unwrap_or_default() {
                proxy.upstreams.extend(cx.upstreams(word));
            }
        },
    ),
    Row::new(
        "lb_policy",
        "lb_policy POLICY [ARGUMENTS]",
        "Which upstream is taken.",
        |cx, line, proxy| {
            if let Some(policy) = balance::policy(cx, line) {
                proxy.policy = policy;
                proxy.policy_at = Some(line.at());
            }
        },
    ),
    Row::new(
        "lb_retries",
        "lb_retries N",
        "How many more upstreams are tried.",
        |cx, line, proxy| {
            proxy.retries = line.number32(cx, 0..=1000).unwrap_or(0);
        },
    ),
    Row::new(
        "lb_try_duration",
        "lb_try_duration DURATION",
        "How long to go on trying.",
        |cx, line, proxy| {
            proxy.try_duration = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "lb_try_interval",
        "lb_try_interval DURATION",
        "The pause between tries.",
        |cx, line, proxy| {
            proxy.try_interval = line.duration(cx);
        },
    ),
    Row::new(
        "fail_duration",
        "fail_duration DURATION",
        "How long a failure is remembered.",
        |cx, line, proxy| {
            proxy.health.fail_duration = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "max_fails",
        "max_fails N",
        "Failures that take an upstream out.",
        |cx, line, proxy| {
            proxy.health.max_fails = line.number32(cx, 1..=1_000_000).unwrap_or(1);
        },
    ),
    Row::many(
        "unhealthy_status",
        "unhealthy_status STATUS...",
        "Answers that are failures.",
        |cx, line, proxy| {
            let words = line.list(cx, 1..=usize::MAX).unwrap_or_default();
            proxy
                .health
                .unhealthy_status
                .extend(status_patterns(cx, words));
        },
    ),
    Row::new(
        "unhealthy_latency",
        "unhealthy_latency DURATION",
        "Slower answers are failures.",
        |cx, line, proxy| {
            proxy.health.unhealthy_latency = line.duration(cx);
        },
    ),
    Row::new(
        "unhealthy_request_count",
        "unhealthy_request_count N",
        "Most requests at once.",
        |cx, line, proxy| {
            proxy.health.max_requests = line.number32(cx, 1..=u32::MAX);
        },
    ),
    Row::many(
        "header_up",
        "header_up [+|-]FIELD [VALUE [REPLACEMENT]]",
        "Edits the request.",
        |cx, line, proxy| {
            if let Some(op) = header::plain(cx, line) {
                if header::injects_secret(line, &op) {
                    proxy.injects.get_or_insert(line.at());
                }
                proxy.header_up.push(op);
            }
        },
    ),
    Row::many(
        "header_down",
        "header_down [+|-]FIELD [VALUE [REPLACEMENT]]",
        "Edits the answer.",
        |cx, line, proxy| {
            proxy.header_down.extend(header::plain(cx, line));
        },
    ),
    Row::many(
        "trusted_proxies",
        "trusted_proxies RANGE...",
        "Believed peers.",
        |cx, line, proxy| {
            let words = line.list(cx, 1..=usize::MAX).unwrap_or_default();
            proxy.trusted_proxies.extend(cx.ranges(words));
        },
    ),
    Row::new(
        "flush_interval",
        "flush_interval DURATION|-1",
        "Kept; bytes are passed on at once.",
        |cx, line, proxy| {
            if let Some(word) = line.word(cx)
                && (&*word.text == "-1" || cx.duration(word).is_some())
            {
                proxy.flush_interval = Some(word.text.to_string());
            }
        },
    ),
    Row::new(
        "transport",
        "transport http [{ ... }]",
        "How upstreams are spoken to.",
        |cx, line, proxy| {
            transport::read(cx, line, &mut proxy.transport);
        },
    ),
    Row::new(
        "dynamic",
        "dynamic a|srv|multi [...] [{ ... }]",
        "Looks upstreams up by DNS.",
        |cx, line, proxy| proxy.dynamic = dynamic::read(cx, line),
    ),
    Row::many(
        "lb_retry_match",
        "lb_retry_match MATCHER ... | lb_retry_match { ... }",
        "Requests that may be sent twice.",
        |cx, line, proxy| {
            let matchers = cx.definition(line.segment);
            proxy.retry_match.push(MatcherSet {
                name: "lb_retry_match".to_owned(),
                matchers,
            });
        },
    ),
    Row::new(
        "health_uri",
        "health_uri PATH",
        "What probes ask for.",
        health::uri,
    ),
    Row::new(
        "health_path",
        "health_path PATH",
        "The old name of `health_uri`.",
        health::path,
    ),
    Row::new(
        "health_port",
        "health_port PORT",
        "The port that probes go to.",
        health::port,
    ),
    Row::new(
        "health_upstream",
        "health_upstream HOST:PORT",
        "The address that probes go to.",
        health::upstream,
    ),
    Row::new(
        "health_interval",
        "health_interval DURATION",
        "Between two probes; 30s by default.",
        |cx, line, proxy| proxy.active.mark(line.at()).interval = interval(cx, line),
    ),
    Row::new(
        "health_timeout",
        "health_timeout DURATION",
        "For one probe; 5s by default.",
        |cx, line, proxy| proxy.active.mark(line.at()).timeout = interval(cx, line),
    ),
    Row::new(
        "health_method",
        "health_method METHOD",
        "The method of probes; GET by default.",
        |cx, line, proxy| {
            let method = line.text(cx).map(|method| method.to_ascii_uppercase());
            proxy.active.mark(line.at()).method = method;
        },
    ),
    Row::new(
        "health_request_body",
        "health_request_body TEXT",
        "The body of probes.",
        |cx, line, proxy| proxy.active.mark(line.at()).body = line.text(cx),
    ),
    Row::new(
        "health_headers",
        "health_headers { FIELD VALUE... }",
        "Header fields of probes.",
        health::headers,
    ),
    Row::new(
        "health_status",
        "health_status STATUS",
        "The healthy status; any 2xx by default.",
        health::status,
    ),
    Row::new(
        "health_body",
        "health_body EXPRESSION",
        "What a healthy body contains.",
        health::body,
    ),
    Row::new(
        "health_passes",
        "health_passes N",
        "Good probes that bring an upstream back; 1 by default.",
        |cx, line, proxy| {
            proxy.active.mark(line.at()).passes = line.number32(cx, 1..=1_000_000);
        },
    ),
    Row::new(
        "health_fails",
        "health_fails N",
        "Bad probes that take an upstream out; 1 by default.",
        |cx, line, proxy| {
            proxy.active.mark(line.at()).fails = line.number32(cx, 1..=1_000_000);
        },
    ),
    Row::new(
        "health_follow_redirects",
        "health_follow_redirects",
        "Probes follow redirects.",
        |cx, line, proxy| {
            proxy.active.mark(line.at()).follow_redirects = line.flag(cx);
        },
    ),
    Row::new(
        "request_buffers",
        "request_buffers SIZE|unlimited",
        "How much of a request's body is read before it is sent on.",
        |cx, line, proxy| proxy.request_buffers = buffers(cx, line),
    ),
    Row::new(
        "response_buffers",
        "response_buffers SIZE|unlimited",
        "How much of an answer's body is read before it is sent on.",
        |cx, line, proxy| proxy.response_buffers = buffers(cx, line),
    ),
    Row::new(
        "buffer_requests",
        "buffer_requests",
        "The old form of `request_buffers`.",
        |cx, line, proxy| {
            cx.deprecated(line, "request_buffers SIZE");
            if line.flag(cx) {
                proxy.request_buffers.get_or_insert(BufferLimit::Unlimited);
            }
        },
    ),
    Row::new(
        "buffer_responses",
        "buffer_responses",
        "The old form of `response_buffers`.",
        |cx, line, proxy| {
            cx.deprecated(line, "response_buffers SIZE");
            if line.flag(cx) {
                proxy.response_buffers.get_or_insert(BufferLimit::Unlimited);
            }
        },
    ),
    Row::new(
        "max_buffer_size",
        "max_buffer_size SIZE",
        "The limit of the old buffers.",
        |cx, line, proxy| {
            cx.deprecated(line, "request_buffers SIZE");
            proxy.max_buffer_size = line.size(cx);
        },
    ),
    Row::new(
        "stream_buffer_size",
        "stream_buffer_size SIZE",
        "Kept; buffers grow by themselves.",
        |cx, line, proxy| proxy.stream_buffer_size = line.size(cx),
    ),
    Row::new(
        "stream_timeout",
        "stream_timeout DURATION",
        "The longest life of an upgraded connection.",
        |cx, line, proxy| proxy.stream_timeout = line.duration(cx),
    ),
    Row::new(
        "stream_close_delay",
        "stream_close_delay DURATION",
        "How long upgraded connections outlive a configuration; understood, without effect until one can be reloaded.",
        |cx, line, proxy| {
            proxy.stream_close_delay = line.duration(cx);
            cx.no_effect(line.name().at, "a configuration cannot be reloaded yet");
        },
    ),
    Row::new(
        "verbose_logs",
        "verbose_logs",
        "Logs more about attempts and upgraded connections.",
        |cx, line, proxy| proxy.verbose_logs = line.flag(cx),
    ),
    Row::new(
        "rewrite",
        "rewrite TARGET",
        "Rewrites the request sent upstream only.",
        |cx, line, proxy| proxy.rewrite = line.word(cx).map(|word| cx.template(word)),
    ),
    Row::new(
        "method",
        "method METHOD",
        "The method of the request sent upstream only.",
        |cx, line, proxy| proxy.method = line.word(cx).map(|word| cx.template(word)),
    ),
    Row::many(
        "replace_status",
        "replace_status [@NAME] STATUS",
        "Sends answers that match with another status.",
        |cx, line, proxy| proxy.responses.replace_status(cx, line),
    ),
    Row::many(
        "handle_response",
        "handle_response [@NAME] { ... }",
        "Runs directives in the place of answers that match.",
        |cx, line, proxy| proxy.responses.handle_response(cx, line),
    ),
];

/// A duration above zero.
fn interval(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<Duration> {
    let word = line.word(cx)?;
    let duration = cx.duration(word)?;
    let positive = Some(duration).filter(|duration| !duration.is_zero());
    cx.checked(word, "duration", positive.ok_or("is zero"))
}

fn buffers(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<BufferLimit> {
    let word = line.word(cx)?;
    if &*word.text == "unlimited" {
        Some(BufferLimit::Unlimited)
    } else {
        cx.checked(word, "size", parse_size(&word.text))
            .map(BufferLimit::Bytes)
    }
}
