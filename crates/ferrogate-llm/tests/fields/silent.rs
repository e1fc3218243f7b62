//! Leaves without which nothing changes, for good reason.

use ferrogate_llm::Dialect;

/// Whether a leaf of that path, places in lists left out, may go in silence.
pub(crate) fn is_silent(from: Dialect, to: Dialect, path: &str) -> bool {
    let fits = |silent: &str| path == silent || path.ends_with(&format!(".{silent}"));
    let within = |table: &[(Dialect, &str, &str)], dialect: Dialect| {
        table
            .iter()
            .any(|(of, silent, _)| *of == dialect && fits(silent))
    };
    SILENT_EVERYWHERE.iter().any(|(silent, _)| fits(silent))
        || within(SILENT_TO, to)
        || within(SILENT, from)
}

/// Leaves that say nothing to some targets: the source, the path without places in lists, and why.
const SILENT: &[(Dialect, &str, &str)] = &[
    (Dialect::Gemini, "contents.role", "the default, the user"),
    (
        Dialect::Gemini,
        "contents.parts.functionResponse.parts",
        "named once, with its neighbours",
    ),
    (
        Dialect::OpenAiChat,
        "response_format.json_schema.name",
        "a label, which only OpenAI wants",
    ),
    (
        Dialect::OpenAiChat,
        "response_format.json_schema.strict",
        "elsewhere a schema is always binding",
    ),
    (
        Dialect::OpenAiChat,
        "stream_options.include_usage",
        "concerns the answer; usage is always asked for",
    ),
    (
        Dialect::OpenAiChat,
        "messages.content.prompt_cache_breakpoint.mode",
        "a mark is explicit by being there",
    ),
    (
        Dialect::OpenAiChat,
        "messages.tool_calls.type",
        "what the call has in it says as much",
    ),
    (
        Dialect::OpenAiChat,
        "tool_choice.type",
        "what the choice has in it says as much",
    ),
    (Dialect::OpenAiChat, "tools.type", "the default"),
    (
        Dialect::OpenAiResponses,
        "input.summary.type",
        "there is only one",
    ),
    (
        Dialect::OpenAiResponses,
        "input.content.logprobs",
        "an empty list",
    ),
    (
        Dialect::OpenAiResponses,
        "text.format.name",
        "a label, which only OpenAI wants",
    ),
    (
        Dialect::OpenAiResponses,
        "text.format.strict",
        "elsewhere a schema is always binding",
    ),
    (
        Dialect::OpenAiResponses,
        "input.content.prompt_cache_breakpoint.mode",
        "a mark is explicit by being there",
    ),
    (
        Dialect::OpenAiResponses,
        "input.id",
        "names an item in its answer, to which nobody else can refer",
    ),
    (
        Dialect::OpenAiResponses,
        "input.status",
        "items of a request are complete",
    ),
    (
        Dialect::OpenAiResponses,
        "input.phase",
        "names what the text's place in the turn says as well",
    ),
    (Dialect::OpenAiResponses, "input.type", "the default"),
    (
        Dialect::Anthropic,
        "messages.content.source.media_type",
        "text is always `text/plain`",
    ),
    (
        Dialect::Anthropic,
        "cache_control.type",
        "there is only one",
    ),
    (
        Dialect::Anthropic,
        "citations.encrypted_index",
        "the provider's own note; page, title and quotation are told",
    ),
    (
        Dialect::Anthropic,
        "citations.type",
        "what the citation has in it says as much",
    ),
    (
        Dialect::Anthropic,
        "output_config.effort",
        "the budget beside it says it in tokens",
    ),
    (
        Dialect::OpenAiChat,
        "prompt_cache_breakpoint.ttl",
        "named as `cache_control`",
    ),
    (
        Dialect::OpenAiResponses,
        "reasoning.summary",
        "elsewhere there is one kind of summary, shown unless it is hidden",
    ),
    (
        Dialect::Converse,
        "thinking.display",
        "shown unless it is hidden",
    ),
    (
        Dialect::Converse,
        "thinking.type",
        "the effort or budget beside it says as much",
    ),
    (
        Dialect::Converse,
        "structure.jsonSchema.name",
        "a label, which only OpenAI wants",
    ),
    (Dialect::Converse, "toolResult.status", "the default"),
    (Dialect::Cohere, "tools.type", "the default"),
    (Dialect::Cohere, "tool_calls.type", "the default"),
    (
        Dialect::Cohere,
        "messages.tool_plan",
        "a thought, and named as one",
    ),
    (Dialect::Ollama, "tools.type", "the default"),
    (
        Dialect::Ollama,
        "messages.tool_call_id",
        "calls and results are matched by id or by name",
    ),
    (
        Dialect::Ollama,
        "messages.tool_name",
        "calls and results are matched by id or by name",
    ),
    (
        Dialect::Gemini,
        "functionResponse.id",
        "calls and results are matched by id or by name",
    ),
    (
        Dialect::Gemini,
        "functionResponse.name",
        "calls and results are matched by id or by name",
    ),
    (Dialect::Gemini, "functionResponse.willContinue", "off"),
    (
        Dialect::Gemini,
        "functionCallingConfig.streamFunctionCallArguments",
        "off",
    ),
    (
        Dialect::Gemini,
        "generationConfig.candidateCount",
        "one is the default",
    ),
    (
        Dialect::Gemini,
        "thinkingConfig.includeThoughts",
        "shown unless they are hidden",
    ),
    (Dialect::Gemini, "displayName", "a label"),
    (
        Dialect::Gemini,
        "responseSchema.type",
        "named as `responseJsonSchema`",
    ),
    (
        Dialect::Gemini,
        "responseSchema.properties.reply.type",
        "named as `responseJsonSchema`",
    ),
    (
        Dialect::Gemini,
        "responseSchema.required",
        "named as `responseJsonSchema`",
    ),
    (
        Dialect::Gemini,
        "fileData.mimeType",
        "who fetches the file sees it",
    ),
    (
        Dialect::Anthropic,
        "thinking.budget_tokens",
        "the effort beside it says it in words",
    ),
];

/// The same by target.
const SILENT_TO: &[(Dialect, &str, &str)] = &[
    (
        Dialect::Replicate,
        "tool_calls.id",
        "a conversation told in words has no ids",
    ),
    (
        Dialect::Replicate,
        "functionCall.id",
        "a conversation told in words has no ids",
    ),
    (
        Dialect::Replicate,
        "outputConfig.effort",
        "named with the thinking beside it",
    ),
    (
        Dialect::Replicate,
        "strict_tools",
        "concerns tools, which are named",
    ),
];

/// The same for every source.
const SILENT_EVERYWHERE: &[(&str, &str)] = &[
    ("stream", "in several dialects the path says it"),
    ("schema.type", "the answer is an object in any case"),
    ("parameters.type", "arguments are an object in any case"),
    ("json_schema.type", "the answer is an object in any case"),
    ("format.type", "the answer is an object in any case"),
    ("additionalProperties", "set where a schema is binding"),
];
