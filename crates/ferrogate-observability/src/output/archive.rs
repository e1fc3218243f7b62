//! What happens to log files after they were put aside.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use ferrogate_types::clock;

use super::backup::{Backup, Compression, Names, Roll, with_suffix};

/// Compresses old files and removes those that are too many or too old, on a thread of its own: the log goes on
/// being written meanwhile.
///
/// Dropping it breaks off; what was not done is done after the next start.
#[derive(Debug)]
pub(super) struct Archivist {
    wake: Option<SyncSender<()>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Archivist {
    /// Starts with what an earlier process left behind.
    pub(super) fn start(path: &Path, roll: Roll) -> io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let names = Names::new(path, &roll);
        let thread = std::thread::Builder::new()
            .name("log-archive".to_owned())
            .spawn(move || {
                let mut failing = false;
                loop {
                    let result = tidy(&names, &roll, &stopped);
                    if let (Err(error), false) = (&result, failing) {
                        tracing::error!(%error, "old log files cannot be tidied up");
                    }
                    failing = result.is_err();
                    if woken.recv().is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self {
            wake: Some(wake),
            stop,
            thread: Some(thread),
        })
    }

    /// There is another old file.
    pub(super) fn wake(&self) {
        if let Some(wake) = &self.wake
            && let Err(TrySendError::Disconnected(())) = wake.try_send(())
        {
            tracing::error!("old log files are no longer tidied up");
        }
    }
}

impl Drop for Archivist {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.wake = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of old log files panicked");
        }
    }
}

/// Removes what is too much, compresses the rest.
fn tidy(names: &Names, roll: &Roll, stop: &AtomicBool) -> io::Result<()> {
    let mut result = Ok(());
    let mut note = |outcome: io::Result<()>| {
        if let Err(error) = outcome {
            result = Err(error);
        }
    };
    let now = SystemTime::UNIX_EPOCH + clock::since_epoch();
    let keep = match roll.keep {
        0 => usize::MAX,
        keep => usize::try_from(keep).unwrap_or(usize::MAX),
    };
    for (index, backup) in names.existing().into_iter().enumerate() {
        if stop.load(Ordering::Acquire) {
            break;
        }
        let age = now.duration_since(backup.modified).unwrap_or_default();
        let old = roll.keep_for > Duration::ZERO && age > roll.keep_for;
        if index >= keep || old {
            note(fs::remove_file(&backup.path));
        } else if !backup.compressed && roll.compression != Compression::None {
            note(compress(&backup, roll.compression, stop));
        }
    }
    result
}

/// Compresses an old file, so that at every moment it is there whole: under the one name or the other, or both.
fn compress(backup: &Backup, compression: Compression, stop: &AtomicBool) -> io::Result<()> {
    let target = with_suffix(&backup.path, compression.suffix());
    let unfinished = with_suffix(&target, ".tmp");
    let source = File::open(&backup.path)?;
    let mode = source.metadata()?.permissions().mode() & 0o777;
    let result = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&unfinished)
        .and_then(|file| copy(source, file, compression, stop))
        .and_then(|file| {
            // Its age is that of the entries in it.
            file.set_modified(backup.modified)?;
            file.sync_all()?;
            fs::rename(&unfinished, &target)?;
            fs::remove_file(&backup.path)
        });
    if result.is_err() && unfinished.exists() {
        fs::remove_file(&unfinished)?;
    }
    match result {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        result => result,
    }
}

/// Copies through the compressor; [`io::ErrorKind::Interrupted`] when it shall stop.
fn copy(
    source: File,
    target: File,
    compression: Compression,
    stop: &AtomicBool,
) -> io::Result<File> {
    match compression {
        Compression::None => Ok(target),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(target, flate2::Compression::default());
            pump(source, &mut encoder, stop)?;
            encoder.finish()
        }
        Compression::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(target, 0)?;
            pump(source, &mut encoder, stop)?;
            encoder.finish()
        }
    }
}

fn pump(mut source: File, target: &mut dyn Write, stop: &AtomicBool) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        if stop.load(Ordering::Acquire) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let read = source.read(&mut buffer)?;
        match buffer.get(..read) {
            Some([]) | None => return Ok(()),
            Some(piece) => target.write_all(piece)?,
        }
    }
}
