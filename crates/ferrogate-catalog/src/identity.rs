//! The ids under which a provider knows one model.

use std::sync::Arc;

/// What a provider's ids may carry around the id of a row.
#[derive(Clone, Debug)]
pub(crate) struct Wrapping {
    pub(crate) provider: Arc<str>,
    /// What may stand before it: `us.`, `accounts/fireworks/models/`.
    pub(crate) prefixes: Vec<String>,
    /// What starts something that may stand behind it: `@`.
    pub(crate) suffixes: Vec<String>,
}

/// The ids to look for, first the one given, then without what `wrapping` allows around it.
pub(crate) fn candidates<'a>(wrapping: Option<&Wrapping>, id: &'a str) -> Vec<&'a str> {
    let mut found = vec![id];
    let mut add = |candidate: &'a str| {
        if !candidate.is_empty() && !found.contains(&candidate) {
            found.push(candidate);
        }
    };
    // An ARN of Amazon's ends with the id: `arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x`.
    let id = match id.rsplit_once('/') {
        Some((_, last)) if id.starts_with("arn:") => last,
        _ => id,
    };
    add(id);
    let Some(wrapping) = wrapping else {
        return found;
    };
    let inner = wrapping
        .prefixes
        .iter()
        .find_map(|prefix| id.strip_prefix(prefix.as_str()))
        .unwrap_or(id);
    add(inner);
    for suffix in &wrapping.suffixes {
        for whole in [id, inner] {
            if let Some((before, _)) = whole.split_once(suffix.as_str()) {
                add(before);
            }
        }
    }
    found
}

/// The id without the date or the version number at its end: `-2024-08-06`, `-20250929`, `-2411`, `-001`.
pub(crate) fn undated(id: &str) -> Option<&str> {
    const SHAPES: [&str; 4] = ["-dddd-dd-dd", "-dddddddd", "-dddd", "-ddd"];
    SHAPES.into_iter().find_map(|shape| {
        let (rest, tail) = id.split_at_checked(id.len().checked_sub(shape.len())?)?;
        let fits = |(byte, wanted): (u8, u8)| match wanted {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        };
        (!rest.is_empty() && tail.bytes().zip(shape.bytes()).all(fits)).then_some(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_dates_off() {
        for (id, expected) in [
            ("gpt-4o-2024-08-06", Some("gpt-4o")),
            ("claude-sonnet-4-5-20250929", Some("claude-sonnet-4-5")),
            ("mistral-large-2411", Some("mistral-large")),
            ("gemini-2.0-flash-001", Some("gemini-2.0-flash")),
            ("gpt-4o", None),
            ("gpt-4o-mini", None),
            ("-2024-08-06", None),
            ("2411", None),
            ("é-001", Some("é")),
            ("gpt-4o-2024-08-0é", None),
        ] {
            assert_eq!(undated(id), expected, "{id}");
        }
    }

    #[test]
    fn unwraps_what_the_provider_wraps() {
        let wrapping = Wrapping {
            provider: "p".into(),
            prefixes: vec!["us.".into(), "models/".into()],
            suffixes: vec!["@".into()],
        };
        for (id, expected) in [
            ("m", vec!["m"]),
            ("us.m", vec!["us.m", "m"]),
            ("models/m@1", vec!["models/m@1", "m@1", "models/m", "m"]),
            (
                "arn:aws:bedrock:r:1:inference-profile/us.m",
                vec!["arn:aws:bedrock:r:1:inference-profile/us.m", "us.m", "m"],
            ),
            ("us.", vec!["us."]),
            ("@", vec!["@"]),
        ] {
            assert_eq!(candidates(Some(&wrapping), id), expected, "{id}");
        }
        assert_eq!(candidates(None, "us.m"), ["us.m"]);
    }
}
