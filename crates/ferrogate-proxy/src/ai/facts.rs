//! What a caller says about itself in headers: for routing and the log, and for no provider.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::refusal::{Refusal, RefusalCode};

/// A caller's own user.
const USER: HeaderName = HeaderName::from_static("x-user-id");
/// A caller's own session.
const SESSION: HeaderName = HeaderName::from_static("x-session-id");
/// A caller's own labels: a JSON object of scalars.
const METADATA: HeaderName = HeaderName::from_static("x-gateway-metadata");

/// The longest user or session, in bytes.
const LONGEST_NAME: usize = 256;
/// The longest header of labels, in bytes, and the most labels.
const LONGEST_METADATA: usize = 4096;
const MOST_LABELS: usize = 32;

/// What a caller says about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) user: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
}

impl Facts {
    /// Reads the headers; what is too long or malformed is refused, because nobody would see that it is not heeded.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        Ok(Self {
            user: name(headers, &USER)?,
            session: name(headers, &SESSION)?,
            labels: headers
                .get(&METADATA)
                .map(labels)
                .transpose()?
                .unwrap_or_default(),
        })
    }
}

fn name(headers: &HeaderMap, header: &HeaderName) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(header) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(text) if text.len() <= LONGEST_NAME => {
            Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
        }
        _ => Err(refused(
            header,
            "must be printable ASCII of at most 256 bytes",
        )),
    }
}

fn labels(value: &HeaderValue) -> Result<BTreeMap<String, String>, Refusal> {
    let wrong = || {
        refused(
            &METADATA,
            "must be a JSON object of at most 32 scalars in 4096 bytes",
        )
    };
    if value.len() > LONGEST_METADATA {
        return Err(wrong());
    }
    let object: BTreeMap<String, Value> =
        serde_json::from_slice(value.as_bytes()).map_err(|_| wrong())?;
    if object.len() > MOST_LABELS {
        return Err(wrong());
    }
    let each = |(name, value): (String, Value)| Some((name, scalar(&value)?));
    object
        .into_iter()
        .map(|entry| each(entry).ok_or_else(wrong))
        .collect()
}

/// A scalar as a label's text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

fn refused(header: &HeaderName, what: &str) -> Refusal {
    Refusal::new(
        RefusalCode::InvalidRequest,
        format!("the header `{header}` {what}"),
    )
    .with_param(header.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &str) -> Result<Facts, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        Facts::read(&headers)
    }

    #[test]
    fn reads_names_and_labels() {
        assert_eq!(read("x-user-id", "u-1").unwrap().user.unwrap(), "u-1");
        assert_eq!(read("x-session-id", "s").unwrap().session.unwrap(), "s");
        let labels = read("x-gateway-metadata", r#"{"team":"red","n":3,"beta":true}"#)
            .unwrap()
            .labels;
        let labels: Vec<_> = labels
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(labels, [("beta", "true"), ("n", "3"), ("team", "red")]);
        assert!(read("x-user-id", "").unwrap().user.is_none());
    }

    #[test]
    fn refuses_what_is_malformed_or_too_long() {
        let many = serde_json::to_string(
            &(0..33)
                .map(|n| (n.to_string(), n))
                .collect::<BTreeMap<_, _>>(),
        )
        .unwrap();
        for (name, value) in [
            ("x-user-id", "u".repeat(257)),
            ("x-gateway-metadata", "team=red".to_owned()),
            ("x-gateway-metadata", r#"{"a":{"b":1}}"#.to_owned()),
            ("x-gateway-metadata", r#"["a"]"#.to_owned()),
            ("x-gateway-metadata", many),
            (
                "x-gateway-metadata",
                format!(r#"{{"a":"{}"}}"#, "x".repeat(4096)),
            ),
        ] {
            let refusal = read(name, &value).unwrap_err();
            assert_eq!(refusal.code(), RefusalCode::InvalidRequest, "{value}");
        }
    }
}
