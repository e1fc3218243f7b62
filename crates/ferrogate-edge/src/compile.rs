//! What compiling needs and reports.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use ferrogate_types::Template;
use ferrogate_types::route::{Origin, Route};
use http::HeaderName;
use regex::bytes::Regex;

use crate::files::FileSystem;
use crate::program::ResponseRoutes;
use crate::text::{Text, Unknown};
use crate::upstream::UpstreamRegistry;

/// The largest file a `{file.PATH}` placeholder may name, in bytes.
const MAX_FILE: usize = 1 << 20;

/// The world as it is when a configuration is loaded.
pub struct CompileContext<'a> {
    /// Looks up an environment variable; one that is not set is empty.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a text file.
    pub file: &'a dyn Fn(&Path) -> io::Result<String>,
    /// The machine's name.
    pub hostname: &'a str,
    /// The working directory.
    pub directory: &'a str,
    /// The wall clock, for `{time.now.*}`.
    pub now: fn() -> SystemTime,
    /// True from the moment the process stops taking requests.
    pub shutting_down: Arc<AtomicBool>,
    /// Where the `file` matcher and `try_files` look.
    pub files: Arc<dyn FileSystem>,
    /// Health and load of upstreams; the same registry for every configuration of the process.
    pub upstreams: &'a Arc<UpstreamRegistry>,
}

/// A part of a route that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: `{}` {message}", .origin.place, .origin.directive)]
pub struct CompileError {
    /// The directive it stands in.
    pub origin: Origin,
    /// What is wrong, as a continuation of "the directive".
    pub message: String,
}

/// Collects errors and shared facts while routes are compiled.
pub(crate) struct Compiler<'a> {
    context: &'a CompileContext<'a>,
    origin: Origin,
    errors: Vec<CompileError>,
    upstream_fields: Vec<HeaderName>,
    /// Placeholders some `map` sets, and the mapped placeholders each needs for that.
    mapped: HashMap<String, Vec<String>>,
    /// Routes that run in the place of an answer, waiting to be compiled.
    response_routes: Vec<Vec<Route>>,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(context: &'a CompileContext<'a>) -> Self {
        let origin = Origin {
            directive: "".into(),
            place: "".into(),
        };
        Self {
            context,
            origin,
            errors: Vec::new(),
            upstream_fields: Vec::new(),
            mapped: HashMap::new(),
            response_routes: Vec::new(),
        }
    }

    pub(crate) fn context(&self) -> &'a CompileContext<'a> {
        self.context
    }

    /// Errors from now on belong to this directive.
    pub(crate) fn enter(&mut self, origin: &Origin) {
        self.origin = origin.clone();
    }

    /// Notes an error; compiling goes on, so that all of them are reported.
    pub(crate) fn error(&mut self, message: impl Into<String>) {
        self.errors.push(CompileError {
            origin: self.origin.clone(),
            message: message.into(),
        });
    }

    /// A text in which unknown placeholders stay.
    pub(crate) fn keeping(&mut self, template: &Template) -> Text {
        Text::compile(template, Unknown::Keep, self)
    }

    /// A text in which unknown placeholders become empty.
    pub(crate) fn emptying(&mut self, template: &Template) -> Text {
        Text::compile(template, Unknown::Empty, self)
    }

    /// An expression; `None` after an error.
    pub(crate) fn regex(&mut self, source: &str) -> Option<Regex> {
        match Regex::new(source) {
            Ok(regex) => Some(regex),
            Err(error) => {
                // The rendering of a syntax error draws the expression over several lines; its last line says why.
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default().trim().to_owned();
                self.error(format!("has an invalid expression `{source}`: {reason}"));
                None
            }
        }
    }

    /// The text of a file without its last line end; empty after an error.
    pub(crate) fn file(&mut self, path: &str) -> String {
        let mut text = match (self.context.file)(Path::new(path)) {
            Ok(text) if text.len() <= MAX_FILE => text,
            Ok(_) => {
                self.error(format!("reads `{path}`, which is larger than 1 MiB"));
                return String::new();
            }
            Err(error) => {
                self.error(format!("cannot read `{path}`: {error}"));
                return String::new();
            }
        };
        if text.ends_with('\n') {
            text.truncate(text.len() - 1);
            if text.ends_with('\r') {
                text.truncate(text.len() - 1);
            }
        }
        text
    }

    /// Notes that a placeholder asks for this field of the upstream's answer.
    pub(crate) fn wants_upstream_field(&mut self, field: &str) {
        match HeaderName::from_bytes(field.as_bytes()) {
            Ok(name) if self.upstream_fields.contains(&name) => {}
            Ok(name) => self.upstream_fields.push(name),
            Err(_) => self.error(format!("asks for `{field}`, which is no header field")),
        }
    }

    /// Makes a placeholder known that a `map` sets; to be done before anything is compiled that may read it.
    pub(crate) fn declare_mapped(&mut self, destination: &str) {
        self.mapped.entry(destination.to_owned()).or_default();
    }

    /// Whether a `map` sets the placeholder.
    pub(crate) fn is_mapped(&self, name: &str) -> bool {
        self.mapped.contains_key(name)
    }

    /// Notes what a mapped placeholder reads; one that needs itself could never be looked up.
    pub(crate) fn depends(&mut self, destination: &str, on: Vec<String>) {
        self.mapped
            .entry(destination.to_owned())
            .or_default()
            .extend(on);
        let mut seen = HashSet::new();
        let mut ahead: Vec<&str> = vec![destination];
        while let Some(name) = ahead.pop() {
            for needed in self.mapped.get(name).into_iter().flatten() {
                if needed == destination {
                    self.error(format!(
                        "sets `{{{destination}}}` from a value that needs it"
                    ));
                    return;
                }
                if seen.insert(needed) {
                    ahead.push(needed);
                }
            }
        }
    }

    /// Takes routes for an answer; they are compiled apart from those around them.
    ///
    /// Those of an `intercept` end the walk; behind those of a proxy it goes on after the proxy.
    pub(crate) fn response_routes(&mut self, routes: &[Route], end_walk: bool) -> ResponseRoutes {
        self.response_routes.push(routes.to_vec());
        ResponseRoutes::new(self.response_routes.len() - 1, end_walk)
    }

    /// The routes for answers taken as the n-th, if there are so many.
    pub(crate) fn taken_response_routes(&mut self, at: usize) -> Option<Vec<Route>> {
        self.response_routes.get_mut(at).map(std::mem::take)
    }

    pub(crate) fn finish(self) -> Result<Arc<[HeaderName]>, Vec<CompileError>> {
        if self.errors.is_empty() {
            Ok(self.upstream_fields.into())
        } else {
            Err(self.errors)
        }
    }
}
