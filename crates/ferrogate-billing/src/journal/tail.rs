//! The events that a store does not have yet.

use std::io;

use super::folder::Folder;
use super::reader::Reader;
use super::record::Record;
use crate::LedgerEvent;

/// A place in the files, from which events are read in order.
#[derive(Debug)]
pub(crate) struct Tail {
    folder: Folder,
    /// The last record that was read.
    last: u64,
    /// The file it stands in, by its first number, and where it ends there.
    place: Option<(u64, Option<u64>)>,
}

/// Some events, and the number of the last record read for them.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) events: Vec<LedgerEvent>,
    pub(crate) last: u64,
}

impl Tail {
    /// Begins behind a record.
    pub(crate) fn new(folder: Folder, last: u64) -> Self {
        Self {
            folder,
            last,
            place: None,
        }
    }

    /// The number of the last record that was read.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The next events among the records up to `until`, at most so many. Reads files: not for a worker.
    pub(crate) fn read(&mut self, until: u64, most: usize) -> io::Result<Batch> {
        let mut events = Vec::new();
        'files: while self.last < until && events.len() < most {
            // Listed before reading: a file that is followed by another has ended.
            let segments = self.folder.segments()?;
            let (first, offset) = if let Some(place) = self.place {
                place
            } else {
                let wanted = self.last.saturating_add(1);
                let before = segments.iter().rev().find(|first| **first <= wanted);
                let Some(first) = before.or(segments.first()) else {
                    break;
                };
                (*first, None)
            };
            let path = self.folder.segment(first);
            let mut reader = match offset {
                Some(offset) => Reader::open_at(&path, offset)?,
                None => Reader::open(&path)?,
            };
            while let Some(read) = reader.next()? {
                if read.sequence > until {
                    break 'files;
                }
                self.place = Some((first, Some(reader.good())));
                let of_checkpoint = matches!(
                    read.record,
                    Record::Checkpoint { .. } | Record::Balance(_) | Record::Standing(_)
                );
                if of_checkpoint || read.sequence <= self.last {
                    continue;
                }
                self.last = read.sequence;
                if let Record::Event(event) = read.record {
                    events.push(event);
                    if events.len() >= most {
                        break 'files;
                    }
                }
            }
            let Some(&next) = segments.iter().find(|next| **next > first) else {
                break;
            };
            self.place = Some((next, None));
            self.last = self.last.max(next.saturating_sub(1));
        }
        Ok(Batch {
            events,
            last: self.last,
        })
    }
}
