//! What is done with an answer once it is there.

use serde::Serialize;

use super::{HeaderMatch, Origin, Route};
use crate::Template;

/// Conditions on an answer: status and fields must both hold.
#[derive(Clone, Debug, Serialize)]
pub struct ResponseMatcher {
    /// `@name`; empty when written in place.
    pub name: String,
    /// Accepted statuses; empty = all.
    pub status: Vec<StatusPattern>,
    /// Fields: all must hold, the values of one are alternatives.
    pub headers: Vec<HeaderMatch>,
}

/// A status or a class of statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusPattern {
    /// One status.
    Code(u16),
    /// `5xx`, by its first digit.
    Class(u8),
}

/// What is done with answers that match.
#[derive(Clone, Debug, Serialize)]
pub struct ResponseHandler {
    /// `None` matches every answer.
    pub matcher: Option<ResponseMatcher>,
    /// What is done.
    pub action: ResponseAction,
    /// Where it was written.
    pub origin: Origin,
}

/// What is done with an answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseAction {
    /// It is sent with another status.
    ReplaceStatus(Template),
    /// These routes run in its place; they may copy it.
    Routes(Vec<Route>),
}

/// The `intercept` directive: answers of whatever follows it.
#[derive(Clone, Debug, Serialize)]
pub struct Intercept {
    /// First match first.
    pub responses: Vec<ResponseHandler>,
}

/// `handle_errors`: routes for requests that failed.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorRoutes {
    /// The statuses; empty = all.
    pub codes: Vec<StatusPattern>,
    /// What runs.
    pub routes: Vec<Route>,
    /// Where it was written.
    pub origin: Origin,
}
