//! The run of one request through the routes.

use std::sync::Arc;

use super::{Action, Entry, Serves, Step, Verdict};
use crate::answer::{Answer, Failure};
use crate::connection::Connection;
use crate::edit::RequestTarget;
use crate::escape::target_text;
use crate::exchange::Exchange;
use crate::head::RequestHead;
use crate::matcher::{Facts, FoldedPath};
use crate::path::split_target;
use crate::placeholder::View;

/// One request on its way through the routes.
pub(super) struct Walk<'a> {
    head: &'a mut dyn RequestHead,
    connection: &'a Connection,
    exchange: &'a mut Exchange,
    serves: &'a Serves<'a>,
    folded: FoldedPath,
    steps: Option<&'a mut Vec<Step>>,
    depth: usize,
}

impl<'a> Walk<'a> {
    /// Begins at the site's own routes.
    pub(super) fn new(
        head: &'a mut dyn RequestHead,
        connection: &'a Connection,
        exchange: &'a mut Exchange,
        serves: &'a Serves<'a>,
        steps: Option<&'a mut Vec<Step>>,
    ) -> Self {
        Self {
            head,
            connection,
            exchange,
            serves,
            folded: FoldedPath::new(),
            steps,
            depth: 0,
        }
    }

    /// Runs a list to its first answer.
    pub(super) fn list(&mut self, entries: &[Entry]) -> Option<Verdict> {
        let mut groups_run = [false; 2];
        for entry in entries {
            let group = entry
                .action
                .group()
                .and_then(|group| groups_run.get_mut(group));
            let excluded = group.as_deref() == Some(&true);
            if !self.considers(entry, excluded) {
                continue;
            }
            if let Some(run) = group {
                *run = true;
            }
            if let Some(verdict) = self.act(&entry.action) {
                return Some(verdict);
            }
        }
        None
    }

    fn considers(&mut self, entry: &Entry, excluded: bool) -> bool {
        if self.steps.is_none() {
            let facts = Facts {
                view: self.view(),
                folded: &self.folded,
            };
            return !excluded
                && entry
                    .conditions
                    .as_ref()
                    .is_none_or(|conditions| conditions.hold(&facts));
        }
        let facts = Facts {
            view: self.view(),
            folded: &self.folded,
        };
        let (matched, why) = match &entry.conditions {
            _ if excluded => (
                false,
                format!("another `{}` of this block ran", entry.origin.directive),
            ),
            Some(conditions) => conditions.explain(&facts),
            None => (true, "no condition".to_owned()),
        };
        let step = Step {
            origin: entry.origin.clone(),
            matched,
            why,
            depth: self.depth,
        };
        if let Some(steps) = &mut self.steps {
            steps.push(step);
        }
        matched
    }

    fn act(&mut self, action: &Action) -> Option<Verdict> {
        let failed = |(status, message)| Some(Verdict::Fail { status, message });
        match action {
            Action::Respond(respond) => return Some(self.answered(respond.answer(&self.view()))),
            Action::Redirect(redirect) => {
                return Some(self.answered(redirect.answer(&self.view())));
            }
            Action::Raise(raise) => return failed(raise.failure(&self.view())),
            Action::Abort => return Some(Verdict::Abort),
            Action::Rewrite(rewrite) => {
                let target = rewrite.target(&self.view());
                self.retarget(&target);
            }
            Action::Uri(edit) => {
                if let Some(target) = edit.target(&self.view()) {
                    self.retarget(&target);
                }
            }
            Action::Header {
                immediate,
                deferred,
            } => {
                if !immediate.is_empty() {
                    self.exchange
                        .edit_response_headers(immediate, self.head, self.connection);
                }
                if !deferred.is_empty() {
                    self.exchange.defer(deferred);
                }
            }
            Action::RequestHeader(edits) => edits.apply(&mut RequestTarget {
                request: self.head,
                connection: self.connection,
                exchange: self.exchange,
            }),
            Action::Vars(vars) => {
                for (name, value) in vars {
                    let value = value.render(&self.view()).into_owned();
                    self.exchange.set_var(name, value);
                }
            }
            Action::Handle(entries) | Action::Route(entries) => {
                self.depth += 1;
                let verdict = self.list(entries);
                self.depth -= 1;
                return verdict;
            }
            Action::Proxy(route) => return Some(Verdict::Proxy(Arc::clone(route))),
            Action::AiGateway(index) => {
                let path = target_text(split_target(self.head.path_and_query()).0);
                if (self.serves)(*index, self.head.method(), &path) {
                    return Some(Verdict::AiGateway(*index));
                }
            }
        }
        None
    }

    fn answered(&mut self, answer: Result<Answer, Failure>) -> Verdict {
        match answer {
            Ok(answer) => {
                answer.claim_field(self.exchange);
                Verdict::Respond(answer)
            }
            Err((status, message)) => Verdict::Fail { status, message },
        }
    }

    /// Puts a new target in place; what was derived from the old one is made anew when needed.
    fn retarget(&mut self, target: &str) {
        if self.head.path_and_query() != target.as_bytes() {
            self.exchange
                .keep_original_target(self.head.path_and_query());
            self.head.set_path_and_query(target);
            self.folded = FoldedPath::new();
        }
    }

    fn view(&self) -> View<'_> {
        View {
            head: self.head,
            connection: self.connection,
            exchange: self.exchange,
            response: None,
        }
    }
}
