//! Ids of answers, which each dialect begins in its own way.

use std::borrow::Cow;

/// What ids of answers begin with where a dialect says so.
const PREFIXES: [&str; 4] = ["chatcmpl-", "resp_", "msg_", "gen-"];

/// The id as it is told to a caller: as it came if it has the prefix already, the provider's prefix replaced if it
/// has another, made of `fallback` if the provider gave none.
pub(crate) fn with_prefix<'a>(id: &'a str, prefix: &str, fallback: &str) -> Cow<'a, str> {
    if id.is_empty() {
        return Cow::Owned(format!("{prefix}{fallback}"));
    }
    if id.starts_with(prefix) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("{prefix}{}", bare(id)))
}

/// The id without its prefix.
pub(crate) fn bare(id: &str) -> &str {
    PREFIXES
        .iter()
        .find_map(|prefix| id.strip_prefix(prefix))
        .unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_change_their_prefix_and_nothing_else() {
        for (id, expected) in [
            ("msg_1", "msg_1"),
            ("chatcmpl-1", "msg_1"),
            ("odd", "msg_odd"),
            ("", "msg_f00d"),
        ] {
            assert_eq!(with_prefix(id, "msg_", "f00d"), expected);
        }
    }
}
