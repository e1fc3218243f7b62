//! The formatter against `caddy fmt`, where that is installed.

#![expect(
    clippy::print_stdout,
    reason = "whoever runs the tests must see that nothing was compared"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use ferrogate_config::format;

/// What `caddy fmt` makes of a text; `None` when there is no such program.
fn caddy_fmt(text: &str) -> Option<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("Caddyfile");
    std::fs::write(&file, text).expect("the folder is ours");
    let output = Command::new("caddy").arg("fmt").arg(&file).output().ok()?;
    Some(String::from_utf8(output.stdout).expect("text in, text out"))
}

/// Whether there is something to compare with; in CI there must be.
fn installed() -> bool {
    let found = caddy_fmt("a").is_some();
    if !found {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "caddy is not installed"
        );
        println!("skipped: caddy is not installed");
    }
    found
}

/// Every `*.caddyfile` below a folder, sorted.
fn caddyfiles(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of tests") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            found.extend(caddyfiles(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "caddyfile")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Why the version that Debian has cannot be compared with on this text.
fn exception(text: &str) -> Option<&'static str> {
    if text.contains("<<") {
        Some("it takes heredocs apart")
    } else if text.contains('`') {
        Some("it changes the inside of backticks")
    } else if text.lines().any(|line| {
        let brace = line.trim_start().strip_prefix('{');
        brace.is_some_and(|rest| rest.starts_with(|c: char| !c.is_whitespace()))
    }) {
        Some("it leaves a blank at the end of the line before one that begins with a placeholder")
    } else {
        None
    }
}

#[test]
fn files_come_out_as_from_caddy() {
    if !installed() {
        return;
    }
    let mut compared = 0;
    for path in caddyfiles(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")) {
        let text = std::fs::read_to_string(&path).unwrap();
        if exception(&text).is_none() {
            assert_eq!(
                format(&text),
                caddy_fmt(&text).unwrap(),
                "{}",
                path.display()
            );
            compared += 1;
        }
    }
    assert!(compared > 20, "only {compared} files were compared");
}

#[test]
fn tricky_texts_come_out_as_from_caddy() {
    if !installed() {
        return;
    }
    for text in TRICKY {
        assert_eq!(format(text), caddy_fmt(text).unwrap(), "{text:?}");
    }
}

const TRICKY: &[&str] = &[
    "",
    "\n\n",
    "a\t\tb  c\n\n",
    "# c\n\n{\n debug\n}\n",
    "# c\n{\n}\n",
    "{\n}\n{\n}\n",
    "a {\n} x\n",
    "a {\nb {\n} x\n}\n",
    "a {\n} # c\n",
    "a {\nb {\n} # c\n}\n",
    "a {\n b {\n  c {\n   d\n} # c\n}\n}\n",
    "# c   \nb  \n",
    "a#b\na #b\n",
    "a \\\n   b\n",
    "a\\\nb\n",
    "a \\\n\n\n b\n",
    "a \\\n \\\n b",
    "}\n}\na\n",
    "a\n\n\n\nb {\n\n\nc\n\n\n}\n\n\n\nd",
    "a {\n}\nb {\n}\n",
    "a {\n}b {\n}\n",
    "ghi{\n jkl\npqr}\n",
    "abc {\n def\n}ghi{\n jkl mno\npqr}\n",
    "a {$X}\nb {\npqr}\n",
    "a\n{\n}\n",
    "a\n\n\n{\nb\n}",
    "a {}\n",
    "a { }\n",
    "a { # c\nb\n}\n",
    "a {\n# c\n}\n",
    "a {\nb # c\n}\n",
    "a { b }\n",
    "{\n{\n{\n{\n{\n{\n{\n{\n{\n{\n{\nx\n}\n}\n",
    "x {\"a\": \"b  c\"}\n",
    "respond \"{\\\"a\\\":  1}\" 200\n",
    "a \"b\n   c\" d\n",
    "\"a\"b\n",
    "a \\{ b\n",
    "a {foo bar} b\n",
    "{$X} {\n a\n}\n",
    "a {\n\n# c\n\n\n# d\n\n}\n",
    "# c\n\n\n\n# d\n\n\n\n\ne\n",
    "a,\nb {\n}\n",
    "a, # c\nb {\n}\n",
    "a # c\n{\nb\n}\n",
    "a }\nb",
    "{ a }",
    "a\\\n{\n b\n}\n",
    "a \\\n{\n b\n}\n",
    "a {\n b {\n  c\n }\n\n\n d\n}\n",
    "a {\n b {\n  c\n } d\n}\n",
    "a {\n b {\n  c\n }}\n",
    "a {\n b {\n  c\n }\n}\n}\nz",
    "x \\\"a b  c\\\" {\n}\n",
    "a \u{a0} b\n",
    "{a\n b\n}\n",
    " { \n a\n }\n",
    "a {b\n}\n",
    "a\r\nb {\r\n\tc\r\n}\r\n",
    "(s) {\n x {args[0]}   {args[1]}\n}\n@m {\n path /a\n}\n",
    "@m   path /a  /b\nrespond  @m \"x  y\"   200\n",
    "a {\n\tb\n}\n\n\n# trailing\n",
    "a \"\" b\n",
    "a \"\\\"  \\\"\" b\n",
    "a {\n\tb {\n\t}\n\n\n}\n",
    "a # not {\nb # nor }\n",
    "a \\# b\n",
    "a {http.request.uri}{path} {\n}\n",
    "&(shared) {\n respond   hi\n}\na {\n invoke  /x shared\n}\n",
    "(s) {\n handle {args[0]} {\n   x {args[1:]}\n }\n}\na {\n import s /x  1 2 {\n  block 1\n   inner {\n b\n}\n }\n}\n",
    "a {\n @m {\n  path_regexp x ^/(\\d{2,3})$\n  not {\n  header A  b\n  }\n }\n @n not path /x\n}\n",
    "a {\n map {host} {x} {\n  ~^(.*)$   ${1}\n  default -\n }\n}\n",
    "a {\n handle_errors 404  5xx {\n respond \"{err.status_code}   x\"\n}\n}\n",
    "a {\n expression {path} == \"/x  y\"  &&  true\n}\n",
];
