//! One try of one target.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use ferrogate_llm::{SseDecoder, StreamWatch, UpstreamFault, echo, read_usage};
use ferrogate_providers::{AuthScheme, Lent, Pass, PlannedTarget, Protocol, ProviderSpec};
use ferrogate_types::clock;
use ferrogate_upstream::{Answer, Call, Timeouts};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::IgnoredAny;

use super::fault::{Fault, FaultKind, LONGEST_PARK};
use super::{Answered, Job, Source, Stream, Won};

/// The largest event of a stream in bytes: an image in base64 fits.
const MAX_EVENT: usize = 32 << 20;
/// How much of a stream is held back before its first content: comments that say "still working" are small, and a
/// provider that sends nothing else must not fill the memory.
const COMMIT_WINDOW: usize = 64 << 10;
/// The largest error body that is read.
const MAX_ERROR: usize = 64 << 10;
/// A time limit that is switched off.
const NO_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes one try.
pub(super) async fn run(
    job: &Job<'_>,
    planned: &PlannedTarget,
    forwarded: &HeaderMap,
    pass: Pass,
) -> Result<Won, Fault> {
    let provider = &planned.target.provider;
    let begun = Instant::now();
    let won = |reply, first_token| Won {
        provider: provider.id().clone(),
        upstream_model: planned.target.model.clone(),
        reply,
        first_token,
    };
    if provider.spec().kind.row().protocol == Protocol::Echo {
        let reply = built_in(job, planned)
            .map_err(|error| Fault::status(400, UpstreamFault::read(&error), None))?;
        pass.succeeded();
        let first_token = matches!(reply, Answered::Stream(_)).then(|| begun.elapsed());
        return Ok(won(reply, first_token));
    }
    let result = match dispatch(job, planned, forwarded, begun).await {
        Ok(answer) if job.request.stream() => {
            open_stream(job, planned, answer, begun).await.map(Ok)
        }
        Ok(answer) => whole(job, answer).await.map(Err),
        Err(fault) => Err(fault),
    };
    match result {
        Ok(Ok(mut stream)) => {
            stream.pass = Some(pass);
            stream.provider = Some(Arc::clone(provider));
            Ok(won(
                Answered::Stream(Box::new(stream)),
                Some(begun.elapsed()),
            ))
        }
        Ok(Err(reply)) => {
            pass.succeeded();
            Ok(won(reply, None))
        }
        Err(fault) => {
            if !job.callers_time_is_over() {
                fault.judge(pass);
            }
            Err(fault.without_secrets(provider.spec()))
        }
    }
}

/// Sends the request; an answer with a status of success comes back, everything else is a fault.
async fn dispatch(
    job: &Job<'_>,
    planned: &PlannedTarget,
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
            provider
                .credentials()
                .lend(begun)
                .ok_or_else(|| Fault::new(FaultKind::Parked))?,
        )
    };
    let limits = &spec.timeouts;
    let total = limits
        .total
        .map_or(job.deadline, |total| (begun + total).min(job.deadline));
    let call = Call {
        method: http::Method::POST,
        path_and_query: endpoint.path(job.request.surface().upstream_path()),
        headers: headers(spec, credential.as_ref(), forwarded, job.request.stream()),
        body: job.request.rewrite(planned.target.model.as_str()),
        timeouts: Timeouts {
            connect: limits.connect.unwrap_or(NO_LIMIT),
            first_byte: limits.first_byte,
            idle: limits.idle,
        },
        deadline: Some(total),
        // Two answers to one question would be billed twice.
        replayable: false,
    };
    let answer = job.shared.client.call(endpoint, call).await.map_err(|error| {
        tracing::debug!(provider = %provider.id(), error = &error as &dyn std::error::Error, "a call failed");
        Fault::of_call(&error)
    })?;
    if answer.status.is_success() {
        return Ok(answer);
    }
    Err(refused(answer, credential, begun).await)
}

/// Reads what a provider says about its refusal, and parks the credential of one that was rate limited.
async fn refused(answer: Answer, credential: Option<Lent<'_>>, now: Instant) -> Fault {
    let status = answer.status.as_u16();
    if answer.status.is_redirection() {
        // Following it would hand the credential to another host.
        return Fault::new(FaultKind::Nonsense("a redirect, which is not followed"));
    }
    let wait = retry_after(&answer.headers);
    let body = answer.collect(MAX_ERROR).await.unwrap_or_default();
    if let (429, Some(credential)) = (status, credential) {
        credential.park(now + wait.unwrap_or(Duration::from_secs(1)).min(LONGEST_PARK));
    }
    Fault::status(status, UpstreamFault::read(&body), wait)
}

/// When a provider says to come back, capped. Sources: RFC 9110, section 10.2.3; OpenAI's `retry-after-ms`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &HeaderName| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let milliseconds = text(&HeaderName::from_static("retry-after-ms"))
        .and_then(|text| text.parse::<u64>().ok())
        .map(Duration::from_millis);
    let wait = milliseconds.or_else(|| {
        let text = text(&RETRY_AFTER)?;
        text.parse::<u64>()
            .ok()
            .map(Duration::from_secs)
            .or_else(|| {
                let at = httpdate::parse_http_date(text)
                    .ok()?
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .ok()?;
                Some(at.saturating_sub(clock::since_epoch()))
            })
    });
    wait.map(|wait| wait.min(LONGEST_PARK))
}

fn headers(
    spec: &ProviderSpec,
    credential: Option<&Lent<'_>>,
    forwarded: &HeaderMap,
    stream: bool,
) -> HeaderMap {
    let mut headers = forwarded.clone();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        ACCEPT,
        HeaderValue::from_static(if stream {
            "text/event-stream"
        } else {
            "application/json"
        }),
    );
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("ferrogate/", env!("CARGO_PKG_VERSION"))),
    );
    if let (AuthScheme::Bearer, Some(credential)) = (spec.kind.row().auth, credential)
        && let Ok(mut value) =
            HeaderValue::from_str(&format!("Bearer {}", credential.secret().expose()))
    {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    for (name, secret) in &spec.headers {
        if let (Ok(name), Ok(mut value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(secret.expose()),
        ) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    headers
}

/// Reads a whole JSON answer and checks that it is one.
async fn whole(job: &Job<'_>, answer: Answer) -> Result<Answered, Fault> {
    let body = answer
        .collect(job.gateway.max_response_bytes)
        .await
        .map_err(|error| Fault::of_call(&error))?;
    if let Some(said) = UpstreamFault::in_answer(&body) {
        return Err(Fault::said(FaultKind::ErrorEvent, said));
    }
    if serde_json::from_slice::<IgnoredAny>(&body).is_err() {
        return Err(Fault::new(FaultKind::Nonsense("a body that is not JSON")));
    }
    let usage = read_usage(&body);
    Ok(Answered::Json { body, usage })
}

/// Reads a stream up to its first content: until then another target can still be asked.
async fn open_stream(
    job: &Job<'_>,
    planned: &PlannedTarget,
    answer: Answer,
    begun: Instant,
) -> Result<Stream, Fault> {
    let is_stream = answer.headers.get(CONTENT_TYPE).is_some_and(|value| {
        value
            .as_bytes()
            .get(..17)
            .is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"))
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
        .provider
        .spec()
        .timeouts
        .first_token
        .map(|limit| begun + limit);
    let opened = first_content(job, answer);
    match patience {
        None => opened.await,
        Some(until) => tokio::time::timeout_at(until.into(), opened)
            .await
            .unwrap_or(Err(Fault::new(FaultKind::TimedOut { sent: true }))),
    }
}

/// Waits for the first content. The frames that led to it are looked at again by the relay, from the start: a
/// probe on the side keeps the two from sharing state.
async fn first_content(job: &Job<'_>, mut answer: Answer) -> Result<Stream, Fault> {
    let surface = job.request.surface();
    let mut probe = (SseDecoder::new(MAX_EVENT), StreamWatch::new(surface, false));
    let mut decoder = SseDecoder::new(MAX_EVENT);
    let mut held = 0;
    loop {
        let chunk = answer
            .chunk()
            .await
            .map_err(|error| Fault::of_call(&error))?;
        let Some(chunk) = chunk else {
            return Err(Fault::new(FaultKind::Nonsense(
                "a stream that ended before its first event",
            )));
        };
        held += chunk.len();
        let too_large = |_| Fault::new(FaultKind::Nonsense("an event larger than the limit"));
        decoder.push(chunk.clone()).map_err(too_large)?;
        probe.0.push(chunk).map_err(too_large)?;
        while let Some(frame) = probe.0.next_frame() {
            match probe.1.see(&frame) {
                ferrogate_llm::FrameAction::Fault(said) if !probe.1.has_content() => {
                    return Err(Fault::said(FaultKind::ErrorEvent, said));
                }
                _ => {}
            }
        }
        let full = held > COMMIT_WINDOW && probe.0.remainder().is_empty();
        if probe.1.has_content() || probe.1.end().is_some() || full {
            let watch = StreamWatch::new(surface, !job.request.usage_asked())
                .expecting(job.request.choices());
            return Ok(Stream {
                watch,
                decoder,
                source: Source::Upstream(Box::new(answer)),
                pass: None,
                provider: None,
            });
        }
    }
}

/// What the built-in provider answers, or the envelope it refuses with.
fn built_in(job: &Job<'_>, planned: &PlannedTarget) -> Result<Answered, Bytes> {
    Ok(
        match echo::answer(job.request, planned.target.model.as_str()) {
            echo::Answer::Refused(error) => return Err(error),
            echo::Answer::Json(body) => {
                let usage = read_usage(&body);
                Answered::Json { body, usage }
            }
            echo::Answer::Stream(frames) => {
                let mut decoder = SseDecoder::new(usize::MAX);
                for frame in frames {
                    // The limit is the largest there is, so no frame of ours can be above it.
                    let pushed: Result<(), _> = decoder.push(Bytes::clone(&frame));
                    debug_assert!(pushed.is_ok());
                }
                let watch = StreamWatch::new(job.request.surface(), !job.request.usage_asked());
                Answered::Stream(Box::new(Stream {
                    watch,
                    decoder,
                    source: Source::Complete,
                    pass: None,
                    provider: None,
                }))
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_of_retry_after_and_caps_it() {
        let check = |name: &'static str, value: &str, expected: Option<Duration>| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            assert_eq!(retry_after(&headers), expected, "{name}: {value}");
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
