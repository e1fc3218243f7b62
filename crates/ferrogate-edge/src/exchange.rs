//! What is remembered of one request between the walk over its routes and the end of its answer.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::{HeaderMap, HeaderName};

use crate::connection::Connection;
use crate::edit::{Edits, ResponseTarget};
use crate::head::{HeaderFields, RequestHead};

/// The state of one request. Creating one allocates nothing.
#[derive(Debug)]
pub struct Exchange {
    started: Instant,
    client_ip: Option<IpAddr>,
    /// The target before the first rewrite; `None` while it is unchanged.
    original_target: Option<Box<[u8]>>,
    vars: Vec<(Arc<str>, String)>,
    /// Fields set before the answer exists.
    response_headers: HeaderMap,
    /// Edits for the moment the status line is written, in the order their directives ran.
    deferred: Vec<Arc<Edits>>,
    uuid: OnceLock<String>,
    upstream: Option<Arc<str>>,
    upstream_answer: Option<(u16, HeaderMap)>,
    /// Fields of the upstream's answer that placeholders ask for.
    upstream_fields: Option<Arc<[HeaderName]>>,
    error: Option<(u16, String)>,
}

impl Exchange {
    /// Begins with a request's arrival; the client's address comes from [`client_ip`](crate::client_ip()).
    pub fn new(started: Instant, client_ip: Option<IpAddr>) -> Self {
        Self {
            started,
            client_ip,
            original_target: None,
            vars: Vec::new(),
            response_headers: HeaderMap::new(),
            deferred: Vec::new(),
            uuid: OnceLock::new(),
            upstream: None,
            upstream_answer: None,
            upstream_fields: None,
            error: None,
        }
    }

    /// When the request arrived.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The client's address as trusted proxies tell it; `None` behind a Unix socket.
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.client_ip
    }

    /// A variable set by `vars`.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars
            .iter()
            .find(|(known, _)| **known == *name)
            .map(|(_, value)| value.as_str())
    }

    /// Sets a variable.
    pub fn set_var(&mut self, name: &Arc<str>, value: String) {
        match self.vars.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.vars.push((Arc::clone(name), value)),
        }
    }

    /// The raw target as the client sent it, if a route changed it since.
    pub fn original_target(&self) -> Option<&[u8]> {
        self.original_target.as_deref()
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

    /// Notes why the request failed, for `{err.*}`.
    pub fn set_error(&mut self, status: u16, message: impl Into<String>) {
        self.error = Some((status, message.into()));
    }

    /// Notes the status and the wanted fields of the upstream's answer, for `{rp.*}`.
    pub fn set_upstream_answer(&mut self, status: u16, headers: &HeaderMap) {
        let mut kept = HeaderMap::new();
        for name in self.upstream_fields.iter().flat_map(|fields| fields.iter()) {
            for line in headers.get_all(name) {
                kept.append(name, line.clone());
            }
        }
        self.upstream_answer = Some((status, kept));
    }

    /// Applies the `header` directives to an answer about to be sent, whoever made it: adds the fields set so
    /// far, then runs the deferred edits, the directive that ran last first, as nested writers would.
    pub fn apply_response_headers(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        response: &mut dyn HeaderFields,
    ) {
        for (name, value) in &self.response_headers {
            response.append_header(name, value.clone());
        }
        for edits in self.deferred.iter().rev() {
            edits.apply(&mut ResponseTarget {
                request,
                connection,
                exchange: self,
                response,
            });
        }
    }

    pub(crate) fn error(&self) -> Option<(u16, &str)> {
        self.error
            .as_ref()
            .map(|(status, message)| (*status, message.as_str()))
    }

    pub(crate) fn upstream(&self) -> Option<&str> {
        self.upstream.as_deref()
    }

    pub(crate) fn set_upstream(&mut self, dial: &Arc<str>) {
        self.upstream = Some(Arc::clone(dial));
    }

    pub(crate) fn upstream_answer(&self) -> Option<(u16, &HeaderMap)> {
        self.upstream_answer
            .as_ref()
            .map(|(status, headers)| (*status, headers))
    }

    pub(crate) fn set_upstream_fields(&mut self, fields: &Arc<[HeaderName]>) {
        self.upstream_fields = Some(Arc::clone(fields));
    }

    pub(crate) fn response_headers(&self) -> &HeaderMap {
        &self.response_headers
    }

    /// Edits the fields set so far.
    pub(crate) fn edit_response_headers(
        &mut self,
        edits: &Edits,
        request: &dyn RequestHead,
        connection: &Connection,
    ) {
        let mut response = std::mem::take(&mut self.response_headers);
        edits.apply(&mut ResponseTarget {
            request,
            connection,
            exchange: self,
            response: &mut response,
        });
        self.response_headers = response;
    }

    /// A field the answer sets itself replaces what was set before.
    pub(crate) fn forget_response_header(&mut self, name: &HeaderName) {
        self.response_headers.remove(name);
    }

    pub(crate) fn defer(&mut self, edits: &Arc<Edits>) {
        self.deferred.push(Arc::clone(edits));
    }

    /// Keeps the target a client sent, before the first change to it.
    pub(crate) fn keep_original_target(&mut self, target: &[u8]) {
        if self.original_target.is_none() {
            self.original_target = Some(target.into());
        }
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
        assert_eq!(exchange.var("a"), Some("2"));
        assert_eq!(exchange.var("b"), None);
    }
}
