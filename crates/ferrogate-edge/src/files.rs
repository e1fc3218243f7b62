//! Files on disk, as far as routes ask about them.

mod search;
mod server;

use std::fmt;
use std::path::Path;
use std::time::SystemTime;

pub(crate) use self::search::FileSearch;
pub use self::server::{FilesRoute, FilesSettings};

/// Where routes look for files. A look-up happens while a request is routed, so it must be quick.
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// What is at a path, symbolic links followed; `None` when there is nothing, or nothing that may be seen.
    fn stat(&self, path: &Path) -> Option<FileInfo>;
}

/// What is known of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Its size in bytes.
    pub size: u64,
    /// When it last changed, where that is known.
    pub modified: Option<SystemTime>,
}
