//! Times in the form of RFC 3339: `2026-12-31T23:59:59Z`.

/// Why a time was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an RFC 3339 time after 1970 (write for instance `2026-12-31T23:59:59Z`)")]
pub(super) struct TimeError;

/// Seconds since 1970; fractions of a second are cut.
pub(super) fn parse(text: &str) -> Result<u64, TimeError> {
    read(text).ok_or(TimeError)
}

fn read(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [
        31,
        if leap { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let length = *usize::try_from(month)
        .ok()?
        .checked_sub(1)
        .and_then(|index| days.get(index))?;
    if day == 0 || day > length {
        return None;
    }
    let offset_at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, offset) = time.split_at(offset_at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    // RFC 3339 allows a leap second, which POSIX time does not count.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let past_months: i64 = days.iter().take(usize::try_from(month).ok()? - 1).sum();
    let years = year - 1;
    let day_number =
        years * 365 + years / 4 - years / 100 + years / 400 + past_months + day - 1 - DAYS_TO_1970;
    let seconds =
        day_number * 86_400 + hour * 3600 + minute * 60 + second - offset_seconds(offset)?;
    u64::try_from(seconds).ok()
}

fn offset_seconds(offset: &str) -> Option<i64> {
    if offset.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, clock) = match offset.split_at_checked(1)? {
        ("+", clock) => (1, clock),
        ("-", clock) => (-1, clock),
        _ => return None,
    };
    let [hour, minute] = numbers(clock, ':', [2, 2])?;
    (hour < 24 && minute < 60).then_some(sign * (hour * 3600 + minute * 60))
}

/// Numbers of fixed widths between separators.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut out = [0; N];
    let mut parts = text.split(separator);
    for (slot, width) in out.iter_mut().zip(widths) {
        let part = parts
            .next()
            .filter(|part| part.len() == width && part.bytes().all(|b| b.is_ascii_digit()))?;
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

/// Days from 0001-01-01 to 1970-01-01 in the Gregorian calendar.
const DAYS_TO_1970: i64 = 719_162;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-12-31T23:59:59Z", 1_798_761_599),
            ("2026-12-31T23:59:59.5+01:00", 1_798_757_999),
            ("2026-12-31t23:59:59z", 1_798_761_599),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "2026-12-31",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-1-1T00:00:00Z",
            "2026-12-31T24:00:00Z",
            "2026-12-31T00:00:00",
            "1960-01-01T00:00:00Z",
            "2026-12-31T00:00:00+1:00",
            "é",
        ] {
            assert_eq!(parse(text), Err(TimeError), "{text}");
        }
    }
}
