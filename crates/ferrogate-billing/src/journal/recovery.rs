//! Adding up the files at start.

use std::io;
use std::path::Path;

use super::Recovery;
use super::folder::Folder;
use super::reader::Reader;
use super::record::{Opened, Record};
use super::state::State;
use crate::{BillingEvent, EventKind, LedgerEvent};

/// Everything the files say, and the number of the next record. Nothing when no file begins with a whole checkpoint.
pub(crate) fn replay(folder: &Folder) -> io::Result<Option<(State, u64, Recovery)>> {
    folder.sweep()?;
    let mut recovery = Recovery::default();
    let segments = folder.segments()?;
    let (mut state, mut last) = (State::default(), 0_u64);
    let mut base = segments.len();
    while let Some(&first) = base.checked_sub(1).and_then(|newest| segments.get(newest)) {
        base = base.saturating_sub(1);
        if let Some(found) = checkpoint(&folder.segment(first))? {
            state = found;
            last = first.saturating_sub(1);
            break;
        }
        recovery.damaged_files = recovery.damaged_files.saturating_add(1);
        if base == 0 {
            return Ok(None);
        }
    }
    for (place, &first) in segments.iter().enumerate().skip(base) {
        let path = folder.segment(first);
        let mut reader = Reader::open(&path)?;
        while let Some(read) = reader.next()? {
            let of_checkpoint = matches!(
                read.record,
                Record::Checkpoint { .. } | Record::Balance(_) | Record::Standing(_)
            );
            if of_checkpoint || read.sequence <= last {
                continue;
            }
            let gap = read.sequence.saturating_sub(last).saturating_sub(1);
            recovery.missing = recovery.missing.saturating_add(gap);
            recovery.records = recovery.records.saturating_add(1);
            last = read.sequence;
            state.apply(&read.record);
        }
        recovery.damaged_bytes = recovery.damaged_bytes.saturating_add(reader.skipped());
        if place.saturating_add(1) == segments.len() {
            recovery.torn_bytes = folder.cut(&path, reader.good())?;
        }
    }
    // A number the store has seen is not given to another record, whatever the files have lost.
    let next = last.max(folder.drained()).saturating_add(1);
    Ok(Some((state, next, recovery)))
}

/// What the checkpoint at the beginning of a file says; nothing when it is not whole.
fn checkpoint(path: &Path) -> io::Result<Option<State>> {
    let mut reader = Reader::open(path)?;
    let Some(Record::Checkpoint { balances, open }) = reader.next()?.map(|read| read.record) else {
        return Ok(None);
    };
    let mut state = State::default();
    for _ in 0..balances.saturating_add(open) {
        match reader.next()?.map(|read| read.record) {
            Some(record @ (Record::Balance(_) | Record::Standing(_))) => state.apply(&record),
            _ => return Ok(None),
        }
    }
    Ok((reader.skipped() == 0).then_some(state))
}

/// The charge of a call of which nobody knows how it ended: all that it held, on the side on which a ceiling holds.
pub(crate) fn uncertain(opened: &Opened) -> LedgerEvent {
    LedgerEvent {
        id: opened.holding.id,
        occurred_at: opened.at,
        postings: opened.holding.postings.clone(),
        kind: EventKind::Charged(Box::new(BillingEvent {
            call: (*opened.call).clone(),
            spend: opened.holding.worst.clone(),
            estimated: true,
            uncertain: true,
        })),
    }
}
