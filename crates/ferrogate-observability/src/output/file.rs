//! A log file.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use ferrogate_types::clock;

use super::archive::Archivist;
use super::backup::Names;
use super::{Batch, Lost, Output, OutputError, Roll, schedule};

/// A file that is appended to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Its path.
    pub path: PathBuf,
    /// Its permissions, less what the umask takes.
    pub mode: u32,
    /// The permissions of folders that are made for it, less what the umask takes.
    pub dir_mode: DirMode,
    /// When it is put aside; `None` = never.
    pub roll: Option<Roll>,
}

/// The permissions of folders made for a log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirMode {
    /// These.
    Mode(u32),
    /// Those of the folder above.
    Inherit,
    /// Those of the file, and search for everybody who may read.
    FromFile,
}

impl LogFile {
    /// A file for its user only that is never put aside.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            mode: 0o600,
            dir_mode: DirMode::Mode(0o700),
            roll: None,
        }
    }

    /// Whether it could be opened, or made with the folders above it; makes nothing.
    pub(super) fn check(&self) -> Result<(), OutputError> {
        let failed = |source: io::Error| OutputError::Open {
            path: self.path.clone(),
            source,
        };
        let writable = |path: &Path| {
            rustix::fs::access(path, rustix::fs::Access::WRITE_OK)
                .map_err(|errno| failed(errno.into()))
        };
        match fs::metadata(&self.path) {
            Ok(data) if data.is_dir() => Err(failed(io::ErrorKind::IsADirectory.into())),
            Ok(_) => writable(&self.path),
            Err(_) => {
                let above = existing(self.folder());
                let data = fs::metadata(above).map_err(failed)?;
                if data.is_dir() {
                    writable(above)
                } else {
                    Err(failed(io::ErrorKind::NotADirectory.into()))
                }
            }
        }
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    fn make_folder(&self) -> io::Result<()> {
        let folder = self.folder();
        if folder.is_dir() {
            return Ok(());
        }
        let mode = match self.dir_mode {
            DirMode::Mode(mode) => mode,
            DirMode::Inherit => fs::metadata(existing(folder))?.permissions().mode() & 0o7777,
            DirMode::FromFile => self.mode | ((self.mode & 0o444) >> 2),
        };
        DirBuilder::new().recursive(true).mode(mode).create(folder)
    }

    fn append(&self) -> io::Result<File> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(self.mode)
            .open(&self.path)
    }
}

/// The folder, or the nearest above it that exists.
fn existing(folder: &Path) -> &Path {
    let mut above = folder
        .ancestors()
        .filter(|path| !path.as_os_str().is_empty());
    above.find(|path| path.exists()).unwrap_or(Path::new("."))
}

/// A log file that is open.
#[derive(Debug)]
pub(super) struct FileOutput {
    spec: LogFile,
    file: File,
    size: u64,
    rolling: Option<Rolling>,
    /// The last entry is cut, and could not be taken back.
    torn: bool,
    /// When it was last looked whether the file is still the one at its path.
    looked: Instant,
}

/// How the file is put aside.
#[derive(Debug)]
struct Rolling {
    roll: Roll,
    names: Names,
    archivist: Archivist,
    /// The next time by the clock.
    next: Option<Duration>,
    /// Putting it aside failed; not tried again before then.
    again: Option<Instant>,
}

/// Between two looks whether somebody moved the file away, and two tries to put it aside.
const LOOK: Duration = Duration::from_secs(1);

impl FileOutput {
    pub(super) fn open(spec: LogFile) -> Result<Self, OutputError> {
        spec.make_folder().map_err(|source| OutputError::Folder {
            path: spec.path.clone(),
            source,
        })?;
        let opened = spec
            .append()
            .and_then(|file| file.metadata().map(|data| (file, data)));
        let (file, data) = opened.map_err(|source| OutputError::Open {
            path: spec.path.clone(),
            source,
        })?;
        // What is no regular file has no size, and cannot be put aside.
        let rolling = match spec.roll.clone().filter(|_| data.is_file()) {
            None => None,
            Some(roll) => {
                let archivist =
                    Archivist::start(&spec.path, roll.clone()).map_err(OutputError::Thread)?;
                let now = clock::since_epoch();
                let written = data
                    .modified()
                    .ok()
                    .and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok())
                    .filter(|_| data.len() > 0);
                Some(Rolling {
                    names: Names::new(&spec.path, &roll),
                    archivist,
                    next: schedule::next(&roll, now, written.unwrap_or(now)),
                    roll,
                    again: None,
                })
            }
        };
        Ok(Self {
            spec,
            file,
            size: data.len(),
            rolling,
            torn: false,
            looked: Instant::now(),
        })
    }

    /// Opens the file anew when it is no longer the one at its path: logrotate has moved it away.
    fn look(&mut self) {
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        let Ok(own) = self.file.metadata() else {
            return;
        };
        self.size = own.len();
        let there = fs::metadata(&self.spec.path);
        let same = there.is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino()));
        if !same {
            self.reopen();
        }
    }

    /// Goes on in a new file; in the old one, if there can be no new one.
    fn reopen(&mut self) {
        let opened = self.spec.make_folder().and_then(|()| self.spec.append());
        match opened.and_then(|file| file.metadata().map(|data| (file, data))) {
            Ok((file, data)) => {
                self.file = file;
                self.size = data.len();
                self.torn = false;
            }
            Err(error) => {
                tracing::error!(%error, log = %self.spec.path.display(), "the log file cannot be opened anew");
            }
        }
    }

    /// Whether the file, with so many bytes more in it, must be put aside before an entry of this length.
    fn is_due(&self, pending: u64, entry: u64) -> bool {
        let Some(rolling) = &self.rolling else {
            return false;
        };
        let size = self.size.saturating_add(pending);
        let large = size.saturating_add(entry) > rolling.roll.size;
        let late = rolling
            .next
            .is_some_and(|next| clock::since_epoch() >= next);
        let waits = rolling.again.is_some_and(|again| Instant::now() < again);
        size > 0 && (large || late) && !waits
    }

    fn roll(&mut self) {
        let Some(rolling) = &mut self.rolling else {
            return;
        };
        let now = clock::since_epoch();
        rolling.next = schedule::next(&rolling.roll, now, now);
        match fs::rename(&self.spec.path, rolling.names.free(now)) {
            Ok(()) => {
                rolling.again = None;
                self.reopen();
                if let Some(rolling) = &self.rolling {
                    rolling.archivist.wake();
                }
            }
            Err(error) => {
                rolling.again = Some(Instant::now() + LOOK);
                tracing::error!(%error, log = %self.spec.path.display(), "the log file cannot be put aside");
            }
        }
    }

    /// Appends whole entries; says how many bytes of them are in the file at the end.
    fn append(
        &mut self,
        text: &[u8],
        boundary: impl Fn(usize) -> usize,
    ) -> (usize, io::Result<()>) {
        if self.torn {
            match self.file.write_all(b"\n") {
                Ok(()) => self.torn = false,
                Err(error) => return (0, Err(error)),
            }
        }
        let mut written = 0;
        while let Some(rest) = text.get(written..).filter(|rest| !rest.is_empty()) {
            let error = match self.file.write(rest) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(more) => {
                    written += more;
                    self.size += length(more);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let whole = boundary(written);
            let cut = length(written - whole);
            if cut > 0 {
                let kept = self.size.saturating_sub(cut);
                // Nothing but entries is in the file: the part of one that fitted is taken back.
                self.torn = self.file.set_len(kept).is_err();
                self.size = if self.torn { self.size } else { kept };
            }
            return (whole, Err(error));
        }
        (written, Ok(()))
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl Output for FileOutput {
    fn write(&mut self, batch: &Batch) -> Result<(), Lost> {
        self.look();
        let (mut lost, mut start, mut ends) = (None, 0, batch.ends());
        while let Some(&first) = ends.first() {
            if self.is_due(0, length(first - start)) {
                self.roll();
            }
            // As many entries as fit before the file is put aside, at least one.
            let mut end = start;
            let fitting = ends.iter().take_while(|&&next| {
                let fits = end == start || !self.is_due(length(end - start), length(next - end));
                end = next;
                fits
            });
            let (now, later) = ends.split_at(fitting.count());
            let end = now.last().copied().unwrap_or(first);
            let text = batch.bytes().get(start..end).unwrap_or_default();
            let boundary = |written: usize| {
                let whole = now.iter().take_while(|&&end| end - start <= written);
                whole.last().map_or(0, |&end| end - start)
            };
            let (whole, result) = self.append(text, boundary);
            if let Err(error) = result {
                let entries = now.iter().filter(|&&end| end - start > whole).count();
                let before = lost.map_or(0, |lost: Lost| lost.entries);
                lost = Some(Lost {
                    entries: before + length(entries),
                    error,
                });
            }
            (start, ends) = (end, later);
        }
        lost.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests;
