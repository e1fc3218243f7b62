//! What is noted of answers: the fields set before there is one, the upstream's, the intercepted one.

use std::sync::Arc;

use ferrogate_types::route::CopiedFields;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Exchange;
use crate::connection::Connection;
use crate::edit::{Edits, ResponseTarget};
use crate::head::RequestHead;
use crate::response::Layer;

impl Exchange {
    /// Notes the status and the wanted fields of the upstream's answer, for `{rp.*}`.
    pub fn set_upstream_answer(&mut self, status: u16, headers: &HeaderMap) {
        let mut kept = HeaderMap::new();
        for name in self.upstream_fields.iter().flat_map(|fields| fields.iter()) {
            for line in headers.get_all(name) {
                kept.append(name, line.clone());
            }
        }
        self.upstream_answer = Some((status, kept));
        self.forget_copied_fields();
    }

    /// Whether a field of the answer being handled is taken over: some `copy_response_headers` names it.
    pub fn takes_over(&self, field: &HeaderName) -> bool {
        self.copied_fields.iter().any(|fields| match &**fields {
            CopiedFields::All => true,
            CopiedFields::Include(names) => names.iter().any(|name| name == field.as_str()),
            CopiedFields::Exclude(names) => names.iter().all(|name| name != field.as_str()),
        })
    }

    /// The answer `intercept` took, as it was then.
    pub(crate) fn intercepted(&self) -> Option<&(u16, HeaderMap)> {
        self.intercepted.as_ref()
    }

    pub(crate) fn set_intercepted(&mut self, status: u16, headers: HeaderMap) {
        self.intercepted = Some((status, headers));
    }

    pub(crate) fn note_copy(&mut self) {
        self.copies_intercepted = self.intercepted.is_some();
    }

    pub(crate) fn copies_intercepted(&self) -> bool {
        self.copies_intercepted
    }

    pub(crate) fn take_over(&mut self, fields: &Arc<CopiedFields>) {
        self.copied_fields.push(Arc::clone(fields));
    }

    /// Fields of an earlier answer mean nothing for the next.
    pub(crate) fn forget_copied_fields(&mut self) {
        self.copied_fields.clear();
        self.copies_intercepted = false;
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

    /// Sets a field of the answer, whoever makes it: an error's too.
    pub fn set_response_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.response_headers.insert(name, value);
    }

    /// Whether a `header` directive has set a field of the answer already.
    pub fn has_response_header(&self, name: &HeaderName) -> bool {
        self.response_headers.contains_key(name)
    }

    /// Whether some `encode` waits for the answer.
    pub fn encodes(&self) -> bool {
        self.layers
            .iter()
            .any(|layer| matches!(layer, Layer::Encode(_)))
    }

    /// Adds a field to the answer.
    pub(crate) fn add_response_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.response_headers.append(name, value);
    }

    /// A field the answer sets itself replaces what was set before.
    pub(crate) fn forget_response_header(&mut self, name: &HeaderName) {
        self.response_headers.remove(name);
    }
}
