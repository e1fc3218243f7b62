//! Some members of an object, without building the others.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of these names of a whole body, which must be one object; of a member twice the last.
pub(crate) fn peek<'a, const N: usize>(
    body: &'a [u8],
    names: [&str; N],
) -> serde_json::Result<[Option<&'a RawValue>; N]> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let found = deserializer.deserialize_map(Members(names))?;
    deserializer.end()?;
    Ok(found)
}

struct Members<'n, const N: usize>([&'n str; N]);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, const N: usize> Visitor<'de> for Members<'_, N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(Key(name)) = map.next_key()? {
            match self.0.iter().position(|wanted| *wanted == name) {
                Some(at) => found[at] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_members_at_the_top_only() {
        let found = peek(br#"{"x":{"a":1},"a":[2],"b":null,"a":3}"#, ["a", "b", "c"]).unwrap();
        let text = found.map(|raw| raw.map(RawValue::get));
        assert_eq!(text, [Some("3"), Some("null"), None]);
        for broken in ["[]", r#"{"a":1} 2"#, r#"{"a":1"#, ""] {
            assert!(peek(broken.as_bytes(), ["a"]).is_err(), "{broken}");
        }
    }
}
