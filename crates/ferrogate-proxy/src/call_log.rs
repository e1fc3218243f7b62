//! The record of model calls, for people to look at.

use std::fmt;
use std::time::Duration;

use ferrogate_types::{KeyId, Money, TenantId, Usage};

/// Where model calls are noted down. Never waits: what cannot be taken is dropped and counted there.
pub trait CallLog: fmt::Debug + Send + Sync {
    /// Notes a call that has ended.
    fn note(&self, call: LoggedCall);
}

/// A model call that has ended.
#[derive(Clone, Debug)]
pub struct LoggedCall {
    /// The id of its request.
    pub request_id: String,
    /// When it came, as the time since 1970.
    pub occurred_at: Duration,
    /// How long it took.
    pub duration: Duration,
    /// From the beginning of the try that answered to the first event of a stream.
    pub first_token: Option<Duration>,
    /// The surface it came by.
    pub surface: &'static str,
    /// The key that was shown.
    pub key: Option<KeyId>,
    /// Whom that belongs to.
    pub tenant: Option<TenantId>,
    /// Who was said to ask.
    pub user: Option<String>,
    /// The session it was said to belong to (`X-Session-ID`).
    pub session: Option<String>,
    /// The model that was asked for; empty where none was named.
    pub model: String,
    /// Who answered; empty when nobody did.
    pub provider: String,
    /// With which model.
    pub upstream_model: String,
    /// The status of the answer; 499 for a caller that left before there was one.
    pub status: u16,
    /// Why it failed; empty when it did not.
    pub error: String,
    /// Each decision on the way, in words.
    pub attempts: Vec<String>,
    /// What was used.
    pub usage: Usage,
    /// The gateway counted itself.
    pub estimated: bool,
    /// What it cost; nothing when that is not known.
    pub cost: Option<Money>,
    /// What of the request the provider had no place for.
    pub lossy: Vec<String>,
    /// Whether it was a stream.
    pub stream: bool,
    /// From where it came.
    pub client_ip: Option<std::net::IpAddr>,
}
