//! Documents of the store that the data plane runs with: policies and budgets.

use ferrogate_storage::{Document, DocumentKind, DocumentStore as _, Expected, StoreError};
use ferrogate_types::{Timestamp, clock};
use http::{HeaderMap, StatusCode, header};

use serde_json::Value;

use crate::admin::App;
use crate::merge;
use crate::node::Changed;
use crate::precondition::expected;
use crate::refusal::Refusal;

/// A document that is not kept yet.
pub(crate) fn new(kind: DocumentKind, id: &str, body: String) -> Document {
    let now = Timestamp::from_epoch(clock::since_epoch());
    Document {
        kind,
        id: id.to_owned(),
        body,
        created_at: now,
        updated_at: now,
        version: 0,
    }
}

/// Keeps a document and puts it in force.
pub(crate) async fn put(
    app: &App,
    mut document: Document,
    expected: Expected,
    changed: Changed,
) -> Result<Document, Refusal> {
    document.updated_at = Timestamp::from_epoch(clock::since_epoch());
    document.version = app.store.put_document(&document, expected).await?;
    in_force(app, changed).await?;
    Ok(document)
}

/// Deletes a document, so that it is in force no more.
pub(crate) async fn delete(
    app: &App,
    document: &Document,
    headers: &HeaderMap,
    changed: Changed,
) -> Result<(), Refusal> {
    let expected = expected(headers, document.version)?;
    app.store
        .delete_document(document.kind, &document.id, expected)
        .await?;
    in_force(app, changed).await
}

/// What an audit row says of a change of a document.
pub(crate) fn changed(before: &str, after: &str) -> Value {
    let read = |text| serde_json::from_str(text).unwrap_or(Value::Null);
    merge::changed(&read(before), &read(after))
}

/// Every document of a kind.
pub(crate) async fn all(app: &App, kind: DocumentKind) -> Result<Vec<Document>, StoreError> {
    let mut all: Vec<Document> = Vec::new();
    loop {
        let after = all.last().map(|last| last.id.clone());
        let more = app.store.documents(kind, after.as_deref(), AT_ONCE).await?;
        let last = more.len() < AT_ONCE as usize;
        all.extend(more);
        if last {
            return Ok(all);
        }
    }
}

/// Rows read at once.
pub(crate) const AT_ONCE: u32 = 1_000;

/// Puts what was changed in force.
pub(crate) async fn in_force(app: &App, changed: Changed) -> Result<(), Refusal> {
    app.node.refresh(changed).await.map_err(|reason| {
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_in_force",
            format!("it was written, and could not be put in force yet: {reason}; read it again in a moment"),
        )
        .with_header(header::RETRY_AFTER, "1")
    })
}
