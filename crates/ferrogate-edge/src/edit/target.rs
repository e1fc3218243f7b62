//! What header edits are applied to.

use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::head::{HeaderFields, RequestHead};
use crate::placeholder::View;

/// Fields under edit, and what their new values may refer to.
pub(crate) trait EditTarget {
    /// The fields.
    fn fields(&mut self) -> &mut dyn HeaderFields;
    /// The request around them.
    fn view(&self) -> View<'_>;
}

/// A request that edits itself.
pub(crate) struct RequestTarget<'a> {
    pub(crate) request: &'a mut dyn RequestHead,
    pub(crate) connection: &'a Connection,
    pub(crate) exchange: &'a Exchange,
}

/// The request for the upstream; values refer to the request as received.
pub(crate) struct UpstreamTarget<'a> {
    pub(crate) request: &'a dyn RequestHead,
    pub(crate) connection: &'a Connection,
    pub(crate) exchange: &'a Exchange,
    pub(crate) upstream: &'a mut dyn HeaderFields,
}

/// An answer.
pub(crate) struct ResponseTarget<'a> {
    pub(crate) request: &'a dyn RequestHead,
    pub(crate) connection: &'a Connection,
    pub(crate) exchange: &'a Exchange,
    pub(crate) response: &'a mut dyn HeaderFields,
}

impl EditTarget for RequestTarget<'_> {
    fn fields(&mut self) -> &mut dyn HeaderFields {
        self.request
    }

    fn view(&self) -> View<'_> {
        View {
            head: self.request,
            connection: self.connection,
            exchange: self.exchange,
            response: None,
        }
    }
}

impl EditTarget for UpstreamTarget<'_> {
    fn fields(&mut self) -> &mut dyn HeaderFields {
        self.upstream
    }

    fn view(&self) -> View<'_> {
        View {
            head: self.request,
            connection: self.connection,
            exchange: self.exchange,
            response: None,
        }
    }
}

impl EditTarget for ResponseTarget<'_> {
    fn fields(&mut self) -> &mut dyn HeaderFields {
        self.response
    }

    fn view(&self) -> View<'_> {
        let response = Some(self.response.headers());
        View {
            head: self.request,
            connection: self.connection,
            exchange: self.exchange,
            response,
        }
    }
}
