//! Times as token servers write them.

use std::time::Duration;

use chrono::DateTime;
use serde_json::Value;

/// A time of RFC 3339, since 1970.
pub(crate) fn rfc3339(text: &str) -> Option<Duration> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    u64::try_from(time.timestamp())
        .ok()
        .map(Duration::from_secs)
}

/// A number of seconds that may be written as a string, an integer or a float.
pub(crate) fn seconds(value: &Value) -> Option<Duration> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    Duration::try_from_secs_f64(number?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_is_written() {
        for (value, expected) in [
            (json!(3599), Some(3599)),
            (json!("3599"), Some(3599)),
            (json!(3599.0), Some(3599)),
            (json!(-1), None),
            (json!(1e300), None),
            (json!("NaN"), None),
            (json!("soon"), None),
            (json!(null), None),
            (json!([]), None),
        ] {
            assert_eq!(
                seconds(&value),
                expected.map(Duration::from_secs),
                "{value}"
            );
        }
        for (text, expected) in [
            ("1970-01-01T00:01:00Z", Some(60)),
            ("1970-01-01T01:01:00+01:00", Some(60)),
            ("1970-01-01T00:01:00.5Z", Some(60)),
            ("1969-12-31T23:59:59Z", None),
            ("tomorrow", None),
        ] {
            assert_eq!(rfc3339(text), expected.map(Duration::from_secs), "{text}");
        }
    }
}
