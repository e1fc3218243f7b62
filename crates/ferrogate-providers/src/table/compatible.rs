//! Vendors and servers that speak OpenAI's dialect.

use ferrogate_llm::{
    EmbeddingDialect, ImageDialect, Operation, Quirk, RerankDialect, SpeechDialect,
};

use super::{
    AuthScheme, BaseUrl, CHAT, COMPLETIONS, EMBEDDINGS, Endpoint, IMAGE_EDITS, IMAGE_VARIATIONS,
    IMAGES, MESSAGES, MODERATIONS, ProviderRow, REALTIME, RERANK, RESPONSES, SPEECH, Setting,
    TRANSCRIPTIONS, TRANSLATIONS,
};

/// A vendor with a key, in OpenAI's dialect.
const fn vendor(
    key: &'static str,
    display_name: &'static str,
    base_url: &'static str,
    key_variables: &'static [&'static str],
    serves: &'static [Endpoint],
    quirks: &'static [Quirk],
    documentation: &'static str,
) -> ProviderRow {
    ProviderRow {
        key,
        aliases: &[],
        display_name,
        auth: AuthScheme::Bearer,
        needs_credential: true,
        base_url: BaseUrl::Fixed(base_url),
        key_variables,
        other_variables: &[],
        settings: &[],
        serves,
        quirks,
        documentation,
    }
}

/// OpenAI's embeddings as a vendor speaks them.
const fn embeddings(dialect: EmbeddingDialect) -> Endpoint {
    Endpoint::new(Operation::Embeddings(dialect), EMBEDDINGS.path)
}

/// Hugging Face's server of embeddings and rerankers.
const TEXT_EMBEDDINGS_INFERENCE: ProviderRow = ProviderRow {
    aliases: &["tei"],
    needs_credential: false,
    base_url: BaseUrl::Asked(&[]),
    ..vendor(
        "text-embeddings-inference",
        "Text Embeddings Inference",
        "",
        &[],
        &[
            Endpoint {
                path: "/v1/embeddings",
                ..embeddings(EmbeddingDialect::Tei)
            },
            Endpoint::new(Operation::Rerank(RerankDialect::Tei), "/rerank"),
        ],
        &[],
        "https://huggingface.github.io/text-embeddings-inference/",
    )
};

/// Any server that speaks OpenAI's API: vLLM, llama.cpp, LM Studio, TGI, SGLang, proxies.
const OPENAI_COMPATIBLE: ProviderRow = ProviderRow {
    key: "openai-compatible",
    aliases: &["vllm", "llama-cpp", "lm-studio", "tgi", "sglang"],
    display_name: "OpenAI-compatible server",
    auth: AuthScheme::Bearer,
    // Local servers ask for none; where one is configured but unset, the provider is disabled all the same.
    needs_credential: false,
    base_url: BaseUrl::Asked(&[]),
    key_variables: &[],
    other_variables: &[],
    settings: &[],
    serves: &[
        CHAT,
        COMPLETIONS,
        EMBEDDINGS,
        // A server that has none answers 404, which is told.
        RESPONSES,
        IMAGES,
        IMAGE_EDITS,
        IMAGE_VARIATIONS,
        SPEECH,
        TRANSCRIPTIONS,
        TRANSLATIONS,
        MODERATIONS,
        RERANK,
        REALTIME,
    ],
    quirks: &[],
    documentation: "https://platform.openai.com/docs/api-reference",
};

/// The built-in provider that answers with what it was asked.
pub(super) const ECHO: ProviderRow = ProviderRow {
    key: "echo",
    aliases: &[],
    display_name: "Built-in echo",
    auth: AuthScheme::None,
    needs_credential: false,
    base_url: BaseUrl::None,
    key_variables: &[],
    other_variables: &[],
    settings: &[],
    serves: &[CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES],
    quirks: &[],
    documentation: "docs/ai-gateway.md",
};

pub(super) const ROWS: &[ProviderRow] = &[
    vendor(
        "mistral",
        "Mistral AI",
        "https://api.mistral.ai/v1",
        &["MISTRAL_API_KEY"],
        &[
            CHAT,
            embeddings(EmbeddingDialect::Mistral),
            Endpoint::new(Operation::Speech(SpeechDialect::Mistral), "/audio/speech"),
            TRANSCRIPTIONS,
            MODERATIONS,
        ],
        &[
            Quirk::Rename("seed", "random_seed"),
            Quirk::MaxTokens,
            Quirk::AnyForRequired,
            Quirk::Drop("user"),
            Quirk::Drop("logit_bias"),
            Quirk::Drop("logprobs"),
            Quirk::Drop("top_logprobs"),
            Quirk::Drop("store"),
            Quirk::Drop("verbosity"),
            Quirk::NoStreamOptions,
            Quirk::NoMessageNames,
            Quirk::NoDeveloperRole,
            Quirk::NineCharacterIds,
            Quirk::ListContent,
        ],
        "https://docs.mistral.ai/api/",
    ),
    vendor(
        "groq",
        "Groq",
        "https://api.groq.com/openai/v1",
        &["GROQ_API_KEY"],
        &[CHAT, RESPONSES, SPEECH, TRANSCRIPTIONS, TRANSLATIONS],
        &[
            Quirk::Drop("logprobs"),
            Quirk::Drop("top_logprobs"),
            Quirk::Drop("logit_bias"),
            Quirk::NoMessageNames,
            Quirk::OneChoice,
            Quirk::NoDeveloperRole,
        ],
        "https://console.groq.com/docs/openai",
    ),
    vendor(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com",
        &["DEEPSEEK_API_KEY"],
        &[CHAT],
        &[
            Quirk::MaxTokens,
            Quirk::ThinkingSwitch,
            Quirk::ReplaysReasoning,
            Quirk::NoStrictTools,
            Quirk::NoDeveloperRole,
        ],
        "https://api-docs.deepseek.com/api/create-chat-completion",
    ),
    vendor(
        "together",
        "Together AI",
        "https://api.together.ai/v1",
        &["TOGETHER_API_KEY", "TOGETHERAI_API_KEY"],
        &[
            CHAT,
            COMPLETIONS,
            EMBEDDINGS,
            IMAGES,
            SPEECH,
            TRANSCRIPTIONS,
            TRANSLATIONS,
            RERANK,
        ],
        &[
            Quirk::MaxTokens,
            Quirk::NumericLogprobs,
            Quirk::ReasoningEnabled,
            Quirk::NoDeveloperRole,
        ],
        "https://docs.together.ai/reference/chat-completions",
    ),
    vendor(
        "fireworks",
        "Fireworks AI",
        "https://api.fireworks.ai/inference/v1",
        &["FIREWORKS_API_KEY"],
        &[CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, MESSAGES, RERANK],
        &[Quirk::MaxTokens, Quirk::NoDeveloperRole],
        "https://docs.fireworks.ai/api-reference/post-chatcompletions",
    ),
    vendor(
        "perplexity",
        "Perplexity",
        "https://api.perplexity.ai",
        &["PERPLEXITY_API_KEY", "PPLX_API_KEY"],
        &[
            CHAT,
            Endpoint {
                path: "/v1/responses",
                ..RESPONSES
            },
            Endpoint {
                path: "/v1/embeddings",
                ..embeddings(EmbeddingDialect::Perplexity)
            },
        ],
        &[
            Quirk::MaxTokens,
            Quirk::Drop("stop"),
            Quirk::Drop("logit_bias"),
            Quirk::OneChoice,
            Quirk::NoStreamOptions,
            Quirk::NoDeveloperRole,
            Quirk::AccumulatedMessages,
        ],
        "https://docs.perplexity.ai/api-reference/chat-completions-post",
    ),
    ProviderRow {
        aliases: &["grok"],
        ..vendor(
            "xai",
            "xAI",
            "https://api.x.ai/v1",
            &["XAI_API_KEY"],
            &[CHAT, RESPONSES, IMAGES],
            &[
                Quirk::NoStrictTools,
                Quirk::NoPenalties,
                Quirk::Drop("stop"),
                Quirk::Drop("web_search_options"),
                Quirk::NoMessageNames,
                Quirk::NoDeveloperRole,
            ],
            "https://docs.x.ai/docs/api-reference",
        )
    },
    ProviderRow {
        settings: &[
            Setting::optional("http_referer", &[]),
            Setting::optional("x_title", &[]),
        ],
        ..vendor(
            "openrouter",
            "OpenRouter",
            "https://openrouter.ai/api/v1",
            &["OPENROUTER_API_KEY"],
            &[CHAT, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS],
            &[Quirk::EffortToXHigh, Quirk::CacheControl],
            "https://openrouter.ai/docs/api-reference/chat-completion",
        )
    },
    vendor(
        "ai21",
        "AI21 Labs",
        "https://api.ai21.com/studio/v1",
        &["AI21_API_KEY"],
        &[CHAT],
        &[
            Quirk::MaxTokens,
            Quirk::NoPenalties,
            Quirk::Drop("logit_bias"),
            Quirk::NoStreamOptions,
            Quirk::NoDeveloperRole,
        ],
        "https://docs.ai21.com/reference/jamba-1-6-api-ref",
    ),
    vendor(
        "cerebras",
        "Cerebras",
        "https://api.cerebras.ai/v1",
        &["CEREBRAS_API_KEY"],
        &[CHAT, COMPLETIONS],
        &[
            Quirk::MaxCompletionTokens,
            Quirk::NoPenalties,
            Quirk::Drop("logit_bias"),
            Quirk::OneChoice,
        ],
        "https://inference-docs.cerebras.ai/api-reference/chat-completions",
    ),
    vendor(
        "sambanova",
        "SambaNova",
        "https://api.sambanova.ai/v1",
        &["SAMBANOVA_API_KEY"],
        &[CHAT, EMBEDDINGS, TRANSCRIPTIONS, TRANSLATIONS],
        &[
            Quirk::MaxTokens,
            Quirk::TextContent,
            Quirk::Drop("logprobs"),
            Quirk::Drop("top_logprobs"),
            Quirk::Drop("seed"),
            Quirk::OneChoice,
            Quirk::NoPenalties,
            Quirk::NoDeveloperRole,
        ],
        "https://docs.sambanova.ai/cloud/api-reference",
    ),
    vendor(
        "deepinfra",
        "DeepInfra",
        "https://api.deepinfra.com/v1/openai",
        &["DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"],
        &[
            CHAT,
            COMPLETIONS,
            EMBEDDINGS,
            IMAGES,
            SPEECH,
            TRANSCRIPTIONS,
            TRANSLATIONS,
            // Beside its compatible API.
            Endpoint::new(
                Operation::Rerank(RerankDialect::DeepInfra),
                "/inference/{model/}",
            )
            .outside("/openai"),
        ],
        &[
            Quirk::MaxTokens,
            Quirk::TextToolResults,
            Quirk::NoForcedTools,
            Quirk::NoDeveloperRole,
        ],
        "https://deepinfra.com/docs/openai_api",
    ),
    vendor(
        "novita",
        "Novita AI",
        "https://api.novita.ai/openai/v1",
        &["NOVITA_API_KEY"],
        &[CHAT, COMPLETIONS, EMBEDDINGS, RERANK],
        &[Quirk::MaxTokens, Quirk::NoDeveloperRole],
        "https://novita.ai/docs/api-reference/model-apis-llm-create-chat-completion",
    ),
    vendor(
        "nvidia-nim",
        "NVIDIA NIM",
        "https://integrate.api.nvidia.com/v1",
        &["NVIDIA_NIM_API_KEY", "NVIDIA_API_KEY"],
        &[
            CHAT,
            COMPLETIONS,
            embeddings(EmbeddingDialect::Nvidia),
            // On one's own NIM; the hosted API has it on another host.
            Endpoint::new(Operation::Rerank(RerankDialect::Nvidia), "/ranking"),
        ],
        &[Quirk::MaxTokens, Quirk::NoDeveloperRole],
        "https://docs.api.nvidia.com/nim/reference/llm-apis",
    ),
    vendor(
        "moonshot",
        "Moonshot AI",
        "https://api.moonshot.ai/v1",
        &["MOONSHOT_API_KEY", "KIMI_API_KEY"],
        &[CHAT, RESPONSES],
        &[
            Quirk::MaxTokens,
            Quirk::TemperatureToOne,
            Quirk::ReplaysReasoning,
            Quirk::NoForcedTools,
            Quirk::NoDeveloperRole,
        ],
        "https://platform.moonshot.ai/docs/api/chat",
    ),
    vendor(
        "qwen",
        "Alibaba Qwen",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        &["QWEN_API_KEY", "DASHSCOPE_API_KEY"],
        &[
            CHAT,
            embeddings(EmbeddingDialect::Qwen),
            // Source: Alibaba's "Text rerank": compatible with others' rerankers, beside the compatible API.
            Endpoint::new(
                Operation::Rerank(RerankDialect::Jina),
                "/compatible-api/v1/reranks",
            )
            .outside("/compatible-mode/v1"),
        ],
        &[
            Quirk::MaxTokens,
            Quirk::EnableThinking,
            Quirk::Drop("logit_bias"),
            Quirk::CacheControl,
            Quirk::NoDeveloperRole,
        ],
        "https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
    ),
    vendor(
        "hugging-face",
        "Hugging Face",
        "https://router.huggingface.co/v1",
        &["HUGGING_FACE_API_KEY", "HF_TOKEN", "HUGGINGFACE_API_KEY"],
        &[
            CHAT,
            RESPONSES,
            Endpoint::new(
                Operation::Embeddings(EmbeddingDialect::HuggingFace),
                "/hf-inference/models/{model/}/pipeline/feature-extraction",
            )
            .outside("/v1"),
            Endpoint::new(
                Operation::Images(ImageDialect::HuggingFace),
                "/hf-inference/models/{model/}",
            )
            .outside("/v1"),
        ],
        &[Quirk::MaxTokens, Quirk::NoDeveloperRole],
        "https://huggingface.co/docs/inference-providers/tasks/chat-completion",
    ),
    ProviderRow {
        base_url: BaseUrl::Template(
            "https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1",
        ),
        settings: &[Setting::required("account_id", &["CLOUDFLARE_ACCOUNT_ID"])],
        ..vendor(
            "cloudflare",
            "Cloudflare Workers AI",
            "",
            &["CLOUDFLARE_API_KEY", "CLOUDFLARE_API_TOKEN"],
            &[
                CHAT,
                EMBEDDINGS,
                RESPONSES,
                Endpoint::new(
                    Operation::Rerank(RerankDialect::Cloudflare),
                    "/run/{model/}",
                )
                .outside("/v1"),
                Endpoint::new(Operation::Images(ImageDialect::Cloudflare), "/run/{model/}")
                    .outside("/v1"),
            ],
            &[Quirk::MaxTokens, Quirk::NoDeveloperRole],
            "https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/",
        )
    },
    vendor(
        "voyage",
        "Voyage AI",
        "https://api.voyageai.com/v1",
        &["VOYAGE_API_KEY"],
        &[
            embeddings(EmbeddingDialect::Voyage),
            Endpoint::new(Operation::Rerank(RerankDialect::Voyage), "/rerank"),
        ],
        &[],
        "https://docs.voyageai.com/reference/embeddings-api",
    ),
    vendor(
        "jina",
        "Jina AI",
        "https://api.jina.ai/v1",
        &["JINA_API_KEY"],
        &[embeddings(EmbeddingDialect::Jina), RERANK],
        &[],
        "https://api.jina.ai/redoc",
    ),
    TEXT_EMBEDDINGS_INFERENCE,
    OPENAI_COMPATIBLE,
    ECHO,
];
