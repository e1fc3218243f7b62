//! Static files: a route's settings and a request, made into an answer.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ferrogate_edge::{FileInfo, FileSystem, FilesRoute};
use ferrogate_files::{Ask, BrowseRules, Encoding, Hidden, Rules, Served, SortBy};
use ferrogate_types::route::Precompressed;
use http::header::{ALLOW, CONTENT_TYPE, LAST_MODIFIED, LOCATION};
use http::{HeaderValue, Method};
use pingora_error::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use crate::context::RequestContext;
use crate::head::Request;
use crate::made::{Body, Made};

/// What a file server came to.
pub(crate) enum Outcome {
    /// This is the answer.
    Send(Box<Made>),
    /// There is no such file, and others may answer.
    On,
    /// The request fails.
    Fail(u16, Cow<'static, str>),
}

/// Looks a file up and makes the answer.
pub(crate) async fn serve(
    route: &FilesRoute,
    session: &mut Session,
    context: &mut RequestContext,
) -> Result<Outcome> {
    let settings = route.settings(
        &Request(session.req_header_mut()),
        &context.connection,
        &context.exchange,
    );
    let settings = match settings {
        Ok(settings) => settings,
        Err((status, message)) => return Ok(Outcome::Fail(status, message.into())),
    };
    let header = session.req_header();
    if settings.status.is_none() && !matches!(header.method, Method::GET | Method::HEAD) {
        if route.pass_thru() {
            return Ok(Outcome::On);
        }
        let allow = HeaderValue::from_static("GET, HEAD");
        context.exchange.set_response_header(ALLOW, allow);
        return Ok(Outcome::Fail(405, Cow::Borrowed("files can only be read")));
    }
    let raw = header.raw_path();
    let original = context.exchange.original_target().unwrap_or(raw);
    let (path, query) = split(raw);
    let (original_path, original_query) = split(original);
    let ask = Ask {
        path: decoded(path),
        original_path: decoded(original_path),
        original_target: (
            String::from_utf8_lossy(original_path).into_owned(),
            String::from_utf8_lossy(original_query).into_owned(),
        ),
        query: String::from_utf8_lossy(query)
            .trim_start_matches('?')
            .to_owned(),
        headers: header.headers.clone(),
    };
    let rules = Rules {
        root: settings.root,
        hidden: Hidden::new(settings.hide.iter().map(String::as_str)),
        index: settings.index,
        browse: route.browse().map(|browse| BrowseRules {
            reveal_symlinks: browse.reveal_symlinks,
            sort: browse
                .sort
                .as_deref()
                .and_then(SortBy::parse)
                .unwrap_or_default(),
            descending: browse.descending,
            file_limit: browse.file_limit,
        }),
        precompressed: route
            .precompressed()
            .iter()
            .copied()
            .map(encoding)
            .collect(),
        canonical: route.canonical_uris(),
        etag_files: route.etag_file_extensions().to_vec(),
        status: settings.status,
    };
    match ferrogate_files::serve(Arc::new(rules), ask).await {
        Served::NotFound if route.pass_thru() => Ok(Outcome::On),
        Served::NotFound => Ok(Outcome::Fail(404, Cow::Borrowed("there is no such file"))),
        Served::Forbidden => Ok(Outcome::Fail(
            403,
            Cow::Borrowed("the file may not be read"),
        )),
        Served::Failed(error) => Ok(Outcome::Fail(500, error.to_string().into())),
        served => made(served, context).map(|made| Outcome::Send(Box::new(made))),
    }
}

fn made(served: Served, context: &mut RequestContext) -> Result<Made> {
    match served {
        Served::Redirect(to) => {
            let made = Made::bare(308)?;
            match HeaderValue::try_from(to) {
                Ok(to) => made.with(LOCATION, to),
                Err(_) => Made::bare(404),
            }
        }
        Served::Listing(listing) => {
            let made = Made::text(200, listing.content_type, listing.body)?;
            let modified = listing.modified.map(httpdate::fmt_http_date);
            match modified.map(HeaderValue::try_from) {
                Some(Ok(modified)) => made.with(LAST_MODIFIED, modified),
                _ => Ok(made),
            }
        }
        Served::File(file) => {
            let mut header = ResponseHeader::build_no_case(file.status, Some(12))?;
            let mut previous = None;
            for (name, value) in file.headers {
                // Of several lines of a field only the first carries the name.
                let Some(name) = name.or(previous) else { break };
                // A type the site has set is kept.
                if name != CONTENT_TYPE || !context.exchange.has_response_header(&name) {
                    header.append_header(name.clone(), value)?;
                }
                previous = Some(name);
            }
            Ok(Made {
                header,
                body: Body::File(Box::new(file.body)),
                close: false,
            })
        }
        Served::NotFound | Served::Forbidden | Served::Failed(_) => Made::bare(404),
    }
}

fn encoding(precompressed: Precompressed) -> Encoding {
    match precompressed {
        Precompressed::Br => Encoding::Br,
        Precompressed::Zstd => Encoding::Zstd,
        Precompressed::Gzip => Encoding::Gzip,
    }
}

/// The path, and the query with its `?`.
fn split(target: &[u8]) -> (&[u8], &[u8]) {
    let end = target
        .iter()
        .position(|byte| *byte == b'?')
        .unwrap_or(target.len());
    target.split_at(end)
}

fn decoded(path: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(path).collect()
}

/// The machine's files, for matchers. A question may wait for a disk, so the worker's other tasks go elsewhere meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl FileSystem for Disk {
    fn stat(&self, path: &Path) -> Option<FileInfo> {
        let look = || std::fs::metadata(path).ok();
        let metadata = match tokio::runtime::Handle::try_current() {
            Ok(handle) if handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread => {
                tokio::task::block_in_place(look)
            }
            _ => look(),
        }?;
        Some(FileInfo {
            is_dir: metadata.is_dir(),
            size: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the machine's files")
    }
}
