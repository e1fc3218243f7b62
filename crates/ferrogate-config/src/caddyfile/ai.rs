//! `ai_gateway`: providers, models and keys.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use ferrogate_types::limits::Limits;
use ferrogate_types::route::Handler;
use ferrogate_types::{ProviderId, Secret, SubjectKind};

use super::body::Body;
use super::context::Cx;
use super::line::Line;
use super::syntax::{Block, Place, Token};
use super::table::{Kind, Row};
use crate::diagnostic::Diagnostic;
use crate::model::{AiGateway, AuthMode, OnUnsupportedParam, Policy, Provider};

mod auto;
mod check;
mod fallback;
mod holder;
pub(crate) mod jwt;
pub(crate) mod key;
mod limits;
pub(crate) mod model;
mod pattern;
pub(crate) mod policy;
pub(crate) mod provider;
pub(crate) mod rate_limit;
mod rfc3339;
mod scopes;
mod secret;
pub(crate) mod tenant;

const KIND: Kind = Kind {
    noun: "gateway option",
    place: "in `ai_gateway`",
};
const SWITCH: &[(&str, bool)] = &[("on", true), ("off", false)];

/// A gateway as it is read.
pub(crate) struct Draft {
    pub(super) providers: Vec<Provider>,
    /// What `models` of a provider lists.
    pub(super) inventory: Vec<(ProviderId, Token)>,
    pub(super) models: Vec<model::Named>,
    pub(super) aliases: Vec<model::Alias>,
    pub(super) tenants: Vec<tenant::Named>,
    pub(super) policies: Vec<Policy>,
    pub(super) keys: Vec<key::Named>,
    pub(super) jwt: Vec<jwt::Named>,
    rate_limit: BTreeMap<SubjectKind, Limits>,
    /// Where the names of providers and keys stand, and the secrets of keys by their hash.
    pub(super) provider_names: HashMap<String, Place>,
    pub(super) key_names: HashMap<String, Place>,
    pub(super) key_secrets: HashMap<u64, (Secret, Place)>,
    /// Where `auto_providers on` stands.
    auto: Option<Place>,
    on_unsupported_param: OnUnsupportedParam,
    price_catalog: Option<PathBuf>,
    auth: AuthMode,
    admin: Option<bool>,
    max_request_bytes: u64,
    max_response_bytes: u64,
    request_timeout: Duration,
    stream_keep_alive: Duration,
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
    Row::many(
        "tenant",
        "tenant ID [in PARENT] { ... }",
        "An organisation, a team or a project, whose limits hold for all its keys.",
        tenant::read,
    ),
    Row::many("api_key", "api_key ID { ... }", "A virtual key.", key::read),
    Row::many(
        "policy",
        "policy NAME { ... }",
        "A rule on who may call what, where, when and from where.",
        policy::read,
    ),
    Row::many(
        "jwt",
        "jwt ISSUER { ... }",
        "Somebody whose bearer tokens are accepted.",
        jwt::read,
    ),
    Row::new(
        "rate_limit",
        "rate_limit { ... }",
        "How much each address, key, user, tenant and model may use, and all together.",
        |cx, line, draft| {
            line.options(
                cx,
                rate_limit::KIND,
                rate_limit::OPTIONS,
                &mut draft.rate_limit,
            );
        },
    ),
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
    Row::new(
        "stream_keep_alive",
        "stream_keep_alive DURATION|off",
        "A silent stream is told to be alive this often; 15s by default.",
        |cx, line, draft| {
            draft.stream_keep_alive = match line.args {
                [word] if &*word.text == "off" => Duration::ZERO,
                _ => line.duration(cx).unwrap_or_default(),
            };
        },
    ),
    Row::new(
        "auto_providers",
        "auto_providers [on|off]",
        "Uses every provider whose variables are set.",
        |cx, line, draft| {
            let on = line.args.is_empty()
                || line
                    .word(cx)
                    .and_then(|word| cx.one_of(word, "switch", SWITCH))
                    == Some(true);
            draft.auto = on.then(|| line.at());
        },
    ),
    Row::new(
        "on_unsupported_param",
        "on_unsupported_param report|drop|reject",
        "What to do about members a target has no place for.",
        |cx, line, draft| {
            const WAYS: &[(&str, OnUnsupportedParam)] = &[
                ("report", OnUnsupportedParam::Report),
                ("drop", OnUnsupportedParam::Drop),
                ("reject", OnUnsupportedParam::Reject),
            ];
            if let Some(way) = line.word(cx).and_then(|word| cx.one_of(word, "way", WAYS)) {
                draft.on_unsupported_param = way;
            }
        },
    ),
    Row::new(
        "price_catalog",
        "price_catalog embedded|FILE",
        "A catalog of models laid over the embedded one.",
        |cx, line, draft| {
            if let Some(word) = line.word(cx) {
                let own = &*word.text != "embedded";
                draft.price_catalog = own.then(|| PathBuf::from(&*word.text));
            }
        },
    ),
    Row::later("guardrail", ""),
    Row::later("cache", ""),
    Row::later("mcp_server", ""),
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
        inventory: Vec::new(),
        models: Vec::new(),
        aliases: Vec::new(),
        tenants: Vec::new(),
        policies: Vec::new(),
        keys: Vec::new(),
        jwt: Vec::new(),
        rate_limit: BTreeMap::new(),
        provider_names: HashMap::new(),
        key_names: HashMap::new(),
        key_secrets: HashMap::new(),
        auto: None,
        on_unsupported_param: OnUnsupportedParam::default(),
        price_catalog: None,
        auth: AuthMode::Required,
        admin: None,
        max_request_bytes: 32 << 20,
        max_response_bytes: 16 << 20,
        request_timeout: Duration::from_mins(10),
        stream_keep_alive: Duration::from_secs(15),
    };
    cx.run_block(block, KIND, OPTIONS, &mut draft);
    if let Some(at) = draft.auto {
        auto::add(cx, at, &mut draft);
    }
    check::references(cx, &mut draft);
    cx.gateways.push(AiGateway {
        providers: draft.providers,
        models: draft.models.into_iter().map(|named| named.model).collect(),
        tenants: draft
            .tenants
            .into_iter()
            .map(|named| named.tenant)
            .collect(),
        api_keys: draft.keys.into_iter().map(|named| named.key).collect(),
        policies: draft.policies,
        rate_limit: draft.rate_limit,
        jwt: draft.jwt.into_iter().map(|named| named.issuer).collect(),
        auth: draft.auth,
        admin: draft.admin,
        max_request_bytes: draft.max_request_bytes,
        request_timeout: draft.request_timeout,
        stream_keep_alive: draft.stream_keep_alive,
        max_response_bytes: draft.max_response_bytes,
        on_unsupported_param: draft.on_unsupported_param,
        price_catalog: draft.price_catalog,
    });
    cx.gateways.len() - 1
}
