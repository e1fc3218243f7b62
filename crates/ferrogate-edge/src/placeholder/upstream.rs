//! Facts of the upstream.

use std::time::Duration;

use ferrogate_types::UpstreamFact;

use super::{push_known, status_text};
use crate::exchange::Exchange;
use crate::time::GoDuration;

/// Appends a fact; `false` while it is not known.
pub(super) fn write(fact: UpstreamFact, exchange: &Exchange, out: &mut String) -> bool {
    let notes = exchange.upstream_notes();
    let ends = notes.host_and_port();
    let text = |value: Option<Duration>| value.map(GoDuration);
    let milliseconds = |value: Option<Duration>| value.map(|value| value.as_secs_f64() * 1_000.0);
    match fact {
        UpstreamFact::Address => push_known(out, notes.dial.as_deref()),
        UpstreamFact::Host => push_known(out, ends.map(|(host, _)| host)),
        UpstreamFact::Port => push_known(out, ends.map(|(_, port)| port)),
        UpstreamFact::Requests => push_known(out, notes.requests),
        UpstreamFact::MaxRequests => push_known(out, notes.max_requests),
        UpstreamFact::Fails => push_known(out, notes.fails),
        UpstreamFact::Latency => push_known(out, text(notes.latency)),
        UpstreamFact::LatencyMs => push_known(out, milliseconds(notes.latency)),
        UpstreamFact::AttemptDuration => push_known(out, text(notes.upstream_duration)),
        UpstreamFact::AttemptDurationMs => push_known(out, milliseconds(notes.upstream_duration)),
        UpstreamFact::Duration => push_known(out, text(notes.duration)),
        UpstreamFact::DurationMs => push_known(out, milliseconds(notes.duration)),
        UpstreamFact::Retries => push_known(out, notes.retries),
        UpstreamFact::StatusText => {
            let status = exchange.upstream_answer().map(|(status, _)| status);
            push_known(out, status.map(status_text))
        }
        UpstreamFact::IsTransportError => push_known(out, notes.is_transport_error),
        UpstreamFact::HealthTarget => push_known(out, notes.health_target.as_deref()),
    }
}
