//! The query of a request.

use std::borrow::Cow;

use crate::escape::{decode_component, encode_component};

/// A key and its value, decoded.
type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The pairs of a raw query, decoded; a pair with a broken escape or a semicolon is `None`.
pub(crate) fn pairs(query: &[u8]) -> impl Iterator<Item = Option<Pair<'_>>> {
    query
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            if memchr::memchr(b';', pair).is_some() {
                return None;
            }
            let (key, value) = match memchr::memchr(b'=', pair) {
                Some(at) => {
                    let (key, value) = pair.split_at(at);
                    (key, value.get(1..).unwrap_or_default())
                }
                None => (pair, &[][..]),
            };
            Some((decode_component(key)?, decode_component(value)?))
        })
}

/// A query taken apart to be edited; broken pairs are dropped.
#[derive(Debug)]
pub(crate) struct QueryPairs(pub(crate) Vec<(String, String)>);

impl QueryPairs {
    /// Reads a raw query.
    pub(crate) fn parse(query: &[u8]) -> Self {
        let text = |part: Cow<'_, [u8]>| String::from_utf8_lossy(&part).into_owned();
        Self(
            pairs(query)
                .flatten()
                .map(|(key, value)| (text(key), text(value)))
                .collect(),
        )
    }

    /// Writes the query sorted by key; pairs of one key keep their order.
    pub(crate) fn into_sorted_query(mut self) -> String {
        self.0.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut query = String::new();
        for (key, value) in &self.0 {
            if !query.is_empty() {
                query.push('&');
            }
            encode_component(key.as_bytes(), &mut query);
            query.push('=');
            encode_component(value.as_bytes(), &mut query);
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_sorts() {
        for (query, expected) in [
            ("", ""),
            ("b=2&a=1&a=0", "a=1&a=0&b=2"),
            ("a", "a="),
            ("a=b+c%20d", "a=b+c+d"),
            ("a=%zz&b=1", "b=1"),
            ("a;b=1&&c=2", "c=2"),
        ] {
            assert_eq!(
                QueryPairs::parse(query.as_bytes()).into_sorted_query(),
                expected,
                "{query}"
            );
        }
    }

    proptest! {
        #[test]
        fn writing_then_reading_is_identity(mut pairs in proptest::collection::vec((".{1,5}", ".{0,5}"), 0..5)) {
            let query = QueryPairs(pairs.clone()).into_sorted_query();
            pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
            prop_assert_eq!(QueryPairs::parse(query.as_bytes()).0, pairs);
        }
    }
}
