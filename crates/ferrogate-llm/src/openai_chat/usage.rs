//! OpenAI's `usage` object.

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use crate::json::{Object, Writer};
use crate::usage::read_object;

/// Reads it; `None` where it says nothing.
pub(crate) fn read(raw: &RawValue) -> Option<Usage> {
    Object::of(raw).and_then(|_| read_object(raw.get().as_bytes()))
}

/// Writes it.
pub(crate) fn write(usage: &Usage, w: &mut Writer) {
    w.open();
    w.member("prompt_tokens", &usage.input);
    w.member("completion_tokens", &usage.output);
    w.member("total_tokens", &usage.total());
    w.key("prompt_tokens_details").open();
    w.member("cached_tokens", &usage.cached_input);
    if usage.cache_write > 0 {
        w.member("cache_write_tokens", &usage.cache_write);
    }
    audio(usage.audio_input, w);
    w.close();
    w.key("completion_tokens_details").open();
    w.member("reasoning_tokens", &usage.reasoning);
    audio(usage.audio_output, w);
    w.close();
    w.close();
}

/// Tokens of sound, where there are any.
fn audio(tokens: u64, w: &mut Writer) {
    if tokens > 0 {
        w.member("audio_tokens", &tokens);
    }
}
