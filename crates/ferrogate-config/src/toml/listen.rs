//! The listener, its site, and the whole configuration.

use ferrogate_types::ListenAddress;
use ferrogate_types::route::{Handler, Origin, Route};

use super::reader::{Reader, word};
use super::reliability;
use super::root::Draft;
use crate::caddyfile::listeners::clash;
use crate::caddyfile::syntax::{Block, Segment};
use crate::caddyfile::{ai, log};
use crate::diagnostic::Diagnostic;
use crate::model::{
    AccessHosts, AccessLog, Config, HostRule, Listener, LogLevel, ServerOptions, Site, TlsPolicy,
};

/// Where to listen when nothing is said.
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

impl Reader<'_, '_> {
    /// Puts the configuration together: one listener, one site for every host.
    pub(super) fn finish(&mut self, mut draft: Draft) -> Config {
        let listen = draft
            .listen
            .take()
            .unwrap_or_else(|| word(DEFAULT_LISTEN, self.place(0..0)));
        let global = self.cx.global(Some(&Block {
            segments: std::mem::take(&mut draft.global),
        }));
        let address: Option<ListenAddress> =
            self.cx.checked(&listen, "address", listen.text.parse());
        if let (Some(ListenAddress::Tcp(site)), Some(ListenAddress::Tcp(admin)), Some(at)) =
            (&address, &global.admin, global.admin_at)
            && site.port() != 0
            && site.port() == admin.port()
            && clash(site.ip(), admin.ip())
        {
            self.cx.say(
                at,
                Diagnostic::error(
                    "listener-overlap",
                    format!("port {} is already taken by another listener", admin.port()),
                )
                .label(format!("listens on {admin}"))
                .also(listen.at.span, "the other listener")
                .hint("use another port"),
            );
        }
        let (tls, certificate) = self.certificate(&draft.tls);
        let place = self.cx.report.sources().place(listen.at.span);
        let origin = |directive: &str| Origin {
            directive: directive.into(),
            place: place.as_str().into(),
        };
        // The surfaces of the gateway win over routes; what they do not serve falls through.
        let gateway = self.gateway(&mut draft);
        let gateway = gateway.map(|index| Route {
            matcher: None,
            handler: Handler::AiGateway(index),
            origin: origin("ai_gateway"),
        });
        let routes = self.routes(&draft.routes, &draft.upstreams);
        let access_log = draft.access_log.then(|| AccessLog {
            name: None,
            hosts: AccessHosts::All,
            inherits: false,
            settings: log::Draft::default().settle(LogLevel::Info),
        });
        let site = Site {
            addresses: vec![listen.text.to_string()],
            routes: gateway.into_iter().chain(routes).collect(),
            errors: Vec::new(),
            access_logs: access_log.into_iter().collect(),
            tls: certificate.map(|files| TlsPolicy {
                certificates: vec![files],
                ..TlsPolicy::default()
            }),
            origin: origin("listen"),
        };
        let options = ServerOptions {
            h2: !draft.tls.no_http2,
            ..ServerOptions::default()
        };
        let hosts = vec![HostRule {
            host: None,
            site: 0,
        }];
        let listener = address.map(|address| Listener {
            address,
            tls,
            options,
            hosts,
        });
        Config {
            global: global.into_global(),
            listeners: listener.into_iter().collect(),
            sites: vec![site],
            named_routes: Vec::new(),
            ai_gateways: std::mem::take(&mut self.cx.gateways),
        }
    }

    /// The gateway, when any table of it was written.
    fn gateway(&mut self, draft: &mut Draft) -> Option<usize> {
        reliability::apply(self, &draft.reliability, &mut draft.providers);
        let parts = [&mut draft.providers, &mut draft.models, &mut draft.api_keys];
        let mut lines: Vec<Segment> = draft.gateway.take().unwrap_or_default();
        let mut written = !lines.is_empty();
        for part in parts {
            written |= !part.is_empty();
            lines.append(part);
        }
        lines.append(&mut draft.limits);
        written.then(|| ai::gateway(self.cx, &Block { segments: lines }))
    }
}
