//! Every metric family, in one place.

use std::time::Duration;

use ferrogate_types::Usage;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

/// What answered a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A static answer of a site.
    Static,
    /// A proxied upstream.
    Proxy,
    /// A model call.
    Model,
    /// The gateway's own paths: probes, metrics, admin.
    Builtin,
}

impl RequestKind {
    const ALL: [Self; 4] = [Self::Static, Self::Proxy, Self::Model, Self::Builtin];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Proxy => "proxy",
            Self::Model => "model",
            Self::Builtin => "builtin",
        }
    }
}

/// How a model call, or one try of it, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// Answered in full.
    Success,
    /// The gateway refused it.
    Refused,
    /// Every target failed, or the stream broke.
    Failed,
    /// The caller left.
    Cancelled,
}

impl CallOutcome {
    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Every family. Label values are configured names or members of fixed sets, so that no caller can add series.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: [Histogram; 4],
    host_requests: IntCounterVec,
    host_durations: HistogramVec,
    in_flight: IntGauge,
    /// Open downstream connections.
    pub connections: IntGauge,
    rejected: IntCounterVec,
    /// Log entries that were lost.
    pub log_dropped: IntCounter,
    upstreams: IntGaugeVec,
    calls: IntCounterVec,
    attempts: IntCounterVec,
    variants: IntCounterVec,
    tokens: IntCounterVec,
    first_token: HistogramVec,
    unpriced: IntCounterVec,
    store_up: IntGauge,
    journal_failing: IntGauge,
    journal_free: IntGauge,
    undrained: IntGauge,
    ledger: IntCounterVec,
    request_logs: IntCounterVec,
}

/// How what outlives a configuration fares. Counts are since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct StateFigures {
    /// Whether the store answers.
    pub store_up: bool,
    /// Whether the disk refuses the ledger's journal.
    pub journal_failing: bool,
    /// Calls that may still begin before the journal is full.
    pub journal_free: u64,
    /// Records of the journal that the store has not been told of.
    pub undrained: u64,
    /// Calls that used more than they held.
    pub overruns: u64,
    /// Calls served though they could not be recorded before.
    pub unrecorded: u64,
    /// Charges that could not be recorded at all.
    pub lost: u64,
    /// Entries about requests that were written, dropped because the queue was full, and lost behind it.
    pub request_logs: [u64; 3],
}

/// One request under way.
#[derive(Debug)]
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Upper bounds in seconds: an edge answer takes microseconds, a model's minutes.
const BUCKETS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0,
];

impl Metrics {
    /// Every family, registered; fails only when two share a name.
    pub fn new(version: &str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter =
            |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
                let family = IntCounterVec::new(Opts::new(name, help), labels)?;
                registry.register(Box::new(family.clone()))?;
                Ok(family)
            };
        let histogram =
            |name: &str, help: &str, labels: &[&str]| -> Result<HistogramVec, prometheus::Error> {
                let family = HistogramVec::new(
                    HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()),
                    labels,
                )?;
                registry.register(Box::new(family.clone()))?;
                Ok(family)
            };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let durations = histogram(
            "ferrogate_http_request_duration_seconds",
            "Time from a request's header to the end of its answer.",
            &["kind"],
        )?;
        let log_dropped = crate::lost_entries().clone();
        registry.register(Box::new(log_dropped.clone()))?;
        let upstreams = IntGaugeVec::new(
            Opts::new(
                "ferrogate_reverse_proxy_upstreams_healthy",
                "What the last active health checks of an upstream came to: 1 healthy, 0 not.",
            ),
            &["upstream"],
        )?;
        registry.register(Box::new(upstreams.clone()))?;
        let build = IntGauge::with_opts(
            Opts::new(
                "ferrogate_build_info",
                "Always 1; the version is the label.",
            )
            .const_label("version", version),
        )?;
        build.set(1);
        registry.register(Box::new(build))?;
        Ok(Self {
            requests: counter(
                "ferrogate_http_requests_total",
                "Requests answered, by what answered them and by status.",
                &["kind", "code"],
            )?,
            durations: RequestKind::ALL.map(|kind| durations.with_label_values(&[kind.as_str()])),
            host_requests: counter(
                "ferrogate_http_host_requests_total",
                "Requests answered, by configured host and by status; with `metrics { per_host }`.",
                &["host", "code"],
            )?,
            host_durations: histogram(
                "ferrogate_http_host_request_duration_seconds",
                "Time from a request's header to the end of its answer, by configured host.",
                &["host"],
            )?,
            in_flight: gauge("ferrogate_http_requests_in_flight", "Requests under way.")?,
            connections: gauge("ferrogate_connections_open", "Open downstream connections.")?,
            rejected: counter(
                "ferrogate_http_rejected_total",
                "Connections and requests refused before any route was asked.",
                &["reason"],
            )?,
            log_dropped,
            upstreams,
            calls: counter(
                "ferrogate_gen_ai_requests_total",
                "Model calls, by model asked for, provider that answered, operation and outcome.",
                &[
                    "gen_ai_request_model",
                    "gen_ai_provider_name",
                    "gen_ai_operation_name",
                    "outcome",
                ],
            )?,
            attempts: counter(
                "ferrogate_gen_ai_attempts_total",
                "Tries of providers, by result.",
                &["gen_ai_provider_name", "result"],
            )?,
            variants: counter(
                "ferrogate_gen_ai_variants_total",
                "Model calls answered by a target with a label, by model, label and outcome.",
                &["gen_ai_request_model", "label", "outcome"],
            )?,
            tokens: counter(
                "ferrogate_gen_ai_tokens_total",
                "Tokens used.",
                &[
                    "gen_ai_request_model",
                    "gen_ai_provider_name",
                    "gen_ai_token_type",
                ],
            )?,
            first_token: histogram(
                "ferrogate_gen_ai_time_to_first_token_seconds",
                "Time from a request to the first event of its stream.",
                &["gen_ai_provider_name"],
            )?,
            unpriced: counter(
                "ferrogate_gen_ai_unpriced_total",
                "Calls of models without a price.",
                &["gen_ai_request_model"],
            )?,
            store_up: gauge(
                "ferrogate_state_store_up",
                "Whether the state store answers.",
            )?,
            journal_failing: gauge(
                "ferrogate_ledger_journal_failing",
                "Whether the disk refuses the journal of the ledger.",
            )?,
            journal_free: gauge(
                "ferrogate_ledger_journal_free_slots",
                "Calls that may still begin before the journal is full.",
            )?,
            undrained: gauge(
                "ferrogate_ledger_undrained_records",
                "Records of the journal that the state store has not been told of.",
            )?,
            ledger: counter(
                "ferrogate_ledger_exceptions_total",
                "Calls that the ledger could not hold as it should, by kind.",
                &["kind"],
            )?,
            request_logs: counter(
                "ferrogate_request_log_entries_total",
                "Entries about model calls, by what became of them.",
                &["result"],
            )?,
            registry,
        })
    }

    /// Notes how what outlives a configuration fares.
    pub fn state(&self, figures: &StateFigures) {
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.store_up.set(figures.store_up.into());
        self.journal_failing.set(figures.journal_failing.into());
        self.journal_free.set(gauge(figures.journal_free));
        self.undrained.set(gauge(figures.undrained));
        let raise = |family: &IntCounterVec, label: &str, value: u64| {
            let counter = family.with_label_values(&[label]);
            counter.inc_by(value.saturating_sub(counter.get()));
        };
        raise(&self.ledger, "overrun", figures.overruns);
        raise(&self.ledger, "unrecorded", figures.unrecorded);
        raise(&self.ledger, "lost", figures.lost);
        let results = ["written", "dropped", "lost"];
        for (result, value) in results.into_iter().zip(figures.request_logs) {
            raise(&self.request_logs, result, value);
        }
    }

    /// Notes what active health checks say of an upstream.
    pub fn upstream_healthy(&self, upstream: &str, healthy: bool) {
        self.upstreams
            .with_label_values(&[upstream])
            .set(i64::from(healthy));
    }

    /// Counts a request as under way until the guard is dropped.
    pub fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts an answered request.
    pub fn request(&self, kind: RequestKind, status: u16, duration: Duration) {
        self.requests
            .with_label_values(&[kind.as_str(), status_label(status)])
            .inc();
        self.durations[kind as usize].observe(duration.as_secs_f64());
    }

    /// Counts an answered request under its host, which must be a configured one or a fixed word.
    pub fn host_request(&self, host: &str, status: u16, duration: Duration) {
        self.host_requests
            .with_label_values(&[host, status_label(status)])
            .inc();
        self.host_durations
            .with_label_values(&[host])
            .observe(duration.as_secs_f64());
    }

    /// Counts a connection or request that was refused before routing.
    pub fn rejected(&self, reason: &'static str) {
        self.rejected.with_label_values(&[reason]).inc();
    }

    /// Counts a model call.
    pub fn call(&self, model: &str, provider: &str, operation: &str, outcome: CallOutcome) {
        self.calls
            .with_label_values(&[model, provider, operation, outcome.as_str()])
            .inc();
    }

    /// Counts one try of a provider; `result` is a member of a fixed set.
    pub fn attempt(&self, provider: &str, result: &'static str) {
        self.attempts.with_label_values(&[provider, result]).inc();
    }

    /// Counts a call that a target with this label answered.
    pub fn variant(&self, model: &str, label: &str, outcome: CallOutcome) {
        self.variants
            .with_label_values(&[model, label, outcome.as_str()])
            .inc();
    }

    /// Counts tokens.
    pub fn tokens(&self, model: &str, provider: &str, usage: &Usage) {
        for (kind, count) in [
            ("input", usage.input),
            ("cached_input", usage.cached_input),
            ("output", usage.output),
            ("reasoning", usage.reasoning),
        ] {
            if count > 0 {
                self.tokens
                    .with_label_values(&[model, provider, kind])
                    .inc_by(count);
            }
        }
    }

    /// Notes the time to a stream's first event.
    pub fn first_token(&self, provider: &str, time: Duration) {
        self.first_token
            .with_label_values(&[provider])
            .observe(time.as_secs_f64());
    }

    /// Counts a call whose model has no price.
    pub fn unpriced(&self, model: &str) {
        self.unpriced.with_label_values(&[model]).inc();
    }

    /// The page in Prometheus' text format 0.0.4.
    pub fn render(&self) -> Vec<u8> {
        let mut page = Vec::with_capacity(16 << 10);
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut page) {
            tracing::error!(%error, "the metrics page cannot be written");
        }
        page
    }
}

/// The status as a label: a table, so that counting allocates nothing.
fn status_label(status: u16) -> &'static str {
    const KNOWN: [(u16, &str); 27] = [
        (200, "200"),
        (201, "201"),
        (204, "204"),
        (206, "206"),
        (301, "301"),
        (302, "302"),
        (304, "304"),
        (307, "307"),
        (308, "308"),
        (400, "400"),
        (401, "401"),
        (402, "402"),
        (403, "403"),
        (404, "404"),
        (405, "405"),
        (408, "408"),
        (413, "413"),
        (415, "415"),
        (422, "422"),
        (429, "429"),
        (431, "431"),
        (499, "499"),
        (500, "500"),
        (501, "501"),
        (502, "502"),
        (503, "503"),
        (504, "504"),
    ];
    match KNOWN.binary_search_by_key(&status, |(code, _)| *code) {
        Ok(index) => KNOWN[index].1,
        Err(_) => ["other", "1xx", "2xx", "3xx", "4xx", "5xx"]
            .get(usize::from(status / 100))
            .copied()
            .unwrap_or("other"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_what_was_counted() {
        let metrics = Metrics::new("1.2.3").unwrap();
        metrics.request(RequestKind::Model, 200, Duration::from_millis(3));
        metrics.request(RequestKind::Static, 418, Duration::from_millis(3));
        metrics.call("m", "p", "chat", CallOutcome::Success);
        metrics.tokens(
            "m",
            "p",
            &Usage {
                input: 3,
                output: 4,
                ..Usage::default()
            },
        );
        metrics.rejected("timeout");
        metrics.host_request("a.example", 200, Duration::from_millis(3));
        let page = String::from_utf8(metrics.render()).unwrap();
        for line in [
            r#"ferrogate_build_info{version="1.2.3"} 1"#,
            r#"ferrogate_http_requests_total{code="200",kind="model"} 1"#,
            r#"ferrogate_http_requests_total{code="4xx",kind="static"} 1"#,
            r#"ferrogate_gen_ai_tokens_total{gen_ai_provider_name="p",gen_ai_request_model="m",gen_ai_token_type="output"} 4"#,
            r#"ferrogate_http_rejected_total{reason="timeout"} 1"#,
            r#"ferrogate_http_request_duration_seconds_bucket{kind="model",le="0.005"} 1"#,
            r#"ferrogate_http_host_requests_total{code="200",host="a.example"} 1"#,
            r#"ferrogate_http_host_request_duration_seconds_count{host="a.example"} 1"#,
        ] {
            assert!(page.contains(line), "{line}\nis not in\n{page}");
        }
    }

    #[test]
    fn every_status_has_a_label() {
        for (status, label) in [
            (0, "other"),
            (101, "1xx"),
            (200, "200"),
            (499, "499"),
            (504, "504"),
            (599, "5xx"),
            (999, "other"),
        ] {
            assert_eq!(status_label(status), label);
        }
    }
}
