//! Vendors with an API of their own making.

use ferrogate_llm::{
    Dialect, EmbeddingDialect, HearingDialect, ImageDialect, Operation, Quirk, RerankDialect,
    SpeechDialect,
};

use super::{
    AuthScheme, BaseUrl, CHAT, COMPLETIONS, EMBEDDINGS, Endpoint, IMAGE_EDITS, IMAGE_VARIATIONS,
    IMAGES, MODERATIONS, ProviderRow, REALTIME, RESPONSES, SPEECH, Setting, TRANSCRIPTIONS,
    TRANSLATIONS,
};

pub(super) const ROWS: &[ProviderRow] = &[
    ProviderRow {
        key: "openai",
        aliases: &[],
        display_name: "OpenAI",
        auth: AuthScheme::Bearer,
        needs_credential: true,
        base_url: BaseUrl::Fixed("https://api.openai.com/v1"),
        key_variables: &["OPENAI_API_KEY"],
        other_variables: &[],
        settings: &[
            Setting::optional("organization", &["OPENAI_ORG_ID"]),
            Setting::optional("project", &["OPENAI_PROJECT_ID"]),
        ],
        serves: &[
            CHAT,
            RESPONSES,
            COMPLETIONS,
            EMBEDDINGS,
            IMAGES,
            IMAGE_EDITS,
            IMAGE_VARIATIONS,
            SPEECH,
            TRANSCRIPTIONS,
            TRANSLATIONS,
            MODERATIONS,
            REALTIME,
        ],
        quirks: &[],
        documentation: "https://platform.openai.com/docs/api-reference",
    },
    ProviderRow {
        key: "anthropic",
        aliases: &[],
        display_name: "Anthropic",
        auth: AuthScheme::Header("x-api-key"),
        needs_credential: true,
        base_url: BaseUrl::Fixed("https://api.anthropic.com"),
        key_variables: &["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"],
        other_variables: &[],
        settings: &[],
        serves: &[
            Endpoint::new(Operation::Chat(Dialect::Anthropic), "/v1/messages"),
            Endpoint::new(
                Operation::CountTokens(Dialect::Anthropic),
                "/v1/messages/count_tokens",
            ),
        ],
        quirks: &[],
        documentation: "https://docs.anthropic.com/en/api/messages",
    },
    ProviderRow {
        key: "gemini",
        aliases: &["google"],
        display_name: "Google Gemini",
        auth: AuthScheme::Header("x-goog-api-key"),
        needs_credential: true,
        base_url: BaseUrl::Fixed("https://generativelanguage.googleapis.com"),
        key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        other_variables: &[],
        settings: &[],
        serves: &[
            Endpoint::new(
                Operation::Chat(Dialect::Gemini),
                "/v1beta/models/{model}:generateContent",
            )
            .streamed("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            Endpoint::new(
                Operation::CountTokens(Dialect::Gemini),
                "/v1beta/models/{model}:countTokens",
            ),
            Endpoint::new(
                Operation::Embeddings(EmbeddingDialect::GeminiBatch),
                "/v1beta/models/{model}:batchEmbedContents",
            ),
            Endpoint::new(
                Operation::Embeddings(EmbeddingDialect::Gemini),
                "/v1beta/models/{model}:embedContent",
            ),
            Endpoint::new(
                Operation::Images(ImageDialect::Imagen),
                "/v1beta/models/{model}:predict",
            )
            .only("imagen"),
            Endpoint::new(
                Operation::Images(ImageDialect::Gemini),
                "/v1beta/models/{model}:generateContent",
            ),
            Endpoint::new(
                Operation::ImageEdits(ImageDialect::Gemini),
                "/v1beta/models/{model}:generateContent",
            )
            .only("gemini"),
            Endpoint::new(
                Operation::Speech(SpeechDialect::Gemini),
                "/v1beta/models/{model}:generateContent",
            ),
            Endpoint::new(
                Operation::Transcriptions(HearingDialect::Gemini),
                "/v1beta/models/{model}:generateContent",
            ),
            Endpoint::new(
                Operation::Translations(HearingDialect::Gemini),
                "/v1beta/models/{model}:generateContent",
            ),
        ],
        quirks: &[],
        documentation: "https://ai.google.dev/api",
    },
    ProviderRow {
        key: "cohere",
        aliases: &[],
        display_name: "Cohere",
        auth: AuthScheme::Bearer,
        needs_credential: true,
        base_url: BaseUrl::Fixed("https://api.cohere.com"),
        key_variables: &["COHERE_API_KEY", "CO_API_KEY"],
        other_variables: &[],
        settings: &[],
        serves: &[
            Endpoint::new(Operation::Chat(Dialect::Cohere), "/v2/chat"),
            Endpoint::new(Operation::Embeddings(EmbeddingDialect::Cohere), "/v2/embed"),
            Endpoint::new(Operation::Rerank(RerankDialect::Cohere), "/v2/rerank"),
        ],
        quirks: &[],
        documentation: "https://docs.cohere.com/reference/chat",
    },
    ProviderRow {
        key: "replicate",
        aliases: &[],
        display_name: "Replicate",
        auth: AuthScheme::Bearer,
        needs_credential: true,
        base_url: BaseUrl::Fixed("https://api.replicate.com"),
        key_variables: &["REPLICATE_API_TOKEN"],
        other_variables: &[],
        settings: &[],
        serves: &[
            Endpoint::new(
                Operation::Chat(Dialect::Replicate),
                "/v1/models/{model/}/predictions",
            ),
            Endpoint::new(
                Operation::Images(ImageDialect::Replicate),
                "/v1/models/{model/}/predictions",
            ),
        ],
        quirks: &[],
        documentation: "https://replicate.com/docs/reference/http",
    },
    ProviderRow {
        key: "ollama",
        aliases: &[],
        display_name: "Ollama",
        auth: AuthScheme::Bearer,
        needs_credential: false,
        base_url: BaseUrl::Usually("http://localhost:11434", "OLLAMA_HOST"),
        key_variables: &[],
        other_variables: &["OLLAMA_HOST"],
        settings: &[],
        serves: &[
            // Its own dialect carries what its compatible one drops: `think`, `format`, thoughts of the history.
            Endpoint::new(Operation::Chat(Dialect::Ollama), "/api/chat"),
            Endpoint::new(Operation::Chat(Dialect::OpenAiChat), "/v1/chat/completions"),
            Endpoint::new(Operation::Completions, "/v1/completions"),
            // The same of its embeddings: `truncate`.
            Endpoint::new(
                Operation::Embeddings(EmbeddingDialect::Ollama),
                "/api/embed",
            ),
            Endpoint::new(Operation::EMBEDDINGS, "/v1/embeddings"),
        ],
        quirks: &[Quirk::MaxTokens, Quirk::NoDeveloperRole],
        documentation: "https://github.com/ollama/ollama/blob/main/docs/openai.md",
    },
    ProviderRow {
        key: "ollama-cloud",
        aliases: &[],
        display_name: "Ollama Cloud",
        auth: AuthScheme::Bearer,
        needs_credential: true,
        base_url: BaseUrl::Fixed("https://ollama.com"),
        key_variables: &["OLLAMA_API_KEY"],
        other_variables: &[],
        settings: &[],
        serves: &[
            Endpoint::new(Operation::Chat(Dialect::Ollama), "/api/chat"),
            Endpoint::new(Operation::Chat(Dialect::OpenAiChat), "/v1/chat/completions"),
        ],
        quirks: &[Quirk::MaxTokens, Quirk::NoDeveloperRole],
        documentation: "https://docs.ollama.com/cloud",
    },
];
