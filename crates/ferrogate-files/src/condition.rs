//! Conditions a request puts on the state of a file.

use std::time::SystemTime;

use http::HeaderMap;
use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};

/// What a file can be compared by.
#[derive(Clone, Debug)]
pub(crate) struct Validators {
    /// With its quotes.
    pub(crate) etag: Option<String>,
    pub(crate) modified: Option<SystemTime>,
}

/// What the conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The file is to be sent.
    Send,
    /// 304
    NotModified,
    /// 412
    Failed,
}

impl Validators {
    /// Weighs the conditions in their order of precedence. Source: RFC 9110, section 13.2.2.
    pub(crate) fn weigh(&self, headers: &HeaderMap) -> Outcome {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value: &http::HeaderValue| value.to_str().ok())
        };
        if let Some(tags) = text(IF_MATCH) {
            if !self.lists(tags, true) {
                return Outcome::Failed;
            }
        } else if let Some(since) = text(IF_UNMODIFIED_SINCE).and_then(date)
            && self.is_newer(since)
        {
            return Outcome::Failed;
        }
        if let Some(tags) = text(IF_NONE_MATCH) {
            if self.lists(tags, false) {
                return Outcome::NotModified;
            }
        } else if let Some(since) = text(IF_MODIFIED_SINCE).and_then(date)
            && self.modified.is_some()
            && !self.is_newer(since)
        {
            return Outcome::NotModified;
        }
        Outcome::Send
    }

    /// Whether `If-Range` allows a part of the file: the client's part and ours belong together. Source: RFC 9110, section
    /// 13.1.5.
    pub(crate) fn allow_range(&self, headers: &HeaderMap) -> bool {
        let Some(field) = headers.get(IF_RANGE) else {
            return true;
        };
        let Ok(field) = field.to_str() else {
            return false;
        };
        if field.starts_with('"') || field.starts_with("W/") {
            return self.lists(field, true);
        }
        match (date(field), self.modified) {
            (Some(date), Some(modified)) => seconds(modified) == seconds(date),
            _ => false,
        }
    }

    /// Whether a list of entity tags names ours. Strong comparison takes no weak tags.
    fn lists(&self, tags: &str, strong: bool) -> bool {
        if tags.trim() == "*" {
            return true;
        }
        let Some(own) = &self.etag else { return false };
        let (own_weak, own) = weakness(own);
        entity_tags(tags).any(|tag| {
            let (weak, tag) = weakness(tag);
            tag == own && !(strong && (weak || own_weak))
        })
    }

    fn is_newer(&self, than: SystemTime) -> bool {
        self.modified
            .is_some_and(|modified| seconds(modified) > seconds(than))
    }
}

/// The entity tags of a list; a comma may stand inside one.
fn entity_tags(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let quote = rest.find('"')?;
        let end = rest.get(quote + 1..)?.find('"')? + quote + 2;
        let (tag, behind) = rest.split_at_checked(end)?;
        rest = behind;
        Some(tag.trim())
    })
}

fn weakness(tag: &str) -> (bool, &str) {
    match tag.strip_prefix("W/") {
        Some(tag) => (true, tag),
        None => (false, tag),
    }
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

/// Dates in fields have whole seconds.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderName;

    use super::*;

    fn file() -> Validators {
        Validators {
            etag: Some("\"a,b\"".to_owned()),
            modified: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_500)),
        }
    }

    fn with(fields: &[(&HeaderName, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| ((*name).clone(), value.parse().unwrap()))
            .collect()
    }

    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    #[test]
    fn conditions_are_weighed_in_order() {
        use Outcome::{Failed, NotModified, Send};
        for (fields, expected) in [
            (&[][..], Send),
            (&[(&IF_NONE_MATCH, "\"a,b\"")][..], NotModified),
            (&[(&IF_NONE_MATCH, "\"x\", W/\"a,b\"")], NotModified),
            (&[(&IF_NONE_MATCH, "*")], NotModified),
            (&[(&IF_NONE_MATCH, "\"x\"")], Send),
            (
                &[(&IF_NONE_MATCH, "\"x\""), (&IF_MODIFIED_SINCE, SAME)],
                Send,
            ),
            (&[(&IF_MODIFIED_SINCE, SAME)], NotModified),
            (&[(&IF_MODIFIED_SINCE, BEFORE)], Send),
            (&[(&IF_MODIFIED_SINCE, "yesterday")], Send),
            (&[(&IF_MATCH, "\"a,b\"")], Send),
            (&[(&IF_MATCH, "W/\"a,b\"")], Failed),
            (&[(&IF_MATCH, "\"x\"")], Failed),
            (&[(&IF_UNMODIFIED_SINCE, BEFORE)], Failed),
            (&[(&IF_UNMODIFIED_SINCE, SAME)], Send),
            (&[(&IF_MATCH, "*"), (&IF_UNMODIFIED_SINCE, BEFORE)], Send),
        ] {
            assert_eq!(file().weigh(&with(fields)), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_range_belongs_to_one_state_of_the_file() {
        for (field, allowed) in [
            ("\"a,b\"", true),
            ("W/\"a,b\"", false),
            ("\"x\"", false),
            (SAME, true),
            (BEFORE, false),
            ("nonsense", false),
        ] {
            let headers = with(&[(&IF_RANGE, field)]);
            assert_eq!(file().allow_range(&headers), allowed, "{field}");
        }
        assert!(file().allow_range(&HeaderMap::new()));
    }
}
