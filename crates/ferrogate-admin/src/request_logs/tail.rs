//! Records of calls as they are written.
//!
//! Each reader asks the store once a second for rows it has not seen. Readers are counted, and a burst that is longer
//! than a page is told as a gap: whoever wants every row reads the list.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use ferrogate_storage::{LogFilter, Page, RequestLogStore as _};
use ferrogate_types::{Timestamp, clock};
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::filter::LogParams;
use super::require_records;
use super::row::LogRow;
use crate::admin::App;
use crate::extract::Params;
use crate::identity::Identity;
use crate::refusal::Refusal;

/// Who may read along.
#[derive(Debug)]
pub(crate) struct Tails(Arc<Semaphore>);

impl Default for Tails {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

/// Readers at once.
const MOST: usize = 16;
/// Rows told at once.
const AT_ONCE: u32 = 200;
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Looks of one reader: an hour, after which it comes again, and shows its credential again.
const LOOKS: u32 = 3_600;
/// A row is written when its call ends and dated when it began: longer calls than this are not told.
const LONGEST_CALL: Duration = Duration::from_secs(3_600);

struct Tail {
    app: Arc<App>,
    filter: LogFilter,
    /// The newest row that was told.
    seen: i64,
    looks: u32,
    _place: OwnedSemaphorePermit,
}

/// Records of calls as they are written: server-sent events `request` with a record each, and `gap` where there were
/// more than could be told.
#[utoipa::path(get, path = "/admin/v1/request-logs/tail", tag = "Request logs", params(LogParams),
    responses((status = 200, description = "Events, without an end", body = String, content_type = "text/event-stream")))]
pub(super) async fn tail(
    State(app): State<Arc<App>>,
    identity: Identity,
    Params(params): Params<LogParams>,
) -> Result<Response, Refusal> {
    require_records(&app)?;
    let filter = params.filter(&identity)?;
    let place = Arc::clone(&app.tails.0).try_acquire_owned().map_err(|_| {
        Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_tails",
            format!("{MOST} readers follow the request logs already; end one, or read the list"),
        )
        .with_header(header::RETRY_AFTER, "10")
    })?;
    // What is there already is not told. Numbers grow, whatever the filter lets through.
    let newest = app
        .store
        .logs(&LogFilter::default(), Page::first(AT_ONCE))
        .await?;
    let seen = newest
        .rows
        .iter()
        .map(|stored| stored.seq)
        .max()
        .unwrap_or(0);
    let tail = Tail {
        app,
        filter,
        seen,
        looks: 0,
        _place: place,
    };
    let events = stream::unfold(tail, |mut tail| async move {
        let events = tail.next().await?;
        Some((Ok::<_, std::convert::Infallible>(events), tail))
    });
    let mut response = Response::new(Body::from_stream(events));
    let event_stream = HeaderValue::from_static("text/event-stream");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, event_stream);
    Ok(response)
}

impl Tail {
    /// The next events; a comment where there are none, so that a connection that broke is noticed.
    async fn next(&mut self) -> Option<Bytes> {
        if self.looks == 0 {
            self.looks = 1;
            return Some(Bytes::from_static(b": following\n\n"));
        }
        if self.looks > LOOKS {
            return None;
        }
        self.looks += 1;
        tokio::time::sleep(PAUSE).await;
        let recent = Timestamp::from_epoch(clock::since_epoch()).minus(LONGEST_CALL);
        let filter = LogFilter {
            since: self.filter.since.max(Some(recent)),
            ..self.filter.clone()
        };
        let Ok(listing) = self.app.logs.logs(&filter, Page::first(AT_ONCE)).await else {
            return Some(Bytes::from_static(b": the store does not answer\n\n"));
        };
        let is_full = listing.rows.len() == AT_ONCE as usize;
        let mut fresh = listing.rows;
        fresh.retain(|stored| stored.seq > self.seen);
        fresh.sort_by_key(|stored| stored.seq);
        let mut text = String::new();
        if is_full && fresh.len() == AT_ONCE as usize {
            text.push_str("event: gap\ndata: {}\n\n");
        }
        for stored in &fresh {
            let row = serde_json::to_string(&LogRow::of(&stored.log)).unwrap_or_default();
            // Writing to a text cannot fail.
            if write!(text, "id: {}\nevent: request\ndata: {row}\n\n", stored.seq).is_err() {
                continue;
            }
            self.seen = stored.seq;
        }
        if text.is_empty() {
            text.push_str(": nothing\n\n");
        }
        Some(Bytes::from(text))
    }
}
