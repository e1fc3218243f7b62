//! The books of calls, opened at start.

use std::time::Duration;

use ferrogate_billing::{AccountSpec, JournalSettings, Ledger};
use ferrogate_proxy::Books;
use ferrogate_types::clock;

use super::place::Place;
use crate::boot::RunError;
use crate::lower::chain;

/// How long to wait for a process that is about to let go of the journal.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Opens the books of a place, or books that end with the process. Blocks on files.
///
/// A usual place that cannot be written to is no reason not to start, unless there are budgets to be kept.
pub(crate) fn open(place: Option<&Place>, accounts: Vec<AccountSpec>) -> Result<Books, RunError> {
    let ledger = match place {
        Some(place) => ledger(place, !accounts.is_empty())?,
        None => Ledger::in_memory(),
    };
    ledger.book().define(accounts, clock::since_epoch());
    Ok(Books::alone(ledger))
}

fn ledger(place: &Place, budgets: bool) -> Result<Ledger, RunError> {
    let Some(folder) = &place.journal else {
        return Ok(Ledger::in_memory());
    };
    let settings = JournalSettings {
        drained: false,
        lock_wait: LOCK_WAIT,
        ..JournalSettings::default()
    };
    match Ledger::open(folder, &settings) {
        Ok((ledger, found)) => {
            if found.uncertain > 0 {
                tracing::warn!(
                    calls = found.uncertain,
                    "the last process ended before these calls did: each is charged what it held"
                );
            }
            if found.torn_bytes + found.damaged_bytes + found.damaged_files + found.missing > 0 {
                tracing::warn!(?found, "the journal of the ledger was damaged");
            }
            tracing::info!(folder = %folder.display(), records = found.records, "the ledger is open");
            Ok(ledger)
        }
        Err(error) if place.chosen || budgets => Err(RunError::State(chain(&error))),
        Err(error) => {
            tracing::warn!(
                error = chain(&error),
                "nothing is remembered over a restart; say with `state sqlite PATH` where it may be kept"
            );
            Ok(Ledger::in_memory())
        }
    }
}
