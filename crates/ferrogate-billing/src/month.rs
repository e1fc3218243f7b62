//! Calendar months.

use std::time::Duration;

/// A calendar month in UTC, counted from January 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(u64);

impl Month {
    /// The month of a moment, given as the time since 1970.
    pub fn of(since_epoch: Duration) -> Self {
        let (year, month) = civil(since_epoch.as_secs() / 86_400);
        Self((year - 1970) * 12 + month - 1)
    }

    /// The first moment of the next month, as the time since 1970.
    pub fn end(self) -> Duration {
        let next = self.0 + 1;
        let (year, month) = (1970 + next / 12, next % 12 + 1);
        Duration::from_secs(days(year, month) * 86_400)
    }
}

/// Year and month of a day since 1970. Source: the proleptic Gregorian calendar in 400-year eras of
/// 146,097 days, years beginning in March so that the leap day comes last.
fn civil(day: u64) -> (u64, u64) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (era * 400 + year + u64::from(month <= 2), month)
}

/// Days from 1970 to the first of a month.
fn days(year: u64, month: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, of_era) = (year / 400, year % 400);
    let march_month = (month + 9) % 12;
    let of_year = (153 * march_month + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_calendar() {
        for (seconds, year, month, end) in [
            (0, 1970, 1, 2_678_400),
            (951_782_400, 2000, 2, 951_868_800),
            (1_709_164_800, 2024, 2, 1_709_251_200),
            (1_795_132_800, 2026, 11, 1_796_083_200),
            (1_798_761_599, 2026, 12, 1_798_761_600),
        ] {
            let at = Month::of(Duration::from_secs(seconds));
            assert_eq!(at, Month((year - 1970) * 12 + month - 1), "{seconds}");
            assert_eq!(at.end(), Duration::from_secs(end), "{seconds}");
            assert_eq!(Month::of(at.end()), Month(at.0 + 1));
            assert_eq!(
                Month::of(at.end().checked_sub(Duration::from_secs(1)).unwrap()),
                at
            );
        }
    }
}
