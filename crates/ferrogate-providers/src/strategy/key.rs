//! What is hashed of a request.

use ferrogate_types::routing::{HashKey, Sticky};
use xxhash_rust::xxh64::{Xxh64, xxh64};

use crate::{Asked, Target};

/// The hash of a request's key; `None` where the request has none.
pub(super) fn hash(key: &HashKey, asked: &dyn Asked) -> Option<u64> {
    let of = |text: &str| xxh64(text.as_bytes(), 0);
    match key {
        HashKey::User => asked.user().map(of),
        HashKey::Session => asked.session().map(of),
        HashKey::Key => asked.key().map(of),
        HashKey::Header(name) => asked.header(name).map(of),
        HashKey::PromptPrefix(chars) => asked.prompt_prefix(*chars).map(|prefix| of(&prefix)),
    }
}

/// The hash of a caller who stays; another one in each of its windows of time. The windows of different callers begin at
/// different times, so that not all of them move at once.
pub(super) fn sticky(sticky: &Sticky, asked: &dyn Asked) -> Option<u64> {
    let hash = hash(&sticky.key, asked)?;
    let Some(ttl) = sticky.ttl.map(|ttl| ttl.as_millis()).filter(|ttl| *ttl > 0) else {
        return Some(hash);
    };
    let shifted = asked.since_epoch().as_millis() + u128::from(hash) % ttl;
    let window = u64::try_from(shifted / ttl).unwrap_or(u64::MAX);
    Some(mix(hash, window))
}

/// The hash of a target: what it is, not where it stands, so that it wins the same keys on every node and after each
/// change of the configuration.
pub(super) fn place(target: &Target) -> u64 {
    let mut hasher = Xxh64::new(0);
    for part in [
        target.provider.id().as_str(),
        target.model.as_str(),
        target.label().unwrap_or_default(),
    ] {
        hasher.update(part.as_bytes());
        // No name has a control character in it.
        hasher.update(b"\0");
    }
    hasher.digest()
}

/// One hash of two.
pub(super) fn mix(one: u64, other: u64) -> u64 {
    xxh64(&other.to_le_bytes(), one)
}
