//! Names and forms of the common fields.

use std::fmt::Write as _;
use std::time::Duration;

use super::Shape;
use crate::Level;
use crate::go_time::Layout;

/// Names and forms of the common fields. `Some("")` leaves a field out, `None` is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncoderKeys {
    /// `msg`
    pub message_key: Option<String>,
    /// `level`
    pub level_key: Option<String>,
    /// `ts`
    pub time_key: Option<String>,
    /// `logger`
    pub name_key: Option<String>,
    /// A line feed.
    pub line_ending: Option<String>,
    /// Seconds with a fraction in JSON, `2006/01/02 15:04:05.000` for people.
    pub time_format: Option<TimeFormat>,
    /// Local time and not UTC.
    pub time_local: bool,
    /// Seconds with a fraction.
    pub duration_format: Option<DurationFormat>,
    /// Lower case in JSON, upper case for people.
    pub level_format: Option<LevelFormat>,
}

/// A form of times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeFormat {
    /// Seconds since 1970 with a fraction.
    UnixSeconds,
    /// Milliseconds since 1970 with a fraction.
    UnixMillis,
    /// Nanoseconds since 1970.
    UnixNanos,
    /// A layout in the way Go writes them.
    Layout(String),
}

/// A form of durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationFormat {
    /// Seconds with a fraction.
    Seconds,
    /// Whole milliseconds.
    Milliseconds,
    /// Whole nanoseconds.
    Nanoseconds,
    /// `1m30s`
    Text,
}

/// A form of levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelFormat {
    /// `info`
    Lower,
    /// `INFO`
    Upper,
    /// `INFO`, coloured.
    Color,
}

/// What people read: Caddy's default for the console.
const WALL_MILLIS: &str = "2006/01/02 15:04:05.000";

/// The forms, made ready.
#[derive(Debug)]
pub(super) struct Times {
    time: Time,
    local: bool,
    durations: DurationFormat,
    level: LevelFormat,
}

#[derive(Debug)]
enum Time {
    Seconds,
    Millis,
    Nanos,
    Layout(Layout),
}

impl Times {
    pub(super) fn new(shape: Shape, keys: &EncoderKeys) -> Self {
        let time = match (&keys.time_format, shape) {
            (Some(TimeFormat::UnixSeconds), _) | (None, Shape::Json) => Time::Seconds,
            (Some(TimeFormat::UnixMillis), _) => Time::Millis,
            (Some(TimeFormat::UnixNanos), _) => Time::Nanos,
            (Some(TimeFormat::Layout(layout)), _) => Time::Layout(Layout::parse(layout)),
            (None, Shape::Console) => Time::Layout(Layout::parse(WALL_MILLIS)),
        };
        Self {
            time,
            local: keys.time_local,
            durations: keys.duration_format.unwrap_or(DurationFormat::Seconds),
            level: keys.level_format.unwrap_or(match shape {
                Shape::Json => LevelFormat::Lower,
                Shape::Console => LevelFormat::Upper,
            }),
        }
    }

    pub(super) fn durations(&self) -> DurationFormat {
        self.durations
    }

    pub(super) fn level(&self, level: Level) -> &'static str {
        match self.level {
            LevelFormat::Lower => level.lower(),
            LevelFormat::Upper => level.upper(),
            LevelFormat::Color => level.colored(),
        }
    }

    /// Whether times are numbers.
    pub(super) fn is_number(&self) -> bool {
        !matches!(self.time, Time::Layout(_))
    }

    pub(super) fn text(&self, at: Duration) -> String {
        let mut out = String::with_capacity(32);
        match &self.time {
            // Exact to the microsecond, which is what a float of seconds since 1970 can tell.
            Time::Seconds => write_decimal(&mut out, at.as_micros(), 6),
            Time::Millis => write_decimal(&mut out, at.as_nanos(), 6),
            Time::Nanos => write_decimal(&mut out, at.as_nanos(), 0),
            Time::Layout(layout) => layout.write(&mut out, at, self.local),
        }
        out
    }
}

/// A number with this many digits behind the point.
fn write_decimal(out: &mut String, number: u128, digits: u32) {
    let unit = 10_u128.pow(digits);
    // Writing to a string cannot fail.
    let _written = write!(out, "{}", number / unit);
    if digits > 0 {
        let width = usize::try_from(digits).unwrap_or_default();
        let _written = write!(out, ".{:0width$}", number % unit);
    }
}
