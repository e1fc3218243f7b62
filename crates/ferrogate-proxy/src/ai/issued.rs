//! Which provider gave out which id: files, batches and stored responses are where they were made and nowhere else.
//!
//! Kept in memory, the latest so many: what a restart or another node made is not known here, and the caller then
//! names the provider itself.

use std::borrow::Cow;
use std::time::Duration;

use ferrogate_types::ProviderId;
use moka::sync::Cache;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Ids remembered.
const MOST: u64 = 100_000;
/// How long one is remembered that nobody asks for. OpenAI keeps stored responses for 30 days.
const IDLE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The longest id remembered, in bytes.
const LONGEST: usize = 256;
/// Ids of one list that are looked at.
const MOST_LISTED: usize = 1000;

/// Which provider gave out which id.
pub(crate) struct Issued(Cache<Box<str>, ProviderId>);

impl Default for Issued {
    fn default() -> Self {
        let cache = Cache::builder()
            .max_capacity(MOST)
            .time_to_idle(IDLE)
            .build();
        Self(cache)
    }
}

/// Where answers tell ids. Source: OpenAI's OpenAPI document, `Batch`, `FineTuningJob`, `Response`, lists.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    output_file_id: Option<&'a RawValue>,
    #[serde(borrow)]
    error_file_id: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

/// Where requests refer to ids. Source: OpenAI's OpenAPI document, `CreateResponse`, `CreateBatchRequest`,
/// `CreateFineTuningJobRequest`, `CreateVectorStoreFileRequest`.
#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    previous_response_id: Option<&'a RawValue>,
    #[serde(borrow)]
    conversation: Option<&'a RawValue>,
    #[serde(borrow)]
    input_file_id: Option<&'a RawValue>,
    #[serde(borrow)]
    training_file: Option<&'a RawValue>,
    #[serde(borrow)]
    file_id: Option<&'a RawValue>,
}

/// The members of [`Asked`], by what they have in common.
const REFERENCES: [&str; 4] = [
    "previous_response_id",
    "\"conversation\"",
    "file_id\"",
    "training_file",
];

fn text(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    // Most ids have no escapes and are borrowed.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(raw?.get())
        .ok()
        .map(|text| text.0)
}

fn inner(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    text(serde_json::from_str::<Item<'_>>(raw?.get()).ok()?.id)
}

impl Issued {
    /// Remembers the ids that an answer, or an event of a stream, tells.
    pub(crate) fn note(&self, answer: &[u8], provider: &ProviderId) {
        let Ok(told) = serde_json::from_slice::<Told<'_>>(answer) else {
            return;
        };
        let listed = told
            .data
            .and_then(|raw| serde_json::from_str::<Vec<Item<'_>>>(raw.get()).ok())
            .unwrap_or_default();
        let single = [told.id, told.output_file_id, told.error_file_id]
            .into_iter()
            .map(text)
            .chain([inner(told.response)]);
        let listed = listed.iter().take(MOST_LISTED).map(|item| text(item.id));
        for id in single.chain(listed).flatten() {
            if (4..=LONGEST).contains(&id.len()) {
                self.0.insert(id.into(), provider.clone());
            }
        }
    }

    /// Remembers the ids that the frames of a stream tell.
    pub(crate) fn note_frames(&self, frames: &[u8], provider: &ProviderId) {
        for line in frames.split(|byte| *byte == b'\n') {
            if let Some(data) = line.strip_prefix(b"data:") {
                self.note(data, provider);
            }
        }
    }

    /// Who gave out an id in the path.
    pub(crate) fn of_path(&self, path: &str) -> Option<ProviderId> {
        path.split('/')
            .filter(|segment| segment.len() <= LONGEST)
            .find_map(|segment| self.0.get(segment))
    }

    /// Who gave out an id that a body refers to.
    pub(crate) fn of_body(&self, body: &[u8]) -> Option<ProviderId> {
        // Most bodies refer to nothing, and looking is cheaper than parsing.
        let refers = REFERENCES
            .iter()
            .any(|name| memchr::memmem::find(body, name.as_bytes()).is_some());
        if !refers {
            return None;
        }
        let asked: Asked<'_> = serde_json::from_slice(body).ok()?;
        [
            text(asked.previous_response_id),
            text(asked.conversation),
            inner(asked.conversation),
            text(asked.input_file_id),
            text(asked.training_file),
            text(asked.file_id),
        ]
        .into_iter()
        .flatten()
        .find_map(|id| self.0.get(id.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_who_gave_out_what() {
        let issued = Issued::default();
        let a: ProviderId = "a".parse().unwrap();
        let b: ProviderId = "b".parse().unwrap();
        assert_eq!(issued.of_body(br#"{"input_file_id":"file-1"}"#), None);
        issued.note(
            br#"{"id":"batch_1","output_file_id":"file-2","error_file_id":null}"#,
            &a,
        );
        issued.note(
            br#"{"object":"list","data":[{"id":"file-1"},{"id":3}]}"#,
            &b,
        );
        issued.note_frames(
            b"event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\n",
            &b,
        );
        issued.note(b"[1]", &a);
        issued.note(br#"{"id":"x"}"#, &a);
        for (path, expected) in [
            ("/v1/batches/batch_1/cancel", Some(&a)),
            ("/v1/files/file-2/content", Some(&a)),
            ("/v1/files/file-1", Some(&b)),
            ("/v1/files/file-9", None),
            ("/v1/x", None),
        ] {
            assert_eq!(issued.of_path(path).as_ref(), expected, "{path}");
        }
        for (body, expected) in [
            (r#"{"input_file_id":"file-1"}"#, Some(&b)),
            (r#"{"previous_response_id":"resp_1"}"#, Some(&b)),
            (r#"{"conversation":{"id":"batch_1"}}"#, Some(&a)),
            (r#"{"previous_response_id":null}"#, None),
            ("no JSON", None),
        ] {
            assert_eq!(issued.of_body(body.as_bytes()).as_ref(), expected, "{body}");
        }
    }
}
