//! Standard output and standard error.

use std::io::{self, Write as _};

use super::{Batch, Lost, Output};

/// A stream that the process was given.
pub(super) enum Standard {
    Stderr,
    Stdout,
}

impl Output for Standard {
    fn write(&mut self, batch: &Batch) -> Result<(), Lost> {
        let result = match self {
            Self::Stderr => io::stderr().lock().write_all(batch.bytes()),
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout
                    .write_all(batch.bytes())
                    .and_then(|()| stdout.flush())
            }
        };
        result.map_err(|error| Lost {
            entries: batch.entries(),
            error,
        })
    }
}
