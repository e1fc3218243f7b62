//! Edits of header fields.

use serde::Serialize;

use super::ResponseMatcher;
use crate::Template;

/// One edit. Field names are kept as written and compared without regard to case.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderOp {
    /// Replaces every line of the field by one.
    Set {
        /// The field.
        field: Template,
        /// The value; unknown placeholders stay in the text.
        value: Template,
    },
    /// Adds a line.
    Add {
        /// The field.
        field: Template,
        /// The value; unknown placeholders stay in the text.
        value: Template,
    },
    /// Sets the field where it is absent.
    Default {
        /// The field.
        field: Template,
        /// The value; unknown placeholders stay in the text.
        value: Template,
    },
    /// Removes the field; `*` at one end or both is a wildcard over names.
    Delete {
        /// The field or pattern.
        field: String,
    },
    /// Replaces what the expression matches in every line of the field (`*` = of all fields).
    Replace {
        /// The field.
        field: String,
        /// A regular expression in the syntax of the `regex` crate; checked at load.
        find: String,
        /// The replacement, with `$1`, `${1}`, `$name`.
        replace: Template,
    },
}

/// The `header` directive: edits of the response.
///
/// Within one entry the order is: delete everything (`-*`), add, set, delete, replace.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HeaderEdits {
    /// Applied before the following handlers run.
    pub immediate: Vec<HeaderOp>,
    /// Applied when the status line is written.
    pub deferred: Vec<HeaderOp>,
    /// The deferred edits are made only to answers that match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matcher: Option<ResponseMatcher>,
}
