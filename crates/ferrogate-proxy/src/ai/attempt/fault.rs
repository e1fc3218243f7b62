//! What went wrong with one try: whose fault, whether again, which status.

use std::fmt;
use std::time::{Duration, Instant};

use ferrogate_llm::{DecodeError, Meaning, UpstreamFault};
use ferrogate_providers::{Pass, ProviderSpec, RetryRule};
use ferrogate_upstream::{CallError, CallErrorKind};

use crate::ai::refusal::{Refusal, RefusalCode};

/// What went wrong with one try.
#[derive(Debug)]
pub(in crate::ai) struct Fault {
    kind: FaultKind,
    /// The provider's own words, where it had any.
    said: Option<Box<UpstreamFault>>,
    /// When the provider said to come back.
    retry_after: Option<Duration>,
    /// Whether the provider said that trying again helps.
    should_retry: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ai) enum FaultKind {
    /// No connection: nothing was sent.
    Unreachable,
    /// No answer, or none to the end, within a limit of time; `sent` says whether the request had gone out.
    TimedOut { sent: bool },
    /// The connection broke, or the answer ended too early.
    Broken,
    /// An answer that is none: not JSON, no event stream, a redirect, too large.
    Nonsense(&'static str),
    /// An error in an answer that looked fine.
    ErrorEvent,
    /// Another status than success.
    Status(u16),
    /// Every credential is parked.
    Parked,
    /// As many calls are under way as there may be, and no place became free.
    Saturated,
    /// The provider does not serve what is asked.
    NotServed,
    /// The request cannot be said in the provider's dialect.
    Untranslatable,
    /// The body is not what its dialect wants: no target would take it.
    Malformed,
    /// The credential could not be had.
    NoCredential,
}

/// What to do after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ai) enum Again {
    /// Try the same target after a pause.
    Same(Duration),
    /// Try the next target.
    Next,
    /// No target of this model would do better, one of another model might.
    Model,
    /// Another target would refuse as well.
    Never,
}

/// What a caller is told to wait, and a credential rests, whose provider did not say how long.
pub(super) const UNTOLD_WAIT: Duration = Duration::from_secs(1);
/// The longest a provider's `Retry-After` parks a credential.
pub(super) const LONGEST_PARK: Duration = Duration::from_secs(60);

impl Fault {
    pub(in crate::ai) fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            said: None,
            retry_after: None,
            should_retry: None,
        }
    }

    /// Every credential is parked for that long.
    pub(in crate::ai) fn parked(wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..Self::new(FaultKind::Parked)
        }
    }

    pub(super) fn said(kind: FaultKind, said: UpstreamFault) -> Self {
        Self {
            kind,
            said: Some(Box::new(said)),
            retry_after: None,
            should_retry: None,
        }
    }

    pub(in crate::ai) fn status(
        status: u16,
        said: UpstreamFault,
        retry_after: Option<Duration>,
    ) -> Self {
        Self {
            kind: FaultKind::Status(status),
            said: Some(Box::new(said)),
            retry_after,
            should_retry: None,
        }
    }

    /// A body that could not be read.
    pub(super) fn decode(error: &DecodeError) -> Self {
        Self::said(
            FaultKind::Malformed,
            UpstreamFault {
                message: error.to_string(),
                kind: None,
                param: error.param().map(str::to_owned),
                code: None,
            },
        )
    }

    /// A member that a target has no place for.
    pub(super) fn untranslatable(param: String, message: String) -> Self {
        Self::said(
            FaultKind::Untranslatable,
            UpstreamFault {
                message,
                kind: None,
                param: Some(param),
                code: None,
            },
        )
    }

    pub(in crate::ai) fn of_call(error: &CallError) -> Self {
        Self::new(match error.kind() {
            CallErrorKind::Dns | CallErrorKind::Connect | CallErrorKind::Tls => {
                FaultKind::Unreachable
            }
            CallErrorKind::ConnectTimeout => FaultKind::TimedOut { sent: false },
            CallErrorKind::FirstByteTimeout
            | CallErrorKind::IdleTimeout
            | CallErrorKind::Deadline => FaultKind::TimedOut { sent: true },
            CallErrorKind::Encoding => FaultKind::Nonsense("a body that cannot be decompressed"),
            CallErrorKind::BodyTooLarge { .. } => {
                FaultKind::Nonsense("an answer larger than the limit")
            }
            _ => FaultKind::Broken,
        })
    }

    /// Without the provider's credentials in what it said.
    pub(in crate::ai) fn without_secrets(mut self, spec: &ProviderSpec) -> Self {
        self.said = self
            .said
            .map(|said| Box::new(said.map(|text| spec.hide_secrets(text))));
        self
    }

    /// Tells the breaker. Rate limits and the caller's own errors say nothing about the provider's health.
    pub(in crate::ai) fn judge(&self, pass: Pass) {
        let ill = match self.kind {
            FaultKind::Status(status) => status >= 500 && status != 501,
            FaultKind::Parked
            | FaultKind::Saturated
            | FaultKind::NotServed
            | FaultKind::Untranslatable
            | FaultKind::Malformed => false,
            _ => true,
        };
        if ill {
            pass.failed(Instant::now());
        }
    }

    pub(in crate::ai) fn was_sent(&self) -> bool {
        !matches!(
            self.kind,
            FaultKind::Unreachable
                | FaultKind::TimedOut { sent: false }
                | FaultKind::Parked
                | FaultKind::Saturated
                | FaultKind::NotServed
                | FaultKind::Untranslatable
                | FaultKind::Malformed
                | FaultKind::NoCredential
        )
    }

    pub(in crate::ai) fn is_rate_limit(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::Status(429) | FaultKind::Parked | FaultKind::Saturated
        )
    }

    /// With what the provider said of trying again. Source: `x-should-retry`, which OpenAI's and Anthropic's own SDKs
    /// heed.
    pub(super) fn should_retry(self, should_retry: Option<bool>) -> Self {
        Self {
            should_retry,
            ..self
        }
    }

    /// What the provider's words mean beyond the status.
    pub(in crate::ai) fn meaning(&self) -> Option<Meaning> {
        match self.kind {
            FaultKind::Status(402) => Some(Meaning::Quota),
            FaultKind::Status(400..500) | FaultKind::ErrorEvent => self.said.as_ref()?.meaning(),
            _ => None,
        }
    }

    /// What to do now that try number `number` failed.
    pub(in crate::ai) fn again(&self, rule: &RetryRule, number: u32) -> Again {
        match self.meaning() {
            Some(Meaning::ContextWindow | Meaning::ContentPolicy) => return Again::Model,
            // Nobody pays in the time a request has.
            Some(Meaning::Quota) => return Again::Next,
            None => {}
        }
        match self.kind {
            FaultKind::Unreachable | FaultKind::Broken | FaultKind::ErrorEvent => {
                Again::Same(rule.pause(number))
            }
            FaultKind::Status(status) if rule.covers(status) => match self.retry_after {
                _ if self.should_retry == Some(false) => Again::Next,
                Some(wait) if wait > rule.max_backoff => Again::Next,
                Some(wait) => Again::Same(wait),
                None => Again::Same(rule.pause(number)),
            },
            // A target that let the caller wait for a whole time limit is not asked to do so again.
            FaultKind::TimedOut { .. }
            | FaultKind::Nonsense(_)
            | FaultKind::Parked
            | FaultKind::Saturated
            | FaultKind::NotServed
            | FaultKind::Untranslatable
            | FaultKind::NoCredential
            | FaultKind::Status(408 | 409 | 424 | 429 | 498 | 500..) => Again::Next,
            FaultKind::Malformed | FaultKind::Status(_) => Again::Never,
        }
    }

    /// The provider's status, where it had one.
    pub(in crate::ai) fn status_code(&self) -> Option<u16> {
        match self.kind {
            FaultKind::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The result of the try in metrics.
    pub(in crate::ai) fn label(&self) -> &'static str {
        match self.kind {
            FaultKind::Unreachable => "unreachable",
            FaultKind::TimedOut { .. } => "timeout",
            FaultKind::Broken => "broken",
            FaultKind::Nonsense(_) => "invalid_response",
            FaultKind::ErrorEvent => "error_event",
            FaultKind::Status(429) => "rate_limited",
            FaultKind::Status(402) => "no_quota",
            FaultKind::Status(500..) => "server_error",
            FaultKind::Status(_) => "refused",
            FaultKind::Parked => "parked",
            FaultKind::Saturated => "saturated",
            FaultKind::NotServed | FaultKind::Untranslatable => "unsupported",
            FaultKind::Malformed => "invalid_request",
            FaultKind::NoCredential => "no_credential",
        }
    }

    /// The answer when this is all there is to say.
    pub(in crate::ai) fn refusal(&self) -> Refusal {
        let message = match &self.said {
            Some(said) => said.message.clone(),
            None if self.kind == FaultKind::NotServed => {
                "no provider of this model serves this operation".to_owned()
            }
            None => format!("the provider failed: {self}"),
        };
        self.refusal_with(message)
    }

    /// The answer when other targets were tried or left out as well.
    pub(in crate::ai) fn refusal_after(&self, tried: &str) -> Refusal {
        let message = match &self.said {
            Some(said) => format!("{} (tried {tried})", said.message),
            None => format!("every provider failed: {tried}"),
        };
        self.refusal_with(message)
    }

    fn refusal_with(&self, message: String) -> Refusal {
        let code = match self.kind {
            FaultKind::TimedOut { .. } | FaultKind::Status(408 | 504) => {
                RefusalCode::UpstreamTimeout
            }
            FaultKind::Status(400) => RefusalCode::UpstreamBadRequest,
            FaultKind::Status(401 | 403) | FaultKind::NoCredential => RefusalCode::UpstreamAuth,
            FaultKind::Status(404) => RefusalCode::UpstreamModelNotFound,
            FaultKind::Status(413) => RefusalCode::UpstreamTooLarge,
            FaultKind::Status(422) => RefusalCode::UpstreamUnprocessable,
            FaultKind::Status(429) | FaultKind::Parked => RefusalCode::UpstreamRateLimited,
            FaultKind::Saturated => RefusalCode::ProviderSaturated,
            FaultKind::Status(529) => RefusalCode::UpstreamOverloaded,
            FaultKind::Status(503) => RefusalCode::ProviderUnavailable,
            FaultKind::NotServed => RefusalCode::UnsupportedOperation,
            FaultKind::Untranslatable => RefusalCode::UnsupportedParameter,
            FaultKind::Malformed => RefusalCode::InvalidRequest,
            _ => RefusalCode::UpstreamError,
        };
        let mut refusal = Refusal::new(code, message);
        let untold = self.is_rate_limit().then_some(UNTOLD_WAIT);
        if let Some(wait) = self.retry_after.or(untold) {
            refusal = refusal.with_retry_after(wait);
        }
        // The caller's own mistake is told in the provider's own terms.
        if matches!(
            self.kind,
            FaultKind::Status(400 | 413 | 422) | FaultKind::Untranslatable | FaultKind::Malformed
        ) && let Some(said) = &self.said
        {
            if let Some(param) = &said.param {
                refusal = refusal.with_param(param.clone());
            }
            // Some call everything an error of theirs.
            let kind = said.kind.clone();
            let kind = kind.filter(|kind| !matches!(kind.as_str(), "server_error" | "api_error"));
            if kind.is_some() || said.code.is_some() {
                refusal = refusal.with_upstream(kind, said.code.clone());
            }
        }
        refusal
    }
}

/// What happened, on one line, for logs and for the error message.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FaultKind::Unreachable => f.write_str("unreachable"),
            FaultKind::TimedOut { sent: false } => f.write_str("connect timeout"),
            FaultKind::TimedOut { sent: true } => f.write_str("timeout"),
            FaultKind::Broken => f.write_str("connection broken"),
            FaultKind::Nonsense(what) => write!(f, "answered with {what}"),
            FaultKind::ErrorEvent => f.write_str("error in the answer"),
            FaultKind::Status(status) => write!(f, "status {status}"),
            FaultKind::Parked => f.write_str("rate limited"),
            FaultKind::Saturated => f.write_str("no place became free"),
            FaultKind::NotServed => f.write_str("does not serve this operation"),
            FaultKind::Untranslatable => f.write_str("has no place for a member of the request"),
            FaultKind::Malformed => f.write_str("the request is malformed"),
            FaultKind::NoCredential => f.write_str("no credential could be had"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ferrogate_types::route::StatusPattern;

    use super::*;

    fn rule() -> RetryRule {
        RetryRule {
            attempts: 2,
            statuses: vec![
                StatusPattern::Code(408),
                StatusPattern::Code(429),
                StatusPattern::Class(5),
            ],
            backoff: Duration::ZERO,
            max_backoff: Duration::from_secs(5),
        }
    }

    fn status(status: u16, retry_after: Option<u64>) -> Fault {
        Fault::status(
            status,
            UpstreamFault::read(b""),
            retry_after.map(Duration::from_secs),
        )
    }

    #[test]
    fn moves_on_for_what_another_target_may_do_better() {
        for (fault, expected) in [
            (
                Fault::new(FaultKind::Unreachable),
                Again::Same(Duration::ZERO),
            ),
            (Fault::new(FaultKind::TimedOut { sent: true }), Again::Next),
            (status(503, None), Again::Same(Duration::ZERO)),
            (status(429, Some(2)), Again::Same(Duration::from_secs(2))),
            (status(429, Some(30)), Again::Next),
            (status(400, None), Again::Never),
            (status(401, None), Again::Never),
            (status(404, None), Again::Never),
        ] {
            assert_eq!(fault.again(&rule(), 1), expected, "{fault}");
        }
        let said = |status, code: &str| {
            let said = format!(r#"{{"error":{{"message":"m","code":"{code}"}}}}"#);
            Fault::status(status, UpstreamFault::read(said.as_bytes()), None)
        };
        for (fault, expected) in [
            (said(400, "context_length_exceeded"), Again::Model),
            (said(400, "content_filter"), Again::Model),
            (said(429, "insufficient_quota"), Again::Next),
            (said(402, "x"), Again::Next),
            (said(503, "x").should_retry(Some(false)), Again::Next),
            (
                said(500, "context_length_exceeded"),
                Again::Same(Duration::ZERO),
            ),
        ] {
            assert_eq!(fault.again(&rule(), 1), expected, "{fault}");
        }
        let never = RetryRule {
            statuses: Vec::new(),
            ..rule()
        };
        assert_eq!(status(529, None).again(&never, 1), Again::Next);
    }

    #[test]
    fn says_whose_fault_it_was() {
        for (fault, code) in [
            (status(401, None), RefusalCode::UpstreamAuth),
            (status(404, None), RefusalCode::UpstreamModelNotFound),
            (status(500, None), RefusalCode::UpstreamError),
            (status(504, None), RefusalCode::UpstreamTimeout),
            (status(529, None), RefusalCode::UpstreamOverloaded),
            (Fault::new(FaultKind::Broken), RefusalCode::UpstreamError),
            (
                Fault::new(FaultKind::TimedOut { sent: false }),
                RefusalCode::UpstreamTimeout,
            ),
        ] {
            assert_eq!(fault.refusal().code(), code, "{fault}");
        }
    }
}
