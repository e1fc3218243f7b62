//! One try of one target.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use ferrogate_llm::{
    Dialect, Finish, Kept, Meaning, Operation, RelayedStream, Step, StreamWatch, Unkept,
    UpstreamFault, count, echo, read_spent, read_usage, read_wait, with_model,
};
use ferrogate_providers::{Lent, Pass, PlannedTarget};
use ferrogate_types::routing::CommitWindow;
use ferrogate_types::{Usage, clock};
use ferrogate_upstream::{Answer, Call, Timeouts};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use serde::de::IgnoredAny;

use super::fault::{Fault, FaultKind, LONGEST_PARK, UNTOLD_WAIT};
use super::outgoing::{self, Back, Outgoing};
use super::prediction::Running;
use super::{Answered, Job, Source, Stream, Won, pictures, sound, vectors};

/// The largest error body that is read.
const MAX_ERROR: usize = 64 << 10;
/// A time limit that is switched off.
pub(in crate::ai) const NO_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes one try.
pub(super) async fn run(
    job: &Job<'_>,
    planned: &PlannedTarget,
    forwarded: &HeaderMap,
    pass: Pass,
) -> Result<Won, Fault> {
    let provider = &planned.target.provider;
    let begun = Instant::now();
    let won = |reply, lossy, first_token| Won {
        provider: provider.id().clone(),
        upstream_model: planned.target.model.clone(),
        prices: Arc::clone(&planned.target.prices),
        lossy,
        reply,
        first_token,
        label: planned.target.label().map(str::to_owned),
        occupied: None,
    };
    if let Some(reply) = estimated_count(job, planned) {
        pass.succeeded();
        return Ok(won(reply, Vec::new(), None));
    }
    if provider.spec().kind.is_echo() {
        let reply = built_in(job, planned)?;
        pass.succeeded();
        let first_token = matches!(reply, Answered::Stream(_)).then(|| begun.elapsed());
        return Ok(won(reply, Vec::new(), first_token));
    }
    let mut outgoing = Outgoing::new(job, planned)?;
    let result = match outgoing.back {
        Back::Vectors { from, to } => {
            vectors::embed(job, planned, forwarded, (from, to), &mut outgoing)
                .await
                .map(Err)
        }
        Back::Ranked(to) => vectors::rank(job, planned, forwarded, to, &mut outgoing)
            .await
            .map(Err),
        Back::Pictures(to) => pictures::draw(job, planned, forwarded, to, &mut outgoing)
            .await
            .map(Err),
        Back::Spoken(to) => sound::speak(job, planned, forwarded, to, &mut outgoing)
            .await
            .map(Err),
        Back::Heard(to) => sound::hear(job, planned, forwarded, to, &mut outgoing)
            .await
            .map(Err),
        _ => one_call(job, planned, &outgoing, forwarded, begun).await,
    };
    match result {
        Ok(Ok(mut stream)) => {
            if outgoing.back == Back::Same(Dialect::OpenAiResponses) {
                for step in &stream.held {
                    if let Step::Send(frame) = step {
                        job.shared.issued.note_frames(frame, provider.id());
                    }
                }
            }
            stream.pass = Some(pass);
            stream.provider = Some(Arc::clone(provider));
            Ok(won(
                Answered::Stream(Box::new(stream)),
                outgoing.lossy,
                Some(begun.elapsed()),
            ))
        }
        Ok(Err(reply)) => {
            if let (Back::Same(Dialect::OpenAiResponses), Answered::Whole { body, .. }) =
                (outgoing.back, &reply)
            {
                job.shared.issued.note(body, provider.id());
            }
            pass.succeeded();
            Ok(won(reply, outgoing.lossy, None))
        }
        Err(fault) => {
            if !job.callers_time_is_over() {
                fault.judge(pass);
            }
            Err(fault.without_secrets(provider.spec()))
        }
    }
}

/// Makes the one call that most requests are.
async fn one_call(
    job: &Job<'_>,
    planned: &PlannedTarget,
    outgoing: &Outgoing,
    forwarded: &HeaderMap,
    begun: Instant,
) -> Result<Result<Stream, Answered>, Fault> {
    let mut answer = dispatch(job, planned, outgoing, forwarded, begun).await?;
    let mut prediction = None;
    if let Back::Translated {
        from: from @ Dialect::Replicate,
        to,
    } = outgoing.back
    {
        let headers = outgoing.headers_for(job, planned, forwarded).await?;
        let (running, created) = Running::created(job, planned, headers, answer).await?;
        if !job.request.stream() {
            let body = running.over(created).await?;
            return translated(job, outgoing, (from, to), &body).map(Err);
        }
        answer = running.stream(&created).await?;
        prediction = Some(running);
    }
    if job.request.stream() {
        let mut stream = open_stream(job, planned, outgoing, answer, begun).await?;
        stream.prediction = prediction;
        return Ok(Ok(stream));
    }
    whole(job, outgoing, answer).await.map(Err)
}

/// A whole answer in the caller's dialect.
fn translated(
    job: &Job<'_>,
    outgoing: &Outgoing,
    (from, to): (Dialect, Dialect),
    body: &Bytes,
) -> Result<Answered, Fault> {
    let mut answer = from
        .protocol()
        .read_answer(body)
        .map_err(|said| unreadable(body, said))?;
    outgoing.emulation.undo(&mut answer);
    if from != to {
        answer.mark_thoughts();
    }
    Ok(Answered::Whole {
        body: to.protocol().write_answer(&answer, &job.caller()).into(),
        usage: answer.usage,
        content_type: Some(HeaderValue::from_static("application/json")),
    })
}

/// Sends the request; an answer with a status of success comes back, everything else is a fault.
pub(super) async fn dispatch(
    job: &Job<'_>,
    planned: &PlannedTarget,
    outgoing: &Outgoing,
    forwarded: &HeaderMap,
    begun: Instant,
) -> Result<Answer, Fault> {
    let provider = &planned.target.provider;
    let spec = provider.spec();
    let endpoint = job
        .gateway
        .endpoints
        .get(provider.id())
        .ok_or_else(|| Fault::new(FaultKind::Unreachable))?;
    let credential = if provider.credentials().is_empty() {
        None
    } else {
        Some(
            planned
                .lend(begun)
                .ok_or_else(|| Fault::parked(provider.credentials().wait(begun)))?,
        )
    };
    let limits = planned.target.timeouts();
    let total = limits
        .total
        .map_or(job.deadline, |total| (begun + total).min(job.deadline));
    let headers = outgoing
        .headers(job, endpoint, spec, credential.as_ref(), forwarded)
        .await?;
    let call = Call {
        method: http::Method::POST,
        path_and_query: outgoing.target(endpoint),
        headers,
        body: outgoing.body.clone(),
        timeouts: Timeouts {
            connect: limits.connect.unwrap_or(NO_LIMIT),
            first_byte: limits.first_byte,
            idle: limits.idle,
        },
        deadline: Some(total),
        // Two answers to one question would be billed twice.
        replayable: false,
    };
    let answer = job.shared.client.call(endpoint, call).await;
    let answer = answer.and_then(Answer::decoded).map_err(|error| {
        tracing::debug!(provider = %provider.id(), error = &error as &dyn std::error::Error, "a call failed");
        Fault::of_call(&error)
    })?;
    if answer.status.is_success() {
        return Ok(answer);
    }
    if let (401 | 403, Some(cloud)) = (
        answer.status.as_u16(),
        job.gateway.clouds.get(provider.id()),
    ) {
        cloud.invalidate();
    }
    Err(refused(answer, credential, begun).await)
}

/// Reads what a provider says about its refusal, and parks the credential of one that was rate limited.
pub(in crate::ai) async fn refused(
    mut answer: Answer,
    credential: Option<Lent<'_>>,
    now: Instant,
) -> Fault {
    let status = answer.status.as_u16();
    if answer.status.is_redirection() {
        // Following it would hand the credential to another host.
        return Fault::new(FaultKind::Nonsense("a redirect, which is not followed"));
    }
    let headers = std::mem::take(&mut answer.headers);
    let body = answer.collect(MAX_ERROR).await.unwrap_or_default();
    let wait = wait(&headers, &body);
    let should_retry = headers
        .get("x-should-retry")
        .and_then(|said| said.to_str().ok()?.parse().ok());
    let fault = Fault::status(status, UpstreamFault::read(&body), wait).should_retry(should_retry);
    let park = match fault.meaning() {
        // Its account may be filled up again at any time.
        Some(Meaning::Quota) => Some(LONGEST_PARK),
        _ if status == 429 => Some(wait.unwrap_or(UNTOLD_WAIT)),
        _ => None,
    };
    if let (Some(park), Some(credential)) = (park, credential) {
        credential.park(now + park.min(LONGEST_PARK));
    }
    fault
}

/// When a provider says to come back, capped.
fn wait(headers: &HeaderMap, body: &[u8]) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let wait = read_wait(text, body, clock::since_epoch()).or_else(|| {
        let at = httpdate::parse_http_date(text(RETRY_AFTER.as_str())?.trim())
            .ok()?
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()?;
        Some(at.saturating_sub(clock::since_epoch()))
    });
    wait.map(|wait| wait.min(LONGEST_PARK))
}

/// Reads a whole answer and makes it the caller's.
async fn whole(job: &Job<'_>, outgoing: &Outgoing, answer: Answer) -> Result<Answered, Fault> {
    let content_type = answer.headers.get(CONTENT_TYPE).cloned();
    let body = answer
        .collect(job.gateway.max_response_bytes)
        .await
        .map_err(|error| Fault::of_call(&error))?;
    let said = |said| Fault::said(FaultKind::ErrorEvent, said);
    let (body, usage) = match outgoing.back {
        Back::Opaque => {
            let json = content_type
                .as_ref()
                .is_none_or(|kind| kind.as_bytes().starts_with(b"application/json"));
            if !json {
                let usage = read_spent(job.request, &[]);
                return Ok(Answered::Whole {
                    body,
                    usage,
                    content_type,
                });
            }
            check_json(&body)?;
            let usage = read_spent(job.request, &body);
            (
                with_model(Dialect::OpenAiChat, &body, job.request.model()),
                usage,
            )
        }
        Back::Same(Dialect::OpenAiChat | Dialect::OpenAiResponses) => {
            kept(job.request.surface().dialect(), &body, job)?
        }
        Back::Same(dialect) => {
            check_json(&body)?;
            let usage = dialect.protocol().read_answer(&body).map_err(said)?.usage;
            (with_model(dialect, &body, job.request.model()), usage)
        }
        Back::Translated { from, to } => return translated(job, outgoing, (from, to), &body),
        Back::Counted { from, to } => {
            let tokens = count::read_answer(from, &body).map_err(|said| unreadable(&body, said))?;
            (
                count::write_answer(to, tokens).into(),
                Some(Usage::default()),
            )
        }
        // These are made elsewhere.
        Back::Vectors { .. }
        | Back::Ranked(_)
        | Back::Pictures(_)
        | Back::Spoken(_)
        | Back::Heard(_) => {
            return Err(Fault::new(FaultKind::Nonsense(
                "an answer nobody asked for",
            )));
        }
    };
    Ok(Answered::Whole {
        body,
        usage,
        content_type: Some(HeaderValue::from_static("application/json")),
    })
}

/// An answer of OpenAI's that passes as it came.
fn kept(dialect: Dialect, body: &Bytes, job: &Job<'_>) -> Result<(Bytes, Option<Usage>), Fault> {
    match Kept::read(dialect, body, job.request.model()) {
        Ok(kept) => Ok((kept.body, kept.usage)),
        Err(Unkept::Fault(said)) => Err(Fault::said(FaultKind::ErrorEvent, said)),
        Err(Unkept::NotJson) => Err(Fault::new(FaultKind::Nonsense("a body that is not JSON"))),
    }
}

/// An answer that its dialect's reader did not take: an error, or no JSON at all.
fn unreadable(body: &Bytes, said: UpstreamFault) -> Fault {
    if !is_json(body) {
        return Fault::new(FaultKind::Nonsense("a body that is not JSON"));
    }
    Fault::said(FaultKind::ErrorEvent, said)
}

fn check_json(body: &Bytes) -> Result<(), Fault> {
    if let Some(said) = UpstreamFault::in_answer(body) {
        return Err(Fault::said(FaultKind::ErrorEvent, said));
    }
    if !is_json(body) {
        return Err(Fault::new(FaultKind::Nonsense("a body that is not JSON")));
    }
    Ok(())
}

fn is_json(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// Reads a stream up to its first content: until then another target can still be asked.
async fn open_stream(
    job: &Job<'_>,
    planned: &PlannedTarget,
    outgoing: &Outgoing,
    answer: Answer,
    begun: Instant,
) -> Result<Stream, Fault> {
    let expected = outgoing.stream_type();
    let is_stream = answer.headers.get(CONTENT_TYPE).is_some_and(|value| {
        value
            .as_bytes()
            .get(..expected.len())
            .is_some_and(|kind| kind.eq_ignore_ascii_case(expected.as_bytes()))
    });
    if !is_stream {
        let body = answer
            .collect(MAX_ERROR)
            .await
            .map_err(|error| Fault::of_call(&error))?;
        return Err(match UpstreamFault::in_answer(&body) {
            Some(said) => Fault::said(FaultKind::ErrorEvent, said),
            None => Fault::new(FaultKind::Nonsense("something other than an event stream")),
        });
    }
    let patience = planned
        .target
        .timeouts()
        .first_token
        .map(|limit| begun + limit);
    let window = job.model.spec.routing.commit_window;
    let opened = first_content(window, outgoing.stream(job), answer);
    match patience {
        None => opened.await,
        Some(until) => tokio::time::timeout_at(until.into(), opened)
            .await
            .unwrap_or(Err(Fault::new(FaultKind::TimedOut { sent: true }))),
    }
}

/// Waits for the first content; what led to it is held for the relay. When more goes by without content than the window
/// has room for, the answer is taken as it is: comments that say "still working" must not fill the memory.
async fn first_content(
    window: CommitWindow,
    mut relayed: RelayedStream,
    mut answer: Answer,
) -> Result<Stream, Fault> {
    let closes = window.time.map(|time| Instant::now() + time);
    let mut held = VecDeque::new();
    let mut bytes = 0;
    loop {
        let is_over = closes.is_some_and(|at| Instant::now() >= at)
            || bytes > window.bytes
            || held.len() > window.events as usize;
        let is_decided = relayed.has_content() || relayed.is_complete();
        if is_decided || is_over && relayed.is_between_frames() {
            let source = Source::Upstream(Box::new(answer));
            return Ok(begun(relayed, held, source));
        }
        let chunk = match closes.filter(|_| !is_over) {
            None => answer.chunk().await,
            Some(at) => match tokio::time::timeout_at(at.into(), answer.chunk()).await {
                Ok(chunk) => chunk,
                Err(_) => continue,
            },
        };
        let Some(chunk) = chunk.map_err(|error| Fault::of_call(&error))? else {
            return match relayed.finish() {
                // All of it was one event, with nothing behind it.
                Finish::Whole(rest) if relayed.has_content() => {
                    held.push_back(Step::Last(rest));
                    Ok(begun(relayed, held, Source::Complete))
                }
                Finish::Broken(said, _) => Err(in_stream(said)),
                Finish::Whole(_) | Finish::Cut => Err(Fault::new(FaultKind::Nonsense(
                    "a stream that ended before its first event",
                ))),
            };
        };
        bytes += chunk.len() as u64;
        relayed
            .push(chunk)
            .map_err(|_| Fault::new(FaultKind::Nonsense("an event larger than the limit")))?;
        while let Some(step) = relayed.next_step() {
            match step {
                Step::Fault(said, _) if !relayed.has_content() => return Err(in_stream(said)),
                step => held.push_back(step),
            }
        }
    }
}

/// An error in a stream, before its first content.
fn in_stream(said: UpstreamFault) -> Fault {
    if said.is_junk() {
        return Fault::new(FaultKind::Nonsense("an event that is not JSON"));
    }
    Fault::said(FaultKind::ErrorEvent, said)
}

/// A stream that can be relayed.
fn begun(relayed: RelayedStream, held: VecDeque<Step>, source: Source) -> Stream {
    Stream {
        relayed,
        held,
        source,
        sent: 0,
        noted: 0,
        prediction: None,
        pass: None,
        provider: None,
    }
}

/// How many tokens a conversation has, estimated: for providers that do not count.
fn estimated_count(job: &Job<'_>, planned: &PlannedTarget) -> Option<Answered> {
    let asked = job.request.surface().operation();
    let Operation::CountTokens(dialect) = asked else {
        return None;
    };
    let row = planned.target.provider.spec().kind.row();
    if row.endpoint(asked, planned.target.model.as_str()).is_some() {
        return None;
    }
    let tokens = ferrogate_llm::estimate_tokens(job.request.body().len());
    Some(Answered::Whole {
        body: count::write_answer(dialect, tokens).into(),
        usage: Some(Usage::default()),
        content_type: Some(HeaderValue::from_static("application/json")),
    })
}

/// What the built-in provider answers.
fn built_in(job: &Job<'_>, planned: &PlannedTarget) -> Result<Answered, Fault> {
    let asked = job.request.surface().operation();
    let served = planned
        .target
        .provider
        .spec()
        .kind
        .row()
        .endpoint(asked, planned.target.model.as_str())
        .ok_or_else(|| Fault::new(FaultKind::NotServed))?
        .operation;
    let (from, translated) = match (asked, served) {
        (asked, served) if asked == served => (None, None),
        (Operation::Chat(_), Operation::Chat(dialect)) => {
            (Some(dialect), Some(outgoing::for_echo(job, planned)?))
        }
        _ => return Err(Fault::new(FaultKind::NotServed)),
    };
    let request = translated.as_ref().unwrap_or(job.request);
    let caller = job.caller();
    let to = job.request.surface().dialect();
    Ok(match echo::answer(request, planned.target.model.as_str()) {
        echo::Answer::Refused(error) => {
            return Err(Fault::status(400, UpstreamFault::read(&error), None));
        }
        echo::Answer::Json(body) => {
            let usage = read_usage(&body);
            let body = match from {
                None => with_model(to, &body, job.request.model()),
                Some(from) => {
                    let answer = from
                        .protocol()
                        .read_answer(&body)
                        .map_err(|said| Fault::said(FaultKind::ErrorEvent, said))?;
                    to.protocol().write_answer(&answer, &caller).into()
                }
            };
            Answered::Whole {
                body,
                usage,
                content_type: Some(HeaderValue::from_static("application/json")),
            }
        }
        echo::Answer::Stream(frames) => {
            let mut relayed = if let Some(from) = from {
                RelayedStream::translating(from, to, &caller, usize::MAX)
            } else {
                let hidden = !job.request.usage_asked();
                let watch = StreamWatch::new(job.request.surface(), hidden);
                RelayedStream::watching(watch, job.request.model(), usize::MAX)
            };
            for frame in frames {
                // The limit is the largest there is, so no frame of ours can be above it.
                let pushed: Result<(), _> = relayed.push(frame);
                debug_assert!(pushed.is_ok());
            }
            let stream = begun(relayed, VecDeque::new(), Source::Complete);
            Answered::Stream(Box::new(stream))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_of_retry_after_and_caps_it() {
        let check = |name: &'static str, value: &str, expected: Option<Duration>| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            assert_eq!(wait(&headers, b""), expected, "{name}: {value}");
        };
        check("retry-after", "7", Some(Duration::from_secs(7)));
        check("retry-after", "3600", Some(LONGEST_PARK));
        check("retry-after-ms", "250", Some(Duration::from_millis(250)));
        check(
            "retry-after",
            "Wed, 21 Oct 2015 07:28:00 GMT",
            Some(Duration::ZERO),
        );
        check("retry-after", "soon", None);
        check("x-other", "7", None);
    }
}
