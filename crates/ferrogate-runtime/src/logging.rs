//! The process log.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Mutex};

use ferrogate_config::model::{Global, LogFormat, LogLevel, LogOutput};
use serde_json::Value;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Starts the process log; `RUST_LOG` wins over the configured level. A second start changes nothing.
pub fn init(global: &Global) -> io::Result<()> {
    let level = if global.debug {
        LogLevel::Debug
    } else {
        global.log.level
    };
    let (level, pingora) = match level {
        LogLevel::Debug => ("debug", "info"),
        // Pingora's lines about single requests say what the access log says better.
        LogLevel::Info => ("info", "warn"),
        LogLevel::Warn => ("warn", "warn"),
        LogLevel::Error => ("error", "error"),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new(format!(
            "{level},pingora={pingora},pingora_core={pingora},pingora_proxy={pingora},pingora_pool={pingora},h2=warn,hyper=warn,rustls=warn"
        ))
    });
    let (sink, terminal) = match &global.log.output {
        LogOutput::Discard => return Ok(()),
        LogOutput::Stderr => (Sink::Stderr, io::stderr().is_terminal()),
        LogOutput::Stdout => (Sink::Stdout, io::stdout().is_terminal()),
        LogOutput::File(path) => {
            let mut options = OpenOptions::new();
            options.create(true).append(true).mode(0o600);
            let file = options.open(path)?;
            (Sink::File(Arc::new(Mutex::new(file))), false)
        }
    };
    let console = match global.log.format {
        Some(LogFormat::Console) => true,
        Some(LogFormat::Json) => false,
        None => terminal,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(sink)
        .with_ansi(false);
    let started = if console {
        builder.with_target(false).try_init()
    } else {
        builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init()
    };
    // Only a second start in one process can fail, and the first one is good.
    drop(started);
    Ok(())
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

#[derive(Clone)]
enum Sink {
    Stderr,
    Stdout,
    File(Arc<Mutex<std::fs::File>>),
}

struct Line(Sink);

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.clone())
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Sink::Stderr => io::stderr().write(bytes),
            Sink::Stdout => io::stdout().write(bytes),
            Sink::File(file) => match file.lock() {
                Ok(mut file) => file.write(bytes),
                Err(poisoned) => poisoned.into_inner().write(bytes),
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &self.0 {
            Sink::Stderr => io::stderr().flush(),
            Sink::Stdout => io::stdout().flush(),
            Sink::File(_) => Ok(()),
        }
    }
}
