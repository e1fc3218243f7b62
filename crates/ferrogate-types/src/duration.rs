//! Durations as configuration writes them.

use std::time::Duration;

/// Why a duration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing was written.
    #[error("is empty")]
    Empty,
    /// A number without a unit; only `0` may stand alone.
    #[error("has no unit (write for instance `{0}s`)")]
    NoUnit(String),
    /// A unit that does not exist.
    #[error("has the unknown unit `{0}` (use ns, us, ms, s, m, h or d)")]
    Unit(String),
    /// Not a number where one was needed.
    #[error("is not a duration (write for instance `30s` or `1m30s`)")]
    Number,
    /// A minus sign.
    #[error("is negative")]
    Negative,
    /// More than about 292 years.
    #[error("is too large")]
    TooLarge,
}

/// Reads a duration in Go's syntax with `d` for 24 hours: `300ms`, `1.5h`, `1h30m`, `7d`, `0`.
///
/// Source: Go's `time.ParseDuration`; the `d` unit is Caddy's.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    if text.starts_with('-') {
        return Err(DurationError::Negative);
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let unit_len = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_len);
        if number.is_empty() {
            return Err(DurationError::Number);
        }
        if unit.is_empty() {
            return Err(DurationError::NoUnit(number.to_owned()));
        }
        let scale = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|&(_, scale)| scale)
            .ok_or_else(|| DurationError::Unit(unit.to_owned()))?;
        let part = scaled(number, scale)?;
        nanos = nanos.checked_add(part).ok_or(DurationError::TooLarge)?;
        rest = next;
    }
    u64::try_from(nanos)
        .ok()
        .filter(|&nanos| i64::try_from(nanos).is_ok())
        .map(Duration::from_nanos)
        .ok_or(DurationError::TooLarge)
}

/// Writes a duration so that [`parse_duration`] reads the same value back.
pub fn format_duration(duration: Duration) -> String {
    let mut nanos = duration.as_nanos();
    if nanos == 0 {
        return "0".to_owned();
    }
    let mut text = String::new();
    for (unit, scale) in [
        ("d", DAY),
        ("h", HOUR),
        ("m", MINUTE),
        ("s", SECOND),
        ("ms", MILLI),
        ("us", MICRO),
        ("ns", 1),
    ] {
        let count = nanos / scale;
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
            nanos %= scale;
        }
    }
    text
}

/// `number` times `scale` nanoseconds; digits beyond the nanosecond are cut, as Go does.
fn scaled(number: &str, scale: u128) -> Result<u128, DurationError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(DurationError::Number);
    }
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| DurationError::TooLarge)?
    };
    let mut nanos = whole.checked_mul(scale).ok_or(DurationError::TooLarge)?;
    let mut unit = scale;
    for digit in fraction.bytes() {
        unit /= 10;
        nanos = nanos
            .checked_add(u128::from(digit - b'0') * unit)
            .ok_or(DurationError::TooLarge)?;
    }
    Ok(nanos)
}

const MICRO: u128 = 1_000;
const MILLI: u128 = 1_000 * MICRO;
const SECOND: u128 = 1_000 * MILLI;
const MINUTE: u128 = 60 * SECOND;
const HOUR: u128 = 60 * MINUTE;
const DAY: u128 = 24 * HOUR;

const UNITS: [(&str, u128); 9] = [
    ("ns", 1),
    ("us", MICRO),
    ("µs", MICRO),
    ("μs", MICRO),
    ("ms", MILLI),
    ("s", SECOND),
    ("m", MINUTE),
    ("h", HOUR),
    ("d", DAY),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_go_durations() {
        for (text, nanos) in [
            ("0", 0),
            ("300ms", 300_000_000),
            ("1.5h", 5_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("7d", 604_800_000_000_000),
            ("1µs", 1_000),
            (".5s", 500_000_000),
            ("+2s", 2_000_000_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_nanos(nanos)),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_with_a_reason() {
        for (text, error) in [
            ("", DurationError::Empty),
            ("5", DurationError::NoUnit("5".into())),
            ("5x", DurationError::Unit("x".into())),
            ("s", DurationError::Number),
            (".s", DurationError::Number),
            ("1..2s", DurationError::Number),
            ("-1s", DurationError::Negative),
            ("999999999999d", DurationError::TooLarge),
        ] {
            assert_eq!(parse_duration(text), Err(error), "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["0", "300ms", "1h30m", "7d", "1us", "2m1s"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
    }
}
