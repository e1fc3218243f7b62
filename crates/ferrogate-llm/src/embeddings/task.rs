//! What vectors are for.

use std::borrow::Cow;

/// What vectors are for, in the words of a dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task<'a> {
    /// As it was written.
    pub word: Cow<'a, str>,
}

/// Dialects that have words for it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Vocabulary {
    Gemini,
    Cohere,
    Nvidia,
    Voyage,
    Jina,
    Nova,
}

/// Words of one meaning, in the order of [`Vocabulary`]; nothing where a vendor has no word for it.
///
/// Source: Google's API reference, `TaskType`; Cohere's, `EmbedInputType`; NVIDIA NIM's, Voyage's and Jina's; Amazon
/// Nova's user guide, "Embedding purposes", of which a question to documents of any kind is `GENERIC_RETRIEVAL`.
const MEANINGS: [[&str; 6]; 6] = [
    [
        "RETRIEVAL_QUERY",
        "search_query",
        "query",
        "query",
        "retrieval.query",
        "GENERIC_RETRIEVAL",
    ],
    [
        "RETRIEVAL_DOCUMENT",
        "search_document",
        "passage",
        "document",
        "retrieval.passage",
        "GENERIC_INDEX",
    ],
    [
        "CLASSIFICATION",
        "classification",
        "",
        "",
        "classification",
        "CLASSIFICATION",
    ],
    [
        "CLUSTERING",
        "clustering",
        "",
        "",
        "separation",
        "CLUSTERING",
    ],
    ["SEMANTIC_SIMILARITY", "", "", "", "text-matching", ""],
    ["", "image", "", "", "", ""],
];

impl<'a> Task<'a> {
    /// A task as it was written.
    pub(super) fn new(word: Cow<'a, str>) -> Self {
        Self { word }
    }

    /// The word of another dialect for it.
    pub(super) fn in_words_of(&self, vocabulary: Vocabulary) -> Option<&'static str> {
        let word = self.word.as_ref();
        let words = MEANINGS.iter().find(|words| words.contains(&word))?;
        let word = words.get(vocabulary as usize)?;
        (!word.is_empty()).then_some(*word)
    }
}
