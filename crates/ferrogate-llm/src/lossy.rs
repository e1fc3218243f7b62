//! What a translation could not carry.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::value::RawValue;

use crate::Dialect;
use crate::json::{self, Object};

/// The members of a request that its target has no place for, in the caller's own words.
#[derive(Clone, Debug)]
pub struct Lossy {
    dialect: Dialect,
    fields: Vec<Cow<'static, str>>,
}

/// Members that ask, with this value, for what every target does by itself.
const IDLE: [(&str, &str); 7] = [
    ("truncation", r#""disabled""#),
    ("modalities", r#"["text"]"#),
    // Whatever a target lets be sent back is in the answer.
    ("include", r#"["reasoning.encrypted_content"]"#),
    (
        "include",
        r#"["reasoning.encrypted_content","message.output_text.logprobs"]"#,
    ),
    (
        "include",
        r#"["message.output_text.logprobs","reasoning.encrypted_content"]"#,
    ),
    ("include", r#"["message.output_text.logprobs"]"#),
    ("citations", r#"{"enabled":false}"#),
];

/// Whether nothing is lost with a member: it is null, off or empty, or one of [`IDLE`].
fn is_idle(name: &str, raw: &RawValue) -> bool {
    let value = json::compact(raw);
    matches!(value.as_ref(), "null" | "false" | "[]" | "{}" | "\"\"")
        || IDLE
            .iter()
            .any(|(idle, only)| *idle == name && *only == value)
}

/// Names kept; a caller that makes up more learns of the first so many.
const MOST: usize = 64;
/// Characters kept of a name that the caller made up.
const LONGEST: usize = 96;

/// A name as a header can say it: what is no printing ASCII stands as in a URL, and a long name is cut. Otherwise one
/// member with a strange name would keep all the others from being told.
fn sayable(path: Cow<'static, str>) -> Cow<'static, str> {
    if path.len() <= LONGEST
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b',')
    {
        return path;
    }
    let said = utf8_percent_encode(&path, UNSAYABLE).to_string();
    let cut: String = said.chars().take(LONGEST).collect();
    Cow::Owned(if cut.len() < said.len() {
        cut + "..."
    } else {
        cut
    })
}

/// What a list of names in a header cannot hold.
const UNSAYABLE: &AsciiSet = &CONTROLS.add(b' ').add(b',');

impl Lossy {
    /// Nothing lost so far of a request in this dialect.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            fields: Vec::new(),
        }
    }

    /// The caller's dialect, in whose words everything is named.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Notes a field that several dialects have, under the caller's name for it.
    pub fn lose(&mut self, field: Field) {
        self.lose_named(field.name(self.dialect));
    }

    /// Notes a field if there was one.
    pub fn lose_if<T>(&mut self, field: Field, value: Option<&T>) {
        if value.is_some() {
            self.lose(field);
        }
    }

    /// Notes a member by its path, such as `messages.audio`; places in lists are left out.
    pub fn lose_named(&mut self, path: impl Into<Cow<'static, str>>) {
        let path = sayable(path.into());
        if self.fields.len() < MOST && !self.fields.contains(&path) {
            self.fields.push(path);
        }
    }

    /// Notes every member that stayed with its dialect; `within` is empty for the request itself. Members that ask
    /// for nothing but what is done anyway are not lost.
    pub fn lose_members(&mut self, within: &str, members: &Object<'_>) {
        for (name, raw) in members.members() {
            if is_idle(name, raw) {
                continue;
            }
            if within.is_empty() {
                self.lose_named(name.to_owned());
            } else {
                self.lose_named(format!("{within}.{name}"));
            }
        }
    }

    /// Whether everything was carried.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The names, in the order they were noted.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(AsRef::as_ref)
    }
}

/// Fields that several dialects have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// How freely the answer is drawn.
    Temperature,
    /// The mass of tokens drawn from.
    TopP,
    /// The number of tokens drawn from.
    TopK,
    /// Against repeated words.
    FrequencyPenalty,
    /// Against repeated topics.
    PresencePenalty,
    /// For the same answer again.
    Seed,
    /// What ends an answer.
    Stop,
    /// How many answers.
    N,
    /// How likely tokens were.
    Logprobs,
    /// How likely other tokens were.
    TopLogprobs,
    /// Whether tools are called at once.
    ParallelTools,
    /// Whether a tool is to be called.
    ToolChoice,
    /// What tools do.
    Tools,
    /// Whether a schema binds a tool's arguments.
    ToolStrict,
    /// How long to think.
    Reasoning,
    /// What of the thoughts is shown.
    ReasoningSummary,
    /// What the answer must look like.
    Format,
    /// How wordy.
    Verbosity,
    /// The caller's own user.
    User,
    /// How soon and how dear.
    ServiceTier,
    /// The caller's own labels.
    Metadata,
    /// What is worth caching.
    Cache,
    /// A speaker's name.
    Name,
    /// How closely to look at a picture.
    Detail,
    /// A picture, recording, film or document that the target cannot take.
    Media,
    /// A thought of another vendor's model.
    Thinking,
    /// Where a text is from.
    Citations,
    /// Instructions in the middle of a conversation, moved to its front.
    SystemPosition,
    /// The most tokens to produce.
    MaxTokens,
}

/// Names of a field: OpenAI chat, OpenAI Responses, Anthropic, Gemini, Bedrock Converse, Cohere.
const NAMES: [(Field, [&str; 6]); 29] = {
    use Field as F;
    [
        (
            F::Temperature,
            [
                "temperature",
                "temperature",
                "temperature",
                "generationConfig.temperature",
                "inferenceConfig.temperature",
                "temperature",
            ],
        ),
        (
            F::TopP,
            [
                "top_p",
                "top_p",
                "top_p",
                "generationConfig.topP",
                "inferenceConfig.topP",
                "p",
            ],
        ),
        (
            F::TopK,
            [
                "top_k",
                "top_k",
                "top_k",
                "generationConfig.topK",
                "additionalModelRequestFields.top_k",
                "k",
            ],
        ),
        (
            F::FrequencyPenalty,
            [
                "frequency_penalty",
                "frequency_penalty",
                "frequency_penalty",
                "generationConfig.frequencyPenalty",
                "frequencyPenalty",
                "frequency_penalty",
            ],
        ),
        (
            F::PresencePenalty,
            [
                "presence_penalty",
                "presence_penalty",
                "presence_penalty",
                "generationConfig.presencePenalty",
                "presencePenalty",
                "presence_penalty",
            ],
        ),
        (
            F::Seed,
            [
                "seed",
                "seed",
                "seed",
                "generationConfig.seed",
                "seed",
                "seed",
            ],
        ),
        (
            F::Stop,
            [
                "stop",
                "stop",
                "stop_sequences",
                "generationConfig.stopSequences",
                "inferenceConfig.stopSequences",
                "stop_sequences",
            ],
        ),
        (
            F::N,
            ["n", "n", "n", "generationConfig.candidateCount", "n", "n"],
        ),
        (
            F::Logprobs,
            [
                "logprobs",
                "include",
                "logprobs",
                "generationConfig.responseLogprobs",
                "logprobs",
                "logprobs",
            ],
        ),
        (
            F::TopLogprobs,
            [
                "top_logprobs",
                "top_logprobs",
                "top_logprobs",
                "generationConfig.logprobs",
                "top_logprobs",
                "top_logprobs",
            ],
        ),
        (
            F::ParallelTools,
            [
                "parallel_tool_calls",
                "parallel_tool_calls",
                "tool_choice.disable_parallel_tool_use",
                "parallel_tool_calls",
                "parallel_tool_calls",
                "parallel_tool_calls",
            ],
        ),
        (
            F::ToolChoice,
            [
                "tool_choice",
                "tool_choice",
                "tool_choice",
                "toolConfig",
                "toolConfig.toolChoice",
                "tool_choice",
            ],
        ),
        (
            F::Tools,
            [
                "tools",
                "tools",
                "tools",
                "tools",
                "toolConfig.tools",
                "tools",
            ],
        ),
        (
            F::ToolStrict,
            [
                "tools.function.strict",
                "tools.strict",
                "tools.strict",
                "tools.strict",
                "toolConfig.tools.toolSpec.strict",
                "strict_tools",
            ],
        ),
        (
            F::Reasoning,
            [
                "reasoning_effort",
                "reasoning",
                "thinking",
                "generationConfig.thinkingConfig",
                "additionalModelRequestFields.thinking",
                "thinking",
            ],
        ),
        (
            F::ReasoningSummary,
            [
                "reasoning_summary",
                "reasoning.summary",
                "thinking.display",
                "generationConfig.thinkingConfig.includeThoughts",
                "thinking.display",
                "thinking",
            ],
        ),
        (
            F::Format,
            [
                "response_format",
                "text.format",
                "output_config.format",
                "generationConfig.responseJsonSchema",
                "outputConfig.textFormat",
                "response_format",
            ],
        ),
        (
            F::Verbosity,
            [
                "verbosity",
                "text.verbosity",
                "verbosity",
                "verbosity",
                "verbosity",
                "verbosity",
            ],
        ),
        (
            F::User,
            [
                "user",
                "safety_identifier",
                "metadata.user_id",
                "user",
                "user",
                "user",
            ],
        ),
        (
            F::ServiceTier,
            [
                "service_tier",
                "service_tier",
                "service_tier",
                "serviceTier",
                "serviceTier",
                "priority",
            ],
        ),
        (
            F::Metadata,
            [
                "metadata",
                "metadata",
                "metadata",
                "labels",
                "requestMetadata",
                "metadata",
            ],
        ),
        (
            F::Cache,
            [
                "cache_control",
                "prompt_cache_breakpoint",
                "cache_control",
                "cachedContent",
                "cachePoint",
                "cache_control",
            ],
        ),
        (
            F::Name,
            [
                "messages.name",
                "input.name",
                "messages.name",
                "contents.name",
                "messages.name",
                "messages.name",
            ],
        ),
        (
            F::Detail,
            [
                "messages.content.image_url.detail",
                "input.content.detail",
                "messages.content.detail",
                "contents.parts.mediaResolution",
                "messages.content.detail",
                "messages.content.image_url.detail",
            ],
        ),
        (
            F::Media,
            [
                "messages.content",
                "input.content",
                "messages.content",
                "contents.parts",
                "messages.content",
                "messages.content",
            ],
        ),
        (
            F::Thinking,
            [
                "messages.reasoning_content",
                "input.reasoning",
                "messages.content.thinking",
                "contents.parts.thought",
                "messages.content.reasoningContent",
                "messages.content.thinking",
            ],
        ),
        (
            F::Citations,
            [
                "messages.annotations",
                "input.content.annotations",
                "messages.content.citations",
                "contents.parts.citations",
                "messages.content.citationsContent",
                "messages.citations",
            ],
        ),
        (
            F::SystemPosition,
            [
                "messages.role",
                "input.role",
                "messages.role",
                "contents.role",
                "messages.role",
                "messages.role",
            ],
        ),
        (
            F::MaxTokens,
            [
                "max_completion_tokens",
                "max_output_tokens",
                "max_tokens",
                "generationConfig.maxOutputTokens",
                "inferenceConfig.maxTokens",
                "max_tokens",
            ],
        ),
    ]
};

impl Field {
    /// The member's path as a dialect writes it; OpenAI's where the dialect has none of its own.
    pub fn name(self, dialect: Dialect) -> &'static str {
        let column = match dialect {
            Dialect::OpenAiChat | Dialect::OpenAiText | Dialect::Ollama | Dialect::Replicate => 0,
            Dialect::OpenAiResponses => 1,
            Dialect::Anthropic => 2,
            Dialect::Gemini => 3,
            Dialect::Converse => 4,
            Dialect::Cohere => 5,
        };
        NAMES[self as usize].1[column]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_fields() {
        for (place, (field, names)) in NAMES.iter().enumerate() {
            assert_eq!(*field as usize, place);
            assert!(names.iter().all(|name| !name.is_empty()));
        }
    }

    #[test]
    fn says_each_name_once_in_the_callers_words() {
        let mut lossy = Lossy::new(Dialect::Anthropic);
        lossy.lose(Field::Stop);
        lossy.lose(Field::Stop);
        lossy.lose_members(
            "messages",
            &Object::parse(br#"{"x":1,"off":false,"none":null,"truncation":"disabled"}"#).unwrap(),
        );
        assert_eq!(
            lossy.fields().collect::<Vec<_>>(),
            ["stop_sequences", "messages.x"]
        );
        lossy.lose_named("h\u{e9}, \n".to_owned());
        lossy.lose_named("y".repeat(5000));
        let told: Vec<&str> = lossy.fields().skip(2).collect();
        assert_eq!(told, ["h%C3%A9%2C%20%0A", &("y".repeat(LONGEST) + "...")]);
        for made_up in 0..200 {
            lossy.lose_named(made_up.to_string());
        }
        assert_eq!(lossy.fields().count(), MOST);
    }
}
