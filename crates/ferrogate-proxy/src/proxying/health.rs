//! Active health checks: upstreams are asked at an interval, and taken out while they do not answer well.

use std::borrow::Cow;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use ferrogate_edge::{Candidate, Connection, Exchange, OwnedHead, Probe, Probes, ProxyRoute};
use http::StatusCode;
use http::header::LOCATION;
use pingora_http::RequestHeader;
use tokio::task::JoinSet;

use super::link::Link;
use super::peer;
use crate::{Shared, Snapshot};

/// So much of a body is looked at.
const MAX_BODY: usize = 1 << 20;
/// Redirects followed for one probe.
const MAX_REDIRECTS: usize = 10;

/// Runs the checks of a configuration until it is dropped. With nothing to check it waits for ever.
///
/// # Cancel safety
///
/// Safe: dropping the future ends all checks.
pub async fn watch(shared: Arc<Shared>) {
    let snapshot = shared.snapshot();
    let mut checks = JoinSet::new();
    for site in &snapshot.sites {
        for route in site.program.proxies() {
            if route.probes().is_none() {
                continue;
            }
            for candidate in route.fixed().iter() {
                let (route, candidate) = (Arc::clone(route), Arc::clone(candidate));
                checks.spawn(check(
                    Arc::clone(&shared),
                    Arc::clone(&snapshot),
                    route,
                    candidate,
                ));
            }
        }
    }
    while checks.join_next().await.is_some() {}
    pending::<()>().await;
}

/// Asks one upstream again and again, beginning now.
async fn check(
    shared: Arc<Shared>,
    snapshot: Arc<Snapshot>,
    route: Arc<ProxyRoute>,
    candidate: Arc<Candidate>,
) {
    let Some(probes) = route.probes() else { return };
    let spec = probes.spec();
    let mut interval = tokio::time::interval(spec.interval.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let asked = ask(&shared, &snapshot, &route, probes, &candidate);
        let answer = tokio::time::timeout(spec.timeout, asked)
            .await
            .unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let changed = candidate.note_probe(answer.is_ok(), spec.passes, spec.fails);
        let upstream = candidate.dial();
        shared
            .metrics
            .upstream_healthy(upstream, candidate.is_healthy());
        match answer {
            Ok(()) if changed => tracing::info!(upstream, "the upstream is healthy again"),
            Ok(()) => {}
            Err(why) if changed => tracing::warn!(upstream, why, "the upstream is unhealthy"),
            Err(why) => tracing::debug!(upstream, why, "a health check failed"),
        }
    }
}

/// Asks once, following redirects where the directive says so.
async fn ask(
    shared: &Shared,
    snapshot: &Snapshot,
    route: &ProxyRoute,
    probes: &Probes,
    candidate: &Candidate,
) -> Result<(), String> {
    let mut probe = probes.probe(candidate);
    for _ in 0..=MAX_REDIRECTS {
        let (status, location, body) = exchange(shared, snapshot, route, probes, &probe)
            .await
            .map_err(|error| error.to_string())?;
        let redirects = probes.spec().follow_redirects && status.is_redirection();
        if let Some(target) = location.filter(|_| redirects) {
            probe.target = on_the_same_host(&target, &probe)
                .ok_or_else(|| format!("redirected to another host, `{target}`"))?;
            continue;
        }
        if !probes.accepts_status(status.as_u16()) {
            return Err(format!("status {}", status.as_u16()));
        }
        if !probes.accepts_body(&body) {
            return Err("the body does not say what it should".to_owned());
        }
        return Ok(());
    }
    Err(format!("more than {MAX_REDIRECTS} redirects"))
}

type Answer = (StatusCode, Option<String>, Bytes);

async fn exchange(
    shared: &Shared,
    snapshot: &Snapshot,
    route: &ProxyRoute,
    probes: &Probes,
    probe: &Probe,
) -> pingora_error::Result<Answer> {
    let transport = &route.spec().transport;
    let material = &snapshot.upstream_tls;
    let nobody = Connection::default();
    let server_name = {
        let head = OwnedHead::new(probe.method.clone(), probe.target.as_str());
        let exchange = Exchange::new(Instant::now(), None);
        route
            .server_name(&head, &nobody, &exchange)
            .map(Cow::into_owned)
            .filter(|name| !name.is_empty())
    };
    let address = &probe.address;
    let peer = peer::describe(shared, address, transport, server_name, material, &nobody).await?;
    let mut link = Link::open(&shared.connector, peer).await?;
    let mut header = RequestHeader::build(probe.method.clone(), probe.target.as_bytes(), None)?;
    for (name, value) in &probe.headers {
        header.append_header(name.clone(), value.clone())?;
    }
    header.append_header("user-agent", "Ferrogate")?;
    if !probe.body.is_empty() {
        header.insert_header("content-length", probe.body.len())?;
    }
    link.send_header(header, probe.body.is_empty()).await?;
    if !probe.body.is_empty() {
        link.send(Some(Bytes::copy_from_slice(probe.body.as_bytes())))
            .await;
        link.finish().await;
    }
    let (receiving, _) = link.sides();
    let answer = loop {
        let answer = receiving.read_header().await?;
        if !answer.status.is_informational() {
            break answer;
        }
    };
    let mut body = BytesMut::new();
    while probes.wants_body() && body.len() < MAX_BODY {
        match receiving.read_body().await? {
            Some(piece) => body.extend_from_slice(&piece),
            None => break,
        }
    }
    let location = answer
        .headers
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .map(str::to_owned);
    if link.is_answer_done() {
        link.give_back(&shared.connector).await;
    }
    Ok((answer.status, location, body.freeze()))
}

/// The target of a redirect that stays where the probe was sent.
fn on_the_same_host(location: &str, probe: &Probe) -> Option<String> {
    if location.starts_with('/') && !location.starts_with("//") {
        return Some(location.to_owned());
    }
    let uri: http::Uri = location.parse().ok()?;
    let authority = uri.authority()?.as_str();
    let host = probe
        .headers
        .iter()
        .find(|(name, _)| *name == http::header::HOST)
        .and_then(|(_, value)| value.to_str().ok())?;
    (authority == host).then(|| {
        uri.path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string)
    })
}

#[cfg(test)]
mod tests {
    use ferrogate_types::route::{Dial, UpstreamAddress, UpstreamScheme};
    use http::Method;

    use super::*;

    #[test]
    fn redirects_stay_on_their_host() {
        let probe = Probe {
            address: UpstreamAddress {
                scheme: UpstreamScheme::Http,
                dial: Dial::Unix("/run/x.sock".into()),
            },
            method: Method::GET,
            target: "/".to_owned(),
            headers: vec![(http::header::HOST, "up:80".parse().unwrap())],
            body: String::new(),
        };
        for (location, expected) in [
            ("/a?b", Some("/a?b")),
            ("http://up:80/a", Some("/a")),
            ("http://up:80", Some("/")),
            ("//elsewhere/a", None),
            ("http://elsewhere/a", None),
            ("a", None),
        ] {
            let target = on_the_same_host(location, &probe);
            assert_eq!(target.as_deref(), expected, "{location}");
        }
    }
}
