//! Replicate: a prediction is created, and then waited for or listened to.
//!
//! Source: Replicate's HTTP API, "Create a prediction", "Streaming output".

use std::time::{Duration, Instant};

use bytes::Bytes;
use ferrogate_llm::{Prediction, PredictionStatus};
use ferrogate_providers::PlannedTarget;
use ferrogate_upstream::{Answer, Call, Client, Endpoint, Timeouts};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};

use super::Job;
use super::fault::{Fault, FaultKind};

/// Between two questions whether it is over.
const PAUSE: Duration = Duration::from_millis(500);
/// How long calling one off may take.
const CANCELLING: Duration = Duration::from_secs(10);
/// The largest answer about a prediction that streams.
const MAX_CREATED: usize = 1 << 20;

/// A prediction under way. Dropped before it is over, it is called off: it would run on and be billed.
pub(super) struct Running {
    client: Client,
    /// The provider's own API.
    api: Endpoint,
    headers: HeaderMap,
    timeouts: Timeouts,
    deadline: Instant,
    cancel: Option<String>,
}

impl Running {
    /// Reads what the creation of a prediction was answered with.
    pub(super) async fn created(
        job: &Job<'_>,
        planned: &PlannedTarget,
        mut headers: HeaderMap,
        answer: Answer,
    ) -> Result<(Self, Bytes), Fault> {
        let spec = planned.target.provider.spec();
        let api = job
            .gateway
            .endpoints
            .get(&spec.id)
            .ok_or_else(|| Fault::new(FaultKind::Unreachable))?;
        let most = if job.request.stream() {
            MAX_CREATED
        } else {
            job.gateway.max_response_bytes
        };
        let body = answer
            .collect(most)
            .await
            .map_err(|error| Fault::of_call(&error))?;
        headers.remove(CONTENT_TYPE);
        let cancel = Prediction::read(&body)
            .filter(|prediction| prediction.status == PredictionStatus::Running)
            .and_then(|prediction| prediction.cancel.map(std::borrow::Cow::into_owned));
        let running = Self {
            client: job.shared.client.clone(),
            api: api.clone(),
            headers,
            timeouts: Timeouts {
                connect: spec.timeouts.connect.unwrap_or(CANCELLING),
                first_byte: spec.timeouts.first_byte,
                idle: spec.timeouts.idle,
            },
            deadline: job.deadline,
            cancel,
        };
        Ok((running, body))
    }

    /// Waits until it is over and returns what it says then.
    pub(super) async fn over(mut self, created: Bytes) -> Result<Bytes, Fault> {
        let mut body = created;
        loop {
            let Some(prediction) = Prediction::read(&body) else {
                return Err(Fault::new(FaultKind::Nonsense(
                    "something other than a prediction",
                )));
            };
            if prediction.status != PredictionStatus::Running {
                self.cancel = None;
                return Ok(body);
            }
            let ask = prediction.get.ok_or_else(|| {
                Fault::new(FaultKind::Nonsense("a prediction without an address"))
            })?;
            tokio::time::sleep(PAUSE).await;
            let answer = self.get(&ask, "application/json").await?;
            body = answer
                .collect(MAX_CREATED.max(body.len()))
                .await
                .map_err(|error| Fault::of_call(&error))?;
        }
    }

    /// Listens to its output.
    pub(super) async fn stream(&self, created: &Bytes) -> Result<Answer, Fault> {
        let url = Prediction::read(created)
            .and_then(|prediction| prediction.stream)
            .ok_or_else(|| Fault::new(FaultKind::Nonsense("a prediction that does not stream")))?;
        self.get(&url, "text/event-stream").await
    }

    /// It came to its end.
    pub(super) fn finished(&mut self) {
        self.cancel = None;
    }

    async fn get(&self, url: &str, accept: &'static str) -> Result<Answer, Fault> {
        let (endpoint, path) = self
            .place(url)
            .ok_or_else(|| Fault::new(FaultKind::Nonsense("an address that is not its own")))?;
        let mut headers = self.headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let call = Call {
            headers,
            timeouts: self.timeouts,
            deadline: Some(self.deadline),
            ..Call::get(path)
        };
        let answer = self
            .client
            .call(&endpoint, call)
            .await
            .map_err(|error| Fault::of_call(&error))?;
        let status = answer.status;
        if status.is_success() {
            return Ok(answer);
        }
        if status.is_redirection() {
            return Err(Fault::new(FaultKind::Nonsense(
                "a redirect, which is not followed",
            )));
        }
        let body = answer.collect(MAX_CREATED).await.unwrap_or_default();
        let said = ferrogate_llm::UpstreamFault::read(&body);
        Err(Fault::status(status.as_u16(), said, None))
    }

    /// Where an address of the provider's leads, if it is its own: the credential goes nowhere else.
    fn place(&self, url: &str) -> Option<(Endpoint, String)> {
        let (scheme, rest) = url.split_once("://")?;
        let (host, path) = rest.split_once('/')?;
        let origin = format!("{scheme}://{host}");
        let own = origin == self.api.origin();
        let streaming = origin == "https://stream.replicate.com";
        let endpoint = (own || streaming).then(|| Endpoint::parse(&origin).ok())??;
        Some((endpoint, format!("/{path}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some((endpoint, path)) = self.cancel.take().and_then(|url| self.place(&url)) else {
            return;
        };
        let call = Call {
            method: Method::POST,
            headers: std::mem::take(&mut self.headers),
            timeouts: self.timeouts,
            deadline: Some(Instant::now() + CANCELLING),
            replayable: true,
            ..Call::get(path)
        };
        let client = self.client.clone();
        // Nobody is left to wait for it, and it ends by its deadline.
        tokio::spawn(async move {
            if let Err(error) = client.call(&endpoint, call).await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "a prediction was not called off"
                );
            }
        });
    }
}
