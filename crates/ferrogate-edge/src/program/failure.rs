//! The entry into `handle_errors`.

use super::{Cursor, Program};
use crate::escape::target_text;
use crate::exchange::Exchange;
use crate::head::RequestHead;
use crate::response::accepts;

impl Program {
    /// Notes that the request failed, and enters the first `handle_errors` for the status. `false`: there is none, or the
    /// failure came from such routes; the answer is then [`Exchange::error_status`], that of the first failure, with no
    /// body.
    ///
    /// Method and target become the client's again. Variables, request fields and the response fields set so far
    /// stay; whatever waited for the answer of the routes that failed is dropped.
    pub fn fail(
        &self,
        cursor: &mut Cursor,
        head: &mut dyn RequestHead,
        exchange: &mut Exchange,
        status: u16,
        message: String,
    ) -> bool {
        exchange.layers.clear();
        if cursor.in_errors {
            return false;
        }
        exchange.set_error(status, message);
        let failed = usize::try_from(cursor.at)
            .ok()
            .and_then(|at| self.entries.get(at.checked_sub(1)?));
        if let Some(entry) = failed {
            exchange.trace_error(&entry.origin.place);
        }
        let routes = self
            .blocks
            .errors
            .iter()
            .find(|(codes, _)| codes.is_empty() || accepts(codes, status));
        let Some((_, start)) = routes else {
            return false;
        };
        cursor.restart(*start);
        cursor.in_errors = true;
        if let Some(target) = exchange.original_target() {
            head.set_path_and_query(&target_text(target));
        }
        if let Some(method) = exchange.original_method() {
            head.set_method(method.clone());
        }
        true
    }
}
