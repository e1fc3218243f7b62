//! `lb_policy` and status lists.

use ferrogate_types::route::{LoadBalancingPolicy, StatusPattern};

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::{Segment, Token};
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;

const KIND: Kind = Kind {
    noun: "policy",
    place: "after `lb_policy`",
};

/// Every load balancing policy.
pub(crate) const POLICIES: &[Row<Option<LoadBalancingPolicy>>] = &[
    Row::new(
        "random",
        "lb_policy random",
        "Any of them.",
        |cx, line, out| {
            *out = line.flag(cx).then_some(LoadBalancingPolicy::Random);
        },
    ),
    Row::new(
        "round_robin",
        "lb_policy round_robin",
        "One after the other.",
        |cx, line, out| {
            *out = line.flag(cx).then_some(LoadBalancingPolicy::RoundRobin);
        },
    ),
    Row::new(
        "weighted_round_robin",
        "lb_policy weighted_round_robin WEIGHT...",
        "By weights.",
        |cx, line, out| {
            *out = weights(cx, line);
        },
    ),
    Row::new(
        "least_conn",
        "lb_policy least_conn",
        "The fewest requests in flight.",
        |cx, line, out| {
            *out = line.flag(cx).then_some(LoadBalancingPolicy::LeastConn);
        },
    ),
    Row::new(
        "first",
        "lb_policy first",
        "The first available one.",
        |cx, line, out| {
            *out = line.flag(cx).then_some(LoadBalancingPolicy::First);
        },
    ),
    Row::new(
        "ip_hash",
        "lb_policy ip_hash",
        "By the peer's address.",
        |cx, line, out| {
            *out = line.flag(cx).then_some(LoadBalancingPolicy::IpHash);
        },
    ),
    Row::new(
        "client_ip_hash",
        "lb_policy client_ip_hash",
        "By the client's address.",
        |cx, line, out| {
            *out = line.flag(cx).then_some(LoadBalancingPolicy::ClientIpHash);
        },
    ),
    Row::new(
        "header",
        "lb_policy header FIELD",
        "By a request header.",
        |cx, line, out| {
            *out = line
                .word(cx)
                .map(|field| LoadBalancingPolicy::Header(field.text.to_string()));
        },
    ),
    Row::later("random_choose", "use `least_conn`"),
    Row::later("uri_hash", "use `header FIELD` or `client_ip_hash`"),
    Row::later("query", "use `header FIELD`"),
    Row::later("cookie", "use `header FIELD` or `client_ip_hash`"),
];

/// The policy that a line names.
pub(super) fn policy(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<LoadBalancingPolicy> {
    let (args, block) = line.with_block(cx, 1..=usize::MAX)?;
    let (name, rest) = args.split_first()?;
    let segment = Segment {
        name: name.clone(),
        args: rest.to_vec(),
        block: block.cloned(),
    };
    let mut policy = None;
    match POLICIES.iter().find(|row| name.is_word(row.name)) {
        Some(row) => cx.run_row(row, KIND, &segment, &mut policy),
        None => cx.unknown(
            &segment,
            KIND,
            POLICIES
                .iter()
                .map(|row| (row.name, !row.syntax.is_empty())),
        ),
    }
    policy
}

fn weights(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<LoadBalancingPolicy> {
    let words = line.list(cx, 1..=usize::MAX)?;
    let weights: Option<Vec<u32>> = words
        .iter()
        .map(|word| {
            cx.number(word, 0..=1_000_000)
                .and_then(|weight| u32::try_from(weight).ok())
        })
        .collect();
    let weights = weights?;
    if weights.iter().all(|&weight| weight == 0) {
        cx.say(
            line.at(),
            Diagnostic::error("weights", "every weight is zero")
                .label("at least one must be above zero"),
        );
        return None;
    }
    Some(LoadBalancingPolicy::WeightedRoundRobin(weights))
}

/// Statuses and classes such as `5xx`.
pub(crate) fn status_patterns(cx: &mut Cx<'_>, words: &[Token]) -> Vec<StatusPattern> {
    let mut patterns = Vec::new();
    for word in words {
        let pattern = match word.text.as_bytes() {
            [class @ b'1'..=b'5', b'x', b'x'] => Some(StatusPattern::Class(class - b'0')),
            [b'1'..=b'9', _, _] => word.text.parse().ok().map(StatusPattern::Code),
            _ => None,
        };
        if pattern.is_none() {
            let shown = cx.shown(word);
            cx.say(
                word.at,
                Diagnostic::error("invalid-status", format!("`{shown}` is not a status"))
                    .label("three digits, or a class such as `5xx`"),
            );
        }
        patterns.extend(pattern);
    }
    patterns
}
