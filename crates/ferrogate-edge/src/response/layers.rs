//! The layers an answer passes on its way to the client.

use std::sync::Arc;

use ferrogate_types::route::EncodeFormat;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

use super::encode::Negotiated;
use super::{Handled, ResponseCondition, ResponseHandlers};
use crate::connection::Connection;
use crate::edit::{Edits, ResponseTarget};
use crate::exchange::Exchange;
use crate::head::{HeaderFields, RequestHead};
use crate::placeholder::View;
use crate::program::ResponseRoutes;

/// A directive that waits for the answer of what follows it.
#[derive(Clone, Debug)]
pub(crate) enum Layer {
    Header(Arc<HeaderLayer>),
    Encode(Negotiated),
    Intercept(Arc<ResponseHandlers>),
}

/// The deferred part of a `header` directive.
#[derive(Debug)]
pub(crate) struct HeaderLayer {
    pub(crate) edits: Edits,
    pub(crate) condition: Option<ResponseCondition>,
}

/// What becomes of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It is sent.
    Send {
        /// Its body is encoded so; the header says it already.
        encoding: Option<EncodeFormat>,
    },
    /// It is kept, and these routes run in its place: see [`Program::handle_response`](crate::Program::handle_response).
    Intercept(ResponseRoutes),
    /// It could not be finished: the request fails.
    Fail {
        /// The status.
        status: u16,
        /// For the log.
        message: String,
    },
}

impl Exchange {
    /// Finishes the header of an answer about to be sent, whoever made it: adds the fields set so far, then applies what
    /// waited for it, the directive that ran last first, as nested writers would.
    ///
    /// `length` is that of the body, or of what is known of it; `None` when nothing is. After an interception only the
    /// layers outside of it are left, so that the next answer is finished by those alone.
    pub fn finish_response(
        &mut self,
        request: &dyn RequestHead,
        connection: &Connection,
        status: &mut u16,
        length: Option<u64>,
        response: &mut dyn HeaderFields,
    ) -> Finish {
        for (name, value) in self.response_headers() {
            // An intercepted answer that is sent after all has got its fields already.
            let is_there = self.copies_intercepted()
                && response
                    .headers()
                    .get_all(name)
                    .iter()
                    .any(|line| line == value);
            if !is_there {
                response.append_header(name, value.clone());
            }
        }
        let layers = std::mem::take(&mut self.layers);
        let mut encoding = None;
        for (at, layer) in layers.iter().enumerate().rev() {
            let view = View {
                head: request,
                connection,
                exchange: self,
                response: Some(response.headers()),
            };
            match layer {
                Layer::Header(layer) => {
                    let holds = layer.condition.as_ref().is_none_or(|condition| {
                        condition.holds(*status, response.headers(), &view)
                    });
                    if holds {
                        layer.edits.apply(&mut ResponseTarget {
                            request,
                            connection,
                            exchange: self,
                            response,
                        });
                    }
                }
                Layer::Encode(negotiated) => {
                    if negotiated.applies(*status, length, response.headers(), &view) {
                        encoding = Some(negotiated.format());
                        negotiated.announce(response);
                    } else {
                        negotiated.restore_tag(*status, response);
                    }
                }
                Layer::Intercept(handlers) => {
                    match handlers.decide(*status, response.headers(), &view) {
                        Ok(None) => {}
                        Ok(Some(Handled::Status(replacement))) => *status = replacement,
                        Ok(Some(Handled::Routes(routes))) => {
                            self.layers = layers.into_iter().take(at).collect();
                            self.forget_copied_fields();
                            self.set_intercepted(*status, without_framing(response.headers()));
                            return Finish::Intercept(routes);
                        }
                        Err((status, message)) => return Finish::Fail { status, message },
                    }
                }
            }
        }
        self.layers = layers;
        Finish::Send { encoding }
    }
}

fn without_framing(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    headers
}

#[cfg(test)]
mod tests;
