//! `ai_gateway`: providers, models and keys.

use std::collections::HashMap;
use std::time::Duration;

use ferrogate_types::Secret;
use ferrogate_types::route::Handler;

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::syntax::{Block, Place};
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{AiGateway, AuthMode, Provider};

mod check;
pub(crate) mod key;
pub(crate) mod model;
pub(crate) mod provider;
mod rfc3339;
mod secret;

const KIND: Kind = Kind {
    noun: "gateway option",
    place: "in `ai_gateway`",
};
const SWITCH: &[(&str, bool)] = &[("on", true), ("off", false)];

/// A gateway as it is read.
pub(crate) struct Draft {
    pub(super) providers: Vec<Provider>,
    pub(super) models: Vec<model::Named>,
    pub(super) aliases: Vec<model::Alias>,
    pub(super) keys: Vec<key::Named>,
    /// Where the names of providers and keys stand, and the secrets of keys by their hash.
    pub(super) provider_names: HashMap<String, Place>,
    pub(super) key_names: HashMap<String, Place>,
    pub(super) key_secrets: HashMap<u64, (Secret, Place)>,
    auth: AuthMode,
    admin: Option<bool>,
    max_request_bytes: u64,
    max_response_bytes: u64,
    request_timeout: Duration,
}

/// Every option of `ai_gateway`.
pub(crate) const OPTIONS: &[Row<Draft>] = &[
    Row::many(
        "provider",
        "provider NAME { ... }",
        "Somebody who serves models.",
        provider::read,
    ),
    Row::many(
        "model",
        "model NAME [ALIAS...] -> PROVIDER[:UPSTREAM_MODEL]... [{ ... }]",
        "What callers ask for.",
        model::read,
    ),
    Row::many(
        "alias",
        "alias NAME MODEL",
        "Another name of a model.",
        model::alias,
    ),
    Row::many("api_key", "api_key ID { ... }", "A virtual key.", key::read),
    Row::new(
        "auth",
        "auth required|off",
        "Who may call.",
        |cx, line, draft| {
            const MODES: &[(&str, AuthMode)] =
                &[("required", AuthMode::Required), ("off", AuthMode::Off)];
            let Some(mode) = line
                .word(cx)
                .and_then(|word| cx.one_of(word, "auth mode", MODES))
            else {
                return;
            };
            draft.auth = mode;
            if mode == AuthMode::Off {
                cx.say(
                    line.at(),
                    Diagnostic::warning(
                        "auth-off",
                        "everybody who can reach this gateway may use its models",
                    )
                    .label("no key is asked for"),
                );
            }
        },
    ),
    Row::new(
        "admin",
        "admin on|off",
        "Serves /metrics and the admin API on the site.",
        |cx, line, draft| {
            draft.admin = line
                .word(cx)
                .and_then(|word| cx.one_of(word, "switch", SWITCH));
        },
    ),
    Row::new(
        "max_request_bytes",
        "max_request_bytes SIZE",
        "The largest request body; 32MiB by default.",
        |cx, line, draft| {
            draft.max_request_bytes = line.size(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "max_response_bytes",
        "max_response_bytes SIZE",
        "The largest answer; 16MiB by default.",
        |cx, line, draft| {
            draft.max_response_bytes = line.size(cx).unwrap_or_default();
        },
    ),
    Row::new(
        "request_timeout",
        "request_timeout DURATION",
        "From request to last byte; 10m by default.",
        |cx, line, draft| {
            draft.request_timeout = line.duration(cx).unwrap_or_default();
        },
    ),
    Row::later("auto_providers", "write a `provider` for each"),
    Row::later("tenant", "give limits to each `api_key`"),
    Row::later(
        "policy",
        "use `allowed_models` and `denied_models` of an `api_key`",
    ),
    Row::later("guardrail", ""),
    Row::later("cache", ""),
    Row::later(
        "rate_limit",
        "use `request_limit_per_minute` of an `api_key`",
    ),
    Row::later("mcp_server", ""),
    Row::later("on_unsupported_param", "requests are passed on as they are"),
    Row::later("price_catalog", "give prices to each `model`"),
];

/// `ai_gateway` in a site.
pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let Some((_, block)) = line.with_block(cx, 0..=0) else {
        return;
    };
    let index = match (block, &mut cx.shared_gateway) {
        (Some(block), _) => gateway(cx, block),
        (None, Some((index, mounted))) => {
            *mounted = true;
            *index
        }
        (None, None) => {
            cx.say(
                line.at(),
                Diagnostic::error("no-gateway", "there is no global `ai_gateway` to mount")
                    .label("a bare word mounts the gateway of the global options")
                    .hint("define it here, in a block, or among the global options"),
            );
            return;
        }
    };
    body.push(cx, line, Handler::AiGateway(index));
}

/// Reads a gateway and returns its index.
pub(crate) fn gateway(cx: &mut Cx<'_>, block: &Block) -> usize {
    let mut draft = Draft {
        providers: Vec::new(),
        models: Vec::new(),
        aliases: Vec::new(),
        keys: Vec::new(),
        provider_names: HashMap::new(),
        key_names: HashMap::new(),
        key_secrets: HashMap::new(),
        auth: AuthMode::Required,
        admin: None,
        max_request_bytes: 32 << 20,
        max_response_bytes: 16 << 20,
        request_timeout: Duration::from_mins(10),
    };
    cx.run_block(block, KIND, OPTIONS, &mut draft);
    check::references(cx, &mut draft);
    cx.gateways.push(AiGateway {
        providers: draft.providers,
        models: draft.models.into_iter().map(|named| named.model).collect(),
        api_keys: draft.keys.into_iter().map(|named| named.key).collect(),
        auth: draft.auth,
        admin: draft.admin,
        max_request_bytes: draft.max_request_bytes,
        request_timeout: draft.request_timeout,
        max_response_bytes: draft.max_response_bytes,
    });
    cx.gateways.len() - 1
}
