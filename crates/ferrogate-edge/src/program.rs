//! A site's routes, compiled.

mod action;
mod assemble;
mod cursor;
mod failure;
mod walk;

use std::fmt;
use std::sync::Arc;

use ferrogate_types::route::{ErrorRoutes, NamedRoute, Origin, Route, StatusPattern};
use http::HeaderName;

pub(crate) use self::action::Action;
use self::assemble::Assembler;
pub use self::cursor::Cursor;
use self::walk::Walk;
use crate::answer::Answer;
use crate::auth::BasicAuth;
use crate::compile::{CompileContext, CompileError, Compiler};
use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::files::FilesRoute;
use crate::head::RequestHead;
use crate::matcher::Conditions;
use crate::pathindex::PathIndex;
use crate::upstream::ProxyRoute;

/// The routes of one site, ready to run.
///
/// They stand in one list, each directive before those inside it, so that a place in it is a number and the walk can
/// stop and go on anywhere. Routes that are entered from elsewhere (error routes, named routes, routes for answers) are
/// stretches of their own, each with an end.
#[derive(Debug)]
pub struct Program {
    entries: Box<[Entry]>,
    blocks: Blocks,
    indexes: Box<[Run]>,
    /// How many exclusive groups there are.
    groups: u32,
    /// Fields of upstream answers that deferred edits refer to.
    upstream_fields: Arc<[HeaderName]>,
}

/// What a program is made from, everything sorted already.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProgramSource<'a> {
    /// The site's routes.
    pub routes: &'a [Route],
    /// Its `handle_errors`.
    pub errors: &'a [ErrorRoutes],
    /// The named routes of the configuration, by the index [`Handler::Invoke`](ferrogate_types::route::Handler) has.
    pub named: &'a [NamedRoute],
}

/// The routes of a `handle_response`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseRoutes {
    index: u32,
    /// They belong to an `intercept`: what stands behind it has run already.
    ends: bool,
}

/// What is to be done with a request.
#[derive(Clone)]
pub enum Verdict {
    /// Send this answer.
    Respond(Answer),
    /// End the connection, or reset the stream, without an answer.
    Abort,
    /// The request failed: enter `handle_errors` with [`Program::fail`], or answer with the status and no body.
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
    /// Check the request's credentials; on success note the user with [`Exchange::set_user`] and run on, else fail with
    /// 401 and the challenge.
    Authenticate(Arc<BasicAuth>),
    /// Serve a file; what is not there is a 404, or with `pass_thru` run on.
    Files(Arc<FilesRoute>),
    /// Send the answer that is being handled, with this status if any.
    CopyResponse(Option<u16>),
    /// Send the metrics page.
    Metrics,
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

/// Says whether a gateway answers at a raw path.
pub type Serves<'a> = dyn Fn(usize, &str) -> bool + 'a;

/// A directive, and where the walk goes from it.
#[derive(Debug)]
struct Entry {
    conditions: Option<Conditions>,
    action: Action,
    origin: Origin,
    /// The group of which only one member runs.
    group: Option<u32>,
    /// What follows this directive and everything inside it.
    next: u32,
    /// Where to go when it does not run: behind it and the companions that share its condition.
    skip: u32,
    /// It shares the condition of its neighbour in front and runs whenever that one did.
    is_companion: bool,
    depth: u16,
    /// Its place in a run of routes that are looked up by path.
    place: Option<Place>,
}

/// A place in a run.
#[derive(Clone, Copy, Debug)]
struct Place {
    run: u32,
    ordinal: u32,
}

/// Neighbouring routes that are looked up by path.
#[derive(Debug)]
struct Run {
    index: PathIndex,
    entries: Box<[u32]>,
    /// What follows the last of them.
    end: u32,
}

/// The stretches of a program that are entered from elsewhere.
#[derive(Debug, Default)]
struct Blocks {
    site: u32,
    /// Those for some statuses first.
    errors: Vec<(Box<[StatusPattern]>, u32)>,
    named: Vec<u32>,
    responses: Vec<u32>,
}

impl ResponseRoutes {
    pub(crate) fn new(index: usize, ends: bool) -> Self {
        Self {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            ends,
        }
    }
}

impl Program {
    /// Compiles routes; reports every error.
    pub fn compile(
        source: &ProgramSource<'_>,
        context: &CompileContext<'_>,
    ) -> Result<Self, Vec<CompileError>> {
        let mut compiler = Compiler::new(context);
        let program = Assembler::new(&mut compiler).program(source);
        Ok(Self {
            upstream_fields: compiler.finish()?,
            ..program
        })
    }

    /// At the site's first route.
    pub fn start(&self) -> Cursor {
        Cursor::new(self.blocks.site, self.groups)
    }

    /// Runs the routes from where the cursor stands: edits the request in place and says what is to be done with it.
    /// Called again, it goes on behind the directive that gave the verdict.
    ///
    /// `serves` is asked when an `ai_gateway` route is reached: with the gateway's index, the method, and the raw
    /// path as it is then; a gateway that does not serve it passes the request on.
    pub fn run(
        &self,
        cursor: &mut Cursor,
        head: &mut dyn RequestHead,
        connection: &Connection,
        exchange: &mut Exchange,
        serves: &Serves<'_>,
    ) -> Verdict {
        let Some(mut steps) = exchange.steps_mut().take() else {
            return self.walk(cursor, head, connection, exchange, serves, None);
        };
        let verdict = self.walk(cursor, head, connection, exchange, serves, Some(&mut steps));
        *exchange.steps_mut() = Some(steps);
        verdict
    }

    /// As [`Program::run`], with every route considered on the way.
    pub fn explain(
        &self,
        cursor: &mut Cursor,
        head: &mut dyn RequestHead,
        connection: &Connection,
        exchange: &mut Exchange,
        serves: &Serves<'_>,
    ) -> (Verdict, Vec<Step>) {
        let mut steps = Vec::new();
        let verdict = self.walk(cursor, head, connection, exchange, serves, Some(&mut steps));
        (verdict, steps)
    }

    /// The proxies among its routes.
    pub fn proxies(&self) -> impl Iterator<Item = &Arc<ProxyRoute>> {
        self.entries.iter().filter_map(|entry| match &entry.action {
            Action::Proxy(route) => Some(route),
            _ => None,
        })
    }

    /// Goes to the routes of a `handle_response`. Behind their last the walk goes on after the directive they belong to,
    /// when that proxies; those of an `intercept` end there.
    pub fn handle_response(&self, cursor: &mut Cursor, routes: ResponseRoutes) {
        let start = usize::try_from(routes.index)
            .ok()
            .and_then(|at| self.blocks.responses.get(at));
        if routes.ends {
            cursor.forget_calls();
            cursor.at = END;
        }
        let depth = u16::try_from(cursor.depth() + 1).unwrap_or(u16::MAX);
        if !cursor.call(*start.unwrap_or(&END), cursor.at, depth) {
            cursor.forget_calls();
            cursor.at = END;
        }
    }

    fn walk(
        &self,
        cursor: &mut Cursor,
        head: &mut dyn RequestHead,
        connection: &Connection,
        exchange: &mut Exchange,
        serves: &Serves<'_>,
        steps: Option<&mut Vec<Step>>,
    ) -> Verdict {
        if !self.upstream_fields.is_empty() {
            exchange.set_upstream_fields(&self.upstream_fields);
        }
        Walk::new(self, cursor, head, connection, exchange, serves, steps).run()
    }
}

/// Where every program has an end.
const END: u32 = 0;

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Respond(answer) => f.debug_tuple("Respond").field(answer).finish(),
            Self::Abort => f.write_str("Abort"),
            Self::Fail { status, message } => write!(f, "Fail({status}, {message:?})"),
            Self::Proxy(route) => f.debug_list().entries(route.dials()).finish(),
            Self::AiGateway(index) => write!(f, "AiGateway({index})"),
            Self::Authenticate(auth) => write!(f, "Authenticate({:?})", auth.realm()),
            Self::Files(_) => f.write_str("Files"),
            Self::CopyResponse(status) => write!(f, "CopyResponse({status:?})"),
            Self::Metrics => f.write_str("Metrics"),
            Self::Unhandled => f.write_str("Unhandled"),
        }
    }
}

#[cfg(test)]
mod tests;
