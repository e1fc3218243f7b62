//! The routes of the admin API and the document that describes them.
//!
//! Each route is listed with its documentation, so that none is without the other. Answers that the front door gives
//! for any route are added here, to all of them, for it is one place that gives them.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, Uri};
use utoipa::ToSchema as _;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr,
    Required, ResponseBuilder, SecurityRequirement,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::App;
use crate::answer::with_type;
use crate::identity::COOKIE;
use crate::path::PREFIX;
use crate::refusal::{ErrorBody, Refusal};
use crate::trail::Unrouted;
use crate::{
    audit, billing, budgets, config, drain, facts, keys, policies, request_logs, sessions, tenants,
    usage,
};

/// The routes, with all they need.
pub(crate) fn router(app: Arc<App>) -> Router {
    let (router, _) = parts();
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app)
}

/// The document as it is served.
static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    // It is made of names, numbers and texts: writing it cannot fail.
    serde_json::to_vec(&openapi()).unwrap_or_default()
});

/// This document.
#[utoipa::path(get, path = "/admin/v1/openapi.json", tag = "Node",
    responses((status = 200, description = "The document", body = serde_json::Value)))]
async fn document() -> Response {
    with_type(StatusCode::OK, DOCUMENT.clone(), "application/json")
}

/// The OpenAPI 3.1 document of the admin API.
pub fn openapi() -> OpenApi {
    parts().1
}

fn parts() -> (Router<Arc<App>>, OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(described())
        .merge(keys::router())
        .merge(tenants::router())
        .merge(policies::router())
        .merge(budgets::router())
        .merge(request_logs::router())
        .merge(billing::router())
        .merge(usage::router())
        .merge(audit::router())
        .merge(config::router())
        .merge(sessions::router())
        .merge(drain::router())
        .merge(facts::router())
        .routes(routes!(document))
        .split_for_parts();
    complete(&mut document);
    (router, document)
}

fn described() -> OpenApi {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let cookie = ApiKey::Cookie(ApiKeyValue::new(COOKIE));
    let components = ComponentsBuilder::new()
        .schemas_from_iter(error_schemas())
        .responses_from_iter(shared_errors())
        .security_scheme("key", SecurityScheme::Http(bearer))
        .security_scheme("session", SecurityScheme::ApiKey(cookie))
        .build();
    let info = InfoBuilder::new()
        .title("Ferrogate admin API")
        .version("v1")
        .description(Some(
            "What operators read and change while the gateway runs. Reads need the scope `admin.read`, changes \
             `admin.write`. Every resource also answers at `/admin/...`.",
        ))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([
            SecurityRequirement::new("key", Vec::<String>::new()),
            SecurityRequirement::new("session", Vec::<String>::new()),
        ]))
        .build()
}

fn error_schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = Vec::new();
    ErrorBody::schemas(&mut schemas);
    schemas.push((
        ErrorBody::name().into_owned(),
        <ErrorBody as utoipa::PartialSchema>::schema(),
    ));
    schemas
}

/// Errors of every route.
const ALWAYS: &[(&str, &str)] = &[
    ("400", "The request is not written as it should be"),
    ("401", "No credential, or a session that has ended"),
    ("403", "The credential does not reach that far"),
    ("413", "The body is too large"),
    ("501", "This gateway does not have it"),
    ("503", "The store does not answer; nothing was changed"),
];
/// Errors of routes that name something.
const NAMED: &[(&str, &str)] = &[("404", "It is not there, or out of reach")];
/// Errors of routes that change something.
const CHANGES: &[(&str, &str)] = &[
    ("404", "It is not there, or out of reach"),
    ("409", "What is there does not allow it"),
    ("412", "It is at another version than `If-Match` says"),
    ("415", "The body has another media type"),
    ("422", "The body says something that cannot be"),
];
/// Errors of the route that streams.
const STREAMS: &[(&str, &str)] = &[("429", "Too many follow already")];

fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        name_operations(path, item);
        let changed = [
            item.post.as_mut(),
            item.put.as_mut(),
            item.patch.as_mut(),
            item.delete.as_mut(),
        ];
        for operation in changed.into_iter().flatten() {
            add(operation, CHANGES);
            let parameters = operation.parameters.get_or_insert_default();
            parameters.push(header(
                "Idempotency-Key",
                "Sent again with the same request, it is done once",
            ));
            parameters.push(header("If-Match", "The `ETag` of what is to be changed"));
        }
        for operation in operations(item) {
            add(operation, ALWAYS);
            if path.contains('{') {
                add(operation, NAMED);
            }
            if path.ends_with("/tail") {
                add(operation, STREAMS);
            }
        }
    }
    open_shared_forms(document);
}

/// A form that is shown as a part of something has other members beside it, which a closed schema would forbid.
fn open_shared_forms(document: &mut OpenApi) {
    let schemas = document
        .components
        .as_mut()
        .map(|components| &mut components.schemas);
    let form = schemas.and_then(|schemas| schemas.get_mut("PolicyForm"));
    if let Some(RefOr::T(Schema::Object(form))) = form {
        form.additional_properties = None;
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [
        item.get.as_mut(),
        item.post.as_mut(),
        item.put.as_mut(),
        item.patch.as_mut(),
        item.delete.as_mut(),
    ];
    all.into_iter().flatten()
}

fn add(operation: &mut Operation, errors: &[(&str, &str)]) {
    for (status, _) in errors {
        let shared = RefOr::Ref(Ref::from_response_name(shared_name(status)));
        let responses = &mut operation.responses.responses;
        responses.entry((*status).to_owned()).or_insert(shared);
    }
}

/// What an error is called among the components, where each stands once.
fn shared_name(status: &str) -> String {
    format!("Error{status}")
}

fn shared_errors() -> impl Iterator<Item = (String, utoipa::openapi::Response)> {
    [ALWAYS, CHANGES, STREAMS]
        .into_iter()
        .flatten()
        .map(|(status, description)| {
            let content = ContentBuilder::new()
                .schema(Some(Ref::from_schema_name("ErrorBody")))
                .build();
            let response = ResponseBuilder::new()
                .description(*description)
                .content("application/json", content)
                .build();
            (shared_name(status), response)
        })
}

/// A name for every operation that no other has: its method and the words of its path.
fn name_operations(path: &str, item: &mut PathItem) {
    let rest = path.strip_prefix(PREFIX).unwrap_or(path);
    let words: Vec<_> = rest
        .split(['/', '-', '.', '{', '}'])
        .filter(|word| !word.is_empty())
        .collect();
    let words = words.join("_");
    for (method, operation) in [
        ("get", item.get.as_mut()),
        ("post", item.post.as_mut()),
        ("put", item.put.as_mut()),
        ("patch", item.patch.as_mut()),
        ("delete", item.delete.as_mut()),
    ] {
        if let Some(operation) = operation {
            operation.operation_id = Some(format!("{method}_{words}"));
        }
    }
}

fn header(name: &str, description: &str) -> RefOr<Parameter> {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build();
    RefOr::T(parameter)
}

async fn not_found(uri: Uri) -> Response {
    let refusal = Refusal::new(
        StatusCode::NOT_FOUND,
        "path_not_found",
        format!(
            "the admin API has no `{}`; see `/admin/v1/openapi.json`",
            uri.path()
        ),
    );
    unrouted(refusal)
}

async fn method_not_allowed() -> Response {
    unrouted(Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "the path does not take this method; `Allow` names those it takes",
    ))
}

fn unrouted(refusal: Refusal) -> Response {
    let mut response = refusal.into_response();
    response.extensions_mut().insert(Unrouted);
    response
}
