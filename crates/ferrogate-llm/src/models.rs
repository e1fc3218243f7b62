//! The model listing.

use serde_json::{Value, json};

/// What a listing says of a model.
#[derive(Clone, Debug)]
pub struct ModelEntry<'a> {
    /// The name callers use.
    pub id: &'a str,
    /// The provider of its first target.
    pub owned_by: &'a str,
    /// What it can do.
    pub capabilities: &'a [String],
    /// Tokens of input and output together.
    pub context_window: Option<u64>,
    /// Tokens of output.
    pub max_output_tokens: Option<u64>,
}

/// One model as OpenAI's API shows it, with the fields of the configuration added.
///
/// `created` is 0: the gateway does not know when a vendor made a model, and SDKs require the member.
pub fn model_json(entry: &ModelEntry<'_>) -> Value {
    let mut value = json!({
        "id": entry.id,
        "object": "model",
        "created": 0,
        "owned_by": entry.owned_by,
        "capabilities": entry.capabilities,
    });
    if let Some(object) = value.as_object_mut() {
        let sizes = [
            ("context_window", entry.context_window),
            ("max_output_tokens", entry.max_output_tokens),
        ];
        for (name, size) in sizes {
            if let Some(size) = size {
                object.insert(name.to_owned(), size.into());
            }
        }
    }
    value
}

/// The list as OpenAI's API shows it.
pub fn model_list_json<'a>(entries: impl Iterator<Item = ModelEntry<'a>>) -> Value {
    json!({ "object": "list", "data": entries.map(|entry| model_json(&entry)).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_what_sdks_need() {
        let entry = ModelEntry {
            id: "fast",
            owned_by: "openai",
            capabilities: &["chat".to_owned()],
            context_window: Some(8),
            max_output_tokens: None,
        };
        assert_eq!(
            model_list_json([entry].into_iter()).to_string(),
            r#"{"data":[{"capabilities":["chat"],"context_window":8,"created":0,"id":"fast","object":"model","owned_by":"openai"}],"object":"list"}"#
        );
    }
}
