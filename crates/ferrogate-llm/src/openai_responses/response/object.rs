//! The response object, which answers are and events carry.

use ferrogate_types::Usage;

use crate::chat::FinishReason;
use crate::json::Writer;
use crate::openai_responses::{ResponsesEcho, usage};
use crate::protocol::Caller;
use crate::{UpstreamFault, id};

/// What every response object of one answer says alike.
#[derive(Clone, Debug)]
pub(in crate::openai_responses) struct Envelope {
    pub(in crate::openai_responses) id: String,
    pub(in crate::openai_responses) created: u64,
    pub(in crate::openai_responses) service_tier: Option<String>,
    fallback: String,
    model: String,
    echo: ResponsesEcho,
}

/// How far an answer is.
#[derive(Clone, Copy, Debug)]
pub(in crate::openai_responses) enum Status<'s> {
    /// Under way.
    InProgress,
    /// Whole.
    Completed,
    /// Cut off for this reason.
    Incomplete(&'static str),
    /// Failed.
    Failed(&'s UpstreamFault),
}

impl Status<'_> {
    /// What the end of an answer means; `refused` when the model declined in words.
    pub(in crate::openai_responses) fn of(finish: &FinishReason, refused: bool) -> Self {
        match finish {
            FinishReason::Length | FinishReason::ContextWindow => {
                Self::Incomplete("max_output_tokens")
            }
            FinishReason::ContentFilter => Self::Incomplete("content_filter"),
            FinishReason::Refusal if !refused => Self::Incomplete("content_filter"),
            FinishReason::Stop
            | FinishReason::StopSequence
            | FinishReason::ToolUse
            | FinishReason::Refusal
            | FinishReason::Pause
            | FinishReason::Other(_) => Self::Completed,
        }
    }

    /// The word.
    pub(in crate::openai_responses) fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed(_) => "failed",
        }
    }
}

impl Envelope {
    pub(in crate::openai_responses) fn new(caller: &Caller<'_>) -> Self {
        Self {
            id: id::with_prefix("", "resp_", caller.id).into_owned(),
            created: caller.created,
            service_tier: None,
            fallback: caller.id.to_owned(),
            model: caller.model.to_owned(),
            echo: caller.echo.cloned().unwrap_or_default(),
        }
    }

    /// Takes the provider's id.
    pub(in crate::openai_responses) fn name(&mut self, provider_id: &str) {
        self.id = id::with_prefix(provider_id, "resp_", &self.fallback).into_owned();
    }

    /// The id of an item: one of its own in every answer, since callers keep items of several.
    pub(in crate::openai_responses) fn item_id(&self, prefix: &str, index: u32) -> String {
        format!("{prefix}_{}_{index}", id::bare(&self.id))
    }

    /// Writes the object; `output` is JSON, a comma between each two items.
    pub(in crate::openai_responses) fn write(
        &self,
        status: Status<'_>,
        output: &str,
        used: Option<&Usage>,
        w: &mut Writer,
    ) {
        w.open().text("id", &self.id).text("object", "response");
        w.member("created_at", &self.created);
        w.text("status", status.as_str());
        match status {
            Status::Failed(fault) => {
                w.key("error").open();
                w.text("code", crate::openai_responses::error::code_of(fault));
                w.text("message", &fault.message).close();
            }
            _ => {
                w.key("error").literal("null");
            }
        }
        match status {
            Status::Incomplete(reason) => {
                w.key("incomplete_details").open();
                w.text("reason", reason).close();
            }
            _ => {
                w.key("incomplete_details").literal("null");
            }
        }
        w.text("model", &self.model).key("output").open_list();
        if !output.is_empty() {
            w.literal(output);
        }
        w.close_list().key("usage");
        match used {
            Some(used) => usage::write(used, w),
            None => {
                w.literal("null");
            }
        }
        w.text_if("service_tier", self.service_tier.as_deref());
        w.literal(self.echo.members()).close();
    }
}
