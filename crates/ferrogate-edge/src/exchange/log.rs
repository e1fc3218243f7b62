//! What routes want in the access log.

use std::sync::Arc;

use http::HeaderMap;

use super::Exchange;
use crate::connection::Connection;
use crate::head::RequestHead;
use crate::placeholder::View;
use crate::value::{Scalar, Valued};

/// Wishes for the log entry.
#[derive(Debug, Default)]
pub(crate) struct LogNotes {
    /// No entry at all.
    pub(crate) skipped: bool,
    /// The loggers in place of the site's.
    pub(crate) names: Option<Arc<[Arc<str>]>>,
    /// Further fields.
    pub(crate) appended: Vec<(Arc<str>, Appended)>,
}

/// A further field of the log entry.
#[derive(Debug)]
pub(crate) enum Appended {
    /// Evaluated when the directive ran.
    Early(Scalar),
    /// Evaluated after the answer.
    Late(Arc<Valued>),
}

impl Exchange {
    /// Whether `log_skip` asked for no entry.
    pub fn log_skipped(&self) -> bool {
        self.log_notes().skipped
    }

    /// The loggers `log_name` asked for instead of the site's.
    pub fn log_names(&self) -> Option<&[Arc<str>]> {
        self.log_notes().names.as_deref()
    }

    /// The fields `log_append` asked for, evaluated now unless they were early; to be asked after the answer.
    pub fn log_fields(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        response: Option<&HeaderMap>,
    ) -> Vec<(Arc<str>, Scalar)> {
        let view = View {
            head: request,
            connection,
            exchange: self,
            response,
        };
        let fields = self.log_notes().appended.iter();
        fields
            .map(|(key, value)| {
                let value = match value {
                    Appended::Early(value) => value.clone(),
                    Appended::Late(value) => value.evaluate(&view),
                };
                (Arc::clone(key), value)
            })
            .collect()
    }
}
