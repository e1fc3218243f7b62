//! What active health checks ask upstreams, and which answers they take for good.

use std::sync::Arc;
use std::time::Instant;

use ferrogate_types::route::{ActiveHealth, Dial, StatusPattern, UpstreamAddress};
use http::{HeaderName, HeaderValue, Method};
use regex::bytes::Regex;

use super::candidate::{Candidate, dial_text};
use super::route::address_of;
use crate::compile::Compiler;
use crate::connection::Connection;
use crate::edit::header_value;
use crate::exchange::Exchange;
use crate::head::OwnedHead;
use crate::placeholder::View;
use crate::text::Text;

/// Active health checks, compiled.
#[derive(Debug)]
pub struct Probes {
    spec: ActiveHealth,
    method: Method,
    headers: Box<[(HeaderName, Text)]>,
    body: Option<Regex>,
}

/// One question to one upstream.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Where it goes.
    pub address: UpstreamAddress,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The fields, `Host` among them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body, usually empty.
    pub body: String,
}

impl Probes {
    pub(super) fn compile(spec: &ActiveHealth, compiler: &mut Compiler<'_>) -> Self {
        let method = Method::from_bytes(spec.method.as_bytes()).unwrap_or_else(|_| {
            compiler.error(format!("probes with `{}`, which is no method", spec.method));
            Method::GET
        });
        let mut headers = Vec::new();
        for (name, value) in &spec.headers {
            match HeaderName::from_bytes(name.as_bytes()) {
                Ok(name) => headers.push((name, compiler.keeping(value))),
                Err(_) => compiler.error(format!("probes with `{name}`, which is no header field")),
            }
        }
        let body = spec
            .expect_body
            .as_ref()
            .and_then(|pattern| compiler.regex(pattern));
        Self {
            spec: spec.clone(),
            method,
            headers: headers.into(),
            body,
        }
    }

    /// Intervals, limits and counts.
    pub fn spec(&self) -> &ActiveHealth {
        &self.spec
    }

    /// What to ask a candidate.
    pub fn probe(&self, candidate: &Candidate) -> Probe {
        let address = self.address(candidate.address());
        let dial = dial_text(&address.dial);
        let mut exchange = Exchange::new(Instant::now(), None);
        exchange.upstream_notes_mut().health_target = Some(Arc::from(dial.as_str()));
        let head = OwnedHead::new(self.method.clone(), self.spec.uri.as_str());
        let view = View {
            head: &head,
            connection: &Connection::default(),
            exchange: &exchange,
            response: None,
        };
        let host = match &address.dial {
            Dial::Unix(_) => "localhost",
            _ => &dial,
        };
        let mut headers = vec![(http::header::HOST, header_value(host.as_bytes()))];
        for (name, text) in &self.headers {
            let value = header_value(text.render(&view).as_bytes());
            headers.retain(|(known, _)| *name != http::header::HOST || known != name);
            headers.push((name.clone(), value));
        }
        Probe {
            address,
            method: self.method.clone(),
            target: self.spec.uri.clone(),
            headers,
            body: self.spec.body.clone(),
        }
    }

    /// Whether a status is a good one.
    pub fn accepts_status(&self, status: u16) -> bool {
        match self.spec.status {
            None => (200..300).contains(&status),
            Some(StatusPattern::Code(code)) => code == status,
            Some(StatusPattern::Class(class)) => u16::from(class) == status / 100,
        }
    }

    /// Whether the body has to be read.
    pub fn wants_body(&self) -> bool {
        self.body.is_some()
    }

    /// Whether a body is a good one.
    pub fn accepts_body(&self, body: &[u8]) -> bool {
        self.body.as_ref().is_none_or(|regex| regex.is_match(body))
    }

    fn address(&self, upstream: &UpstreamAddress) -> UpstreamAddress {
        let mut address = self
            .spec
            .upstream
            .as_ref()
            .and_then(|text| address_of(text, upstream.scheme))
            .unwrap_or_else(|| upstream.clone());
        if let (Some(own), Dial::Tcp { port, .. }) = (self.spec.port, &mut address.dial) {
            *port = own;
        }
        address
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ferrogate_types::route::UpstreamScheme;

    use super::super::registry::UpstreamRegistry;
    use super::*;
    use crate::testing::compiled;

    fn spec() -> ActiveHealth {
        ActiveHealth {
            uri: "/health?x=1".to_owned(),
            port: None,
            upstream: None,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            method: "GET".to_owned(),
            body: String::new(),
            headers: Vec::new(),
            status: None,
            expect_body: None,
            passes: 1,
            fails: 1,
            follow_redirects: false,
        }
    }

    fn candidate() -> Candidate {
        let dial = Dial::Tcp {
            host: "up".to_owned(),
            port: 8000,
        };
        let state = UpstreamRegistry::default().state(&dial_text(&dial), 1);
        let scheme = UpstreamScheme::Http;
        Candidate::new(UpstreamAddress { scheme, dial }, state)
    }

    #[test]
    fn a_probe_goes_where_it_is_told() {
        for (port, upstream, expected) in [
            (None, None, "up:8000"),
            (Some(9), None, "up:9"),
            (None, Some("other:1"), "other:1"),
            (Some(9), Some("other:1"), "other:9"),
        ] {
            let spec = ActiveHealth {
                port,
                upstream: upstream.map(str::to_owned),
                ..spec()
            };
            let probes = compiled(|compiler| Probes::compile(&spec, compiler)).unwrap();
            let probe = probes.probe(&candidate());
            assert_eq!(dial_text(&probe.address.dial), expected);
            assert_eq!(probe.target, "/health?x=1");
            assert_eq!(
                probe.headers,
                [(http::header::HOST, expected.parse().unwrap())]
            );
        }
    }

    #[test]
    fn fields_may_name_the_target() {
        let spec = ActiveHealth {
            headers: vec![
                ("Host".to_owned(), "site.example".into()),
                (
                    "X-For".to_owned(),
                    "{http.reverse_proxy.active.target_upstream}".into(),
                ),
            ],
            ..spec()
        };
        let probes = compiled(|compiler| Probes::compile(&spec, compiler)).unwrap();
        let shown: Vec<_> = probes
            .probe(&candidate())
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        assert_eq!(shown, ["host: site.example", "x-for: up:8000"]);
    }

    #[test]
    fn answers_are_judged() {
        for (status, body, answer, good) in [
            (None, None, (204, ""), true),
            (None, None, (302, ""), false),
            (Some(StatusPattern::Code(503)), None, (503, ""), true),
            (Some(StatusPattern::Class(3)), None, (302, ""), true),
            (None, Some("o[k]"), (200, "all ok"), true),
            (None, Some("^ok$"), (200, "not ok"), false),
        ] {
            let spec = ActiveHealth {
                status,
                expect_body: body.map(str::to_owned),
                ..spec()
            };
            let probes = compiled(|compiler| Probes::compile(&spec, compiler)).unwrap();
            let judged =
                probes.accepts_status(answer.0) && probes.accepts_body(answer.1.as_bytes());
            assert_eq!(judged, good, "{status:?} {body:?} {answer:?}");
        }
        let broken = ActiveHealth {
            expect_body: Some("(".to_owned()),
            ..spec()
        };
        assert!(compiled(|compiler| drop(Probes::compile(&broken, compiler))).is_err());
    }
}
