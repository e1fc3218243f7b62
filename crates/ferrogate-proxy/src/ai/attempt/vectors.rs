//! Embeddings and rankings for a provider of another dialect: one request, maybe several calls.

use bytes::Bytes;
use ferrogate_llm::embeddings::{self, EmbeddingRequest};
use ferrogate_llm::{Address, EmbeddingDialect, Lossy, RerankDialect, UpstreamFault, rerank};
use ferrogate_providers::PlannedTarget;
use ferrogate_types::Usage;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, HeaderValue};

use super::fault::{Fault, FaultKind};
use super::outgoing::Outgoing;
use super::{Answered, Job, once};

/// Calls under way at once for one request.
const AT_ONCE: usize = 8;

/// Embeds: the texts in as many calls as the provider wants, the vectors as the caller reads them.
pub(super) async fn embed(
    job: &Job<'_>,
    planned: &PlannedTarget,
    forwarded: &HeaderMap,
    (from, to): (EmbeddingDialect, EmbeddingDialect),
    outgoing: &mut Outgoing,
) -> Result<Answered, Fault> {
    let address = Address {
        model: Some(job.request.model().into()),
        stream: false,
    };
    let request: EmbeddingRequest<'_> = embeddings::read_request(from, job.request.body(), address)
        .map_err(|error| Fault::decode(&error))?;
    let mut lossy = Lossy::new(job.request.surface().dialect());
    let spec = planned.target.provider.spec();
    let model = spec.model_name(planned.target.model.as_str());
    let bodies = embeddings::write_calls(to, &request, model, &mut lossy)
        .map_err(|error| Fault::untranslatable(error.param, error.message))?;
    outgoing.keep(job, planned, &lossy)?;
    let calls = bodies.into_iter().map(|body| {
        let outgoing = outgoing.with_body(body.into());
        async move { call(job, planned, &outgoing, forwarded).await }
    });
    let bodies: Vec<(Bytes, Option<u64>)> =
        stream::iter(calls).buffered(AT_ONCE).try_collect().await?;
    let said = |said: UpstreamFault| Fault::said(FaultKind::ErrorEvent, said);
    let answers: Result<Vec<_>, _> = bodies
        .iter()
        .map(|(body, _)| embeddings::read_answer(to, body))
        .collect();
    let merged = embeddings::merge(answers.map_err(said)?, request.inputs.len()).map_err(said)?;
    let told: Option<u64> = bodies.iter().map(|(_, tokens)| *tokens).sum();
    let usage = merged.usage.or_else(|| {
        Some(Usage {
            input: told?,
            ..Usage::default()
        })
    });
    let written = embeddings::write_answer(from, &merged, &request.asked(&job.id)).map_err(said)?;
    Ok(json(written, usage))
}

/// Ranks documents.
pub(super) async fn rank(
    job: &Job<'_>,
    planned: &PlannedTarget,
    forwarded: &HeaderMap,
    to: RerankDialect,
    outgoing: &mut Outgoing,
) -> Result<Answered, Fault> {
    let request =
        rerank::read_request(job.request.body()).map_err(|error| Fault::decode(&error))?;
    let mut lossy = Lossy::new(job.request.surface().dialect());
    let spec = planned.target.provider.spec();
    let model = spec.model_name(planned.target.model.as_str());
    let body = rerank::write_request(to, &request, model, &mut lossy)
        .map_err(|error| Fault::untranslatable(error.param, error.message))?;
    outgoing.keep(job, planned, &lossy)?;
    let outgoing = outgoing.with_body(body.into());
    let (body, _) = call(job, planned, &outgoing, forwarded).await?;
    let answer =
        rerank::read_answer(&body).map_err(|said| Fault::said(FaultKind::ErrorEvent, said))?;
    let mut usage = answer.usage.unwrap_or_default();
    // Where searches are not counted, it was one.
    usage.units.search_units = usage.units.search_units.max(1);
    Ok(json(
        rerank::write_answer(&answer, &request, &job.id),
        Some(usage),
    ))
}

fn json(body: Vec<u8>, usage: Option<Usage>) -> Answered {
    Answered::Whole {
        body: body.into(),
        usage,
        content_type: Some(HeaderValue::from_static("application/json")),
    }
}

/// One call: its body, and the tokens that only Bedrock's header tells.
async fn call(
    job: &Job<'_>,
    planned: &PlannedTarget,
    outgoing: &Outgoing,
    forwarded: &HeaderMap,
) -> Result<(Bytes, Option<u64>), Fault> {
    let begun = std::time::Instant::now();
    let answer = once::dispatch(job, planned, outgoing, forwarded, begun).await?;
    let tokens = answer
        .headers
        .get("x-amzn-bedrock-input-token-count")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let body = answer
        .collect(job.gateway.max_response_bytes)
        .await
        .map_err(|error| Fault::of_call(&error))?;
    Ok((body, tokens))
}
