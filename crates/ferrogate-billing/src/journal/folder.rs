//! The folder of a journal.
//!
//! - `lock`: held by the process that writes.
//! - `00000000000000000001.journal`: a file of records, named by the sequence number of its first one. It begins with
//!   a checkpoint and appears under this name only when that is complete.
//! - `drained`: the sequence number up to which the store has everything.
//! - `node`: who this node is to the others.
//! - `outbox-0badcafe.journal`: what a process recorded after it handed the journal over; locked while it lives.
//! - `*.torn`: bytes that were cut off after a crash, for whoever wants to look at them.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::crash;

/// Paths of a journal's folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

const EXTENSION: &str = ".journal";
const OUTBOX: &str = "outbox-";
const TEMPORARY: &str = ".tmp";

impl Folder {
    /// The folder at a path, made for its owner alone when it is missing. What was left half written is removed.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Takes the lock of the writer, waiting for it at most so long; nothing when somebody else still has it.
    pub(crate) fn lock(&self, wait: Duration) -> io::Result<Option<File>> {
        const BETWEEN_TRIES: Duration = Duration::from_millis(5);
        let file = options()
            .create(true)
            .truncate(false)
            .open(self.0.join("lock"))?;
        let until = Instant::now().checked_add(wait);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock)
                    if until.is_some_and(|until| Instant::now() >= until) =>
                {
                    return Ok(None);
                }
                Err(TryLockError::WouldBlock) => std::thread::park_timeout(BETWEEN_TRIES),
            }
        }
    }

    /// Removes what a crash left half written.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        for path in self.files()? {
            if file_name(&path).is_some_and(|name| name.ends_with(TEMPORARY)) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// The first sequence number of each file of records, the oldest first.
    pub(crate) fn segments(&self) -> io::Result<Vec<u64>> {
        let files = self.files()?;
        let names = files
            .iter()
            .filter_map(|path| file_name(path)?.strip_suffix(EXTENSION));
        let mut found: Vec<u64> = names
            .filter(|name| name.len() == 20)
            .filter_map(|name| name.parse().ok())
            .collect();
        found.sort_unstable();
        Ok(found)
    }

    pub(crate) fn segment(&self, first: u64) -> PathBuf {
        self.0.join(format!("{first:020}{EXTENSION}"))
    }

    /// The processes that handed over and left a file of their own.
    pub(crate) fn outboxes(&self) -> io::Result<Vec<u32>> {
        let files = self.files()?;
        let names = files
            .iter()
            .filter_map(|path| file_name(path)?.strip_suffix(EXTENSION));
        Ok(names
            .filter_map(|name| u32::from_str_radix(name.strip_prefix(OUTBOX)?, 16).ok())
            .collect())
    }

    pub(crate) fn outbox(&self, process: u32) -> PathBuf {
        self.0.join(format!("{OUTBOX}{process:08x}{EXTENSION}"))
    }

    /// The number of the node, made up when there is none yet.
    pub(crate) fn node(&self) -> io::Result<u64> {
        let path = self.0.join("node");
        let known = fs::read_to_string(&path).ok();
        if let Some(node) = known.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()) {
            return Ok(node);
        }
        let node = fastrand::u64(..);
        self.publish(&path, |file| writeln!(file, "{node:016x}"))?;
        Ok(node)
    }

    /// Writes a whole file and lets it appear under its name at once. The file stays open for writing at its end.
    pub(crate) fn publish(
        &self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<File> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(TEMPORARY);
        let mut file = options().create(true).truncate(true).open(&temporary)?;
        crash::point("file begun");
        let mut buffered = io::BufWriter::new(&mut file);
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        crash::point("file written");
        file.sync_all()?;
        crash::point("file flushed");
        fs::rename(&temporary, path)?;
        crash::point("file named");
        self.sync()?;
        crash::point("folder flushed");
        Ok(file)
    }

    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        crash::point("before a file goes");
        fs::remove_file(path)?;
        crash::point("after a file went");
        self.sync()
    }

    /// The sequence number up to which the store has everything; zero when it is not known, which brings it again.
    pub(crate) fn drained(&self) -> u64 {
        let text = fs::read_to_string(self.0.join("drained"));
        text.ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0)
    }

    pub(crate) fn set_drained(&self, sequence: u64) -> io::Result<()> {
        self.publish(&self.0.join("drained"), |file| writeln!(file, "{sequence}"))
            .map(drop)
    }

    /// Cuts a file off behind its last good byte and keeps aside what was cut.
    pub(crate) fn cut(&self, path: &Path, good: u64) -> io::Result<u64> {
        let whole = fs::read(path)?;
        let good_length = usize::try_from(good).unwrap_or(usize::MAX);
        let Some(torn) = whole.get(good_length..).filter(|torn| !torn.is_empty()) else {
            return Ok(0);
        };
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!("-{good}.torn"));
        self.publish(Path::new(&aside), |file| file.write_all(torn))?;
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(good)?;
        crash::point("torn end cut off");
        file.sync_all()?;
        Ok(u64::try_from(torn.len()).unwrap_or(u64::MAX))
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(&self.0)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect()
    }
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// Whoever owns the process may read and write, nobody else.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keeps_its_files_to_their_owner() {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::open(&base.path().join("state/journal")).unwrap();
        drop(
            folder
                .publish(&folder.segment(7), |file| file.write_all(b"whole"))
                .unwrap(),
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(folder.path()), mode(&folder.segment(7))),
            (0o700, 0o600)
        );
        assert_eq!(folder.segments().unwrap(), [7]);
        assert_eq!(folder.outboxes().unwrap(), Vec::<u32>::new());
    }

    #[test]
    fn one_writer_at_a_time() {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::open(base.path()).unwrap();
        let held = folder.lock(Duration::ZERO).unwrap().unwrap();
        assert!(folder.lock(Duration::from_millis(1)).unwrap().is_none());
        drop(held);
        assert!(folder.lock(Duration::ZERO).unwrap().is_some());
    }

    #[test]
    fn cuts_off_a_torn_end_and_keeps_it() {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::open(base.path()).unwrap();
        let path = folder.segment(1);
        drop(
            folder
                .publish(&path, |file| file.write_all(b"wholetorn"))
                .unwrap(),
        );
        assert_eq!(folder.cut(&path, 5).unwrap(), 4);
        assert_eq!(folder.cut(&path, 5).unwrap(), 0);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        let aside = base
            .path()
            .join(format!("{}-5.torn", path.file_name().unwrap().display()));
        assert_eq!(fs::read(aside).unwrap(), b"torn");
    }

    #[test]
    fn what_is_half_written_goes() {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::open(base.path()).unwrap();
        fs::write(base.path().join("x.journal.tmp"), "half").unwrap();
        assert_eq!(folder.drained(), 0);
        folder.set_drained(42).unwrap();
        folder.sweep().unwrap();
        assert_eq!(folder.drained(), 42);
        assert!(!base.path().join("x.journal.tmp").exists());
    }
}
