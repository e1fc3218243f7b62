//! Speech and transcripts by a provider of another dialect: one request, one call.

use std::time::Instant;

use bytes::Bytes;
use ferrogate_llm::sound::{self, HearingTask, NoSound};
use ferrogate_llm::{HearingDialect, Lossy, Operation, SpeechDialect, Untranslatable};
use ferrogate_providers::PlannedTarget;
use ferrogate_types::{Units, Usage};
use http::{HeaderMap, HeaderValue};

use super::fault::{Fault, FaultKind};
use super::outgoing::Outgoing;
use super::{Answered, Job, once};

/// Speaks a text.
pub(super) async fn speak(
    job: &Job<'_>,
    planned: &PlannedTarget,
    forwarded: &HeaderMap,
    to: SpeechDialect,
    outgoing: &mut Outgoing,
) -> Result<Answered, Fault> {
    let request = sound::read_speech(job.request.body()).map_err(|error| Fault::decode(&error))?;
    let mut lossy = Lossy::new(job.request.surface().dialect());
    let spec = planned.target.provider.spec();
    let model = spec.model_name(planned.target.model.as_str());
    let body =
        sound::write_speech(to, &request, model, &mut lossy).map_err(|no| untranslatable(&no))?;
    outgoing.keep(job, planned, &lossy)?;
    let body = call(job, planned, forwarded, &outgoing.with_body(body.into())).await?;
    let spoken = sound::read_spoken(to, &body, &request).map_err(fault)?;
    // Characters are counted where tokens are not.
    let usage = spoken.usage.unwrap_or_else(|| Usage {
        units: Units {
            characters: request.input.chars().count() as u64,
            ..Units::default()
        },
        ..Usage::default()
    });
    Ok(answered(sound::write_spoken(spoken, &request), usage))
}

/// Writes a recording down.
pub(super) async fn hear(
    job: &Job<'_>,
    planned: &PlannedTarget,
    forwarded: &HeaderMap,
    to: HearingDialect,
    outgoing: &mut Outgoing,
) -> Result<Answered, Fault> {
    let task = match job.request.surface().operation() {
        Operation::Translations(_) => HearingTask::Translate,
        _ => HearingTask::Transcribe,
    };
    let content_type = job.content_type.to_str().unwrap_or_default();
    let recording = sound::read_recording(task, content_type, job.request.body())
        .map_err(|error| Fault::decode(&error))?;
    let mut lossy = Lossy::new(job.request.surface().dialect());
    let body =
        sound::write_recording(to, &recording, &mut lossy).map_err(|no| untranslatable(&no))?;
    outgoing.keep(job, planned, &lossy)?;
    let body = call(job, planned, forwarded, &outgoing.with_body(body.into())).await?;
    let heard = sound::read_heard(to, &body).map_err(fault)?;
    let usage = heard.usage.unwrap_or_default();
    Ok(answered(sound::write_heard(&heard, &recording), usage))
}

async fn call(
    job: &Job<'_>,
    planned: &PlannedTarget,
    forwarded: &HeaderMap,
    outgoing: &Outgoing,
) -> Result<Bytes, Fault> {
    let answer = once::dispatch(job, planned, outgoing, forwarded, Instant::now()).await?;
    answer
        .collect(job.gateway.max_response_bytes)
        .await
        .map_err(|error| Fault::of_call(&error))
}

fn untranslatable(no: &Untranslatable) -> Fault {
    Fault::untranslatable(no.param.clone(), no.message.clone())
}

fn fault(nothing: NoSound) -> Fault {
    match nothing {
        // As OpenAI answers what its own filters refuse.
        NoSound::Refused(said) => Fault::status(400, said, None),
        NoSound::Broken(said) => Fault::said(FaultKind::ErrorEvent, said),
    }
}

fn answered((body, media_type): (Vec<u8>, &'static str), usage: Usage) -> Answered {
    Answered::Whole {
        body: body.into(),
        usage: Some(usage),
        content_type: Some(HeaderValue::from_static(media_type)),
    }
}
