//! How vendors' embeddings depart from OpenAI's.
//!
//! Sources: Mistral's API reference, `POST /v1/embeddings`; NVIDIA NIM's, "Retrieval: create embedding"; Alibaba's,
//! "Text embedding: OpenAI compatible"; Voyage's and Jina's, `POST /v1/embeddings`; Perplexity's, `POST
//! /v1/embeddings`; Text Embeddings Inference's OpenAPI document, `OpenAICompatRequest`.

use super::task::Vocabulary;
use super::{EmbeddingRequest, Truncate};
use crate::EmbeddingDialect;
use crate::json::Writer;

/// A vendor's form of OpenAI's request.
pub(super) struct Variant {
    dialect: EmbeddingDialect,
    /// The member for the numbers of a vector.
    pub(super) dimensions: &'static str,
    /// The member for what vectors are for, and its words.
    pub(super) task: Option<(&'static str, Vocabulary)>,
    /// What is said of it where the caller says nothing.
    pub(super) usual_task: Option<&'static str>,
    truncation: Truncation,
    /// It has a `user`.
    pub(super) user: bool,
    /// Texts in one call.
    pub(super) most: usize,
}

/// How it is said what happens to a text that is too long.
#[derive(Clone, Copy)]
enum Truncation {
    /// Not at all.
    Unknown,
    /// In Cohere's words.
    Word(&'static str),
    /// As a boolean.
    Switch(&'static str),
}

const OPENAI: Variant = Variant {
    dialect: EmbeddingDialect::OpenAi,
    dimensions: "dimensions",
    task: None,
    usual_task: None,
    truncation: Truncation::Unknown,
    user: true,
    most: super::request::MOST_INPUTS,
};

const VARIANTS: [Variant; 8] = {
    use EmbeddingDialect as D;
    [
        OPENAI,
        Variant {
            dialect: D::Mistral,
            dimensions: "output_dimension",
            user: false,
            ..OPENAI
        },
        Variant {
            dialect: D::Nvidia,
            task: Some(("input_type", Vocabulary::Nvidia)),
            // Without it the hosted models refuse.
            usual_task: Some("passage"),
            truncation: Truncation::Word("truncate"),
            ..OPENAI
        },
        Variant {
            dialect: D::Qwen,
            most: 10,
            ..OPENAI
        },
        Variant {
            dialect: D::Voyage,
            dimensions: "output_dimension",
            task: Some(("input_type", Vocabulary::Voyage)),
            truncation: Truncation::Switch("truncation"),
            user: false,
            most: 1000,
            ..OPENAI
        },
        Variant {
            dialect: D::Jina,
            task: Some(("task", Vocabulary::Jina)),
            truncation: Truncation::Switch("truncate"),
            user: false,
            ..OPENAI
        },
        Variant {
            dialect: D::Perplexity,
            user: false,
            most: 512,
            ..OPENAI
        },
        // Its default for `--max-client-batch-size`.
        Variant {
            dialect: D::Tei,
            most: 32,
            ..OPENAI
        },
    ]
};

impl Variant {
    /// The form of a dialect; OpenAI's own for those that are none of OpenAI's.
    pub(super) fn of(dialect: EmbeddingDialect) -> &'static Self {
        let mut all = VARIANTS.iter();
        all.find(|variant| variant.dialect == dialect)
            .unwrap_or(&OPENAI)
    }

    /// Says what happens to a text that is too long; `false` where there is no way to say it.
    pub(super) fn truncate(&self, request: &EmbeddingRequest<'_>, w: &mut Writer) -> bool {
        let Some(truncate) = request.truncate else {
            return true;
        };
        match (self.truncation, truncate) {
            (Truncation::Word(name), truncate) => w.text(name, truncate.as_str()),
            (Truncation::Switch(name), Truncate::None) => w.member(name, &false),
            (Truncation::Switch(name), Truncate::End) => w.member(name, &true),
            (Truncation::Unknown, _) | (Truncation::Switch(_), Truncate::Start) => return false,
        };
        true
    }
}
