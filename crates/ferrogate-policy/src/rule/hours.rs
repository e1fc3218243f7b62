//! Hours of a week.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, Timelike as _};
use chrono_tz::Tz;

/// Hours of a week in a time zone: `mon-fri 09:00-17:00 Europe/Berlin`.
///
/// Days are `mon` to `sun`, ranges of them, or several with commas; none means all. Hours end before the second one,
/// and on the next day where that is not the later one: `fri 22:00-06:00` ends on Saturday. None means the whole day.
/// No zone means UTC. What counts is the clock on the wall, so one night a year is an hour longer, and one shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    text: String,
    /// Bit 0 is Monday.
    days: u8,
    from: u16,
    to: u16,
    zone: Tz,
}

/// Why hours were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// No day is called that.
    #[error("has the unknown day `{0}` (use mon, tue, wed, thu, fri, sat or sun)")]
    Day(String),
    /// Not two times.
    #[error("has no such hours as `{0}` (write for instance 09:00-17:00)")]
    Time(String),
    /// No zone is called that.
    #[error("has the unknown time zone `{0}` (write for instance Europe/Berlin)")]
    Zone(String),
    /// A second time zone, or times twice.
    #[error("has `{0}` too many")]
    TooMany(String),
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MINUTES: u16 = 24 * 60;

impl Hours {
    /// Whether the time since 1970 is within them.
    pub fn contains(&self, at: Duration) -> bool {
        let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
        let Some(at) = DateTime::from_timestamp(seconds, 0) else {
            return false;
        };
        let local = at.with_timezone(&self.zone);
        let today = local.weekday().num_days_from_monday() as usize;
        let on = |day: usize| self.days & (1 << (day % 7)) != 0;
        let minute = u16::try_from(local.hour() * 60 + local.minute()).unwrap_or_default();
        if self.from < self.to {
            on(today) && (self.from..self.to).contains(&minute)
        } else {
            (on(today) && minute >= self.from) || (on(today + 6) && minute < self.to)
        }
    }
}

impl FromStr for Hours {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let (mut days, mut span, mut zone) = (None, None, None);
        for word in text.split_whitespace() {
            let is_new = if word.starts_with(|c: char| c.is_ascii_digit()) {
                span.replace(read_span(word)?).is_none()
            } else if word.eq_ignore_ascii_case("utc") {
                zone.replace(Tz::UTC).is_none()
            } else if word.contains('/') {
                let found = word.parse();
                let found = found.map_err(|_| HoursError::Zone(word.to_owned()))?;
                zone.replace(found).is_none()
            } else {
                days.replace(read_days(word)?).is_none()
            };
            if !is_new {
                return Err(HoursError::TooMany(word.to_owned()));
            }
        }
        let (from, to) = span.unwrap_or((0, MINUTES));
        Ok(Self {
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            days: days.unwrap_or(0x7f),
            from,
            to,
            zone: zone.unwrap_or(Tz::UTC),
        })
    }
}

fn read_days(word: &str) -> Result<u8, HoursError> {
    let day = |name: &str| {
        let found = DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
        found.ok_or_else(|| HoursError::Day(name.to_owned()))
    };
    let mut days = 0;
    for part in word.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        // `sat-mon` goes over the end of the week.
        let length = (last + 7 - first) % 7;
        days |= (first..=first + length).fold(0, |days, day| days | 1 << (day % 7));
    }
    Ok(days)
}

fn read_span(word: &str) -> Result<(u16, u16), HoursError> {
    let error = || HoursError::Time(word.to_owned());
    let time = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let number = |text: &str| {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u16>().ok())?
        };
        let (hour, minute) = (number(hour)?, number(minute)?);
        let total = hour * 60 + minute;
        (minute < 60 && total <= MINUTES).then_some(total)
    };
    let (from, to) = word.split_once('-').ok_or_else(error)?;
    let from = time(from).filter(|&from| from < MINUTES);
    from.zip(time(to)).ok_or_else(error)
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Duration {
        let seconds = DateTime::parse_from_rfc3339(text).unwrap().timestamp();
        Duration::from_secs(u64::try_from(seconds).unwrap())
    }

    #[test]
    fn hours_are_those_of_the_wall_clock_there() {
        // 2026-11-20 is a Friday.
        for (hours, inside, outside) in [
            ("", &["2026-11-20T00:00:00Z"][..], &[][..]),
            (
                "mon-fri 09:00-17:00",
                &["2026-11-20T09:00:00Z", "2026-11-20T16:59:59Z"],
                &[
                    "2026-11-20T17:00:00Z",
                    "2026-11-20T08:59:59Z",
                    "2026-11-21T12:00:00Z",
                ],
            ),
            (
                "09:00-17:00 Europe/Berlin",
                &["2026-11-20T08:00:00Z", "2026-07-20T07:00:00Z"],
                &["2026-11-20T07:59:00Z", "2026-07-20T15:00:00Z"],
            ),
            (
                "fri 22:00-06:00",
                &["2026-11-20T22:00:00Z", "2026-11-21T05:59:00Z"],
                &[
                    "2026-11-20T05:00:00Z",
                    "2026-11-21T06:00:00Z",
                    "2026-11-21T22:00:00Z",
                ],
            ),
            (
                "sun",
                &["2026-11-22T00:00:00Z", "2026-11-22T23:59:59Z"],
                &["2026-11-21T23:59:59Z", "2026-11-23T00:00:00Z"],
            ),
            (
                "SAT-mon,wed Pacific/Auckland",
                &["2026-11-20T11:00:00Z", "2026-11-24T12:00:00Z"],
                &["2026-11-20T10:59:00Z", "2026-11-24T10:00:00Z"],
            ),
        ] {
            let parsed: Hours = hours.parse().unwrap();
            assert_eq!(parsed.to_string(), hours);
            for time in inside {
                assert!(parsed.contains(at(time)), "{hours}: {time}");
            }
            for time in outside {
                assert!(!parsed.contains(at(time)), "{hours}: {time}");
            }
        }
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        for (hours, error) in [
            ("mo", HoursError::Day("mo".into())),
            ("mon-", HoursError::Day(String::new())),
            ("9-17", HoursError::Time("9-17".into())),
            ("09:00", HoursError::Time("09:00".into())),
            ("24:00-06:00", HoursError::Time("24:00-06:00".into())),
            ("09:60-10:00", HoursError::Time("09:60-10:00".into())),
            ("00:00-24:01", HoursError::Time("00:00-24:01".into())),
            (
                "Europe/Atlantis",
                HoursError::Zone("Europe/Atlantis".into()),
            ),
            ("mon tue", HoursError::TooMany("tue".into())),
        ] {
            assert_eq!(hours.parse::<Hours>(), Err(error));
        }
        assert!(!"mon".parse::<Hours>().unwrap().contains(Duration::MAX));
    }
}
