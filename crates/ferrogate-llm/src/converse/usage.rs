//! `TokenUsage`, whose input leaves out what came from the cache and what went into it.

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use crate::json::{Object, Writer};

/// Reads it; `None` where it says nothing.
pub(super) fn read(raw: &RawValue) -> Option<Usage> {
    let mut object = Object::of(raw)?;
    let mut count = |name| object.unsigned(name).ok().flatten();
    let input = count("inputTokens")?;
    let output = count("outputTokens").unwrap_or_default();
    let cached_input = count("cacheReadInputTokens").unwrap_or_default();
    let cache_write = count("cacheWriteInputTokens").unwrap_or_default();
    let details = object.array("cacheDetails").ok().flatten();
    let hour = details.unwrap_or_default().into_iter().filter_map(|raw| {
        let mut detail = Object::of(raw)?;
        let ttl = detail.text("ttl").ok()??;
        let tokens = detail.unsigned("inputTokens").ok()??;
        (ttl == "1h").then_some(tokens)
    });
    let cache_write_1h = hour.fold(0, u64::saturating_add).min(cache_write);
    Some(Usage {
        input: input
            .saturating_add(cached_input)
            .saturating_add(cache_write),
        cached_input,
        cache_write,
        cache_write_1h,
        output,
        ..Usage::default()
    })
}

/// Writes it.
pub(super) fn write(usage: &Usage, w: &mut Writer) {
    let fresh = usage
        .input
        .saturating_sub(usage.cached_input)
        .saturating_sub(usage.cache_write);
    w.open().member("inputTokens", &fresh);
    w.member("outputTokens", &usage.output);
    w.member("totalTokens", &usage.total());
    w.member("cacheReadInputTokens", &usage.cached_input);
    w.member("cacheWriteInputTokens", &usage.cache_write);
    if usage.cache_write > 0 {
        let hour = usage.cache_write_1h.min(usage.cache_write);
        w.key("cacheDetails").open_list();
        for (ttl, tokens) in [("5m", usage.cache_write - hour), ("1h", hour)] {
            if tokens > 0 {
                w.open().text("ttl", ttl).member("inputTokens", &tokens);
                w.close();
            }
        }
        w.close_list();
    }
    w.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_part_of_the_input_here_and_not_there() {
        let text = r#"{"inputTokens":61,"outputTokens":12,"totalTokens":1397,"cacheReadInputTokens":1024,"cacheWriteInputTokens":300,"cacheDetails":[{"ttl":"5m","inputTokens":100},{"ttl":"1h","inputTokens":200}]}"#;
        let usage = read(serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!((usage.input, usage.cached_input), (1385, 1024));
        assert_eq!((usage.cache_write, usage.cache_write_1h), (300, 200));
        let mut w = Writer::default();
        write(&usage, &mut w);
        assert_eq!(w.into_text(), text);
    }
}
