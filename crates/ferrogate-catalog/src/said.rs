//! What a line of the catalog says of a model's nature.

use ferrogate_llm::{Efforts, ModelTraits, ThinkingStyle};

use crate::{Capabilities, Capability, Mode};

/// What one row or family says; what it does not say is left to the layer below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) context_window: Option<u64>,
    pub(crate) max_output_tokens: Option<u64>,
    pub(crate) thinking: Option<ThinkingStyle>,
    pub(crate) efforts: Option<Efforts>,
    pub(crate) min_thinking_budget: Option<u64>,
    pub(crate) can: Capabilities,
    pub(crate) cannot: Capabilities,
}

impl Said {
    /// This, and what `below` says besides.
    pub(crate) fn over(&self, below: &Self) -> Self {
        Self {
            context_window: self.context_window.or(below.context_window),
            max_output_tokens: self.max_output_tokens.or(below.max_output_tokens),
            thinking: self.thinking.or(below.thinking),
            efforts: self.efforts.or(below.efforts),
            min_thinking_budget: self.min_thinking_budget.or(below.min_thinking_budget),
            can: below.can.without(self.cannot).union(self.can),
            cannot: below.cannot.without(self.can).union(self.cannot),
        }
    }

    /// What a model of that mode can do: what is said, and what every model of the mode does unless it is denied.
    pub(crate) fn capabilities(&self, mode: Mode) -> Capabilities {
        use Capability::{ForcedToolChoice, ParallelTools, Sampling, Stop, Streaming};
        let presumed: &[Capability] = match mode {
            Mode::Chat | Mode::Responses if self.can.contains(Capability::Tools) => {
                &[Streaming, Sampling, Stop, ParallelTools, ForcedToolChoice]
            }
            Mode::Chat | Mode::Responses | Mode::Completion => &[Streaming, Sampling, Stop],
            _ => &[],
        };
        let presumed: Capabilities = presumed.iter().copied().collect();
        self.can.union(presumed).without(self.cannot)
    }

    /// The traits: what is denied is refused, what is not spoken of is left to the provider.
    pub(crate) fn traits(&self) -> ModelTraits {
        let takes = |capability| !self.cannot.contains(capability);
        ModelTraits {
            context_window: self.context_window,
            max_output_tokens: self.max_output_tokens,
            thinking: self.thinking.unwrap_or_default(),
            efforts: self.efforts.unwrap_or_default(),
            min_thinking_budget: self.min_thinking_budget,
            thinking_off: takes(Capability::ThinkingOff),
            sampling: takes(Capability::Sampling),
            sampling_while_thinking: takes(Capability::Sampling)
                && takes(Capability::SamplingWhileThinking),
            penalties: takes(Capability::Penalties),
            stop: takes(Capability::Stop),
            max_completion_tokens: self.can.contains(Capability::MaxCompletionTokens),
            tools: takes(Capability::Tools),
            parallel_tools: takes(Capability::ParallelTools),
            forced_tool_choice: takes(Capability::ForcedToolChoice),
            call_ids: takes(Capability::CallIds),
            json_schema: takes(Capability::JsonSchema),
            tools_with_schema: takes(Capability::ToolsWithSchema),
            prefill: takes(Capability::Prefill),
            // Moved to the front they are understood by every model.
            system_in_messages: self.can.contains(Capability::SystemInMessages)
                && takes(Capability::SystemInMessages),
            images: takes(Capability::Vision),
            image_urls: takes(Capability::ImageUrls),
            pdf: takes(Capability::Pdf),
            audio_in: takes(Capability::AudioIn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &str) -> Capabilities {
        words.split(' ').filter_map(Capability::named).collect()
    }

    #[test]
    fn the_upper_layer_wins_where_it_speaks() {
        let below = Said {
            max_output_tokens: Some(8),
            context_window: Some(64),
            can: of("vision pdf"),
            cannot: of("sampling prefill"),
            ..Said::default()
        };
        let above = Said {
            max_output_tokens: Some(16),
            can: of("sampling"),
            cannot: of("pdf"),
            ..Said::default()
        };
        let both = above.over(&below);
        assert_eq!(both.max_output_tokens, Some(16));
        assert_eq!(both.context_window, Some(64));
        assert_eq!(both.can, of("vision sampling"));
        assert_eq!(both.cannot, of("prefill pdf"));
    }

    #[test]
    fn nothing_said_is_the_permissive_default() {
        assert_eq!(Said::default().traits(), ModelTraits::default());
    }
}
