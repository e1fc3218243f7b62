//! How values look in the resolved configuration's JSON.

use std::time::Duration;

use serde::Serializer;

use crate::format_duration;

/// Writes a duration as configuration does: `1m30s`. For `#[serde(serialize_with = …)]`.
pub fn serialize_duration<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_duration(*duration))
}

/// As [`serialize_duration`], with `null` where there is none.
pub fn serialize_duration_option<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serialize_duration(duration, serializer),
        None => serializer.serialize_none(),
    }
}
