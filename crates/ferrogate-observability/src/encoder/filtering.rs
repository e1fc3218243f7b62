//! Fields on their way through filters.

use super::filter::{FieldFilter, Filter};
use crate::event::{Field, FieldSink};

/// Passes fields on to another sink, changed by filters.
pub(super) struct Filtering<'a> {
    filters: &'a [FieldFilter],
    next: &'a mut dyn FieldSink,
    /// The objects that are open, by the names they came with.
    path: Vec<String>,
    /// How many of them, from the last on, are left out.
    dropped: usize,
}

impl<'a> Filtering<'a> {
    pub(super) fn new(filters: &'a [FieldFilter], next: &'a mut dyn FieldSink) -> Self {
        Self {
            filters,
            next,
            path: Vec::new(),
            dropped: 0,
        }
    }

    /// The filters for this member of the object that is open, in the order written.
    fn of(&self, key: &str) -> impl Iterator<Item = &'a Filter> + use<'a> {
        let fitting: Vec<&'a Filter> = self
            .filters
            .iter()
            .filter(|filter| filter.is_at(&self.path, key))
            .map(|filter| &filter.filter)
            .collect();
        fitting.into_iter()
    }
}

impl FieldSink for Filtering<'_> {
    fn field(&mut self, key: &str, value: Field<'_>) {
        if self.dropped > 0 {
            return;
        }
        let (mut name, mut value) = (key, value);
        for filter in self.of(key) {
            match filter {
                Filter::Delete => return,
                Filter::Rename(to) => name = to,
                filter => value = filter.change(value),
            }
        }
        self.next.field(name, value);
    }

    fn open(&mut self, key: &str) {
        if self.dropped > 0 {
            self.dropped += 1;
            return;
        }
        let mut name = key;
        for filter in self.of(key) {
            match filter {
                Filter::Delete => {
                    self.dropped = 1;
                    return;
                }
                Filter::Rename(to) => name = to,
                Filter::Replace(text) => {
                    self.next.field(name, text.as_str().into());
                    self.dropped = 1;
                    return;
                }
                // The others change text, of which an object is none.
                _ => {}
            }
        }
        self.next.open(name);
        self.path.push(key.to_owned());
    }

    fn close(&mut self) {
        if self.dropped > 0 {
            self.dropped -= 1;
        } else {
            self.path.pop();
            self.next.close();
        }
    }
}
