//! The model listing.

use serde_json::{Map, Value, json};

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
    /// What it costs in dollars, by the names of the configuration; empty where it is unpriced.
    pub prices: Vec<(&'static str, String)>,
}

/// In whose words a listing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListShape {
    /// OpenAI's, which is the default.
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// Gemini's.
    Gemini,
}

/// One model, with the fields of catalog and configuration added.
///
/// Dates are the beginning of 1970: the gateway does not know when a vendor made a model, and SDKs require the member.
pub fn model_json(entry: &ModelEntry<'_>, shape: ListShape) -> Value {
    let mut value = match shape {
        ListShape::OpenAi => json!({
            "id": entry.id,
            "object": "model",
            "created": 0,
            "owned_by": entry.owned_by,
        }),
        ListShape::Anthropic => json!({
            "type": "model",
            "id": entry.id,
            "display_name": entry.id,
            "created_at": "1970-01-01T00:00:00Z",
            "max_input_tokens": entry.context_window,
            "max_tokens": entry.max_output_tokens,
        }),
        ListShape::Gemini => json!({
            "name": format!("models/{}", entry.id),
            "displayName": entry.id,
            "version": "001",
            "inputTokenLimit": entry.context_window,
            "outputTokenLimit": entry.max_output_tokens,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }),
    };
    if let (Some(object), ListShape::OpenAi) = (value.as_object_mut(), shape) {
        add(object, entry);
    }
    value
}

fn add(object: &mut Map<String, Value>, entry: &ModelEntry<'_>) {
    object.insert("capabilities".to_owned(), json!(entry.capabilities));
    let sizes = [
        ("context_window", entry.context_window),
        ("max_output_tokens", entry.max_output_tokens),
    ];
    for (name, size) in sizes {
        if let Some(size) = size {
            object.insert(name.to_owned(), size.into());
        }
    }
    if entry.prices.is_empty() {
        object.insert("unpriced".to_owned(), true.into());
    } else {
        let prices = entry.prices.iter();
        let prices: Map<String, Value> = prices
            .map(|(name, price)| ((*name).to_owned(), price.as_str().into()))
            .collect();
        object.insert("pricing".to_owned(), prices.into());
    }
}

/// The list. There is one page: an SDK that asks for more gets the same, and is told that there is no more.
pub fn model_list_json<'a>(
    entries: impl Iterator<Item = ModelEntry<'a>>,
    shape: ListShape,
) -> Value {
    let ids: Vec<ModelEntry<'a>> = entries.collect();
    let data: Vec<Value> = ids.iter().map(|entry| model_json(entry, shape)).collect();
    match shape {
        ListShape::OpenAi => json!({ "object": "list", "data": data }),
        ListShape::Anthropic => json!({
            "data": data,
            "has_more": false,
            "first_id": ids.first().map(|entry| entry.id),
            "last_id": ids.last().map(|entry| entry.id),
        }),
        ListShape::Gemini => json!({ "models": data }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_what_sdks_need() {
        let list = |shape, prices| {
            let entry = ModelEntry {
                id: "fast",
                owned_by: "openai",
                capabilities: &["chat".to_owned()],
                context_window: Some(8),
                max_output_tokens: None,
                prices,
            };
            model_list_json([entry].into_iter(), shape)
        };
        assert_eq!(
            list(
                ListShape::OpenAi,
                vec![("input_price_per_1m", "0.15".to_owned())]
            ),
            json!({ "object": "list", "data": [{
                "id": "fast", "object": "model", "created": 0, "owned_by": "openai", "capabilities": ["chat"],
                "context_window": 8, "pricing": { "input_price_per_1m": "0.15" } }] })
        );
        let unpriced = list(ListShape::OpenAi, Vec::new());
        assert_eq!(unpriced["data"][0]["unpriced"], true);
        let anthropic = list(ListShape::Anthropic, Vec::new());
        assert_eq!(
            (&anthropic["has_more"], &anthropic["first_id"]),
            (&false.into(), &"fast".into())
        );
        assert_eq!(
            list(ListShape::Gemini, Vec::new())["models"][0]["name"],
            "models/fast"
        );
    }
}
