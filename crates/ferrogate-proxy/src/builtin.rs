//! The gateway's own paths: probes, metrics, status.

use std::time::Instant;

use http::Method;
use serde_json::json;

use crate::answer::Reply;
use crate::{Shared, Snapshot, overview};

/// A path of the gateway's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    /// The process is alive.
    Live,
    /// It can serve.
    Ready,
    /// What it can serve.
    Health,
    /// The metrics page.
    Metrics,
    /// The admin API's status.
    Status,
}

const PATHS: [(&str, Builtin); 7] = [
    ("/healthz", Builtin::Live),
    ("/livez", Builtin::Live),
    ("/readyz", Builtin::Ready),
    ("/health", Builtin::Health),
    ("/metrics", Builtin::Metrics),
    ("/admin/v1/status", Builtin::Status),
    ("/admin/status", Builtin::Status),
];

impl Builtin {
    /// What is at a path, if it is one of ours.
    pub(crate) fn at(path: &str) -> Option<Self> {
        PATHS
            .iter()
            .find(|(known, _)| *known == path)
            .map(|(_, builtin)| *builtin)
    }

    /// Whether anybody may see it: probes say nothing that an outsider could not find out.
    pub(crate) fn is_public(self) -> bool {
        matches!(self, Self::Live | Self::Ready | Self::Health)
    }

    /// The answer.
    pub(crate) fn answer(self, method: &Method, shared: &Shared, snapshot: &Snapshot) -> Reply {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Reply::not_allowed("GET, HEAD");
        }
        match self {
            Self::Live => Reply::json(200, r#"{"status":"ok"}"#),
            Self::Ready => ready(shared, snapshot),
            Self::Health => health(snapshot),
            Self::Metrics => Reply::text(
                200,
                "text/plain; version=0.0.4; charset=utf-8",
                shared.metrics.render(),
            ),
            Self::Status => Reply::json(200, overview::status(shared, snapshot).to_string()),
        }
    }
}

fn ready(shared: &Shared, snapshot: &Snapshot) -> Reply {
    let now = Instant::now();
    let reason = if shared.is_draining() {
        Some("draining")
    } else if !snapshot.gateways.is_empty()
        && !snapshot
            .gateways
            .iter()
            .any(|gateway| gateway.registry.is_routable(now))
    {
        Some("no model target is routable")
    } else if shared.store_is_down() {
        Some("the state store does not answer")
    } else {
        None
    };
    match reason {
        None => Reply::json(200, r#"{"status":"ready"}"#),
        Some(reason) => Reply::json(
            503,
            json!({ "status": "not_ready", "reason": reason }).to_string(),
        ),
    }
}

fn health(snapshot: &Snapshot) -> Reply {
    let (routable, body) = overview::health(snapshot);
    Reply::json(if routable { 200 } else { 503 }, body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_probes_are_public() {
        for (path, builtin) in PATHS {
            assert_eq!(Builtin::at(path), Some(builtin));
            assert_eq!(
                builtin.is_public(),
                !path.contains("metrics") && !path.contains("admin")
            );
        }
        assert_eq!(Builtin::at("/healthz/"), None);
    }
}
