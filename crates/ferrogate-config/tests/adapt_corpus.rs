//! Files as people write them: all load, and Caddy agrees about those it can read.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its files has failed"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use ferrogate_config::{LoadOptions, Loaded, load, reference};

/// The first line of files that Caddy 2.6 reads as well.
const MARK: &str = "# caddy 2.6";

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "caddyfile")
        })
        .collect();
    files.sort();
    files
}

fn adapt(path: &Path) -> Loaded {
    load(
        path,
        &LoadOptions {
            env: &|_| None,
            format: None,
        },
    )
}

#[test]
fn every_file_loads() {
    let files = corpus();
    assert!(files.len() >= 60, "only {} files", files.len());
    for path in files {
        let loaded = adapt(&path);
        assert!(
            loaded.report.is_ok() && loaded.config.is_some(),
            "{}",
            loaded.report.render(false)
        );
    }
}

#[test]
fn caddy_reads_them_too() {
    if Command::new("caddy").arg("version").output().is_err() {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "caddy is not installed"
        );
        println!("skipped: caddy is not installed");
        return;
    }
    let mut refused = Vec::new();
    let mut read = 0;
    for path in corpus() {
        if !std::fs::read_to_string(&path).unwrap().starts_with(MARK) {
            continue;
        }
        read += 1;
        let output = Command::new("caddy")
            .args(["adapt", "--adapter", "caddyfile", "--config"])
            .arg(&path)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        if !output.status.success() {
            refused.push(String::from_utf8_lossy(&output.stderr).into_owned());
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(read >= 40, "only {read} files are marked");
}

#[test]
fn every_available_name_is_used() {
    let mut words: BTreeSet<String> = BTreeSet::new();
    for path in corpus() {
        let text = std::fs::read_to_string(path).unwrap();
        words.extend(text.split_whitespace().map(str::to_owned));
    }
    let missing: Vec<String> = reference()
        .into_iter()
        // What the gateway has beyond Caddy is covered by its own files.
        .filter(|entry| entry.available && !entry.block.starts_with("ai_gateway"))
        .filter(|entry| !words.contains(entry.name))
        .map(|entry| format!("{}: {}", entry.block, entry.name))
        .collect();
    assert!(missing.is_empty(), "used in no file: {missing:#?}");
}
