//! The threads of all logs.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;
use prometheus::IntCounter;

use crate::Writer;
use crate::output::{Destination, OutputError, Place};

/// The threads of all logs: one for each place, however many logs go there. Two that wrote to the same file would
/// each put it aside under the feet of the other.
#[derive(Debug)]
pub struct Writers {
    open: Mutex<HashMap<Place, Weak<Writer>>>,
    dropped: IntCounter,
}

impl Writers {
    /// None yet; `dropped` counts entries that are lost.
    pub fn new(dropped: IntCounter) -> Self {
        Self {
            open: Mutex::default(),
            dropped,
        }
    }

    /// The thread of a place. Where there is one already, it stays as it was opened first.
    pub fn open(&self, destination: &Destination) -> Result<Arc<Writer>, OutputError> {
        let mut open = self.open.lock();
        open.retain(|_, writer| writer.strong_count() > 0);
        let place = destination.place();
        if let Some(writer) = open.get(&place).and_then(Weak::upgrade) {
            return Ok(writer);
        }
        let writer = Arc::new(Writer::open(destination, self.dropped.clone())?);
        open.insert(place, Arc::downgrade(&writer));
        Ok(writer)
    }
}

/// Entries of this process that were lost, in whichever log.
pub fn lost_entries() -> &'static IntCounter {
    #[expect(
        clippy::expect_used,
        reason = "name and help are constants that fit Prometheus' grammar"
    )]
    static LOST: LazyLock<IntCounter> = LazyLock::new(|| {
        IntCounter::new(
            "ferrogate_access_log_dropped_total",
            "Log entries that were lost.",
        )
        .expect("the name is valid")
    });
    &LOST
}
