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

/// Repeats a line with its number up to about a hundred kilobytes.
fn numbered(before: &str, line: impl Fn(usize) -> String, after: &str) -> String {
    let mut text = before.to_owned();
    for number in 0.. {
        if text.len() > 100_000 {
            break;
        }
        text.push_str(&line(number));
    }
    text + after
}

#[test]
fn a_hundred_kilobytes_take_no_time() {
    let body = |line: fn(usize) -> String| numbered(":80 {\n", line, "}\n");
    for text in [
        body(|n| format!("@m{n} path /a{n}\n")),
        body(|n| format!("respond @m{n} x\n")),
        body(|n| format!("invoke r{n}\n")),
        body(|n| format!("respond {{hots{n}}}\n")),
        body(|n| format!("map {{host}} {{a{n}}} {{\nx {{b{n}}}\n}}\n")),
        body(|n| format!("@m{n} path_regexp (a|b){{{n}}}\n")),
        body(|_| "@m path_regexp (\\p{L}{100}){100}\n".to_owned()),
        body(|n| format!("@m{n} path_regexp \\p{{L}}{{{}}}\n", 20 + n % 9)),
        body(|n| format!("@m{n} path_regexp (?i)[a-zà-ÿ]{{900}}\n")),
        body(|n| format!("@m{n} `{}`\n", "(".repeat(n % 200))),
        body(|n| format!("handle_errors {} {{\n}}\n", 400 + n % 200)),
        body(|_| "handle {\n".to_owned()),
        body(|_| "intercept {\nhandle_response {\n".to_owned()),
        body(|n| format!("respond <<E{n}\n")),
        body(|n| format!("file_server {{\nhide a{n} b{n}\n}}\n")),
        numbered(
            ":80 {\nmap {host} {x} {\n",
            |n| format!("~a{n} b\n"),
            "}\n}\n",
        ),
        numbered(
            ":80 {\nbasic_auth {\n",
            |n| format!("u{n} $2a$14${}\n", "a".repeat(53)),
            "}\n}\n",
        ),
        numbered("", |n| format!("&(r{n}) {{\ninvoke r{}\n}}\n", n + 1), ""),
        numbered("", |n| format!("&(r{n}) {{\ninvoke r{}\n}}\n", n / 2), ""),
        numbered("&(r) {\n", |_| "invoke r\n".to_owned(), "}\n"),
        numbered("{\n", |_| "order respond first\n".to_owned(), "}\n"),
        numbered("{\n", |_| "order nothing first\n".to_owned(), "}\n"),
        numbered("(s) {\nx\n}\n:80 {\n", |_| "import s\n".to_owned(), "}\n"),
        numbered(":80 {\n", |n| format!("import s{n}\n"), "}\n"),
        numbered(":80 {\n@m {\n", |n| format!("vars a{n} b\n"), "}\n}\n"),
        numbered(":80 {\n@m {\n", |n| format!("header a{n} b\n"), "}\n}\n"),
        numbered(":80 {\n@m {\n", |n| format!("not path a{n}\n"), "}\n}\n"),
        body(|n| format!("log l{n}\n")),
        body(|n| format!("reverse_proxy a:{}-{}\n", n + 1, n + 900)),
        body(|_| "reverse_proxy {\nlb_policy header X {\nfallback query y {\n".to_owned()),
        body(|_| "reverse_proxy {\ndynamic multi {\nmulti {\n".to_owned()),
        body(|_| "log {\nformat filter {\nwrap filter {\n".to_owned()),
        numbered(
            ":80 {\nlog {\nformat filter {\n",
            |n| format!("a>b{n} delete\n"),
            "}\n}\n}\n",
        ),
        numbered("", |n| format!("a{n}.com, "), "b.com {\n}\n"),
        numbered(
            "",
            |n| format!("a{n}.com:{}, ", 1000 + n % 5000),
            "b.com {\n}\n",
        ),
        numbered(
            "",
            |n| format!("http://a{n}.com {{\n}}\nb{n}.com {{\n}}\n"),
            "",
        ),
        numbered("", |n| format!("*.{n}.com, x.{n}.com {{\n}}\n"), ""),
        numbered("{\n", |n| format!("log l{n}\n"), "}\n"),
        numbered("{\npki {\n", |n| format!("ca c{n}\n"), "}\n}\n"),
        numbered("{\n", |n| format!("servers :{n} {{\n}}\n"), "}\n"),
    ] {
        let begin = Instant::now();
        check(&text);
        let start: String = text.chars().take(60).collect();
        // Optimized it is a fraction of this.
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "{:?} for {start:?}...",
            begin.elapsed()
        );
    }
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
