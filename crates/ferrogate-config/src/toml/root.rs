//! The top of the file: its tables, and the options of the process.

use super::reliability::{RELIABILITY, Reliability};
use super::route::RouteDraft;
use super::settings::{ADMIN, AI_GATEWAY, STORAGE, TELEMETRY};
use super::state::{STATE, State};
use super::table::{Key, Shape, Table};
use super::tls::{TLS, Tls};
use super::upstream::Upstreams;
use super::{api_key, jwt, line, model, policy, provider, rate_limit, route, tenant, upstream};
use crate::caddyfile::syntax::{Segment, Token};

/// A file as it is read.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) listen: Option<Token>,
    /// Lines of the global options.
    pub(super) global: Vec<Segment>,
    /// Lines of the gateway, and what is said elsewhere for the case that there is one.
    pub(super) gateway: Option<Vec<Segment>>,
    pub(super) limits: Vec<Segment>,
    pub(super) providers: Vec<Segment>,
    pub(super) models: Vec<Segment>,
    pub(super) api_keys: Vec<Segment>,
    pub(super) reliability: Reliability,
    pub(super) tls: Tls,
    pub(super) access_log: bool,
    pub(super) upstreams: Upstreams,
    pub(super) routes: Vec<RouteDraft>,
}

impl line::Lines for Draft {
    fn lines(&mut self) -> &mut Vec<Segment> {
        &mut self.global
    }
}

/// Every key at the top of the file.
pub(super) const ROOT: Table<Draft> = Table {
    title: "",
    keys: &[
        Key::new(
            "listen",
            Shape::Text,
            "The address of the listener; `127.0.0.1:8080` by default.",
            |r, e, d| {
                d.listen = Some(r.value(e));
            },
        ),
        Key::new(
            "workers",
            Shape::Number,
            "Runtime threads, or `\"auto\"`.",
            line::one,
        ),
        Key::new(
            "grace_period",
            Shape::Duration,
            "How long requests may take to end.",
            line::one,
        ),
        Key::new(
            "shutdown_delay",
            Shape::Duration,
            "How long to serve after a stop.",
            line::one,
        ),
        Key::new("debug", Shape::Flag, "Logs at level DEBUG.", line::flag),
        Key::new("admin", Shape::Table, "The admin listener.", |r, e, d| {
            r.inner(&ADMIN, e, d);
        }),
        Key::new(
            "tls",
            Shape::Table,
            "The certificate of the listener.",
            |r, e, d| {
                d.tls.at = Some(e.name.at);
                r.inner(&TLS, e, &mut d.tls);
            },
        ),
        Key::new("telemetry", Shape::Table, "What is logged.", |r, e, d| {
            r.inner(&TELEMETRY, e, d);
        }),
        Key::new("storage", Shape::Table, "How much is kept.", |r, e, d| {
            r.inner(&STORAGE, e, d);
        }),
        Key::new(
            "reliability",
            Shape::Table,
            "Limits and retries of all providers.",
            |r, e, d| {
                r.inner(&RELIABILITY, e, d);
            },
        ),
        Key::new(
            "ai_gateway",
            Shape::Table,
            "Options of the gateway as a whole.",
            |r, e, d| {
                let lines = d.gateway.get_or_insert_default();
                r.inner(&AI_GATEWAY, e, lines);
            },
        ),
        Key::new(
            "upstreams",
            Shape::Tables,
            "Servers behind the proxy.",
            upstream::read,
        ),
        Key::new(
            "routes",
            Shape::Tables,
            "Which requests go to which upstream; the first that matches.",
            route::read,
        ),
        Key::new(
            "providers",
            Shape::Tables,
            "Who serves models.",
            provider::read,
        ),
        Key::new(
            "models",
            Shape::Tables,
            "What callers may ask for.",
            model::read,
        ),
        Key::new("api_keys", Shape::Tables, "Virtual keys.", api_key::read),
        Key::new(
            "tenants",
            Shape::Tables,
            "Organisations, teams and projects.",
            tenant::read,
        ),
        Key::new(
            "policies",
            Shape::Tables,
            "Rules on who may call what.",
            policy::read,
        ),
        Key::new(
            "jwt",
            Shape::Tables,
            "Whose bearer tokens are accepted.",
            jwt::read,
        ),
        Key::new(
            "rate_limit",
            Shape::Table,
            "How much each address, key, user, tenant and model may use, and all together.",
            rate_limit::read,
        ),
        Key::later("guardrails", ""),
        Key::later("cache", "nothing is cached"),
        Key::later("mcp_servers", ""),
        Key::new(
            "state",
            Shape::Table,
            "What survives a restart.",
            |r, e, d| {
                let mut state = State::default();
                r.inner(&STATE, e, &mut state);
                d.global.extend(state.block(r, e));
            },
        ),
        Key::new(
            "shared",
            Shape::Words,
            "The server that nodes share, as `redis URL`.",
            |r, e, d| line::words(r, e, &mut d.global),
        ),
        Key::later("graceful_upgrade", ""),
    ],
};
