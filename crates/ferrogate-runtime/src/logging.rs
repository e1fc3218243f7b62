//! The process log.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use ferrogate_config::model::Global;
use ferrogate_observability::{Event, FieldValue, FlatFields, Level, Log};
use ferrogate_types::clock;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

use crate::lower::logs::{self, ProcessLog};

/// Writes what the process log still holds when it is dropped; to be kept until the process ends.
#[derive(Debug)]
#[must_use = "the process log loses its end without it"]
pub struct LoggingGuard(Vec<Arc<Log>>);

impl Drop for LoggingGuard {
    fn drop(&mut self) {
        for log in &self.0 {
            log.flush();
        }
    }
}

/// Starts the process logs; `RUST_LOG` wins over the configured levels. A second start changes nothing.
///
/// The error says which destination cannot be opened, and why.
pub fn init(global: &Global) -> Result<LoggingGuard, String> {
    let chosen = EnvFilter::try_from_default_env().ok();
    let logs = logs::of_process(global, chosen.as_ref().map(|_| Level::Debug))?;
    let lowest = logs.iter().map(|log| log.log.level()).min();
    let (level, pingora) = match lowest.unwrap_or(Level::Info) {
        Level::Debug => ("debug", "info"),
        // Pingora's lines about single requests say what the access log says better.
        Level::Info => ("info", "warn"),
        Level::Warn => ("warn", "warn"),
        Level::Error | Level::Panic | Level::Fatal => ("error", "error"),
    };
    let filter = chosen.unwrap_or_else(|| {
        EnvFilter::new(format!(
            "{level},pingora={pingora},pingora_core={pingora},pingora_proxy={pingora},pingora_pool={pingora},h2=warn,hyper=warn,rustls=warn"
        ))
    });
    let guard = LoggingGuard(logs.iter().map(|log| Arc::clone(&log.log)).collect());
    let registry = tracing_subscriber::registry().with(filter);
    // Only a second start in one process can fail, and the first one is good.
    drop(registry.with(ToLogs(logs)).try_init());
    Ok(guard)
}

/// Puts the warnings of a configuration, in a report's JSON form, into the process log.
pub fn log_diagnostics(report: &Value) {
    let diagnostics = report.get("diagnostics").and_then(Value::as_array);
    for diagnostic in diagnostics.into_iter().flatten() {
        let text = |pointer: &str| {
            diagnostic
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let line = diagnostic.pointer("/place/line").and_then(Value::as_u64);
        let (code, file, message) = (text("/code"), text("/place/file"), text("/message"));
        tracing::warn!(code, file, line, "{message}");
    }
}

/// Brings what the process says to its logs.
struct ToLogs(Vec<ProcessLog>);

impl<S: Subscriber> Layer<S> for ToLogs {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        let level = level(event.metadata());
        if !self.0.iter().any(|log| log.log.wants(level)) {
            return;
        }
        let mut said = Said::default();
        event.record(&mut said);
        let target = said.target.as_deref();
        let logger: Arc<str> = logger(target.unwrap_or(event.metadata().target())).into();
        let event = Arc::new(Event {
            level,
            at: clock::since_epoch(),
            message: said.message.into(),
            fields: Box::new(FlatFields(said.fields)),
        });
        for log in self.0.iter().filter(|log| log.selector.allows(&logger)) {
            log.log.record(&logger, &event);
        }
    }
}

fn level(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG | tracing::Level::TRACE => Level::Debug,
    }
}

/// The name of a logger: `ferrogate_runtime::listener` is `runtime.listener`, other crates keep their name.
fn logger(target: &str) -> String {
    let own = target.strip_prefix("ferrogate_").unwrap_or(target);
    own.replace("::", ".")
}

/// What an event says.
#[derive(Default)]
struct Said {
    message: String,
    /// Where it came from, if by way of the `log` crate.
    target: Option<String>,
    fields: Vec<(Cow<'static, str>, FieldValue)>,
}

impl Said {
    fn put(&mut self, field: &Field, value: FieldValue) {
        match (field.name(), value) {
            ("message", FieldValue::Text(text)) => self.message = text,
            ("log.target", FieldValue::Text(text)) => self.target = Some(text),
            (name, _) if name.starts_with("log.") => {}
            (name, value) => self.fields.push((Cow::Borrowed(name), value)),
        }
    }
}

impl Visit for Said {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, FieldValue::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, FieldValue::Integer(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, FieldValue::Unsigned(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, FieldValue::Float(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, FieldValue::Text(value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, FieldValue::Text(format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loggers_are_named_without_the_programs_name() {
        for (target, expected) in [
            ("ferrogate_runtime::listener", "runtime.listener"),
            ("pingora_core::server", "pingora_core.server"),
            ("ferrogate", "ferrogate"),
        ] {
            assert_eq!(logger(target), expected);
        }
    }
}
