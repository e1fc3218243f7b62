//! Sessions of the console.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ferrogate_auth::{CredentialId, Principal, SessionRecord, csrf};
use ferrogate_storage::SessionStore as _;
use ferrogate_types::{Timestamp, clock};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::answer::{json as answer, noted};
use crate::extract::{Id, Params};
use crate::holder::scope_names;
use crate::identity::{COOKIE, Identity};
use crate::page::{List, Size, list_params};
use crate::records::moment;
use crate::refusal::Refusal;

pub(crate) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(current, sign_in, sign_out))
        .routes(routes!(list, revoke_all))
        .routes(routes!(revoke))
}

/// Who is signed in, or asks with a key.
#[derive(Serialize, ToSchema)]
pub(crate) struct CurrentSession {
    /// Always `session`.
    object: &'static str,
    /// The session's id; nothing for a key.
    id: Option<String>,
    /// Who: `key:ID`, `token:SUBJECT` or `master-key`.
    subject: String,
    /// What may be done with it.
    scopes: Vec<String>,
    /// The tenant beyond which nothing is seen.
    tenant: Option<String>,
    /// What a change shows beside the cookie, as `x-csrf-token`; nothing for a key.
    csrf: Option<String>,
    /// When it ends at the latest.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// A session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionRow {
    /// Always `session`.
    object: &'static str,
    /// Its id.
    id: String,
    /// Who: `key:ID` or `master-key`.
    subject: String,
    /// Where it was begun from.
    source_ip: Option<String>,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was used last.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
    /// When it ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Whether it is the one that asks.
    current: bool,
}

/// How many sessions were ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionsRevoked {
    /// How many.
    revoked: usize,
}

list_params! {
    /// Which sessions are wanted.
    ListSessions {
    }
}

/// Who asks.
#[utoipa::path(get, path = "/admin/v1/session", tag = "Sessions",
    responses((status = 200, description = "Who asks", body = CurrentSession)))]
async fn current(identity: Identity) -> Response {
    let session = identity.session.as_ref();
    let shown = CurrentSession {
        id: session.map(|(session, _)| session.id().to_owned()),
        csrf: session.map(|(_, cookie)| csrf(cookie.expose()).expose().to_owned()),
        expires_at: session.map(|(session, _)| moment(session.expires_at())),
        ..of(&identity)
    };
    answer(StatusCode::OK, &shown)
}

fn of(identity: &Identity) -> CurrentSession {
    CurrentSession {
        object: "session",
        id: None,
        subject: identity.actor(),
        scopes: scope_names(identity.scopes()),
        tenant: identity.tenant().map(ToString::to_string),
        csrf: None,
        expires_at: None,
    }
}

/// Signs in: exchanges a key for a cookie that scripts cannot read, and a token that changes show beside it.
#[utoipa::path(post, path = "/admin/v1/session", tag = "Sessions",
    responses((status = 201, description = "Signed in", body = CurrentSession,
        headers(("set-cookie" = String, description = "The session")))))]
async fn sign_in(State(app): State<Arc<App>>, identity: Identity) -> Result<Response, Refusal> {
    let credential = match &identity.principal {
        Principal::Key(key) if identity.session.is_none() => CredentialId::Key(key.id().clone()),
        Principal::Master if identity.session.is_none() => CredentialId::Master,
        _ => {
            return Err(Refusal::malformed(
                "not_a_key",
                "sign in with a key or the master key as `Authorization: Bearer`",
            ));
        }
    };
    let now = clock::since_epoch().as_secs();
    let begun = app.sessions.begin(credential, identity.address, now)?;
    let begun_record = std::slice::from_ref(&begun.record);
    let saved = ferrogate_auth::SessionStore::save_sessions(&*app.store, begun_record);
    if let Err(error) = saved.await {
        // Signing in is what an operator does when something is wrong: it works on this node until it ends.
        tracing::warn!(%error, "a session lives in this process only");
    }
    let id = begun.record.id.clone();
    let shown = CurrentSession {
        id: Some(id.clone()),
        csrf: Some(begun.csrf.expose().to_owned()),
        expires_at: Some(moment(begun.record.expires_at)),
        ..of(&identity)
    };
    let lifetime = begun.record.expires_at.saturating_sub(now);
    let response = with_cookie(
        answer(StatusCode::CREATED, &shown),
        begun.cookie.expose(),
        lifetime,
        identity.secure,
    );
    Ok(noted(response, Some(id), None))
}

/// Signs out.
#[utoipa::path(delete, path = "/admin/v1/session", tag = "Sessions",
    responses((status = 204, description = "Signed out")))]
async fn sign_out(State(app): State<Arc<App>>, identity: Identity) -> Result<Response, Refusal> {
    let Some((session, _)) = &identity.session else {
        return Err(Refusal::malformed(
            "not_a_session",
            "a key is no session; revoke it to take it out of use",
        ));
    };
    end(&app, session.id()).await?;
    let response = with_cookie(empty(), "", 0, identity.secure);
    Ok(noted(response, Some(session.id().to_owned()), None))
}

/// Sessions that are not over, by id.
#[utoipa::path(get, path = "/admin/v1/sessions", tag = "Sessions", params(ListSessions),
    responses((status = 200, description = "Sessions", body = List<SessionRow>)))]
async fn list(
    State(app): State<Arc<App>>,
    identity: Identity,
    Params(params): Params<ListSessions>,
) -> Result<Response, Refusal> {
    let own = identity
        .session
        .as_ref()
        .map(|(session, _)| session.id().to_owned());
    let row = |record: SessionRecord| {
        let row = SessionRow {
            object: "session",
            current: own.as_deref() == Some(record.id.as_str()),
            id: record.id,
            subject: record.credential.to_string(),
            source_ip: record.address.map(|address| address.to_string()),
            created_at: moment(record.created_at),
            last_seen_at: moment(record.last_seen_at),
            expires_at: moment(record.expires_at),
        };
        (row.id.clone(), row)
    };
    let sessions = app.sessions.list(clock::since_epoch().as_secs());
    let rows = sessions.into_iter().map(row).collect();
    let list = List::of_all(rows, &params.asked(), Size::RESOURCES);
    Ok(answer(StatusCode::OK, &list))
}

/// Ends every session, the caller's own as well.
#[utoipa::path(delete, path = "/admin/v1/sessions", tag = "Sessions",
    responses((status = 200, description = "How many were ended", body = SessionsRevoked)))]
async fn revoke_all(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    // First the store: what it kept would be restored at the next start.
    app.store.delete_sessions(None).await?;
    let revoked = app.sessions.revoke_all(None).len();
    let response = answer(StatusCode::OK, &SessionsRevoked { revoked });
    Ok(noted(response, None, Some(json!({ "revoked": revoked }))))
}

/// Ends a session. One that has ended already is no error.
#[utoipa::path(delete, path = "/admin/v1/sessions/{id}", tag = "Sessions",
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 204, description = "It has ended")))]
async fn revoke(State(app): State<Arc<App>>, Id(id): Id) -> Result<Response, Refusal> {
    end(&app, &id).await?;
    Ok(empty())
}

async fn end(app: &App, id: &str) -> Result<(), Refusal> {
    app.sessions.revoke(id);
    app.store.delete_session(id).await?;
    Ok(())
}

fn empty() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn with_cookie(mut response: Response, value: &str, seconds: u64, secure: bool) -> Response {
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE}={value}; Path=/admin; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
