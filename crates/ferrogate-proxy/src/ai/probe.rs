//! Health probes of model servers of one's own: asked at an interval, and left alone while they do not answer well.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferrogate_providers::Provider;
use ferrogate_upstream::{Call, Endpoint, Timeouts};
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Method};
use tokio::task::JoinSet;

use crate::Shared;

/// How a provider is asked whether it is well.
#[derive(Clone, Debug)]
pub struct HealthProbe {
    /// What is asked for, on the host of its API.
    pub path: String,
    /// From one probe to the next.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Failures in a row after which it is left alone.
    pub unhealthy: u32,
    /// Successes in a row after which it is used again.
    pub healthy: u32,
}

/// So much of an answer's rest is read, so that the connection can be used again.
const REST: usize = 64 << 10;

/// Probes the providers of a configuration until it is dropped. With nothing to probe it waits for ever.
///
/// # Cancel safety
///
/// Safe: dropping the future ends all probes.
pub async fn watch(shared: Arc<Shared>) {
    let snapshot = shared.snapshot();
    let mut probes = JoinSet::new();
    for gateway in &snapshot.gateways {
        for provider in gateway.registry.providers() {
            if let (Some(probe), Some(endpoint)) = (
                gateway.probes.get(provider.id()),
                gateway.endpoints.get(provider.id()),
            ) {
                probes.spawn(check(
                    Arc::clone(&shared),
                    Arc::clone(provider),
                    endpoint.clone(),
                    probe.clone(),
                ));
            }
        }
    }
    while probes.join_next().await.is_some() {}
    pending::<()>().await;
}

/// Asks one provider again and again, beginning now.
async fn check(
    shared: Arc<Shared>,
    provider: Arc<Provider>,
    endpoint: Endpoint,
    probe: HealthProbe,
) {
    let mut interval = tokio::time::interval(probe.interval.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut streak = Streak::default();
    loop {
        interval.tick().await;
        let asked = ask(&shared, &provider, &endpoint, &probe);
        let answer = tokio::time::timeout(probe.timeout, asked)
            .await
            .unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let turn = streak.note(answer.is_ok(), &probe);
        let changed = turn.is_some_and(|well| provider.set_healthy(well));
        shared
            .metrics
            .upstream_healthy(provider.id().as_str(), provider.is_healthy());
        let provider = provider.id().as_str();
        match answer {
            Ok(()) if changed => tracing::info!(provider, "the provider is healthy again"),
            Ok(()) => {}
            Err(why) if changed => tracing::warn!(provider, why, "the provider is unhealthy"),
            Err(why) => tracing::debug!(provider, why, "a health probe failed"),
        }
    }
}

/// Answers of one sort in a row.
#[derive(Default)]
struct Streak {
    well: bool,
    count: u32,
}

impl Streak {
    /// Notes an answer; whether the provider is well or not, once enough of them say so.
    fn note(&mut self, well: bool, probe: &HealthProbe) -> Option<bool> {
        self.count = if self.well == well {
            self.count.saturating_add(1)
        } else {
            1
        };
        self.well = well;
        let enough = if well { probe.healthy } else { probe.unhealthy };
        (self.count >= enough.max(1)).then_some(well)
    }
}

/// Asks once; any 2xx is healthy.
async fn ask(
    shared: &Shared,
    provider: &Provider,
    endpoint: &Endpoint,
    probe: &HealthProbe,
) -> Result<(), String> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static("Ferrogate"));
    let credential = provider.credentials().first();
    provider.spec().dress(&mut headers, credential);
    let call = Call {
        method: Method::GET,
        // On the host, not below the API's own path: servers have it there.
        path_and_query: probe.path.clone(),
        headers,
        body: Bytes::new(),
        timeouts: Timeouts {
            connect: probe.timeout,
            first_byte: Some(probe.timeout),
            idle: Some(probe.timeout),
        },
        deadline: None,
        replayable: true,
    };
    let answer = shared
        .client
        .call(endpoint, call)
        .await
        .map_err(|error| error.to_string())?;
    let status = answer.status;
    answer.discard(REST).await;
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("status {}", status.as_u16()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_after_enough_answers_in_a_row() {
        let probe = HealthProbe {
            path: "/health".to_owned(),
            interval: Duration::ZERO,
            timeout: Duration::ZERO,
            unhealthy: 3,
            healthy: 2,
        };
        let mut streak = Streak::default();
        let verdicts: Vec<Option<bool>> = "ffwfffwwf"
            .chars()
            .map(|answer| streak.note(answer == 'w', &probe))
            .collect();
        let no = None;
        assert_eq!(
            verdicts,
            [no, no, no, no, no, Some(false), no, Some(true), no]
        );
    }
}
