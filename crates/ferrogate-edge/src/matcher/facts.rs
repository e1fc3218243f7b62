//! A request as conditions see it.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::escape::decode;
use crate::path::{Slashes, clean, fold, split_target};
use crate::placeholder::View;

/// A request as conditions see it; the folded path is made when first asked for.
pub(crate) struct Facts<'a> {
    pub(crate) view: View<'a>,
    pub(crate) folded: &'a FoldedPath,
}

/// What is derived from the target, until a route changes it.
pub(crate) type FoldedPath = OnceCell<Folded>;

#[derive(Debug)]
pub(crate) struct Folded {
    /// Where the raw path ends.
    raw_end: usize,
    /// The decoded, cleaned, lower-cased path; `None` when that is the raw one.
    path: Option<Vec<u8>>,
}

impl Facts<'_> {
    /// The path as sent, and as matchers compare it.
    pub(crate) fn paths(&self) -> (&[u8], &[u8]) {
        let target = self.view.head.path_and_query();
        let folded = self.folded.get_or_init(|| {
            let (raw, _) = split_target(target);
            let path = match fold(raw) {
                Cow::Borrowed(_) => None,
                Cow::Owned(path) => Some(path),
            };
            Folded {
                raw_end: raw.len(),
                path,
            }
        });
        let raw = target.get(..folded.raw_end).unwrap_or(target);
        (raw, folded.path.as_deref().unwrap_or(raw))
    }

    /// The path decoded and cleaned, with its case.
    pub(super) fn cleaned_path(&self) -> Cow<'_, [u8]> {
        let (raw, folded) = self.paths();
        // Nothing needed doing.
        if std::ptr::eq(raw, folded) {
            return Cow::Borrowed(raw);
        }
        Cow::Owned(clean(&decode(raw), Slashes::Merge))
    }

    pub(super) fn query(&self) -> &[u8] {
        split_target(self.view.head.path_and_query())
            .1
            .unwrap_or_default()
    }
}
