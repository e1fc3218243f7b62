//! Prices, of a model and of one of its targets.

use crate::caddyfile::context::Cx;
use crate::caddyfile::line::Line;
use crate::caddyfile::table::Row;
use crate::model::OwnPrices;

/// Something that has prices of its own.
pub(super) trait Priced {
    /// The prices so far.
    fn prices(&mut self) -> &mut OwnPrices;
}

/// What a price is for.
#[derive(Clone, Copy)]
pub(super) enum For {
    Input,
    Output,
    CachedInput,
    CacheWrite,
    Reasoning,
    Image,
    AudioMinute,
    Characters,
}

/// The row of a price.
pub(super) const fn row<S: Priced>(what: For) -> Row<S> {
    match what {
        For::Input => Row::new(
            "input_price_per_1m",
            "input_price_per_1m DOLLARS",
            "A million input tokens.",
            |cx, line, s| read(cx, line, &mut s.prices().input_price_per_1m),
        ),
        For::Output => Row::new(
            "output_price_per_1m",
            "output_price_per_1m DOLLARS",
            "A million output tokens.",
            |cx, line, s| read(cx, line, &mut s.prices().output_price_per_1m),
        ),
        For::CachedInput => Row::new(
            "cached_input_price_per_1m",
            "cached_input_price_per_1m DOLLARS",
            "A million cached tokens.",
            |cx, line, s| read(cx, line, &mut s.prices().cached_input_price_per_1m),
        ),
        For::CacheWrite => Row::new(
            "cache_write_price_per_1m",
            "cache_write_price_per_1m DOLLARS",
            "A million tokens written to the cache.",
            |cx, line, s| read(cx, line, &mut s.prices().cache_write_price_per_1m),
        ),
        For::Reasoning => Row::new(
            "reasoning_price_per_1m",
            "reasoning_price_per_1m DOLLARS",
            "A million reasoning tokens; the output price by default.",
            |cx, line, s| read(cx, line, &mut s.prices().reasoning_price_per_1m),
        ),
        For::Image => Row::new(
            "image_price",
            "image_price DOLLARS",
            "One picture made.",
            |cx, line, s| read(cx, line, &mut s.prices().image_price),
        ),
        For::AudioMinute => Row::new(
            "audio_minute_price",
            "audio_minute_price DOLLARS",
            "One minute of sound.",
            |cx, line, s| read(cx, line, &mut s.prices().audio_minute_price),
        ),
        For::Characters => Row::new(
            "character_price_per_1m",
            "character_price_per_1m DOLLARS",
            "A million characters spoken.",
            |cx, line, s| read(cx, line, &mut s.prices().character_price_per_1m),
        ),
    }
}

fn read(cx: &mut Cx<'_>, line: &Line<'_>, price: &mut Option<ferrogate_types::Price>) {
    *price = line.parse(cx, "price");
}
