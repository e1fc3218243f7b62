//! What a process records after it handed the journal over.
//!
//! Its calls end in a file of its own, which it holds locked. The process that has the journal now reads that file:
//! until a call ends there, what it holds stays reserved here; when the lock is free, nobody will end the rest any
//! more, and they are charged as uncertain.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;

use super::folder::Folder;
use super::reader::{FILE_HEADER, Reader};
use super::record::Record;

/// The file of a process that handed over.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) process: u32,
    path: PathBuf,
    file: File,
    offset: u64,
}

impl Outbox {
    /// Every such file in a folder.
    pub(crate) fn all(folder: &Folder) -> io::Result<Vec<Self>> {
        let open = |process| {
            let path = folder.outbox(process);
            Ok(Self {
                process,
                file: File::open(&path)?,
                path,
                offset: u64::try_from(FILE_HEADER.len()).unwrap_or_default(),
            })
        };
        folder.outboxes()?.into_iter().map(open).collect()
    }

    /// What was recorded since the last time, and whether the process is gone, so that this was all.
    pub(crate) fn read(&mut self) -> io::Result<(Vec<Record>, bool)> {
        // Asked first: what a process wrote before it went is read after this.
        let gone = match self.file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(error),
        };
        let mut reader = Reader::open_at(&self.path, self.offset)?;
        let mut records = Vec::new();
        while let Some(read) = reader.next()? {
            records.push(read.record);
        }
        self.offset = reader.good();
        Ok((records, gone))
    }

    /// Removes the file, of which everything is in the journal.
    pub(crate) fn remove(&self, folder: &Folder) -> io::Result<()> {
        folder.remove(&self.path)
    }
}
