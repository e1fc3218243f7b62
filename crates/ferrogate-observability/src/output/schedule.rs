//! When a log file is put aside by the clock.

use std::time::Duration;

use chrono::Offset as _;

use super::Roll;
use crate::go_time::civil;

/// The next time at which a file that was begun at `opened`, and whose last entry is from `written`, is put aside.
pub(super) fn next(roll: &Roll, opened: Duration, written: Duration) -> Option<Duration> {
    let interval = roll
        .interval
        .map(|interval| opened.saturating_add(interval));
    let minutes = roll
        .minutes
        .iter()
        .map(|&minute| after(written, u64::from(minute) * 60, 3_600, roll.local_time));
    let times = roll.at.iter().map(|&(hour, minute)| {
        let second = u64::from(hour) * 3_600 + u64::from(minute) * 60;
        after(written, second, 86_400, roll.local_time)
    });
    interval.into_iter().chain(minutes).chain(times).min()
}

/// The first time after this one that is so many seconds into a period of the clock on the wall.
fn after(time: Duration, into: u64, period: u64, local: bool) -> Duration {
    let now = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let (into, period) = (
        i64::try_from(into).unwrap_or_default(),
        i64::try_from(period).unwrap_or(86_400),
    );
    let offset = |at: i64| {
        let at = Duration::from_secs(u64::try_from(at).unwrap_or_default());
        i64::from(civil(at, local).offset().fix().local_minus_utc())
    };
    let wall = now.saturating_add(offset(now));
    let start = wall - wall.rem_euclid(period) + into;
    let next = if start > wall { start } else { start + period };
    // The clock may be set forward or back until then.
    let utc = next - offset(next - offset(now));
    Duration::from_secs(u64::try_from(utc).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_mark_of_the_clock() {
        const HOUR: u64 = 3_600;
        let check = |roll: Roll, written: u64, expected: Option<u64>| {
            let at = Duration::from_secs(written);
            assert_eq!(
                next(&roll, at, at),
                expected.map(Duration::from_secs),
                "{roll:?} at {written}"
            );
        };
        let minutes = |minutes: &[u8]| Roll {
            minutes: minutes.to_vec(),
            ..Roll::default()
        };
        let at = |times: &[(u8, u8)]| Roll {
            at: times.to_vec(),
            ..Roll::default()
        };
        check(Roll::default(), 5, None);
        check(minutes(&[0, 30]), 5, Some(1_800));
        check(minutes(&[0, 30]), 1_800, Some(HOUR));
        check(at(&[(12, 0), (0, 0)]), 5, Some(12 * HOUR));
        check(at(&[(12, 0), (0, 0)]), 13 * HOUR, Some(24 * HOUR));
        let interval = Roll {
            interval: Some(Duration::from_secs(10)),
            ..minutes(&[1])
        };
        check(interval.clone(), 5, Some(15));
        check(interval, 55, Some(60));
    }
}
