//! Times in the layouts of Go.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, FixedOffset, Local, Offset as _, Timelike as _, Utc};

/// Text with places for the parts of a time, each written as that part of Go's reference time,
/// `Mon Jan 2 15:04:05 MST 2006`. Source: <https://pkg.go.dev/time#pkg-constants>, read 2026-11-20.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Item(Item),
    /// A decimal sign and so many digits; without zeros at the end, and without itself when none are left, if `trimmed`.
    Fraction {
        sign: char,
        digits: usize,
        trimmed: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Year,
    ShortYear,
    MonthName,
    ShortMonthName,
    Month,
    PaddedMonth,
    DayName,
    ShortDayName,
    Day,
    SpacedDay,
    PaddedDay,
    SpacedYearDay,
    PaddedYearDay,
    Hour,
    Hour12,
    PaddedHour12,
    Minute,
    PaddedMinute,
    Second,
    PaddedSecond,
    Noon,
    LowerNoon,
    ZoneName,
    Zone { z: bool, form: ZoneForm },
}

/// `-0700`, `-07:00`, `-07`, and those with seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ZoneForm {
    Compact,
    Colon,
    Hours,
    CompactSeconds,
    ColonSeconds,
}

/// What stands for what; of two that fit, the one further up.
const ITEMS: &[(&str, Item)] = &[
    ("January", Item::MonthName),
    ("Jan", Item::ShortMonthName),
    ("Monday", Item::DayName),
    ("Mon", Item::ShortDayName),
    ("MST", Item::ZoneName),
    ("002", Item::PaddedYearDay),
    ("01", Item::PaddedMonth),
    ("02", Item::PaddedDay),
    ("03", Item::PaddedHour12),
    ("04", Item::PaddedMinute),
    ("05", Item::PaddedSecond),
    ("06", Item::ShortYear),
    ("15", Item::Hour),
    ("1", Item::Month),
    ("2006", Item::Year),
    ("2", Item::Day),
    ("__2", Item::SpacedYearDay),
    ("_2", Item::SpacedDay),
    ("3", Item::Hour12),
    ("4", Item::Minute),
    ("5", Item::Second),
    ("PM", Item::Noon),
    ("pm", Item::LowerNoon),
    ("-07:00:00", zone(false, ZoneForm::ColonSeconds)),
    ("-070000", zone(false, ZoneForm::CompactSeconds)),
    ("-07:00", zone(false, ZoneForm::Colon)),
    ("-0700", zone(false, ZoneForm::Compact)),
    ("-07", zone(false, ZoneForm::Hours)),
    ("Z07:00:00", zone(true, ZoneForm::ColonSeconds)),
    ("Z070000", zone(true, ZoneForm::CompactSeconds)),
    ("Z07:00", zone(true, ZoneForm::Colon)),
    ("Z0700", zone(true, ZoneForm::Compact)),
    ("Z07", zone(true, ZoneForm::Hours)),
];

const fn zone(z: bool, form: ZoneForm) -> Item {
    Item::Zone { z, form }
}

impl Layout {
    pub(crate) fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let found = item(rest).or_else(|| fraction(rest));
            let Some((part, length)) = found else {
                literal.push(next);
                rest = rest.split_at(next.len_utf8()).1;
                continue;
            };
            // `_2006` is an underscore before a year, and no day before `006`.
            if part == Part::Item(Item::SpacedDay) && rest.starts_with("_2006") {
                literal.push('_');
                rest = rest.split_at(1).1;
                continue;
            }
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(part);
            rest = rest.split_at(length).1;
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Self(parts)
    }

    /// A regular expression that fits what [`Self::write`] writes.
    pub(crate) fn pattern(&self) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => regex::escape(&text.replace('/', "-")),
            Part::Fraction { trimmed: true, .. } => r"([.,]\d+)?".to_owned(),
            Part::Fraction { digits, .. } => format!(r"[.,]\d{{{digits}}}"),
            Part::Item(item) => item.pattern().to_owned(),
        });
        parts.collect()
    }

    /// Writes a time since 1970 in UTC, as local time where that is wanted.
    pub(crate) fn write(&self, out: &mut String, at: Duration, local: bool) {
        let time = civil(at, local);
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Item(item) => item.write(out, &time),
                Part::Fraction {
                    sign,
                    digits,
                    trimmed,
                } => {
                    let all = format!("{:09}", at.subsec_nanos());
                    let kept: String = all.chars().take(*digits).collect();
                    let kept = if *trimmed {
                        kept.trim_end_matches('0')
                    } else {
                        &kept
                    };
                    if !kept.is_empty() {
                        out.push(*sign);
                        out.push_str(kept);
                    }
                }
            }
        }
    }
}

/// The time on the calendar.
pub(crate) fn civil(at: Duration, local: bool) -> DateTime<FixedOffset> {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let utc: DateTime<Utc> =
        DateTime::from_timestamp(seconds, at.subsec_nanos()).unwrap_or_default();
    if local {
        utc.with_timezone(&Local).fixed_offset()
    } else {
        utc.fixed_offset()
    }
}

fn item(rest: &str) -> Option<(Part, usize)> {
    let (text, item) = ITEMS.iter().find(|(text, _)| rest.starts_with(text))?;
    // `Monkey` has no weekday in it.
    let short = matches!(item, Item::ShortDayName | Item::ShortMonthName);
    let goes_on = |tail: &str| tail.starts_with(|next: char| next.is_ascii_lowercase());
    let word = short && goes_on(rest.split_at(text.len()).1);
    (!word).then_some((Part::Item(*item), text.len()))
}

/// `.000`, `,000`, `.999`: only where no further digit follows.
fn fraction(rest: &str) -> Option<(Part, usize)> {
    let sign = rest
        .chars()
        .next()
        .filter(|sign| matches!(sign, '.' | ','))?;
    let tail = rest.split_at(1).1;
    let digit = tail
        .chars()
        .next()
        .filter(|digit| matches!(digit, '0' | '9'))?;
    let after = tail.trim_start_matches(digit);
    let digits = tail.len() - after.len();
    if after.starts_with(|next: char| next.is_ascii_digit()) {
        return None;
    }
    let part = Part::Fraction {
        sign,
        digits,
        trimmed: digit == '9',
    };
    Some((part, digits + 1))
}

impl Item {
    fn pattern(self) -> &'static str {
        match self {
            Self::Year => r"\d{4}",
            Self::MonthName | Self::ShortMonthName | Self::DayName | Self::ShortDayName => {
                "[A-Za-z]+"
            }
            Self::Noon | Self::LowerNoon => "[AaPp][Mm]",
            Self::SpacedDay | Self::SpacedYearDay => r" *\d+",
            Self::ZoneName | Self::Zone { .. } => r"(UTC|Z|[+-][\d:]+)",
            _ => r"\d{1,3}",
        }
    }

    fn write(self, out: &mut String, time: &DateTime<FixedOffset>) {
        let hour12 = time.hour12().1;
        let seconds = time.offset().fix().local_minus_utc();
        // Writing to a string cannot fail.
        let _written = match self {
            Self::Year => write!(out, "{:04}", time.year()),
            Self::ShortYear => write!(out, "{:02}", time.year().rem_euclid(100)),
            Self::MonthName => write!(out, "{}", time.format("%B")),
            Self::ShortMonthName => write!(out, "{}", time.format("%b")),
            Self::Month => write!(out, "{}", time.month()),
            Self::PaddedMonth => write!(out, "{:02}", time.month()),
            Self::DayName => write!(out, "{}", time.format("%A")),
            Self::ShortDayName => write!(out, "{}", time.format("%a")),
            Self::Day => write!(out, "{}", time.day()),
            Self::SpacedDay => write!(out, "{:2}", time.day()),
            Self::PaddedDay => write!(out, "{:02}", time.day()),
            Self::SpacedYearDay => write!(out, "{:3}", time.ordinal()),
            Self::PaddedYearDay => write!(out, "{:03}", time.ordinal()),
            Self::Hour => write!(out, "{:02}", time.hour()),
            Self::Hour12 => write!(out, "{hour12}"),
            Self::PaddedHour12 => write!(out, "{hour12:02}"),
            Self::Minute => write!(out, "{}", time.minute()),
            Self::PaddedMinute => write!(out, "{:02}", time.minute()),
            Self::Second => write!(out, "{}", time.second()),
            Self::PaddedSecond => write!(out, "{:02}", time.second()),
            Self::Noon => write!(out, "{}", time.format("%p")),
            Self::LowerNoon => write!(out, "{}", time.format("%P")),
            // Names of zones are not known here; Go writes the offset for those it does not know.
            Self::ZoneName if seconds == 0 => write!(out, "UTC"),
            Self::ZoneName => write_offset(out, seconds, ZoneForm::Hours),
            Self::Zone { z: true, .. } if seconds == 0 => write!(out, "Z"),
            Self::Zone { form, .. } => write_offset(out, seconds, form),
        };
    }
}

fn write_offset(out: &mut String, offset: i32, form: ZoneForm) -> std::fmt::Result {
    let sign = if offset < 0 { '-' } else { '+' };
    let total = offset.unsigned_abs();
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    match form {
        ZoneForm::Compact => write!(out, "{sign}{hours:02}{minutes:02}"),
        ZoneForm::Colon => write!(out, "{sign}{hours:02}:{minutes:02}"),
        ZoneForm::Hours => write!(out, "{sign}{hours:02}"),
        ZoneForm::CompactSeconds => write!(out, "{sign}{hours:02}{minutes:02}{seconds:02}"),
        ZoneForm::ColonSeconds => write!(out, "{sign}{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

/// A length of time as Go writes it: `1m30s`, `14.798µs`, `0s`.
pub(crate) fn duration_text(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let trimmed = |whole: u128, unit: u128| {
        let fraction = format!("{:0width$}", whole % unit, width = digits(unit));
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        format!("{}{dot}{fraction}", whole / unit)
    };
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", trimmed(nanos, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", trimmed(nanos, 1_000_000)),
        _ => {
            const MINUTE: u128 = 60_000_000_000;
            let minutes = nanos / MINUTE;
            let seconds = trimmed(nanos % MINUTE, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// How many digits come after the point of this unit.
fn digits(unit: u128) -> usize {
    usize::try_from(unit.ilog10()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-05 09:08:07.012300000 UTC, a Sunday.
    const AT: Duration = Duration::new(1_699_175_287, 12_300_000);

    #[test]
    fn layouts() {
        for (layout, expected) in [
            ("2006-01-02T15:04:05.000Z0700", "2023-11-05T09:08:07.012Z"),
            ("2006-01-02T15:04:05Z07:00", "2023-11-05T09:08:07Z"),
            (
                "2006-01-02T15:04:05.999999999Z07:00",
                "2023-11-05T09:08:07.0123Z",
            ),
            ("02/Jan/2006:15:04:05 -0700", "05/Nov/2023:09:08:07 +0000"),
            ("2006/01/02 15:04:05,000000", "2023/11/05 09:08:07,012300"),
            (
                "Mon, 2 January 06 3:4:5 PM pm MST",
                "Sun, 5 November 23 9:8:7 AM am UTC",
            ),
            (
                "Monday _2 __2 002 1 -07 -07:00",
                "Sunday  5 309 309 11 +00 +00:00",
            ),
            ("03:04 _2006 .000x .0001", "09:08 _2023 .012x .0011"),
            ("Monkey Janus Jan.", "Monkey Janus Nov."),
            ("no time ü", "no time ü"),
            ("", ""),
        ] {
            let mut out = String::new();
            Layout::parse(layout).write(&mut out, AT, false);
            assert_eq!(out, expected, "{layout}");
        }
    }

    #[test]
    fn durations() {
        for (nanos, expected) in [
            (0, "0s"),
            (999, "999ns"),
            (14_798, "14.798µs"),
            (26_570, "26.57µs"),
            (1_500_000, "1.5ms"),
            (2_000_000_000, "2s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
            (3_661_001_000_000, "1h1m1.001s"),
        ] {
            assert_eq!(duration_text(Duration::from_nanos(nanos)), expected);
        }
    }
}
