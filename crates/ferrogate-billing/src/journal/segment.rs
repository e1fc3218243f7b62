//! The file that is being written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::folder::Folder;
use super::reader::FILE_HEADER;
use super::record::Record;
use super::{crash, frame};

/// A file that records are added to.
///
/// What is not known to be on the disk stays in memory too: after a failure it is written again over the same bytes,
/// for a page that could not be flushed may be lost from the kernel's memory without a word.
#[derive(Debug)]
pub(crate) struct Segment {
    file: File,
    /// Bytes known to be on the disk.
    durable: u64,
    /// The bytes behind them.
    pending: Vec<u8>,
    /// How many of those were written.
    written: usize,
}

impl Segment {
    /// Begins a file with some records under one number. It appears when it is whole.
    pub(crate) fn begin(
        folder: &Folder,
        path: &Path,
        sequence: u64,
        records: impl Iterator<Item = Record>,
    ) -> io::Result<Self> {
        let mut durable = 0_u64;
        let mut bytes = FILE_HEADER.to_vec();
        let file = folder.publish(path, |file| {
            for record in records {
                frame::put(&mut bytes, &record.encode(sequence));
                file.write_all(&bytes)?;
                durable = durable.saturating_add(u64::try_from(bytes.len()).unwrap_or_default());
                bytes.clear();
            }
            file.write_all(&bytes)?;
            durable = durable.saturating_add(u64::try_from(bytes.len()).unwrap_or_default());
            Ok(())
        })?;
        Ok(Self {
            file,
            durable,
            pending: Vec::new(),
            written: 0,
        })
    }

    /// Adds a record to what is to be written; false when it is too long to be one.
    pub(crate) fn add(&mut self, record: &Record, sequence: u64) -> bool {
        frame::put(&mut self.pending, &record.encode(sequence))
    }

    /// Hands everything to the kernel.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        let rest = self.pending.get(self.written..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        let offset = |at: usize| {
            self.durable
                .saturating_add(u64::try_from(at).unwrap_or_default())
        };
        crash::point("before a write");
        if cfg!(feature = "crash-points") {
            let (half, _) = rest.split_at(rest.len() / 2);
            self.file.write_all_at(half, offset(self.written))?;
            crash::point("in the middle of a write");
        }
        self.file.write_all_at(rest, offset(self.written))?;
        crash::point("after a write");
        self.written = self.pending.len();
        Ok(())
    }

    /// Waits for the disk.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        crash::point("after a flush");
        let pending = u64::try_from(self.pending.len()).unwrap_or_default();
        self.durable = self.durable.saturating_add(pending);
        self.pending.clear();
        self.pending.shrink_to(KEPT);
        self.written = 0;
        Ok(())
    }

    /// Forgets what was written but is not known to be on the disk: it is written again.
    pub(crate) fn rewind(&mut self) {
        self.written = 0;
    }

    /// Bytes not known to be on the disk.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Bytes known to be on the disk.
    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    /// Holds the file as long as this process lives.
    pub(crate) fn lock(&self) -> io::Result<()> {
        self.file.lock()
    }
}

/// Memory kept for the next records.
const KEPT: usize = 1 << 20;
