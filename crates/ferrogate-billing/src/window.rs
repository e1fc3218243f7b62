//! Calendar windows.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike, Days, MappedLocalTime, Months, NaiveDate, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::{Serialize, Serializer};

/// How often a budget begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// From the first to the last of a month.
    Month,
    /// Never.
    Total,
}

/// A time zone of the IANA database, as of the version built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Zone(Tz);

/// A name the IANA database does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown time zone `{0}` (write a name of the IANA database, for instance `Europe/Berlin`)"
)]
pub struct UnknownZone(pub String);

/// A stretch of time, in seconds since 1970: `start` belongs to it, `end` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    start: i64,
    end: i64,
}

impl Period {
    /// The word of configuration and API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Total => "total",
        }
    }

    /// The window in which a moment (the time since 1970) falls.
    ///
    /// A day begins at its first moment by the clock on the wall: where midnight is skipped, at the end of the gap;
    /// where it comes twice, at the first of them, so that the hour repeated belongs to the new day.
    pub fn window_at(self, zone: Zone, since_epoch: Duration) -> Window {
        let now = seconds(since_epoch);
        let today = DateTime::from_timestamp(now, 0)
            .map(|utc| utc.with_timezone(&zone.0).date_naive())
            .unwrap_or_default();
        let first = match self {
            Self::Total => None,
            Self::Day => Some(today),
            Self::Week => {
                let since_monday = u64::from(today.weekday().num_days_from_monday());
                today.checked_sub_days(Days::new(since_monday))
            }
            Self::Month => today.with_day(1),
        };
        let Some(first) = first else {
            return Window::ALWAYS;
        };
        let mut window = Window {
            start: zone.start_of(first),
            end: self
                .after(first)
                .map_or(i64::MAX, |next| zone.start_of(next)),
        };
        // A clock set back over midnight shows the old date again after the new day has begun.
        if window.end <= now
            && let Some(next) = self.after(first)
        {
            window = Window {
                start: window.end,
                end: self
                    .after(next)
                    .map_or(i64::MAX, |next| zone.start_of(next)),
            };
        }
        window
    }

    /// The first day of the next window.
    fn after(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => first.succ_opt(),
            Self::Week => first.checked_add_days(Days::new(7)),
            Self::Month => first.checked_add_months(Months::new(1)),
            Self::Total => None,
        }
    }
}

impl Window {
    /// The one window of [`Period::Total`].
    pub const ALWAYS: Self = Self {
        start: 0,
        end: i64::MAX,
    };

    /// A window of its bounds, as a store kept them.
    pub fn from_bounds(start: i64, end: i64) -> Self {
        Self { start, end }
    }

    /// Its first second since 1970.
    pub fn start(self) -> i64 {
        self.start
    }

    /// The first second after it; `i64::MAX` when it has no end.
    pub fn end(self) -> i64 {
        self.end
    }

    /// When it ends, as the time since 1970; nothing when it never does.
    pub fn resets_at(self) -> Option<Duration> {
        (self.end != i64::MAX)
            .then(|| u64::try_from(self.end).ok().map(Duration::from_secs))
            .flatten()
    }

    /// Whether it is over at a moment.
    pub fn is_over(self, since_epoch: Duration) -> bool {
        self.end <= seconds(since_epoch)
    }
}

impl Zone {
    /// Universal time: the zone of budgets that name none.
    pub const UTC: Self = Self(Tz::UTC);

    /// The first second of a day.
    fn start_of(self, date: NaiveDate) -> i64 {
        let mut local = date.and_time(chrono::NaiveTime::MIN);
        for _ in 0..=LONGEST_GAP_MINUTES {
            match self.0.from_local_datetime(&local) {
                MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => {
                    return at.timestamp();
                }
                MappedLocalTime::None => {
                    local = local
                        .checked_add_signed(TimeDelta::minutes(1))
                        .unwrap_or(local);
                }
            }
        }
        local.and_utc().timestamp()
    }
}

/// Samoa left out 30 December 2011 as it crossed the date line; no zone ever skipped more than a day.
const LONGEST_GAP_MINUTES: u32 = 24 * 60;

fn seconds(since_epoch: Duration) -> i64 {
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

impl FromStr for Period {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Day, Self::Week, Self::Month, Self::Total]
            .into_iter()
            .find(|period| period.as_str() == text)
            .ok_or(())
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        text.parse()
            .map(Self)
            .map_err(|_| UnknownZone(text.to_owned()))
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

#[cfg(test)]
mod tests;
