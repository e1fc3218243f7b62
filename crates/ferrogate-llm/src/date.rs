//! Moments as text. Source: RFC 3339.

/// The moment in UTC, by the second, for instance `2026-11-03T10:00:00Z`.
pub(crate) fn text(seconds: u64) -> String {
    // Years of four digits end there.
    let seconds = seconds.min(253_402_300_799);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Eras of 400 years, each beginning in March, so that a leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Seconds since 1970 of a moment; fractions are dropped. `None` when it is none or before that.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let mut next = || date.next()?.ok();
    let (year, month, day) = (next()?, next()?, next()?);
    let clock = time.get(..8)?;
    let mut clock_parts = clock.split(':').map(str::parse::<i64>);
    let mut next = || clock_parts.next()?.ok();
    let (hour, minute, second) = (next()?, next()?, next()?);
    let plausible = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !plausible {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let local = days * 86_400 + hour * 3_600 + minute * 60 + second;
    let zone = time
        .get(8..)?
        .trim_start_matches(|char: char| char == '.' || char.is_ascii_digit());
    u64::try_from(local - offset(zone)?).ok()
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match (zone.strip_prefix('+'), zone.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str| {
        text.parse::<i64>()
            .ok()
            .filter(|number| (0..60).contains(number))
    };
    Some(sign * (number(hours)? * 3_600 + number(minutes)? * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_written() {
        for (moment, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2026-11-03T10:00:00Z", 1_793_700_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(seconds(moment), Some(expected), "{moment}");
            assert_eq!(text(expected), moment);
        }
        assert_eq!(
            seconds("2026-11-03T12:30:00.123456789+02:30"),
            Some(1_793_700_000)
        );
        assert_eq!(seconds("2026-11-03T09:00:00-01:00"), Some(1_793_700_000));
        for nonsense in [
            "",
            "T",
            "2026-13-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-03T1é:00:00Z",
            "2026-11-03T10:00:00?",
        ] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
    }
}
