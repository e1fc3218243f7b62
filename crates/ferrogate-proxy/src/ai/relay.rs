//! The answer on its way to the caller: translated by nobody, guarded and metered.

use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use ferrogate_llm::{
    Dialect, ErrorBody, Finish, Framing, RelayedStream, Step, UpstreamFault, estimate_tokens,
};
use ferrogate_observability::CallOutcome;
use ferrogate_providers::Provider;
use ferrogate_types::Usage;
use ferrogate_upstream::{Answer, CallError};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Version};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::attempt::{Answered, Job, Source, Stream, Won};
use super::call::id_header;
use super::limit::Admission;
use super::refusal::{Refusal, rate_headers};
use super::{CallRecord, Stop};
use crate::answer::{self, Reply};
use crate::context::RequestContext;
use crate::deliver;
use crate::watch;

/// Waits for an answer to begin. The caller of a stream is told meanwhile that the request is alive, which begins the
/// stream: whether it did comes back with what was waited for. `None` when the caller left.
pub(crate) async fn wait<T>(
    job: &Job<'_>,
    admission: &Admission,
    mut work: Pin<&mut impl Future<Output = T>>,
    session: &mut Session,
    context: &mut RequestContext,
) -> Option<(T, bool)> {
    let Some(pause) = keep_alive(job) else {
        let done = watch::unless_gone(session, work).await?;
        return Some((done, false));
    };
    let mut begun = false;
    loop {
        let turn = tokio::time::timeout(pause, work.as_mut());
        if let Ok(done) = watch::unless_gone(session, turn).await? {
            return Some((done, begun));
        }
        if !begun {
            start(job, admission, None, session, context).await.ok()?;
            begun = true;
        }
        session
            .write_response_body(Some(still_here(job)), false)
            .await
            .ok()?;
    }
}

/// Ends a stream that began while nobody had answered yet, and nobody did.
pub(crate) async fn refuse(
    job: &Job<'_>,
    refusal: &Refusal,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<CallOutcome, Stop> {
    context.error = refusal.code_name().into();
    let frame = refusal.in_stream(dialect(job), &job.id);
    let sent = session.write_response_body(Some(frame), false).await;
    if sent.is_err() || matches!(finish(Ended::Broken, session).await, Ended::ClientGone) {
        return Err(Stop::ClientGone);
    }
    Ok(refusal.outcome())
}

/// How long a stream may be silent; `None` where it may for good, or its dialect has nothing to say then.
fn keep_alive(job: &Job<'_>) -> Option<Duration> {
    let speaks = job.request.stream()
        && framing(job) == Framing::Sse
        // Google's SDKs take every line for JSON.
        && dialect(job) != Dialect::Gemini;
    job.gateway.keep_alive.filter(|_| speaks)
}

/// What tells that a stream is alive.
fn still_here(job: &Job<'_>) -> Bytes {
    Bytes::from_static(match dialect(job) {
        // Source: Anthropic's API reference, "Streaming messages", "Ping events".
        Dialect::Anthropic => b"event: ping\ndata: {\"type\": \"ping\"}\n\n",
        _ => b": keep-alive\n\n",
    })
}

/// Sends the answer, settles what it used, and says how it ended. `begun` says whether its header was sent before.
pub(crate) async fn run(
    job: &Job<'_>,
    won: Won,
    admission: Admission,
    begun: bool,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<CallOutcome, Stop> {
    // Until the last byte.
    let _occupied = won.occupied;
    match won.reply {
        Answered::Whole {
            body,
            usage,
            content_type,
        } => {
            let content_type =
                content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
            whole(job, &body, usage, content_type, admission, session, context).await
        }
        Answered::Stream(stream) => {
            relay_stream(job, *stream, admission, begun, session, context).await
        }
    }
}

async fn whole(
    job: &Job<'_>,
    body: &Bytes,
    usage: Option<Usage>,
    content_type: HeaderValue,
    admission: Admission,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<CallOutcome, Stop> {
    let estimate = || Usage {
        input: estimate_tokens(job.request.body().len()),
        output: estimate_tokens(body.len()),
        ..Usage::default()
    };
    let mut headers = vec![(CONTENT_TYPE, content_type)];
    if let Some(call) = &mut context.call {
        call.used(usage.unwrap_or_else(estimate), usage.is_none());
        call.trace.received(body.len());
        headers.extend(call.headers());
        if let Some(cost) = call.cost {
            headers.extend(header("x-ferrogate-cost", &cost.to_string()));
        }
    }
    headers.extend(common_headers(&admission, context));
    if let Some(call) = &context.call {
        admission.settle(call);
    }
    let reply = Reply {
        status: 200,
        headers,
        body: body.clone(),
        close: false,
    };
    answer::send(session, context, reply)
        .await
        .map_err(|_| Stop::ClientGone)?;
    Ok(CallOutcome::Success)
}

/// Relays a stream frame by frame. Whatever ends it, what was produced is metered and settled.
async fn relay_stream(
    job: &Job<'_>,
    mut stream: Stream,
    mut admission: Admission,
    begun: bool,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<CallOutcome, Stop> {
    let pass = stream.pass.take();
    let headers = context.call.as_ref().map(CallRecord::headers);
    let started = if begun {
        Ok(())
    } else {
        start(job, &admission, headers, session, context).await
    };
    let ended = match started {
        Ok(()) => pump(job, &mut stream, &mut admission, session, context).await,
        Err(_) => Ended::ClientGone,
    };
    if let Some(call) = &mut context.call {
        meter(call, &stream.relayed, job);
        call.trace.received(stream.sent);
        match ended {
            Ended::Complete => {}
            Ended::Cut | Ended::Broken => call.trace.cut(&context.error),
            Ended::ClientGone => call.trace.cut("the caller left"),
        }
        admission.settle(call);
    }
    match ended {
        Ended::Complete => {
            stream.finished();
            if let Some(pass) = pass {
                pass.succeeded();
            }
            if let Source::Upstream(answer) = stream.source {
                // What follows the terminal event is at most a line end; reading it keeps the connection.
                answer.discard(4096).await;
            }
            Ok(CallOutcome::Success)
        }
        Ended::Cut => {
            // The provider did what it was asked to.
            if let Some(pass) = pass {
                pass.succeeded();
            }
            Ok(CallOutcome::Success)
        }
        Ended::Broken => {
            if let Some(pass) = pass
                && !job.callers_time_is_over()
            {
                pass.failed(Instant::now());
            }
            Ok(CallOutcome::Failed)
        }
        Ended::ClientGone => Err(Stop::ClientGone),
    }
}

enum Ended {
    /// With the dialect's terminal event.
    Complete,
    /// As if it had reached its maximum: the budget has no more.
    Cut,
    /// With an error event.
    Broken,
    /// The caller left.
    ClientGone,
}

async fn start(
    job: &Job<'_>,
    admission: &Admission,
    of_call: Option<Vec<(HeaderName, HeaderValue)>>,
    session: &mut Session,
    context: &mut RequestContext,
) -> pingora_error::Result<()> {
    let mut header = ResponseHeader::build_no_case(200, Some(24))?;
    header.insert_header(
        CONTENT_TYPE,
        match framing(job) {
            Framing::Sse if job.array => "application/json; charset=utf-8",
            Framing::Sse => "text/event-stream; charset=utf-8",
            other => other.media_type(),
        },
    )?;
    header.insert_header(CACHE_CONTROL, "no-cache")?;
    if session.req_header().version == Version::HTTP_11 {
        header.insert_header(TRANSFER_ENCODING, "chunked")?;
    }
    for (name, value) in of_call.into_iter().flatten() {
        header.insert_header(name, value)?;
    }
    for (name, value) in common_headers(admission, context) {
        header.insert_header(name, value)?;
    }
    // A stream is not held back: the caller waits for its first event.
    deliver::finish_header(session, context, &mut header, None)?;
    session.write_response_header(Box::new(header), false).await
}

/// Sends frames as they come: one write for all that one read brought, nothing held back for more.
async fn pump(
    job: &Job<'_>,
    stream: &mut Stream,
    admission: &mut Admission,
    session: &mut Session,
    context: &mut RequestContext,
) -> Ended {
    loop {
        let (bytes, ended) = ready_frames(job, stream, context);
        stream.sent += bytes.as_ref().map_or(0, Bytes::len);
        if let Some(bytes) = bytes
            && session
                .write_response_body(Some(bytes), false)
                .await
                .is_err()
        {
            return Ended::ClientGone;
        }
        if let Some(ended) = ended {
            return finish(ended, session).await;
        }
        if !affords(job, stream, admission, context).await {
            return cut_for_budget(job, stream, session, context).await;
        }
        let Source::Upstream(answer) = &mut stream.source else {
            let why = "the stream ended without its last event";
            return broken(job, why, &mut stream.relayed, session, context).await;
        };
        let Some(next) = listen(job, answer, session).await else {
            return Ended::ClientGone;
        };
        match next {
            Ok(Some(chunk)) => {
                if let Err(error) = stream.relayed.push(chunk) {
                    let why = error.to_string();
                    return broken(job, &why, &mut stream.relayed, session, context).await;
                }
            }
            Ok(None) => {
                let rest = match stream.relayed.finish() {
                    Finish::Whole(rest) => rest,
                    Finish::Cut => {
                        let why = "the provider's stream ended too early";
                        return broken(job, why, &mut stream.relayed, session, context).await;
                    }
                    Finish::Broken(fault, raw) => {
                        let provider = stream.provider.as_deref();
                        let (said, raw) = told(job, provider, fault, raw);
                        context.error = format!("error in the stream: {said}").into();
                        return last_words(raw, session).await;
                    }
                };
                let mut last = cost_comment(job, stream, context).unwrap_or_default();
                last.extend_from_slice(&rest);
                let sent = if last.is_empty() {
                    Ok(())
                } else {
                    session
                        .write_response_body(Some(last.freeze()), false)
                        .await
                };
                return match sent {
                    Ok(()) => finish(Ended::Complete, session).await,
                    Err(_) => Ended::ClientGone,
                };
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a stream broke");
                let why = if error.is_timeout() {
                    "the provider's stream stalled"
                } else {
                    "the provider's stream broke off"
                };
                return broken(job, why, &mut stream.relayed, session, context).await;
            }
        }
    }
}

/// Ends a stream whose budgets have no more, as its dialect ends one that reached its maximum.
async fn cut_for_budget(
    job: &Job<'_>,
    stream: &mut Stream,
    session: &mut Session,
    context: &mut RequestContext,
) -> Ended {
    context.error = "the budget is used up".into();
    let mut last = cost_comment(job, stream, context).unwrap_or_default();
    let usage = context.call.as_ref().map(|call| call.usage);
    let end = stream
        .relayed
        .end_for_length(usage.unwrap_or_default(), &job.caller());
    last.extend_from_slice(&end);
    stream.sent += last.len();
    let sent = session.write_response_body(Some(last.freeze()), false);
    match sent.await {
        Ok(()) => finish(Ended::Cut, session).await,
        Err(_) => Ended::ClientGone,
    }
}

/// Follows what a stream uses: notes what it owes, and holds more of the budgets where it outgrows what is held.
/// Says whether they have room for more.
async fn affords(
    job: &Job<'_>,
    stream: &mut Stream,
    admission: &mut Admission,
    context: &mut RequestContext,
) -> bool {
    let (bytes, per_token) = stream.relayed.output_bytes();
    let estimate = u64::try_from(bytes.div_ceil(per_token)).unwrap_or(u64::MAX);
    let reported = stream.relayed.usage().map_or(0, |usage| usage.output);
    let outgrown = admission.is_outgrown(estimate.max(reported));
    if !outgrown && stream.sent < stream.noted + NOTE_EVERY {
        return true;
    }
    stream.noted = stream.sent;
    let Some(call) = &mut context.call else {
        return true;
    };
    meter(call, &stream.relayed, job);
    admission.owe(call.charge());
    if !outgrown {
        return true;
    }
    let kept = admission.keep_up(&job.shared.books, call.usage, |usage| call.priced(usage));
    // Boxed: it is rare, and every stream would carry its room.
    Box::pin(kept).await.is_ok()
}

/// Bytes of a stream after which what it owes is noted again, should the process lose it.
const NOTE_EVERY: usize = 16 << 10;

/// The next piece, with the caller told that the stream is alive while there is none; `None` when it left.
async fn listen(
    job: &Job<'_>,
    answer: &mut Answer,
    session: &mut Session,
) -> Option<Result<Option<Bytes>, CallError>> {
    // One future for all of the silence: asked for anew, it would forget how long it has waited.
    let mut next = std::pin::pin!(answer.chunk());
    loop {
        tokio::select! {
            biased;
            next = next.as_mut() => return Some(next),
            () = watch::gone(session) => return None,
            () = silence(keep_alive(job)) => {}
        }
        let told = session.write_response_body(Some(still_here(job)), false);
        told.await.ok()?;
    }
}

/// Resolves after so long; never without.
async fn silence(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

/// The frames that are complete, as one piece, and how they end the stream if they do.
fn ready_frames(
    job: &Job<'_>,
    stream: &mut Stream,
    context: &mut RequestContext,
) -> (Option<Bytes>, Option<Ended>) {
    let mut single: Option<Bytes> = None;
    let mut several = BytesMut::new();
    let mut ended = None;
    let mut put = |bytes: Bytes| {
        // One frame, the common case, is sent as it came; more are put together.
        if several.is_empty() && single.is_none() {
            single = Some(bytes);
        } else {
            if let Some(first) = single.take() {
                several.extend_from_slice(&first);
            }
            several.extend_from_slice(&bytes);
        }
    };
    while ended.is_none() {
        let Some(step) = stream
            .held
            .pop_front()
            .or_else(|| stream.relayed.next_step())
        else {
            break;
        };
        match step {
            Step::Send(bytes) => put(bytes),
            Step::Last(bytes) => {
                if let Some(comment) = cost_comment(job, stream, context) {
                    put(comment.freeze());
                }
                put(bytes);
                ended = Some(Ended::Complete);
            }
            Step::Fault(fault, bytes) => {
                let (said, raw) = told(job, stream.provider.as_deref(), fault, bytes);
                context.error = format!("error in the stream: {said}").into();
                put(raw);
                ended = Some(Ended::Broken);
            }
        }
    }
    let bytes = if several.is_empty() {
        single
    } else {
        Some(several.freeze())
    };
    (bytes, ended)
}

/// A provider's error in a stream, as message and frame: as it came, or made anew where it tells a credential.
fn told(
    job: &Job<'_>,
    provider: Option<&Provider>,
    fault: UpstreamFault,
    raw: Bytes,
) -> (String, Bytes) {
    let Some(provider) = provider else {
        return (fault.message, raw);
    };
    let hide = |text: &str| provider.spec().hide_secrets(text);
    let text = String::from_utf8_lossy(&raw);
    if hide(&text) == text {
        return (fault.message, raw);
    }
    let fault = fault.map(hide);
    let error = ErrorBody {
        message: &fault.message,
        kind: fault.kind.as_deref().unwrap_or("server_error"),
        param: fault.param.as_deref(),
        code: fault.code.as_deref().unwrap_or("upstream_error"),
        request_id: Some(&job.id),
    };
    let frame = dialect(job).protocol().error_frame(&error);
    (fault.message, frame)
}

/// What the caller speaks.
fn dialect(job: &Job<'_>) -> Dialect {
    job.request.surface().dialect()
}

fn framing(job: &Job<'_>) -> Framing {
    dialect(job).protocol().framing()
}

/// The cost as the last comment before the terminal event, where the model has a price.
fn cost_comment(job: &Job<'_>, stream: &Stream, context: &mut RequestContext) -> Option<BytesMut> {
    let call = context.call.as_mut()?;
    meter(call, &stream.relayed, job);
    if framing(job) != Framing::Sse || dialect(job) == Dialect::Gemini {
        // Nothing but an event stream has comments, and Google's SDKs take every line for JSON.
        return None;
    }
    let cost = call.cost?;
    Some(BytesMut::from(
        format!(": x-ferrogate-cost {cost}\n\n").as_bytes(),
    ))
}

/// Notes what a stream used: what it reported, else an estimate from what went by.
fn meter(call: &mut CallRecord, relayed: &RelayedStream, job: &Job<'_>) {
    let (bytes, per_token) = relayed.output_bytes();
    let estimate = Usage {
        input: estimate_tokens(job.request.body().len()),
        output: u64::try_from(bytes.div_ceil(per_token)).unwrap_or(u64::MAX),
        ..Usage::default()
    };
    let whole = relayed.is_complete() || !relayed.usage_is_behind();
    let (usage, estimated) = used(relayed.usage(), estimate, whole);
    call.used(usage, estimated);
}

/// What a stream used, and whether any of it is an estimate.
fn used(reported: Option<Usage>, estimate: Usage, whole: bool) -> (Usage, bool) {
    match reported {
        // Some report the input and a first token with the first event and the output with the last, which a cut
        // stream did not reach.
        Some(usage) if !whole && usage.output < estimate.output => {
            let output = estimate.output;
            (Usage { output, ..usage }, true)
        }
        Some(usage) => (usage, false),
        None => (estimate, true),
    }
}

/// Tells the caller in its dialect that the stream broke; never an end that looks like one.
async fn broken(
    job: &Job<'_>,
    why: &str,
    relayed: &mut RelayedStream,
    session: &mut Session,
    context: &mut RequestContext,
) -> Ended {
    context.error = why.to_owned().into();
    let error = ErrorBody {
        message: why,
        kind: "server_error",
        param: None,
        code: "upstream_error",
        request_id: Some(&job.id),
    };
    let fault = UpstreamFault {
        code: Some("upstream_error".to_owned()),
        ..UpstreamFault::because(why)
    };
    let frame = relayed
        .fail(fault)
        .unwrap_or_else(|| dialect(job).protocol().error_frame(&error));
    last_words(frame, session).await
}

/// Ends a stream with an error.
async fn last_words(frame: Bytes, session: &mut Session) -> Ended {
    match session.write_response_body(Some(frame), false).await {
        Ok(()) => finish(Ended::Broken, session).await,
        Err(_) => Ended::ClientGone,
    }
}

async fn finish(ended: Ended, session: &mut Session) -> Ended {
    match session.write_response_body(None, true).await {
        Ok(()) => ended,
        // Everything was written before; the caller may have left once it had what it wanted.
        Err(_) if matches!(ended, Ended::Complete | Ended::Cut) => ended,
        Err(_) => Ended::ClientGone,
    }
}

pub(super) fn common_headers(
    admission: &Admission,
    context: &RequestContext,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::with_capacity(6);
    let waited = context
        .call
        .as_ref()
        .map(|call| call.upstream_wait)
        .unwrap_or_default();
    let own = context
        .started
        .elapsed()
        .saturating_sub(waited)
        .as_secs_f64()
        * 1000.0;
    let own = format!("{own:.3}");
    headers.extend(header("x-ferrogate-overhead-ms", &own));
    headers.extend(header("x-gateway-overhead-ms", &own));
    headers.extend(header(
        "x-ferrogate-config-revision",
        &context.snapshot.revision,
    ));
    headers.extend(rate_headers(&admission.rates()));
    if let Some(said) = admission.budget() {
        headers.extend(header("x-ferrogate-budget", said));
    }
    if let Some(call) = &context.call {
        headers.extend(id_header(call.dialect, &context.id.to_string()));
    }
    headers
}

fn header(name: &'static str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((
        HeaderName::from_static(name),
        HeaderValue::from_str(value).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cut_stream_did_not_report_is_estimated() {
        let of = |input, output| Usage {
            input,
            output,
            ..Usage::default()
        };
        for (reported, whole, expected) in [
            (Some(of(3, 2)), true, (of(3, 2), false)),
            (Some(of(3, 2)), false, (of(3, 8), true)),
            (Some(of(3, 9)), false, (of(3, 9), false)),
            (Some(of(3, 0)), true, (of(3, 0), false)),
            (Some(of(3, 0)), false, (of(3, 8), true)),
            (None, true, (of(9, 8), true)),
        ] {
            assert_eq!(used(reported, of(9, 8), whole), expected, "{reported:?}");
        }
    }
}
