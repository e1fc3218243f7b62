//! Refusals and failures as answers: the one place where a status is chosen.

use std::time::Duration;

use ferrogate_auth::{AuthError, Denied, Forbidden, TenantDenied, TokenError};
use ferrogate_llm::{DecodeError, Dialect, ErrorBody, bedrock_error_type, is_error_word};
use ferrogate_observability::CallOutcome;
use ferrogate_policy::{Exceeded, ExceededReason, LimitKind, RateState};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Version};
use pingora_error::Result;
use pingora_proxy::Session;

use crate::answer::{self, Reply};
use crate::context::RequestContext;

/// A refusal, or a failure of every target. Boxed: it is the rare case of many results.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Details>);

#[derive(Debug)]
struct Details {
    code: RefusalCode,
    message: String,
    param: Option<String>,
    /// A provider's own type and code, where its error is passed on.
    upstream: Option<(Option<String>, Option<String>)>,
    retry_after: Option<Duration>,
    rates: [Option<RateState>; 2],
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $status:literal, $kind:literal, $code:literal;)+) => {
        /// Why, with the status, the class and the code the caller sees. Source: the HTTP contract, section 1.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum RefusalCode { $($(#[$doc])* $variant),+ }

        impl RefusalCode {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$variant),+];

            fn row(self) -> (u16, &'static str, &'static str) {
                match self { $(Self::$variant => ($status, $kind, $code)),+ }
            }
        }
    };
}

codes! {
    /// No credential was shown.
    MissingKey = 401, "authentication_error", "missing_api_key";
    /// The credential fits no key.
    InvalidKey = 401, "authentication_error", "invalid_api_key";
    /// The key is switched off.
    DisabledKey = 401, "authentication_error", "disabled_api_key";
    /// The key's time is over.
    ExpiredKey = 401, "authentication_error", "expired_api_key";
    /// The key was revoked.
    RevokedKey = 401, "authentication_error", "revoked_api_key";
    /// Two credentials that differ.
    AmbiguousCredentials = 400, "invalid_request_error", "ambiguous_credentials";
    /// The key lacks a scope.
    ScopeDenied = 403, "permission_error", "scope_denied";
    /// The key may not use the model.
    ModelNotAllowed = 403, "permission_error", "model_not_allowed";
    /// The key may use none of the model's providers.
    ProviderNotAllowed = 403, "permission_error", "provider_not_allowed";
    /// A policy does not permit it.
    PolicyDenied = 403, "permission_error", "policy_denied";
    /// The key's tenant, or one above it, is switched off.
    TenantDisabled = 403, "permission_error", "tenant_disabled";
    /// The key may not be used from there.
    IpNotAllowed = 403, "permission_error", "ip_not_allowed";
    /// Nothing is called that.
    ModelNotFound = 404, "invalid_request_error", "model_not_found";
    /// There is nothing at the path.
    NotFound = 404, "invalid_request_error", "not_found";
    /// The path is answered to another method.
    MethodNotAllowed = 405, "invalid_request_error", "method_not_allowed";
    /// The path is answered with a WebSocket, which was not asked for.
    UpgradeRequired = 426, "invalid_request_error", "upgrade_required";
    /// The body did not arrive in time.
    RequestTimeout = 408, "invalid_request_error", "request_timeout";
    /// The body is larger than the limit.
    RequestTooLarge = 413, "invalid_request_error", "request_too_large";
    /// The body is no JSON object.
    InvalidJson = 400, "invalid_request_error", "invalid_json";
    /// The body's framing is broken.
    MalformedBody = 400, "invalid_request_error", "malformed_body";
    /// A member is missing or of the wrong type.
    InvalidRequest = 400, "invalid_request_error", "invalid_request";
    /// The key's budget is used up.
    BudgetExceeded = 402, "insufficient_quota", "budget_exceeded";
    /// The model has no price, and a budget of money needs one.
    ModelUnpriced = 403, "permission_error", "model_unpriced";
    /// The key's rate is used up.
    RateLimited = 429, "rate_limit_error", "rate_limit_exceeded";
    /// A limit that nodes share cannot be checked, and is to fail closed.
    LimitUnavailable = 503, "server_error", "limit_unavailable";
    /// Every target is rate limited by its provider.
    UpstreamRateLimited = 429, "rate_limit_error", "upstream_rate_limited";
    /// As many calls are under way as every target may have.
    ProviderSaturated = 429, "rate_limit_error", "provider_saturated";
    /// No target can be called.
    ProviderUnavailable = 503, "server_error", "provider_unavailable";
    /// Keys cannot be verified fast enough.
    AuthBusy = 503, "server_error", "authentication_busy";
    /// A provider refused the request: its own 400.
    UpstreamBadRequest = 400, "invalid_request_error", "upstream_bad_request";
    /// A provider could not process the request: its own 422.
    UpstreamUnprocessable = 422, "invalid_request_error", "upstream_unprocessable";
    /// A provider refused a body as too large: its own 413.
    UpstreamTooLarge = 413, "invalid_request_error", "request_too_large";
    /// A provider does not know the model.
    UpstreamModelNotFound = 404, "invalid_request_error", "model_not_found";
    /// A provider refused the gateway's own credential.
    UpstreamAuth = 502, "server_error", "upstream_auth_error";
    /// A provider says that it has too much to do.
    UpstreamOverloaded = 503, "server_error", "provider_unavailable";
    /// A member of the request cannot be sent to any target.
    UnsupportedParameter = 400, "invalid_request_error", "unsupported_parameter";
    /// No target serves the operation.
    UnsupportedOperation = 400, "invalid_request_error", "unsupported_operation";
    /// A provider failed or answered nonsense.
    UpstreamError = 502, "server_error", "upstream_error";
    /// A provider did not answer in time.
    UpstreamTimeout = 504, "server_error", "upstream_timeout";
    /// The request as a whole took too long.
    GatewayTimeout = 504, "server_error", "gateway_timeout";
}

impl Refusal {
    pub(crate) fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            code,
            message: message.into(),
            param: None,
            upstream: None,
            retry_after: None,
            rates: [None, None],
        }))
    }

    /// Names the request's member at fault.
    pub(crate) fn with_param(mut self, param: impl Into<String>) -> Self {
        self.0.param = Some(param.into());
        self
    }

    /// Passes on a provider's own type and code.
    pub(crate) fn with_upstream(mut self, kind: Option<String>, code: Option<String>) -> Self {
        self.0.upstream = Some((kind, code));
        self
    }

    /// Says when trying again makes sense.
    pub(crate) fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Puts the rate-limit headers on.
    pub(crate) fn with_rates(mut self, rates: [Option<RateState>; 2]) -> Self {
        self.0.rates = rates;
        self
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> RefusalCode {
        self.0.code
    }

    /// How the call counts: what a provider did is a failure, what we decided a refusal.
    pub(crate) fn outcome(&self) -> CallOutcome {
        use RefusalCode::{
            GatewayTimeout, ProviderUnavailable, UpstreamAuth, UpstreamError, UpstreamOverloaded,
            UpstreamRateLimited, UpstreamTimeout,
        };
        match self.0.code {
            UpstreamAuth | UpstreamError | UpstreamTimeout | UpstreamRateLimited
            | UpstreamOverloaded | GatewayTimeout | ProviderUnavailable => CallOutcome::Failed,
            _ => CallOutcome::Refused,
        }
    }

    /// Sends it in the caller's dialect.
    pub(crate) async fn send(
        &self,
        session: &mut Session,
        context: &mut RequestContext,
    ) -> Result<()> {
        context.error = self.code_name().into();
        let headers = context
            .call
            .as_ref()
            .map(super::CallRecord::headers)
            .unwrap_or_default();
        let dialect = context
            .call
            .as_ref()
            .map_or(Dialect::OpenAiChat, |call| call.dialect);
        let id = context.id.to_string();
        let mut reply = self.to_reply(dialect, &id);
        reply.headers.extend(headers);
        reply.headers.extend(super::call::id_header(dialect, &id));
        if reply.status == 426 && session.req_header().version == Version::HTTP_11 {
            // RFC 9110, section 15.5.22. HTTP/2 has no such field: section 8.2.2 of RFC 9113.
            reply
                .headers
                .push((UPGRADE, HeaderValue::from_static("websocket")));
        }
        answer::send(session, context, reply).await
    }

    /// As the last frame of a stream that has begun.
    pub(crate) fn in_stream(&self, dialect: Dialect, id: &str) -> bytes::Bytes {
        dialect.protocol().error_frame(&self.body(dialect, id))
    }

    /// What is told to a person.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// Its code.
    pub(crate) fn code_name(&self) -> &'static str {
        self.0.code.row().2
    }

    fn body<'a>(&'a self, dialect: Dialect, id: &'a str) -> ErrorBody<'a> {
        let (_, kind, code) = self.0.code.row();
        let upstream = self.0.upstream.as_ref();
        // OpenAI's callers read any word; others map what they know, and by our own words where that is nothing.
        let open = matches!(
            dialect,
            Dialect::OpenAiChat | Dialect::OpenAiResponses | Dialect::OpenAiText
        );
        let means = |word: &&str| open || is_error_word(word);
        ErrorBody {
            message: &self.0.message,
            kind: upstream
                .and_then(|(kind, _)| kind.as_deref())
                .filter(means)
                .unwrap_or(kind),
            param: self.0.param.as_deref(),
            code: upstream
                .and_then(|(_, code)| code.as_deref())
                .filter(means)
                .unwrap_or(code),
            request_id: Some(id),
        }
    }

    fn to_reply(&self, dialect: Dialect, id: &str) -> Reply {
        let (mut status, ..) = self.0.code.row();
        if self.0.code == RefusalCode::UpstreamOverloaded && dialect == Dialect::Anthropic {
            // Anthropic's own status, which its SDK knows.
            status = 529;
        }
        let body = self.body(dialect, id);
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        if status == 401 {
            headers.push((
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"ferrogate\""),
            ));
        }
        if status == 405 {
            headers.push((ALLOW, HeaderValue::from_static("POST")));
        }
        if let Some(after) = self.0.retry_after {
            headers.push((RETRY_AFTER, HeaderValue::from(whole_seconds(after))));
        }
        headers.extend(rate_headers(&self.0.rates));
        if dialect == Dialect::Converse {
            // AWS's SDKs look for the exception's name here.
            let kind = bedrock_error_type(status, body.kind, body.code);
            headers.push((
                HeaderName::from_static("x-amzn-errortype"),
                HeaderValue::from_static(kind),
            ));
        }
        // A body that was refused unread must not be taken for the next request.
        let close = matches!(status, 408 | 413) || self.0.code == RefusalCode::MalformedBody;
        Reply {
            status,
            headers,
            body: dialect.protocol().error_body(&body).into(),
            close,
        }
    }
}

/// Whole seconds, rounded up: coming back early would only be refused again.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// The headers of limits on requests and on tokens.
pub(crate) fn rate_headers(rates: &[Option<RateState>; 2]) -> Vec<(HeaderName, HeaderValue)> {
    let kinds = [LimitKind::Requests, LimitKind::Tokens];
    let states = kinds.into_iter().zip(rates);
    states
        .filter_map(|(kind, rate)| Some(rate.as_ref()?.headers(kind)))
        .flatten()
        .filter_map(|(name, value)| {
            Some((
                HeaderName::from_static(name),
                HeaderValue::from_str(&value).ok()?,
            ))
        })
        .collect()
}

impl From<Exceeded> for Refusal {
    fn from(exceeded: Exceeded) -> Self {
        let code = match exceeded.reason {
            ExceededReason::StoreUnavailable => RefusalCode::LimitUnavailable,
            ExceededReason::UsedUp | ExceededReason::TooLarge => RefusalCode::RateLimited,
        };
        let rates = match exceeded.kind {
            LimitKind::Requests => [Some(exceeded.state), None],
            LimitKind::Tokens => [None, Some(exceeded.state)],
            LimitKind::Concurrency => [None, None],
        };
        let mut refusal = Self::new(code, exceeded.to_string()).with_rates(rates);
        if let Some(after) = exceeded.retry_after {
            refusal = refusal.with_retry_after(after);
        }
        refusal
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        let code = match &error {
            AuthError::Disabled(_) => RefusalCode::DisabledKey,
            AuthError::Expired(_) => RefusalCode::ExpiredKey,
            AuthError::Revoked(_) => RefusalCode::RevokedKey,
            AuthError::Token(TokenError::Unavailable) | AuthError::Busy => RefusalCode::AuthBusy,
            AuthError::Unknown | AuthError::Token(_) => RefusalCode::InvalidKey,
            AuthError::TooManyGuesses(_) => RefusalCode::RateLimited,
        };
        let refusal = Self::new(code, error.to_string());
        match error {
            AuthError::TooManyGuesses(after) => refusal.with_retry_after(after),
            _ if code == RefusalCode::AuthBusy => refusal.with_retry_after(Duration::from_secs(1)),
            _ => refusal,
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::Scope { .. } => RefusalCode::ScopeDenied,
            Denied::Model { .. } => RefusalCode::ModelNotAllowed,
            Denied::Address { .. } => RefusalCode::IpNotAllowed,
        };
        let param = matches!(code, RefusalCode::ModelNotAllowed).then_some("model");
        let refusal = Self::new(code, denied.to_string());
        match param {
            Some(param) => refusal.with_param(param),
            None => refusal,
        }
    }
}

impl From<Forbidden> for Refusal {
    fn from(forbidden: Forbidden) -> Self {
        let code = match &forbidden {
            Forbidden::Key(denied) => return denied.clone().into(),
            Forbidden::Scope { .. } => RefusalCode::ScopeDenied,
            Forbidden::Tenant(TenantDenied::Model { .. }) => RefusalCode::ModelNotAllowed,
            Forbidden::Tenant(TenantDenied::Address(_)) => RefusalCode::IpNotAllowed,
            Forbidden::Tenant(_) => RefusalCode::TenantDisabled,
        };
        let refusal = Self::new(code, forbidden.to_string());
        if code == RefusalCode::ModelNotAllowed {
            return refusal.with_param("model");
        }
        refusal
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        let code = match error {
            DecodeError::Json(_) => RefusalCode::InvalidJson,
            _ => RefusalCode::InvalidRequest,
        };
        let refusal = Self::new(code, error.to_string());
        match error.param() {
            Some(param) => refusal.with_param(param.to_owned()),
            None => refusal,
        }
    }
}

impl From<ferrogate_billing::Refusal> for Refusal {
    fn from(refusal: ferrogate_billing::Refusal) -> Self {
        use ferrogate_billing::Refusal as Budget;
        let code = match &refusal {
            Budget::Exhausted(_) | Budget::Downgrade { .. } => RefusalCode::BudgetExceeded,
            Budget::Unpriced(_) => RefusalCode::ModelUnpriced,
            Budget::NeedsGrant { .. } | Budget::Unavailable(_) => RefusalCode::LimitUnavailable,
        };
        Self::new(code, refusal.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_of(refusal: &Refusal) -> (u16, serde_json::Value) {
        let answer = refusal.to_reply(Dialect::OpenAiChat, "id");
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    #[test]
    fn every_code_is_an_error_in_the_envelope() {
        for &code in RefusalCode::ALL {
            let (status, json) = json_of(&Refusal::new(code, "why"));
            assert!((400..600).contains(&status));
            assert_eq!(json["error"]["message"], "why");
            assert!(
                json["error"]["code"]
                    .as_str()
                    .is_some_and(|code| !code.is_empty())
            );
        }
    }

    #[test]
    fn a_providers_own_words_are_kept() {
        let refusal = Refusal::new(RefusalCode::UpstreamBadRequest, "bad `temperature`")
            .with_param("temperature")
            .with_upstream(
                Some("invalid_request_error".into()),
                Some("unsupported_value".into()),
            );
        let (status, json) = json_of(&refusal);
        assert_eq!(
            (status, &json["error"]["code"], &json["error"]["param"]),
            (400, &"unsupported_value".into(), &"temperature".into())
        );
    }

    #[test]
    fn says_when_to_come_back() {
        let refusal = Refusal::new(RefusalCode::RateLimited, "x")
            .with_retry_after(Duration::from_millis(1200))
            .with_rates([
                Some(RateState {
                    limit: 3,
                    remaining: 0,
                    reset: Duration::from_millis(59_500),
                }),
                None,
            ]);
        let answer = refusal.to_reply(Dialect::OpenAiChat, "id");
        let header = |name: &str| {
            answer
                .headers
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        };
        assert_eq!(header("retry-after").unwrap(), "2");
        assert_eq!(header("x-ratelimit-remaining-requests").unwrap(), "0");
        assert_eq!(header("x-ratelimit-reset-requests").unwrap(), "59500ms");
    }
}
