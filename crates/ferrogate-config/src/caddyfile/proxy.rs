//! `reverse_proxy`.

use std::time::Duration;

use ferrogate_types::route::{
    Handler, HeaderOp, HttpTransport, Keepalive, LoadBalancing, LoadBalancingPolicy, PassiveHealth,
    ReverseProxy,
};
use ipnet::IpNet;

use super::body::{Body, open_relay};
use super::context::Cx;
use super::header;
use super::line::Line;
use super::syntax::Place;
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

pub(crate) mod balance;
pub(crate) mod transport;
mod upstream;

use balance::status_patterns;
use transport::Transport;
use upstream::Upstream;

const KIND: Kind = Kind {
    noun: "subdirective",
    place: "in `reverse_proxy`",
};

/// A proxy as it is read.
pub(crate) struct Draft {
    upstreams: Vec<Upstream>,
    policy: LoadBalancingPolicy,
    policy_at: Option<Place>,
    retries: u32,
    try_duration: Duration,
    try_interval: Option<Duration>,
    health: PassiveHealth,
    header_up: Vec<HeaderOp>,
    header_down: Vec<HeaderOp>,
    trusted_proxies: Vec<IpNet>,
    flush_interval: Option<String>,
    transport: Transport,
    /// Where an operator's credential is put into requests.
    injects: Option<Place>,
}

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
    Row::later("dynamic", "list the upstreams"),
    Row::later("lb_retry_match", "GET requests are retried without it"),
    Row::later(
        "health_uri",
        "use passive checks: `fail_duration` and `max_fails`",
    ),
    Row::later(
        "health_port",
        "use passive checks: `fail_duration` and `max_fails`",
    ),
    Row::later(
        "health_path",
        "use passive checks: `fail_duration` and `max_fails`",
    ),
    Row::later(
        "health_upstream",
        "use passive checks: `fail_duration` and `max_fails`",
    ),
    Row::later(
        "health_interval",
        "use passive checks: `fail_duration` and `max_fails`",
    ),
    Row::later(
        "health_timeout",
        "use passive checks: `fail_duration` and `max_fails`",
    ),
    Row::later(
        "health_method",
        "use passive checks: `fail_duration` and `max_fails`",
    ),
    Row::later(
        "health_request_body",
        "use passive checks: `fail_duration` and `max_fails`",
    ),
    Row::later(
        "health_headers",
        "use passive checks: `fail_duration` and `max_fails`",
    ),
    Row::later("health_status", "use `unhealthy_status`"),
    Row::later(
        "health_body",
        "use passive checks: `fail_duration` and `max_fails`",
    ),
    Row::later(
        "health_passes",
        "use passive checks: `fail_duration` and `max_fails`",
    ),
    Row::later("health_fails", "use `max_fails`"),
    Row::later(
        "health_follow_redirects",
        "use passive checks: `fail_duration` and `max_fails`",
    ),
    Row::later("request_buffers", "bodies are streamed"),
    Row::later("response_buffers", "bodies are streamed"),
    Row::later("buffer_requests", "bodies are streamed"),
    Row::later("buffer_responses", "bodies are streamed"),
    Row::later("max_buffer_size", "bodies are streamed"),
    Row::later("stream_buffer_size", "bodies are streamed"),
    Row::later("stream_timeout", ""),
    Row::later("stream_close_delay", ""),
    Row::later("verbose_logs", "use `debug` in the global options"),
    Row::later(
        "rewrite",
        "put `rewrite` before `reverse_proxy` in a `route`",
    ),
    Row::later("method", ""),
    Row::later("replace_status", ""),
    Row::later("handle_response", ""),
];

pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let mut draft = Draft {
        upstreams: Vec::new(),
        policy: LoadBalancingPolicy::Random,
        policy_at: None,
        retries: 0,
        try_duration: Duration::ZERO,
        try_interval: None,
        health: PassiveHealth {
            fail_duration: Duration::ZERO,
            max_fails: 1,
            unhealthy_status: Vec::new(),
            unhealthy_latency: None,
            max_requests: None,
        },
        header_up: Vec::new(),
        header_down: Vec::new(),
        trusted_proxies: Vec::new(),
        flush_interval: None,
        transport: Transport::default(),
        injects: None,
    };
    for word in line.args {
        draft.upstreams.extend(cx.upstreams(word));
    }
    let errors = cx.report.error_count();
    if let Some(block) = &line.segment.block {
        cx.run_block(block, KIND, OPTIONS, &mut draft);
    }
    if draft.upstreams.is_empty() && line.args.is_empty() && errors == cx.report.error_count() {
        cx.say(
            line.at(),
            Diagnostic::error("no-upstream", "`reverse_proxy` has no upstream")
                .label("where are requests to go?")
                .hint(line.syntax()),
        );
        return;
    }
    if let Some(at) = draft.injects.filter(|_| cx.guards == 0) {
        cx.say(at, open_relay());
    }
    body.proxies = true;
    if let Some(proxy) = finish(cx, draft) {
        body.push(cx, line, Handler::ReverseProxy(Box::new(proxy)));
    }
}

fn finish(cx: &mut Cx<'_>, draft: Draft) -> Option<ReverseProxy> {
    let (upstreams, tls) = cx.settle(draft.upstreams, &draft.transport)?;
    if let (LoadBalancingPolicy::WeightedRoundRobin(weights), Some(at)) =
        (&draft.policy, draft.policy_at)
        && weights.len() != upstreams.len()
    {
        cx.say(
            at,
            Diagnostic::error(
                "weights",
                format!(
                    "{} weights for {} upstreams",
                    weights.len(),
                    upstreams.len()
                ),
            )
            .label("one weight for each upstream"),
        );
        return None;
    }
    // Without a pause a proxy whose upstreams are all down would spin until the time is over.
    let pause = if draft.try_duration.is_zero() {
        Duration::ZERO
    } else {
        Duration::from_millis(250)
    };
    let transport = draft.transport;
    Some(ReverseProxy {
        upstreams,
        load_balancing: LoadBalancing {
            policy: draft.policy,
            retries: draft.retries,
            try_duration: draft.try_duration,
            try_interval: draft.try_interval.unwrap_or(pause),
        },
        passive_health: draft.health,
        header_up: draft.header_up,
        header_down: draft.header_down,
        trusted_proxies: draft.trusted_proxies,
        transport: HttpTransport {
            dial_timeout: transport.dial_timeout.unwrap_or(Duration::from_secs(3)),
            response_header_timeout: transport.response_header_timeout,
            read_timeout: transport.read_timeout,
            write_timeout: transport.write_timeout,
            keepalive: transport
                .keepalive
                .unwrap_or(Keepalive::For(Duration::from_mins(2))),
            tls,
            versions: transport
                .versions
                .map_or((true, true), |versions| (versions.http1, versions.http2)),
        },
        flush_interval: draft.flush_interval,
    })
}
