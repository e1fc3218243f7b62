//! Whether what is to be changed is still what the caller saw.

use ferrogate_storage::Expected;
use http::{HeaderMap, StatusCode, header};

use crate::refusal::Refusal;

/// Holds `If-Match` against the version that is there (RFC 9110, 13.1.1).
///
/// Without the header nothing is asked of the version.
pub(crate) fn require_match(
    headers: &HeaderMap,
    current: impl std::fmt::Display,
) -> Result<(), Refusal> {
    let mut asked = headers.get_all(header::IF_MATCH).iter().peekable();
    if asked.peek().is_none() {
        return Ok(());
    }
    let current = format!("\"{current}\"");
    let fits = asked
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag == current);
    if fits {
        Ok(())
    } else {
        Err(Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "version_mismatch",
            format!(
                "it is at version {current} now; read it again and repeat the change with that `If-Match`"
            ),
        ))
    }
}

/// The same for something with a version in the store, which must still be there when it is written.
pub(crate) fn expected(headers: &HeaderMap, current: u64) -> Result<Expected, Refusal> {
    require_match(headers, current)?;
    Ok(Expected::Version(current))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_strongly() {
        for (asked, fits) in [
            (None, true),
            (Some("\"7\""), true),
            (Some("*"), true),
            (Some("\"6\", \"7\""), true),
            (Some("\"6\""), false),
            (Some("W/\"7\""), false),
            (Some("7"), false),
            (Some(""), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(asked) = asked {
                headers.insert(header::IF_MATCH, asked.parse().unwrap());
            }
            assert_eq!(require_match(&headers, 7).is_ok(), fits, "{asked:?}");
        }
    }
}
