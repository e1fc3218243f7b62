//! What a model can do.

use serde::{Serialize, Serializer};

use crate::words::words;

words! {
    /// One thing a model can do, or takes.
    pub enum Capability {
        /// Answers as a stream.
        Streaming = "streaming",
        /// Takes tools.
        Tools = "tools",
        /// Makes several tool calls in one answer.
        ParallelTools = "parallel_tools",
        /// Can be made to call some tool, or a named one.
        ForcedToolChoice = "forced_tool_choice",
        /// Takes ids on calls and results.
        CallIds = "call_ids",
        /// Takes pictures.
        Vision = "vision",
        /// Takes pictures by URL.
        ImageUrls = "image_urls",
        /// Takes PDF documents.
        Pdf = "pdf",
        /// Takes sound.
        AudioIn = "audio_in",
        /// Makes sound.
        AudioOut = "audio_out",
        /// Makes pictures.
        ImageOut = "image_out",
        /// Answers in a JSON schema.
        JsonSchema = "json_schema",
        /// Takes tools and a JSON schema in one request.
        ToolsWithSchema = "tools_with_schema",
        /// Thinks before it answers.
        Reasoning = "reasoning",
        /// Thinking can be switched off.
        ThinkingOff = "thinking_off",
        /// Prompts can be cached.
        PromptCache = "prompt_cache",
        /// Takes temperature and its kin.
        Sampling = "sampling",
        /// Takes them while it thinks too.
        SamplingWhileThinking = "sampling_while_thinking",
        /// Takes presence and frequency penalties.
        Penalties = "penalties",
        /// Takes stop sequences.
        Stop = "stop",
        /// Refuses `max_tokens`, takes `max_completion_tokens`.
        MaxCompletionTokens = "max_completion_tokens",
        /// Continues an answer that the caller began.
        Prefill = "prefill",
        /// Takes system messages anywhere in a conversation.
        SystemInMessages = "system_in_messages",
        /// Can be called in batches.
        Batch = "batch",
        /// Searches the web by itself.
        WebSearch = "web_search",
    }
}

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u32);

impl Capabilities {
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether `capability` is among them.
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u32) != 0
    }

    /// With `capability` too.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Self(self.0 | (1 << capability as u32))
    }

    /// With all of `others` too.
    #[must_use]
    pub const fn union(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Without any of `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each, in the order of the documentation.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL
            .iter()
            .copied()
            .filter(move |&capability| self.contains(capability))
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        capabilities.into_iter().fold(Self::NONE, Self::with)
    }
}

impl Serialize for Capabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_its_capability_and_has_its_own_place() {
        let mut all = Capabilities::NONE;
        for &capability in Capability::ALL {
            assert_eq!(Capability::named(capability.as_str()), Some(capability));
            assert!(!all.contains(capability));
            all = all.with(capability);
        }
        assert!(all.iter().eq(Capability::ALL.iter().copied()));
        assert!(all.without(all).is_empty());
    }
}
