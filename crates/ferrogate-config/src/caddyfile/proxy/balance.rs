//! `lb_policy` and status lists.

use std::time::Duration;

use ferrogate_types::Secret;
use ferrogate_types::route::{LoadBalancingPolicy, StatusPattern};

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::syntax::{Block, Segment, Token};
use crate::caddyfile::table::{Kind, Row, Run};
use crate::diagnostic::Diagnostic;

const KIND: Kind = Kind {
    noun: "policy",
    place: "after `lb_policy`",
};
const STICKY: Kind = Kind {
    noun: "option",
    place: "in this policy",
};

/// A policy that needs no arguments.
macro_rules! plain {
    ($name:literal, $doc:literal, $policy:ident) => {
        Row::new(
            $name,
            concat!("lb_policy ", $name),
            $doc,
            |cx, line, out| {
                *out = line.flag(cx).then_some(LoadBalancingPolicy::$policy);
            },
        )
    };
}

/// Every load balancing policy.
pub(crate) const POLICIES: &[Row<Option<LoadBalancingPolicy>>] = &[
    plain!("random", "Any of them.", Random),
    plain!("round_robin", "One after the other.", RoundRobin),
    Row::new(
        "weighted_round_robin",
        "lb_policy weighted_round_robin WEIGHT...",
        "By weights.",
        |cx, line, out| *out = weights(cx, line),
    ),
    plain!("least_conn", "The fewest requests in flight.", LeastConn),
    plain!("first", "The first available one.", First),
    plain!("ip_hash", "By the peer's address.", IpHash),
    plain!("client_ip_hash", "By the client's address.", ClientIpHash),
    plain!("uri_hash", "By path and query.", UriHash),
    Row::new(
        "random_choose",
        "lb_policy random_choose N",
        "Of so many at random the one with the fewest requests in flight.",
        |cx, line, out| {
            *out = line
                .number32(cx, 2..=1000)
                .map(LoadBalancingPolicy::RandomChoose);
        },
    ),
    Row::new(
        "header",
        "lb_policy header FIELD [{ fallback POLICY }]",
        "By a request header.",
        |cx, line, out| {
            let Some(([field], block)) = line.with_block(cx, 1..=1) else {
                return;
            };
            let sticky = sticky(cx, block, FALLBACK_OPTIONS);
            *out = Some(LoadBalancingPolicy::Header {
                field: field.text.to_string(),
                fallback: Box::new(sticky.fallback),
            });
        },
    ),
    Row::new(
        "query",
        "lb_policy query KEY [{ fallback POLICY }]",
        "By a query parameter.",
        |cx, line, out| {
            let Some(([key], block)) = line.with_block(cx, 1..=1) else {
                return;
            };
            let sticky = sticky(cx, block, FALLBACK_OPTIONS);
            *out = Some(LoadBalancingPolicy::Query {
                key: key.text.to_string(),
                fallback: Box::new(sticky.fallback),
            });
        },
    ),
    Row::new(
        "cookie",
        "lb_policy cookie [NAME [SECRET]] [{ fallback POLICY ; max_age DURATION }]",
        "By a cookie that names the upstream; lb by default.",
        |cx, line, out| *out = cookie(cx, line),
    ),
];

/// What a policy that may find nothing to go by does then.
pub(crate) struct Sticky {
    fallback: LoadBalancingPolicy,
    max_age: Option<Duration>,
}

const FALLBACK: Row<Sticky> = Row::new(
    "fallback",
    "fallback POLICY [ARGUMENTS]",
    "The policy for requests without it; random by default.",
    |cx, line, sticky| {
        if let Some(policy) = policy(cx, line) {
            sticky.fallback = policy;
        }
    },
);

const FALLBACK_OPTIONS: &[Row<Sticky>] = &[FALLBACK];

/// Every option of `lb_policy cookie`; of `header` and `query` there is only the first.
pub(crate) const COOKIE_OPTIONS: &[Row<Sticky>] = &[
    FALLBACK,
    Row::new(
        "max_age",
        "max_age DURATION",
        "How long clients keep the cookie; for the session by default.",
        |cx, line, sticky| {
            let age = line.duration(cx);
            if age.is_some_and(|age| age < Duration::from_secs(1)) {
                cx.say(
                    line.at(),
                    Diagnostic::error("invalid-value", "the cookie lives shorter than a second")
                        .label("cookies count in seconds"),
                );
            }
            sticky.max_age = age;
        },
    ),
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
                .map(|row| (row.name, matches!(row.run, Run::Do(_)))),
        ),
    }
    policy
}

/// The weights of a policy, or of the one it falls back to.
pub(super) fn weights_of(policy: &LoadBalancingPolicy) -> Option<&[u32]> {
    match policy {
        LoadBalancingPolicy::WeightedRoundRobin(weights) => Some(weights),
        LoadBalancingPolicy::Header { fallback, .. }
        | LoadBalancingPolicy::Query { fallback, .. }
        | LoadBalancingPolicy::Cookie { fallback, .. } => weights_of(fallback),
        _ => None,
    }
}

fn sticky(cx: &mut Cx<'_>, block: Option<&Block>, table: &'static [Row<Sticky>]) -> Sticky {
    let mut sticky = Sticky {
        fallback: LoadBalancingPolicy::Random,
        max_age: None,
    };
    if let Some(block) = block {
        cx.run_block(block, STICKY, table, &mut sticky);
    }
    sticky
}

fn cookie(cx: &mut Cx<'_>, line: &Line<'_>) -> Option<LoadBalancingPolicy> {
    let (args, block) = line.with_block(cx, 0..=2)?;
    let sticky = sticky(cx, block, COOKIE_OPTIONS);
    let name = args.first().map_or("lb", |word| &word.text);
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if let Some(word) = args.first()
        && (name.is_empty() || !name.chars().all(token))
    {
        let shown = cx.shown(word);
        cx.say(
            word.at,
            Diagnostic::error(
                "invalid-value",
                format!("`{shown}` is not the name of a cookie"),
            )
            .label("letters, digits and a few signs only"),
        );
        return None;
    }
    let secret = match args.get(1) {
        Some(word) => cx.secret(word)?,
        None => Secret::literal(""),
    };
    Some(LoadBalancingPolicy::Cookie {
        name: name.to_owned(),
        secret,
        max_age: sticky.max_age,
        fallback: Box::new(sticky.fallback),
    })
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
