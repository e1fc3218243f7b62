//! The front door of the admin API.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use ferrogate_auth::Sessions;
use ferrogate_billing::Ledger;
use ferrogate_storage::Store;
use ferrogate_types::clock;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use tower::ServiceExt as _;

use crate::answer::Noted;
use crate::idempotency::UnderWay;
use crate::identity::{Caller, Identity};
use crate::node::Node;
use crate::path::canonical;
use crate::refusal::Refusal;
use crate::trail::{self, Unrouted};
use crate::{billing, openapi, request_logs};

/// The admin API. Cloning is a few reference counts.
#[derive(Clone)]
pub struct Admin {
    app: Arc<App>,
    router: Router,
}

/// What the handlers work with.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) node: Arc<dyn Node>,
    pub(crate) store: Arc<Store>,
    /// Where entries about calls are.
    pub(crate) logs: Arc<Store>,
    pub(crate) ledger: Ledger,
    pub(crate) sessions: Arc<Sessions>,
    /// Changes come one after another, each after its own look at what is there.
    pub(crate) writes: tokio::sync::Mutex<()>,
    pub(crate) tails: request_logs::Tails,
    pub(crate) settled: billing::Settled,
    under_way: UnderWay,
}

/// Bytes of a configuration.
const LARGEST_CONFIG: usize = 4 << 20;
/// Bytes of any other body.
const LARGEST: usize = 256 << 10;

impl Admin {
    /// The admin API of a process. Entries about calls are read from `logs`, everything else is in `store`; `sessions`
    /// are those that it was asked for at start.
    pub fn new(
        node: Arc<dyn Node>,
        store: Arc<Store>,
        logs: Arc<Store>,
        ledger: Ledger,
        sessions: Arc<Sessions>,
    ) -> Self {
        let app = Arc::new(App {
            node,
            store,
            logs,
            ledger,
            sessions,
            writes: tokio::sync::Mutex::default(),
            tails: request_logs::Tails::default(),
            settled: billing::Settled::default(),
            under_way: UnderWay::default(),
        });
        Self {
            router: openapi::router(Arc::clone(&app)),
            app,
        }
    }

    /// Whether a path is the admin API's: `/admin/v1/...`, and its resources at `/admin/...`.
    pub fn serves(path: &str) -> bool {
        canonical(path).is_some()
    }

    /// Answers a request. Who asks was found out before, or is left to the session's cookie.
    ///
    /// The body may be longer than this API takes: it is refused then. What is answered may be a stream that does not
    /// end by itself (`/request-logs/tail`); dropping it ends it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave a change in the store that is not in force here and not in the audit trail; what
    /// looks for changes of other nodes finds it. Let it end where that can be had.
    pub async fn answer(&self, caller: Caller, request: Request<Bytes>) -> Response<Body> {
        let mut response = match Box::pin(self.admitted(caller, request)).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        };
        let headers = response.headers_mut();
        // Answers are of one caller and one moment.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        response
    }

    async fn admitted(&self, caller: Caller, request: Request<Bytes>) -> Result<Response, Refusal> {
        let (mut parts, body) = request.into_parts();
        let path = canonical(parts.uri.path())
            .ok_or_else(|| Refusal::not_found("path", parts.uri.path()))?;
        parts.uri = located(&path, parts.uri.query())?;
        let now = clock::since_epoch().as_secs();
        let app = &self.app;
        let keys = app.node.keys();
        let tenants = app.node.tenants();
        let identity = Identity::of(&caller, &parts.headers, &keys, &tenants, &app.sessions, now)?;
        let changes = !parts.method.is_safe() && !path.ends_with("/config/explain");
        let (method, audited) = (parts.method.clone(), identity.clone());
        let answered = self.handled(identity, parts, body, &path, now).await;
        let (mut response, fresh) = match answered {
            Ok(answered) => answered,
            Err(refusal) => (refusal.into_response(), true),
        };
        let routed = response.extensions().get::<Unrouted>().is_none();
        if changes && fresh && routed {
            let noted: Noted = response.extensions_mut().remove().unwrap_or_default();
            trail::note(
                &app.store,
                &audited,
                &method,
                &path,
                response.status(),
                noted,
            )
            .await;
        }
        Ok(response)
    }

    /// The answer, and whether it was made now.
    async fn handled(
        &self,
        identity: Identity,
        parts: http::request::Parts,
        body: Bytes,
        path: &str,
        now: u64,
    ) -> Result<(Response, bool), Refusal> {
        identity.permit(&parts.method, path, &parts.headers, now)?;
        let is_config = path.starts_with("/admin/v1/config");
        let largest = if is_config { LARGEST_CONFIG } else { LARGEST };
        if body.len() > largest {
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "request_too_large",
                format!("the body has more than {largest} bytes"),
            ));
        }
        let app = &self.app;
        // A cookie cannot be repeated, so signing in is not.
        let repeatable = if parts.method.is_safe() || path.ends_with("/v1/session") {
            None
        } else {
            let target = parts
                .uri
                .path_and_query()
                .map_or(path, |target| target.as_str());
            let (method, headers) = (&parts.method, &parts.headers);
            app.under_way
                .begin(identity.actor(), method, target, headers, &body)?
        };
        if let Some(repeatable) = &repeatable
            && let Some(answer) = repeatable.answered(&app.store).await?
        {
            return Ok((answer, false));
        }
        let mut request = Request::from_parts(parts, Body::from(body));
        request.extensions_mut().insert(identity);
        let Ok(response) = self.router.clone().oneshot(request).await;
        Ok(match &repeatable {
            Some(repeatable) => (repeatable.keep(&app.store, response).await, true),
            None => (response, true),
        })
    }
}

/// The canonical target of a request. NUL is in no text that both databases keep.
fn located(path: &str, query: Option<&str>) -> Result<Uri, Refusal> {
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if target.contains("%00") {
        return Err(Refusal::malformed(
            "invalid_path",
            "the target has a NUL character; leave it out",
        ));
    }
    let uri = target.parse();
    uri.map_err(|_| Refusal::malformed("invalid_path", "the target is not a URL's path and query"))
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}
