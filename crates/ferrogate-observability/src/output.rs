//! Where a log goes.

mod archive;
mod backup;
mod file;
mod net;
mod schedule;
mod standard;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use self::backup::{Compression, Roll};
pub use self::file::{DirMode, LogFile};
pub use self::net::LogNet;

/// Where a log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
    /// A file, appended to.
    File(LogFile),
    /// A socket.
    Net(LogNet),
}

/// What makes two destinations the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Stderr,
    Stdout,
    File(PathBuf),
    Net(String),
}

/// A log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The folder does not exist and could not be made.
    #[error("the folder of the log file `{}` cannot be made", path.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file could not be opened for appending.
    #[error("the log file `{}` cannot be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody listens there.
    #[error(
        "the log's destination `{address}` cannot be reached; `soft_start` would start without it"
    )]
    Connect {
        /// The address as written.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The address is none.
    #[error("`{0}` is no address of a log; write `tcp/HOST:PORT`, `udp/HOST:PORT` or `unix//PATH`")]
    Address(String),
    /// The system gave no thread.
    #[error("the log's thread could not be started")]
    Thread(#[source] io::Error),
}

/// Whole entries, to be written together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    text: Vec<u8>,
    /// Where each entry ends.
    ends: Vec<usize>,
}

/// Entries that could not be written.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) entries: u64,
    pub(crate) error: io::Error,
}

/// Takes batches of entries.
pub(crate) trait Output: Send {
    /// Writes all entries; says how many were lost. An empty batch is the time to go on with what waits.
    fn write(&mut self, batch: &Batch) -> Result<(), Lost>;

    /// Whether something waits to be tried again.
    fn is_waiting(&self) -> bool {
        false
    }
}

impl Destination {
    /// Whether it could be opened, without making or changing anything.
    pub fn check(&self) -> Result<(), OutputError> {
        match self {
            Self::Stderr | Self::Stdout => Ok(()),
            Self::File(file) => file.check(),
            Self::Net(net) => net.check(),
        }
    }

    pub(crate) fn open(&self) -> Result<Box<dyn Output>, OutputError> {
        Ok(match self {
            Self::Stderr => Box::new(standard::Standard::Stderr),
            Self::Stdout => Box::new(standard::Standard::Stdout),
            Self::File(file) => Box::new(file::FileOutput::open(file.clone())?),
            Self::Net(net) => Box::new(net::NetOutput::open(net.clone())?),
        })
    }

    pub(crate) fn place(&self) -> Place {
        match self {
            Self::Stderr => Place::Stderr,
            Self::Stdout => Place::Stdout,
            Self::File(file) => Place::File(absolute(&file.path)),
            Self::Net(net) => Place::Net(net.address.clone()),
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stderr => f.write_str("stderr"),
            Self::Stdout => f.write_str("stdout"),
            Self::File(file) => write!(f, "{}", file.path.display()),
            Self::Net(net) => f.write_str(&net.address),
        }
    }
}

impl Batch {
    /// Where the next entry's text goes; [`Self::end_line`] ends it.
    pub(crate) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    pub(crate) fn end_line(&mut self) {
        self.ends.push(self.text.len());
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Takes out the first entries.
    pub(crate) fn remove(&mut self, entries: usize) {
        let cut = match entries.checked_sub(1) {
            Some(last) => self.ends.get(last).copied().unwrap_or(self.text.len()),
            None => 0,
        };
        self.text.drain(..cut);
        self.ends.drain(..entries.min(self.ends.len()));
        for end in &mut self.ends {
            *end -= cut;
        }
    }

    /// Bytes.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// How many entries there are.
    pub(crate) fn entries(&self) -> u64 {
        u64::try_from(self.ends.len()).unwrap_or(u64::MAX)
    }

    /// Where each entry ends.
    pub(crate) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The entries one by one.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .filter_map(|(start, &end)| self.text.get(start..end))
    }
}
