//! Anthropic's `usage`, whose input leaves out what was cached.

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use crate::json::{self, Object, Writer};

/// Counts as they come: in a stream later ones replace earlier ones, each by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    cache_write_5m: Option<u64>,
    cache_write_1h: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
}

impl Counts {
    /// Takes the counts that are told.
    ///
    /// Source: Anthropic's API reference, "Messages", `usage`: in `message_delta` they are cumulative.
    pub(super) fn update(&mut self, raw: &RawValue) {
        let Some(mut object) = Object::of(raw) else {
            return;
        };
        // Server-side loops: what is billed is the sum of their rounds.
        let rounds = object.array("iterations").ok().flatten();
        if let Some(rounds) = rounds.filter(|rounds| !rounds.is_empty()) {
            let mut all = Self::default();
            for round in rounds {
                let mut one = Self::default();
                if let Some(object) = Object::of(round) {
                    one.take(object);
                }
                all.add(one);
            }
            self.replace(all);
            return;
        }
        let mut told = Self::default();
        told.take(object);
        self.replace(told);
    }

    fn take(&mut self, mut object: Object<'_>) {
        let count = |object: &mut Object<'_>, name| object.take(name).and_then(json::unsigned);
        self.input = count(&mut object, "input_tokens");
        self.cache_read = count(&mut object, "cache_read_input_tokens");
        self.cache_write = count(&mut object, "cache_creation_input_tokens");
        if let Ok(Some(mut kinds)) = object.object("cache_creation") {
            self.cache_write_5m = count(&mut kinds, "ephemeral_5m_input_tokens");
            self.cache_write_1h = count(&mut kinds, "ephemeral_1h_input_tokens");
        }
        self.output = count(&mut object, "output_tokens");
        if let Ok(Some(mut details)) = object.object("output_tokens_details") {
            self.thinking = count(&mut details, "thinking_tokens");
        }
    }

    fn each(&mut self, other: Self, join: impl Fn(Option<u64>, Option<u64>) -> Option<u64>) {
        self.input = join(self.input, other.input);
        self.cache_read = join(self.cache_read, other.cache_read);
        self.cache_write = join(self.cache_write, other.cache_write);
        self.cache_write_5m = join(self.cache_write_5m, other.cache_write_5m);
        self.cache_write_1h = join(self.cache_write_1h, other.cache_write_1h);
        self.output = join(self.output, other.output);
        self.thinking = join(self.thinking, other.thinking);
    }

    fn replace(&mut self, later: Self) {
        self.each(later, |old, new| new.or(old));
    }

    fn add(&mut self, other: Self) {
        self.each(other, |one, two| match (one, two) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        });
    }

    /// In the convention of this gateway, whose input includes what was cached; `None` when nothing was told.
    pub(super) fn usage(&self) -> Option<Usage> {
        if self.input.is_none() && self.output.is_none() {
            return None;
        }
        let count = Option::unwrap_or_default;
        let cached = count(self.cache_read);
        let one_hour = count(self.cache_write_1h);
        let written = self
            .cache_write
            .unwrap_or_else(|| count(self.cache_write_5m).saturating_add(one_hour));
        let output = count(self.output);
        Some(Usage {
            input: count(self.input)
                .saturating_add(cached)
                .saturating_add(written),
            cached_input: cached,
            cache_write: written,
            cache_write_1h: one_hour.min(written),
            output,
            reasoning: count(self.thinking).min(output),
            ..Usage::default()
        })
    }
}

/// Reads a whole `usage` object.
pub(super) fn read(raw: &RawValue) -> Option<Usage> {
    let mut counts = Counts::default();
    counts.update(raw);
    counts.usage()
}

/// Writes the members of a `usage` object, which is open.
pub(super) fn write_members(usage: &Usage, w: &mut Writer) {
    let cached = usage.cached_input.saturating_add(usage.cache_write);
    w.member("input_tokens", &usage.input.saturating_sub(cached));
    w.member("cache_creation_input_tokens", &usage.cache_write);
    w.member("cache_read_input_tokens", &usage.cached_input);
    if usage.cache_write > 0 {
        let short = usage.cache_write.saturating_sub(usage.cache_write_1h);
        w.key("cache_creation").open();
        w.member("ephemeral_5m_input_tokens", &short);
        w.member("ephemeral_1h_input_tokens", &usage.cache_write_1h);
        w.close();
    }
    w.member("output_tokens", &usage.output);
    if usage.reasoning > 0 {
        w.key("output_tokens_details").open();
        w.member("thinking_tokens", &usage.reasoning).close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn input_leaves_out_what_was_cached_and_is_put_together_again() {
        let text = r#"{"input_tokens":41,"cache_creation_input_tokens":900,"cache_read_input_tokens":2048,"cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":800},"output_tokens":57,"output_tokens_details":{"thinking_tokens":30}}"#;
        let usage = read(raw(text)).unwrap();
        assert_eq!(
            (usage.input, usage.cache_write_1h, usage.reasoning),
            (2989, 800, 30)
        );
        let mut w = Writer::default();
        w.open();
        write_members(&usage, &mut w);
        w.close();
        assert_eq!(w.into_text(), text);
    }

    #[test]
    fn later_counts_replace_and_rounds_are_summed() {
        let mut counts = Counts::default();
        counts.update(raw(
            r#"{"input_tokens":5,"cache_read_input_tokens":7,"output_tokens":1}"#,
        ));
        counts.update(raw(
            r#"{"input_tokens":null,"cache_read_input_tokens":null,"output_tokens":9}"#,
        ));
        let usage = counts.usage().unwrap();
        assert_eq!((usage.input, usage.output), (12, 9));
        counts.update(raw(
            r#"{"output_tokens":1,"iterations":[{"input_tokens":1,"output_tokens":2},{"input_tokens":3,"output_tokens":4}]}"#,
        ));
        let usage = counts.usage().unwrap();
        assert_eq!((usage.input, usage.output), (11, 6));
        assert!(Counts::default().usage().is_none());
    }
}
