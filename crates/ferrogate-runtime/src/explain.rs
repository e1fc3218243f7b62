//! Walking a hypothetical request through the sites.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ferrogate_edge::{Connection, Exchange, OwnedHead, Step, TlsInfo, Verdict, client_ip};
use ferrogate_types::{KeyId, ListenAddress};
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

use crate::lower::Prepared;

/// A request to explain.
#[derive(Clone, Debug)]
pub struct ExplainedRequest {
    /// The method.
    pub method: Method,
    /// Whether it comes over TLS.
    pub https: bool,
    /// Host and port as a client would send them.
    pub authority: String,
    /// The port it is sent to.
    pub port: u16,
    /// Raw path and query.
    pub target: String,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body, where one is given.
    pub body: Option<Vec<u8>>,
    /// The id of the key that a model call would show.
    pub key: Option<KeyId>,
}

/// What would become of a request.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// For people.
    pub text: String,
    /// For machines.
    pub json: Value,
}

/// Says which listener, site and handlers a request would meet, and why. Nothing is sent.
pub fn explain(prepared: &Prepared, request: &ExplainedRequest) -> Explanation {
    let mut lines = vec![format!(
        "{} {} (host `{}`)",
        request.method, request.target, request.authority
    )];
    let listener = prepared.listeners.iter().position(|listener| {
        let port = match &listener.address {
            ListenAddress::Tcp(at) => at.port(),
            ListenAddress::Ipv6Wildcard(port) => *port,
            ListenAddress::Unix { .. } | ListenAddress::Inherited(_) => return false,
        };
        port == request.port && listener.tls.is_some() == request.https
    });
    let Some((index, state)) =
        listener.and_then(|index| Some((index, prepared.snapshot.listeners.get(index)?)))
    else {
        lines.push(format!(
            "no listener on port {} for {}",
            request.port,
            if request.https { "https" } else { "http" }
        ));
        return finish(&lines, json!({ "verdict": "no_listener" }));
    };
    let address = prepared
        .listeners
        .get(index)
        .map(|listener| listener.address.to_string())
        .unwrap_or_default();
    lines.push(format!("listener {address}"));
    let site = state
        .hosts
        .find(request.authority.as_bytes())
        .and_then(|site| Some((site, prepared.snapshot.sites.get(site)?)));
    let Some((number, site)) = site else {
        lines.push("no site has this host: an empty 200, as Caddy answers".to_owned());
        return finish(&lines, json!({ "listener": address, "verdict": "no_site" }));
    };
    let site_name = prepared.site_names.get(number).cloned().unwrap_or_default();
    lines.push(format!("site `{site_name}`"));

    let mut head = OwnedHead::new(request.method.clone(), request.target.as_str());
    head.headers = request.headers.clone();
    if let Ok(host) = HeaderValue::from_str(&request.authority) {
        head.headers.insert(HOST, host);
    }
    let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), request.port);
    let connection = Connection {
        peer: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)),
        local: Some(local),
        tls: request.https.then(|| Arc::new(TlsInfo::default())),
    };
    let client = client_ip(
        connection.peer_ip(),
        &head.headers,
        &state.trusted_proxies,
        &state.client_ip_headers,
    );
    let mut exchange = Exchange::new(Instant::now(), client);
    let gateways = &prepared.snapshot.gateways;
    let named = ferrogate_proxy::names_provider(&head.headers);
    let serves = |gateway: usize, path: &str| {
        gateways
            .get(gateway)
            .is_some_and(|gateway| gateway.serves(path, named))
    };
    let mut cursor = site.program.start();
    let mut all = Vec::new();
    let mut mounted = None;
    let (name, detail) = loop {
        let (verdict, steps) =
            site.program
                .explain(&mut cursor, &mut head, &connection, &mut exchange, &serves);
        lines.extend(steps.iter().map(line));
        all.extend(steps);
        match verdict {
            Verdict::Authenticate(auth) => lines.push(format!(
                "  ? asks for a user of `{}`; taken as given from here on",
                auth.realm()
            )),
            Verdict::Files(route) if route.pass_thru() => lines
                .push("  ? serves the file if there is one; taken as missing from here on".into()),
            Verdict::Fail { status, message } => {
                let errors = site.program.fail(
                    &mut cursor,
                    &mut head,
                    &mut exchange,
                    status,
                    message.clone(),
                );
                if !errors {
                    break ("error", format!(" {status}: {message}"));
                }
                lines.push(format!("  ! error {status}: {message}"));
            }
            verdict => {
                if let Verdict::AiGateway(gateway) = &verdict {
                    mounted = Some(*gateway);
                }
                break describe(&verdict);
            }
        }
    };
    let steps = all;
    lines.push(format!("=> {name}{detail}"));
    let target = String::from_utf8_lossy(&head.target).into_owned();
    if target != request.target {
        lines.push(format!("   as {} {target}", head.method));
    }
    let call = mounted
        .and_then(|gateway| prepared.snapshot.gateways.get(gateway))
        .map(|gateway| {
            let path = target.split('?').next().unwrap_or_default();
            let explained = ferrogate_proxy::explain::call(
                gateway,
                &ferrogate_proxy::explain::ExplainedCall {
                    path,
                    headers: &head.headers,
                    address: client,
                    body: request.body.clone().map(Bytes::from),
                    key: request.key.clone(),
                },
            );
            lines.extend(explained.lines.iter().map(|line| format!("   {line}")));
            explained.json
        });
    let steps: Vec<Value> = steps
        .iter()
        .map(|step| {
            json!({
                "directive": &*step.origin.directive, "place": &*step.origin.place,
                "matched": step.matched, "why": step.why, "depth": step.depth,
            })
        })
        .collect();
    finish(
        &lines,
        json!({ "listener": address, "site": site_name, "steps": steps, "verdict": name, "detail": detail.trim(), "target": target, "call": call }),
    )
}

fn line(step: &Step) -> String {
    let mark = if step.matched { "+" } else { "-" };
    let indent = "  ".repeat(step.depth + 1);
    format!(
        "{indent}{mark} {} ({}): {}",
        step.origin.directive, step.origin.place, step.why
    )
}

fn finish(lines: &[String], json: Value) -> Explanation {
    Explanation {
        text: lines.join("\n"),
        json,
    }
}

fn describe(verdict: &Verdict) -> (&'static str, String) {
    match verdict {
        Verdict::Respond(answer) => {
            let field = answer
                .field
                .as_ref()
                .and_then(|(name, value)| Some(format!(", {name}: {}", value.to_str().ok()?)));
            (
                "answer",
                format!(
                    " {} with {} bytes{}",
                    answer.status,
                    answer.body.len(),
                    field.unwrap_or_default()
                ),
            )
        }
        Verdict::Abort => ("abort", String::new()),
        Verdict::Fail { status, message } => ("error", format!(" {status}: {message}")),
        Verdict::Proxy(route) => (
            "proxy",
            format!(
                " to one of {}",
                route.dials().collect::<Vec<_>>().join(", ")
            ),
        ),
        Verdict::AiGateway(_) => ("ai_gateway", String::new()),
        Verdict::Authenticate(_) => ("basic_auth", String::new()),
        Verdict::Files(_) => ("file_server", String::new()),
        Verdict::CopyResponse(_) => ("copy_response", String::new()),
        Verdict::Metrics => ("metrics", String::new()),
        Verdict::Unhandled => (
            "unhandled",
            ": a probe path of the gateway, or an empty 200".to_owned(),
        ),
    }
}
