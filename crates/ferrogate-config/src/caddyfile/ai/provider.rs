//! `provider NAME { … }`.

use std::time::Duration;

use ferrogate_types::route::StatusPattern;
use ferrogate_types::{ProviderId, Secret, SecretOrigin};

use super::Draft;
use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::proxy::balance::status_patterns;
use crate::caddyfile::syntax::Place;
use crate::caddyfile::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{CircuitBreaker, Provider, ProviderKind, ProviderTimeouts, Retry};

mod base_url;
mod kind;

const KIND: Kind = Kind {
    noun: "provider option",
    place: "in `provider`",
};
const TIMEOUTS: Kind = Kind {
    noun: "timeout",
    place: "in `timeout`",
};
const RETRY: Kind = Kind {
    noun: "retry option",
    place: "in `retry`",
};
const BREAKER: Kind = Kind {
    noun: "circuit breaker option",
    place: "in `circuit_breaker`",
};

/// A provider as it is read.
pub(crate) struct Options {
    kind: Option<ProviderKind>,
    /// A kind was written, good or bad.
    kind_written: bool,
    base_url: Option<(String, Place)>,
    /// A URL was written, good or bad.
    url_written: bool,
    api_keys: Vec<Secret>,
    credential_at: Option<Place>,
    headers: Vec<(String, Secret)>,
    timeouts: ProviderTimeouts,
    retry: Retry,
    circuit_breaker: Option<CircuitBreaker>,
    disabled: bool,
}

const OPENAI_VARIABLE: &str = "OPENAI_API_KEY";

/// Every option of a provider.
pub(crate) const OPTIONS: &[Row<Options>] = &[
    Row::new(
        "kind",
        "kind openai|openai-compatible|echo",
        "What it speaks; its name by default.",
        |cx, line, p| {
            p.kind_written = true;
            if let Some(word) = line.word(cx) {
                p.kind = kind::named(cx, word);
            }
        },
    ),
    Row::new(
        "base_url",
        "base_url URL",
        "The API root that the vendor's own SDK takes.",
        |cx, line, p| {
            p.url_written = true;
            if let Some(word) = line.word(cx) {
                p.base_url = base_url::read(cx, word).map(|url| (url, word.at));
            }
        },
    ),
    Row::many(
        "api_key",
        "api_key SECRET",
        "A credential; several make a pool.",
        api_key,
    ),
    Row::many(
        "header",
        "header NAME VALUE",
        "A further request header.",
        |cx, line, p| {
            let Some([name, value]) = line.words(cx) else {
                return;
            };
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
            if name.text.is_empty() || !name.text.bytes().all(token) {
                let shown = cx.shown(name);
                cx.say(
                    name.at,
                    Diagnostic::error("header-field", format!("`{shown}` is not a header field"))
                        .label("not a field name"),
                );
            } else if let Some(value) = cx.secret(value) {
                p.headers.push((name.text.to_string(), value));
            }
        },
    ),
    Row::new(
        "timeout",
        "timeout { ... }",
        "Time limits.",
        |cx, line, p| {
            if let Some(block) = line.block(cx) {
                cx.run_block(block, TIMEOUTS, TIMEOUT_OPTIONS, &mut p.timeouts);
            }
        },
    ),
    Row::new(
        "retry",
        "retry { ... }",
        "Tries on this provider.",
        |cx, line, p| {
            if let Some(block) = line.block(cx) {
                cx.run_block(block, RETRY, RETRY_OPTIONS, &mut p.retry);
            }
        },
    ),
    Row::new(
        "circuit_breaker",
        "circuit_breaker off | { ... }",
        "Leaves a failing provider alone.",
        |cx, line, p| match line.args {
            [word] if &*word.text == "off" && line.segment.block.is_none() => {
                p.circuit_breaker = None;
            }
            _ => {
                if let Some(block) = line.block(cx) {
                    let mut breaker = BREAKER_DEFAULT;
                    cx.run_block(block, BREAKER, BREAKER_OPTIONS, &mut breaker);
                    p.circuit_breaker = Some(breaker);
                }
            }
        },
    ),
    Row::new("disabled", "disabled", "Switched off.", |cx, line, p| {
        p.disabled = line.flag(cx);
    }),
    Row::later("region", ""),
    Row::later("api_version", ""),
    Row::later("deployment", ""),
    Row::later("project_id", ""),
    Row::later("account_id", ""),
    Row::later("aws_access_key_id", ""),
    Row::later("aws_secret_access_key", ""),
    Row::later("aws_session_token", ""),
    Row::later("service_account", ""),
    Row::later("option", ""),
    Row::later("models", "write a `model` for each"),
    Row::later("max_concurrency", ""),
    Row::later("proxy", ""),
    Row::later("tls", ""),
];

/// Every option of `timeout`.
pub(crate) const TIMEOUT_OPTIONS: &[Row<ProviderTimeouts>] = &[
    Row::new(
        "connect",
        "connect DURATION",
        "Name, TCP and TLS; 5s by default.",
        |cx, line, t| {
            t.connect = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "first_byte",
        "first_byte DURATION",
        "Until the answer's header; 60s by default.",
        |cx, line, t| {
            t.first_byte = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "first_token",
        "first_token DURATION",
        "Until the first event of a stream.",
        |cx, line, t| {
            t.first_token = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "idle",
        "idle DURATION",
        "Between two reads; 60s by default.",
        |cx, line, t| {
            t.idle = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "total",
        "total DURATION",
        "One try as a whole; 10m by default.",
        |cx, line, t| {
            t.total = line.duration(cx).unwrap_or_default();
        },
    ),
];

/// Every option of `retry`.
pub(crate) const RETRY_OPTIONS: &[Row<Retry>] = &[
    Row::new(
        "attempts",
        "attempts N",
        "Tries in all, 1 to 10; 2 by default.",
        |cx, line, r| {
            r.attempts = line.number32(cx, 1..=10).unwrap_or(1);
        },
    ),
    Row::new(
        "statuses",
        "statuses STATUS...",
        "Statuses tried again.",
        |cx, line, r| {
            if let Some(words) = line.list(cx, 1..=64) {
                r.statuses = status_patterns(cx, words);
            }
        },
    ),
    Row::new(
        "backoff",
        "backoff DURATION",
        "The first pause; 100ms by default.",
        |cx, line, r| {
            r.backoff = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "max_backoff",
        "max_backoff DURATION",
        "The longest pause; 5s by default.",
        |cx, line, r| {
            r.max_backoff = line.duration(cx).unwrap_or_default();
        },
    ),
];

/// Every option of `circuit_breaker`.
pub(crate) const BREAKER_OPTIONS: &[Row<CircuitBreaker>] = &[
    Row::new(
        "failures",
        "failures N",
        "Failures in a row that open it; 5 by default.",
        |cx, line, b| {
            b.failures = line.number32(cx, 1..=u32::MAX).unwrap_or(1);
        },
    ),
    Row::new(
        "successes",
        "successes N",
        "Successes that close it; 1 by default.",
        |cx, line, b| {
            b.successes = line.number32(cx, 1..=u32::MAX).unwrap_or(1);
        },
    ),
    Row::new(
        "open",
        "open DURATION",
        "How long it stays open; 30s by default.",
        |cx, line, b| {
            b.open = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "half_open",
        "half_open N",
        "Calls while half open; 1 by default.",
        |cx, line, b| {
            b.half_open = line.number32(cx, 1..=u32::MAX).unwrap_or(1);
        },
    ),
];

const BREAKER_DEFAULT: CircuitBreaker = CircuitBreaker {
    failures: 5,
    successes: 1,
    open: Duration::from_secs(30),
    half_open: 1,
};

pub(crate) fn read(cx: &mut Cx<'_>, line: &Line<'_>, draft: &mut Draft) {
    let Some(([name], block)) = line.with_block(cx, 1..=1) else {
        return;
    };
    let id: Option<ProviderId> = cx.checked(name, "provider name", name.text.parse());
    let mut options = Options {
        kind: None,
        kind_written: false,
        base_url: None,
        url_written: false,
        api_keys: Vec::new(),
        credential_at: None,
        headers: Vec::new(),
        timeouts: ProviderTimeouts {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_mins(1),
            first_token: Duration::ZERO,
            idle: Duration::from_mins(1),
            total: Duration::from_mins(10),
        },
        retry: Retry {
            attempts: 2,
            statuses: vec![
                StatusPattern::Code(408),
                StatusPattern::Code(429),
                StatusPattern::Class(5),
            ],
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
        },
        circuit_breaker: Some(BREAKER_DEFAULT),
        disabled: false,
    };
    if let Some(block) = block {
        cx.run_block(block, KIND, OPTIONS, &mut options);
    }
    let kind = if options.kind_written {
        options.kind
    } else {
        kind::from_name(cx, name)
    };
    // A provider of unknown kind stays listed, so that models and keys naming it are not reported too.
    let base_url = match kind {
        Some(kind) if options.base_url.is_some() || !options.url_written => {
            base_url::settle(cx, name, kind, options.base_url.take())
        }
        _ => None,
    };
    let credential_at = options.credential_at;
    if kind == Some(ProviderKind::Openai) && options.api_keys.is_empty() && credential_at.is_none()
    {
        let value = (cx.env)(OPENAI_VARIABLE).unwrap_or_default();
        options.api_keys.push(Secret::new(
            value,
            SecretOrigin::Env(OPENAI_VARIABLE.to_owned()),
        ));
    }
    if !options.disabled
        && !options.api_keys.is_empty()
        && options.api_keys.iter().all(Secret::is_empty)
    {
        let variable = options
            .api_keys
            .iter()
            .find_map(|secret| match secret.origin() {
                SecretOrigin::Env(name) => Some(format!("set the environment variable `{name}`")),
                _ => None,
            });
        cx.say(
            credential_at.unwrap_or(name.at),
            Diagnostic::warning(
                "no-credential",
                format!("provider `{}` has no credential and is disabled", name.text),
            )
            .label("nothing stands here")
            .hint(variable.unwrap_or_default()),
        );
    }
    if let Some(first) = draft.provider_names.insert(name.text.to_string(), name.at) {
        cx.say(
            name.at,
            Diagnostic::error(
                "duplicate-provider",
                format!("provider `{}` is defined twice", name.text),
            )
            .label("second definition")
            .also(first.span, "first definition"),
        );
        return;
    }
    let Some(id) = id else { return };
    let provider = Provider {
        id,
        kind: kind.unwrap_or(ProviderKind::Echo),
        base_url,
        api_keys: options.api_keys,
        headers: options.headers,
        timeouts: options.timeouts,
        retry: options.retry,
        circuit_breaker: options.circuit_breaker,
        disabled: options.disabled,
        origin: cx.origin(&line.segment.name),
    };
    draft.providers.push(provider);
}

fn api_key(cx: &mut Cx<'_>, line: &Line<'_>, options: &mut Options) {
    options.credential_at.get_or_insert(line.at());
    if line.args.is_empty()
        && let Some(variable) = cx.unset_on_line(line.at())
    {
        options
            .api_keys
            .push(Secret::new("", SecretOrigin::Env(variable.to_string())));
        return;
    }
    if let Some(first) = line.args.first() {
        if let Some(weight) = line.args.get(1).filter(|word| word.is_word("weight")) {
            let _ = cx.secret(first);
            cx.say(
                weight.at,
                Diagnostic::error(
                    "not-available",
                    "weights of credentials are not available yet",
                )
                .label("not available yet")
                .hint("leave the weight out: every credential is used alike"),
            );
            return;
        }
        options.api_keys.extend(cx.secret(first));
        line.list(cx, 1..=1);
    } else {
        line.list(cx, 1..=1);
    }
}
