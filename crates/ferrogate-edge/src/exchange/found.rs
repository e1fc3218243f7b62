//! What matchers found on the way.

use std::sync::Arc;

use parking_lot::Mutex;
use regex::bytes::{Captures as Groups, Regex};

/// Findings of matchers, which see the request only by shared reference.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    /// The latest last.
    captures: Vec<Captures>,
    file: Option<Box<FoundFile>>,
}

/// The groups an expression found.
#[derive(Debug)]
pub(crate) struct Captures {
    /// The name under which they are read, besides none.
    name: Option<Arc<str>>,
    regex: Regex,
    groups: Box<[Box<str>]>,
}

/// The file a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FoundFile {
    /// From the root on, with a slash in front.
    pub(crate) relative: String,
    /// The whole path.
    pub(crate) absolute: String,
    /// Whether it is a directory.
    pub(crate) is_dir: bool,
    /// What was split off the candidate.
    pub(crate) remainder: String,
}

impl Captures {
    /// Takes the groups; one that took no part is empty.
    pub(crate) fn new(name: Option<&Arc<str>>, regex: &Regex, groups: &Groups<'_>) -> Self {
        let groups = groups.iter().map(|group| {
            group.map_or_else(Box::default, |group| {
                String::from_utf8_lossy(group.as_bytes()).into()
            })
        });
        Self {
            name: name.cloned(),
            regex: regex.clone(),
            groups: groups.collect(),
        }
    }

    /// A group by number or name.
    fn group(&self, key: &str) -> Option<&str> {
        let at = key.parse().ok().or_else(|| {
            self.regex
                .capture_names()
                .position(|name| name == Some(key))
        })?;
        self.groups.get::<usize>(at).map(|group| &**group)
    }
}

impl Shelf {
    /// Keeps the groups of a match; those of the same name before are replaced.
    pub(crate) fn keep(&self, captures: Captures) {
        let mut found = self.found.lock();
        found.captures.retain(|known| known.name != captures.name);
        found.captures.push(captures);
    }

    /// The group of `{re.NAME.GROUP}` or `{re.GROUP}`, which is the latest of that kind.
    pub(crate) fn group(&self, key: &str) -> Option<String> {
        let found = self.found.lock();
        let mut latest = found.captures.iter().rev();
        let named = key.rsplit_once('.').and_then(|(name, group)| {
            let mut latest = found.captures.iter().rev();
            latest
                .find(|captures| captures.name.as_deref() == Some(name))
                .and_then(|captures| captures.group(group))
        });
        named
            .or_else(|| latest.find_map(|captures| captures.group(key)))
            .map(str::to_owned)
    }

    /// Keeps the file a search found.
    pub(crate) fn keep_file(&self, file: FoundFile) {
        self.found.lock().file = Some(Box::new(file));
    }

    /// The file found last.
    pub(crate) fn file(&self) -> Option<FoundFile> {
        self.found.lock().file.as_deref().cloned()
    }
}
