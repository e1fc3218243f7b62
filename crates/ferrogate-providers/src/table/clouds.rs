//! Clouds that serve other vendors' models.

use ferrogate_llm::{
    Dialect, EmbeddingDialect, HearingDialect, ImageDialect, Operation, Quirk, RerankDialect,
    SpeechDialect,
};

use super::{AuthScheme, BaseUrl, CHAT, EMBEDDINGS, Endpoint, ProviderRow, RESPONSES, Setting};

pub(super) const ROWS: &[ProviderRow] = &[
    ProviderRow {
        key: "vertex-ai",
        aliases: &["vertex"],
        display_name: "Google Vertex AI",
        auth: AuthScheme::Google,
        needs_credential: false,
        base_url: BaseUrl::Template("https://{region}-aiplatform.googleapis.com"),
        key_variables: &["VERTEX_AI_API_KEY"],
        other_variables: &["VERTEX_AI_SERVICE_ACCOUNT_JSON", "GOOGLE_APPLICATION_CREDENTIALS"],
        settings: &[
            Setting::required("project_id", &["VERTEX_AI_PROJECT_ID", "GOOGLE_CLOUD_PROJECT"]),
            Setting::required("region", &["VERTEX_AI_REGION", "GOOGLE_CLOUD_LOCATION"]),
            Setting::secret("service_account", &["VERTEX_AI_SERVICE_ACCOUNT_JSON"]),
        ],
        serves: &[
            Endpoint::new(
                Operation::Chat(Dialect::Anthropic),
                "/v1/projects/{project_id}/locations/{region}/publishers/anthropic/models/{model}:rawPredict",
            )
            .streamed("/v1/projects/{project_id}/locations/{region}/publishers/anthropic/models/{model}:streamRawPredict")
            .only("claude"),
            Endpoint::new(
                Operation::Chat(Dialect::Gemini),
                "/v1/projects/{project_id}/locations/{region}/publishers/google/models/{model}:generateContent",
            )
            .streamed("/v1/projects/{project_id}/locations/{region}/publishers/google/models/{model}:streamGenerateContent?alt=sse"),
            // Partner models are named `publisher/model`.
            Endpoint::new(
                Operation::Chat(Dialect::OpenAiChat),
                "/v1/projects/{project_id}/locations/{region}/endpoints/openapi/chat/completions",
            )
            .only("/"),
            Endpoint::new(
                Operation::CountTokens(Dialect::Gemini),
                "/v1/projects/{project_id}/locations/{region}/publishers/google/models/{model}:countTokens",
            ),
            Endpoint::new(
                Operation::Embeddings(EmbeddingDialect::Vertex),
                "/v1/projects/{project_id}/locations/{region}/publishers/google/models/{model}:predict",
            ),
            Endpoint::new(
                Operation::Images(ImageDialect::Imagen),
                "/v1/projects/{project_id}/locations/{region}/publishers/google/models/{model}:predict",
            )
            .only("imagen"),
            Endpoint::new(
                Operation::Images(ImageDialect::Gemini),
                "/v1/projects/{project_id}/locations/{region}/publishers/google/models/{model}:generateContent",
            ),
            Endpoint::new(
                Operation::ImageEdits(ImageDialect::Gemini),
                "/v1/projects/{project_id}/locations/{region}/publishers/google/models/{model}:generateContent",
            )
            .only("gemini"),
            Endpoint::new(
                Operation::Speech(SpeechDialect::Gemini),
                "/v1/projects/{project_id}/locations/{region}/publishers/google/models/{model}:generateContent",
            ),
            Endpoint::new(
                Operation::Transcriptions(HearingDialect::Gemini),
                "/v1/projects/{project_id}/locations/{region}/publishers/google/models/{model}:generateContent",
            ),
            Endpoint::new(
                Operation::Translations(HearingDialect::Gemini),
                "/v1/projects/{project_id}/locations/{region}/publishers/google/models/{model}:generateContent",
            ),
        ],
        quirks: &[Quirk::MaxTokens, Quirk::NoDeveloperRole],
        documentation: "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
    },
    ProviderRow {
        key: "bedrock",
        aliases: &["aws-bedrock"],
        display_name: "Amazon Bedrock",
        auth: AuthScheme::Aws,
        needs_credential: false,
        base_url: BaseUrl::Template("https://bedrock-runtime.{region}.amazonaws.com"),
        key_variables: &["AWS_BEARER_TOKEN_BEDROCK"],
        other_variables: &[
            "AWS_ACCESS_KEY_ID",
            "AWS_PROFILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ],
        settings: &[
            Setting::required("region", &["AWS_REGION", "AWS_DEFAULT_REGION"]),
            Setting::secret("aws_access_key_id", &[]),
            Setting::secret("aws_secret_access_key", &[]),
            Setting::secret("aws_session_token", &[]),
        ],
        serves: &[
            Endpoint::new(Operation::Chat(Dialect::Converse), "/model/{model}/converse")
                .streamed("/model/{model}/converse-stream"),
            Endpoint::new(Operation::Embeddings(EmbeddingDialect::Titan), "/model/{model}/invoke").only("titan-embed"),
            Endpoint::new(Operation::Embeddings(EmbeddingDialect::BedrockCohere), "/model/{model}/invoke")
                .only("cohere.embed"),
            Endpoint::new(Operation::Embeddings(EmbeddingDialect::Nova), "/model/{model}/invoke").only("nova-2-multimodal"),
            Endpoint::new(Operation::Rerank(RerankDialect::BedrockCohere), "/model/{model}/invoke")
                .only("cohere.rerank"),
            Endpoint::new(Operation::Rerank(RerankDialect::BedrockAmazon), "/model/{model}/invoke")
                .only("amazon.rerank"),
            Endpoint::new(Operation::Images(ImageDialect::Amazon), "/model/{model}/invoke").only("amazon.titan-image"),
            Endpoint::new(Operation::Images(ImageDialect::Amazon), "/model/{model}/invoke").only("amazon.nova-canvas"),
            Endpoint::new(Operation::Images(ImageDialect::Stability), "/model/{model}/invoke").only("stability.sd3"),
            Endpoint::new(Operation::Images(ImageDialect::Stability), "/model/{model}/invoke")
                .only("stability.stable-image"),
            Endpoint::new(Operation::ImageEdits(ImageDialect::Amazon), "/model/{model}/invoke").only("amazon.titan-image"),
            Endpoint::new(Operation::ImageEdits(ImageDialect::Amazon), "/model/{model}/invoke").only("amazon.nova-canvas"),
            Endpoint::new(Operation::ImageEdits(ImageDialect::Stability), "/model/{model}/invoke").only("stability.sd3"),
            Endpoint::new(Operation::ImageEdits(ImageDialect::Stability), "/model/{model}/invoke")
                .only("stability.stable-image-ultra"),
            Endpoint::new(Operation::ImageEdits(ImageDialect::Stability), "/model/{model}/invoke")
                .only("stability.stable-image-inpaint"),
            Endpoint::new(Operation::ImageVariations(ImageDialect::Amazon), "/model/{model}/invoke")
                .only("amazon.titan-image"),
            Endpoint::new(Operation::ImageVariations(ImageDialect::Amazon), "/model/{model}/invoke")
                .only("amazon.nova-canvas"),
        ],
        quirks: &[],
        documentation: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
    },
    ProviderRow {
        key: "azure-openai",
        aliases: &["azure"],
        display_name: "Azure OpenAI",
        auth: AuthScheme::Azure,
        needs_credential: false,
        base_url: BaseUrl::Asked(&["AZURE_OPENAI_ENDPOINT"]),
        key_variables: &["AZURE_OPENAI_API_KEY"],
        other_variables: &["AZURE_CLIENT_ID"],
        settings: &[
            Setting::optional("deployment", &["AZURE_OPENAI_DEPLOYMENT"]),
            Setting::optional("api_version", &["AZURE_OPENAI_API_VERSION"]),
            Setting::optional("tenant_id", &["AZURE_TENANT_ID"]),
            Setting::optional("client_id", &["AZURE_CLIENT_ID"]),
            Setting::secret("client_secret", &["AZURE_CLIENT_SECRET"]),
        ],
        serves: AZURE,
        quirks: &[],
        documentation: "https://learn.microsoft.com/azure/ai-foundry/openai/reference",
    },
    ProviderRow {
        key: "azure-foundry",
        aliases: &["azure-ai"],
        display_name: "Azure AI Foundry",
        auth: AuthScheme::Azure,
        needs_credential: false,
        base_url: BaseUrl::Asked(&["AZURE_FOUNDRY_ENDPOINT", "AZURE_AI_ENDPOINT"]),
        key_variables: &["AZURE_FOUNDRY_API_KEY", "AZURE_AI_API_KEY"],
        other_variables: &["AZURE_CLIENT_ID"],
        settings: &[
            Setting::optional("api_version", &[]),
            Setting::optional("tenant_id", &["AZURE_TENANT_ID"]),
            Setting::optional("client_id", &["AZURE_CLIENT_ID"]),
            Setting::secret("client_secret", &["AZURE_CLIENT_SECRET"]),
        ],
        serves: &[
            Endpoint::new(Operation::Chat(Dialect::Anthropic), "/anthropic/v1/messages").only("claude"),
            Endpoint::new(Operation::Chat(Dialect::OpenAiChat), "/openai/v1/chat/completions"),
            Endpoint::new(Operation::Chat(Dialect::OpenAiResponses), "/openai/v1/responses"),
            Endpoint::new(Operation::EMBEDDINGS, "/openai/v1/embeddings"),
            Endpoint::new(Operation::IMAGES, "/openai/v1/images/generations"),
        ],
        quirks: &[],
        documentation: "https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/endpoints",
    },
    ProviderRow {
        key: "databricks",
        aliases: &[],
        display_name: "Databricks",
        auth: AuthScheme::Databricks,
        needs_credential: false,
        base_url: BaseUrl::Asked(&["DATABRICKS_HOST"]),
        key_variables: &["DATABRICKS_TOKEN"],
        other_variables: &["DATABRICKS_CLIENT_ID"],
        settings: &[
            Setting::optional("client_id", &["DATABRICKS_CLIENT_ID"]),
            Setting::secret("client_secret", &["DATABRICKS_CLIENT_SECRET"]),
        ],
        serves: &[
            Endpoint { path: "/serving-endpoints/chat/completions", ..CHAT },
            Endpoint { path: "/serving-endpoints/responses", ..RESPONSES },
            Endpoint { path: "/serving-endpoints/embeddings", ..EMBEDDINGS },
        ],
        quirks: &[
            Quirk::MaxTokens,
            Quirk::NoDeveloperRole,
            Quirk::PairedToolResults,
            Quirk::CacheControl,
            Quirk::ListContent,
        ],
        documentation: "https://docs.databricks.com/machine-learning/foundation-model-apis/api-reference",
    },
];

/// The version-1 paths; with an `api_version` the paths of deployments are used instead.
const AZURE: &[Endpoint] = &[
    Endpoint::new(
        Operation::Chat(Dialect::OpenAiChat),
        "/openai/v1/chat/completions",
    ),
    Endpoint::new(
        Operation::Chat(Dialect::OpenAiResponses),
        "/openai/v1/responses",
    ),
    Endpoint::new(Operation::Completions, "/openai/v1/completions"),
    Endpoint::new(Operation::EMBEDDINGS, "/openai/v1/embeddings"),
    Endpoint::new(Operation::IMAGES, "/openai/v1/images/generations"),
    Endpoint::new(Operation::IMAGE_EDITS, "/openai/v1/images/edits"),
    Endpoint::new(Operation::SPEECH, "/openai/v1/audio/speech"),
    Endpoint::new(Operation::TRANSCRIPTIONS, "/openai/v1/audio/transcriptions"),
    Endpoint::new(Operation::TRANSLATIONS, "/openai/v1/audio/translations"),
    Endpoint::new(Operation::Realtime, "/openai/v1/realtime?model={model}"),
];
