//! What holds for every text, however broken.

use std::path::Path;
use std::time::{Duration, Instant};

use ferrogate_config::{LoadOptions, Loaded, load_str};
use proptest::prelude::*;

fn load(text: &str) -> Loaded {
    let env = |name: &str| (name == "A").then(|| "a {\n\"b".to_owned());
    load_str(
        "Caddyfile",
        text,
        Path::new("/nonexistent"),
        &LoadOptions {
            env: &env,
            format: None,
        },
    )
}

/// Loads within a time that leaves room for a slow machine, and renders what is wrong.
fn check(text: &str) -> Loaded {
    let begin = Instant::now();
    let loaded = load(text);
    let rendered = loaded.report.render(true);
    let json = loaded.report.to_json();
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "{:?} for {} bytes",
        begin.elapsed(),
        text.len()
    );
    assert_eq!(loaded.config.is_some(), loaded.report.is_ok());
    assert_eq!(json["ok"], loaded.report.is_ok());
    assert_eq!(rendered.is_empty(), loaded.report.diagnostics().is_empty());
    loaded
}

fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        " ",
        "\n",
        "\n",
        "{\n",
        "}\n",
        "{",
        "}",
        "{}",
        "\t",
        "\r\n",
        "\\\n",
        "\\ ",
        "\"",
        "`",
        "#",
        "<<E\n",
        "E\n",
        "<<",
        "{$A}",
        "{$B:c}",
        "{$",
        "{args[0]}",
        "{args[:]}",
        "{block}",
        "(s) {\n",
        "import s x\n",
        "import s {\n",
        "import *\n",
        ",",
        ":80 {\n",
        "http://a",
        "https://a:1",
        "[::1]",
        "@m path /x\n",
        "@m ",
        "/x ",
        "* ",
        "not ",
        "respond ",
        "redir ",
        "header ",
        "-X",
        "reverse_proxy a:1 ",
        "handle ",
        "handle_path /a/* {\n",
        "route {\n",
        "ai_gateway {\n",
        "provider openai {\n",
        "model m -> openai:x\n",
        "alias a m\n",
        "api_key k {\n",
        "key {$B}\n",
        "scopes *\n",
        "tls a b\n",
        "log {\n",
        "servers {\n",
        "timeouts {\n",
        "é",
        "\u{feff}",
        "\0",
        "99999999999999999999",
    ]);
    prop_oneof![8 => fixed.prop_map(str::to_owned), 1 => ".{0,12}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(pieces in prop::collection::vec(piece(), 0..60)) {
        check(&pieces.concat());
    }

    #[test]
    fn every_span_lies_in_its_file(pieces in prop::collection::vec(piece(), 0..40)) {
        let text = pieces.concat();
        let report = check(&text).report;
        for diagnostic in report.diagnostics() {
            for span in diagnostic.primary.iter().chain(diagnostic.secondary.iter().map(|(span, _)| span)) {
                prop_assert!(span.start <= span.end && span.end as usize <= text.len(), "{diagnostic:?}");
                prop_assert!(text.is_char_boundary(span.start as usize) && text.is_char_boundary(span.end as usize));
            }
        }
    }
}

fn has(loaded: &Loaded, code: &str) -> bool {
    loaded.report.errors().any(|error| error.code == code)
}

#[test]
fn bombs_are_defused() {
    let doubling = |line: &str| {
        let snippets: Vec<String> = (1..40)
            .map(|n| {
                format!(
                    "(s{n}) {{
{}
}}
",
                    line.replace("NEXT", &format!("s{}", n - 1))
                )
            })
            .collect();
        let snippets = snippets.concat();
        format!("(s0) {{\nrespond {{args[0]}}\n}}\n{snippets}:80 {{\nimport s39 x\n}}\n")
    };
    assert!(has(
        &check(&doubling("import NEXT {args[0]}\nimport NEXT {args[0]}")),
        "too-large"
    ));
    assert!(has(
        &check(&doubling("import NEXT {args[0]}{args[0]}")),
        "too-large"
    ));
    assert!(has(
        &check(&doubling("import NEXT {args[:]} {args[:]}")),
        "too-large"
    ));
    let copies = "(s) {\n".to_owned()
        + &"{block}\n".repeat(2000)
        + "}\n:80 {\nimport s {\n"
        + &"respond x\n".repeat(2000)
        + "}\n}\n";
    assert!(has(&check(&copies), "too-large"));
}

#[test]
fn depth_is_bounded() {
    assert!(has(
        &check(&(":80 {\n".to_owned() + &"handle {\n".repeat(100_000))),
        "nested-too-deep"
    ));
    let nots = "not ".repeat(10_000);
    assert!(has(
        &check(&format!(":80 {{\n@m {nots} path /x\nrespond @m x\n}}\n")),
        "nested-too-deep"
    ));
}

#[test]
fn large_inputs_take_their_time_only_once() {
    for text in [
        "a ".repeat(1 << 20),
        "{".repeat(1 << 20),
        "{\n".repeat(1 << 18),
        format!(":80 {{\nrespond \"{}\"\n}}\n", "{".repeat(1 << 20)),
        format!(":80 {{\n{}}}\n", "respnd x\n".repeat(1 << 17)),
        format!(":80 {{\n{}}}\n", "respond \\\n".repeat(1 << 12)),
        format!(
            ":80 {{\n{}}}\n",
            (0..4000)
                .map(|n| format!("respond /{} x\n", "a".repeat(n % 50)))
                .collect::<Vec<_>>()
                .concat()
        ),
        format!(":80 {{\nrespond {}\n}}\n", "{$UNSET} ".repeat(1 << 16)),
        (0..20_000)
            .map(|n| format!(":{} {{\n}}\n", n % 65_000))
            .collect::<Vec<_>>()
            .concat(),
    ] {
        check(&text);
    }
}
