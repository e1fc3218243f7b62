//! What the admin API answers when it does not do what was asked.

use axum::response::{IntoResponse, Response};
use ferrogate_auth::{Forbidden, GuardError, NoEntropy};
use ferrogate_storage::StoreError;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::answer::json;
use crate::limits::SettingsError;

/// Why something was not done: one envelope for every error of the admin API.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    message: String,
    param: Option<String>,
    diagnostics: Option<Vec<Value>>,
    settings: Option<Vec<String>>,
    headers: HeaderMap,
}

/// An error.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    error: ErrorDetail,
    /// Of a refused configuration: what is wrong with it, in the order of the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostics: Option<Vec<Value>>,
    /// Of `upgrade_required`: the settings that only a new process can take.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Vec<String>>,
}

/// What went wrong, and what to do next.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    /// For people.
    message: String,
    /// The kind of error.
    r#type: &'static str,
    /// For programs.
    code: &'static str,
    /// The member or the parameter it is about.
    param: Option<String>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            code,
            message: message.into(),
            param: None,
            diagnostics: None,
            settings: None,
            headers: HeaderMap::new(),
        }))
    }

    /// A request that is not written as it should be.
    pub(crate) fn malformed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A request whose content cannot be.
    pub(crate) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::unprocessable("invalid_value", message).about(param)
    }

    /// A request that is well-formed and cannot be done.
    pub(crate) fn unprocessable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// A parameter of the query that cannot be.
    pub(crate) fn parameter(param: &str, message: impl Into<String>) -> Self {
        Self::malformed("invalid_parameter", message).about(param)
    }

    /// Something that is not there, or that the caller may not see.
    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "resource_not_found",
            format!("there is no {what} `{id}`; list them to see their ids"),
        )
    }

    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    pub(crate) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// Something that stands in the configuration file.
    pub(crate) fn managed_by_file(what: &str, id: &str) -> Self {
        Self::conflict(
            "managed_by_file",
            format!(
                "the {what} `{id}` is written in the configuration file; change it there and reload"
            ),
        )
    }

    /// Something of the store that nobody here wrote: not the caller's fault.
    #[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
    pub(crate) fn damaged(error: SettingsError) -> Self {
        StoreError::Damaged(error.to_string()).into()
    }

    /// Something that this gateway cannot do.
    pub(crate) fn not_available(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "not_available",
            format!("{what} are not available in this version of the gateway"),
        )
    }

    /// A reference to something that is not there.
    pub(crate) fn unknown(param: &str, what: &str, id: &str) -> Self {
        Self::invalid(param, format!("there is no {what} `{id}`; create it first"))
    }

    #[must_use]
    pub(crate) fn about(mut self, param: impl Into<String>) -> Self {
        self.0.param = Some(param.into());
        self
    }

    #[must_use]
    pub(crate) fn with_diagnostics(mut self, diagnostics: Vec<Value>) -> Self {
        self.0.diagnostics = Some(diagnostics);
        self
    }

    #[must_use]
    pub(crate) fn with_settings(mut self, settings: Vec<String>) -> Self {
        self.0.settings = Some(settings);
        self
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0.headers.insert(name, HeaderValue::from_static(value));
        self
    }
}

/// The word for the kind of error, as SDKs of model APIs know it.
fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Inner {
            status,
            code,
            message,
            param,
            diagnostics,
            settings,
            headers,
        } = *self.0;
        let error = ErrorDetail {
            message,
            r#type: kind(status),
            code,
            param,
        };
        let body = ErrorBody {
            error,
            diagnostics,
            settings,
        };
        let mut response = json(status, &body);
        response.headers_mut().extend(headers);
        response
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Exists(what) => Self::conflict(
                "already_exists",
                format!(
                    "there already is {what}; choose another id, or change that one with PUT or PATCH"
                ),
            ),
            StoreError::Missing(what) => Self::new(
                StatusCode::NOT_FOUND,
                "resource_not_found",
                format!("there is no {what} any more"),
            ),
            StoreError::Stale { what, .. } => Self::conflict(
                "changed_meanwhile",
                format!("{what} was changed by somebody else; read it again and repeat the change"),
            ),
            StoreError::InUse { what, by } => Self::conflict(
                "in_use",
                format!("{what} is still used by {by}; move or delete that first"),
            ),
            error => {
                tracing::warn!(%error, "the state store failed an admin request");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store_unavailable",
                    format!("{error}; nothing more was done, try again when it is back"),
                )
                .with_header(header::RETRY_AFTER, "1")
            }
        }
    }
}

impl From<GuardError> for Refusal {
    fn from(error: GuardError) -> Self {
        let code = match &error {
            GuardError::NotFound(id) => return Self::not_found("key", id.as_str()),
            GuardError::ManagedByFile(_) => "managed_by_file",
            GuardError::SelfHarm(_) | GuardError::WidensItself { .. } => "self_mutation_forbidden",
            GuardError::LastAdmin(_) => "last_admin_key",
        };
        Self::conflict(code, error.to_string())
    }
}

impl From<Forbidden> for Refusal {
    fn from(error: Forbidden) -> Self {
        Self::forbidden(
            "scope_denied",
            format!("{error}; ask with a credential that holds it"),
        )
    }
}

impl From<NoEntropy> for Refusal {
    fn from(error: NoEntropy) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_entropy",
            format!("{error}; try again"),
        )
    }
}

impl From<SettingsError> for Refusal {
    fn from(error: SettingsError) -> Self {
        let code = match error.member.as_str() {
            "scopes" => "invalid_scope",
            _ => "invalid_value",
        };
        Self::unprocessable(code, error.to_string()).about(error.member)
    }
}
