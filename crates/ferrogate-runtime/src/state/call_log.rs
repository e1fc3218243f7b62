//! Model calls on their way to the store.

use ferrogate_proxy::{CallLog, LoggedCall};
use ferrogate_storage::{LogWriter, RequestLog};
use ferrogate_types::Timestamp;
use serde_json::json;

/// Notes calls down by way of a queue.
#[derive(Debug)]
pub(super) struct Noted(pub(super) LogWriter);

impl CallLog for Noted {
    fn note(&self, call: LoggedCall) {
        // What is dropped is counted by the writer.
        let _taken = self.0.record(row(call));
    }
}

fn row(call: LoggedCall) -> RequestLog {
    let named = |name: String| (!name.is_empty()).then_some(name);
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    RequestLog {
        request_id: call.request_id,
        occurred_at: Timestamp::from_epoch(call.occurred_at),
        duration_ms: millis(call.duration),
        ttft_ms: call.first_token.map(millis),
        surface: call.surface.to_owned(),
        key: call.key,
        tenant: call.tenant,
        user: call.user,
        session: call.session,
        model: named(call.model),
        provider: named(call.provider),
        upstream_model: named(call.upstream_model),
        status: call.status,
        error_code: named(call.error),
        attempts: json!(call.attempts).to_string(),
        input_tokens: call.usage.input,
        output_tokens: call.usage.output,
        cost: call.cost,
        cache: Some("bypass".to_owned()),
        lossy: json!(call.lossy).to_string(),
        stream: call.stream,
        client_ip: call.client_ip.map(|address| address.to_string()),
        trace: json!({
            "attempts": call.attempts,
            "usage": call.usage,
            "estimated": call.estimated,
        })
        .to_string(),
    }
}
