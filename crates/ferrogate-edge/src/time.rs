//! The wall clock as placeholders show it.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How a moment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeForm {
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
    /// `1994-11-06 08:49:37.25 +0000 UTC`
    Full,
    /// `1994`
    Year,
    /// `06/Nov/1994:08:49:37 +0000`
    CommonLog,
    /// `Sun, 06 Nov 1994 08:49:37 GMT`. Source: RFC 9110, section 5.6.7.
    Http,
}

impl TimeForm {
    /// Writes a moment; one before 1970 is written as 1970.
    pub(crate) fn format(self, moment: SystemTime) -> String {
        let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
        match self {
            Self::Unix => since.as_secs().to_string(),
            Self::UnixMs => since.as_millis().to_string(),
            Self::Full => {
                let fraction = format!(".{:09}", since.subsec_nanos());
                let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
                let date = Date::of(since.as_secs());
                format!(
                    "{:04}-{:02}-{:02} {}{fraction} +0000 UTC",
                    date.year,
                    date.month,
                    date.day,
                    date.time()
                )
            }
            Self::Year => Date::of(since.as_secs()).year.to_string(),
            Self::CommonLog => {
                let date = Date::of(since.as_secs());
                format!(
                    "{:02}/{}/{:04}:{} +0000",
                    date.day,
                    date.month_name(),
                    date.year,
                    date.time()
                )
            }
            Self::Http => {
                let date = Date::of(since.as_secs());
                format!(
                    "{}, {:02} {} {:04} {} GMT",
                    date.weekday,
                    date.day,
                    date.month_name(),
                    date.year,
                    date.time()
                )
            }
        }
    }
}

/// A moment of the Gregorian calendar in UTC.
struct Date {
    weekday: &'static str,
    year: u64,
    /// From 1.
    month: u64,
    /// From 1.
    day: u64,
    second_of_day: u64,
}

impl Date {
    fn of(seconds: u64) -> Self {
        const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
        // Years are counted from March, so that a leap day is the last of its year; day 0 is 1 March of year 0.
        let day = days + 719_468;
        let (era, day_of_era) = (day / 146_097, day % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let weekday = usize::try_from(days % 7)
            .ok()
            .and_then(|at| WEEKDAYS.get(at));
        Self {
            weekday: weekday.copied().unwrap_or_default(),
            year: era * 400 + year_of_era + u64::from(from_march >= 10),
            month: (from_march + 2) % 12 + 1,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
            second_of_day,
        }
    }

    fn month_name(&self) -> &'static str {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let at = usize::try_from(self.month - 1).ok();
        at.and_then(|at| MONTHS.get(at))
            .copied()
            .unwrap_or_default()
    }

    fn time(&self) -> String {
        let second = self.second_of_day;
        format!(
            "{:02}:{:02}:{:02}",
            second / 3_600,
            second / 60 % 60,
            second % 60
        )
    }
}

/// A duration as Go writes it: `1m2.5s`, `3.25ms`, `0s`.
pub(crate) struct GoDuration(pub(crate) Duration);

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = |value: u128, unit: u128| {
            let digits = unit.ilog10() as usize;
            let rest = format!("{:0digits$}", value % unit);
            let rest = rest.trim_end_matches('0');
            let point = if rest.is_empty() { "" } else { "." };
            format!("{}{point}{rest}", value / unit)
        };
        let nanos = self.0.as_nanos();
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write!(f, "{}\u{b5}s", fraction(nanos, 1_000)),
            1_000_000..1_000_000_000 => write!(f, "{}ms", fraction(nanos, 1_000_000)),
            _ => {
                let (minutes, rest) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                write!(f, "{}s", fraction(rest, 1_000_000_000))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dates() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            let moment = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(TimeForm::Http.format(moment), expected);
        }
        let moment = UNIX_EPOCH + Duration::from_millis(784_111_777_250);
        for (form, expected) in [
            (TimeForm::Full, "1994-11-06 08:49:37.25 +0000 UTC"),
            (TimeForm::Year, "1994"),
            (TimeForm::CommonLog, "06/Nov/1994:08:49:37 +0000"),
            (TimeForm::UnixMs, "784111777250"),
        ] {
            assert_eq!(form.format(moment), expected);
        }
    }

    #[test]
    fn durations_are_written_as_go_does() {
        for (nanos, expected) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5\u{b5}s"),
            (3_250_000, "3.25ms"),
            (1_000_000_000, "1s"),
            (61_000_000_000, "1m1s"),
            (3_600_000_000_000, "1h0m0s"),
            (5_400_500_000_000, "1h30m0.5s"),
        ] {
            let duration = Duration::from_nanos(nanos);
            assert_eq!(GoDuration(duration).to_string(), expected);
        }
    }
}
