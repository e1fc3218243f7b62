//! Seconds since 1970, where rows have milliseconds.

use std::time::Duration;

use ferrogate_types::Timestamp;

/// A moment; the last one there is for what is beyond the year 9999.
pub(super) fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_epoch(Duration::from_secs(seconds))
}

/// The second a moment falls in; zero for what was before 1970.
pub(super) fn seconds(moment: Timestamp) -> u64 {
    u64::try_from(moment.millis().div_euclid(1_000)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_seconds_and_holds_what_is_beyond() {
        for kept in [0, 1, 1_795_132_800] {
            assert_eq!(seconds(moment(kept)), kept);
        }
        assert_eq!(seconds(moment(u64::MAX)), 253_402_300_799);
        assert_eq!(seconds(Timestamp::from_millis(1_999)), 1);
        assert_eq!(seconds(Timestamp::from_millis(-1)), 0);
    }
}
