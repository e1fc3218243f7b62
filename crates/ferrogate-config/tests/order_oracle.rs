//! The order of directives against `caddy adapt`, where that is installed.

use std::path::Path;
use std::process::Command;

use ferrogate_config::{LoadOptions, load_str};
use proptest::prelude::*;
use regex::Regex;

/// Directives in which `N` marks the one that it is.
const DIRECTIVES: &[&str] = &[
    "respond MATCHER \"N\"",
    "error MATCHER \"N\" 500",
    "header MATCHER X-N N",
    "request_header MATCHER X-N N",
    "redir MATCHER /N",
    "rewrite MATCHER /N",
    "method MATCHER GETN",
    "uri MATCHER replace N n",
    "vars MATCHER vN N",
    "handle MATCHER {\n respond \"N\"\n}",
    "route MATCHER {\n respond \"N\"\n}",
];

/// Paths whose lengths differ by more than a `*`, because Caddy 2.6.2 counts that one as well.
const MATCHERS: &[&str] = &[
    "*",
    "/a",
    "/bcd*",
    "/efghij",
    "/klmnopqr*",
    "@method",
    "@path",
    "@paths",
];

/// What marks a directive in Caddy's JSON.
const THEIRS: &str = r#""body":"(\d+)|"X-(\d+)|"Location":\["/(\d+)|"v(\d+)"|"find":"(\d+)|"error":"(\d+)|"uri":"/(\d+)|"method":"GET(\d+)"#;

/// What marks a directive in ours.
const OURS: &str = r#""body":"(\d+)|"field":"X-(\d+)|"to":"/(\d+)|\["v(\d+)"|"find":"(\d+)|"message":"(\d+)|"method":"GET(\d+)"#;

/// What Caddy adapts a text to; `None` when there is no such program.
fn caddy_adapt(text: &str) -> Option<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("Caddyfile");
    std::fs::write(&file, text).expect("the folder is ours");
    let output = Command::new("caddy")
        .args(["adapt", "--adapter", "caddyfile", "--config"])
        .arg(&file)
        .output()
        .ok()?;
    assert!(output.status.success(), "{text}\n{output:?}");
    Some(String::from_utf8(output.stdout).expect("text in, text out"))
}

fn ours(text: &str) -> String {
    let env = |_: &str| None;
    let options = LoadOptions {
        env: &env,
        format: None,
    };
    let loaded = load_str("Caddyfile", text, Path::new(""), &options);
    let config = loaded
        .config
        .unwrap_or_else(|| panic!("{text}\n{}", loaded.report.render(false)));
    serde_json::to_string(&config.sites[0].routes).expect("a model is JSON")
}

fn marks(pattern: &str, json: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a pattern of this file");
    let found = pattern.captures_iter(json);
    found
        .filter_map(|captures| captures.iter().skip(1).flatten().next())
        .map(|mark| mark.as_str().to_owned())
        .collect()
}

fn line() -> impl Strategy<Value = String> {
    let directive = prop::sample::select(DIRECTIVES);
    let matcher = prop::sample::select(MATCHERS);
    (directive, matcher).prop_map(|(directive, matcher)| directive.replace("MATCHER", matcher))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn directives_come_in_the_order_of_caddy(lines in prop::collection::vec(line(), 1..16)) {
        let mut text = "http://:8080 {\n@method method GET\n@path path /bcd*\n@paths path /a /b\n".to_owned();
        for (number, line) in lines.iter().enumerate() {
            text.push_str(&line.replace('N', &number.to_string()));
            text.push('\n');
        }
        text.push_str("}\n");
        let Some(theirs) = caddy_adapt(&text) else {
            let required = std::env::var("CI").is_ok_and(|ci| ci == "true");
            prop_assert!(!required, "caddy is not installed");
            println!("skipped: caddy is not installed");
            return Ok(());
        };
        let theirs = marks(THEIRS, &theirs);
        prop_assert_eq!(theirs.len(), lines.len(), "{}", text);
        prop_assert_eq!(marks(OURS, &ours(&text)), theirs, "{}", text);
    }
}
