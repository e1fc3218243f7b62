use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::caddyfile::syntax::Segment;

/// The tree of a text as nested text: one line a segment, its words separated by `|`.
fn tree(text: &str) -> (String, Report) {
    let mut report = Report::default();
    let mut files = Files::default();
    let env = |_: &str| None;
    let name = Path::new("Caddyfile");
    let words = files.words(&mut report, &env, name, name, text.to_owned());
    let tree = parse(&words, &mut files, &mut report, &env).tree;
    let mut out = String::new();
    if let Some(global) = &tree.global {
        out.push_str("GLOBAL\n");
        draw(&global.segments, 1, &mut out);
    }
    for site in &tree.sites {
        let addresses: Vec<&str> = site
            .addresses
            .iter()
            .map(|address| &*address.text)
            .collect();
        writeln!(out, "SITE {}", addresses.join("|")).unwrap();
        draw(&site.body.segments, 1, &mut out);
    }
    (out, report)
}

fn draw(segments: &[Segment], depth: usize, out: &mut String) {
    for segment in segments {
        let words: Vec<&str> = std::iter::once(&segment.name)
            .chain(&segment.args)
            .map(|word| &*word.text)
            .collect();
        let block = if segment.block.is_some() { ":" } else { "" };
        writeln!(out, "{}{}{block}", " ".repeat(depth), words.join("|")).unwrap();
        draw(
            segment
                .block
                .as_ref()
                .map_or(&[][..], |block| &block.segments),
            depth + 1,
            out,
        );
    }
}

fn check(text: &str, expected: &str) {
    let (shown, report) = tree(text);
    assert_eq!(shown, expected, "{text}\n{}", report.render(false));
    assert!(report.is_ok(), "{}", report.render(false));
}

#[test]
fn reads_sites_and_blocks() {
    check(
        ":80 {\n a b {\n c\n }\n d\n}\n",
        "SITE :80\n a|b:\n  c\n d\n",
    );
    check(
        "{\n debug\n}\na, b,\nc {\n}\n",
        "GLOBAL\n debug\nSITE a|b|c\n",
    );
    check(":80\na b\nc {\n d\n}", "SITE :80\n a|b\n c:\n  d\n");
    check(":80 {\n a \"{\" `}` \\\n b\n}", "SITE :80\n a|{|}|b\n");
}

#[test]
fn repeated_imports_of_one_line_stay_apart() {
    check(
        "(s) {\n a\n}\n:80 {\n import s\n import s\n}",
        "SITE :80\n a\n a\n",
    );
}

#[test]
fn imports_put_in_arguments_and_blocks() {
    check(
        "(s) {\n a {args[0]}x {args[1:]}\n}\n:80 {\n import s 1 2 3\n}",
        "SITE :80\n a|1x|2|3\n",
    );
    check(
        "(s) {\n {args[0]} {args.1} {\n b\n }\n}\n:80 {\n import s h \"{\"\n}",
        "SITE :80\n h|{:\n  b\n",
    );
    check(
        "(s) {\n h {\n  {block}\n }\n}\n:80 {\n import s {\n a 1\n b {\n c\n }\n }\n}",
        "SITE :80\n h:\n  a|1\n  b:\n   c\n",
    );
    check(
        "(s) {\n h {blocks.x} 2\n {blocks.y}\n {blocks.none}\n}\n:80 {\n import s {\n x 1\n y {\n c\n d\n }\n }\n}",
        "SITE :80\n h|1|2\n c\n d\n",
    );
    check(
        "(outer) {\n import inner {args[0]}\n}\n(inner) {\n a {args[0]}\n}\n:80 {\n import outer 1\n}",
        "SITE :80\n a|1\n",
    );
}

/// A line as data, to be printed and read again.
#[derive(Clone, Debug)]
struct Line {
    words: Vec<String>,
    block: Option<Vec<Line>>,
}

fn line() -> impl Strategy<Value = Line> {
    // No `$`, because variables are put in, and no backtick, because it is what words are quoted with.
    let word = prop_oneof![3 => "[a-z0-9/*.:@-]{1,8}", 1 => "[ -#%-_a-~é\n]{0,8}"];
    let name = prop_oneof!["[a-h][a-z_]{0,8}", "@[a-z]{1,5}"]
        .prop_filter("would be an import", |name| name != "import");
    let words = (name, prop::collection::vec(word, 0..4))
        .prop_map(|(name, args)| std::iter::once(name).chain(args).collect::<Vec<_>>());
    let leaf = words.clone().prop_map(|words| Line { words, block: None });
    leaf.prop_recursive(4, 24, 4, move |inner| {
        (words.clone(), prop::collection::vec(inner, 0..4)).prop_map(|(words, block)| Line {
            words,
            block: Some(block),
        })
    })
}

fn print(lines: &[Line], out: &mut String) {
    for line in lines {
        for word in &line.words {
            let plain = !word.is_empty()
                && word
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "/*.:@-_".contains(c));
            let quote = if plain { "" } else { "`" };
            write!(out, "{quote}{word}{quote} ").unwrap();
        }
        match &line.block {
            None => out.push('\n'),
            Some(block) => {
                out.push_str("{\n");
                print(block, out);
                out.push_str("}\n");
            }
        }
    }
}

fn draw_lines(lines: &[Line], depth: usize, out: &mut String) {
    for line in lines {
        let block = if line.block.is_some() { ":" } else { "" };
        writeln!(out, "{}{}{block}", " ".repeat(depth), line.words.join("|")).unwrap();
        draw_lines(line.block.as_deref().unwrap_or_default(), depth + 1, out);
    }
}

proptest! {
    #[test]
    fn reading_undoes_printing(lines in prop::collection::vec(line(), 0..6)) {
        let mut text = ":80 {\n".to_owned();
        print(&lines, &mut text);
        text.push_str("}\n");
        let mut expected = "SITE :80\n".to_owned();
        draw_lines(&lines, 1, &mut expected);
        let (shown, report) = tree(&text);
        prop_assert!(report.is_ok(), "{text}\n{}", report.render(false));
        prop_assert_eq!(shown, expected, "{}", text);
    }
}
