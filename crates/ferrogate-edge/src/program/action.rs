//! What a directive does, compiled.

use std::sync::Arc;

use ferrogate_types::route::{BodyTimeouts, CopiedFields, Handler};

use crate::answer::{Raise, Redirect, Respond, Status};
use crate::auth::BasicAuth;
use crate::compile::Compiler;
use crate::edit::Edits;
use crate::files::{FileSearch, FilesRoute};
use crate::map::MapTable;
use crate::response::{EncodeLayer, HeaderLayer, ResponseCondition, ResponseHandlers};
use crate::rewrite::Rewrite;
use crate::text::Text;
use crate::trace::TracingSpec;
use crate::upstream::ProxyRoute;
use crate::uri::UriEdit;
use crate::value::Valued;

/// What a directive does.
#[derive(Debug)]
pub(crate) enum Action {
    Respond(Respond),
    Raise(Raise),
    Abort,
    Redirect(Redirect),
    Rewrite(Rewrite),
    Method(Text),
    Uri(UriEdit),
    TryFiles(FileSearch),
    Header {
        immediate: Edits,
        deferred: Arc<HeaderLayer>,
    },
    RequestHeader(Edits),
    Vars(Box<[(Arc<str>, Valued)]>),
    Map(Arc<MapTable>),
    RequestBody {
        max_size: Option<u64>,
        set: Option<Text>,
    },
    Timeouts(BodyTimeouts),
    Authenticate(Arc<BasicAuth>),
    Encode(Arc<EncodeLayer>),
    Intercept(Arc<ResponseHandlers>),
    LogSkip,
    LogAppend {
        key: Arc<str>,
        value: Arc<Valued>,
        early: bool,
    },
    LogName(Arc<[Arc<str>]>),
    Tracing(Arc<TracingSpec>),
    /// The directives inside follow; these groups are theirs.
    Block(std::ops::Range<u32>),
    /// Runs a named route.
    Invoke(usize),
    CopyResponse(Option<Status>),
    CopyResponseHeaders(Arc<CopiedFields>),
    Metrics,
    Files(Arc<FilesRoute>),
    Proxy(Arc<ProxyRoute>),
    AiGateway(usize),
    /// Begins a stretch that is entered from elsewhere; the groups of its own list are these.
    Begin(std::ops::Range<u32>),
    /// Ends it.
    End,
}

impl Action {
    /// Compiles a handler; `None` after an error. The insides of a block are the caller's.
    pub(super) fn compile(handler: &Handler, compiler: &mut Compiler<'_>) -> Option<Self> {
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
            Handler::Method(method) => Self::Method(compiler.emptying(method)),
            Handler::Uri(op) => Self::Uri(UriEdit::compile(op, compiler)?),
            Handler::TryFiles(search) => {
                Self::TryFiles(FileSearch::compile(search, true, compiler))
            }
            Handler::Header(edits) => Self::Header {
                immediate: Edits::compile(&edits.immediate, compiler),
                deferred: Arc::new(HeaderLayer {
                    edits: Edits::compile(&edits.deferred, compiler),
                    condition: edits
                        .matcher
                        .as_ref()
                        .map(|matcher| ResponseCondition::compile(matcher, compiler)),
                }),
            },
            Handler::RequestHeader(ops) => Self::RequestHeader(Edits::compile(ops, compiler)),
            Handler::Vars(vars) => Self::Vars(
                vars.iter()
                    .map(|(name, value)| (name.as_str().into(), Valued::compile(value, compiler)))
                    .collect(),
            ),
            Handler::Root(path) => {
                let value = Valued::Text(compiler.emptying(path));
                Self::Vars([("root".into(), value)].into())
            }
            Handler::Map(map) => Self::Map(Arc::new(MapTable::compile(map, compiler))),
            Handler::RequestBody(body) => Self::RequestBody {
                max_size: body.max_size,
                set: body.set.as_ref().map(|text| compiler.emptying(text)),
            },
            Handler::Timeouts(timeouts) => Self::Timeouts(timeouts.clone()),
            Handler::BasicAuth(auth) => Self::Authenticate(Arc::new(BasicAuth::compile(auth))),
            Handler::Encode(encode) => {
                Self::Encode(Arc::new(EncodeLayer::compile(encode, compiler)))
            }
            Handler::Intercept(intercept) => Self::Intercept(Arc::new(ResponseHandlers::compile(
                &intercept.responses,
                true,
                compiler,
            ))),
            Handler::LogSkip => Self::LogSkip,
            Handler::LogAppend { key, value, early } => Self::LogAppend {
                key: key.as_str().into(),
                value: Arc::new(Valued::compile(value, compiler)),
                early: *early,
            },
            Handler::LogName(names) => {
                Self::LogName(names.iter().map(|name| name.as_str().into()).collect())
            }
            Handler::Tracing(tracing) => {
                Self::Tracing(Arc::new(TracingSpec::compile(tracing, compiler)))
            }
            Handler::Handle(_) | Handler::Route(_) => Self::Block(0..0),
            Handler::Invoke(index) => Self::Invoke(*index),
            Handler::CopyResponse(status) => Self::CopyResponse(
                status
                    .as_ref()
                    .map(|status| Status::compile(Some(status), 200, compiler)),
            ),
            Handler::CopyResponseHeaders(fields) => {
                Self::CopyResponseHeaders(Arc::new(fields.clone()))
            }
            Handler::Metrics => Self::Metrics,
            Handler::FileServer(spec) => Self::Files(Arc::new(FilesRoute::compile(spec, compiler))),
            Handler::ReverseProxy(spec) => {
                Self::Proxy(Arc::new(ProxyRoute::compile(spec, compiler)))
            }
            Handler::AiGateway(index) => Self::AiGateway(*index),
        })
    }
}
