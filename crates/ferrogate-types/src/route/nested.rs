//! Routes inside of routes.

use super::{Handler, ResponseAction, ResponseHandler, Route};

impl Handler {
    /// The lists of routes that stand in its block: those of `handle` and `route`, and those of each `handle_response`.
    /// What an [`Invoke`](Self::Invoke) leads to stands elsewhere.
    pub fn nested(&self) -> Vec<&[Route]> {
        match self {
            Self::Handle(routes) | Self::Route(routes) => vec![routes],
            Self::Intercept(intercept) => of_responses(&intercept.responses),
            Self::ReverseProxy(proxy) => of_responses(&proxy.responses),
            _ => Vec::new(),
        }
    }
}

fn of_responses(responses: &[ResponseHandler]) -> Vec<&[Route]> {
    responses
        .iter()
        .filter_map(|response| match &response.action {
            ResponseAction::Routes(routes) => Some(routes.as_slice()),
            ResponseAction::ReplaceStatus(_) => None,
        })
        .collect()
}
