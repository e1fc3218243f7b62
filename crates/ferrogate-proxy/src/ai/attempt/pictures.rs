//! Pictures by a provider of another dialect: one request, maybe several calls.

use std::time::Instant;

use bytes::Bytes;
use ferrogate_llm::images::{self, Calls, ImageTask, NoPicture};
use ferrogate_llm::{ImageDialect, Lossy, Operation, Untranslatable, UpstreamFault};
use ferrogate_providers::PlannedTarget;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use super::fault::{Fault, FaultKind};
use super::outgoing::Outgoing;
use super::prediction::Running;
use super::{Answered, Job, once};

/// Calls under way at once for one request: each may hold a picture of many megabytes.
const AT_ONCE: usize = 4;

/// Draws: in as many calls as the provider wants.
pub(super) async fn draw(
    job: &Job<'_>,
    planned: &PlannedTarget,
    forwarded: &HeaderMap,
    to: ImageDialect,
    outgoing: &mut Outgoing,
) -> Result<Answered, Fault> {
    let task = match job.request.surface().operation() {
        Operation::ImageEdits(_) => ImageTask::Edit,
        Operation::ImageVariations(_) => ImageTask::Vary,
        _ => ImageTask::Generate,
    };
    let content_type = job.content_type.to_str().unwrap_or_default();
    let request = images::read_request(task, content_type, job.request.body())
        .map_err(|error| Fault::decode(&error))?;
    let mut lossy = Lossy::new(job.request.surface().dialect());
    let spec = planned.target.provider.spec();
    let model = spec.model_name(planned.target.model.as_str());
    let untranslatable = |error: Untranslatable| Fault::untranslatable(error.param, error.message);
    let written = if request.mask.is_some() {
        let made = written_aside(job, task, to, model).await;
        let (bodies, told) = made.map_err(untranslatable)?;
        lossy = told;
        Written::All(bodies)
    } else {
        Written::Each(Calls::new(to, &request, model, &mut lossy).map_err(untranslatable)?)
    };
    outgoing.keep(job, planned, &lossy)?;
    let (written, outgoing) = (&written, &*outgoing);
    let made = (0..written.count()).map(|place| async move {
        let body = written.body(place).map_err(untranslatable)?;
        call(job, planned, forwarded, to, &outgoing.with_body(body)).await
    });
    let bodies: Vec<(String, Bytes)> = stream::iter(made).buffered(AT_ONCE).try_collect().await?;
    let broken = |said: UpstreamFault| Fault::said(FaultKind::ErrorEvent, said);
    let answers: Result<Vec<_>, _> = bodies
        .iter()
        .map(|(media_type, body)| images::read_answer(to, media_type, body))
        .collect();
    let answer = images::merge(answers.map_err(broken)?).map_err(|nothing| match nothing {
        // As OpenAI answers what its own filters refuse.
        NoPicture::Refused(said) => Fault::status(400, said, None),
        NoPicture::Broken(said) => broken(said),
    })?;
    let mut usage = answer.usage.unwrap_or_default();
    usage.units.images = answer.pictures.len() as u64;
    Ok(Answered::Whole {
        body: images::write_answer(&answer, job.created).into(),
        usage: Some(usage),
        content_type: Some(HeaderValue::from_static("application/json")),
    })
}

/// What the calls are sent.
enum Written<'r, 'a> {
    /// Each when it is made.
    Each(Calls<'r, 'a>),
    /// All of it.
    All(Vec<Bytes>),
}

impl Written<'_, '_> {
    fn count(&self) -> u64 {
        match self {
            Self::Each(calls) => calls.count(),
            Self::All(bodies) => bodies.len() as u64,
        }
    }

    fn body(&self, place: u64) -> Result<Bytes, Untranslatable> {
        match self {
            Self::Each(calls) => calls.body(place),
            Self::All(bodies) => {
                let body = usize::try_from(place)
                    .ok()
                    .and_then(|place| bodies.get(place));
                Ok(body.cloned().unwrap_or_default())
            }
        }
    }
}

/// Writes every call off the worker, and what none of them can carry: a mask is unpacked, redrawn and packed again,
/// which takes a while.
async fn written_aside(
    job: &Job<'_>,
    task: ImageTask,
    to: ImageDialect,
    model: &str,
) -> Result<(Vec<Bytes>, Lossy), Untranslatable> {
    let (body, model) = (job.request.body().clone(), model.to_owned());
    let content_type = job.content_type.to_str().unwrap_or_default().to_owned();
    let mut lossy = Lossy::new(job.request.surface().dialect());
    let failed = || Untranslatable::new("mask", "the mask cannot be redrawn for this provider");
    let made = tokio::task::spawn_blocking(move || {
        let request = images::read_request(task, &content_type, &body).map_err(|_| failed())?;
        let calls = Calls::new(to, &request, &model, &mut lossy)?;
        let bodies: Result<_, _> = (0..calls.count()).map(|place| calls.body(place)).collect();
        Ok((bodies?, lossy))
    });
    made.await.unwrap_or_else(|_| Err(failed()))
}

/// One call: the media type of its answer, and the body.
async fn call(
    job: &Job<'_>,
    planned: &PlannedTarget,
    forwarded: &HeaderMap,
    to: ImageDialect,
    outgoing: &Outgoing,
) -> Result<(String, Bytes), Fault> {
    let answer = once::dispatch(job, planned, outgoing, forwarded, Instant::now()).await?;
    let media_type = answer
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map_or_else(String::new, str::to_ascii_lowercase);
    if to == ImageDialect::Replicate {
        let headers = outgoing.headers_for(job, planned, forwarded).await?;
        let (running, created) = Running::created(job, planned, headers, answer).await?;
        return Ok((media_type, running.over(created).await?));
    }
    let body = answer
        .collect(job.gateway.max_response_bytes)
        .await
        .map_err(|error| Fault::of_call(&error))?;
    Ok((media_type, body))
}
