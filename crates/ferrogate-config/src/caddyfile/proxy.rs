//! `reverse_proxy`.

use std::time::Duration;

use ferrogate_types::Template;
use ferrogate_types::route::{
    BufferLimit, DynamicUpstreams, Handler, HeaderOp, HttpTransport, LoadBalancing,
    LoadBalancingPolicy, MatcherSet, PassiveHealth, ReverseProxy,
};
use ipnet::IpNet;

use super::body::{Body, open_relay};
use super::context::Cx;
use super::intercept::Responses;
use super::line::Line;
use super::syntax::{Block, Place};
use super::table::Kind;
use crate::diagnostic::Diagnostic;

pub(crate) mod balance;
pub(crate) mod dynamic;
pub(crate) mod forward_auth;
mod health;
mod options;
pub(crate) mod transport;
mod upstream;

use health::Health;

pub(crate) use options::OPTIONS;

use transport::Transport;
use upstream::Upstream;

const KIND: Kind = Kind {
    noun: "subdirective",
    place: "in `reverse_proxy`",
};

/// A proxy as it is read.
pub(crate) struct Draft {
    upstreams: Vec<Upstream>,
    dynamic: Option<DynamicUpstreams>,
    policy: LoadBalancingPolicy,
    policy_at: Option<Place>,
    retries: u32,
    try_duration: Duration,
    try_interval: Option<Duration>,
    retry_match: Vec<MatcherSet>,
    active: Health,
    health: PassiveHealth,
    header_up: Vec<HeaderOp>,
    header_down: Vec<HeaderOp>,
    trusted_proxies: Vec<IpNet>,
    rewrite: Option<Template>,
    method: Option<Template>,
    request_buffers: Option<BufferLimit>,
    response_buffers: Option<BufferLimit>,
    max_buffer_size: Option<u64>,
    stream_timeout: Option<Duration>,
    stream_close_delay: Option<Duration>,
    stream_buffer_size: Option<u64>,
    verbose_logs: bool,
    responses: Responses,
    flush_interval: Option<String>,
    transport: Transport,
    /// Where an operator's credential is put into requests.
    injects: Option<Place>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            upstreams: Vec::new(),
            dynamic: None,
            policy: LoadBalancingPolicy::Random,
            policy_at: None,
            retries: 0,
            try_duration: Duration::ZERO,
            try_interval: None,
            retry_match: Vec::new(),
            active: Health::default(),
            health: PassiveHealth::default(),
            header_up: Vec::new(),
            header_down: Vec::new(),
            trusted_proxies: Vec::new(),
            rewrite: None,
            method: None,
            request_buffers: None,
            response_buffers: None,
            max_buffer_size: None,
            stream_timeout: None,
            stream_close_delay: None,
            stream_buffer_size: None,
            verbose_logs: false,
            responses: Responses::default(),
            flush_interval: None,
            transport: Transport::default(),
            injects: None,
        }
    }
}

/// `reverse_proxy`. Without any upstream it answers every request with 503, as Caddy's does; that is what the word
/// alone means, and probably a mistake when more is written.
pub(crate) fn directive(cx: &mut Cx<'_>, line: &Line<'_>, body: &mut Body) {
    let mut draft = Draft::default();
    let errors = cx.report.error_count();
    for word in line.args {
        draft.upstreams.extend(cx.upstreams(word));
    }
    if let Some(block) = &line.segment.block {
        draft.block(cx, block);
    }
    if draft.upstreams.is_empty()
        && draft.dynamic.is_none()
        && line.args.is_empty()
        && line.segment.block.is_some()
        && errors == cx.report.error_count()
    {
        cx.say(
            line.at(),
            Diagnostic::warning("no-upstream", "`reverse_proxy` has no upstream")
                .label("every request is answered with 503")
                .hint(line.syntax()),
        );
    }
    if let Some(at) = draft.injects.filter(|_| cx.guards == 0) {
        cx.say(at, open_relay());
    }
    body.proxies = true;
    if let Some(proxy) = draft.settle(cx) {
        body.push(cx, line, Handler::ReverseProxy(Box::new(proxy)));
    }
}

impl Draft {
    /// Reads a block of subdirectives.
    fn block(&mut self, cx: &mut Cx<'_>, block: &Block) {
        let (responses, rest) = Responses::definitions(cx, block);
        self.responses = responses;
        cx.run_block(&rest, KIND, OPTIONS, self);
    }

    /// Checks what was read, and puts the defaults in.
    fn settle(self, cx: &mut Cx<'_>) -> Option<ReverseProxy> {
        let (upstreams, tls) = cx.settle(self.upstreams, &self.transport)?;
        if let (Some(weights), Some(at)) = (balance::weights_of(&self.policy), self.policy_at)
            && weights.len() != upstreams.len()
            && self.dynamic.is_none()
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
        let pause = if self.try_duration.is_zero() {
            Duration::ZERO
        } else {
            Duration::from_millis(250)
        };
        let limit = |buffers: Option<BufferLimit>| match (buffers, self.max_buffer_size) {
            (Some(BufferLimit::Unlimited), Some(size)) => Some(BufferLimit::Bytes(size)),
            (buffers, _) => buffers,
        };
        Some(ReverseProxy {
            upstreams,
            dynamic: self.dynamic,
            load_balancing: LoadBalancing {
                policy: self.policy,
                retries: self.retries,
                try_duration: self.try_duration,
                try_interval: self.try_interval.unwrap_or(pause),
                retry_match: self.retry_match,
            },
            active_health: self.active.settle(cx),
            passive_health: self.health,
            header_up: self.header_up,
            header_down: self.header_down,
            trusted_proxies: self.trusted_proxies,
            rewrite: self.rewrite,
            method: self.method,
            request_buffers: limit(self.request_buffers),
            response_buffers: limit(self.response_buffers),
            stream_timeout: self.stream_timeout,
            stream_close_delay: self.stream_close_delay,
            stream_buffer_size: self.stream_buffer_size,
            verbose_logs: self.verbose_logs,
            responses: self.responses.settle(cx),
            transport: HttpTransport {
                tls,
                ..self.transport.http
            },
            flush_interval: self.flush_interval,
        })
    }
}
