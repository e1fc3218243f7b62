//! The `file_server` directive, compiled.

use std::path::PathBuf;

use ferrogate_types::route::{Browse, FileServer, Precompressed};

use super::search::Root;
use crate::answer::Status;
use crate::compile::Compiler;
use crate::connection::Connection;
use crate::exchange::Exchange;
use crate::head::RequestHead;
use crate::placeholder::View;
use crate::text::Text;

/// A `file_server`, whose texts are filled in per request; reading and sending files is the caller's.
#[derive(Debug)]
pub struct FilesRoute {
    spec: FileServer,
    root: Root,
    hide: Box<[Text]>,
    index: Box<[Text]>,
    status: Option<Status>,
}

/// The settings of a [`FilesRoute`] for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesSettings {
    /// Where paths are looked up.
    pub root: PathBuf,
    /// Files that do not exist for clients.
    pub hide: Vec<String>,
    /// What stands for a directory.
    pub index: Vec<String>,
    /// The status of a good answer; in error routes that of the error.
    pub status: Option<u16>,
}

impl FilesRoute {
    pub(crate) fn compile(spec: &FileServer, compiler: &mut Compiler<'_>) -> Self {
        let mut texts = |templates: &[ferrogate_types::Template]| {
            templates
                .iter()
                .map(|template| compiler.emptying(template))
                .collect()
        };
        Self {
            hide: texts(&spec.hide),
            index: texts(&spec.index),
            root: Root::compile(spec.root.as_ref(), compiler),
            status: spec
                .status
                .as_ref()
                .map(|status| Status::compile(Some(status), 200, compiler)),
            spec: spec.clone(),
        }
    }

    /// The settings for a request; an error is a status with a message for the log.
    pub fn settings(
        &self,
        request: &dyn RequestHead,
        connection: &Connection,
        exchange: &Exchange,
    ) -> Result<FilesSettings, (u16, String)> {
        let view = View {
            head: request,
            connection,
            exchange,
            response: None,
        };
        let rendered = |texts: &[Text]| {
            texts
                .iter()
                .map(|text| text.render(&view).into_owned())
                .collect()
        };
        Ok(FilesSettings {
            root: self.root.resolve(&view),
            hide: rendered(&self.hide),
            index: rendered(&self.index),
            status: match &self.status {
                Some(status) => Some(status.resolve(&view)?),
                None => exchange.error_status(),
            },
        })
    }

    /// Listings of directories without an index file.
    pub fn browse(&self) -> Option<&Browse> {
        self.spec.browse.as_ref()
    }

    /// Compressed siblings to look for, in order of preference.
    pub fn precompressed(&self) -> &[Precompressed] {
        &self.spec.precompressed
    }

    /// What is not there is left to the directives that follow.
    pub fn pass_thru(&self) -> bool {
        self.spec.pass_thru
    }

    /// `/dir` is redirected to `/dir/`, and `/file/` to `/file`.
    pub fn canonical_uris(&self) -> bool {
        self.spec.canonical_uris
    }

    /// Extensions of files beside the file that hold its `ETag`.
    pub fn etag_file_extensions(&self) -> &[String] {
        &self.spec.etag_file_extensions
    }
}
