//! A log.

use std::sync::Arc;

use crate::event::Event;
use crate::sampling::{Sampler, Sampling};
use crate::{Encoder, Level, Writer};

/// A log: what it keeps, how that looks, and who writes it.
#[derive(Debug)]
pub struct Log {
    /// `None` goes nowhere.
    writer: Option<Arc<Writer>>,
    encoder: Arc<Encoder>,
    level: Level,
    sampler: Option<Sampler>,
}

impl Log {
    /// A log that keeps entries from this level on; without a writer it keeps none.
    pub fn new(
        writer: Option<Arc<Writer>>,
        encoder: Encoder,
        level: Level,
        sampling: Option<Sampling>,
    ) -> Self {
        Self {
            writer,
            encoder: Arc::new(encoder),
            level,
            sampler: sampling.map(Sampler::new),
        }
    }

    /// Whether it keeps entries of this level at all; cheaper than making one for nothing.
    pub fn wants(&self, level: Level) -> bool {
        level >= self.level && self.writer.is_some()
    }

    /// The least important entries it keeps.
    pub fn level(&self) -> Level {
        self.level
    }

    /// How its entries look.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Queues an entry of this logger, if it is one to keep; never waits.
    pub fn record(&self, logger: &Arc<str>, event: &Arc<Event>) {
        let Some(writer) = self.writer.as_ref().filter(|_| self.wants(event.level)) else {
            return;
        };
        let kept = self
            .sampler
            .as_ref()
            .is_none_or(|sampler| sampler.keeps(event.level, &event.message, event.at));
        if kept {
            writer.write(event, logger, &self.encoder);
        }
    }

    /// Waits until what is queued has been written, for at most five seconds.
    pub fn flush(&self) {
        if let Some(writer) = &self.writer {
            writer.flush();
        }
    }
}
