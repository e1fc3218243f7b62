//! A site's routes, compiled.

mod walk;

use std::fmt;
use std::sync::Arc;

use ferrogate_types::route::{Handler, Origin, Route};
use http::{HeaderName, Method};

use self::walk::Walk;
use crate::answer::{Answer, Raise, Redirect, Respond};
use crate::compile::{CompileContext, CompileError, Compiler};
use crate::connection::Connection;
use crate::edit::Edits;
use crate::exchange::Exchange;
use crate::head::RequestHead;
use crate::matcher::Conditions;
use crate::rewrite::Rewrite;
use crate::text::Text;
use crate::upstream::ProxyRoute;
use crate::uri::UriEdit;

/// The routes of one site, ready to run.
#[derive(Debug)]
pub struct Program {
    entries: Box<[Entry]>,
    /// Fields of upstream answers that deferred edits refer to.
    upstream_fields: Arc<[HeaderName]>,
}

/// What is to be done with a request.
#[derive(Clone)]
pub enum Verdict {
    /// Send this answer.
    Respond(Answer),
    /// End the connection, or reset the stream, without an answer.
    Abort,
    /// Answer with an error.
    Fail {
        /// The status.
        status: u16,
        /// For the log.
        message: String,
    },
    /// Send the request, as edited, to an upstream of this route.
    Proxy(Arc<ProxyRoute>),
    /// Hand the request to this model gateway: an index into the configuration's.
    AiGateway(usize),
    /// No route answered: an empty 200.
    Unhandled,
}

/// One route considered on the way to a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it was written.
    pub origin: Origin,
    /// Whether it ran.
    pub matched: bool,
    /// Why it did or did not.
    pub why: String,
    /// 0 for the site's own routes, one more inside each block.
    pub depth: usize,
}

/// Says whether a gateway serves a method on a raw path.
type Serves<'a> = dyn Fn(usize, &Method, &str) -> bool + 'a;

#[derive(Debug)]
struct Entry {
    conditions: Option<Conditions>,
    action: Action,
    origin: Origin,
}

#[derive(Debug)]
enum Action {
    Respond(Respond),
    Raise(Raise),
    Abort,
    Redirect(Redirect),
    Rewrite(Rewrite),
    Uri(UriEdit),
    Header {
        immediate: Edits,
        deferred: Arc<Edits>,
    },
    RequestHeader(Edits),
    Vars(Box<[(Arc<str>, Text)]>),
    Handle(Box<[Entry]>),
    Route(Box<[Entry]>),
    Proxy(Arc<ProxyRoute>),
    AiGateway(usize),
}

impl Program {
    /// Compiles routes, already sorted; reports every error.
    pub fn compile(
        routes: &[Route],
        context: &CompileContext<'_>,
    ) -> Result<Self, Vec<CompileError>> {
        let mut compiler = Compiler::new(context);
        let entries = compile_list(routes, &mut compiler);
        Ok(Self {
            entries,
            upstream_fields: compiler.finish()?,
        })
    }

    /// Runs the routes: edits the request in place and says what is to be done with it.
    ///
    /// `serves` is asked when an `ai_gateway` route is reached: with the gateway's index, the method, and the raw
    /// path as it is then; a gateway that does not serve it passes the request on.
    pub fn run(
        &self,
        head: &mut dyn RequestHead,
        connection: &Connection,
        exchange: &mut Exchange,
        serves: &Serves<'_>,
    ) -> Verdict {
        self.walk(head, connection, exchange, serves, None)
    }

    /// As [`Program::run`], with every route considered on the way.
    pub fn explain(
        &self,
        head: &mut dyn RequestHead,
        connection: &Connection,
        exchange: &mut Exchange,
        serves: &Serves<'_>,
    ) -> (Verdict, Vec<Step>) {
        let mut steps = Vec::new();
        let verdict = self.walk(head, connection, exchange, serves, Some(&mut steps));
        (verdict, steps)
    }

    fn walk(
        &self,
        head: &mut dyn RequestHead,
        connection: &Connection,
        exchange: &mut Exchange,
        serves: &Serves<'_>,
        steps: Option<&mut Vec<Step>>,
    ) -> Verdict {
        if !self.upstream_fields.is_empty() {
            exchange.set_upstream_fields(&self.upstream_fields);
        }
        let mut walk = Walk::new(head, connection, exchange, serves, steps);
        walk.list(&self.entries).unwrap_or(Verdict::Unhandled)
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Respond(answer) => f.debug_tuple("Respond").field(answer).finish(),
            Self::Abort => f.write_str("Abort"),
            Self::Fail { status, message } => write!(f, "Fail({status}, {message:?})"),
            Self::Proxy(route) => f.debug_list().entries(route.dials()).finish(),
            Self::AiGateway(index) => write!(f, "AiGateway({index})"),
            Self::Unhandled => f.write_str("Unhandled"),
        }
    }
}

fn compile_list(routes: &[Route], compiler: &mut Compiler<'_>) -> Box<[Entry]> {
    routes
        .iter()
        .filter_map(|route| {
            compiler.enter(&route.origin);
            let conditions = route
                .matcher
                .as_deref()
                .map(|set| Conditions::compile(set, compiler));
            let action = Action::compile(&route.handler, compiler)?;
            Some(Entry {
                conditions,
                action,
                origin: route.origin.clone(),
            })
        })
        .collect()
}

impl Action {
    /// Compiles a handler; `None` after an error.
    fn compile(handler: &Handler, compiler: &mut Compiler<'_>) -> Option<Self> {
        Some(match handler {
            Handler::Respond {
                status,
                body,
                close,
            } => Self::Respond(Respond::compile(
                status.as_ref(),
                body.as_ref(),
                *close,
                compiler,
            )),
            Handler::Error { status, message } => {
                Self::Raise(Raise::compile(status.as_ref(), message.as_ref(), compiler))
            }
            Handler::Abort => Self::Abort,
            Handler::Redirect { to, code } => Self::Redirect(Redirect::compile(to, code, compiler)),
            Handler::Rewrite { to } => Self::Rewrite(Rewrite::compile(to, compiler)),
            Handler::Uri(op) => Self::Uri(UriEdit::compile(op, compiler)?),
            Handler::Header(edits) => Self::Header {
                immediate: Edits::compile(&edits.immediate, compiler),
                deferred: Arc::new(Edits::compile(&edits.deferred, compiler)),
            },
            Handler::RequestHeader(ops) => Self::RequestHeader(Edits::compile(ops, compiler)),
            Handler::Vars(vars) => Self::Vars(
                vars.iter()
                    .map(|(name, value)| (name.as_str().into(), compiler.emptying(value)))
                    .collect(),
            ),
            Handler::Handle(routes) => Self::Handle(compile_list(routes, compiler)),
            Handler::Route(routes) => Self::Route(compile_list(routes, compiler)),
            Handler::ReverseProxy(spec) => {
                Self::Proxy(Arc::new(ProxyRoute::compile(spec, compiler)))
            }
            Handler::AiGateway(index) => Self::AiGateway(*index),
        })
    }

    /// The place in [`Walk::list`]'s record of groups that have run, for actions that exclude one another.
    fn group(&self) -> Option<usize> {
        match self {
            Self::Handle(_) => Some(0),
            Self::Rewrite(_) => Some(1),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
