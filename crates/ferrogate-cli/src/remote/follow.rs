//! Events of a gateway, read as they come.

use std::time::Duration;

use ferrogate_llm::SseDecoder;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde_json::Value;

use super::{Ask, MOST, Remote, refusal};
use crate::console::{Outcome, say};

/// Between the end of a stream and the next.
const PAUSE: Duration = Duration::from_secs(1);

/// An event that came while following.
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Remote {
    /// Reads events until the user ends it. A gateway ends a stream now and then, so that the credential is shown
    /// again; then it is asked anew.
    pub(crate) fn follow(&self, ask: &Ask, mut on: impl FnMut(Event) -> Outcome) -> Outcome {
        self.runtime.block_on(async {
            let stop = tokio::signal::ctrl_c();
            let events = async {
                let mut first = true;
                loop {
                    self.events(ask.clone(), first, &mut on).await?;
                    first = false;
                    tokio::time::sleep(PAUSE).await;
                }
            };
            tokio::select! {
                ended = events => ended,
                _ = stop => Ok(()),
            }
        })
    }

    async fn events(
        &self,
        ask: Ask,
        first: bool,
        on: &mut impl FnMut(Event) -> Outcome,
    ) -> Outcome {
        let ask = ask.header(ACCEPT, "text/event-stream")?;
        let mut answer = self.call(ask).await?;
        if !answer.status.is_success() {
            return Err(self.refused(&self.read(answer).await?));
        }
        if media_type(&answer.headers) != Some("text/event-stream") {
            return Err(refusal::stranger(self, answer.status));
        }
        if first {
            say(&format!("following `{}`; Ctrl-C ends", self.origin()));
        }
        let mut decoder = SseDecoder::new(MOST);
        let broken = |error: &dyn std::error::Error| refusal::transport(self, error);
        while let Some(chunk) = answer.chunk().await.map_err(|error| broken(&error))? {
            decoder.push(chunk).map_err(|error| broken(&error))?;
            while let Some(frame) = decoder.next_frame() {
                let Some(data) = frame.data() else { continue };
                let data = self.parse(&data, answer.status)?;
                let name = frame.event().unwrap_or("message").to_owned();
                on(Event { name, data })?;
            }
        }
        Ok(())
    }
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}
