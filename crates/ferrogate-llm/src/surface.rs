//! What a caller can ask for, by path.

use std::borrow::Cow;

use ferrogate_types::Scope;

use crate::{Dialect, HearingDialect, ImageDialect, RerankDialect, SpeechDialect};

/// Something a model is asked to do, in a dialect where several exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A conversation.
    Chat(Dialect),
    /// The tokens of a conversation.
    CountTokens(Dialect),
    /// OpenAI's text completions.
    Completions,
    /// Vectors of texts.
    Embeddings(EmbeddingDialect),
    /// Pictures from a text.
    Images(ImageDialect),
    /// Pictures from pictures, with a text.
    ImageEdits(ImageDialect),
    /// Pictures from pictures.
    ImageVariations(ImageDialect),
    /// Speech from a text.
    Speech(SpeechDialect),
    /// A text from speech.
    Transcriptions(HearingDialect),
    /// An English text from speech.
    Translations(HearingDialect),
    /// Whether a text is harmful.
    Moderations,
    /// Documents by how well they fit.
    Rerank(RerankDialect),
    /// A spoken conversation over a WebSocket.
    Realtime,
}

/// A wire dialect of embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EmbeddingDialect {
    /// OpenAI's, which most providers speak.
    OpenAi,
    /// Google's `embedContent`: one text.
    Gemini,
    /// Google's `batchEmbedContents`.
    GeminiBatch,
    /// Vertex AI's `predict`.
    Vertex,
    /// Cohere's `embed`, version 2.
    Cohere,
    /// Amazon Titan on Bedrock: one text.
    Titan,
    /// Cohere on Bedrock.
    BedrockCohere,
    /// Amazon Nova on Bedrock: one text or picture.
    Nova,
    /// OpenAI's as Mistral speaks it.
    Mistral,
    /// OpenAI's as NVIDIA NIM speaks it.
    Nvidia,
    /// OpenAI's as Qwen speaks it.
    Qwen,
    /// OpenAI's as Voyage speaks it.
    Voyage,
    /// OpenAI's as Jina speaks it.
    Jina,
    /// OpenAI's as Perplexity speaks it, with whole numbers of 8 bits.
    Perplexity,
    /// OpenAI's as Text Embeddings Inference speaks it.
    Tei,
    /// Ollama's own `embed`.
    Ollama,
    /// Hugging Face's task `feature-extraction`.
    HuggingFace,
}

impl EmbeddingDialect {
    /// Its name in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Gemini => "gemini",
            Self::GeminiBatch => "gemini-batch",
            Self::Vertex => "vertex",
            Self::Cohere => "cohere",
            Self::Titan => "bedrock-titan",
            Self::BedrockCohere => "bedrock-cohere",
            Self::Nova => "bedrock-nova",
            Self::Mistral => "mistral",
            Self::Nvidia => "nvidia",
            Self::Qwen => "qwen",
            Self::Voyage => "voyage",
            Self::Jina => "jina",
            Self::Perplexity => "perplexity",
            Self::Tei => "tei",
            Self::Ollama => "ollama",
            Self::HuggingFace => "hugging-face",
        }
    }
}

impl Operation {
    /// Embeddings in OpenAI's dialect.
    pub const EMBEDDINGS: Self = Self::Embeddings(EmbeddingDialect::OpenAi);

    /// Pictures in OpenAI's dialect.
    pub const IMAGES: Self = Self::Images(ImageDialect::OpenAi);
    /// Edited pictures in OpenAI's dialect.
    pub const IMAGE_EDITS: Self = Self::ImageEdits(ImageDialect::OpenAi);
    /// Variations of pictures in OpenAI's dialect.
    pub const IMAGE_VARIATIONS: Self = Self::ImageVariations(ImageDialect::OpenAi);

    /// Speech in OpenAI's dialect.
    pub const SPEECH: Self = Self::Speech(SpeechDialect::OpenAi);
    /// Transcriptions in OpenAI's dialect.
    pub const TRANSCRIPTIONS: Self = Self::Transcriptions(HearingDialect::OpenAi);
    /// Translations in OpenAI's dialect.
    pub const TRANSLATIONS: Self = Self::Translations(HearingDialect::OpenAi);

    /// Whether it is the same but for the dialect.
    pub fn is_same_as(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// An operation at a path of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Surface(&'static Row);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Row {
    operation: Operation,
    path: Path,
    scope: Scope,
    /// In logs and metrics; OpenTelemetry's `gen_ai.operation.name` where it has one.
    name: &'static str,
    /// The path asks for a stream.
    stream: bool,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Path {
    /// Just so.
    Exact(&'static str),
    /// The model between two texts; slashes in it are the model's.
    Model(&'static str, &'static str),
}

const fn exact(operation: Operation, path: &'static str, scope: Scope, name: &'static str) -> Row {
    Row {
        operation,
        path: Path::Exact(path),
        scope,
        name,
        stream: false,
    }
}

const fn gemini(operation: Operation, verb: &'static str, scope: Scope, name: &'static str) -> Row {
    Row {
        operation,
        path: Path::Model("/v1beta/models/", verb),
        scope,
        name,
        stream: false,
    }
}

/// Every surface: operation, path, what a key needs, name.
static TABLE: [Row; 28] = {
    use Dialect::{Anthropic, Cohere, Converse, Gemini, OpenAiChat, OpenAiResponses};
    use Operation as O;
    [
        exact(
            O::Chat(OpenAiChat),
            "/v1/chat/completions",
            Scope::ChatCompletions,
            "chat",
        ),
        exact(
            O::Completions,
            "/v1/completions",
            Scope::ChatCompletions,
            "completions",
        ),
        exact(
            O::EMBEDDINGS,
            "/v1/embeddings",
            Scope::EmbeddingsCreate,
            "embeddings",
        ),
        exact(
            O::Chat(OpenAiResponses),
            "/v1/responses",
            Scope::ResponsesCreate,
            "responses",
        ),
        exact(
            O::Chat(Anthropic),
            "/v1/messages",
            Scope::MessagesCreate,
            "messages",
        ),
        exact(
            O::CountTokens(Anthropic),
            "/v1/messages/count_tokens",
            Scope::MessagesCreate,
            "count_tokens",
        ),
        gemini(
            O::Chat(Gemini),
            ":generateContent",
            Scope::ChatCompletions,
            "generate_content",
        ),
        Row {
            stream: true,
            ..gemini(
                O::Chat(Gemini),
                ":streamGenerateContent",
                Scope::ChatCompletions,
                "generate_content",
            )
        },
        gemini(
            O::CountTokens(Gemini),
            ":countTokens",
            Scope::ChatCompletions,
            "count_tokens",
        ),
        gemini(
            O::Embeddings(EmbeddingDialect::Gemini),
            ":embedContent",
            Scope::EmbeddingsCreate,
            "embeddings",
        ),
        gemini(
            O::Embeddings(EmbeddingDialect::GeminiBatch),
            ":batchEmbedContents",
            Scope::EmbeddingsCreate,
            "embeddings",
        ),
        // Google's newer SDKs leave the "beta" out.
        Row {
            path: Path::Model("/v1/models/", ":generateContent"),
            ..gemini(
                O::Chat(Gemini),
                "",
                Scope::ChatCompletions,
                "generate_content",
            )
        },
        Row {
            path: Path::Model("/v1/models/", ":streamGenerateContent"),
            stream: true,
            ..gemini(
                O::Chat(Gemini),
                "",
                Scope::ChatCompletions,
                "generate_content",
            )
        },
        Row {
            path: Path::Model("/v1/models/", ":countTokens"),
            ..gemini(
                O::CountTokens(Gemini),
                "",
                Scope::ChatCompletions,
                "count_tokens",
            )
        },
        Row {
            path: Path::Model("/model/", "/converse"),
            ..gemini(O::Chat(Converse), "", Scope::ChatCompletions, "converse")
        },
        Row {
            path: Path::Model("/model/", "/converse-stream"),
            stream: true,
            ..gemini(O::Chat(Converse), "", Scope::ChatCompletions, "converse")
        },
        exact(O::Chat(Cohere), "/v2/chat", Scope::ChatCompletions, "chat"),
        exact(
            O::Embeddings(EmbeddingDialect::Cohere),
            "/v2/embed",
            Scope::EmbeddingsCreate,
            "embeddings",
        ),
        exact(
            O::Rerank(RerankDialect::Cohere),
            "/v2/rerank",
            Scope::RerankCreate,
            "rerank",
        ),
        exact(
            O::Rerank(RerankDialect::Cohere),
            "/v1/rerank",
            Scope::RerankCreate,
            "rerank",
        ),
        exact(
            O::IMAGES,
            "/v1/images/generations",
            Scope::ImagesCreate,
            "image_generation",
        ),
        exact(
            O::IMAGE_EDITS,
            "/v1/images/edits",
            Scope::ImagesCreate,
            "image_edit",
        ),
        exact(
            O::IMAGE_VARIATIONS,
            "/v1/images/variations",
            Scope::ImagesCreate,
            "image_variation",
        ),
        exact(O::SPEECH, "/v1/audio/speech", Scope::AudioCreate, "speech"),
        exact(
            O::TRANSCRIPTIONS,
            "/v1/audio/transcriptions",
            Scope::AudioCreate,
            "transcription",
        ),
        exact(
            O::TRANSLATIONS,
            "/v1/audio/translations",
            Scope::AudioCreate,
            "translation",
        ),
        exact(
            O::Moderations,
            "/v1/moderations",
            Scope::ModerationsCreate,
            "moderation",
        ),
        exact(
            O::Realtime,
            "/v1/realtime",
            Scope::RealtimeConnect,
            "realtime",
        ),
    ]
};

impl Surface {
    /// OpenAI's chat completions.
    pub const CHAT: Self = Self(&TABLE[0]);
    /// OpenAI's text completions.
    pub const COMPLETIONS: Self = Self(&TABLE[1]);
    /// OpenAI's embeddings.
    pub const EMBEDDINGS: Self = Self(&TABLE[2]);
    /// OpenAI's Responses.
    pub const RESPONSES: Self = Self(&TABLE[3]);

    /// The surface at a path of the gateway, and the model where the path names it.
    pub fn at(path: &str) -> Option<(Self, Option<Cow<'_, str>>)> {
        TABLE.iter().find_map(|row| match row.path {
            Path::Exact(exact) => (exact == path).then_some((Self(row), None)),
            Path::Model(before, behind) => {
                let model = path.strip_prefix(before)?.strip_suffix(behind)?;
                let decoded = percent_encoding::percent_decode_str(model)
                    .decode_utf8()
                    .ok()?;
                (!decoded.is_empty()).then_some((Self(row), Some(decoded)))
            }
        })
    }

    /// What is asked.
    pub fn operation(self) -> Operation {
        self.0.operation
    }

    /// The dialect of its errors.
    pub fn dialect(self) -> Dialect {
        match self.0.operation {
            Operation::Chat(dialect) | Operation::CountTokens(dialect) => dialect,
            Operation::Embeddings(EmbeddingDialect::Gemini | EmbeddingDialect::GeminiBatch) => {
                Dialect::Gemini
            }
            Operation::Embeddings(EmbeddingDialect::Cohere) => Dialect::Cohere,
            Operation::Completions => Dialect::OpenAiText,
            Operation::Rerank(_) if self.0.path == Path::Exact("/v2/rerank") => Dialect::Cohere,
            _ => Dialect::OpenAiChat,
        }
    }

    /// What a key needs to use it.
    pub fn scope(self) -> Scope {
        self.0.scope
    }

    /// The name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        self.0.name
    }

    /// Whether the path itself asks for a stream.
    pub fn is_stream(self) -> bool {
        self.0.stream
    }

    /// Whether the body can ask for a stream.
    pub fn may_stream(self) -> bool {
        matches!(
            self.0.operation,
            Operation::Chat(_)
                | Operation::Completions
                | Operation::Images(_)
                | Operation::ImageEdits(_)
                | Operation::Speech(_)
                | Operation::Transcriptions(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_its_own_row() {
        for row in &TABLE {
            let (path, model) = match row.path {
                Path::Exact(path) => (path.to_owned(), None),
                Path::Model(before, behind) => {
                    (format!("{before}a%2Fb/c%3A1{behind}"), Some("a/b/c:1"))
                }
            };
            let (found, named) = Surface::at(&path).unwrap();
            assert_eq!((found.0, named.as_deref()), (row, model), "{path}");
        }
        for path in [
            "/v1/chat/completions/",
            "/v1beta/models/:generateContent",
            "/v1/models/gpt-4o",
        ] {
            assert_eq!(Surface::at(path), None, "{path}");
        }
    }
}
