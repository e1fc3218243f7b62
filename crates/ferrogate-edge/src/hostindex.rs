//! Finding the site of a host.

use std::collections::HashMap;

use crate::host::comparable;

/// Longer than any host name (RFC 1035, section 2.3.4, allows 255 octets).
const MAX_HOST: usize = 256;

/// The hosts of one listener, each leading to a site.
///
/// A look-up costs one hash for the host itself and one for each *shape* of wildcard in use (`*.x.y` is one
/// shape, `a.*.y` another), whatever the number of sites.
#[derive(Clone, Debug, Default)]
pub struct HostIndex {
    exact: HashMap<Box<[u8]>, Entry>,
    shapes: Vec<Shape>,
    catch_all: Option<Entry>,
}

/// Hosts with as many labels and wildcards at the same places.
#[derive(Clone, Debug)]
struct Shape {
    /// For each label, left to right: whether it is a `*`.
    wild: Vec<bool>,
    hosts: HashMap<Box<[u8]>, Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Place in the order of the rules: the lowest that matches wins.
    rank: usize,
    site: usize,
}

impl HostIndex {
    /// Builds the index from patterns in the order they are to be tried; `None` is every host.
    pub fn new<'a>(rules: impl IntoIterator<Item = (Option<&'a str>, usize)>) -> Self {
        let mut index = Self::default();
        for (rank, (host, site)) in rules.into_iter().enumerate() {
            let entry = Entry { rank, site };
            let Some(host) = host else {
                index.catch_all.get_or_insert(entry);
                continue;
            };
            let key = comparable(host.as_bytes())
                .to_ascii_lowercase()
                .into_boxed_slice();
            let wild: Vec<bool> = host.split('.').map(|label| label == "*").collect();
            let hosts = if wild.contains(&true) {
                let at = index
                    .shapes
                    .iter()
                    .position(|shape| shape.wild == wild)
                    .unwrap_or_else(|| {
                        index.shapes.push(Shape {
                            wild,
                            hosts: HashMap::new(),
                        });
                        index.shapes.len() - 1
                    });
                &mut index.shapes[at].hosts
            } else {
                &mut index.exact
            };
            hosts.entry(key).or_insert(entry);
        }
        index
    }

    /// The site of a `Host` field's value; its port does not matter.
    pub fn find(&self, authority: &[u8]) -> Option<usize> {
        self.entry(authority).map(|entry| entry.site)
    }

    /// Which pattern decides about a `Host` field's value: its place in the order they were given in.
    pub fn find_rule(&self, authority: &[u8]) -> Option<usize> {
        self.entry(authority).map(|entry| entry.rank)
    }

    fn entry(&self, authority: &[u8]) -> Option<Entry> {
        let host = comparable(authority);
        let mut buffer = [0; MAX_HOST];
        let Some(lower) = buffer.get_mut(..host.len()) else {
            return self.catch_all;
        };
        lower.copy_from_slice(host);
        lower.make_ascii_lowercase();
        let exact = self.exact.get(&*lower).copied();
        let wild = self.shapes.iter().filter_map(|shape| shape.find(lower));
        wild.chain(exact)
            .chain(self.catch_all)
            .min_by_key(|entry| entry.rank)
    }
}

impl Shape {
    fn find(&self, host: &[u8]) -> Option<Entry> {
        if memchr::memchr_iter(b'.', host).count() + 1 != self.wild.len() {
            return None;
        }
        let mut key = [0; MAX_HOST];
        let mut length = 0;
        for (label, wild) in host.split(|byte| *byte == b'.').zip(&self.wild) {
            if label.is_empty() {
                return None;
            }
            let label = if *wild { b"*" } else { label };
            if length > 0 {
                *key.get_mut(length)? = b'.';
                length += 1;
            }
            key.get_mut(length..length + label.len())?
                .copy_from_slice(label);
            length += label.len();
        }
        self.hosts.get(key.get(..length)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::host::host_matches;

    const RULES: &[(Option<&str>, usize)] = &[
        (Some("www.example.com"), 0),
        (Some("example.com"), 1),
        (Some("*.example.com"), 2),
        (Some("a.*.com"), 3),
        (Some("*.*.example.com"), 4),
        (Some("::1"), 5),
    ];

    #[test]
    fn the_first_rule_that_matches_wins() {
        let index = HostIndex::new(RULES.iter().copied());
        for (host, expected) in [
            ("www.example.com", Some(0)),
            ("WWW.Example.com:8443", Some(0)),
            ("example.com.", Some(1)),
            ("b.example.com", Some(2)),
            ("a.example.com", Some(2)),
            ("a.other.com", Some(3)),
            ("x.y.example.com", Some(4)),
            ("[::1]:80", Some(5)),
            ("other", None),
            ("", None),
        ] {
            assert_eq!(index.find(host.as_bytes()), expected, "{host}");
        }
    }

    #[test]
    fn a_catch_all_takes_what_is_left() {
        let index = HostIndex::new(RULES.iter().copied().chain([(None, 9)]));
        assert_eq!(index.find(b"other"), Some(9));
        assert_eq!(index.find(b""), Some(9));
        assert_eq!(index.find(&[b'a'; 4000]), Some(9));
        assert_eq!(index.find(b"example.com"), Some(1));
    }

    #[test]
    fn names_the_rule_as_well() {
        let index = HostIndex::new([(Some("*.a"), 7), (Some("b"), 7), (None, 3)]);
        for (host, rule) in [("x.a:80", 0), ("B", 1), ("c", 2)] {
            assert_eq!(index.find_rule(host.as_bytes()), Some(rule), "{host}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_trying_every_rule(host in "(\\*|[aA]|www|example|com|x)(\\.(\\*|a|example|com|y)){0,3}") {
            let index = HostIndex::new(RULES.iter().copied());
            let tried = RULES.iter().find(|(pattern, _)| pattern.is_some_and(|p| host_matches(p, host.as_bytes())));
            prop_assert_eq!(index.find(host.as_bytes()), tried.map(|(_, site)| *site));
        }
    }
}
