//! A Caddyfile, however broken: no panic, diagnostics that fit the verdict, a formatter that settles.

#![no_main]

use std::path::Path;

use ferrogate_config::{LoadOptions, format, load_str};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|text: &str| -> Corpus {
    if reads_devices(text) {
        return Corpus::Reject;
    }
    let env = |name: &str| (name == "SET").then(|| "two words {\n\"".to_owned());
    let options = LoadOptions {
        env: &env,
        format: None,
    };
    let loaded = load_str("Caddyfile", text, Path::new("/nonexistent"), &options);
    assert_eq!(loaded.config.is_some(), loaded.report.is_ok());
    let rendered = loaded.report.render(true);
    assert_eq!(rendered.is_empty(), loaded.report.diagnostics().is_empty());
    assert_eq!(loaded.report.to_json()["ok"], loaded.report.is_ok());

    let once = format(text);
    assert_eq!(
        format(&once),
        once,
        "formatting what is formatted changes it"
    );
    Corpus::Keep
});

/// Whether a text may make the loader wait for a terminal, or search the whole disk: neither says anything about it.
fn reads_devices(text: &str) -> bool {
    let globs = ["/*", "/?", "/["].iter().any(|glob| text.contains(glob));
    text.contains("/dev") || text.contains("/proc") || (text.contains("import") && globs)
}
