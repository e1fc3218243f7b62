//! The name of a configuration.

use std::hash::Hasher;

use ferrogate_config::model::Config;

/// Twelve hexadecimal digits that change when the resolved configuration does; secrets take no part.
pub(crate) fn of(config: &Config) -> String {
    let text = serde_json::to_vec(config).unwrap_or_default();
    let mut hasher = xxhash_rust::xxh64::Xxh64::new(0);
    hasher.write(&text);
    format!("{:012x}", hasher.finish() & 0xffff_ffff_ffff)
}
