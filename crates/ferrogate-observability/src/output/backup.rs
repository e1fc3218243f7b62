//! Log files that were put aside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use regex::Regex;

use crate::go_time::Layout;

/// When a log file is put aside, and for how long it is kept then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roll {
    /// Before it is larger than so many bytes; 100 MiB by default.
    pub size: u64,
    /// So many old files are kept; 10 by default, zero = all.
    pub keep: u32,
    /// Old files are kept for so long since their last entry; 90 days by default, zero = for ever.
    pub keep_for: Duration,
    /// How old files are compressed.
    pub compression: Compression,
    /// Old files are named in local time and not in UTC, and the times below are local.
    pub local_time: bool,
    /// Also after so long, with the next entry.
    pub interval: Option<Duration>,
    /// Also at these minutes of every hour, 0 to 59, with the next entry.
    pub minutes: Vec<u8>,
    /// Also at these times of day, hour and minute, with the next entry.
    pub at: Vec<(u8, u8)>,
    /// The time in the names of old files, in Go's layout; `2006-01-02T15-04-05.000` by default.
    pub backup_time_format: Option<String>,
}

/// How old log files are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952: the default.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Default for Roll {
    fn default() -> Self {
        Self {
            size: 100 << 20,
            keep: 10,
            keep_for: Duration::from_hours(2_160),
            compression: Compression::Gzip,
            local_time: false,
            interval: None,
            minutes: Vec::new(),
            at: Vec::new(),
            backup_time_format: None,
        }
    }
}

impl Compression {
    /// What it adds to a name.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

/// Lumberjack's, which people's scripts know.
const FORMAT: &str = "2006-01-02T15-04-05.000";

/// The names of a log file's old files: `access-2006-01-02T15-04-05.000.log` beside `access.log`.
#[derive(Debug)]
pub(super) struct Names {
    folder: PathBuf,
    stem: String,
    extension: String,
    layout: Layout,
    local: bool,
    /// Fits the names of old files and no others: `access-other.log` is somebody else's.
    own: Option<Regex>,
}

/// An old file.
#[derive(Debug)]
pub(super) struct Backup {
    pub(super) path: PathBuf,
    /// When the last entry was written.
    pub(super) modified: SystemTime,
    pub(super) compressed: bool,
}

impl Names {
    pub(super) fn new(path: &Path, roll: &Roll) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
            _ => (name.as_ref(), String::new()),
        };
        let layout = Layout::parse(roll.backup_time_format.as_deref().unwrap_or(FORMAT));
        let pattern = format!(
            r"^{}-{}(\.\d+)?{}(\.gz|\.zst)?$",
            regex::escape(stem),
            layout.pattern(),
            regex::escape(&extension)
        );
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        Self {
            folder: folder.unwrap_or(Path::new(".")).to_owned(),
            stem: stem.to_owned(),
            extension,
            layout,
            local: roll.local_time,
            // Without one nothing is ever cleaned up, which is the harmless side.
            own: Regex::new(&pattern).ok(),
        }
    }

    /// A name that is free, for a file put aside at this time.
    pub(super) fn free(&self, at: Duration) -> PathBuf {
        let mut time = String::new();
        self.layout.write(&mut time, at, self.local);
        // A layout may have slashes in it, like a date's.
        let time = time.replace('/', "-");
        let name = |number: u32| {
            let suffix = match number {
                0 => String::new(),
                number => format!(".{number}"),
            };
            let name = format!("{}-{time}{suffix}{}", self.stem, self.extension);
            self.folder.join(name)
        };
        let free = |path: &PathBuf| {
            ["", ".gz", ".zst"]
                .iter()
                .all(|suffix| !with_suffix(path, suffix).exists())
        };
        (0..u32::MAX)
            .map(name)
            .find(free)
            .unwrap_or_else(|| name(0))
    }

    /// The old files there are, the latest first.
    pub(super) fn existing(&self) -> Vec<Backup> {
        let Some(own) = &self.own else {
            return Vec::new();
        };
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut found: Vec<Backup> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                let name = name.to_str().filter(|name| own.is_match(name))?;
                let data = entry.metadata().ok().filter(fs::Metadata::is_file)?;
                Some(Backup {
                    compressed: [".gz", ".zst"].iter().any(|suffix| {
                        name.ends_with(suffix) && !self.extension.eq_ignore_ascii_case(suffix)
                    }),
                    path: entry.path(),
                    modified: data.modified().ok()?,
                })
            })
            .collect();
        // Files of the same instant come in the order of their names.
        found.sort_by(|a, b| (b.modified, &b.path).cmp(&(a.modified, &a.path)));
        found
    }
}

/// A path with something added to its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
