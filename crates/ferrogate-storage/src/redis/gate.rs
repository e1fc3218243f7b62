//! Not asking again at once who did not answer.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lets calls through, unless one failed just now: otherwise each request would wait for a server that is gone.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<Option<Closed>>,
}

#[derive(Clone, Debug)]
struct Closed {
    until: Instant,
    pause: Duration,
    reason: String,
}

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

impl Gate {
    /// Whether a call may go through; if not, why the last one failed. Once the pause is over one call goes through
    /// to see, and the others stay out until it has.
    pub(super) fn enter(&self, now: Instant) -> Result<(), String> {
        let mut state = self.state.lock();
        match &mut *state {
            None => Ok(()),
            Some(closed) if now >= closed.until => {
                // For the others, and for this one, should nobody hear of it any more.
                closed.until = now + LONGEST;
                Ok(())
            }
            Some(closed) => Err(closed.reason.clone()),
        }
    }

    /// Why the last call failed, where calls stay out.
    pub(super) fn reason(&self) -> Option<String> {
        self.state
            .lock()
            .as_ref()
            .map(|closed| closed.reason.clone())
    }

    /// Notes that a call was answered.
    pub(super) fn open(&self) {
        let mut state = self.state.lock();
        if state.is_some() {
            *state = None;
        }
    }

    /// Notes that a call was not.
    pub(super) fn close(&self, now: Instant, reason: String) {
        let mut state = self.state.lock();
        let pause = match &*state {
            // Calls that were under way together count as one.
            Some(closed) if now < closed.until && closed.until - now <= closed.pause => return,
            Some(closed) => (closed.pause * 2).min(LONGEST),
            None => FIRST,
        };
        *state = Some(Closed {
            until: now + pause,
            pause,
            reason,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_longer_each_time_and_lets_one_through() {
        let gate = Gate::default();
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let gone = || "gone".to_owned();
        assert_eq!(gate.enter(after(0)), Ok(()));
        gate.close(after(0), gone());
        // Others that were under way.
        gate.close(after(1), gone());
        assert_eq!(gate.enter(after(49)), Err(gone()));
        assert_eq!(gate.enter(after(50)), Ok(()));
        assert_eq!(gate.enter(after(51)), Err(gone()));
        gate.close(after(60), gone());
        assert_eq!(gate.enter(after(159)), Err(gone()));
        assert_eq!(gate.reason(), Some(gone()));
        assert_eq!(gate.enter(after(160)), Ok(()));
        gate.open();
        assert_eq!(gate.reason(), None);
        assert_eq!(gate.enter(after(161)), Ok(()));
        assert_eq!(gate.enter(after(161)), Ok(()));
    }

    #[test]
    fn does_not_stay_closed_for_one_that_was_dropped() {
        let gate = Gate::default();
        let start = Instant::now();
        gate.close(start, String::new());
        assert_eq!(gate.enter(start + FIRST), Ok(()));
        assert_eq!(gate.enter(start + FIRST + LONGEST), Ok(()));
    }
}
