//! Reading a file of the journal, whatever happened to it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::frame::{self, Frame};
use super::record::Record;

/// The first bytes of every file: a name, and the version of the layout.
pub(crate) const FILE_HEADER: [u8; 16] = *b"ferrogate-led\0\0\x01";

/// Reads records in the order of the file. What is no record is skipped to the next one and counted.
#[derive(Debug)]
pub(crate) struct Reader {
    file: File,
    /// Read and not yet consumed.
    buffer: Vec<u8>,
    start: usize,
    /// Where in the file `buffer[start]` stands.
    offset: u64,
    /// Bytes that are no record, and lie before one.
    skipped: u64,
    /// Where the last record ended.
    good: u64,
}

/// A record and its place.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) record: Record,
}

const CHUNK: usize = 64 << 10;

impl Reader {
    /// Opens a file behind its header. An empty file, or one with a torn header, has no records.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut header = Vec::new();
        let wanted = u64::try_from(FILE_HEADER.len()).unwrap_or_default();
        file.by_ref().take(wanted).read_to_end(&mut header)?;
        if header.len() == FILE_HEADER.len() && header != FILE_HEADER {
            let text = "not a journal of this version";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(Self::over(file, wanted))
    }

    /// Opens a file at a place where a record ended.
    pub(crate) fn open_at(path: &Path, offset: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self::over(file, offset))
    }

    fn over(file: File, offset: u64) -> Self {
        Self {
            file,
            buffer: Vec::new(),
            start: 0,
            offset,
            skipped: 0,
            good: offset,
        }
    }

    /// The next record, or nothing at the end of what can be read now.
    pub(crate) fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut skipping = 0_u64;
        let mut at_end = false;
        loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            let needed = match frame::at(rest) {
                Frame::Whole { payload, length } => {
                    let read = Record::decode(payload);
                    self.consume(length);
                    let Some((sequence, record)) = read else {
                        skipping =
                            skipping.saturating_add(u64::try_from(length).unwrap_or_default());
                        continue;
                    };
                    self.skipped = self.skipped.saturating_add(skipping);
                    self.good = self.offset;
                    return Ok(Some(Entry { sequence, record }));
                }
                Frame::Needs(needed) if !at_end => needed,
                _ if rest.is_empty() && at_end => return Ok(None),
                _ if rest.is_empty() => 1,
                Frame::Bad | Frame::Needs(_) => {
                    // Also what would need more than there is: a length that was damaged hides what follows.
                    self.consume(1);
                    skipping = skipping.saturating_add(1);
                    continue;
                }
            };
            at_end = !self.fill(needed)?;
        }
    }

    /// Bytes between records that were none.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Where the last record ended. What follows is no record, as far as could be read.
    pub(crate) fn good(&self) -> u64 {
        self.good
    }

    fn consume(&mut self, length: usize) {
        self.start = self.start.saturating_add(length);
        self.offset = self
            .offset
            .saturating_add(u64::try_from(length).unwrap_or_default());
    }

    /// Reads until `needed` bytes are there; false when the file ends before.
    fn fill(&mut self, needed: usize) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        while self.buffer.len() < needed {
            let wanted = u64::try_from(CHUNK).unwrap_or_default();
            if self
                .file
                .by_ref()
                .take(wanted)
                .read_to_end(&mut self.buffer)?
                == 0
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use ferrogate_types::LedgerEventId;
    use proptest::prelude::*;

    use super::*;

    fn write(path: &Path, damage: impl FnOnce(&mut Vec<u8>, &[usize])) {
        let mut bytes = FILE_HEADER.to_vec();
        let mut starts = Vec::new();
        for sequence in 1..=5 {
            starts.push(bytes.len());
            let record = Record::Released(LedgerEventId::from_bits(sequence.into()));
            frame::put(&mut bytes, &record.encode(sequence));
        }
        damage(&mut bytes, &starts);
        std::fs::write(path, bytes).unwrap();
    }

    fn read(path: &Path) -> (Vec<u64>, u64, u64) {
        let mut reader = Reader::open(path).unwrap();
        let mut found = Vec::new();
        while let Some(read) = reader.next().unwrap() {
            found.push(read.sequence);
        }
        (found, reader.skipped(), reader.good())
    }

    #[test]
    fn finds_every_record_that_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        write(&path, |_, _| ());
        let whole = read(&path);
        assert_eq!((whole.0, whole.1), (vec![1, 2, 3, 4, 5], 0));
        let length = whole.2;

        write(&path, |bytes, _| bytes.truncate(bytes.len() - 1));
        assert_eq!(read(&path).0, [1, 2, 3, 4]);
        write(&path, |bytes, starts| bytes[starts[2] + 12] ^= 1);
        let (found, skipped, good) = read(&path);
        assert_eq!((found, good), (vec![1, 2, 4, 5], length));
        assert!(skipped > 10);
        write(&path, |bytes, starts| bytes[starts[1] + 4] = 7);
        assert_eq!(read(&path).0, [1, 3, 4, 5], "a length that was damaged");
        write(&path, |bytes, _| bytes.extend([0; 100]));
        assert_eq!(
            read(&path),
            (vec![1, 2, 3, 4, 5], 0, length),
            "a file that grew before its bytes came"
        );
        write(&path, |bytes, _| bytes.truncate(3));
        assert_eq!(read(&path).0, Vec::<u64>::new());
        write(&path, |bytes, _| bytes[15] = 2);
        assert!(Reader::open(&path).is_err(), "of a newer release");
    }

    proptest! {
        #[test]
        fn survives_any_damage(place in 0_usize..100, value: u8, cut in 16_usize..200) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("journal");
            write(&path, |bytes, _| {
                bytes.truncate(cut);
                if let Some(byte) = bytes.get_mut(16 + place) {
                    *byte = value;
                }
            });
            let (found, ..) = read(&path);
            prop_assert!(found.is_sorted() && found.iter().all(|sequence| (1..=5).contains(sequence)));
        }
    }
}
