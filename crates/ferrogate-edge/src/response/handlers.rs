//! What is done with answers that match: `replace_status` and `handle_response`.

use ferrogate_types::route::{ResponseAction, ResponseHandler};
use http::HeaderMap;

use super::ResponseCondition;
use crate::answer::{Failure, parse_status};
use crate::compile::Compiler;
use crate::placeholder::View;
use crate::program::ResponseRoutes;
use crate::text::Text;

/// Handlers for answers; the first that matches decides.
#[derive(Debug)]
pub(crate) struct ResponseHandlers(Box<[(Option<ResponseCondition>, Action)]>);

#[derive(Debug)]
enum Action {
    ReplaceStatus(Text),
    Routes(ResponseRoutes),
}

/// What is to be done with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// Send it with this status.
    Status(u16),
    /// Run these routes in its place.
    Routes(ResponseRoutes),
}

impl ResponseHandlers {
    /// Compiles handlers; `end_walk` for those of an `intercept`.
    pub(crate) fn compile(
        handlers: &[ResponseHandler],
        end_walk: bool,
        compiler: &mut Compiler<'_>,
    ) -> Self {
        let compiled = handlers.iter().map(|handler| {
            let condition = handler
                .matcher
                .as_ref()
                .map(|matcher| ResponseCondition::compile(matcher, compiler));
            let action = match &handler.action {
                ResponseAction::ReplaceStatus(status) => {
                    Action::ReplaceStatus(compiler.emptying(status))
                }
                ResponseAction::Routes(routes) => {
                    Action::Routes(compiler.response_routes(routes, end_walk))
                }
            };
            (condition, action)
        });
        Self(compiled.collect())
    }

    /// What is to be done with this answer; nothing when no handler wants it.
    pub(crate) fn decide(
        &self,
        status: u16,
        headers: &HeaderMap,
        view: &View<'_>,
    ) -> Result<Option<Handled>, Failure> {
        let wanted = self.0.iter().find(|(condition, _)| {
            condition
                .as_ref()
                .is_none_or(|condition| condition.holds(status, headers, view))
        });
        Ok(match wanted {
            None => None,
            Some((_, Action::Routes(routes))) => Some(Handled::Routes(*routes)),
            Some((_, Action::ReplaceStatus(text))) => {
                let text = text.render(view);
                let status = parse_status(&text)
                    .map_err(|message| (500, format!("status `{text}` {message}")))?;
                Some(Handled::Status(status))
            }
        })
    }
}
