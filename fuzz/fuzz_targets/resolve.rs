//! A Caddyfile that loads: its model can be written down and compiled, and formatting it changes nothing of what it means.

#![no_main]

use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use ferrogate_config::model::Config;
use ferrogate_config::{LoadOptions, format, load_str};
use ferrogate_edge::{
    CompileContext, Connection, Exchange, FileInfo, FileSystem, OwnedHead, Program, ProgramSource,
    UpstreamRegistry, Verdict,
};
use http::Method;
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;

fuzz_target!(|text: &str| -> Corpus {
    if reads_devices(text) {
        return Corpus::Reject;
    }
    let Some(config) = load(text) else {
        return Corpus::Keep;
    };
    run(&config);
    let model = written(&config);
    let formatted = format(text);
    assert_eq!(format(&formatted), formatted, "formatting does not settle");
    assert_eq!(
        load(&formatted).as_ref().map(written),
        Some(model),
        "formatting changed the meaning"
    );
    Corpus::Keep
});

fn load(text: &str) -> Option<Config> {
    let env = |name: &str| (name == "SET").then(|| "two words".to_owned());
    let options = LoadOptions {
        env: &env,
        format: None,
    };
    load_str("Caddyfile", text, Path::new("/nonexistent"), &options).config
}

/// The model as JSON, without the lines it was read from: formatting may add or remove empty ones.
fn written(config: &Config) -> Value {
    let mut model = serde_json::to_value(config).expect("a model can be written down");
    without_lines(&mut model);
    model
}

/// Takes out where things were written.
fn without_lines(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("directive") {
                fields.remove("place");
            }
            fields.values_mut().for_each(without_lines);
        }
        Value::Array(items) => items.iter_mut().for_each(without_lines),
        _ => {}
    }
}

/// Compiles and runs every site for one request: what loads either compiles or is refused in words, and runs.
fn run(config: &Config) {
    let context = CompileContext {
        env: &|_| None,
        file: &|_| Err(std::io::ErrorKind::NotFound.into()),
        hostname: "edge-1",
        now: || SystemTime::UNIX_EPOCH,
        directory: "/",
        shutting_down: Arc::default(),
        files: Arc::new(NoFiles),
        upstreams: &Arc::new(UpstreamRegistry::default()),
    };
    for site in &config.sites {
        let source = ProgramSource {
            routes: &site.routes,
            errors: &site.errors,
            named: &config.named_routes,
        };
        let Ok(program) = Program::compile(&source, &context) else {
            continue;
        };
        for target in ["/a%20b/../c?d=e&f", "/%2e%2e//x.html"] {
            let mut head = OwnedHead::new(Method::GET, target);
            let mut exchange = Exchange::new(Instant::now(), None);
            let mut cursor = program.start();
            let connection = Connection::default();
            // Every step either ends the walk or goes on behind a directive: there are no more steps than directives.
            for _ in 0..1_000 {
                match program.run(
                    &mut cursor,
                    &mut head,
                    &connection,
                    &mut exchange,
                    &|_, _| true,
                ) {
                    Verdict::Unhandled | Verdict::Respond(_) | Verdict::Abort => break,
                    Verdict::Fail { status, message } => {
                        if !program.fail(&mut cursor, &mut head, &mut exchange, status, message) {
                            break;
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

#[derive(Debug)]
struct NoFiles;

impl FileSystem for NoFiles {
    fn stat(&self, _: &Path) -> Option<FileInfo> {
        None
    }
}

/// Whether a text may make the loader wait for a terminal, or search the whole disk: neither says anything about it.
fn reads_devices(text: &str) -> bool {
    let globs = ["/*", "/?", "/["].iter().any(|glob| text.contains(glob));
    text.contains("/dev") || text.contains("/proc") || (text.contains("import") && globs)
}
