//! Files on disk.

use serde::Serialize;

use crate::Template;

/// A search for a file, as the `file` matcher and `try_files` make it.
#[derive(Clone, Debug, Serialize)]
pub struct FileMatch {
    /// Where the names are looked up; the variable `root`, else the working directory, when absent.
    pub root: Option<Template>,
    /// Candidates in order; one that ends in `/` must be a directory. In `try_files` a `?query` after the name is not part
    /// of it.
    pub files: Vec<Template>,
    /// Which of those that exist is taken.
    pub policy: TryPolicy,
    /// When no candidate exists, the request fails with this status (a last candidate `=404`).
    pub otherwise: Option<u16>,
    /// Parts of a name after one of these are not part of the file's.
    pub split_path: Vec<String>,
}

/// Which of several files is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TryPolicy {
    /// The first that exists.
    FirstExist,
    /// The first that exists, else the last candidate.
    FirstExistFallback,
    /// The smallest.
    SmallestSize,
    /// The largest.
    LargestSize,
    /// The latest changed.
    MostRecentlyModified,
}

/// The `file_server` directive.
#[derive(Clone, Debug, Serialize)]
pub struct FileServer {
    /// Where the paths are looked up; the variable `root`, else the working directory, when absent.
    pub root: Option<Template>,
    /// Files that do not exist for clients: with a slash a path or prefix of it, without one the name of any component;
    /// `*` wildcards. The files of the configuration are always among them.
    pub hide: Vec<Template>,
    /// What stands for a directory; `index.html`, `index.txt` by default.
    pub index: Vec<Template>,
    /// Listings of directories without an index file.
    pub browse: Option<Browse>,
    /// Compressed siblings to look for, in order of preference.
    pub precompressed: Vec<Precompressed>,
    /// The status of a good answer; 200, or 206 for ranges, when absent.
    pub status: Option<Template>,
    /// What is not there is left to the directives that follow.
    pub pass_thru: bool,
    /// `/dir` is redirected to `/dir/`, and `/file/` to `/file`.
    pub canonical_uris: bool,
    /// Extensions of files beside the file that hold its `ETag`.
    pub etag_file_extensions: Vec<String>,
}

/// Listings of directories.
#[derive(Clone, Debug, Serialize)]
pub struct Browse {
    /// Show where symbolic links lead.
    pub reveal_symlinks: bool,
    /// The order when the client asks for none: a column of `name`, `size`, `time`, `namedirfirst`.
    pub sort: Option<String>,
    /// `desc`.
    pub descending: bool,
    /// Entries read from one directory; 10,000 by default.
    pub file_limit: usize,
}

/// A compressed sibling of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Precompressed {
    /// `.br`
    Br,
    /// `.zst`
    Zstd,
    /// `.gz`
    Gzip,
}
