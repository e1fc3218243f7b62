//! The `usage` of Responses.

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use crate::json::Writer;
use crate::usage::read_object;

/// Reads it; `None` where it says nothing.
pub(super) fn read(raw: &RawValue) -> Option<Usage> {
    read_object(raw.get().as_bytes())
}

/// Writes it.
pub(super) fn write(usage: &Usage, w: &mut Writer) {
    w.open().member("input_tokens", &usage.input);
    w.key("input_tokens_details").open();
    w.member("cached_tokens", &usage.cached_input);
    w.member("cache_write_tokens", &usage.cache_write).close();
    w.member("output_tokens", &usage.output);
    w.key("output_tokens_details").open();
    w.member("reasoning_tokens", &usage.reasoning).close();
    w.member("total_tokens", &usage.total()).close();
}
