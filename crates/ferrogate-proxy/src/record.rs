//! The end of a request: metrics and access log.

use std::sync::Arc;

use ferrogate_edge::Scalar;
use ferrogate_observability::{
    AccessEntry, FieldValue, Level, Log, ModelCall, TlsSession, level_of_status,
};
use ferrogate_types::clock;
use http::header::HOST;
use http::{HeaderMap, Version};
use pingora_http::RequestHeader;
use pingora_proxy::Session;

use crate::Shared;
use crate::ai::CallRecord;
use crate::answer;
use crate::call_log::LoggedCall;
use crate::context::RequestContext;
use crate::head::{Request, authority};
use crate::snapshot::SiteState;

/// Nginx's status for a client that left before it was answered; never sent.
const CLIENT_CLOSED: u16 = 499;

/// The logger of entries that name no other.
const LOGGER: &str = "http.log.access";

/// The logs an entry goes to, by its logger.
struct Chosen {
    logger: Arc<str>,
    logs: Vec<Arc<Log>>,
}

/// A request's fields as they came, if a log of its site tells them.
pub(crate) fn received(site: &SiteState, header: &RequestHeader) -> Option<HeaderMap> {
    let mut logs = site.access_logs.iter().flat_map(|log| &log.logs);
    logs.any(|log| tells(log, &["request", "headers"]))
        .then(|| header.headers.clone())
}

/// Counts and logs a request that has ended; `credentials` are told as they are, or not at all.
pub(crate) fn finish(
    shared: &Shared,
    session: &mut Session,
    context: &mut RequestContext,
    credentials: bool,
) {
    let duration = context.started.elapsed();
    let status = answer::begun(session).unwrap_or(if context.client_gone {
        CLIENT_CLOSED
    } else {
        0
    });
    shared.metrics.request(context.kind, status, duration);
    if let (Some(log), Some(call)) = (&shared.call_log, &context.call) {
        log.note(logged_call(call, context, status));
    }
    let received = context.received.take();
    let host = host(received.as_ref(), session.req_header());
    let chosen = chosen(context, &host, level_of_status(status));
    if chosen.is_empty() {
        return;
    }

    let mut logs = chosen.iter().flat_map(|chosen| &chosen.logs);
    let headers = logs
        .clone()
        .any(|log| tells(log, &["request", "headers"]))
        .then(|| received.unwrap_or_else(|| session.req_header().headers.clone()));
    let answered = answer::begun(session).and_then(|_| session.response_written());
    let response_headers = answered.map(|answer| answer.headers.clone());
    let exchange = &context.exchange;
    let appended = exchange.log_fields(
        &Request(session.req_header_mut()),
        &context.connection,
        response_headers.as_ref(),
    );
    let header = session.req_header();
    let target = exchange
        .original_target()
        .unwrap_or_else(|| header.raw_path());
    let method = exchange.original_method().unwrap_or(&header.method);
    let entry = AccessEntry {
        request_id: context.id.as_str().to_owned(),
        remote: context.connection.peer,
        client_ip: exchange.client_ip(),
        proto: protocol(header.version),
        method: method.clone(),
        host,
        uri: without_credentials(&String::from_utf8_lossy(target)).into_owned(),
        headers,
        tls: context.connection.tls.as_ref().map(|tls| TlsSession {
            resumed: tls.resumed,
            version: tls.version.clone(),
            cipher_suite: tls.cipher.clone(),
            proto: tls.protocol.clone().unwrap_or_default(),
            server_name: tls.server_name.clone().unwrap_or_default(),
        }),
        credentials,
        bytes_read: u64::try_from(session.body_bytes_read()).unwrap_or(u64::MAX),
        user_id: exchange.user().unwrap_or_default().to_owned(),
        duration,
        size: u64::try_from(session.body_bytes_sent()).unwrap_or(u64::MAX),
        status,
        response_headers: response_headers
            .filter(|_| logs.any(|log| tells(log, &["resp_headers"]))),
        uuid: exchange.used_uuid().map(str::to_owned),
        trace: exchange
            .trace()
            .map(|trace| (trace.trace_id().to_string(), trace.span_id().to_string())),
        upstream: std::mem::take(&mut context.upstream),
        error: std::mem::take(&mut context.error),
        call: context.call.as_ref().map(model_call),
        appended: appended
            .into_iter()
            .map(|(key, value)| (key, field_value(value)))
            .collect(),
    };
    let event = Arc::new(entry.into_event(clock::since_epoch()));
    for Chosen { logger, logs } in &chosen {
        for log in logs {
            log.record(logger, &event);
        }
    }
}

/// The logs that keep an entry of this level: those of the loggers that `log_name` chose, else those of the site.
fn chosen(context: &RequestContext, host: &str, level: Level) -> Vec<Chosen> {
    if context.exchange.log_skipped() {
        return Vec::new();
    }
    let snapshot = &context.snapshot;
    let all: Vec<Chosen> = match context.exchange.log_names() {
        Some(names) => names
            .iter()
            .map(|name| {
                let logger = format!("{LOGGER}.{name}");
                Chosen {
                    logs: snapshot.loggers.of(&logger),
                    logger: logger.into(),
                }
            })
            .collect(),
        None => context
            .site
            .and_then(|site| snapshot.sites.get(site))
            .into_iter()
            .flat_map(|site| &site.access_logs)
            .filter(|log| log.takes(host))
            .map(|log| Chosen {
                logger: Arc::clone(&log.logger),
                logs: log.logs.clone(),
            })
            .collect(),
    };
    let wanted = |chosen: &Chosen| chosen.logs.iter().any(|log| log.wants(level));
    all.into_iter().filter(wanted).collect()
}

/// Whether a log tells the object at this path.
fn tells(log: &Log, path: &[&str]) -> bool {
    !log.encoder().drops(path)
}

/// The host as it came: a route may have changed the field since.
fn host(received: Option<&HeaderMap>, header: &RequestHeader) -> String {
    let host = received
        .and_then(|headers| headers.get(HOST))
        .map_or_else(|| authority(header), |host| host.as_bytes());
    String::from_utf8_lossy(host).into_owned()
}

fn logged_call(call: &CallRecord, context: &RequestContext, status: u16) -> LoggedCall {
    let duration = context.started.elapsed();
    LoggedCall {
        request_id: context.id.as_str().to_owned(),
        occurred_at: clock::since_epoch().saturating_sub(duration),
        duration,
        first_token: call.first_token,
        surface: call.surface,
        key: call.key.clone(),
        tenant: call.tenant.clone(),
        user: call.user.clone(),
        session: call.session.clone(),
        model: call.model.clone(),
        provider: call.provider.clone(),
        upstream_model: call.upstream_model.clone(),
        status,
        error: context.error.clone().into_owned(),
        attempts: call.trace.lines(),
        usage: call.usage,
        estimated: call.estimated,
        cost: call.cost,
        lossy: call.lossy.clone(),
        stream: call.stream,
        client_ip: context.exchange.client_ip(),
    }
}

fn model_call(call: &CallRecord) -> ModelCall {
    ModelCall {
        surface: call.surface,
        key: call
            .key
            .as_ref()
            .map(|key| key.as_str().to_owned())
            .unwrap_or_default(),
        model: call.model.clone(),
        provider: call.provider.clone(),
        upstream_model: call.upstream_model.clone(),
        label: call.label.clone().unwrap_or_default(),
        attempts: call.trace.lines(),
        stream: call.stream,
        input_tokens: call.usage.input,
        output_tokens: call.usage.output,
        estimated: call.estimated,
        lossy: call.lossy.clone(),
        cost: call.cost.map(|cost| cost.to_string()).unwrap_or_default(),
        ttft: call.first_token,
    }
}

fn field_value(value: Scalar) -> FieldValue {
    match value {
        Scalar::Bool(value) => FieldValue::Bool(value),
        Scalar::Integer(value) => FieldValue::Integer(value),
        Scalar::Float(value) => FieldValue::Float(value),
        Scalar::Text(value) => FieldValue::Text(value),
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

/// The target with the value of `key` parameters replaced: Gemini's clients send their key that way.
fn without_credentials(target: &str) -> std::borrow::Cow<'_, str> {
    let Some((path, query)) = target.split_once('?') else {
        return target.into();
    };
    let secret = |pair: &str| {
        pair.split_once('=')
            .is_some_and(|(name, _)| matches!(name, "key" | "api_key" | "access_token" | "token"))
    };
    if !query.split('&').any(secret) {
        return target.into();
    }
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if secret(pair) => format!("{name}=REDACTED"),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", pairs.join("&")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_the_query_are_not_logged() {
        for (target, logged) in [
            ("/a", "/a"),
            ("/a?b=c", "/a?b=c"),
            ("/a?key=sk-1&b=c", "/a?key=REDACTED&b=c"),
            ("/a?b=c&access_token=x=y", "/a?b=c&access_token=REDACTED"),
        ] {
            assert_eq!(without_credentials(target), logged);
        }
    }
}
