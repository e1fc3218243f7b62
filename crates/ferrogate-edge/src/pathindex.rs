//! Finding the routes a path can match without trying each.

use std::collections::HashMap;

/// What a path must be for a route to be worth a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathKey {
    /// This path.
    Exact(Box<[u8]>),
    /// A path that begins so.
    Prefix(Box<[u8]>),
}

/// The routes of a list by the paths they ask for, in the order of the list.
///
/// A look-up costs one hash and one binary search, and then one step for each prefix that fits.
#[derive(Debug, Default)]
pub(crate) struct PathIndex {
    exact: HashMap<Box<[u8]>, Vec<u32>>,
    /// Sorted. Every prefix of a path that is in the table is a prefix of the greatest entry not above the path, so that
    /// following `parent` from there meets them all.
    prefixes: Vec<Prefix>,
}

#[derive(Debug)]
struct Prefix {
    text: Box<[u8]>,
    /// The longest other entry this one begins with.
    parent: Option<usize>,
    ordinals: Vec<u32>,
}

impl PathIndex {
    /// Builds the index; the keys of the n-th entry are alternatives of the n-th route.
    pub(crate) fn new(routes: &[Vec<PathKey>]) -> Self {
        let mut index = Self::default();
        let mut prefixes: HashMap<&[u8], Vec<u32>> = HashMap::new();
        for (ordinal, keys) in (0..).zip(routes) {
            for key in keys {
                let ordinals = match key {
                    PathKey::Exact(path) => index.exact.entry(path.clone()).or_default(),
                    PathKey::Prefix(prefix) => prefixes.entry(prefix).or_default(),
                };
                ordinals.push(ordinal);
            }
        }
        let mut sorted: Vec<_> = prefixes.into_iter().collect();
        sorted.sort_unstable();
        for (text, ordinals) in sorted {
            let mut parent = index.prefixes.len().checked_sub(1);
            while let Some(at) = parent {
                if text.starts_with(&index.prefixes[at].text) {
                    break;
                }
                parent = index.prefixes[at].parent;
            }
            index.prefixes.push(Prefix {
                text: text.into(),
                parent,
                ordinals,
            });
        }
        index
    }

    /// The first route from `ordinal` on that the path may match.
    pub(crate) fn seek(&self, ordinal: u32, path: &[u8]) -> Option<u32> {
        let exact = self
            .exact
            .get(path)
            .and_then(|ordinals| first_from(ordinals, ordinal));
        let above = self
            .prefixes
            .partition_point(|prefix| *prefix.text <= *path);
        let mut at = above.checked_sub(1);
        let mut found = exact;
        while let Some(prefix) = at.and_then(|at| self.prefixes.get(at)) {
            if path.starts_with(&prefix.text)
                && let Some(candidate) = first_from(&prefix.ordinals, ordinal)
            {
                found = Some(found.map_or(candidate, |found| found.min(candidate)));
            }
            at = prefix.parent;
        }
        found
    }
}

fn first_from(ordinals: &[u32], from: u32) -> Option<u32> {
    ordinals
        .get(ordinals.partition_point(|ordinal| *ordinal < from))
        .copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(key: &PathKey, path: &[u8]) -> bool {
        match key {
            PathKey::Exact(text) => path == &**text,
            PathKey::Prefix(text) => path.starts_with(text),
        }
    }

    fn key() -> impl Strategy<Value = PathKey> {
        ("(/[ab]?){0,4}", any::<bool>()).prop_map(|(text, exact)| {
            let text = text.into_bytes().into();
            if exact {
                PathKey::Exact(text)
            } else {
                PathKey::Prefix(text)
            }
        })
    }

    proptest! {
        #[test]
        fn agrees_with_trying_every_route(
            routes in proptest::collection::vec(proptest::collection::vec(key(), 1..3), 0..40),
            path in "(/[abc]?){0,5}",
            from in 0_u32..45,
        ) {
            let tried = (0..).zip(&routes).find(|(ordinal, keys)| {
                *ordinal >= from && keys.iter().any(|key| fits(key, path.as_bytes()))
            });
            let index = PathIndex::new(&routes);
            prop_assert_eq!(index.seek(from, path.as_bytes()), tried.map(|(ordinal, _)| ordinal));
        }
    }
}
