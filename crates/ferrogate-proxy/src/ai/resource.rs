//! Resources of OpenAI's API that the gateway passes through: files, batches, fine-tuning and their like.
//!
//! Nothing of them is understood here but where they may go: below the root of one provider's API and nowhere else,
//! with that provider's credential and not the caller's. No path climbs out in any encoding, and no redirect is
//! followed: it would hand the credential to another host.

use std::sync::Arc;
use std::time::Instant;

use ferrogate_auth::Principal;
use ferrogate_llm::UpstreamFault;
use ferrogate_policy::Facts;
use ferrogate_providers::{AuthScheme, LogicalModel, Provider};
use ferrogate_types::{ProviderId, Scope};
use ferrogate_upstream::{Answer, Call, Timeouts};
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use percent_encoding::percent_decode_str;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use super::attempt::{Fault, FaultKind};
use super::authenticate;
use super::gateway::ModelGateway;
use super::limit::Admission;
use super::refusal::{Refusal, RefusalCode};
use super::{Issued, Stop, authorize, intake, limit, policy};
use crate::Shared;
use crate::context::RequestContext;
use crate::{deliver, watch};

/// A family of resources.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Where they are: this path and everything below it.
    path: &'static str,
    /// The path itself is another surface's.
    below_only: bool,
    scope: Scope,
}

const fn at(path: &'static str, scope: Scope) -> Resource {
    Resource {
        path,
        below_only: false,
        scope,
    }
}

/// Every family. Source: OpenAI's OpenAPI document, the paths that are no operation of a model. `/v1/organization`
/// is left out: it manages the operator's own account.
static TABLE: [Resource; 18] = [
    at("/v1/files", Scope::FilesManage),
    at("/v1/uploads", Scope::FilesManage),
    at("/v1/vector_stores", Scope::FilesManage),
    at("/v1/containers", Scope::FilesManage),
    at("/v1/batches", Scope::BatchesManage),
    at("/v1/fine_tuning", Scope::BatchesManage),
    at("/v1/evals", Scope::BatchesManage),
    at("/v1/assistants", Scope::ResponsesCreate),
    at("/v1/threads", Scope::ResponsesCreate),
    at("/v1/conversations", Scope::ResponsesCreate),
    at("/v1/skills", Scope::ResponsesCreate),
    at("/v1/videos", Scope::ImagesCreate),
    at("/v1/realtime/client_secrets", Scope::RealtimeConnect),
    at("/v1/realtime/sessions", Scope::RealtimeConnect),
    at("/v1/audio/voices", Scope::AudioCreate),
    at("/v1/ocr", Scope::FilesManage),
    Resource {
        path: "/v1/responses",
        below_only: true,
        scope: Scope::ResponsesCreate,
    },
    Resource {
        path: "/v1/chat/completions",
        below_only: true,
        scope: Scope::ChatCompletions,
    },
];

/// Whether a path could be one of OpenAI's API, or of a vendor's beside it, that the table does not know. The
/// operator's own account is left out.
pub(crate) fn is_other(path: &str) -> bool {
    let account = ["/v1/organization", "/v1/projects"].iter().any(|own| {
        path.strip_prefix(own)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    path.strip_prefix("/v1/")
        .is_some_and(|rest| !rest.is_empty())
        && !account
}

impl Resource {
    /// The family a path belongs to.
    pub(crate) fn at(path: &str) -> Option<&'static Self> {
        TABLE
            .iter()
            .find(|resource| match path.strip_prefix(resource.path) {
                Some("") => !resource.below_only,
                Some(rest) => rest.len() > 1 && rest.starts_with('/'),
                None => false,
            })
    }
}

/// Whether a path stays where it seems to be: nothing in it climbs, however often it was encoded.
fn is_confined(path: &str) -> bool {
    let mut text = path.to_owned();
    // Each round undoes one encoding; a path that still changes after so many was not written in good faith.
    for _ in 0..4 {
        let climbs = text
            .split(['/', '\\'])
            // Some servers cut parameters off a segment before they look at it.
            .map(|segment| segment.split(';').next().unwrap_or_default())
            .any(|segment| matches!(segment, "." | ".."));
        if climbs || text.contains('\\') || text.chars().any(char::is_control) {
            return false;
        }
        let Ok(decoded) = percent_decode_str(&text).decode_utf8() else {
            return false;
        };
        if decoded == text {
            return true;
        }
        text = decoded.into_owned();
    }
    false
}

/// Whether a scope opens what providers do.
fn is_of_models(scope: Scope) -> bool {
    !matches!(scope, Scope::McpCall | Scope::AdminRead | Scope::AdminWrite)
}

/// Passes a request on to the provider it is for. `resource` is none for what the table does not know.
pub(crate) async fn pass(
    shared: &Arc<Shared>,
    gateway: &ModelGateway,
    resource: Option<&Resource>,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<(), Stop> {
    let principal = authenticate::caller(gateway, session, context).await?;
    match resource {
        Some(resource) => authorize::scope(gateway, &principal, resource.scope)?,
        // What it does is not known: only who may do everything here may do it.
        None => {
            for scope in Scope::ALL.iter().filter(|scope| is_of_models(**scope)) {
                authorize::scope(gateway, &principal, *scope)?;
            }
        }
    }
    let header = session.req_header();
    let (method, path) = (header.method.clone(), header.uri.path().to_owned());
    if !is_confined(&path) {
        return Err(Refusal::new(
            RefusalCode::InvalidRequest,
            "the path must not have `.` or `..` as a segment",
        )
        .into());
    }
    let (deadline, _) = limit::deadline(gateway, session, context.started);
    let query = without_credential(header.uri.query());
    let mut headers = forwarded(&header.headers);
    let named = authorize::named(&header.headers);
    let entrant = limit::Entrant {
        books: &shared.books,
        gateway,
        principal: &principal,
        address: context.exchange.client_ip(),
        id: context.id,
    };
    let mut admission = entrant.count().await?;
    let body = intake::read_body(session, gateway.max_request_bytes, deadline).await?;
    let issuer = shared
        .issued
        .of_path(&path)
        .or_else(|| shared.issued.of_body(&body));
    let provider = provider(
        gateway,
        &principal,
        named.as_deref(),
        issuer.as_ref(),
        &body,
    )?;
    let judge = policy::Judge::new(
        gateway,
        policy::Call {
            principal: &principal,
            scope: resource.map_or(Scope::FilesManage, |resource| resource.scope),
            surface: "resources",
            address: context.exchange.client_ip(),
            priced: None,
        },
    );
    let model = model_of(gateway, &body);
    let permitted = judge.permits(Facts {
        model: model.as_ref().map(|model| model.name().as_str()),
        provider: Some(provider.id().as_str()),
        ..Facts::default()
    });
    if let (false, Some(denial)) = (permitted, judge.denial()) {
        return Err(denial.into());
    }
    drop(judge);
    let endpoint = gateway
        .endpoints
        .get(provider.id())
        .ok_or_else(|| unavailable(&provider))?;
    let credential = provider.credentials().lend(Instant::now());
    if !provider.is_enabled() || (credential.is_none() && !provider.credentials().is_empty()) {
        return Err(unavailable(&provider).into());
    }
    let spec = provider.spec();
    spec.dress(
        &mut headers,
        credential.as_ref().map(ferrogate_providers::Lent::secret),
    );
    let below = path.strip_prefix("/v1").unwrap_or(&path);
    let suffix = format!("{}{below}{query}", root(&provider).unwrap_or_default());
    let limits = &spec.timeouts;
    let call = Call {
        replayable: method.is_safe(),
        method,
        path_and_query: endpoint.path(&suffix),
        headers,
        body,
        timeouts: Timeouts {
            connect: limits.connect.unwrap_or(std::time::Duration::from_secs(60)),
            first_byte: limits.first_byte,
            idle: limits.idle,
        },
        deadline: Some(deadline),
    };
    provider.id().as_str().clone_into(&mut context.upstream);
    admission.sent();
    let called = std::pin::pin!(shared.client.call(endpoint, call));
    let answer = watch::unless_gone(session, called)
        .await
        .ok_or(Stop::ClientGone)?
        .map_err(|error| Fault::of_call(&error).refusal())?;
    if !answer.status.is_success() {
        return Err(refused(answer, &provider).await.into());
    }
    relay(
        &shared.issued,
        answer,
        &admission,
        &provider,
        session,
        context,
    )
    .await
}

/// Where the provider has these resources below its API root; `None` where it has none of OpenAI's.
fn root(provider: &Provider) -> Option<&'static str> {
    let row = provider.spec().kind.row();
    match (row.auth, row.serves.first()?.path) {
        (AuthScheme::Azure, _) => Some("/openai/v1"),
        (_, "/chat/completions") => Some(""),
        (_, "/v1/chat/completions") => Some("/v1"),
        _ => None,
    }
}

/// The largest answer that is read for the ids it tells, in bytes.
const MOST_TOLD: usize = 256 << 10;

/// The one member of a body that says who has it.
#[derive(serde::Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    model: Option<std::borrow::Cow<'a, str>>,
}

/// Who has it: the provider named by `X-Provider`, the one that gave out an id in it, the one of the body's model, or
/// the only one there is.
fn provider(
    gateway: &ModelGateway,
    principal: &Principal,
    named: Option<&str>,
    issuer: Option<&ProviderId>,
    body: &[u8],
) -> Result<Arc<Provider>, Refusal> {
    let may = |provider: &Arc<Provider>| {
        root(provider).is_some()
            && !provider.spec().kind.is_echo()
            && principal.may_use_provider(provider.id(), &gateway.tenants)
    };
    if let Some(name) = named {
        let mut providers = gateway.registry.providers().iter();
        return providers
            .find(|provider| provider.id().as_str() == name && may(provider))
            .cloned()
            .ok_or_else(|| {
                Refusal::new(
                    RefusalCode::ProviderNotAllowed,
                    "`X-Provider` names no provider of OpenAI's API that this key may use",
                )
            });
    }
    let mut providers = gateway.registry.providers().iter();
    if let Some(found) = providers.find(|provider| Some(provider.id()) == issuer && may(provider)) {
        return Ok(Arc::clone(found));
    }
    if let Some(model) = model_of(gateway, body) {
        principal.require_model(model.name(), &gateway.tenants)?;
        let mut targets = model.targets.iter().map(|target| &target.provider);
        if let Some(found) = targets.find(|provider| may(provider)) {
            return Ok(Arc::clone(found));
        }
    }
    let mut all = gateway
        .registry
        .providers()
        .iter()
        .filter(|provider| may(provider) && provider.is_enabled());
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(Arc::clone(only)),
        (None, _) => Err(Refusal::new(
            RefusalCode::UnsupportedOperation,
            "no provider of this gateway has files, batches and the like of OpenAI's API",
        )),
        (Some(_), Some(_)) => Err(Refusal::new(
            RefusalCode::InvalidRequest,
            "several providers could have this: name one with the header `X-Provider`",
        )),
    }
}

/// The model that a body names, if it does and there is one.
fn model_of(gateway: &ModelGateway, body: &[u8]) -> Option<Arc<LogicalModel>> {
    let named = serde_json::from_slice::<Named<'_>>(body).ok()?;
    gateway.registry.resolve(&named.model?)
}

fn unavailable(provider: &Provider) -> Refusal {
    Refusal::new(
        RefusalCode::ProviderUnavailable,
        format!("provider `{}` cannot be called now", provider.id()),
    )
}

/// What of the caller's headers goes on: what describes the body, and nothing that says who is calling.
fn forwarded(headers: &HeaderMap) -> HeaderMap {
    const FORWARDED: [&str; 6] = [
        "content-type",
        "accept",
        "openai-beta",
        "idempotency-key",
        "traceparent",
        "tracestate",
    ];
    let mut kept: HeaderMap = FORWARDED
        .iter()
        .filter_map(|name| Some((HeaderName::from_static(name), headers.get(*name)?.clone())))
        .collect();
    kept.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("ferrogate/", env!("CARGO_PKG_VERSION"))),
    );
    kept
}

/// The query without the caller's key, its question mark included.
fn without_credential(query: Option<&str>) -> String {
    let kept: Vec<&str> = query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("key="))
        .collect();
    if kept.is_empty() {
        String::new()
    } else {
        format!("?{}", kept.join("&"))
    }
}

async fn refused(answer: Answer, provider: &Provider) -> Refusal {
    let status = answer.status.as_u16();
    if answer.status.is_redirection() {
        return Fault::new(FaultKind::Nonsense("a redirect, which is not followed")).refusal();
    }
    let body = answer.collect(64 << 10).await.unwrap_or_default();
    Fault::status(status, UpstreamFault::read(&body), None)
        .without_secrets(provider.spec())
        .refusal()
}

/// Sends the answer on piece by piece: files are larger than what may be held. Ids that it tells are
/// remembered before its end is sent: the caller may ask for one at once.
async fn relay(
    issued: &Issued,
    mut answer: Answer,
    admission: &Admission,
    provider: &Provider,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<(), Stop> {
    let mut told = Vec::new();
    let mut tells = answer
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let gone = |_| Stop::ClientGone;
    let mut header = ResponseHeader::build_no_case(answer.status, Some(16)).map_err(gone)?;
    for name in [CONTENT_TYPE, CONTENT_DISPOSITION, CACHE_CONTROL] {
        if let Some(value) = answer.headers.get(&name) {
            header.insert_header(name, value.clone()).map_err(gone)?;
        }
    }
    header
        .insert_header("x-ferrogate-provider", provider.id().as_str())
        .map_err(gone)?;
    for (name, value) in super::refusal::rate_headers(&admission.rates()) {
        header.insert_header(name, value).map_err(gone)?;
    }
    if session.req_header().version == Version::HTTP_11 {
        header
            .insert_header(TRANSFER_ENCODING, "chunked")
            .map_err(gone)?;
    }
    deliver::finish_header(session, context, &mut header, None).map_err(gone)?;
    session
        .write_response_header(Box::new(header), false)
        .await
        .map_err(gone)?;
    loop {
        let next = tokio::select! {
            biased;
            next = answer.chunk() => next,
            () = watch::gone(session) => return Err(Stop::ClientGone),
        };
        match next {
            Ok(Some(piece)) => {
                tells &= told.len() + piece.len() <= MOST_TOLD;
                if tells {
                    told.extend_from_slice(&piece);
                }
                session
                    .write_response_body(Some(piece), false)
                    .await
                    .map_err(gone)?;
            }
            Ok(None) => break,
            Err(error) => {
                // Without its end the answer is told to be broken by the connection's.
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "an answer broke off"
                );
                context.error = "the provider's answer broke off".into();
                session.set_keepalive(None);
                return Err(Stop::ClientGone);
            }
        }
    }
    if tells {
        issued.note(&told, provider.id());
    }
    session.write_response_body(None, true).await.map_err(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_paths_and_no_others() {
        for (path, scope) in [
            ("/v1/files", Some(Scope::FilesManage)),
            ("/v1/files/file-1/content", Some(Scope::FilesManage)),
            ("/v1/filesystem", None),
            ("/v1/responses", None),
            ("/v1/responses/", None),
            ("/v1/responses/resp_1/cancel", Some(Scope::ResponsesCreate)),
            ("/v1/chat/completions/x", Some(Scope::ChatCompletions)),
            ("/v1/organization/admin_api_keys", None),
            ("/v2/files", None),
        ] {
            assert_eq!(Resource::at(path).map(|found| found.scope), scope, "{path}");
        }
    }

    #[test]
    fn no_path_climbs_in_any_encoding() {
        for path in [
            "/v1/files/../organization",
            "/v1/files/%2e%2e/organization",
            "/v1/files/%252e%252e%252forganization",
            "/v1/files/%25252e%25252e/x",
            "/v1/files/..%2forganization",
            "/v1/files/..\\organization",
            "/v1/files/%5c..",
            "/v1/files/.",
            "/v1/files/..;/organization",
            "/v1/files/%2e%2e%3bx/organization",
            "/v1/files/a%0d%0ab",
            "/v1/files/%ff",
        ] {
            assert!(!is_confined(path), "{path}");
        }
        for path in [
            "/v1/files/file-a.b..c",
            "/v1/files/a%20b",
            "/v1/files/...",
            "/v1/files/100%25",
        ] {
            assert!(is_confined(path), "{path}");
        }
    }

    #[test]
    fn the_callers_key_goes_nowhere() {
        assert_eq!(
            without_credential(Some("limit=2&key=fg_x&after=b")),
            "?limit=2&after=b"
        );
        assert_eq!(without_credential(Some("key=fg_x")), "");
        let mut headers = HeaderMap::new();
        for name in [
            "authorization",
            "x-api-key",
            "cookie",
            "content-type",
            "x-ferrogate-timeout",
        ] {
            headers.insert(name, HeaderValue::from_static("v"));
        }
        let kept = forwarded(&headers);
        let names: Vec<&str> = kept.keys().map(HeaderName::as_str).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }
}
