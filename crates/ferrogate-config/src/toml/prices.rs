//! Prices, of a model and of its places.

use super::line::{self, Lines};
use super::table::{Key, Shape};

/// The key of a price, by its place in the table.
pub(super) const fn key<S: Lines>(index: usize) -> Key<S> {
    let (name, doc) = PRICES[index];
    Key::new(name, Shape::Decimal, doc, line::one)
}

const PRICES: [(&str, &str); 8] = [
    ("input_price_per_1m", "Dollars for a million input tokens."),
    (
        "output_price_per_1m",
        "Dollars for a million output tokens.",
    ),
    (
        "cached_input_price_per_1m",
        "Dollars for a million cached tokens.",
    ),
    (
        "cache_write_price_per_1m",
        "Dollars for a million tokens written to the cache.",
    ),
    (
        "reasoning_price_per_1m",
        "Dollars for a million reasoning tokens; the output price by default.",
    ),
    ("image_price", "Dollars for one picture made."),
    ("audio_minute_price", "Dollars for one minute of sound."),
    (
        "character_price_per_1m",
        "Dollars for a million characters spoken.",
    ),
];
