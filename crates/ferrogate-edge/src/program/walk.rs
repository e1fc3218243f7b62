//! The run of one request through the routes.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use super::{Action, Cursor, Entry, Program, Serves, Step, Verdict};
use crate::answer::{Answer, Failure};
use crate::connection::Connection;
use crate::edit::RequestTarget;
use crate::escape::{encode_path, target_text};
use crate::exchange::{Appended, Exchange};
use crate::files::FileSearch;
use crate::head::RequestHead;
use crate::matcher::{Facts, FoldedPath};
use crate::path::split_target;
use crate::placeholder::View;
use crate::response::Layer;
use crate::trace::TracingSpec;

/// One request on its way through the routes.
pub(super) struct Walk<'a> {
    program: &'a Program,
    cursor: &'a mut Cursor,
    head: &'a mut dyn RequestHead,
    connection: &'a Connection,
    exchange: &'a mut Exchange,
    serves: &'a Serves<'a>,
    folded: FoldedPath,
    steps: Option<&'a mut Vec<Step>>,
}

/// Where the walk goes from a directive that ran.
enum Flow {
    /// Behind it and what is inside it.
    Behind,
    /// To what is inside it.
    Inside,
    /// To a named route.
    To(u32),
    /// Back to where this stretch was entered from.
    Back,
    /// Out, to come back behind it.
    Out(Verdict),
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        program: &'a Program,
        cursor: &'a mut Cursor,
        head: &'a mut dyn RequestHead,
        connection: &'a Connection,
        exchange: &'a mut Exchange,
        serves: &'a Serves<'a>,
        steps: Option<&'a mut Vec<Step>>,
    ) -> Self {
        Self {
            program,
            cursor,
            head,
            connection,
            exchange,
            serves,
            folded: FoldedPath::new(),
            steps,
        }
    }

    /// Goes on to the next verdict.
    pub(super) fn run(mut self) -> Verdict {
        let program = self.program;
        loop {
            let at = self.sought(self.cursor.at);
            self.cursor.at = at;
            let Some(entry) = entry(program, at) else {
                return Verdict::Unhandled;
            };
            match self.considers(entry) {
                Ok(true) => {}
                Ok(false) => {
                    self.explain_companions(entry);
                    self.cursor.at = entry.skip;
                    continue;
                }
                Err(failure) => {
                    self.cursor.at = entry.next;
                    return failed(failure);
                }
            }
            if let Some(group) = entry.group {
                self.cursor.note_run(group);
            }
            match self.act(&entry.action) {
                Flow::Behind => self.cursor.at = entry.next,
                Flow::Inside => self.cursor.at = at + 1,
                Flow::To(start) => {
                    let depth = self.cursor.depth() + usize::from(entry.depth) + 1;
                    let depth = u16::try_from(depth).unwrap_or(u16::MAX);
                    if !self.cursor.call(start, entry.next, depth) {
                        self.cursor.at = entry.next;
                        let message = "named routes invoke one another too deep";
                        return failed((500, message.to_owned()));
                    }
                }
                Flow::Back => {
                    if !self.cursor.come_back() {
                        return Verdict::Unhandled;
                    }
                }
                Flow::Out(verdict) => {
                    self.cursor.at = entry.next;
                    return verdict;
                }
            }
        }
    }

    /// The entry at `at`, or behind it the next of its run whose path is the request's. An explanation looks at every entry.
    fn sought(&self, at: u32) -> u32 {
        let place = entry(self.program, at).and_then(|entry| entry.place);
        let run = place.and_then(|place| {
            let run = self.program.indexes.get(usize::try_from(place.run).ok()?)?;
            Some((place, run))
        });
        let Some((place, run)) = run.filter(|_| self.steps.is_none()) else {
            return at;
        };
        let facts = Facts {
            view: self.view(),
            folded: &self.folded,
        };
        let found = run
            .index
            .seek(place.ordinal, facts.paths().1)
            .and_then(|ordinal| run.entries.get(usize::try_from(ordinal).ok()?));
        found.copied().unwrap_or(run.end)
    }

    fn considers(&mut self, entry: &Entry) -> Result<bool, Failure> {
        if matches!(entry.action, Action::Begin(_) | Action::End) {
            return Ok(true);
        }
        let excluded = entry.group.is_some_and(|group| self.cursor.has_run(group));
        let facts = Facts {
            view: self.view(),
            folded: &self.folded,
        };
        if self.steps.is_none() {
            return match &entry.conditions {
                _ if excluded => Ok(false),
                Some(conditions) => conditions.hold(&facts),
                None => Ok(true),
            };
        }
        let (matched, why) = match &entry.conditions {
            _ if excluded => (
                Ok(false),
                format!("another `{}` of this block ran", entry.origin.directive),
            ),
            Some(conditions) => conditions.explain(&facts),
            None if entry.is_companion => (Ok(true), "the one before ran".to_owned()),
            None => (Ok(true), "no condition".to_owned()),
        };
        let step = Step {
            origin: entry.origin.clone(),
            matched: matched == Ok(true),
            why,
            depth: self.cursor.depth() + usize::from(entry.depth),
        };
        if let Some(steps) = &mut self.steps {
            steps.push(step);
        }
        matched
    }

    /// Notes the companions that are skipped with a directive.
    fn explain_companions(&mut self, leader: &Entry) {
        let (depth, program) = (self.cursor.depth(), self.program);
        let Some(steps) = &mut self.steps else {
            return;
        };
        let mut at = leader.next;
        while let Some(companion) = entry(program, at).filter(|_| at < leader.skip) {
            steps.push(Step {
                origin: companion.origin.clone(),
                matched: false,
                why: "the one before did not run".to_owned(),
                depth: depth + usize::from(companion.depth),
            });
            at = companion.next;
        }
    }

    fn act(&mut self, action: &Action) -> Flow {
        match action {
            Action::Respond(respond) => return self.answered(respond.answer(&self.view())),
            Action::Redirect(redirect) => return self.answered(redirect.answer(&self.view())),
            Action::Raise(raise) => return Flow::Out(failed(raise.failure(&self.view()))),
            Action::Abort => return Flow::Out(Verdict::Abort),
            Action::Rewrite(rewrite) => {
                let target = rewrite.target(&self.view());
                self.retarget(&target);
            }
            Action::Method(method) => {
                let method = method.render(&self.view()).trim().to_ascii_uppercase();
                match Method::from_bytes(method.as_bytes()) {
                    Ok(method) => {
                        self.exchange.keep_original_method(self.head.method());
                        self.head.set_method(method);
                    }
                    Err(_) => return failing((500, format!("`{method}` is no method"))),
                }
            }
            Action::Uri(edit) => {
                if let Some(target) = edit.target(&self.view()) {
                    self.retarget(&target);
                }
            }
            Action::TryFiles(search) => {
                if let Err(failure) = self.try_files(search) {
                    return failing(failure);
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
                if !deferred.edits.is_empty() {
                    let layer = Layer::Header(Arc::clone(deferred));
                    self.exchange.layers.push(layer);
                }
            }
            Action::RequestHeader(edits) => edits.apply(&mut RequestTarget {
                request: self.head,
                connection: self.connection,
                exchange: self.exchange,
            }),
            Action::Vars(vars) => {
                for (name, value) in vars {
                    let value = value.evaluate(&self.view());
                    self.exchange.set_var(name, value);
                }
            }
            Action::Map(map) => self.exchange.add_map(map),
            Action::RequestBody { max_size, set } => {
                if let Some(limit) = max_size {
                    self.exchange.limit_body(*limit);
                }
                if let Some(text) = set {
                    let body = Bytes::from(text.render(&self.view()).into_owned());
                    self.exchange.replace_body(body);
                }
            }
            Action::Timeouts(timeouts) => self.exchange.limit_times(timeouts),
            Action::Authenticate(auth) => {
                return Flow::Out(Verdict::Authenticate(Arc::clone(auth)));
            }
            Action::Encode(layer) => {
                if let Some(negotiated) = layer.negotiate(self.head) {
                    self.exchange.layers.push(Layer::Encode(negotiated));
                }
            }
            Action::Intercept(handlers) => {
                let layer = Layer::Intercept(Arc::clone(handlers));
                self.exchange.layers.push(layer);
            }
            Action::LogSkip => self.exchange.log_notes_mut().skipped = true,
            Action::LogAppend { key, value, early } => {
                let value = if *early {
                    Appended::Early(value.evaluate(&self.view()))
                } else {
                    Appended::Late(Arc::clone(value))
                };
                let notes = self.exchange.log_notes_mut();
                notes.appended.push((Arc::clone(key), value));
            }
            Action::LogName(names) => {
                self.exchange.log_notes_mut().names = Some(Arc::clone(names));
            }
            Action::Tracing(spec) => self.trace(spec),
            Action::Block(groups) | Action::Begin(groups) => {
                self.cursor.forget(groups);
                return Flow::Inside;
            }
            Action::Invoke(index) => {
                return match self.program.blocks.named.get(*index) {
                    Some(start) => Flow::To(*start),
                    None => Flow::Behind,
                };
            }
            Action::CopyResponse(status) => {
                return match status.as_ref().map(|status| status.resolve(&self.view())) {
                    Some(Err(failure)) => failing(failure),
                    Some(Ok(status)) => self.copies(Some(status)),
                    None => self.copies(None),
                };
            }
            Action::CopyResponseHeaders(fields) => self.exchange.take_over(fields),
            Action::Metrics => return Flow::Out(Verdict::Metrics),
            Action::Files(route) => return Flow::Out(Verdict::Files(Arc::clone(route))),
            Action::Proxy(route) => return Flow::Out(Verdict::Proxy(Arc::clone(route))),
            Action::AiGateway(index) => {
                let path = target_text(split_target(self.head.path_and_query()).0);
                if (self.serves)(*index, &path) {
                    return Flow::Out(Verdict::AiGateway(*index));
                }
            }
            Action::End => return Flow::Back,
        }
        Flow::Behind
    }

    fn answered(&mut self, answer: Result<Answer, Failure>) -> Flow {
        match answer {
            Ok(answer) => {
                answer.claim_field(self.exchange);
                Flow::Out(Verdict::Respond(answer))
            }
            Err(failure) => failing(failure),
        }
    }

    fn copies(&mut self, status: Option<u16>) -> Flow {
        self.exchange.note_copy();
        Flow::Out(Verdict::CopyResponse(status))
    }

    /// Rewrites to the file found, and to the query it brings.
    fn try_files(&mut self, search: &FileSearch) -> Result<(), Failure> {
        let view = self.view();
        let Some(hit) = search.find(&view)? else {
            return Ok(());
        };
        let mut target = encode_path(hit.file.relative.as_bytes());
        let given = hit.query.and_then(|rewrite| rewrite.query(&view));
        let query = given.unwrap_or_else(|| {
            let (_, query) = split_target(self.head.path_and_query());
            target_text(query.unwrap_or_default()).into_owned()
        });
        if !query.is_empty() {
            target.push('?');
            target.push_str(&query);
        }
        self.exchange.found().keep_file(hit.file);
        self.retarget(&target);
        Ok(())
    }

    fn trace(&mut self, spec: &Arc<TracingSpec>) {
        let trace = spec.begin(&self.view());
        let (trace_id, span_id) = (trace.trace_id().to_string(), trace.span_id().to_string());
        self.exchange.set_var(&"trace_id".into(), trace_id);
        self.exchange.set_var(&"span_id".into(), span_id);
        self.exchange.set_trace(trace);
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

fn entry(program: &Program, at: u32) -> Option<&Entry> {
    program.entries.get(usize::try_from(at).ok()?)
}

fn failed((status, message): Failure) -> Verdict {
    Verdict::Fail { status, message }
}

fn failing(failure: Failure) -> Flow {
    Flow::Out(failed(failure))
}
