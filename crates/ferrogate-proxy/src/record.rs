//! The end of a request: metrics and access log.

use ferrogate_observability::{AccessEntry, ModelCall};
use ferrogate_types::clock;
use http::Version;
use pingora_proxy::Session;

use crate::Shared;
use crate::answer;
use crate::context::RequestContext;
use crate::head::authority;

/// Nginx's status for a client that left before it was answered; never sent.
const CLIENT_CLOSED: u16 = 499;

/// Counts and logs a request that has ended.
pub(crate) fn finish(shared: &Shared, session: &mut Session, context: &mut RequestContext) {
    let duration = context.started.elapsed();
    let status = answer::begun(session).unwrap_or(if context.client_gone {
        CLIENT_CLOSED
    } else {
        0
    });
    shared.metrics.request(context.kind, status, duration);
    let log = context
        .site
        .and_then(|site| context.snapshot.sites.get(site))
        .and_then(|site| site.access_log.as_ref());
    let Some(log) = log.filter(|log| status >= 500 || !log.errors_only) else {
        return;
    };

    let header = session.req_header();
    let target = context
        .exchange
        .original_target()
        .unwrap_or_else(|| header.raw_path());
    let uri = without_credentials(&String::from_utf8_lossy(target)).into_owned();
    let path = uri.split_once('?').map_or(uri.as_str(), |(path, _)| path);
    let remote_ip = context
        .connection
        .peer_ip()
        .map(|ip| ip.to_string())
        .unwrap_or_default();
    let client_ip = context
        .exchange
        .client_ip()
        .map(|ip| ip.to_string())
        .unwrap_or_default();
    let call = context.call.as_ref();
    let cost = call
        .and_then(|call| call.cost)
        .map(|cost| cost.to_string())
        .unwrap_or_default();
    log.log.record(&AccessEntry {
        level: if status >= 500 { "error" } else { "info" },
        ts: clock::since_epoch().as_secs_f64(),
        logger: "http.log.access",
        msg: "handled request",
        request_id: context.id.as_str(),
        remote_ip: &remote_ip,
        client_ip: &client_ip,
        proto: protocol(header.version),
        method: header.method.as_str(),
        host: &String::from_utf8_lossy(authority(header)),
        path,
        uri: &uri,
        status,
        size: u64::try_from(session.body_bytes_sent()).unwrap_or(u64::MAX),
        bytes_read: u64::try_from(session.body_bytes_read()).unwrap_or(u64::MAX),
        duration: duration.as_secs_f64(),
        upstream: context.proxy.as_ref().map_or("", |run| run.dial()),
        error: &context.error,
        call: call.map(|call| ModelCall {
            surface: call.surface,
            key: call.key.as_ref().map_or("", |key| key.as_str()),
            model: &call.model,
            provider: &call.provider,
            upstream_model: &call.upstream_model,
            attempts: &call.attempts,
            stream: call.stream,
            input_tokens: call.usage.input,
            output_tokens: call.usage.output,
            estimated: call.estimated,
            cost: &cost,
            ttft: call.first_token.map(|time| time.as_secs_f64()),
        }),
    });
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
