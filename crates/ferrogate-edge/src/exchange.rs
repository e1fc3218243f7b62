//! What is remembered of one request between the walk over its routes and the end of its answer.

mod answer;
mod found;
mod log;
mod upstream;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ferrogate_types::route::{BodyTimeouts, CopiedFields};
use http::{HeaderMap, HeaderName, Method};

pub(crate) use self::found::{Captures, FoundFile};
pub(crate) use self::log::{Appended, LogNotes};
pub use self::upstream::UpstreamNotes;
use crate::map::MapTable;
use crate::program::Step;
use crate::response::Layer;
use crate::trace::Trace;
use crate::value::Scalar;

/// The state of one request. Creating one allocates nothing.
#[derive(Debug)]
pub struct Exchange {
    started: Instant,
    client_ip: Option<IpAddr>,
    /// The target before the first rewrite; `None` while it is unchanged.
    original_target: Option<Box<[u8]>>,
    /// The method before the first change.
    original_method: Option<Method>,
    vars: Vec<(Arc<str>, Scalar)>,
    maps: Vec<Arc<MapTable>>,
    found: found::Shelf,
    /// Fields set before the answer exists.
    response_headers: HeaderMap,
    /// What waits for the answer, in the order the directives ran.
    pub(crate) layers: Vec<Layer>,
    uuid: OnceLock<String>,
    upstream: UpstreamNotes,
    upstream_answer: Option<(u16, HeaderMap)>,
    /// Fields of the upstream's answer that placeholders ask for.
    upstream_fields: Option<Arc<[HeaderName]>>,
    intercepted: Option<(u16, HeaderMap)>,
    /// The intercepted answer itself is sent, with what was added to it before.
    copies_intercepted: bool,
    copied_fields: Vec<Arc<CopiedFields>>,
    error: Option<RequestError>,
    user: Option<Box<str>>,
    body_limit: Option<u64>,
    body_replacement: Option<Bytes>,
    timeouts: BodyTimeouts,
    log: LogNotes,
    trace: Option<Box<Trace>>,
    /// Every route considered, where somebody wants to know.
    steps: Option<Vec<Step>>,
}

/// Why a request failed, as `{err.*}` shows it.
#[derive(Debug)]
pub(crate) struct RequestError {
    pub(crate) status: u16,
    pub(crate) message: String,
    /// Finds the failure in the log.
    pub(crate) id: String,
    /// Where it came from: the directive's place.
    pub(crate) trace: String,
}

impl Exchange {
    /// Begins with a request's arrival; the client's address comes from [`client_ip`](crate::client_ip()).
    pub fn new(started: Instant, client_ip: Option<IpAddr>) -> Self {
        Self {
            started,
            client_ip,
            original_target: None,
            original_method: None,
            vars: Vec::new(),
            maps: Vec::new(),
            found: found::Shelf::default(),
            response_headers: HeaderMap::new(),
            layers: Vec::new(),
            uuid: OnceLock::new(),
            upstream: UpstreamNotes::default(),
            upstream_answer: None,
            upstream_fields: None,
            intercepted: None,
            copies_intercepted: false,
            copied_fields: Vec::new(),
            error: None,
            user: None,
            body_limit: None,
            body_replacement: None,
            timeouts: BodyTimeouts::default(),
            log: LogNotes::default(),
            trace: None,
            steps: None,
        }
    }

    /// Notes every route that is considered from here on.
    pub fn note_steps(&mut self) {
        self.steps = Some(Vec::new());
    }

    /// The routes considered so far; empty unless [`Exchange::note_steps`] asked for them.
    pub fn steps(&self) -> &[Step] {
        self.steps.as_deref().unwrap_or_default()
    }

    pub(crate) fn steps_mut(&mut self) -> &mut Option<Vec<Step>> {
        &mut self.steps
    }

    /// When the request arrived.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The client's address as trusted proxies tell it; `None` behind a Unix socket.
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.client_ip
    }

    /// A variable set by `vars`, `root` or `tracing`.
    pub fn var(&self, name: &str) -> Option<&Scalar> {
        self.vars
            .iter()
            .find(|(known, _)| **known == *name)
            .map(|(_, value)| value)
    }

    /// Sets a variable.
    pub fn set_var(&mut self, name: &Arc<str>, value: impl Into<Scalar>) {
        let value = value.into();
        match self.vars.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.vars.push((Arc::clone(name), value)),
        }
    }

    /// The raw target as the client sent it, if a route changed it since.
    pub fn original_target(&self) -> Option<&[u8]> {
        self.original_target.as_deref()
    }

    /// The method the client sent, if a route changed it since.
    pub fn original_method(&self) -> Option<&Method> {
        self.original_method.as_ref()
    }

    /// A random UUID (version 4), the same throughout the request. It identifies; it is no secret.
    pub fn uuid(&self) -> &str {
        self.uuid.get_or_init(|| {
            let bits = fastrand::u128(..);
            let (version, variant) = (
                ((bits >> 64) & 0x0fff) | 0x4000,
                ((bits >> 48) & 0x3fff) | 0x8000,
            );
            let (time_low, time_mid, node) =
                (bits >> 96, (bits >> 80) & 0xffff, bits & 0xffff_ffff_ffff);
            format!("{time_low:08x}-{time_mid:04x}-{version:04x}-{variant:04x}-{node:012x}")
        })
    }

    /// The UUID, if anything asked for it.
    pub fn used_uuid(&self) -> Option<&str> {
        self.uuid.get().map(String::as_str)
    }

    /// Notes why the request failed, for `{err.*}`.
    pub fn set_error(&mut self, status: u16, message: impl Into<String>) {
        const DIGITS: &[u8] = b"abcdefghijkmnpqrstuvwxyz0123456789";
        let id = (0..9)
            .filter_map(|_| fastrand::choice(DIGITS).copied())
            .map(char::from)
            .collect();
        self.error = Some(RequestError {
            status,
            message: message.into(),
            id,
            trace: String::new(),
        });
    }

    /// The status the request failed with: what `handle_errors` runs for, and what answers there have by default.
    pub fn error_status(&self) -> Option<u16> {
        self.error.as_ref().map(|error| error.status)
    }

    /// Notes who `basic_auth` let in.
    pub fn set_user(&mut self, name: &str) {
        self.user = Some(name.into());
    }

    /// Who was let in.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The largest request body in bytes; a larger one is a 413.
    pub fn body_limit(&self) -> Option<u64> {
        self.body_limit
    }

    /// A body to take in the place of the client's.
    pub fn body_replacement(&self) -> Option<&Bytes> {
        self.body_replacement.as_ref()
    }

    /// How long the request's body may stand still.
    pub fn read_timeout(&self) -> Option<Duration> {
        self.timeouts.read
    }

    /// How long the answer's body may stand still.
    pub fn write_timeout(&self) -> Option<Duration> {
        self.timeouts.write
    }

    /// What `tracing` noted.
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_deref()
    }

    /// What is noted of the upstream, for `{rp.*}`.
    pub fn upstream_notes(&self) -> &UpstreamNotes {
        &self.upstream
    }

    /// Notes facts of the upstream, for `{rp.*}`.
    pub fn upstream_notes_mut(&mut self) -> &mut UpstreamNotes {
        &mut self.upstream
    }

    pub(crate) fn found(&self) -> &found::Shelf {
        &self.found
    }

    pub(crate) fn maps(&self) -> &[Arc<MapTable>] {
        &self.maps
    }

    pub(crate) fn add_map(&mut self, map: &Arc<MapTable>) {
        self.maps.push(Arc::clone(map));
    }

    pub(crate) fn error(&self) -> Option<&RequestError> {
        self.error.as_ref()
    }

    /// Names the place a failure came from.
    pub(crate) fn trace_error(&mut self, place: &str) {
        if let Some(error) = &mut self.error {
            place.clone_into(&mut error.trace);
        }
    }

    pub(crate) fn upstream(&self) -> Option<&str> {
        self.upstream.dial.as_deref()
    }

    pub(crate) fn set_upstream(&mut self, dial: &Arc<str>) {
        self.upstream.dial = Some(Arc::clone(dial));
    }

    /// Keeps the target a client sent, before the first change to it.
    pub(crate) fn keep_original_target(&mut self, target: &[u8]) {
        if self.original_target.is_none() {
            self.original_target = Some(target.into());
        }
    }

    /// Keeps the method a client sent, before the first change to it.
    pub(crate) fn keep_original_method(&mut self, method: &Method) {
        if self.original_method.is_none() {
            self.original_method = Some(method.clone());
        }
    }

    pub(crate) fn limit_body(&mut self, limit: u64) {
        self.body_limit = Some(limit);
    }

    pub(crate) fn replace_body(&mut self, body: Bytes) {
        self.body_replacement = Some(body);
    }

    /// Sets the time-outs that are given.
    pub(crate) fn limit_times(&mut self, timeouts: &BodyTimeouts) {
        self.timeouts.read = timeouts.read.or(self.timeouts.read);
        self.timeouts.write = timeouts.write.or(self.timeouts.write);
    }

    pub(crate) fn set_trace(&mut self, trace: Trace) {
        self.trace = Some(Box::new(trace));
    }

    pub(crate) fn log_notes(&self) -> &LogNotes {
        &self.log
    }

    pub(crate) fn log_notes_mut(&mut self) -> &mut LogNotes {
        &mut self.log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_version_four_and_stays() {
        let exchange = Exchange::new(Instant::now(), None);
        let uuid = exchange.uuid().to_owned();
        assert_eq!(exchange.uuid(), uuid);
        assert_ne!(Exchange::new(Instant::now(), None).uuid(), uuid);
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{uuid}");
        assert_eq!(uuid.chars().nth(14), Some('4'), "{uuid}");
        assert!(
            matches!(uuid.chars().nth(19), Some('8' | '9' | 'a' | 'b')),
            "{uuid}"
        );
    }

    #[test]
    fn a_variable_is_replaced() {
        let mut exchange = Exchange::new(Instant::now(), None);
        let name: Arc<str> = "a".into();
        exchange.set_var(&name, "1".to_owned());
        exchange.set_var(&name, "2".to_owned());
        assert_eq!(exchange.var("a").and_then(Scalar::as_str), Some("2"));
        assert_eq!(exchange.var("b"), None);
    }
}
