//! The answer to a request for a file.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, IF_RANGE, LAST_MODIFIED, RANGE, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::body::{FileBody, PIECE, Part, read_at};
use crate::condition::{Outcome, Validators};
use crate::content_type::by_name;
use crate::hide::Hidden;
use crate::listing::{self, Listing, SortBy};
use crate::path::join;
use crate::range::Ranges;

/// Where files are, and which of them may be seen.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Where paths begin.
    pub root: PathBuf,
    /// What does not exist for clients.
    pub hidden: Hidden,
    /// Names that stand for a directory, in order.
    pub index: Vec<String>,
    /// Listings of directories without an index file.
    pub browse: Option<BrowseRules>,
    /// Compressed siblings to look for, in order of preference.
    pub precompressed: Vec<Encoding>,
    /// Redirect `/dir` to `/dir/` and `/file/` to `/file`.
    pub canonical: bool,
    /// Extensions of files that hold the entity tag of the file beside them, with their dots.
    pub etag_files: Vec<String>,
    /// The status of a good answer, instead of 200 or 206.
    pub status: Option<u16>,
}

/// How directories are listed.
#[derive(Clone, Debug)]
pub struct BrowseRules {
    /// Show where symbolic links lead.
    pub reveal_symlinks: bool,
    /// The order when the client asks for none.
    pub sort: SortBy,
    /// From the last to the first.
    pub descending: bool,
    /// Entries read from one directory.
    pub file_limit: usize,
}

/// A compressed form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `.br`
    Br,
    /// `.zst`
    Zstd,
    /// `.gz`
    Gzip,
}

/// What the client wants.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The path as routes left it, percent-decoded.
    pub path: Vec<u8>,
    /// The path as the client sent it, percent-decoded: canonical redirects start from it.
    pub original_path: Vec<u8>,
    /// The path as the client sent it, escaped, and its query with `?`.
    pub original_target: (String, String),
    /// The query as it is now, without `?`.
    pub query: String,
    /// The request's fields.
    pub headers: HeaderMap,
}

/// What comes of it.
#[derive(Debug)]
pub enum Served {
    /// A file, or what takes its place.
    File(ServedFile),
    /// Redirect (308) to this target.
    Redirect(String),
    /// A listing of a directory.
    Listing(Listing),
    /// There is no such file for this client.
    NotFound,
    /// The file is there and may not be read.
    Forbidden,
    /// Reading failed.
    Failed(io::Error),
}

/// An answer with a file's fields.
#[derive(Debug)]
pub struct ServedFile {
    /// 200, 206, 304, 412 or 416, or what the rules say.
    pub status: u16,
    /// The fields, `Content-Length` among them where there is a body.
    pub headers: HeaderMap,
    /// The content.
    pub body: FileBody,
}

/// Looks a file up and makes the answer, on a thread for blocking work.
pub async fn serve(rules: Arc<Rules>, ask: Ask) -> Served {
    tokio::task::spawn_blocking(move || look_up(&rules, &ask))
        .await
        .unwrap_or_else(|error| Served::Failed(io::Error::other(error)))
}

fn look_up(rules: &Rules, ask: &Ask) -> Served {
    let Some(path) = join(&rules.root, &ask.path) else {
        return Served::NotFound;
    };
    if rules.hidden.hides(&path) {
        return Served::NotFound;
    }
    let metadata = match std::fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) => return failed(error),
    };
    if metadata.is_dir() {
        return directory(rules, ask, &path);
    }
    if rules.canonical && is_unchanged(ask) && ask.original_path.ends_with(b"/") {
        return Served::Redirect(canonical(ask, ""));
    }
    file(rules, ask, &path, &metadata)
}

fn directory(rules: &Rules, ask: &Ask, path: &Path) -> Served {
    let index = rules.index.iter().find_map(|name| {
        let index = path.join(name);
        let metadata = std::fs::metadata(&index).ok()?;
        (!metadata.is_dir() && !rules.hidden.hides(&index)).then_some((index, metadata))
    });
    if index.is_none() && rules.browse.is_none() {
        return Served::NotFound;
    }
    // Relative links of the page would lead beside the directory otherwise.
    if rules.canonical && is_unchanged(ask) && !ask.original_path.ends_with(b"/") {
        return Served::Redirect(canonical(ask, "/"));
    }
    if let Some((index, metadata)) = index {
        return file(rules, ask, &index, &metadata);
    }
    match &rules.browse {
        Some(browse) => match listing::read(browse, rules, ask, path) {
            Ok(listing) => Served::Listing(listing),
            Err(error) => failed(error),
        },
        None => Served::NotFound,
    }
}

/// The client's own target with this end. Two slashes at the beginning would name another host, and browsers take a backslash
/// for a slash.
fn canonical(ask: &Ask, end: &str) -> String {
    let (target, query) = &ask.original_target;
    let target = target.trim_matches('/').replace('\\', "%5C");
    format!("/{target}{end}{query}")
}

/// Whether routes left the last part of the path alone: else a canonical redirect would lead somewhere else.
fn is_unchanged(ask: &Ask) -> bool {
    let last = |path: &[u8]| {
        let path = path.strip_suffix(b"/").unwrap_or(path);
        path.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec)
    };
    last(&ask.path) == last(&ask.original_path)
}

fn file(rules: &Rules, ask: &Ask, path: &Path, metadata: &Metadata) -> Served {
    if !metadata.is_file() {
        return Served::NotFound;
    }
    let chosen = precompressed(rules, ask, path);
    let (encoding, path_read) = match &chosen {
        Some((encoding, path)) => (Some(*encoding), path.as_path()),
        None => (None, path),
    };
    let opened = File::open(path_read).and_then(|file| {
        let metadata = file.metadata()?;
        Ok((file, metadata))
    });
    let (file, metadata) = match opened {
        Ok(opened) => opened,
        Err(error) => return failed(error),
    };
    let size = metadata.len();
    let validators = Validators {
        etag: etag_beside(rules, path_read).or_else(|| etag(&metadata)),
        modified: metadata.modified().ok(),
    };
    let start = if size <= PIECE as u64 {
        let size = usize::try_from(size).unwrap_or(0);
        match read_at(&file, 0, size) {
            Ok(start) => Some(start),
            Err(error) => return Served::Failed(error),
        }
    } else {
        None
    };

    let mut headers = HeaderMap::new();
    put(&mut headers, &ETAG, validators.etag.clone());
    put(
        &mut headers,
        &LAST_MODIFIED,
        validators.modified.map(httpdate::fmt_http_date),
    );
    if !rules.precompressed.is_empty() {
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    put(&mut headers, &CONTENT_TYPE, by_name(path));
    answer(
        rules,
        ask,
        Arc::new(file),
        size,
        start,
        &validators,
        headers,
    )
}

/// Puts conditions and ranges to a file that is there.
fn answer(
    rules: &Rules,
    ask: &Ask,
    file: Arc<File>,
    size: u64,
    start: Option<Bytes>,
    validators: &Validators,
    mut headers: HeaderMap,
) -> Served {
    let bare = |status, mut headers: HeaderMap, file| {
        headers.remove(CONTENT_TYPE);
        headers.remove(CONTENT_ENCODING);
        // The tag says it better. Source: RFC 9110, section 15.4.5.
        if headers.contains_key(ETAG) {
            headers.remove(LAST_MODIFIED);
        }
        Served::File(ServedFile {
            status,
            headers,
            body: FileBody::new(file, VecDeque::new()),
        })
    };
    if rules.status.is_none() {
        match validators.weigh(&ask.headers) {
            Outcome::Send => {}
            Outcome::NotModified => return bare(304, headers, file),
            Outcome::Failed => return bare(412, headers, file),
        }
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    let asked = ask
        .headers
        .get(RANGE)
        .filter(|_| rules.status.is_none())
        .filter(|_| !ask.headers.contains_key(IF_RANGE) || validators.allow_range(&ask.headers))
        .and_then(|range| range.to_str().ok())
        .map_or(Ranges::Whole, |range| Ranges::parse(range, size));
    let (status, parts) = match asked {
        Ranges::Whole => {
            let part = match start {
                Some(start) => Part::Text(start),
                None => Part::Range { at: 0, left: size },
            };
            headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
            (rules.status.unwrap_or(200), VecDeque::from([part]))
        }
        Ranges::Unsatisfiable => {
            put(
                &mut headers,
                &CONTENT_RANGE,
                Some(format!("bytes */{size}")),
            );
            headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
            return bare(416, headers, file);
        }
        Ranges::Some(spans) => match spans.as_slice() {
            [(at, length)] => {
                put(
                    &mut headers,
                    &CONTENT_RANGE,
                    Some(content_range(*at, *length, size)),
                );
                headers.insert(CONTENT_LENGTH, HeaderValue::from(*length));
                let part = Part::Range {
                    at: *at,
                    left: *length,
                };
                (206, VecDeque::from([part]))
            }
            spans => (206, multipart(spans, size, &mut headers)),
        },
    };
    Served::File(ServedFile {
        status,
        headers,
        body: FileBody::new(file, parts),
    })
}

fn content_range(at: u64, length: u64, size: u64) -> String {
    format!("bytes {at}-{}/{size}", at + length - 1)
}

/// Several ranges with their own fields. Source: RFC 9110, section 14.6.
fn multipart(spans: &[(u64, u64)], size: u64, headers: &mut HeaderMap) -> VecDeque<Part> {
    let boundary = format!("{:032x}", fastrand::u128(..));
    let kind = headers.get(CONTENT_TYPE).cloned();
    let kind = kind
        .as_ref()
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("");
    let mut parts = VecDeque::new();
    let mut total = 0;
    let mut text = |parts: &mut VecDeque<Part>, text: String| {
        total += text.len() as u64;
        parts.push_back(Part::Text(text.into()));
    };
    for (number, (at, length)) in spans.iter().enumerate() {
        let opening = if number == 0 { "" } else { "\r\n" };
        let range = content_range(*at, *length, size);
        text(
            &mut parts,
            format!(
                "{opening}--{boundary}\r\nContent-Range: {range}\r\nContent-Type: {kind}\r\n\r\n"
            ),
        );
        parts.push_back(Part::Range {
            at: *at,
            left: *length,
        });
    }
    text(&mut parts, format!("\r\n--{boundary}--\r\n"));
    total += spans.iter().map(|(_, length)| length).sum::<u64>();
    put(
        headers,
        &CONTENT_TYPE,
        Some(format!("multipart/byteranges; boundary={boundary}")),
    );
    headers.insert(CONTENT_LENGTH, HeaderValue::from(total));
    parts
}

/// The compressed sibling the client likes best.
fn precompressed(rules: &Rules, ask: &Ask, path: &Path) -> Option<(Encoding, PathBuf)> {
    if rules.precompressed.is_empty() {
        return None;
    }
    let liked = preferences(&ask.headers);
    let mut choices: Vec<(u16, Encoding)> = rules
        .precompressed
        .iter()
        .map(|encoding| (liked(encoding.name()), *encoding))
        .filter(|(weight, _)| *weight > 0)
        .collect();
    choices.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    choices.into_iter().find_map(|(_, encoding)| {
        let mut sibling = path.as_os_str().to_owned();
        sibling.push(encoding.suffix());
        let sibling = PathBuf::from(sibling);
        let there = std::fs::metadata(&sibling).is_ok_and(|metadata| metadata.is_file());
        there.then_some((encoding, sibling))
    })
}

/// The weight, in thousandths, a client gives to an encoding. Source: RFC 9110, section 12.5.3.
fn preferences(headers: &HeaderMap) -> impl Fn(&str) -> u16 {
    let mut weights: Vec<(String, u16)> = Vec::new();
    for item in headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
    {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight = parameters.trim().strip_prefix("q=").map_or(1000, |weight| {
            let weight: f32 = weight.trim().parse().unwrap_or(0.0);
            // At most three digits, between nought and one.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped"
            )]
            let thousandths = (weight.clamp(0.0, 1.0) * 1000.0) as u16;
            thousandths
        });
        weights.push((name.trim().to_ascii_lowercase(), weight));
    }
    move |wanted| {
        weights
            .iter()
            .find(|(known, _)| known == wanted)
            .map_or(0, |(_, weight)| *weight)
    }
}

/// The tag of a state of a file: its time and size.
fn etag(metadata: &Metadata) -> Option<String> {
    let modified = metadata.modified().ok()?;
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    // Files of the epoch itself come out of reproducible builds, and do not tell their states apart.
    (since.as_secs() > 1).then(|| format!("\"{:x}-{:x}\"", since.as_nanos(), metadata.len()))
}

/// The tag that a file beside the file holds.
fn etag_beside(rules: &Rules, path: &Path) -> Option<String> {
    rules.etag_files.iter().find_map(|extension| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(extension);
        let tag = std::fs::read_to_string(beside).ok()?;
        let tag = tag.trim();
        let quoted = tag.starts_with('"') || tag.starts_with("W/\"");
        Some(if quoted {
            tag.to_owned()
        } else {
            format!("\"{tag}\"")
        })
    })
}

fn failed(error: io::Error) -> Served {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => {
            Served::NotFound
        }
        io::ErrorKind::PermissionDenied => Served::Forbidden,
        _ => Served::Failed(error),
    }
}

fn put(headers: &mut HeaderMap, name: &HeaderName, value: Option<String>) {
    if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
        headers.insert(name, value);
    }
}

impl Encoding {
    /// The name in fields.
    pub fn name(self) -> &'static str {
        match self {
            Self::Br => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Br => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

#[cfg(test)]
mod tests;
