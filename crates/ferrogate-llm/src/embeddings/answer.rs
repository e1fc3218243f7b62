//! What comes of it.

use std::borrow::Cow;

use ferrogate_types::Usage;
use serde_json::value::RawValue;

use super::{Encoding, Vector};
use crate::UpstreamFault;

/// The vectors of one call, or of all.
#[derive(Clone, Debug, Default)]
pub struct EmbeddingAnswer<'a> {
    /// One for each input, in order; none where other types alone were asked for.
    pub vectors: Vec<Vector<'a>>,
    /// Cohere's other types, each with its vectors.
    pub others: Vec<(Cow<'a, str>, Vec<&'a RawValue>)>,
    /// What it used, where the provider tells.
    pub usage: Option<Usage>,
}

/// What must be known of a request to answer it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The model asked for, which is the model of the answer.
    pub model: String,
    /// How numbers are written.
    pub encoding: Encoding,
    /// Cohere's types.
    pub types: Vec<String>,
    /// For dialects whose answers have an id.
    pub id: String,
}

/// The answers to all calls as one, if they hold as many vectors as there were inputs.
///
/// Usage is known only when every answer tells it.
pub fn merge(
    answers: Vec<EmbeddingAnswer<'_>>,
    inputs: usize,
) -> Result<EmbeddingAnswer<'_>, UpstreamFault> {
    let mut answers = answers.into_iter();
    let mut all = answers.next().unwrap_or_default();
    for answer in answers {
        all.vectors.extend(answer.vectors);
        for (kind, vectors) in answer.others {
            match all.others.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, known)) => known.extend(vectors),
                None => all.others.push((kind, vectors)),
            }
        }
        all.usage = all.usage.zip(answer.usage).map(|(one, other)| Usage {
            input: one.input.saturating_add(other.input),
            image_input: one.image_input.saturating_add(other.image_input),
            ..one
        });
    }
    let whole = |count: usize| count == inputs;
    let numbers = whole(all.vectors.len()) || (all.vectors.is_empty() && !all.others.is_empty());
    if numbers && all.others.iter().all(|(_, list)| whole(list.len())) {
        Ok(all)
    } else {
        Err(UpstreamFault::because(
            "the provider's answer does not have a vector for each input",
        ))
    }
}
