//! What is to be embedded.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Task;
use super::answer::Asked;
use super::variant::Variant;
use crate::chat::Source;
use crate::json::Object;
use crate::protocol::Untranslatable;
use crate::{DecodeError, EmbeddingDialect, Lossy};

/// A request of any dialect.
#[derive(Clone, Debug)]
pub struct EmbeddingRequest<'a> {
    /// What it was written in: [`extra`](Self::extra) members are that dialect's.
    pub dialect: EmbeddingDialect,
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// What is to be embedded, each for a vector of its own.
    pub inputs: Vec<Input<'a>>,
    /// Numbers of each vector; the model's own when absent.
    pub dimensions: Option<u64>,
    /// How the numbers are written.
    pub encoding: Encoding,
    /// Cohere's `embedding_types`, of which several may be asked for at once.
    pub types: Vec<Cow<'a, str>>,
    /// What the vectors are for.
    pub task: Option<Task<'a>>,
    /// The title of the document that is embedded.
    pub title: Option<Cow<'a, str>>,
    /// What happens to a text that is too long.
    pub truncate: Option<Truncate>,
    /// The caller's own user, for the vendor's misuse detection.
    pub user: Option<Cow<'a, str>>,
    /// Members of its own dialect.
    pub extra: Object<'a>,
}

/// Something to embed.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// Tokens of OpenAI's, as a JSON array of numbers.
    Tokens(&'a RawValue),
    /// Texts and pictures that get one vector together.
    Parts(Vec<InputPart<'a>>),
}

/// A part of an input.
#[derive(Clone, Debug)]
pub enum InputPart<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// A picture.
    Image(Source<'a>),
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// As a JSON array.
    #[default]
    Float,
    /// As base64 of little-endian IEEE-754 numbers of 32 bits.
    Base64,
}

/// What happens to a text that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncate {
    /// It is refused.
    None,
    /// Its start is cut off.
    Start,
    /// Its end is cut off.
    End,
}

impl Truncate {
    /// In Cohere's words, which NVIDIA and Amazon share.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Start => "START",
            Self::End => "END",
        }
    }
}

/// Inputs of one request. Source: OpenAI's API reference, `POST /embeddings`, `input`.
pub(super) const MOST_INPUTS: usize = 2048;

impl<'a> EmbeddingRequest<'a> {
    /// A request for vectors of these inputs.
    pub(super) fn new(
        dialect: EmbeddingDialect,
        model: Cow<'a, str>,
        inputs: Vec<Input<'a>>,
    ) -> Self {
        Self {
            dialect,
            model,
            inputs,
            dimensions: None,
            encoding: Encoding::Float,
            types: Vec::new(),
            task: None,
            title: None,
            truncate: None,
            user: None,
            extra: Object::default(),
        }
    }

    /// The request, unless there is nothing in it or too much: each input may become a call of its own.
    pub(super) fn checked(self) -> Result<Self, DecodeError> {
        if (1..=MOST_INPUTS).contains(&self.inputs.len()) {
            Ok(self)
        } else {
            Err(DecodeError::wrong(
                self.word(Word::Inputs),
                "one input at least, and 2048 at most",
            ))
        }
    }

    /// What must be known to answer it. `id` is for dialects whose answers have one.
    pub fn asked(&self, id: &str) -> Asked {
        Asked {
            model: self.model.clone().into_owned(),
            encoding: self.encoding,
            types: self.types.iter().map(ToString::to_string).collect(),
            id: id.to_owned(),
        }
    }

    /// Inputs that a provider takes in one call.
    ///
    /// Source: Google's API reference, `batchEmbedContents`; Vertex AI's "Get text embeddings", which allows one
    /// text for `gemini-embedding-001`; Hugging Face's task "feature extraction", whose servers take 32; Cohere's API reference, `POST /v2/embed`, which allows one picture; Amazon
    /// Bedrock's user guide, "Titan Embeddings".
    pub(super) fn most_per_call(&self, dialect: EmbeddingDialect, model: &str) -> usize {
        match dialect {
            EmbeddingDialect::OpenAi
            | EmbeddingDialect::Mistral
            | EmbeddingDialect::Nvidia
            | EmbeddingDialect::Qwen
            | EmbeddingDialect::Voyage
            | EmbeddingDialect::Jina
            | EmbeddingDialect::Perplexity
            | EmbeddingDialect::Tei => Variant::of(dialect).most,
            EmbeddingDialect::Ollama => MOST_INPUTS,
            EmbeddingDialect::HuggingFace => 32,
            EmbeddingDialect::GeminiBatch => 100,
            EmbeddingDialect::Vertex if !model.contains("gemini-embedding") => 250,
            EmbeddingDialect::Cohere | EmbeddingDialect::BedrockCohere
                if !self.inputs.iter().all(Input::is_image) =>
            {
                96
            }
            EmbeddingDialect::Cohere
            | EmbeddingDialect::BedrockCohere
            | EmbeddingDialect::Vertex
            | EmbeddingDialect::Gemini
            | EmbeddingDialect::Nova
            | EmbeddingDialect::Titan => 1,
        }
    }

    /// A member in the caller's words.
    fn word(&self, word: Word) -> &'static str {
        let (openai, gemini, cohere) = match word {
            Word::Inputs => ("input", "content", "texts"),
            Word::Dimensions => ("dimensions", "outputDimensionality", "output_dimension"),
            Word::Task => ("input_type", "taskType", "input_type"),
            Word::Title => ("title", "title", "title"),
            Word::Truncate => ("truncate", "autoTruncate", "truncate"),
            Word::User => ("user", "user", "user"),
            Word::Types => ("encoding_format", "encoding", "embedding_types"),
        };
        match self.dialect {
            EmbeddingDialect::Gemini | EmbeddingDialect::GeminiBatch | EmbeddingDialect::Vertex => {
                gemini
            }
            EmbeddingDialect::Cohere | EmbeddingDialect::BedrockCohere => cohere,
            _ => openai,
        }
    }
}

/// Members that several dialects have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    Inputs,
    Dimensions,
    Task,
    Title,
    Truncate,
    User,
    Types,
}

/// A request on its way to a provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'r, 'a> {
    /// What it is written in.
    pub(super) dialect: EmbeddingDialect,
    pub(super) request: &'r EmbeddingRequest<'a>,
    pub(super) model: &'r str,
}

impl Call<'_, '_> {
    /// Notes a member that has no counterpart, if there is one.
    pub(super) fn lose_if<T>(&self, word: Word, value: Option<&T>, lossy: &mut Lossy) {
        if value.is_some() {
            lossy.lose_named(self.request.word(word));
        }
    }

    /// Notes what has no counterpart in any dialect but OpenAI's, or in any other.
    pub(super) fn lose_own(&self, lossy: &mut Lossy) {
        self.lose_if(Word::User, self.request.user.as_ref(), lossy);
        lossy.lose_members("", &self.request.extra);
    }

    /// Only numbers can be made of what a provider answers, unless it is Cohere's.
    pub(super) fn only_numbers(&self) -> Result<(), Untranslatable> {
        let others = |kind: &&Cow<'_, str>| !matches!(kind.as_ref(), "float" | "base64");
        match self.request.types.iter().find(others) {
            Some(kind) => Err(self.refuse(
                Word::Types,
                format!("this provider has no embeddings of the type `{kind}`: ask for `float`"),
            )),
            None => Ok(()),
        }
    }

    pub(super) fn refuse(&self, word: Word, message: impl Into<String>) -> Untranslatable {
        Untranslatable::new(self.request.word(word), message)
    }

    /// An input as text.
    pub(super) fn text<'i>(&self, input: &'i Input<'_>) -> Result<Cow<'i, str>, Untranslatable> {
        match input {
            Input::Text(text) => Ok(Cow::Borrowed(text)),
            Input::Tokens(_) => Err(self.tokens()),
            Input::Parts(parts) => {
                let texts: Option<Vec<&str>> = parts.iter().map(InputPart::text).collect();
                texts
                    .map(|texts| Cow::Owned(texts.join("\n")))
                    .ok_or_else(|| {
                        self.refuse(Word::Inputs, "this provider's embeddings are of texts only")
                    })
            }
        }
    }

    /// An input as parts.
    pub(super) fn parts<'i>(
        &self,
        input: &'i Input<'i>,
    ) -> Result<Vec<InputPart<'i>>, Untranslatable> {
        match input {
            Input::Text(text) => Ok(vec![InputPart::Text(Cow::Borrowed(text))]),
            Input::Tokens(_) => Err(self.tokens()),
            Input::Parts(parts) => Ok(parts.clone()),
        }
    }

    fn tokens(&self) -> Untranslatable {
        self.refuse(
            Word::Inputs,
            "only OpenAI's models know OpenAI's tokens: send the text instead",
        )
    }
}

impl Input<'_> {
    /// Whether it is one picture and nothing else.
    pub(super) fn is_image(&self) -> bool {
        matches!(self, Self::Parts(parts) if matches!(parts.as_slice(), [InputPart::Image(_)]))
    }
}

impl InputPart<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Image(_) => None,
        }
    }
}
