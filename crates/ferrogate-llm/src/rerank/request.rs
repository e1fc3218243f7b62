//! What is to be ranked.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::DecodeError;
use crate::json::{self, Object};

/// A request.
#[derive(Clone, Debug)]
pub struct RerankRequest<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// What the documents are to answer.
    pub query: Cow<'a, str>,
    /// The documents.
    pub documents: Vec<Document<'a>>,
    /// How many of the best to name; all when absent.
    pub top_n: Option<u64>,
    /// The answer repeats the documents.
    pub return_documents: bool,
    /// Where a long document is cut.
    pub max_tokens_per_doc: Option<u64>,
    /// Members nobody else knows.
    pub extra: Object<'a>,
}

/// A document.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    /// Its text; none where it is an object of fields, or a picture, that only some providers rank.
    pub text: Option<Cow<'a, str>>,
    /// The object it was written as, if it was one.
    pub object: Option<&'a RawValue>,
}

/// Reads a caller's request.
pub fn read_request(body: &[u8]) -> Result<RerankRequest<'_>, DecodeError> {
    let mut object = Object::parse(body)?;
    let model = object.text("model")?.ok_or(DecodeError::Model)?;
    let query = object
        .text("query")?
        .ok_or_else(|| DecodeError::wrong("query", "a string"))?;
    let list = object
        .array("documents")?
        .filter(|list| !list.is_empty())
        .ok_or_else(|| DecodeError::wrong("documents", "an array of one document at least"))?;
    let documents = list.into_iter().enumerate().map(|(index, raw)| {
        document(raw).ok_or_else(|| {
            DecodeError::wrong(format!("documents[{index}]"), "a string or an object")
        })
    });
    let documents = documents.collect::<Result<_, _>>()?;
    let top_n = object.unsigned("top_n")?;
    Ok(RerankRequest {
        model,
        query,
        documents,
        // Voyage's word, for its clients.
        top_n: match top_n {
            Some(most) => Some(most),
            None => object.unsigned("top_k")?,
        },
        return_documents: object.flag("return_documents")?.unwrap_or(false),
        max_tokens_per_doc: object.unsigned("max_tokens_per_doc")?,
        extra: object,
    })
}

fn document(raw: &RawValue) -> Option<Document<'_>> {
    if let Some(text) = json::text(raw) {
        return Some(Document {
            text: Some(text),
            object: None,
        });
    }
    Some(Document {
        text: Object::of(raw)?.text("text").ok()?,
        object: Some(raw),
    })
}
