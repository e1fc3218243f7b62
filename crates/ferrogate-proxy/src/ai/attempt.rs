//! The attempt loop: targets in order, each tried as its rule says, until one answers.
//!
//! Nothing has gone downstream yet, so everything here may be repeated. The loop moves on for transport errors,
//! timeouts, 408, 429, 5xx, and a body or first event that is the provider's error; it stops for what another
//! target would refuse as well: 400, 401, 403, 404, 422 and their like.

mod fault;
mod once;
mod outgoing;
mod pictures;
mod prediction;
mod sound;
mod vectors;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ferrogate_catalog::Prices;
use ferrogate_llm::chat::ChatRequest;
use ferrogate_llm::{
    Address, DecodeError, Dialect, ModelRequest, RelayedStream, ResponsesEcho, Step, Surface,
};
use ferrogate_providers::{LogicalModel, Pass, Plan, PlannedTarget, Provider, SkipReason};
use ferrogate_types::{ProviderId, UpstreamModel, Usage};
use ferrogate_upstream::Answer;
use http::{HeaderMap, HeaderValue};

pub(super) use self::fault::{Again, Fault, FaultKind};
pub(super) use self::once::{NO_LIMIT, refused};
pub(super) use self::outgoing::{host, sign};
use super::authenticate::Principal;
use super::gateway::ModelGateway;
use super::refusal::{Refusal, RefusalCode};
use super::{Stop, authorize};
use crate::Shared;

/// What is to be answered, and with what.
pub(crate) struct Job<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) gateway: &'a ModelGateway,
    pub(crate) principal: &'a Principal,
    pub(crate) model: &'a LogicalModel,
    pub(crate) request: &'a ModelRequest,
    /// When the request must be over.
    pub(crate) deadline: Instant,
    /// The deadline is the caller's own, sooner than the gateway's.
    pub(crate) impatient: bool,
    /// The body's media type.
    pub(crate) content_type: HeaderValue,
    /// The request's id, for answers that have none of their own.
    pub(crate) id: String,
    /// A stream of Gemini's is wanted as one JSON array.
    pub(crate) array: bool,
    /// The only provider that may answer, where the caller names one.
    pub(crate) named: Option<String>,
    /// When it was asked: seconds since 1970.
    pub(crate) created: u64,
    /// The conversation, read when the first target needs a translation.
    pub(crate) chat: OnceLock<Result<ChatRequest<'a>, DecodeError>>,
    /// What an answer of the Responses API repeats of its request.
    pub(crate) echo: OnceLock<Option<ResponsesEcho>>,
}

impl Stream {
    /// The stream came to its end: nothing is left to be called off.
    pub(crate) fn finished(&mut self) {
        if let Some(prediction) = &mut self.prediction {
            prediction.finished();
        }
    }
}

impl<'a> Job<'a> {
    /// The conversation, apart from its dialect.
    fn chat(&self) -> Result<&ChatRequest<'a>, &DecodeError> {
        let read = || {
            let address = Address {
                model: Some(Cow::Borrowed(self.request.model())),
                stream: self.request.stream(),
            };
            let protocol = self.request.surface().dialect().protocol();
            let mut chat = protocol.read_request(self.request.body(), address)?;
            chat.unfold_thought_ids();
            Ok(chat)
        };
        self.chat.get_or_init(read).as_ref()
    }
}

impl Job<'_> {
    /// What the answer repeats of the request, where the caller's dialect has that.
    fn echo(&self) -> Option<&ResponsesEcho> {
        let repeats = self.request.surface().dialect() == Dialect::OpenAiResponses;
        let made = || repeats.then(|| ResponsesEcho::of(self.request.body()).ok())?;
        self.echo.get_or_init(made).as_ref()
    }

    /// Whether what happens now happens because the caller gave it no more time: that says nothing about a provider,
    /// and a caller could open everybody's circuit with it.
    pub(crate) fn callers_time_is_over(&self) -> bool {
        self.impatient && Instant::now() >= self.deadline
    }
}

/// What came of the loop.
pub(crate) struct Tried {
    /// Each try, for the log, the headers and the error message.
    pub(crate) attempts: Vec<String>,
    /// Whether any provider was sent the request.
    pub(crate) dispatched: bool,
    pub(crate) result: Result<Won, Stop>,
}

/// An answer that can be relayed.
pub(crate) struct Won {
    pub(crate) provider: ProviderId,
    pub(crate) upstream_model: UpstreamModel,
    pub(crate) prices: Arc<Prices>,
    /// What of the request the target had no place for.
    pub(crate) lossy: Vec<String>,
    pub(crate) reply: Answered,
    /// From the try's begin to the first event of a stream.
    pub(crate) first_token: Option<Duration>,
}

/// The answer itself.
pub(crate) enum Answered {
    /// A whole body.
    Whole {
        body: Bytes,
        usage: Option<Usage>,
        content_type: Option<HeaderValue>,
    },
    Stream(Box<Stream>),
}

/// A stream whose first content has arrived.
pub(crate) struct Stream {
    pub(crate) relayed: RelayedStream,
    /// What led to the first content.
    pub(crate) held: VecDeque<Step>,
    pub(crate) source: Source,
    /// Where the try is judged when the stream has ended; dropped, it judges nothing.
    pub(crate) pass: Option<Pass>,
    /// What has to be called off when nobody listens any more.
    prediction: Option<prediction::Running>,
    /// Who sends it, whose credentials its errors must not tell; the built-in provider has none.
    pub(crate) provider: Option<Arc<Provider>>,
}

/// Where more of a stream comes from.
pub(crate) enum Source {
    /// A provider.
    Upstream(Box<Answer>),
    /// The built-in provider: everything has been pushed.
    Complete,
}

/// The result of a try in metrics.
pub(super) const SUCCESS: &str = "success";

/// Tries targets until one answers.
pub(crate) async fn run(job: &Job<'_>, forwarded: HeaderMap) -> Tried {
    let allowed = |provider: &ProviderId| {
        job.principal
            .key()
            .is_none_or(|key| key.may_use_provider(provider))
    };
    let mut plan = Plan::new(job.model, allowed, Instant::now());
    let mut tried = Tried {
        attempts: Vec::new(),
        dispatched: false,
        result: Err(authorize::no_provider(job.model).into()),
    };
    if job.request.surface() == Surface::RESPONSES
        && let Some(issuer) = job.shared.issued.of_body(job.request.body())
    {
        // What the request refers to is nowhere else.
        plan.only(issuer.as_str());
    }
    if let Some(named) = &job.named
        && !plan.only(named)
    {
        tried.result = Err(authorize::not_named(job.model).into());
        return tried;
    }
    if plan.is_forbidden() {
        return tried;
    }
    let mut faults = Vec::new();
    for planned in &plan.targets {
        match target(job, planned, &forwarded, &mut tried, &mut faults).await {
            Progress::Done(result) => {
                tried.result = *result;
                return tried;
            }
            Progress::Next => {}
        }
    }
    tried.result = Err(exhausted(job, &plan, &tried.attempts, &faults).into());
    tried
}

enum Progress {
    Done(Box<Result<Won, Stop>>),
    Next,
}

/// Tries one target as often as its rule says.
async fn target(
    job: &Job<'_>,
    planned: &PlannedTarget,
    forwarded: &HeaderMap,
    tried: &mut Tried,
    faults: &mut Vec<Fault>,
) -> Progress {
    let provider: &Arc<Provider> = &planned.target.provider;
    let rule = &provider.spec().retry;
    for number in 1..=rule.attempts.max(1) {
        let begun = Instant::now();
        if begun >= job.deadline {
            return Progress::Done(Box::new(Err(out_of_time(&tried.attempts).into())));
        }
        // It may have opened since the plan was made, by this request or another.
        let Some(pass) = provider.breaker().pass(begun) else {
            tried
                .attempts
                .push(format!("{}: circuit open", provider.id()));
            return Progress::Next;
        };
        let fault = match once::run(job, planned, forwarded, pass).await {
            Ok(won) => {
                job.shared.metrics.attempt(provider.id().as_str(), SUCCESS);
                tried.attempts.push(format!(
                    "{}: ok after {} ms",
                    provider.id(),
                    begun.elapsed().as_millis()
                ));
                tried.dispatched = true;
                return Progress::Done(Box::new(Ok(won)));
            }
            Err(fault) => fault,
        };
        tried.dispatched |= fault.was_sent();
        job.shared
            .metrics
            .attempt(provider.id().as_str(), fault.label());
        tried.attempts.push(format!(
            "{}: {fault} after {} ms",
            provider.id(),
            begun.elapsed().as_millis()
        ));
        let again = match fault.again(rule, number) {
            // The rate was that key's; another one need not wait for it.
            Again::Same(_) | Again::Next
                if fault.is_rate_limit() && provider.credentials().is_free(Instant::now()) =>
            {
                Again::Same(Duration::ZERO)
            }
            again => again,
        };
        let refusal = fault.refusal();
        faults.push(fault);
        match again {
            Again::Same(pause)
                if number < rule.attempts && Instant::now() + pause < job.deadline =>
            {
                tokio::time::sleep(pause).await;
            }
            Again::Same(_) | Again::Next => return Progress::Next,
            Again::Never => return Progress::Done(Box::new(Err(refusal.into()))),
        }
    }
    Progress::Next
}

pub(super) fn out_of_time(attempts: &[String]) -> Refusal {
    Refusal::new(
        RefusalCode::GatewayTimeout,
        format!("the request took too long; tried {}", attempts.join("; ")),
    )
}

/// No target is left: says what was tried and what was not, and why.
fn exhausted(job: &Job<'_>, plan: &Plan, attempts: &[String], faults: &[Fault]) -> Refusal {
    let skipped = plan
        .skipped
        .iter()
        .map(|skip| format!("{}: {}", skip.provider, skip.reason.as_str()));
    let all: Vec<String> = attempts.iter().cloned().chain(skipped).collect();
    let tried = all.join("; ");
    let Some(last) = faults.last() else {
        let parked = plan
            .skipped
            .iter()
            .any(|skip| skip.reason == SkipReason::Parked);
        return if parked {
            let now = Instant::now();
            let waits = job
                .model
                .targets
                .iter()
                .map(|target| target.provider.credentials().wait(now));
            let wait = waits
                .filter(|wait| !wait.is_zero())
                .min()
                .unwrap_or_default();
            Refusal::new(
                RefusalCode::UpstreamRateLimited,
                format!("every provider is rate limited: {tried}"),
            )
            .with_retry_after(wait)
        } else {
            Refusal::new(
                RefusalCode::ProviderUnavailable,
                format!("no provider can be called: {tried}"),
            )
        };
    };
    // A rate limit is told as one only when nothing else is wrong: then waiting is what helps.
    let told = faults
        .iter()
        .rfind(|fault| !fault.is_rate_limit())
        .unwrap_or(last);
    if faults.len() == 1 && plan.skipped.is_empty() {
        told.refusal()
    } else {
        told.refusal_after(&tried)
    }
}
