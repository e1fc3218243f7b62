//! What a whole family of models has in common.

use std::sync::Arc;

use crate::glob::{self, ByteSet};
use crate::said::Said;

/// A pattern of ids, and what is said of the models it matches.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// The provider it is about; `*` for all.
    provider: Arc<str>,
    pattern: String,
    bytes: ByteSet,
    said: Said,
}

impl Family {
    pub(crate) fn new(provider: Arc<str>, pattern: &str, said: Said) -> Self {
        Self {
            provider,
            pattern: pattern.to_owned(),
            bytes: ByteSet::of_pattern(pattern),
            said,
        }
    }
}

/// The provider of families that hold everywhere.
pub(crate) const EVERYWHERE: &str = "*";

/// What the families say of `id` at `provider`: the provider's own longest pattern, over the longest of those that
/// hold everywhere.
pub(crate) fn inherited(families: &[Family], provider: &str, id: &str) -> Said {
    let bytes = ByteSet::of(id);
    let longest = |of: &str| {
        families
            .iter()
            .filter(|family| bytes.has_all(family.bytes) && *family.provider == *of)
            .filter(|family| glob::matches(&family.pattern, id))
            // The last of equally long ones, which is the operator's.
            .max_by_key(|family| family.pattern.len())
            .map(|family| &family.said)
    };
    match (longest(provider), longest(EVERYWHERE)) {
        (Some(own), Some(general)) => own.over(general),
        (Some(said), None) | (None, Some(said)) => said.clone(),
        (None, None) => Said::default(),
    }
}
