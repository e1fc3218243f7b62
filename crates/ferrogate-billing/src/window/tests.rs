use proptest::prelude::*;

use super::*;

fn at(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp()
}

fn check(period: Period, zone: &str, now: &str, start: &str, end: &str) {
    let now = Duration::from_secs(u64::try_from(at(now)).unwrap());
    let window = period.window_at(zone.parse().unwrap(), now);
    let expected = Window {
        start: at(start),
        end: at(end),
    };
    assert_eq!(
        window, expected,
        "{period} in {zone}, expected {start} to {end}"
    );
}

#[test]
fn follows_the_calendar_of_its_zone() {
    let rows = [
        (
            Period::Day,
            "UTC",
            "2026-03-29T12:00:00Z",
            "2026-03-29T00:00:00Z",
            "2026-03-30T00:00:00Z",
        ),
        (
            Period::Week,
            "UTC",
            "2026-03-01T23:59:59Z",
            "2026-02-23T00:00:00Z",
            "2026-03-02T00:00:00Z",
        ),
        (
            Period::Week,
            "UTC",
            "2026-03-02T00:00:00Z",
            "2026-03-02T00:00:00Z",
            "2026-03-09T00:00:00Z",
        ),
        (
            Period::Month,
            "UTC",
            "2028-02-29T00:00:00Z",
            "2028-02-01T00:00:00Z",
            "2028-03-01T00:00:00Z",
        ),
        (
            Period::Month,
            "Asia/Tokyo",
            "2026-12-31T15:00:00Z",
            "2027-01-01T00:00:00+09:00",
            "2027-02-01T00:00:00+09:00",
        ),
        // Days of 23 and of 25 hours.
        (
            Period::Day,
            "Europe/Berlin",
            "2026-03-29T12:00:00Z",
            "2026-03-29T00:00:00+01:00",
            "2026-03-30T00:00:00+02:00",
        ),
        (
            Period::Day,
            "Europe/Berlin",
            "2026-10-25T12:00:00Z",
            "2026-10-25T00:00:00+02:00",
            "2026-10-26T00:00:00+01:00",
        ),
        // Midnight is skipped, comes twice, and is taken back.
        (
            Period::Day,
            "America/Sao_Paulo",
            "2018-11-04T12:00:00Z",
            "2018-11-04T01:00:00-02:00",
            "2018-11-05T00:00:00-02:00",
        ),
        (
            Period::Day,
            "America/Havana",
            "2025-11-02T12:00:00Z",
            "2025-11-02T00:00:00-04:00",
            "2025-11-03T00:00:00-05:00",
        ),
        (
            Period::Day,
            "America/St_Johns",
            "2010-11-07T02:45:00Z",
            "2010-11-07T00:00:00-02:30",
            "2010-11-08T00:00:00-03:30",
        ),
        // A day that was not there.
        (
            Period::Day,
            "Pacific/Apia",
            "2011-12-29T22:00:00-10:00",
            "2011-12-29T00:00:00-10:00",
            "2011-12-31T00:00:00+14:00",
        ),
    ];
    for (period, zone, now, start, end) in rows {
        check(period, zone, now, start, end);
    }
}

#[test]
fn a_total_never_resets() {
    let window = Period::Total.window_at(Zone::UTC, Duration::from_secs(u64::MAX));
    assert_eq!((window, window.resets_at()), (Window::ALWAYS, None));
    assert!(!window.is_over(Duration::from_secs(1 << 60)));
}

#[test]
fn refuses_a_zone_that_does_not_exist() {
    assert!("Europe/Atlantis".parse::<Zone>().is_err());
    assert_eq!(
        "Europe/Berlin".parse::<Zone>().unwrap().to_string(),
        "Europe/Berlin"
    );
}

proptest! {
    #[test]
    fn a_moment_lies_in_its_window_and_windows_join(
        now in 0_i64..4_102_444_800,
        zone in proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]),
        period in proptest::sample::select(&[Period::Day, Period::Week, Period::Month][..]),
    ) {
        let of = |seconds: i64| {
            period.window_at(Zone(zone), Duration::from_secs(u64::try_from(seconds).unwrap()))
        };
        let window = of(now);
        prop_assert!(window.start <= now && now < window.end, "{window:?}");
        let next = of(window.end);
        prop_assert_eq!(next.start, window.end);
        prop_assert!(next.end > window.end);
    }
}
