//! When a provider that refused says to come back.

use std::time::Duration;

use crate::date;
use crate::json::{self, Object};

/// How long to wait, by the first of these that is there: `retry-after-ms`; `Retry-After` in seconds (a date is left to
/// who knows the calendar of HTTP); what the body says; the resets of limits of which nothing remains.
///
/// `header` looks a header up by its name in lower case; `now` is the time since 1970. Sources: RFC 9110, section
/// 10.2.3; OpenAI's guide on rate limits; Anthropic's API reference, "Rate limits"; Google's `RetryInfo`; Hugging
/// Face's `estimated_time`.
pub fn read_wait<'h>(
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    now: Duration,
) -> Option<Duration> {
    let milliseconds = header("retry-after-ms").and_then(|text| seconds(text, 1000.0));
    milliseconds
        .or_else(|| header("retry-after").and_then(|text| seconds(text, 1.0)))
        .or_else(|| in_body(body))
        .or_else(|| {
            RESETS
                .iter()
                .filter_map(|row| reset(row, &header, now))
                .max()
        })
}

/// What remains of a limit, and when it is whole again.
const RESETS: [(&str, &str); 8] = [
    (
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    (
        "x-ratelimit-remaining-requests-day",
        "x-ratelimit-reset-requests-day",
    ),
    (
        "x-ratelimit-remaining-tokens-minute",
        "x-ratelimit-reset-tokens-minute",
    ),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    (
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ),
    (
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-reset",
    ),
    (
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-output-tokens-reset",
    ),
];

fn reset<'h>(
    (remaining, reset): &(&str, &str),
    header: &impl Fn(&str) -> Option<&'h str>,
    now: Duration,
) -> Option<Duration> {
    if header(remaining)?.trim().parse::<f64>().ok()? > 0.0 {
        return None;
    }
    let text = header(reset)?.trim();
    if let Some(at) = date::seconds(text) {
        return Some(Duration::from_secs(at).saturating_sub(now));
    }
    if let Some(number) = text.parse::<f64>().ok().filter(|number| *number >= 0.0) {
        // A bare number is an instant in milliseconds, an instant in seconds, or a time in seconds, by its size.
        return Some(match number {
            1e12.. => duration(number / 1000.0).saturating_sub(now),
            1e9.. => duration(number).saturating_sub(now),
            _ => duration(number),
        });
    }
    go_duration(text)
}

/// A number of units, of which so many are a second.
fn seconds(text: &str, per_second: f64) -> Option<Duration> {
    let number: f64 = text.trim().parse().ok()?;
    (number >= 0.0 && number.is_finite()).then(|| duration(number / per_second))
}

/// Seconds, at most some thirty years: what a provider says is not to be believed beyond that.
fn duration(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 1e9 * 2.0))
}

/// Go's form: `1m30.5s`, `20ms`, `6m0s`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at_checked(digits)?;
        let unit = behind
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(behind.len());
        let (unit, behind) = behind.split_at_checked(unit)?;
        let scale = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "\u{b5}s" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
        rest = behind;
    }
    (!text.is_empty()).then(|| duration(total))
}

/// Google's `details[].retryDelay`, or Hugging Face's `estimated_time`.
fn in_body(body: &[u8]) -> Option<Duration> {
    let mut object = Object::parse(body).ok()?;
    if let Some(estimated) = object.take("estimated_time").and_then(json::number) {
        return Some(duration(estimated));
    }
    let mut error = object.object("error").ok()??;
    let details = error.array("details").ok()??;
    details.into_iter().find_map(|raw| {
        let delay = Object::of(raw)?.text("retryDelay").ok()??;
        go_duration(&delay)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)], body: &str, expected: Option<f64>) {
        let header = |name: &str| {
            headers
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| *value)
        };
        let found = read_wait(header, body.as_bytes(), Duration::from_secs(1_790_000_000));
        assert_eq!(
            found.map(|wait| wait.as_secs_f64()),
            expected,
            "{headers:?} {body}"
        );
    }

    #[test]
    fn reads_every_way_to_say_it() {
        check(&[("retry-after", "7")], "", Some(7.0));
        check(&[("retry-after", "0.5")], "", Some(0.5));
        check(
            &[("retry-after", "7"), ("retry-after-ms", "250")],
            "",
            Some(0.25),
        );
        check(&[("retry-after", "soon")], "", None);
        check(&[("retry-after", "-1")], "", None);
        check(
            &[],
            r#"{"error":{"details":[{"a":1},{"retryDelay":"34.07s"}]}}"#,
            Some(34.07),
        );
        check(
            &[],
            r#"{"error":"loading","estimated_time":20.0}"#,
            Some(20.0),
        );
        let none_left = ("x-ratelimit-remaining-tokens", "0");
        check(
            &[none_left, ("x-ratelimit-reset-tokens", "1m30.5s")],
            "",
            Some(90.5),
        );
        check(
            &[
                ("x-ratelimit-remaining-tokens", "9"),
                ("x-ratelimit-reset-tokens", "1m"),
            ],
            "",
            None,
        );
        check(
            &[
                ("anthropic-ratelimit-requests-remaining", "0"),
                ("anthropic-ratelimit-requests-reset", "2026-09-21T14:13:21Z"),
            ],
            "",
            Some(1.0),
        );
        check(
            &[
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "1790000005000"),
            ],
            "",
            Some(5.0),
        );
        check(
            &[
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "1790000005"),
            ],
            "",
            Some(5.0),
        );
        check(
            &[
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "12.5"),
            ],
            "",
            Some(12.5),
        );
        check(&[], "", None);
    }

    #[test]
    fn nonsense_is_no_wait() {
        for text in ["", "1", "s", "1x", "1.2.3s", "\u{b5}"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }
}
